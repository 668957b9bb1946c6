package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The apps of TestProofAborts. Steady never leaves.
const abortApps = `
apps:
  - {name: steady, keys: [a-test-key-of-the-app-steady], rate_limit_per_minute: 8000, tokens_per_minute: 100000000}
  - {name: json, keys: [a-test-key-of-the-app-json], rate_limit_per_minute: 8000, tokens_per_minute: 100000000}
  - {name: stream, keys: [a-test-key-of-the-app-stream], rate_limit_per_minute: 8000, tokens_per_minute: 100000000, weight: 3}
  - {name: batch, keys: [a-test-key-of-the-app-batch], rate_limit_per_minute: 8000, tokens_per_minute: 100000000, class: batch}
  - {name: capped, keys: [a-test-key-of-the-app-capped], rate_limit_per_minute: 8000, tokens_per_minute: 100000000, max_concurrent: 2}`

// TestProofAborts: thousands of clients leave at random moments: while they send,
// in the queue, before the first byte, in a stream. Afterwards nothing is held,
// nobody waits, and the windows have counted what was used and nothing else.
func TestProofAborts(t *testing.T) {
	rounds := 1
	if proof() {
		rounds = 25
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), aborts)
	}
}

func aborts(t *testing.T) {
	const calls, workers = 2000, 40
	goroutines := runtime.NumGoroutine()
	s := start(t, "limits: {max_concurrent_requests: 12, max_queue: 27, max_queue_per_app: 27, burst: {requests_per_second: 0}}"+abortApps)
	began := time.Now()
	var next, answered, left atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for next.Add(1) <= calls {
				if err := randomCaller().call(t.Context(), s); err != nil {
					left.Add(1)
					continue
				}
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	s.wantNothingLeft(t)
	records := s.telemetry.Totals().Records
	if records < answered.Load() || records > calls {
		t.Errorf("%d Records of %d calls, %d of which had an answer", records, calls, answered.Load())
	}
	s.wantWindows(t, began)
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines+calls/20 })
	queued := len(s.log.lines(`"outcome":"canceled"`, `"attempts":0`))
	started := len(s.log.lines(`"outcome":"canceled"`, `"attempts":1`))
	if queued < calls/200 || started < calls/200 {
		t.Errorf("%d left before they had a slot, %d with one; want some of each", queued, started)
	}
	t.Logf("%d calls, %d with an answer, %d left, %d of them before they had a slot and %d with one; took %v",
		calls, answered.Load(), left.Load(), queued, started, time.Since(began).Round(time.Millisecond))
}

// wantNothingLeft waits until all calls have ended, and checks that they have
// left nothing behind.
func (s *service) wantNothingLeft(t *testing.T) {
	t.Helper()
	eventually(t, "no call is left", func() bool {
		slots := s.admission.Slots()
		return slots.InUse == 0 && slots.Waiting == 0 && len(s.gateway.Active()) == 0 && s.mock.Stats().InFlight == 0 && s.bodies.Used() == 0
	})
	if slots := s.admission.Slots(); slots.DoubleReleases != 0 || s.gateway.StaleSlots() != 0 {
		t.Errorf("%d slots were released twice, %d are stale", slots.DoubleReleases, s.gateway.StaleSlots())
	}
	for name, pool := range s.admission.Pools() {
		if pool.InUse != 0 || pool.Waiting != 0 {
			t.Errorf("pool %s: %+v", name, pool)
		}
	}
	for _, use := range s.admission.Apps(t.Context()) {
		for class, u := range use.Classes {
			if u.InUse != 0 || u.Waiting != 0 {
				t.Errorf("app %s, %s: %+v", use.App.ID, class, u)
			}
		}
	}
	// The upstream may see a call that was left and the next one together: it
	// takes a moment to see that a connection is closed.
	if most := s.admission.Slots().MostInUse; most > s.config.Limits.MaxConcurrentRequests {
		t.Errorf("%d slots in use at once, want at most %d", most, s.config.Limits.MaxConcurrentRequests)
	}
}

// used is what an app's calls that held a slot used, as the log tells.
type used struct{ calls, tokens, broken int }

