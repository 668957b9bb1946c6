package ws

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	crmKey  = "a-test-key-of-the-crm-app"
	shopKey = "a-test-key-of-the-shop-app"
)

// keys are two apps.
type keys map[string]*fairlead.App

func (k keys) Authenticate(key string) (*fairlead.App, error) {
	if app := k[key]; app != nil {
		return app, nil
	}
	return nil, &fairlead.Error{Kind: fairlead.Unauthenticated, Code: "invalid_api_key", Message: "unknown"}
}

func (k keys) IsAdmin(string) bool { return false }

// shelf is a store in memory.
type shelf struct {
	mu   sync.Mutex
	rows map[string]fairlead.Response
}

func (s *shelf) PutResponse(_ context.Context, r fairlead.Response, _ fairlead.ResponseRoom) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Items, r.Body = append([]byte(nil), r.Items...), append([]byte(nil), r.Body...)
	s.rows[string(r.App)+r.ID] = r
	return nil
}

func (s *shelf) UpdateResponse(_ context.Context, r fairlead.Response, _ fairlead.ResponseRoom) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[string(r.App)+r.ID]
	if !ok || row.Status.Ended() {
		return nil
	}
	row.Status = r.Status
	if len(r.Body) > 0 {
		row.Body = append([]byte(nil), r.Body...)
	}
	s.rows[string(r.App)+r.ID] = row
	return nil
}

func (s *shelf) Response(_ context.Context, app fairlead.AppID, id string) (fairlead.Response, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[string(app)+id]
	return r, ok, nil
}

func (s *shelf) DeleteResponse(context.Context, fairlead.AppID, string) (bool, error) {
	return false, nil
}
func (s *shelf) SweepResponses(context.Context, time.Time) error { return nil }
func (s *shelf) FailResponses(context.Context, time.Time) error  { return nil }
func (s *shelf) NoteResponseNames(context.Context, fairlead.AppID, string, []string) error {
	return nil
}

func (s *shelf) HasResponseName(context.Context, fairlead.AppID, string) (bool, error) {
	return false, nil
}

// speaker is a model whose answers are what its test says. An input that begins with
// "hold" is answered as far as its first event, and goes on when the test says so.
type speaker struct {
	hold chan struct{}

	ended chan error // of the calls that were held

	mu    sync.Mutex
	asked []fairlead.Request
}

func (s *speaker) Answer(ctx context.Context, _ *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	s.mu.Lock()
	kept := *req
	kept.Body = append([]byte(nil), req.Body...)
	s.asked = append(s.asked, kept)
	s.mu.Unlock()
	var body struct {
		Input string `json:"input"`
		User  string `json:"user"`
	}
	_ = json.Unmarshal(req.Body, &body) // the items of a conversation are no text
	said := body.Input + body.User
	say := func(frames ...string) error {
		for _, f := range frames {
			if err := emit(fairlead.Event{Data: []byte(f)}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := emit(fairlead.Event{Head: &fairlead.Head{ContentType: "text/event-stream", Stream: true}}); err != nil {
		return err
	}
	first, last := chatFrames(said)
	if req.Dialect == fairlead.OpenAIResponses {
		first, last = responseFrames(req.AnswerID, said)
	}
	if err := say(first...); err != nil {
		return err
	}
	if strings.HasPrefix(said, "hold") {
		select {
		case <-s.hold:
		case <-ctx.Done():
			s.ended <- context.Cause(ctx)
			return ctx.Err()
		}
	}
	if strings.HasPrefix(said, "fail") {
		return &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_broken", Message: "The provider broke off"}
	}
	if err := say(last...); err != nil {
		return err
	}
	return emit(fairlead.Event{End: &fairlead.End{Usage: fairlead.Usage{Input: 1, Output: 2}}})
}

// count is how often it was asked, request what it was asked then.
func (s *speaker) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *speaker) request(n int) fairlead.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[n]
}

// wait returns when a call that was held has been ended.
func (s *speaker) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		if err == nil {
			t.Error("ended without a cause")
		}
	case <-time.After(patience):
		t.Fatal("the call goes on")
	}
}

func responseFrames(id, said string) (first, last []string) {
	object := func(status, output string) string {
		return fmt.Sprintf(`"response":{"id":%q,"object":"response","status":%q,"model":"m","output":[%s]}`, id, status, output)
	}
	n := 0
	event := func(kind, members string) string {
		n++
		return fmt.Sprintf("event: %s\ndata: {\"type\":%q,\"sequence_number\":%d,%s}\n\n", kind, kind, n-1, members)
	}
	message := fmt.Sprintf(`{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":%q}]}`, "echo "+said)
	return []string{event("response.created", object("in_progress", ""))},
		[]string{
			": keep-alive\n\n", event("response.output_text.delta", `"delta":"echo "`) + event("response.output_text.delta", fmt.Sprintf(`"delta":%q`, said)),
			event("response.completed", object("completed", message)),
		}
}

func chatFrames(said string) (first, last []string) {
	chunk := func(delta, finish string) string {
		return fmt.Sprintf("data: {\"id\":\"chatcmpl-7\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":%s}]}\n\n", delta, finish)
	}
	return []string{chunk("echo ", "null")}, []string{chunk(said, `"stop"`), "data: [DONE]\n\n"}
}

// records counts the Records.
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

// bench is a service with nothing but the face.
type bench struct {
	*httptest.Server
	t       *testing.T
	face    *Face
	model   *speaker
	control *admission.Controller
	way     *gateway.Gateway
	bodies  *budget.Budget
	records records
}

