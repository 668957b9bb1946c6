package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ask sends a streaming chat call over a connection of its own, whose client has
// no room to speak of for what it does not read.
func (s *service) ask(t *testing.T, path, model string) net.Conn {
	t.Helper()
	conn := s.dial(t)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	body := fmt.Sprintf(`{"stream":true,"model":%q,"messages":[{"role":"user","content":"hello"}]}`, model)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", path, slowKey, len(body), body)
	return conn
}

// TestProofTimedStoppedReader: a stream whose reader stops is cut when the grace
// is over, and its slot goes to the next. How soon is held under `make proof`
// only.
func TestProofTimedStoppedReader(t *testing.T) {
	const grace, limit, slots = time.Second, 2 * time.Second, 3
	for _, path := range []string{"/chat/completion", "/v1/chat/completions"} {
		t.Run(path, func(t *testing.T) {
			s := start(t, fmt.Sprintf("limits: {max_concurrent_requests: %d, slow_reader_grace: %v}\napps: [{name: slow, keys: [%s]}]", slots, grace, slowKey))
			began := time.Now()
			for range slots {
				s.ask(t, path, "up/mock+tokens=4000") // 1 MB: twice what the connection takes
			}
			eventually(t, "all slots are held", func() bool { return s.admission.Slots().MostInUse == slots })
			next := make(chan error, 1)
			go func() {
				next <- s.call(t.Context(), "/chat/completion", slowKey, leaving{model: "up/mock", stream: true})
			}()
			if err := <-next; err != nil { // well before these would have ended
				t.Errorf("the next call: %v", err)
			}
			took := time.Since(began)
			eventually(t, "the slots are free, and the Records say why", func() bool {
				return s.admission.Slots().InUse == 0 && s.mock.Stats().InFlight == 0 &&
					len(s.log.lines(`"msg":"request"`, `"outcome":"canceled"`)) == slots
			})
			t.Logf("with a grace of %v the next call was answered after %v", grace, took)
			if took < grace || proof() && took > limit {
				t.Errorf("the next call was answered after %v, want between %v and %v", took, grace, limit)
			}
		})
	}
}

// TestStreamEndsWithoutItsReader: what upstream has sent within the connection's
// buffers holds no slot, though its reader has taken nothing of it, and the
// reader gets it all.
func TestStreamEndsWithoutItsReader(t *testing.T) {
	for _, path := range []string{"/chat/completion", "/v1/chat/completions"} {
		t.Run(path, func(t *testing.T) {
			s := start(t, "limits: {max_concurrent_requests: 1, slow_reader_grace: 1h}\ntimeouts: {chat: 1h}\napps: [{name: slow, keys: ["+slowKey+"]}]")
			const tokens = 940 // of 260 bytes and more each
			conn := s.ask(t, path, fmt.Sprint("up/mock+tokens=", tokens))
			eventually(t, "the call is over", func() bool { return s.telemetry.Totals().Succeeded == 1 })
			if inUse := s.admission.Slots().InUse; inUse != 0 {
				t.Errorf("%d slots in use, want 0", inUse)
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(1 << 20) // or the rest comes in dribs and drabs
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || len(body) < 240_000 || len(body) > sendBuffer || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
				t.Errorf("%d bytes, %v; want up to %d with their end", len(body), err, sendBuffer)
			}
		})
	}
}

// TestReaderCostsNoGoroutine: a stream is one goroutine of the service's, whether
// its reader keeps up, is behind, or has stopped.
func TestReaderCostsNoGoroutine(t *testing.T) {
	const streams, paced, long = 6, "up/mock+tokens=1000+pace=50ms", "up/mock+tokens=3000"
	for _, c := range []struct {
		name, model, where string
		reads              func(net.Conn)
	}{
		{"keeps up", paced, "api.(*Exchange).Answer(", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }},
		{"is behind", paced, "api.(*Exchange).Answer(", func(net.Conn) {}},
		{"has stopped", long, "api.(*Exchange).send(", func(net.Conn) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, "limits: {slow_reader_grace: 1h}\napps: [{name: slow, keys: ["+slowKey+"]}]")
			for range streams {
				conn := s.ask(t, "/v1/chat/completions", c.model)
				go c.reads(conn)
				defer conn.Close()
			}
			eventually(t, "all streams are at "+c.where+", one goroutine each", func() bool {
				all := ours(stacks())
				return len(all) == streams && strings.Count(strings.Join(all, ""), c.where) == streams
			})
		})
	}
}

// stacks are those of all goroutines.
func stacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// ours are the stacks of goroutines that are in the service's code, or were
// started by it, but for those that it has in the background.
func ours(stacks string) []string {
	var found []string
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(stack, "/internal/") && strings.Contains(stack, "fairlead/") &&
			!strings.Contains(stack, ").Run") && !strings.Contains(stack, "front.(*Server).Serve") &&
			!strings.Contains(stack, "front.(*watcher).run") && !strings.Contains(stack, "/internal/mock.") && !strings.Contains(stack, "_test.go") {
			found = append(found, stack)
		}
	}
	return found
}
