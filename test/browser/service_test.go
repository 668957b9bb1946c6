package browser_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// frame is a JSON object, as it goes over the socket.
type frame = map[string]any

// script gives one answer, in its own time. It ends when ctx does, which is when
// the answer is cancelled or the test is over.
type script func(ctx context.Context, a *answer)

// service stands in for the service's side of /ws: tickets, sessions, answers that
// outlive their sockets. What it says and when is the test's to decide, to the
// frame: positions in a queue, a socket that drops between two tokens, a refusal.
type service struct {
	t      *testing.T
	key    string
	script script
	ctx    context.Context //nolint:containedctx // answers outlive the requests that asked for them
	work   sync.WaitGroup

	mu      sync.Mutex
	answers map[string]*answer // by response id
	sockets map[*websocket.Conn]bool
	tickets map[string]bool
	heard   []frame
	// refusal, if it is set, is how a ticket is refused, and door how a socket is
	// closed before its session begins.
	refusal *ticketRefusal
	door    *closing
	// heartbeat is what a session is told, in seconds; the sockets in muted are
	// neither heard nor written to any more.
	heartbeat float64
	longest   int // bytes of a message
	muted     map[*websocket.Conn]bool
}

type ticketRefusal struct {
	status int
	body   string
}

type closing struct {
	code   websocket.StatusCode
	reason string
}

func newService(t *testing.T, key string, script script) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &service{
		t: t, key: key, script: script, ctx: ctx,
		answers: make(map[string]*answer), sockets: make(map[*websocket.Conn]bool), tickets: make(map[string]bool),
		heartbeat: 20, longest: 1 << 20, muted: make(map[*websocket.Conn]bool),
	}
	t.Cleanup(func() {
		cancel()
		s.drop()
		s.work.Wait()
	})
	return s
}

// ticket answers POST /ws/ticket.
func (s *service) ticket(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refusal != nil:
		w.WriteHeader(s.refusal.status)
		_, _ = w.Write([]byte(s.refusal.body))
	case r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer "+s.key:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"success":false,"error":"Invalid API key","code":"invalid_api_key"}`))
	default:
		ticket := rand.Text()
		s.tickets[ticket] = true
		fmt.Fprintf(w, `{"ticket":%q,"expires_in":60}`, ticket)
	}
}

// socket answers GET /ws until the socket is closed.
func (s *service) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	if code, reason := s.admit(r.URL.Query().Get("ticket")); code != 0 {
		_ = conn.Close(code, reason)
		return
	}
	s.mu.Lock()
	s.sockets[conn] = true
	heartbeat := s.heartbeat
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sockets, conn)
	}()
	s.write(conn, frame{
		"type": "session.created", "session_id": "sess_" + rand.Text(), "heartbeat": heartbeat,
		"limits": frame{"lanes": 16, "turns_waiting_per_lane": 16, "message_bytes": s.longest, "age_seconds": 3600},
	})
	for {
		_, data, err := conn.Read(s.ctx)
		if err != nil {
			return
		}
		var said frame
		if err := json.Unmarshal(data, &said); err != nil {
			s.t.Errorf("the page sent %q: %v", data, err)
			return
		}
		s.hear(conn, said)
	}
}

// admit says how a socket with this ticket is closed, if it is; a ticket is good
// for one.
func (s *service) admit(ticket string) (websocket.StatusCode, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.tickets[ticket]
	delete(s.tickets, ticket)
	switch {
	case s.door != nil:
		return s.door.code, s.door.reason
	case !known:
		return websocket.StatusPolicyViolation, "invalid ticket"
	}
	return 0, ""
}

func (s *service) hear(conn *websocket.Conn, said frame) {
	s.mu.Lock()
	s.heard = append(s.heard, said)
	s.mu.Unlock()
	stream, _ := said["stream_id"].(string)
	switch said["type"] {
	case "response.create":
		a := s.begin(said, stream)
		s.work.Go(func() { a.follow(conn, stream, -1) })
	case "response.resume":
		id, _ := said["response_id"].(string)
		after, ok := said["starting_after"].(float64)
		if !ok {
			after = -1
		}
		s.mu.Lock()
		a := s.answers[id]
		s.mu.Unlock()
		if a == nil {
			s.write(conn, frame{"type": "error", "status": http.StatusNotFound, "stream_id": stream, "error": frame{
				"type": "invalid_request_error", "code": "response_not_found", "message": "There is no such response", "param": nil,
			}})
			return
		}
		s.work.Go(func() { a.follow(conn, stream, int(after)) })
	case "response.cancel":
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, a := range s.answers {
			if a.stream == stream {
				a.cancel()
			}
		}
	case "ping":
		s.write(conn, frame{"type": "pong"}) // unless it is mute
	}
}