// layout is what a test changes.
type layout struct {
	slots, places, queue int
	rate                 int // of the crm app
	grace                time.Duration
	origins              []string
}

func open(t *testing.T, l layout) *bench {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if l.slots == 0 {
		l.slots = 20
	}
	b := &bench{t: t, model: &speaker{hold: make(chan struct{}), ended: make(chan error, 100)}, bodies: budget.New(0, 0)}
	b.control = admission.New(admission.Config{
		Slots: l.slots, MaxQueue: 500, MaxQueuePerApp: 125, Pools: map[string]admission.Pool{fairlead.LocalPool: {}},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: 2 * time.Minute},
	}, memory.New())
	b.way = gateway.New(gateway.Config{
		Admission: b.control, Recorder: &b.records, Logger: logger,
		Upstream: upstream.New(upstream.Config{
			Providers: []upstream.Provider{{Name: fairlead.LocalPool, Model: b.model, Patterns: []string{"m"}, Default: "m"}},
			Gate:      b.control, Logger: logger, DefaultModel: "m",
		}),
	})
	store := &shelf{rows: make(map[string]fairlead.Response)}
	b.face = New(Config{
		Gateway: b.way, Bodies: b.bodies, BusyWait: b.control.BusyWait, Logger: logger, Grace: l.grace,
		Keeper:  responses.New(responses.Config{Store: store, Sweeper: store, Names: store, Limits: responses.DefaultLimits(), Logger: logger}),
		Logs:    replay.New(replay.Config{Keep: time.Second}),
		MaxOpen: l.places, MaxWaiting: l.queue, Origins: l.origins,
	})
	router, err := api.New(api.Config{
		Faces: []api.Face{b.face}, Tickets: b.face, Bodies: b.bodies, BusyWait: b.control.BusyWait, Logger: logger,
		Keys: keys{
			crmKey: {ID: "crm", RateLimitPerMinute: l.rate, Weight: 1}, shopKey: {ID: "shop", Weight: 1},
		},
		Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Server = httptest.NewServer(router)
	t.Cleanup(b.end)
	return b
}

// end ends the service as a server does, and looks whether anything is left.
func (b *bench) end() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var group sync.WaitGroup
	group.Go(func() { b.face.Drain(ctx) })
	b.way.Drain(ctx)
	group.Wait()
	b.Close()
	if used := b.bodies.Used(); used != 0 {
		b.t.Errorf("%d bytes are still reserved", used)
	}
	if got := b.face.turnstile.Stats(); got.Open != 0 {
		b.t.Errorf("%d places are still taken", got.Open)
	}
	if got := b.control.Slots(); got.InUse != 0 {
		b.t.Errorf("%d slots are still in use", got.InUse)
	}
}

// expectNoSlot waits until no slot is in use: a socket that waits holds none.
func (b *bench) expectNoSlot() {
	b.t.Helper()
	for end := time.Now().Add(patience); b.control.Slots().InUse > 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("a socket that waits holds a slot")
		}
	}
}

// client is a client of the service.
type client struct {
	*websocket.Conn
	t *testing.T
}

// event is a frame of the service.
type event struct {
	Type      string          `json:"type"`
	Stream    string          `json:"stream_id"`
	Number    *int            `json:"sequence_number"`
	Delta     string          `json:"delta"`
	Status    int             `json:"status"`
	Position  int             `json:"position"`
	Heartbeat int             `json:"heartbeat"`
	Session   string          `json:"session_id"`
	Retry     int             `json:"retry_after"`
	Data      json.RawMessage `json:"data"`
	Response  struct {
		ID     string            `json:"id"`
		Status string            `json:"status"`
		Output []json.RawMessage `json:"output"`
	} `json:"response"`
	Error struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Param   string `json:"param"`
	} `json:"error"`

	raw string
}

// dial connects; o may be nil.
func (b *bench) dial(t *testing.T, path string, o *websocket.DialOptions) (*client, error) {
	t.Helper()
	if o == nil {
		o = &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + crmKey}}}
	}
	conn, resp, err := websocket.Dial(t.Context(), b.URL+path, o)
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("status %d: %w", resp.StatusCode, err)
		}
		return nil, err
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(-1)
	return &client{Conn: conn, t: t}, nil
}

func (b *bench) mustDial(t *testing.T, path string) *client {
	t.Helper()
	c, err := b.dial(t, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if path == "/ws" {
		if got := c.next(); got.Type != "session.created" || got.Session == "" || got.Heartbeat != 20 {
			t.Fatalf("first came %s", got.raw)
		}
	}
	return c
}

func (c *client) say(format string, args ...any) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatal(err)
	}
}

// next reads an event.
func (c *client) next() event {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	kind, text, err := c.Read(ctx)
	if err != nil || kind != websocket.MessageText {
		c.t.Fatalf("read: %v", err)
	}
	e := event{raw: string(text)}
	if err := json.Unmarshal(text, &e); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return e
}

// until reads events as far as one of that type, which it returns with the types of
// those before it.
func (c *client) until(kind string) (event, []string) {
	c.t.Helper()
	var before []string
	for {
		e := c.next()
		if e.Type == kind {
			return e, before
		}
		before = append(before, e.Type)
	}
}

// code reads the code by which the socket is closed, and the reason.
func (c *client) code() (websocket.StatusCode, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		_, _, err := c.Read(ctx)
		if err == nil {
			continue
		}
		var closed websocket.CloseError
		if e, ok := asClose(err); ok {
			closed = e
		}
		return closed.Code, closed.Reason
	}
}
