package http2

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead/internal/http1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a client and its server at the other end of pipes, so that a test
// can run in a synctest bubble, where time is exact.
type world struct {
	*Client
	server  *http.Server
	serving sync.WaitGroup // handlers

	mu                sync.Mutex
	dials, open, most int
	pipes             []net.Conn // of the server
}

// newWorld makes a client with the settings and a server with the handler;
// configure, which may be nil, sets more of the server. Both are closed at the end of the test.
func newWorld(t *testing.T, s http1.Settings, serve http.HandlerFunc, configure func(*http.Server)) *world {
	t.Helper()
	return newWorldAt(t, make(chan net.Conn), s, serve, configure)
}

// newWorldAt is newWorld with a server of the connections that come by from.
func newWorldAt(t *testing.T, from chan net.Conn, s http1.Settings, serve http.HandlerFunc, configure func(*http.Server)) *world {
	t.Helper()
	w := &world{}
	ours, theirs := keys(t)
	s.TLS = ours
	accept := &pipes{accept: from, closed: make(chan struct{})}
	if s.Dial == nil {
		s.Dial = w.dialling(accept.accept)
	}
	client, err := New("https://upstream", s)
	if err != nil {
		t.Fatal(err)
	}
	w.Client = client
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.serving.Add(1)
		defer w.serving.Done()
		serve(rw, r)
	})
	w.server = &http.Server{Handler: handler, TLSConfig: theirs, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	if configure != nil {
		configure(w.server)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.server.ServeTLS(accept, "", "")
	}()
	t.Cleanup(func() {
		client.Close()
		if got := client.Stats(); got.Open != 0 || got.Waiting != 0 || got.Opening != 0 || got.InUse != 0 {
			t.Errorf("in the end the gauges are %+v, want none", got)
		}
		w.server.Close()
		<-ended
		w.serving.Wait()
	})
	return w
}

// dialling is the network: a pipe to whoever accepts.
func (w *world) dialling(accept chan net.Conn) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case accept <- theirs:
		case <-ctx.Done():
			ours.Close()
			theirs.Close()
			return nil, ctx.Err()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.dials++
		w.open++
		w.most = max(w.most, w.open)
		w.pipes = append(w.pipes, theirs)
		return &countedConn{Conn: ours, closed: w.hungUp}, nil
	}
}

func (w *world) hungUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
}

// conns returns how many connections were made, are open, and were at most.
func (w *world) conns() (dials, open, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials, w.open, w.most
}

// cut breaks every connection.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.pipes {
		conn.Close()
	}
	w.pipes = nil
}

type countedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// pipes is a net.Listener.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// keys makes the two sides' configurations of a server called upstream. It is
// valid whatever the clock of a bubble says.
func keys(t *testing.T) (client, server *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"upstream"},
		NotBefore:    time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12,
	}
}

// atOnce limits how many requests a connection takes.
func atOnce(n int) func(*http.Server) {
	return func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: n} }
}

// slowly answers every request after a second.
func slowly(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-time.After(time.Second)
	_, _ = io.WriteString(w, "slow")
}

// hang waits until the client has left.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func post(body string) *http1.Request {
	return &http1.Request{Method: "POST", Target: "/", Body: []byte(body)}
}

// got is what a request came to.
type got struct {
	status int
	body   string
	err    error
	took   time.Duration
}

// ask sends r and reads the answer.
func (w *world) ask(ctx context.Context, r *http1.Request) (g got) {
	began := time.Now()
	defer func() { g.took = time.Since(began) }()
	resp, err := w.Do(ctx, r)
	if err != nil {
		return got{err: err}
	}
	defer resp.Close()
	body, err := io.ReadAll(resp)
	return got{status: resp.Status, body: string(body), err: err}
}

// want fails the test unless the answer is a 200 with the body.
func (g got) want(t *testing.T, body string) {
	t.Helper()
	if g.err != nil || g.status != 200 || g.body != body {
		t.Errorf("got %d %.100q and error %v, want 200 %.100q", g.status, g.body, g.err, body)
	}
}

// wantErr fails the test unless the error is want, in an *http1.Error, after a
// time.
func (g got) wantErr(t *testing.T, want error, after time.Duration) {
	t.Helper()
	if _, ok := errors.AsType[*http1.Error](g.err); !ok || !errors.Is(g.err, want) {
		t.Errorf("got the error %v of type %T, want %v", g.err, g.err, want)
	}
	if g.took != after {
		t.Errorf("took %v, want %v", g.took, after)
	}
}

// wantCut fails the test unless the connection broke there.
func (g got) wantCut(t *testing.T, where http1.Where) {
	t.Helper()
	broken, ok := errors.AsType[*http1.CutError](g.err)
	if !ok || broken.Where != where || errors.Is(g.err, io.EOF) {
		t.Errorf("got the error %v, want a cut %v that is not io.EOF", g.err, where)
	}
}

// together asks n times at the same time.
func (w *world) together(t *testing.T, n int) {
	t.Helper()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { w.ask(t.Context(), post("x")).want(t, "slow") })
	}
	calls.Wait()
}
