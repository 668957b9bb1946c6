package api

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// streaming serves the route GET /x, whose answer is a stream of what run emits.
func streaming(t *testing.T, heartbeat time.Duration, run func(call *fairlead.Call, emit fairlead.Emit) error) *setting {
	t.Helper()
	s := newSetting(t, Route{http.MethodGet, "/x", Public, func(x *Exchange) error {
		x.App = &fairlead.App{}
		call := x.Call()
		if err := x.Streams(call, Queued, KeepAlive); err != nil {
			return err
		}
		shape := Shape{ErrorFrame: func(e *fairlead.Error, _ string) []byte { return []byte("!" + e.Code) }}
		defer x.beat() // by a timer that fires just then
		return x.Answer(call, shape, func(emit fairlead.Emit) error { return run(call, emit) })
	}})
	s.config.HeartbeatAfter = heartbeat
	return s
}

// emitFrames emits a head and frames, after which it pauses.
func emitFrames(emit fairlead.Emit, pause time.Duration, frames ...string) error {
	if err := emit(fairlead.Event{Head: &fairlead.Head{ContentType: "text/event-stream", Stream: true}}); err != nil {
		return err
	}
	for _, frame := range frames {
		if err := emit(fairlead.Event{Data: []byte(frame)}); err != nil {
			return err
		}
		<-time.After(pause)
	}
	return nil
}

// TestSilentStream: a client whose stream has begun is told that the call is
// alive, whenever nothing was sent for a while and only then.
func TestSilentStream(t *testing.T) {
	grant := func(call *fairlead.Call) { call.NoteWait(0, fairlead.Granted) }
	for _, c := range []struct {
		name      string
		heartbeat time.Duration
		run       func(call *fairlead.Call, emit fairlead.Emit) error
		body      string
	}{
		{"each 4 s", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			return emitFrames(emit, 9*time.Second, "a", "b")
		}, "a" + KeepAlive + KeepAlive + "b" + KeepAlive + KeepAlive},
		{"each 10 s at most", time.Minute, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			return emitFrames(emit, 31*time.Second, "a")
		}, "a" + KeepAlive + KeepAlive + KeepAlive},
		{"not while it flows", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			return emitFrames(emit, 3*time.Second, "a", "b", "c", "d")
		}, "abcd"},
		{"counted from the last event", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			if err := emitFrames(emit, 3*time.Second, "a", "b"); err != nil {
				return err
			}
			<-time.After(2 * time.Second) // 5 s after b
			return emit(fairlead.Event{Data: []byte("c")})
		}, "ab" + KeepAlive + "c"},
		{"never", 0, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			return emitFrames(emit, time.Hour, "a", "b")
		}, "ab"},
		{"not before the head", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			<-time.After(time.Hour)
			return emitFrames(emit, 0, "a")
		}, "a"},
		{"after the queue", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			if err := call.Waiting(); err != nil {
				return err
			}
			<-time.After(21 * time.Second) // in which the queue would have told
			grant(call)
			<-time.After(4 * time.Second)
			return emitFrames(emit, 0, "a")
		}, Queued + KeepAlive + "a"},
		{"not a whole answer", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			_ = emit(fairlead.Event{Head: &fairlead.Head{ContentType: "application/json"}})
			_ = emit(fairlead.Event{Data: bytes.Repeat([]byte("a"), gathered+1)})
			<-time.After(time.Hour)
			return emit(fairlead.Event{End: &fairlead.End{}})
		}, strings.Repeat("a", gathered+1)},
		{"not once the call has ended", 4 * time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			grant(call)
			if err := emitFrames(emit, 0, "a"); err != nil {
				return err
			}
			call.Interrupt()
			<-time.After(time.Hour)
			return fairlead.NewLate(nil)
		}, "a!deadline_exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := streaming(t, c.heartbeat, c.run).do(http.MethodGet, "/x", nil)
				<-time.After(time.Hour) // nor is anything written when the handler has returned
				if got := w.Body.String(); got != c.body {
					t.Errorf("got %.200q, want %.200q", got, c.body)
				}
			})
		})
	}
}

// TestBeatsStandBetweenEvents: whatever is written when, the stream without the
// beats is the one that was emitted, and each beat stands between two events.
func TestBeatsStandBetweenEvents(t *testing.T) {
	const frames, pieces = 300, 3 * piece
	sent := make([]string, frames)
	for i := range sent {
		n := rand.N(200)
		if i%50 == 0 {
			n = pieces // written in several pieces
		}
		sent[i] = "event: e\ndata: " + strings.Repeat("x", n) + "\n\n"
	}
	s := streaming(t, 20*time.Microsecond, func(call *fairlead.Call, emit fairlead.Emit) error {
		call.NoteWait(0, fairlead.Granted)
		return emitFrames(emit, 50*time.Microsecond, sent...)
	})
	server := httptest.NewServer(s)
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	beats := 0
	var rest strings.Builder
	for frame := range sse.Frames(body) {
		if string(frame) == KeepAlive {
			beats++
			continue
		}
		rest.Write(frame)
	}
	if got, want := rest.String(), strings.Join(sent, ""); got != want {
		t.Errorf("without the beats %d bytes, want the %d that were emitted", len(got), len(want))
	}
	if beats == 0 {
		t.Error("no beat")
	}
}

// stuck is a client that stops reading after the first write.
type stuck struct {
	*httptest.ResponseRecorder

	deadline time.Time
	blocked  []time.Duration
}

func (s *stuck) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.Body.Len() == 0 {
		return s.ResponseRecorder.Write(p)
	}
	began := time.Now()
	<-time.After(time.Until(s.deadline))
	s.blocked = append(s.blocked, time.Since(began))
	return 0, os.ErrDeadlineExceeded
}

// TestBeatToASlowReader: a beat waits for its reader like any other write, and no
// other one follows it when it fails.
func TestBeatToASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		s := streaming(t, 4*time.Second, func(call *fairlead.Call, emit fairlead.Emit) error {
			call.NoteWait(0, fairlead.Granted)
			if err := emitFrames(emit, time.Hour, "a"); err != nil {
				return err
			}
			err = emit(fairlead.Event{Data: []byte("b")})
			return nil
		})
		w := &stuck{ResponseRecorder: httptest.NewRecorder()}
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil))
		const grace = 10*time.Second + 10*time.Second/16
		if len(w.blocked) != 2 || w.blocked[0] != grace || w.blocked[1] != grace {
			t.Errorf("writes blocked for %v, want the grace, for one beat and the event", w.blocked)
		}
		if e := fairlead.AsError(err); e == nil || e.Code != "slow_reader" {
			t.Errorf("the event's error is %v", err)
		}
	})
}
