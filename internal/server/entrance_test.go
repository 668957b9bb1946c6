package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/api/native"
	"github.com/fairleadhq/fairlead/internal/config"
)

// lanes are the ways in which a service can take connections, as settings of the
// section server.
func lanes(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"fast lane": "fast_lane: true", "net/http": "fast_lane: false", "TLS": tlsSettings(t)}
}

// tlsSettings are those of a certificate that nobody trusts.
func tlsSettings(t *testing.T) string {
	t.Helper()
	made := httptest.NewTLSServer(http.NotFoundHandler())
	defer made.Close()
	key, err := x509.MarshalPKCS8PrivateKey(made.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := map[string]string{"CERTIFICATE": filepath.Join(dir, "cert.pem"), "PRIVATE KEY": filepath.Join(dir, "key.pem")}
	for kind, der := range map[string][]byte{"CERTIFICATE": made.TLS.Certificates[0].Certificate[0], "PRIVATE KEY": key} {
		if err := os.WriteFile(names[kind], pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("tls: {cert_file: %q, key_file: %q}", names["CERTIFICATE"], names["PRIVATE KEY"])
}

// connect is dial, through TLS where the service speaks it.
func (s *service) connect(t *testing.T) net.Conn {
	t.Helper()
	conn := s.dial(t)
	if s.config.Server.TLS.CertFile == "" {
		return conn
	}
	return tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
}

// keptConn is a connection for one request after the other.
type keptConn struct {
	net.Conn
	reader *bufio.Reader
}

func (s *service) keep(t *testing.T) *keptConn {
	t.Helper()
	conn := s.connect(t)
	return &keptConn{conn, bufio.NewReader(conn)}
}

// ask sends a request of a method and a path, and returns the answer and its body.
func (c *keptConn) ask(t *testing.T, method, path, body string) (*http.Response, string) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", method, path, slowKey, len(body), body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatalf("%s %s: no answer: %v", method, path, err)
	}
	got, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// isOver reports whether the service has closed the connection, for which it gets
// time.
func (c *keptConn) isOver() bool {
	_, err := c.reader.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

const slowApp = "\napps: [{name: slow, keys: [" + slowKey + "]}]"

// TestTooManyConnections: whoever finds no place is told so in the language of the
// path, and when to come back; a probe of life is told the truth.
func TestTooManyConnections(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, settings := range lanes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			s := start(t, "server: {max_connections: 2, "+settings+"}"+slowApp)
			first, second := s.keep(t), s.keep(t)
			first.ask(t, http.MethodGet, "/v1/me", "")
			second.ask(t, http.MethodGet, "/v1/me", "")
			for path, want := range map[string]string{
				"/chat/completion": `"success":false`, "/v1/chat/completions": `"type":"service_unavailable"`, "/v1/messages": `"type":"error"`, "/readyz": `"success":false`,
			} {
				c := s.keep(t)
				resp, body := c.ask(t, http.MethodPost, path, `{"messages":[]}`)
				if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, want) || resp.Header.Get("Retry-After") == "" || resp.Header.Get("X-Request-Id") == "" || !resp.Close {
					t.Errorf("%s: %d %s, headers %v", path, resp.StatusCode, body, resp.Header)
				}
				if !c.isOver() {
					t.Errorf("%s: the connection goes on", path)
				}
			}
			if resp, body := s.keep(t).ask(t, http.MethodGet, "/livez", ""); resp.StatusCode != http.StatusOK || body != "ok\n" {
				t.Errorf("/livez: %d %q", resp.StatusCode, body)
			}
			s.tellsOfTheFull(t, first)
			_ = second.Close()
			eventually(t, "a place is free", func() bool { return !s.clients.Full() })
			if resp, _ := s.keep(t).ask(t, http.MethodGet, "/v1/me", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("with a place: %d", resp.StatusCode)
			}
		})
	}
}

// tellsOfTheFull holds metrics and log to what five refused connections are.
func (s *service) tellsOfTheFull(t *testing.T, c *keptConn) {
	t.Helper()
	_, text := c.ask(t, http.MethodGet, "/metrics", "")
	var told struct {
		Connections native.Connections `json:"connections"`
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}
	want := native.Connections{
		PlaceStatus: native.PlaceStatus{Open: 2, Limit: 2, Most: 2, Refused: 5}, Streams: native.PlaceStatus{Limit: 10000},
	}
	if told.Connections != want {
		t.Errorf("/metrics tells %+v, want %+v", told.Connections, want)
	}
	for _, use := range s.placeGauges() {
		if use.Kind == allPool && (use.Open != 2 || use.Refused != 5 || use.Limit != 2) {
			t.Errorf("gauges tell %+v", use)
		}
	}
	if got := s.log.lines(`"msg":"limit reached"`); len(got) != 1 || !strings.Contains(got[0], `"limit":"server.max_connections","value":2`) {
		t.Errorf("the log tells %q, want one line", got)
	}
}

