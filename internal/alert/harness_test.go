package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// safeLog is a log that may be read while it is written.
type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newLog() *safeLog { return new(safeLog) }

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *safeLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// running is a Run under way.
type running struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// start runs m until stop, or the end of the test.
func start(t *testing.T, m *Monitor) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // the end of a test is no shutdown
	r := &running{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	}()
	t.Cleanup(func() { r.stop() })
	return r
}

// stop ends Run and tells how long that took.
func (r *running) stop() time.Duration {
	begun := time.Now()
	r.cancel()
	<-r.ended
	return time.Since(begun)
}

// arrival is a request that came to the hook.
type arrival struct {
	at     time.Time
	url    string
	header http.Header
	body   message
	limit  time.Duration // of the time for the answer
}

// hook is a webhook in memory: the transport to it.
type hook struct {
	log    *safeLog
	answer answer

	mu       sync.Mutex
	arrivals []arrival
}

// answer says how the n-th request, from 1, is answered.
type answer func(n int, req *http.Request) (*http.Response, error)

// newHook makes a hook, and looks at the end of the test whether its address
// got into the log.
func newHook(t *testing.T, a answer) *hook {
	t.Helper()
	h := &hook{log: newLog(), answer: a}
	t.Cleanup(func() {
		if log := strings.ToLower(h.log.String()); strings.Contains(log, "canary") {
			t.Errorf("the webhook's address is in the log:\n%s", log)
		}
	})
	return h
}

// begin starts a monitor, as it is by default, that posts to a hook.
func begin(t *testing.T, a answer) (*Monitor, *hook) {
	t.Helper()
	h := newHook(t, a)
	m := newMonitor(t, h.config())
	start(t, m)
	return m, h
}

const hookURL = "https://user:cAnArYpass@canary-host.example/services/cAnArYpath?token=cAnArYquery"

// config is the default one with the hook.
func (h *hook) config() Config {
	c := seedConfig()
	c.Webhook, c.Transport, c.Logger = hookURL, h, h.log.logger()
	return c
}

func (h *hook) RoundTrip(req *http.Request) (*http.Response, error) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	got := arrival{at: time.Now(), url: req.URL.String(), header: req.Header}
	if deadline, ok := req.Context().Deadline(); ok {
		got.limit = deadline.Sub(got.at)
	}
	if err := json.Unmarshal(data, &got.body); err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.arrivals = append(h.arrivals, got)
	n := len(h.arrivals)
	h.mu.Unlock()
	return h.answer(n, req)
}

// got returns the requests that came so far.
func (h *hook) got() []arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.arrivals)
}

// states returns "app state" of the requests that came so far.
func (h *hook) states() []string {
	var all []string
	for _, a := range h.got() {
		all = append(all, a.body.App+" "+a.body.State)
	}
	return all
}

// status is an answer; header is of pairs "Name: value".
func status(code int, header ...string) *http.Response {
	resp := &http.Response{StatusCode: code, Header: make(http.Header), Body: io.NopCloser(strings.NewReader("ok"))}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		resp.Header.Set(name, value)
	}
	return resp
}

// always answers every request alike.
func always(code int, header ...string) answer {
	return func(int, *http.Request) (*http.Response, error) { return status(code, header...), nil }
}

// never answers: each request ends with its context.
func never(_ int, req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}
