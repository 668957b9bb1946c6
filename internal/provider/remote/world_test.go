package remote

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/content"
)

// testLanguage is one like OpenAI's.
func testLanguage() Language {
	tail := Tail{Input: []string{"prompt_tokens"}, Output: "completion_tokens", Finish: "finish_reason"}
	return Language{
		KeyHeader: "Authorization", KeyPrefix: "Bearer ", ModelsPath: "/models", ReadError: dialect.ReadOpenAIError,
		Kept: []Kept{
			{"Openai-Processing-Ms", "Openai-Processing-Ms"}, {"Openai-Version", "Openai-Version"}, {"X-Request-Id", "X-Upstream-Request-Id"},
		},
		Ways: []Way{
			{
				Operation: fairlead.Chat, Dialect: fairlead.OpenAIChat, Path: "/chat/completions", Whole: dialect.ReadChatAnswer,
				Watch: func(out dialect.Outgoing) Watch { return dialect.NewStreamWatch(out) }, Begins: content.Chat, Tail: tail,
			},
			{
				Operation: fairlead.Embed, Dialect: fairlead.OpenAIEmbeddings, Path: "/embeddings", Whole: dialect.ReadEmbeddingsAnswer, Tail: tail,
			},
		},
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an upstream at the other end of pipes, so that a test can run in a
// synctest bubble, where time is exact.
type world struct {
	provider *Provider
	accept   chan net.Conn

	mu    sync.Mutex
	dials int
	open  int
	most  int
	pipes []net.Conn // of the server
	// asking is how many connections only find out that the server chooses another
	// version; they are not counted.
	asking int
}

// via is how the two sides speak.
type via string

const (
	overHTTP1 via = "HTTP/1.1"
	overHTTP2 via = "HTTP/2"
	// overHTTP2Singly is with a server that takes one request at a time on a
	// connection, so that the limits of connections mean the same.
	overHTTP2Singly via = "HTTP/2, one at a time"
	// overHTTP1Chosen is HTTP/1.1 though HTTP/2 was asked for.
	overHTTP1Chosen via = "HTTP/1.1, chosen by the server"
)

// each runs a test over each version.
func each(t *testing.T, test func(t *testing.T, v via)) {
	t.Helper()
	for _, v := range []via{overHTTP1, overHTTP2, overHTTP1Chosen} {
		t.Run(string(v), func(t *testing.T) { test(t, v) })
	}
}

// singly runs a test over each version with one request at a time on a connection.
func singly(t *testing.T, test func(t *testing.T, v via)) {
	t.Helper()
	for _, v := range []via{overHTTP1, overHTTP2Singly, overHTTP1Chosen} {
		t.Run(string(v), func(t *testing.T) { test(t, v) })
	}
}

// newWorld is via.newWorld over HTTP/1.1.
func newWorld(t *testing.T, cfg Config, serve http.HandlerFunc) *world {
	t.Helper()
	return overHTTP1.newWorld(t, cfg, serve)
}

// newWorld makes a provider with the config and, unless serve is nil, a server
// for its connections. Both are closed at the end of the test.
func (v via) newWorld(t *testing.T, cfg Config, serve http.HandlerFunc) *world {
	t.Helper()
	server := &http.Server{Handler: serve}
	if v != overHTTP1 {
		cfg.BaseURL, cfg.HTTP2 = "https://upstream/v1", true
		server.TLSConfig, cfg.roots = keys(t)
		server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
		server.Protocols = new(http.Protocols)
		server.Protocols.SetHTTP1(v == overHTTP1Chosen)
		server.Protocols.SetHTTP2(v != overHTTP1Chosen)
	}
	if v == overHTTP2Singly {
		server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "http://upstream/v1"
	}
	cfg.Name, cfg.Language = "acme", testLanguage()
	p, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	w := &world{provider: p, accept: make(chan net.Conn)}
	if v == overHTTP1Chosen {
		w.asking = 1
	}
	p.connect = w.connect
	t.Cleanup(p.Close)
	if serve != nil {
		ended := make(chan struct{})
		listener := &pipes{accept: w.accept, closed: make(chan struct{})}
		go func() {
			defer close(ended)
			if v == overHTTP1 {
				_ = server.Serve(listener)
			} else {
				_ = server.ServeTLS(listener, "", "")
			}
		}()
		t.Cleanup(func() {
			w.cut()
			server.Close()
			<-ended
		})
	}
	return w
}

// connect is the network: a pipe to whoever accepts.
func (w *world) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case w.accept <- theirs:
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
	return &countedConn{Conn: ours, closed: w.hangUp}, nil
}

// cut breaks every connection. A server that closes says so over TLS, and nobody
// may be reading any more.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.pipes {
		conn.Close()
	}
}

