package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/budget"
)

// TestHeartbeats: a client that waits for a stream is sent its head and comments,
// and whatever happens then is told within the stream.
func TestHeartbeats(t *testing.T) {
	data := func(s string) fairlead.Event { return fairlead.Event{Data: []byte(s)} }
	head := fairlead.Event{Head: &fairlead.Head{ContentType: "text/event-stream", Stream: true, Header: map[string]string{"X-Late": "1"}}}
	whole := fairlead.Event{Head: &fairlead.Head{ContentType: "application/json"}}
	end := fairlead.Event{End: &fairlead.End{}}
	full := &fairlead.Error{Kind: fairlead.Busy, Code: "queue_dropped", RetryAfter: 7 * time.Second}
	for _, c := range []struct {
		name   string
		beats  int
		events []fairlead.Event
		err    error
		status int
		body   string
	}{
		{"served before the first beat", 0, []fairlead.Event{head, data("ab"), end}, nil, 200, "<ab>"},
		{"refused before the first beat", 0, nil, full, 503, `["native","queue_dropped"`},
		{"served after a beat", 1, []fairlead.Event{head, data("ab"), data("c"), end}, nil, 200, ": queued\n\n<ab><c>"},
		{"refused after two", 2, nil, full, 200, ": queued\n\n: queued\n\n!queue_dropped"},
		{"fails after a beat and the upstream's head", 1, []fairlead.Event{head}, full, 200, ": queued\n\n!queue_dropped"},
		{"a whole body after a beat", 1, []fairlead.Event{whole, data("{}"), end}, nil, 200, ": queued\n\n!upstream_invalid_answer"},
		{"a whole body without one", 0, []fairlead.Event{whole, data("{}"), end}, nil, 200, "{}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := waited(t, c.beats, c.events, c.err)
			if w.Code != c.status || !strings.HasPrefix(w.Body.String(), c.body) {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, c.status, c.body)
			}
			h := w.Header()
			if c.beats == 0 {
				if h.Get("X-Fairlead-Queue-Ms") != "12000" {
					t.Errorf("headers %v, want the time in the queue", h)
				}
				return
			}
			for name, want := range map[string]string{
				"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
				"X-Ratelimit-Remaining-Requests": "3", "X-Fairlead-Queue-Ms": "", "X-Late": "", "Retry-After": "", "Content-Length": "",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// waited answers a call that waited in the queue for 12 s and so many beats.
func waited(t *testing.T, beats int, events []fairlead.Event, err error) *httptest.ResponseRecorder {
	t.Helper()
	shape := Shape{
		Frames:     func(dst, frames []byte) []byte { return fmt.Appendf(dst, "<%s>", frames) },
		ErrorFrame: func(e *fairlead.Error, _ string) []byte { return []byte("!" + e.Code) },
	}
	s := newSetting(t, Route{http.MethodGet, "/answer", Public, func(x *Exchange) error {
		call := &fairlead.Call{App: &fairlead.App{}}
		if err := x.Streams(call, Queued, KeepAlive); err != nil {
			return err
		}
		return x.Answer(call, shape, func(emit fairlead.Emit) error {
			call.SetRequests(fairlead.WindowState{Limit: 10, Remaining: 3})
			for range beats {
				if err := call.Waiting(); err != nil {
					return err
				}
			}
			call.NoteWait(12*time.Second, fairlead.Granted)
			for _, e := range events {
				if err := emit(e); err != nil {
					return err
				}
			}
			return err
		})
	}})
	return s.do(http.MethodGet, "/answer", nil)
}

// TestHeartbeatTellsThatTheClientIsGone: an error of writing ends the wait.
func TestHeartbeatTellsThatTheClientIsGone(t *testing.T) {
	left := make(chan error, 1)
	conn := dialRouter(t, time.Second, func(x *Exchange) error {
		call := &fairlead.Call{App: &fairlead.App{}}
		if err := x.Streams(call, Queued, KeepAlive); err != nil {
			return err
		}
		return x.Answer(call, Shape{}, func(fairlead.Emit) error {
			for {
				if err := call.Waiting(); err != nil {
					left <- err
					return err
				}
			}
		})
	})
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "200 OK") {
		t.Fatalf("%q, %v", line, err)
	}
	_ = conn.Close()
	if err := <-left; !fairlead.IsKind(err, fairlead.Canceled) {
		t.Errorf("error %v, want that the client left", err)
	}
}

// dialRouter serves the route GET /x over a real connection, with that grace for
// slow readers, and sends a request for it.
func dialRouter(t *testing.T, grace time.Duration, handle func(x *Exchange) error) net.Conn {
	t.Helper()
	rt, err := New(Config{
		Faces:  []Face{face{"native", []Route{{http.MethodGet, "/x", Public, handle}}}},
		Bodies: budget.New(0, 0), SlowReaderGrace: grace, Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(rt)
	t.Cleanup(server.Close)
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// flood emits a stream until it can't any more, and returns why.
func flood(emit fairlead.Emit) error {
	frame := []byte("data: " + strings.Repeat("x", 8000) + "\n\n")
	if err := emit(fairlead.Event{Head: &fairlead.Head{ContentType: "text/event-stream", Stream: true}}); err != nil {
		return err
	}
	for {
		if err := emit(fairlead.Event{Data: frame}); err != nil {
			return err
		}
	}
}

// TestSlowReaderIsCut: a reader who has stopped is waited for during the grace
// and no longer, and the answer fails with the reason; so whatever holds a slot
// for it returns.
func TestSlowReaderIsCut(t *testing.T) {
	const grace = 200 * time.Millisecond
	type result struct {
		err     error
		blocked time.Duration // the last write
	}
	ended := make(chan result, 1)
	_ = dialRouter(t, grace, func(x *Exchange) error { // which nobody reads
		return x.Answer(&fairlead.Call{App: &fairlead.App{}}, Shape{}, func(emit fairlead.Emit) error {
			last := time.Now()
			err := flood(func(e fairlead.Event) error {
				last = time.Now()
				return emit(e)
			})
			ended <- result{err, time.Since(last)}
			return err
		})
	})
	got := <-ended
	if e := fairlead.AsError(got.err); e.Kind != fairlead.Canceled || e.Code != "slow_reader" {
		t.Errorf("error %+v, want slow_reader", e)
	}
	if got.blocked < grace || got.blocked > 20*grace {
		t.Errorf("the last write blocked for %v, want about %v", got.blocked, grace)
	}
}

// TestGraceIsForOneWrite: a reader who takes something now and then keeps its
// stream for longer than the grace.
func TestGraceIsForOneWrite(t *testing.T) {
	const grace, frames = 300 * time.Millisecond, 60
	ended := make(chan error, 1)
	conn := dialRouter(t, grace, func(x *Exchange) error {
		return x.Answer(&fairlead.Call{App: &fairlead.App{}}, Shape{}, func(emit fairlead.Emit) error {
			n := 0
			err := flood(func(e fairlead.Event) error {
				if n++; n > frames {
					return io.EOF
				}
				<-time.After(grace / 20)
				return emit(e)
			})
			ended <- err
			return nil
		})
	})
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	if err := <-ended; err != io.EOF { //nolint:errorlint // the very one
		t.Errorf("error %v, want all frames sent", err)
	}
}

// TestNoGraceIsTheCallsTime: without a grace a reader who has stopped is waited
// for until the call is ended.
func TestNoGraceIsTheCallsTime(t *testing.T) {
	ended := make(chan error, 1)
	_ = dialRouter(t, 0, func(x *Exchange) error {
		x.App = &fairlead.App{}
		call := x.Call()
		return x.Answer(call, Shape{}, func(emit fairlead.Emit) error {
			ctx, cancel := context.WithTimeout(x.Context(), 300*time.Millisecond)
			defer cancel()
			defer context.AfterFunc(ctx, call.Interrupt)()
			err := flood(emit)
			if ctx.Err() == nil {
				t.Error("cut before the call's time was over")
			}
			ended <- err
			return err
		})
	})
	if e := fairlead.AsError(<-ended); e.Code != "slow_reader" {
		t.Errorf("error %+v", e)
	}
}