// TestTooManyStreams: one more is refused at once, costs nothing, and a call without
// a stream goes on.
func TestTooManyStreams(t *testing.T) {
	s := start(t, "chat: {sse: {max_streams: 1}}\nlimits: {rate_limit_per_minute: 3}"+slowApp)
	running := s.ask(t, "/chat/completion", "up/mock+hang_after=1")
	eventually(t, "the stream has begun", func() bool { return s.mock.Stats().InFlight == 1 && s.streams.Full() })
	for path, want := range map[string]string{
		"/chat/completion": `"success":false`, "/v1/chat/completions": `"type":"service_unavailable"`, "/v1/messages": `"type":"error"`,
	} {
		resp, body := s.keep(t).ask(t, http.MethodPost, path, `{"stream":true,"model":"up/mock","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
		if resp.StatusCode < http.StatusServiceUnavailable || !strings.Contains(body, want) || resp.Header.Get("Retry-After") == "" || resp.Header.Get("X-Ratelimit-Remaining-Requests") != "2" {
			t.Errorf("%s: %d %s, headers %v", path, resp.StatusCode, body, resp.Header)
		}
	}
	if resp, body := s.keep(t).ask(t, http.MethodPost, "/chat/completion", chatBody("up/mock")); resp.StatusCode != http.StatusOK {
		t.Errorf("without a stream: %d %s", resp.StatusCode, body)
	}
	if got := s.log.lines(`"msg":"limit reached"`, `"limit":"chat.sse.max_streams","value":1`); len(got) != 1 {
		t.Errorf("the log tells %q, want one line", got)
	}
	_ = running.Close()
	eventually(t, "the place is free", func() bool { return !s.streams.Full() })
	if err := s.call(t.Context(), "/chat/completion", slowKey, leaving{model: "up/mock", stream: true}); err != nil {
		t.Errorf("with a place: %v", err)
	}
}

// TestKeptConnections: a connection ends when it was idle for long enough, and with
// the last request that it may send.
func TestKeptConnections(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, settings := range lanes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			s := start(t, "server: {"+settings+"}\nchat: {websocket: {concurrency: {server: {keepalive_timeout: 0.3, max_keepalive_requests: 3}}}}"+slowApp)
			c := s.keep(t)
			for i := range 3 {
				if resp, _ := c.ask(t, http.MethodPost, "/chat/completion", chatBody("up/mock")); resp.StatusCode != http.StatusOK || resp.Close != (i == 2) {
					t.Errorf("request %d: %d, close %t", i, resp.StatusCode, resp.Close)
				}
			}
			if !c.isOver() {
				t.Error("the connection goes on after its last request")
			}
			idle := s.keep(t)
			idle.ask(t, http.MethodGet, "/livez", "")
			began := time.Now()
			if !idle.isOver() || time.Since(began) < 200*time.Millisecond || time.Since(began) > 5*time.Second {
				t.Errorf("an idle connection ended after %v, want 300ms", time.Since(began))
			}
			eventually(t, "no place is taken", func() bool { return s.clients.Stats().Taken == 0 })
		})
	}
}

// TestCountGoesOnBehindTheLane: requests count whoever serves them, and a connection
// is one whoever has it.
func TestCountGoesOnBehindTheLane(t *testing.T) {
	s := start(t, "chat: {websocket: {concurrency: {server: {max_keepalive_requests: 4}}}}"+slowApp)
	c := s.keep(t)
	c.ask(t, http.MethodGet, "/livez", "")
	c.ask(t, http.MethodGet, "/livez", "")
	fmt.Fprint(c, "GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") // not for the lane
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Close {
		t.Fatalf("the third: %+v, %v", resp, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp, _ := c.ask(t, http.MethodGet, "/livez", ""); !resp.Close {
		t.Error("the fourth is not the last")
	}
	eventually(t, "no place is taken", func() bool { return s.clients.Stats().Taken == 0 })
}

// TestAccessLog: with it every request has a line; without it only calls have one,
// and nothing that a client wrote is in any.
func TestAccessLog(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := start(t, fmt.Sprintf("chat: {websocket: {concurrency: {server: {access_log: %t}}}}", on)+slowApp)
		c := s.keep(t)
		c.ask(t, http.MethodGet, "/livez?ticket=canary", "")
		c.ask(t, http.MethodGet, "/canary/"+slowKey, "")
		c.ask(t, http.MethodPost, "/chat/completion", chatBody("up/mock"))
		c.ask(t, http.MethodPost, "/chat/completion", `{"stream":true,"messages":[{"role":"user","content":"canary"}]}`)
		eventually(t, "the calls have their lines", func() bool { return len(s.log.lines(`"msg":"request"`)) == 2 })
		want := 0
		if on {
			want = 4
			eventually(t, "each request has its line", func() bool { return len(s.log.lines(`"msg":"http"`)) == want })
			for _, part := range []string{`"route":"/livez"`, `"route":""`, `"status":404`, `"route":"/chat/completion"`, `"request_id":"req_`} {
				if len(s.log.lines(`"msg":"http"`, part)) == 0 {
					t.Errorf("no line has %s", part)
				}
			}
		}
		if got := s.log.lines(`"msg":"http"`); len(got) != want {
			t.Errorf("access_log %t: %d lines, want %d", on, len(got), want)
		}
		if got := append(s.log.lines("canary"), s.log.lines(slowKey)...); len(got) > 0 {
			t.Errorf("the log has what a client wrote: %q", got)
		}
	}
}