func (w *world) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
}

func (w *world) conns() (dials, open, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(0, w.dials-w.asking), w.open, w.most
}

// keys makes what a server called upstream and its clients need. It is valid
// whatever the clock of a bubble says.
func keys(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"upstream"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
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
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12,
	}, roots
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

// pipes is a net.Listener of a world's pipes.
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

// got is what a call emitted, how it ended and how long it took.
type got struct {
	head *fairlead.Head
	body bytes.Buffer
	end  *fairlead.End
	err  *fairlead.Error
	took time.Duration
}

// ask makes one call; onEvent may be nil.
func (w *world) ask(ctx context.Context, req *fairlead.Request, onEvent func(fairlead.Event)) *got {
	g := &got{}
	began := time.Now()
	call := &fairlead.Call{ID: "req_1_1", Operation: fairlead.Chat}
	if req.Dialect == fairlead.OpenAIEmbeddings {
		call.Operation = fairlead.Embed
	}
	g.err = fairlead.AsError(w.provider.Answer(ctx, call, req, func(e fairlead.Event) error {
		switch {
		case e.Head != nil:
			g.head = e.Head
		case e.End != nil:
			g.end = e.End
		default:
			g.body.Write(e.Data)
		}
		if onEvent != nil {
			onEvent(e)
		}
		return nil
	}))
	g.took = time.Since(began)
	return g
}

func (g *got) wantCode(t *testing.T, kind fairlead.Kind, code string) {
	t.Helper()
	if g.err == nil {
		t.Fatalf("got no error, want %v %s; body %.200q", kind, code, g.body.String())
	}
	if g.err.Kind != kind || g.err.Code != code {
		t.Fatalf("got the error %v, want %v %s", g.err, kind, code)
	}
	if g.end != nil {
		t.Errorf("got an End with the error %v", g.err)
	}
}

func (g *got) wantWhole(t *testing.T, body string) {
	t.Helper()
	if g.err != nil {
		t.Fatalf("got the error %v", g.err)
	}
	if g.end == nil {
		t.Error("got no End")
	}
	if body != "" && g.body.String() != body {
		t.Errorf("got the body %.200q, want %.200q", g.body.String(), body)
	}
}

const (
	chatBody   = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	chatAnswer = `{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`
	chunk      = `data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}` + "\n\n"
	lastChunk  = `data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	doneFrame  = "data: [DONE]\n\n"
)

func chatRequest() *fairlead.Request { return request(fairlead.OpenAIChat, chatBody) }

func streamRequest() *fairlead.Request {
	const body = `{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}`
	req := request(fairlead.OpenAIChat, body)
	req.Envelope.Stream, req.Envelope.IncludeUsage = true, true
	at := bytes.Index(req.Body, []byte(`{"include_usage"`))
	req.Envelope.StreamOptionsAt = fairlead.Span{Start: at, End: len(body) - 1}
	return req
}

func embedRequest() *fairlead.Request {
	return request(fairlead.OpenAIEmbeddings, `{"model":"m","input":"hi"}`)
}

func request(d fairlead.Dialect, body string) *fairlead.Request {
	at := len(`{"model":`)
	return &fairlead.Request{Dialect: d, Body: []byte(body), Envelope: fairlead.Envelope{
		Model: "m", ModelAt: fairlead.Span{Start: at, End: at + len(`"m"`)}, CloseAt: len(body) - 1,
	}}
}

func answerJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// answerFrames writes an event stream, one flush for each part, pausing in
// between.
func answerFrames(w http.ResponseWriter, r *http.Request, pause time.Duration, parts ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i, part := range parts {
		if i > 0 && pause > 0 {
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
		_, _ = io.WriteString(w, part)
		_ = http.NewResponseController(w).Flush()
	}
}

// hang reads the request, without which net/http's server would not see its
// client leave, and waits for that.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}
