package ws

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/api/filesearch"
	"github.com/fairleadhq/fairlead/internal/api/ws/frame"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/life"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/socket"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// turn is one thing that a client asks for on a lane, and on /ws it may outlive the
// socket.
type turn struct {
	session *session
	frame   frame.Frame
	account *budget.Account
	work    *gateway.Work // what cancel ends; nil where it ends with the socket

	// What follows belongs to the goroutine that makes the call.

	call    fairlead.Call
	tell    func(event []byte) error
	named   func(id string) // is told the answer's id when that is known; may be nil
	kept    *responses.Turn // nil for chat completions
	found   *filesearch.Answer
	sources *grounding.Sources
	buf     []byte // a payload of several lines
	events  int    // that were told
	untold  bool   // how it ended could not be told
}

// close gives back what the turn has.
func (t *turn) close() { t.account.Close() }

// make makes the call and tells its events, the last of which says how it ended. It
// returns how the call ended.
func (t *turn) make(ctx context.Context) error {
	defer t.close()
	if t.frame.Warm {
		return t.end(ctx, t.warm(ctx))
	}
	emit := t.emit
	read := func(ctx context.Context) (*fairlead.Request, error) {
		req, err := t.read(ctx)
		switch {
		case t.kept != nil:
			emit = t.found.Watch(t.kept.Watch(context.WithoutCancel(ctx), t.emit))
		case t.sources != nil:
			emit = t.sources.Watch(t.emit)
		}
		return req, err
	}
	err := t.session.face.config.Gateway.Chat(ctx, &t.call, read, func(e fairlead.Event) error { return emit(e) })
	return t.end(ctx, err)
}

// read reads the request.
func (t *turn) read(ctx context.Context) (*fairlead.Request, error) {
	body := t.frame.Body
	if t.frame.Type == frame.ChatCreate {
		return t.readChat(ctx, body)
	}
	var req *fairlead.Request
	var err error
	t.kept, req, err = t.session.face.config.Keeper.Begin(ctx, responses.Ask{
		App: t.session.app.ID, Body: body, Session: t.session.kept, Memory: t.account,
	})
	if err != nil || t.frame.Warm { // nothing is to be generated, nor searched for
		return req, err
	}
	req, t.found, err = t.session.face.config.Files.Ground(ctx, &t.call, req)
	return req, err
}

// readChat reads a request for a chat completion, which may name documents as one of the
// native endpoint does.
func (t *turn) readChat(ctx context.Context, body []byte) (*fairlead.Request, error) {
	if !bytes.Contains(body, []byte(`"document_ids"`)) {
		e, err := envelope.Chat(body)
		if err != nil {
			return nil, err
		}
		return &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: body, Envelope: e}, nil
	}
	own, chat, err := envelope.Native(body, envelope.Wish{})
	if err != nil {
		return nil, err
	}
	req := &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: chat, Envelope: own.Envelope}
	if own.Documents != nil {
		req, t.sources, err = t.session.face.config.Grounder.Ground(ctx, &t.call, req, fairlead.Within{Documents: own.Documents})
	}
	return req, err
}

// emit tells the events of an answer.
func (t *turn) emit(e fairlead.Event) error {
	switch {
	case e.Head != nil && !e.Head.Stream:
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_invalid_answer",
			Message: "The provider answered with a whole body where a stream was asked for",
		}
	case e.Head != nil || e.End != nil:
		return nil
	}
	for block := range sse.Frames(e.Data) {
		payload := sse.Data(block, t.buf)
		if len(payload) == 0 {
			continue // by which the upstream says that it is alive, now
		}
		if err := t.pass(payload); err != nil {
			return err
		}
	}
	return nil
}

// pass tells one event of the upstream's.
func (t *turn) pass(payload []byte) error {
	if t.frame.Type == frame.ChatCreate {
		if string(payload) == "[DONE]" {
			return nil
		}
		if t.events == 0 && t.named != nil {
			t.named(frame.ID(payload))
		}
		payload = frame.Event("chat.completion.chunk", t.events, frame.Member("data", payload))
	} else if t.events == 0 && t.named != nil {
		t.named(t.kept.ID())
	}
	if payload[0] != '{' {
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_invalid_answer", Message: "The provider sent an event that is no JSON object",
		}
	}
	t.events++
	return t.tell(payload)
}

