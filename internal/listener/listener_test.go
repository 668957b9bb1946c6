package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/places"
)

// served is a listener under test, behind it net/http with a handler that says ok.
type served struct {
	*Listener
	http *http.Server
}

// refusal is the answer to a request for which there is no place.
func refusal(r *http.Request) *http.Response {
	status := http.StatusServiceUnavailable
	if r.URL != nil && r.URL.Path == "/livez" {
		status = http.StatusOK
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Retry-After": {"7"}}, ContentLength: 2, Body: io.NopCloser(strings.NewReader("no")),
	}
}

func serve(t *testing.T, config Config) *served {
	t.Helper()
	s := &served{}
	config.Address, config.Refuse = "127.0.0.1:0", refusal
	if config.Places == nil {
		config.Places = places.New(0, nil)
	}
	var err error
	if s.Listener, err = Listen(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})
	s.http = &http.Server{Handler: s.Handler(ok), ConnContext: ConnContext, ReadHeaderTimeout: time.Minute}
	var group sync.WaitGroup
	group.Go(func() {
		if err := s.http.Serve(s.Listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = s.http.Close()
		_ = s.Close()
		group.Wait()
		s.Wait()
		if got := s.config.Places.Stats().Taken; got != 0 {
			t.Errorf("%d places are taken at the end", got)
		}
		if got := s.fresh.Load(); got != 0 {
			t.Errorf("%d connections are waited for at the end", got)
		}
	})
	return s
}

// client is a kept connection.
type client struct {
	net.Conn
	reader *bufio.Reader
}

func (s *served) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{conn, bufio.NewReader(conn)}
}

// get asks for a path; the answer's body is read.
func (c *client) get(t *testing.T, path string) *http.Response {
	t.Helper()
	resp, err := c.tryGet(path)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (c *client) tryGet(path string) (*http.Response, error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, errors.Join(err, resp.Body.Close())
}

// isOver reports whether the service has closed the connection.
func (c *client) isOver() bool {
	_, err := c.reader.ReadByte()
	return errors.Is(err, io.EOF)
}

func TestWhoFindsNoPlaceIsTold(t *testing.T) {
	s := serve(t, Config{Places: places.New(2, nil)})
	first, second := s.dial(t), s.dial(t)
	if first.get(t, "/").StatusCode != http.StatusOK || second.get(t, "/").StatusCode != http.StatusOK {
		t.Error("two of two are not served")
	}
	for path, want := range map[string]int{"/": 503, "/livez": 200} {
		c := s.dial(t)
		resp := c.get(t, path)
		if resp.StatusCode != want || resp.Header.Get("Retry-After") != "7" || !resp.Close || !c.isOver() {
			t.Errorf("%s: %d, headers %v, want %d and the end", path, resp.StatusCode, resp.Header, want)
		}
	}
	_ = first.Close()
	for end := time.Now().Add(5 * time.Second); s.config.Places.Full() && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	if s.dial(t).get(t, "/").StatusCode != http.StatusOK {
		t.Error("the place that came free is not there")
	}
	want := places.Stats{Limit: 2, Taken: 2, Most: 2, Refused: 2}
	if got := s.config.Places.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestSilenceAtTheDoor: whoever finds no place and says nothing is not waited for,
// and holds nobody up.
func TestSilenceAtTheDoor(t *testing.T) {
	s := serve(t, Config{Places: places.New(1, nil)})
	in := s.dial(t)
	if in.get(t, "/").StatusCode != http.StatusOK {
		t.Error("not served")
	}
	const crowd = mostRefusals + 50
	var silent []*client
	for range crowd {
		conn, err := net.Dial("tcp", s.Addr().String())
		if errors.Is(err, syscall.ECONNRESET) {
			continue // it was closed as soon as it was there
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		silent = append(silent, &client{conn, bufio.NewReader(conn)})
	}
	began := time.Now()
	for i, c := range silent {
		if _, err := c.reader.ReadByte(); err == nil || timedOut(err) {
			t.Fatalf("connection %d: %v, want its end", i, err)
		}
	}
	if took := time.Since(began); took > 3*refuseTime {
		t.Errorf("the last was closed after %v", took)
	}
	if in.get(t, "/").StatusCode != http.StatusOK {
		t.Error("who was in is served no more")
	}
}

// TestOddRequestsAtTheDoor get the answer too: what they are does not matter.
func TestOddRequestsAtTheDoor(t *testing.T) {
	s := serve(t, Config{Places: places.New(1, nil)})
	if s.dial(t).get(t, "/").StatusCode != http.StatusOK {
		t.Error("not served")
	}
	for name, request := range map[string]string{
		"no HTTP":   "hello\r\n\r\n",
		"long head": "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 3*mostHead) + "\r\n\r\n",
		"body":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000),
	} {
		c := s.dial(t)
		go func() { _, _ = io.WriteString(c, request) }()
		resp, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		_ = resp.Body.Close()
	}
}

// certificate is one that httptest has made.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	made := httptest.NewTLSServer(http.NotFoundHandler())
	defer made.Close()
	return &tls.Config{Certificates: made.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
}

func TestTLS(t *testing.T) {
	s := serve(t, Config{Places: places.New(1, nil), TLS: certificate(t), MaxRequests: 2})
	trusting := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
	plain := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	first := &http.Transport{TLSClientConfig: plain}
	defer first.CloseIdleConnections()
	second := &http.Transport{TLSClientConfig: trusting, ForceAttemptHTTP2: true}
	defer second.CloseIdleConnections()
	get := func(transport *http.Transport) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr().String()+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	if resp := get(first); resp.StatusCode != http.StatusOK || resp.Close {
		t.Errorf("the first: %d, close %t", resp.StatusCode, resp.Close)
	}
	if resp := get(second); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("without a place: %d", resp.StatusCode)
	}
	if resp := get(first); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("the last of two: %d, close %t", resp.StatusCode, resp.Close)
	}
	for end := time.Now().Add(5 * time.Second); s.config.Places.Full() && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	for range 4 { // HTTP/2 has no limit of requests
		if resp := get(second); resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
			t.Errorf("HTTP/2: %d over HTTP/%d", resp.StatusCode, resp.ProtoMajor)
		}
	}
}