// TestLeaving: with a delay calls are served while balancers are told to go
// elsewhere; then the port is closed, and what runs goes on to its end.
func TestLeaving(t *testing.T) {
	t.Parallel() // it mostly waits
	s := build(t, "server: {drain_delay: 1, drain_timeout: 10}"+slowApp)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c, late := s.keep(t), s.keep(t)
	if resp, _ := c.ask(t, http.MethodGet, "/readyz", ""); resp.StatusCode != http.StatusOK || resp.Close {
		t.Errorf("before: %d, close %t", resp.StatusCode, resp.Close)
	}
	late.ask(t, http.MethodGet, "/livez", "")
	running := s.ask(t, "/chat/completion", "up/mock+tokens=30+pace=100ms")
	eventually(t, "the stream has begun", func() bool { return s.mock.Stats().InFlight == 1 })
	stop()
	eventually(t, "it is leaving", func() bool { return len(s.log.lines(`"msg":"leaving"`)) == 1 })
	if resp, body := s.keep(t).ask(t, http.MethodGet, "/readyz", ""); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "draining") || !resp.Close {
		t.Errorf("/readyz: %d %s", resp.StatusCode, body)
	}
	if resp, body := c.ask(t, http.MethodPost, "/chat/completion", chatBody("up/mock")); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("a call while it is leaving: %d %s, close %t", resp.StatusCode, body, resp.Close)
	}
	eventually(t, "the port is closed", func() bool {
		conn, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(t.Context(), "tcp", s.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	eventually(t, "it drains", func() bool { return len(s.log.lines(`"msg":"draining"`)) == 1 })
	if resp, body := late.ask(t, http.MethodPost, "/chat/completion", chatBody("up/mock")); resp.StatusCode != http.StatusServiceUnavailable || !resp.Close {
		t.Errorf("a call on a kept connection: %d %s", resp.StatusCode, body)
	}
	answer, err := io.ReadAll(running)
	if err != nil || !strings.Contains(string(answer), "data: [DONE]") {
		t.Errorf("the stream that ran: %d bytes, %v, want its end", len(answer), err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestKeptConnectionsAreAnsweredAtTheEnd: without a delay a request on a kept
// connection gets an answer that ends it, too.
func TestKeptConnectionsAreAnsweredAtTheEnd(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, settings := range lanes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			s := build(t, "server: {"+settings+"}"+slowApp)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			c := s.keep(t)
			c.ask(t, http.MethodGet, "/livez", "")
			stop()
			eventually(t, "it drains", func() bool { return len(s.log.lines(`"msg":"draining"`)) == 1 })
			if resp, body := c.ask(t, http.MethodPost, "/chat/completion", chatBody("up/mock")); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "draining") || !resp.Close {
				t.Errorf("%d %s, close %t", resp.StatusCode, body, resp.Close)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTheSystemIsTooSmall: what it does not grant is told.
func TestTheSystemIsTooSmall(t *testing.T) {
	for _, c := range []struct {
		check func(*Server)
		want  string
	}{
		{func(s *Server) { s.checkBacklog(2048, 128) }, `"backlog":2048,"somaxconn":128`},
		{func(s *Server) { s.checkBacklog(2048, 2048) }, ""},
		{func(s *Server) { s.checkBacklog(2048, 0) }, ""},
		{func(s *Server) { s.checkFiles(1024) }, `"allowed":1024,"needed":14596`},
		{func(s *Server) { s.checkFiles(14596) }, ""},
		{func(s *Server) { s.checkFiles(0) }, ""},
	} {
		log := &journal{}
		s := &Server{logger: slog.New(slog.NewJSONHandler(log, nil)), config: config.Defaults()}
		s.config.LLM.Providers = []config.Provider{{HTTPClient: config.HTTPClient{MaxConnections: 100}}}
		c.check(s)
		if got := log.lines(""); c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("the log tells %q, want %q", got, c.want)
		}
	}
}

func TestWorkers(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for workers, want := range map[int]int{1: before, 3: 3} {
		s := &Server{config: config.Defaults()}
		s.config.Chat.WebSocket.Concurrency.Server.Workers = workers
		s.limitThreads()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%d workers: GOMAXPROCS is %d, want %d", workers, got, want)
		}
		runtime.GOMAXPROCS(before)
	}
}
