package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const slowKey = "a-test-key-of-the-slow-app"

// dial opens a connection to the service, which may be used for a while.
func (s *service) dial(t *testing.T) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestUnsentBodyIsNotWaitedFor: a request that is refused before its body is
// read is answered, and its connection ends, though the body never comes.
func TestUnsentBodyIsNotWaitedFor(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, "apps: [{name: slow, keys: ["+slowKey+"], rate_limit_per_minute: 1}]")
	for _, key := range []string{"a-key-of-nobody-at-all", slowKey} {
		conn := s.dial(t)
		fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n", key)
		reader := bufio.NewReader(conn)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("key %s: no answer: %v", key, err)
		}
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("key %s: status %d", key, resp.StatusCode)
		}
		if _, err := io.ReadAll(reader); err != nil {
			t.Errorf("key %s: the connection is still open: %v", key, err)
		}
		_ = resp.Body.Close()
	}
}

// TestDrainEndsWhatWaitsForItsClient: neither a body that trickles in nor a
// reader that has stopped holds the end of the service up.
func TestDrainEndsWhatWaitsForItsClient(t *testing.T) {
	t.Parallel() // it mostly waits
	s := build(t, `
server: {drain_timeout: 0.2}
apps: [{name: slow, keys: [`+slowKey+`]}]`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	conn := s.dial(t)
	fmt.Fprintf(conn, "POST /chat/completion HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 1000\r\n\r\n{", slowKey)
	eventually(t, "the call is on its way", func() bool { return len(s.gateway.Active()) == 1 })
	stop()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"code":"draining"`) {
		t.Errorf("%d %s, %v; want the refusal of a service that stops", resp.StatusCode, body, err)
	}
	_ = resp.Body.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("the service goes on")
	}
}

// TestSlowReaderHoldsNoSlot: a whole answer that its client does not read is
// delivered when the slot is given back.
func TestSlowReaderHoldsNoSlot(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, "limits: {max_concurrent_requests: 1}\napps: [{name: slow, keys: ["+slowKey+"]}]")
	const length = 4 << 20 // far more than the connection's buffers take
	conn := s.dial(t)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10) // or the test takes a little longer
	}
	body := fmt.Sprintf(`{"model":"up/mock+echo","messages":[{"role":"user","content":%q}]}`, strings.Repeat("x", length))
	fmt.Fprintf(conn, "POST /chat/completion HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", slowKey, len(body), body)
	eventually(t, "the mock has answered", func() bool { return s.mock.Stats().Total == 1 && s.mock.Stats().InFlight == 0 })
	eventually(t, "the slot is free", func() bool { return s.admission.Slots().InUse == 0 })
	resp, err := s.post(t.Context(), "/chat/completion", slowKey, `{"messages":[{"role":"user","content":"hi"}]}`)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the next call: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

// TestBrokenRequestIsNoSuccess: whatever a client does to its half of the
// connection, it never gets an empty 200.
func TestBrokenRequestIsNoSuccess(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, "timeouts: {chat: 1}\napps: [{name: slow, keys: ["+slowKey+"]}]")
	const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: " + slowKey + "\r\nContent-Length: "
	whole := `{"model":"up/mock+delay=300ms","messages":[{"role":"user","content":"hi"}]}`
	for _, c := range []struct {
		name, request string
		status        int // 0: the connection just ends
	}{
		{"half a body, then the end", head + "1000\r\n\r\n{", http.StatusBadRequest},
		{"half of the connection closed while it waits", fmt.Sprint(head, len(whole), "\r\n\r\n", whole), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, ok := s.dial(t).(*net.TCPConn)
			if !ok {
				t.Fatal("not TCP")
			}
			fmt.Fprint(conn, c.request)
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if c.status == 0 && len(answer) > 0 || c.status != 0 && !strings.HasPrefix(string(answer), fmt.Sprintf("HTTP/1.1 %d ", c.status)) {
				t.Errorf("got %q, %v; want status %d", answer, err, c.status)
			}
		})
	}
	t.Run("a body that stops coming", func(t *testing.T) {
		t.Parallel()
		conn := s.dial(t)
		fmt.Fprint(conn, head+"1000\r\n\r\n{")
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 503 ") || !strings.Contains(string(answer), "deadline_exceeded") {
			t.Errorf("got %q, %v; want the 503 of an operation past its time", answer, err)
		}
	})
}

// TestStoppedReadersHoldNothingUp: readers that have stopped, of a stream and of
// a whole answer, lose their slots at the operation's end, and do not hold the
// end of the service up.
func TestStoppedReadersHoldNothingUp(t *testing.T) {
	t.Parallel() // it mostly waits
	s := build(t, `
server: {drain_timeout: 0.2}
apps: [{name: slow, keys: [`+slowKey+`]}]`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for _, stream := range []string{"true", "false"} {
		conn := s.dial(t)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10) // or the test takes a little longer
		}
		body := fmt.Sprintf(`{"stream":%s,"model":"up/mock+echo","messages":[{"role":"user","content":%q}]}`, stream, strings.Repeat(strings.Repeat("x", 999)+" ", 4000))
		fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", slowKey, len(body), body)
	}
	eventually(t, "both are on their way", func() bool { return len(s.gateway.Active()) == 2 && s.mock.Stats().Total == 2 })
	began := time.Now()
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("the service goes on")
	}
	if took := time.Since(began); took > writesOver {
		t.Errorf("the service took %v to end", took)
	}
}

// writesOver is by when, after a drain of 0.2 s, writes were interrupted and
// connections closed: well below the 10 s that a slow reader gets otherwise.
const writesOver = 8 * time.Second

// TestConnectionsEnd: nobody keeps a connection by promising a body.
func TestConnectionsEnd(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, "server: {max_body: 400000}\napps: [{name: slow, keys: ["+slowKey+"]}]")
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 410_000, strings.Repeat("x", 410_000))
	for name, request := range map[string]string{
		"metrics":           "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\nContent-Length: 10\r\n\r\n",
		"too large, chunks": "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: " + slowKey + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := s.dial(t)
			fmt.Fprint(conn, request)
			answer, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 ") {
				t.Errorf("%d bytes, %v; want an answer and the end of the connection", len(answer), err)
			}
		})
	}
}

// TestConnectionIsKept: a refusal ends no connection whose client sent what it
// announced.
func TestConnectionIsKept(t *testing.T) {
	s := start(t, "limits: {rate_limit_per_minute: 1}\napps: [{name: slow, keys: ["+slowKey+"]}]")
	conn := s.dial(t)
	reader := bufio.NewReader(conn)
	const body = `{"messages":[{"role":"user","content":"hi"}]}`
	for i, c := range []struct {
		key, body string
		status    int
	}{
		{slowKey, `{"messages":[]}`, 400}, {"a-key-of-nobody", body, 401}, {slowKey, body, 200}, {slowKey, body, 429}, {slowKey, body, 429},
	} {
		fmt.Fprintf(conn, "POST /chat/completion HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", c.key, len(c.body), c.body)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != c.status || resp.Close {
			t.Errorf("request %d: status %d, close %t, %v; want %d on a connection that stays", i, resp.StatusCode, resp.Close, err, c.status)
		}
		_ = resp.Body.Close()
	}
}