// end tells how the turn ended, when the keeper knows it.
func (t *turn) end(ctx context.Context, err error) error {
	var last [][]byte
	switch {
	case err != nil:
		last = t.broken(fairlead.AsError(err))
	case t.frame.Type == frame.ChatCreate:
		last = [][]byte{frame.Event("chat.completion.done", t.events, nil)}
	}
	if kept := t.kept; kept != nil {
		kept.Close(context.WithoutCancel(ctx), err)
	}
	for _, event := range last {
		if t.tell(event) != nil {
			t.untold = true
			break
		}
	}
	return err
}

// broken are the events that end an answer which broke; none if its end was told.
func (t *turn) broken(e *fairlead.Error) [][]byte {
	kept := t.kept
	if kept != nil && kept.Ended() {
		return nil
	}
	if kept != nil && t.events > 0 && e.Kind == fairlead.Canceled && e.Code == codeCancelled {
		return [][]byte{frame.Event("response.cancelled", kept.Events(), frame.Member("response_id", frame.Text(kept.ID())))}
	}
	if e.Kind == fairlead.Canceled { // whoever reads this has not left
		gone := *e
		gone.Kind = fairlead.Gone
		e = &gone
	}
	all := [][]byte{frame.Error(e, api.Status(e))}
	if kept == nil || t.events == 0 {
		return all
	}
	at := refusal.Broken{Sequence: kept.Events(), Response: kept.Told()}
	first := true
	for block := range sse.Frames(refusal.ResponsesFrames(e, at)) {
		if !first { // the first is the error, in the form that streams over HTTP have
			all = append(all, append([]byte(nil), sse.Data(block, nil)...))
		}
		first = false
	}
	return all
}

// warm answers a turn that asks for nothing to be generated: it is there to be
// continued. It is no call.
func (t *turn) warm(ctx context.Context) error {
	way := t.session.face.config.Gateway
	if err := way.Ready(); err != nil {
		return err
	}
	if err := way.Look(t.session.app); err != nil {
		return err
	}
	req, err := t.read(ctx)
	if err != nil {
		return err
	}
	if t.kept == nil {
		return &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_value", Param: "generate", Message: "generate is for responses",
		}
	}
	if _, err := way.Resolve(t.session.app, req.Envelope.Model); err != nil {
		return err
	}
	object, err := t.kept.Prepared(ctx)
	if err != nil {
		return err
	}
	for _, kind := range []string{"response.created", "response.completed"} {
		if err := t.pass(frame.Event(kind, t.events, frame.Member("response", object))); err != nil {
			return err
		}
	}
	return nil
}

// take answers a turn on its lane.
func (s *session) take(t *turn) {
	call := &t.call
	call.Arrived = time.Now() // the turns before it in its lane are not its own time
	call.ID, call.App, call.Face, call.Class = s.ids.Next(call.Arrived), s.app, Name, s.class
	call.Patience, call.Memory = s.patience, t.account
	switch {
	case t.frame.Type == frame.ResponseResume:
		t.close()
		s.resume(t)
	case s.protocol == ownProtocol:
		s.follow(t)
	default:
		s.answer(t)
	}
}

// answer makes a call that ends with the socket.
func (s *session) answer(t *turn) {
	var waits life.Context // ends when the call is not to wait for the client any more
	stop := s.life.AfterFunc(func() { waits.End(context.Canceled) })
	defer stop()
	t.call.Interrupt = func() { waits.End(context.Canceled) }
	lane := frame.Lane(t.frame.Stream)
	t.tell = func(event []byte) error {
		if err := s.socket.Send(&waits, lane, event[1:]); err != nil {
			return left(err)
		}
		return nil
	}
	_ = t.make(&s.life) // the client was told
}

// left names the error of sending: the client is gone, or reads too slowly.
func left(err error) error {
	e := fairlead.NewCanceled(err)
	if errors.Is(err, socket.ErrStalled) {
		e.Code, e.Message = "slow_reader", "The client reads too slowly"
	}
	return e
}