func TestMaxRequests(t *testing.T) {
	s := serve(t, Config{MaxRequests: 3})
	c := s.dial(t)
	for i := range 3 {
		if resp := c.get(t, "/"); resp.StatusCode != http.StatusOK || resp.Close != (i == 2) {
			t.Errorf("request %d: status %d, close %t", i, resp.StatusCode, resp.Close)
		}
	}
	if !c.isOver() {
		t.Error("the connection goes on after its last request")
	}
}

func TestLeaveEndsConnections(t *testing.T) {
	s := serve(t, Config{})
	c := s.dial(t)
	if c.get(t, "/").Close {
		t.Error("closed before")
	}
	s.Leave()
	if !c.get(t, "/").Close || !c.isOver() {
		t.Error("the connection is kept")
	}
	if resp := s.dial(t).get(t, "/"); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("a new one: %d, close %t", resp.StatusCode, resp.Close)
	}
}

// TestRetireHarmsNobody: of clients that connect all the time each gets its answer,
// or no connection at all.
func TestRetireHarmsNobody(t *testing.T) {
	s := serve(t, Config{Backlog: 512})
	const callers = 16
	var answered, refused atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for s.connectOnce(t) {
				answered.Add(1)
			}
			refused.Add(1)
		})
	}
	for answered.Load() < 200 {
		<-time.After(time.Millisecond)
	}
	kept := s.dial(t)
	if kept.get(t, "/").StatusCode != http.StatusOK {
		t.Error("not served")
	}
	s.Retire(t.Context())
	group.Wait()
	if got := refused.Load(); got != callers && !t.Failed() {
		t.Errorf("%d of %d were refused by the system", got, callers)
	}
	if resp := kept.get(t, "/"); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("a kept connection got %d, close %t", resp.StatusCode, resp.Close)
	}
}

// connectOnce sends one request over a connection of its own, and reports false when
// the system refuses that.
func (s *served) connectOnce(t *testing.T) bool {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", s.Addr().String())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	if err != nil {
		t.Errorf("dial: %v", err)
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	resp, err := (&client{conn, bufio.NewReader(conn)}).tryGet("/")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("an open connection brought %v, %v", resp, err)
	}
	return true
}

// TestRetireWaitsForTheFirstRequest of those who have come in.
func TestRetireWaitsForTheFirstRequest(t *testing.T) {
	s := serve(t, Config{})
	c := s.dial(t)
	for end := time.Now().Add(5 * time.Second); s.fresh.Load() == 0 && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	retired := make(chan struct{})
	go func() {
		s.Retire(t.Context())
		close(retired)
	}()
	select {
	case <-retired:
		t.Error("it was not waited for")
	case <-time.After(2 * settle):
	}
	if c.get(t, "/").StatusCode != http.StatusOK {
		t.Error("not served")
	}
	select {
	case <-retired:
	case <-time.After(firstRequest / 2):
		t.Error("it is waited for although it has sent its request")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Retire(ended) // a second time, it has nothing to do
}

func TestPortInUse(t *testing.T) {
	s := serve(t, Config{})
	if _, err := Listen(t.Context(), Config{Address: s.Addr().String(), Places: places.New(0, nil)}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
}

func TestRaiseFiles(t *testing.T) {
	got := RaiseFiles()
	if got != 0 && got < 256 {
		t.Errorf("%d files may be open", got)
	}
	files, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		t.Skip("nothing tells the limits here")
	}
	for line := range strings.Lines(string(files)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "Max open files") && got != 0 && fields[3] != fmt.Sprint(got) {
			t.Errorf("raised to %d, and the system says %s", got, line)
		}
	}
}
