package follow

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/replay"
)

// face has one route, which is public.
type face struct{ handle func(x *api.Exchange) error }

func (face) Name() string   { return "test" }
func (face) Prefix() string { return "/" }

func (f face) Routes() []api.Route {
	return []api.Route{{Method: http.MethodGet, Path: "/log", Policy: api.Public, Handle: f.handle}}
}

func (face) ErrorBody(e *fairlead.Error, _ string) []byte { return []byte("body " + e.Code) }

// call is a call that is worked on elsewhere.
type call struct{ slotted atomic.Bool }

func (c *call) Slotted() bool { return c.slotted.Load() }

func (*call) Tell(told *fairlead.Call) map[string]string {
	told.SetRequests(fairlead.WindowState{Limit: 10, Remaining: 7})
	return map[string]string{"X-Of-Upstream": "yes"}
}

// follow answers a request by a log, to which the script writes meanwhile.
func follow(t *testing.T, of Call, script func(l *replay.Log)) *httptest.ResponseRecorder {
	t.Helper()
	logs := replay.New(replay.Config{Keep: time.Minute})
	l, err := logs.Open("crm", "a", replay.Options{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	router, err := api.New(api.Config{
		Faces: []api.Face{face{func(x *api.Exchange) error {
			cursor, err := l.Cursor(0)
			if err != nil {
				return err
			}
			close(ready)
			return Answer(x, Source{Cursor: cursor, Call: of, ErrorFrame: func(e *fairlead.Error) []byte {
				return []byte("event: error\ndata: " + e.Code + "\n\n")
			}})
		}}},
		Bodies: budget.New(0, 0), HeartbeatAfter: 5 * time.Second, Logger: slog.New(slog.DiscardHandler),
		BusyWait: func() time.Duration { return time.Second }, Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-ready
		script(l)
	}()
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/log", nil))
	if s := logs.Stats(); s.Readers != 0 {
		t.Errorf("left: %+v", s)
	}
	return w
}

func add(t *testing.T, l *replay.Log, event string) {
	t.Helper()
	if _, err := l.Append([]byte("data: " + event + "\n\n")); err != nil {
		t.Error(err)
	}
}

func failed(kind fairlead.Kind) *fairlead.Error { return &fairlead.Error{Kind: kind, Code: "broken"} }

// TestWhatAClientIsTold at which time, from the head on.
func TestWhatAClientIsTold(t *testing.T) {
	working := func() Call { c := new(call); c.slotted.Store(true); return c }
	queued := new(call)
	for _, c := range []struct {
		name   string
		of     Call
		script func(l *replay.Log)
		status int
		want   string // the body, without the spaces at line ends
	}{
		{"an answer", working(), func(l *replay.Log) { add(t, l, "1"); add(t, l, "2"); l.Close(nil) }, 200, "data: 1|data: 2|"},
		{"an answer after a long silence", working(), func(l *replay.Log) {
			<-time.After(12 * time.Second)
			add(t, l, "1")
			l.Close(nil)
		}, 200, "data: 1|"},
		{"a silence in it", working(), func(l *replay.Log) {
			add(t, l, "1")
			<-time.After(12 * time.Second)
			add(t, l, "2")
			l.Close(nil)
		}, 200, "data: 1|: keep-alive|: keep-alive|data: 2|"},
		{"a wait in the queue", queued, func(l *replay.Log) {
			<-time.After(7 * time.Second)
			queued.slotted.Store(true)
			<-time.After(5 * time.Second)
			add(t, l, "1")
			l.Close(nil)
		}, 200, ": queued|: keep-alive|data: 1|"},
		{"refused in the queue", new(call), func(l *replay.Log) {
			<-time.After(7 * time.Second)
			l.Close(failed(fairlead.Busy))
		}, 200, ": queued|event: error\ndata: broken|"},
		{"refused", working(), func(l *replay.Log) { l.Close(failed(fairlead.Busy)) }, 503, "body broken"},
		{"broken in the middle", working(), func(l *replay.Log) {
			add(t, l, "1")
			<-time.After(time.Second)
			l.Close(failed(fairlead.Upstream))
		}, 200, "data: 1|event: error\ndata: broken|"},
		{"canceled in the middle", working(), func(l *replay.Log) {
			add(t, l, "1")
			l.Close(failed(fairlead.Canceled))
		}, 200, "data: 1|event: error\ndata: broken|"},
		{"canceled before", working(), func(l *replay.Log) { l.Close(failed(fairlead.Canceled)) }, 410, "body broken"},
		{"nothing", working(), func(l *replay.Log) { l.Close(nil) }, 200, ": keep-alive|"},
		{"read on", nil, func(l *replay.Log) {
			<-time.After(7 * time.Second)
			add(t, l, "1")
			l.Close(nil)
		}, 200, ": keep-alive|: keep-alive|data: 1|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := follow(t, c.of, c.script)
				if got := strings.ReplaceAll(w.Body.String(), "\n\n", "|"); w.Code != c.status || got != c.want {
					t.Errorf("%d %q, want %d %q", w.Code, got, c.status, c.want)
				}
				if tells := w.Header().Get("X-Ratelimit-Remaining-Requests") == "7"; tells != (c.of != nil) {
					t.Errorf("head %v", w.Header())
				}
			})
		})
	}
}

// TestAClientThatLeaves: its connection is cut, and the log has a reader less.
func TestAClientThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := replay.New(replay.Config{Keep: time.Minute})
		l, err := logs.Open("crm", "a", replay.Options{})
		if err != nil {
			t.Fatal(err)
		}
		router, err := api.New(api.Config{
			Faces: []api.Face{face{func(x *api.Exchange) error {
				cursor, err := l.Cursor(-1)
				if err != nil {
					return err
				}
				return Answer(x, Source{Cursor: cursor})
			}}},
			Bodies: budget.New(0, 0), Refused: func(string, string) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		defer func() {
			if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that was returned
				t.Errorf("panic %v, want the one that aborts the connection", p)
			}
			if s := logs.Stats(); s.Readers != 0 || s.Running != 1 {
				t.Errorf("left: %+v", s)
			}
		}()
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/log", nil))
	})
}
