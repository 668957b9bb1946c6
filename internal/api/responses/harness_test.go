package responses_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	face "github.com/fairleadhq/fairlead/internal/api/responses"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// speaker is a provider that says a word a step, and stops before each until it is
// let go on.
type speaker struct {
	steps chan struct{} // nil: it does not stop
	words int
	fails *fairlead.Error // after its words
	// cannot is why it does not take a request at all.
	cannot *fairlead.Error

	mu   sync.Mutex
	last *fairlead.Request
	left bool // its call was ended
}

func (s *speaker) Answer(ctx context.Context, _ *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	s.mu.Lock()
	s.last = req
	s.mu.Unlock()
	if req.Envelope.Model == "mute" {
		return &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error", Message: "The provider failed"}
	}
	err := s.speak(ctx, req, emit)
	if ctx.Err() != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.left = true
	}
	return err
}

func (s *speaker) speak(ctx context.Context, req *fairlead.Request, emit fairlead.Emit) error {
	if !req.Envelope.Stream {
		return s.tell(emit, fairlead.Head{ContentType: "application/json"}, object(req.AnswerID, "completed", s.words))
	}
	created := object(req.AnswerID, "in_progress", 0)
	err := s.tell(emit, fairlead.Head{ContentType: "text/event-stream", Stream: true}, frame("response.created", 0, `"response":`+created))
	for n := range s.words {
		if err == nil {
			err = s.step(ctx)
		}
		if err != nil {
			return err
		}
		err = emit(fairlead.Event{Data: []byte(frame("response.output_text.delta", n+1, `"delta":"word "`))})
	}
	if err == nil && s.fails != nil {
		return s.fails
	}
	if err == nil {
		err = emit(fairlead.Event{Data: []byte(frame("response.completed", s.words+1, `"response":`+object(req.AnswerID, "completed", s.words)))})
	}
	if err != nil {
		return err
	}
	return emit(fairlead.Event{End: &fairlead.End{Usage: fairlead.Usage{Input: 1, Output: s.words}}})
}

func (s *speaker) tell(emit fairlead.Emit, head fairlead.Head, text string) error {
	if err := emit(fairlead.Event{Head: &head}); err != nil {
		return err
	}
	if err := emit(fairlead.Event{Data: []byte(text)}); err != nil || head.Stream {
		return err
	}
	return emit(fairlead.Event{End: &fairlead.End{}})
}

func (s *speaker) step(ctx context.Context) error {
	if s.steps == nil {
		return nil
	}
	select {
	case <-s.steps:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Prepare implements fairlead.Preparer.
func (s *speaker) Prepare(*fairlead.Call, *fairlead.Request) error {
	if s.cannot == nil {
		return nil
	}
	return s.cannot
}

func (s *speaker) request() *fairlead.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *speaker) hasLeft() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

func object(id, status string, words int) string {
	return fmt.Sprintf(`{"id":%q,"object":"response","status":%q,"output":[{"id":"msg_1","type":"message","role":"assistant",`+
		`"content":[{"type":"output_text","text":%q}]}]}`, id, status, strings.Repeat("word ", words))
}

func frame(event string, n int, rest string) string {
	return fmt.Sprintf("event: %s\ndata: {\"type\":%q,\"sequence_number\":%d,%s}\n\n", event, event, n, rest)
}

type keys struct{}

func (keys) Authenticate(key string) (*fairlead.App, error) {
	return &fairlead.App{ID: fairlead.AppID(key), RateLimitPerMinute: 1000}, nil
}

func (keys) IsAdmin(string) bool { return false }

// service is the face with everything behind it but the provider.
type service struct {
	t       *testing.T
	url     string
	gateway *gateway.Gateway
	bodies  *budget.Budget
	logs    *replay.Logs
	records *records
	store   *ledger
}

// ledger is a store that knows what was put into it.
type ledger struct {
	*sqlite.Store

	mu  sync.Mutex
	ids []string
}

func (l *ledger) PutResponse(ctx context.Context, r fairlead.Response, room fairlead.ResponseRoom) error {
	l.mu.Lock()
	l.ids = append(l.ids, r.ID)
	l.mu.Unlock()
	return l.Store.PutResponse(ctx, r, room)
}

// left is how many of the responses of app a that were put are there.
func (l *ledger) left(t *testing.T) (put, left int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.ids {
		_, ok, err := l.Response(t.Context(), "a", id)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			left++
		}
	}
	return len(l.ids), left
}

// in is how many of the responses of app a have that status.
func (l *ledger) in(t *testing.T, status fairlead.ResponseStatus) (n int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.ids {
		r, ok, err := l.Response(t.Context(), "a", id)
		if err != nil {
			t.Fatal(err)
		}
		if ok && r.Status == status {
			n++
		}
	}
	return n
}

type records struct {
	mu  sync.Mutex
	all []fairlead.Record
}

func (r *records) Record(one *fairlead.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, *one)
}

func (r *records) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

func start(t *testing.T, model fairlead.Model) *service {
	t.Helper()
	file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	store := &ledger{Store: file}
	t.Cleanup(func() { store.Close() })
	logger := slog.New(slog.DiscardHandler)
	control := admission.New(admission.Config{
		Slots: 20, MaxQueue: 50, MaxQueuePerApp: 50, Pools: map[string]admission.Pool{"p": {}},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: time.Minute},
	}, memory.New())
	s := &service{t: t, logs: replay.New(replay.Config{Budget: 8 << 20, Keep: time.Minute}), bodies: budget.New(64<<20, 8<<20), records: &records{}, store: store}
	s.gateway = gateway.New(gateway.Config{
		Admission: control, Recorder: s.records, Logger: logger,
		Upstream: upstream.New(upstream.Config{
			Providers: []upstream.Provider{{Name: "p", Model: model, Patterns: []string{"m", "mute"}, Default: "m"}},
			Gate:      control, Logger: logger,
		}),
	})
	keeper := responses.New(responses.Config{Store: store, Sweeper: store, Names: store, Limits: responses.DefaultLimits(), Logger: logger})
	router, err := api.New(api.Config{
		Faces: []api.Face{face.New(face.Config{
			Gateway: s.gateway, Keeper: keeper, Logs: s.logs,
		})},
		Keys: keys{}, MaxBody: 8 << 20, Bodies: s.bodies, HeartbeatAfter: 50 * time.Millisecond,
		BusyWait: control.BusyWait, Refused: func(string, string) {}, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(router)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		s.gateway.Drain(ctx)
		server.Close()
		if used := s.bodies.Used(); used != 0 {
			t.Errorf("%d bytes of bodies are left", used)
		}
	})
	s.url = server.URL
	return s
}

// open sends a request as app.
func (s *service) open(ctx context.Context, app, method, path, body string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+app)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// do is open for an answer that is read whole.
func (s *service) do(app, method, path, body string) (status int, text string) {
	s.t.Helper()
	answer := s.open(s.t.Context(), app, method, path, body)
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// made is the id of a response that app a has just made.
func (s *service) made(body string) string {
	s.t.Helper()
	status, text := s.do("a", http.MethodPost, "/v1/responses", body)
	if status != http.StatusOK {
		s.t.Fatalf("%d %s", status, text)
	}
	return idOf(s.t, text)
}

func idOf(t *testing.T, text string) string {
	t.Helper()
	var o struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil || o.ID == "" {
		t.Fatalf("no id in %s: %v", text, err)
	}
	return o.ID
}

// eventually waits until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not in time: %s", what)
		}
	}
}