// begin has the script give an answer.
func (s *service) begin(ask frame, stream string) *answer {
	ctx, cancel := context.WithCancel(s.ctx)
	a := &answer{service: s, id: "resp_" + rand.Text(), stream: stream, ask: ask, cancel: cancel, changed: make(chan struct{})}
	s.mu.Lock()
	s.answers[a.id] = a
	s.mu.Unlock()
	s.work.Go(func() {
		defer cancel()
		s.script(ctx, a)
		if ctx.Err() != nil {
			a.event("response.incomplete", frame{"response": frame{
				"id": a.id, "status": "incomplete", "incomplete_details": frame{"reason": "cancelled"},
			}})
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ended = true
		a.wake()
	})
	return a
}

func (s *service) write(conn *websocket.Conn, f frame) {
	s.mu.Lock()
	muted := s.muted[conn]
	s.mu.Unlock()
	if muted {
		return
	}
	data, err := json.Marshal(f)
	if err != nil {
		s.t.Error(err)
		return
	}
	_ = conn.Write(s.ctx, websocket.MessageText, data)
}

// hush sets the heartbeat of the sessions to come.
func (s *service) hush(seconds float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heartbeat = seconds
}

// mute has the sockets that are open say nothing any more, as if what lies between
// had gone.
func (s *service) mute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.muted, s.sockets)
}

// drop cuts every socket, as a network does: nobody says goodbye.
func (s *service) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.sockets {
		_ = conn.CloseNow()
	}
}

// closeAll closes every socket with a code.
func (s *service) closeAll(with closing) {
	s.mu.Lock()
	open := make([]*websocket.Conn, 0, len(s.sockets))
	for conn := range s.sockets {
		open = append(open, conn)
	}
	s.mu.Unlock()
	for _, conn := range open {
		_ = conn.Close(with.code, with.reason)
	}
}

// forget has the service know none of its answers any more.
func (s *service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = make(map[string]*answer)
}

// deny has tickets refused and sockets closed at the door, until it is called with
// nils.
func (s *service) deny(refusal *ticketRefusal, door *closing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal, s.door = refusal, door
}

// said are the frames of a type that pages have sent.
func (s *service) said(kind string) []frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.heard), func(f frame) bool { return f["type"] != kind })
}

// conversation is what a request says: "role: text" for each message.
func conversation(t *testing.T, request frame) []string {
	t.Helper()
	data, err := json.Marshal(request["input"])
	if err != nil {
		t.Fatal(err)
	}
	var messages []struct{ Type, Role, Content string }
	if err := json.Unmarshal(data, &messages); err != nil {
		t.Fatalf("the page sent the input %s: %v", data, err)
	}
	var all []string
	for _, m := range messages {
		if m.Type != "message" {
			t.Errorf("the page sent a %q", m.Type)
		}
		all = append(all, m.Role+": "+m.Content)
	}
	return all
}

// answer is the log of one answer; sockets are cursors on it.
type answer struct {
	service *service
	id      string
	stream  string
	ask     frame
	cancel  context.CancelFunc

	mu      sync.Mutex
	events  []event
	last    int // number of the next event
	ended   bool
	changed chan struct{}
}

// event is one frame of an answer; seq is -1 for one that has no number.
type event struct {
	seq  int
	body frame
}

// wake tells the cursors that there is more.
func (a *answer) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *answer) event(kind string, more frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body := frame{"type": kind, "sequence_number": a.last}
	maps.Copy(body, more)
	a.events = append(a.events, event{a.last, body})
	a.last++
	a.wake()
}

// queued tells a place in the queue.
func (a *answer) queued(position int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, event{-1, frame{"type": "response.queued", "position": position}})
	a.wake()
}

func (a *answer) created() {
	a.event("response.created", frame{"response": frame{"id": a.id, "status": "in_progress", "model": "mock-1", "output": []any{}}})
}

// words says a text in pieces of about a word.
func (a *answer) words(text string) {
	for _, piece := range strings.SplitAfter(text, " ") {
		a.event("response.output_text.delta", frame{"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": piece})
	}
}

func (a *answer) completed() {
	a.event("response.completed", frame{"response": frame{
		"id": a.id, "status": "completed", "model": "mock-1", "usage": frame{"input_tokens": 7, "output_tokens": 35, "total_tokens": 42},
	}})
}

// refused ends the answer with an error frame.
func (a *answer) refused(status, retryAfter int, code, message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	inner := frame{"type": "server_error", "code": code, "message": message, "param": nil}
	body := frame{"type": "error", "status": status, "error": inner}
	if retryAfter > 0 {
		body["retry_after"] = retryAfter
	}
	a.events = append(a.events, event{-1, body})
	a.wake()
}

// follow writes the events after a number to a socket, as they come.
func (a *answer) follow(conn *websocket.Conn, stream string, after int) {
	next := 0
	for {
		a.mu.Lock()
		events, ended, changed := a.events[next:], a.ended, a.changed
		next = len(a.events)
		a.mu.Unlock()
		for _, e := range events {
			if after >= 0 && e.seq <= after {
				continue
			}
			told := frame{"stream_id": stream}
			maps.Copy(told, e.body)
			a.service.write(conn, told)
		}
		if ended && len(events) == 0 {
			return
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-a.service.ctx.Done():
			return
		}
	}
}