// wantWindows checks that the windows have counted each call that held a slot,
// and what it used, and no other.
func (s *service) wantWindows(t *testing.T, began time.Time) {
	t.Helper()
	// The most that a call is charged whose usage nobody tells: its prompt of
	// some 80 bytes and its max_tokens, with room for a change of how that is
	// estimated.
	const unknown = 200
	all := s.usedByApp(t)
	for _, use := range s.admission.Apps(t.Context()) {
		want := all[use.App.ID]
		requests, tokens := use.Requests.Limit-use.Requests.Remaining, use.Tokens.Limit-use.Tokens.Remaining
		if time.Since(began) > 50*time.Second {
			t.Logf("the windows have begun to forget: not compared")
			return
		}
		if requests != want.calls {
			t.Errorf("app %s: %d in its window of requests, want %d: those that held a slot", use.App.ID, requests, want.calls)
		}
		if tokens < want.tokens || tokens > want.tokens+unknown*want.broken {
			t.Errorf("app %s: %d in its window of tokens, want %d and up to %d for each of %d whose end is not known",
				use.App.ID, tokens, want.tokens, unknown, want.broken)
		}
		if use.App.ID == "steady" && (want.broken > 0 || want.calls == 0) {
			t.Errorf("app steady: %+v, want all calls whole", want)
		}
	}
}

func (s *service) usedByApp(t *testing.T) map[fairlead.AppID]used {
	t.Helper()
	all := make(map[fairlead.AppID]used)
	for _, line := range s.log.lines(`"msg":"request"`) {
		var r struct {
			App           fairlead.AppID
			Attempts      int
			Input, Output int
		}
		if err := json.Unmarshal([]byte(strings.NewReplacer("input_tokens", "input", "output_tokens", "output").Replace(line)), &r); err != nil {
			t.Fatal(err)
		}
		if r.Attempts == 0 {
			continue
		}
		u := all[r.App]
		u.calls++
		u.tokens += r.Input + r.Output
		if r.Input+r.Output == 0 {
			u.broken++
		}
		all[r.App] = u
	}
	return all
}

// randomly is a call by someone who leaves at some moment.
type randomly struct {
	app, path string
	stream    bool
	half      bool          // the body is sent by half
	after     time.Duration // leaves after that time; 0 = does not
	frames    int           // leaves after so many lines of the stream; 0 = does not
	reset     bool          // leaves with a reset of the connection
}

func randomCaller() randomly {
	c := randomly{
		app:   []string{"steady", "json", "stream", "batch", "capped"}[rand.IntN(5)],
		path:  []string{"/chat/completion", "/v1/chat/completions"}[rand.IntN(2)],
		reset: rand.IntN(2) == 0, stream: rand.IntN(2) == 0,
	}
	switch c.app {
	case "steady":
		return c
	case "json":
		c.stream = false
	case "stream":
		c.stream = true
	}
	switch rand.IntN(8) {
	case 0: // stays
	case 1:
		c.half, c.after = true, time.Duration(rand.Int64N(int64(5*time.Millisecond)))+1
	case 2, 3:
		if c.stream {
			c.frames = 1 + rand.IntN(16)
			break
		}
		fallthrough
	default:
		c.after = time.Duration(rand.ExpFloat64()*float64(25*time.Millisecond)) + 1
	}
	return c
}

// call makes the call. It fails if the client left before it had a whole answer.
func (c randomly) call(ctx context.Context, s *service) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok && c.reset {
		_ = tcp.SetLinger(0)
	}
	if c.after > 0 {
		leave := time.AfterFunc(c.after, func() { _ = conn.Close() })
		defer leave.Stop()
	}
	model := "up/mock+delay=20ms"
	if c.stream {
		model = "up/mock+tokens=8+pace=4ms"
	}
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":8,"messages":[{"role":"user","content":"hello"}]}`, model, c.stream)
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: a-test-key-of-the-app-%s\r\nContent-Length: %d\r\n\r\n%s", c.path, c.app, len(body), body)
	if c.half {
		request = request[:len(request)-len(body)/2]
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	return c.read(conn)
}

// read reads the answer as far as the client does.
func (c randomly) read(conn net.Conn) error {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for n := 1; lines.Scan(); n++ {
		if n == c.frames {
			return io.ErrUnexpectedEOF
		}
	}
	return lines.Err()
}
