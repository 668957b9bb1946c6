package ws

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/api/ws/frame"
	"github.com/fairleadhq/fairlead/internal/life"
	history "github.com/fairleadhq/fairlead/internal/responses/session"
	"github.com/fairleadhq/fairlead/internal/socket"
)

const (
	// So many frames that are not understood, within that time, end a socket.
	mostBad   = 20
	badWithin = 10 * time.Second
)

// session is one socket.
type session struct {
	face     *Face
	protocol protocol
	app      *fairlead.App
	class    fairlead.Class
	patience time.Duration
	ids      *api.IDs
	leave    func() // gives its place back
	socket   *socket.Socket
	memory   *budget.Account // for what is being read
	kept     *history.Session
	life     life.Context // ends when the socket has
	lanes    sync.WaitGroup

	// Only who reads uses these.
	bad      int
	badSince time.Time

	mu      sync.Mutex
	byName  map[string]*lane
	ended   bool            // the socket has
	retired *fairlead.Error // what turns are told that come now; nil if they are taken
	hurried bool            // it is to be closed at once, when its last turn has ended
	last    *time.Timer     // closes a socket that is retired
}

func (f *Face) newSession(x *api.Exchange, p protocol, leave func()) *session {
	call := x.Call()
	return &session{
		face: f, protocol: p, app: x.App, class: call.Class, patience: call.Patience, ids: x.IDs(), leave: leave,
		memory: f.config.Bodies.Account(x.App.ID, f.config.BusyWait), byName: make(map[string]*lane),
		kept: f.config.Keeper.NewSession(f.histories.Account(x.App.ID, f.config.BusyWait)),
	}
}

// largest is how many bytes a message may have.
func (s *session) largest() int64 {
	most := int64(largestOwn)
	if s.protocol == openAIProtocol {
		most = largestOpenAI
	}
	if limit := s.face.config.MaxBody; limit > 0 {
		most = min(most, limit)
	}
	return most
}

// run reads what the client says, until the end.
func (s *session) run() {
	defer s.leave()
	defer s.memory.Close()
	defer s.kept.End()
	defer s.socket.End()
	defer s.lanes.Wait()
	defer s.end()
	if s.protocol == ownProtocol {
		s.say("", s.greeting())
	}
	for {
		text, err := s.socket.Read(&s.life, s.memory)
		if dropped, ok := errors.AsType[*socket.DroppedError](err); ok {
			s.tell("", fairlead.AsError(dropped.Err))
			continue
		}
		if err != nil {
			s.face.config.Logger.Debug("websocket ended", "app", s.app.ID, "reason", reasonOf(err))
			return
		}
		s.hear(text)
		s.memory.Return(int64(cap(text)))
	}
}

// reasonOf names the end of a socket for the log, with nothing of what the client said.
func reasonOf(err error) string {
	for _, known := range []error{socket.ErrClosed, socket.ErrStalled, socket.ErrSilent, socket.ErrCut} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if closed, ok := errors.AsType[*socket.ClosedError](err); ok {
		return closed.Error()
	}
	return "the connection is gone"
}

// greeting is the first frame on /ws.
func (s *session) greeting() []byte {
	number := func(name string, n int64) []byte {
		return append(frame.Member(name, strconv.AppendInt(nil, n, 10)), ',')
	}
	members := append(frame.Member("session_id", frame.Text("sess_"+rand.Text())), ',')
	members = append(members, number("heartbeat", int64(pingEvery.Seconds()))...)
	members = append(members, `"limits":{`...)
	members = append(members, number("lanes", Lanes)...)
	members = append(members, number("turns_waiting_per_lane", Queue)...)
	members = append(members, number("message_bytes", s.largest())...)
	members = append(members, frame.Member("age_seconds", strconv.AppendInt(nil, int64(oldest.Seconds()), 10))...)
	return frame.Event("session.created", -1, append(members, '}'))
}

// hear acts on a frame.
func (s *session) hear(text []byte) {
	t, err := s.read(text)
	if err != nil {
		s.tell(t.frame.Stream, fairlead.AsError(err))
		if fairlead.IsKind(err, fairlead.Invalid) {
			s.countBad()
		}
		return
	}
	switch t.frame.Type {
	case frame.Ping:
		t.close()
		s.say(t.frame.Stream, frame.Event("pong", -1, nil))
	case frame.ResponseCancel:
		t.close()
		s.cancel(t.frame)
	default:
		if err := s.enqueue(t); err != nil {
			t.close()
			s.tell(t.frame.Stream, fairlead.AsError(err))
		}
	}
}

// read makes a turn of what the client said. With an error, the turn has the frame as
// far as it could be read, and nothing to be closed.
func (s *session) read(text []byte) (*turn, error) {
	t := &turn{session: s, account: s.face.config.Bodies.Account(s.app.ID, s.face.config.BusyWait)}
	err := t.account.Reserve(int64(len(text)))
	if err == nil {
		t.frame, err = frame.Read(text)
	}
	if err == nil && !s.speaks(t.frame.Type) {
		err = &fairlead.Error{
			Kind: fairlead.Invalid, Code: "unknown_type", Param: "type", Message: "There are no frames of this type here",
		}
	}
	if err != nil {
		t.close()
	}
	return t, err
}

// speaks reports whether frames of that type are understood.
func (s *session) speaks(kind string) bool {
	switch kind {
	case frame.ResponseCreate:
		return true
	case frame.ResponseCancel, frame.ResponseResume, frame.ChatCreate, frame.Ping:
		return s.protocol == ownProtocol
	}
	return false
}

// countBad ends a socket over which nothing sensible comes.
func (s *session) countBad() {
	if now := time.Now(); now.Sub(s.badSince) > badWithin {
		s.bad, s.badSince = 0, now
	}
	if s.bad++; s.bad > mostBad {
		s.socket.Close(socket.Policy, "too many frames that are not understood")
	}
}

// cancel stops an answer: the one of that id, or else the one that its lane is at.
func (s *session) cancel(what frame.Frame) {
	if what.Response != "" {
		if _, err := s.face.config.Logs.Cancel(s.app.ID, what.Response, cancelled()); err != nil {
			s.tell(what.Stream, fairlead.AsError(err))
		}
		return
	}
	s.mu.Lock()
	l := s.byName[what.Stream]
	var t *turn
	if l != nil {
		t = l.current
	}
	s.mu.Unlock()
	if t != nil {
		t.cancel()
	}
}

func cancelled() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Canceled, Code: codeCancelled, Message: "The answer was stopped by its app"}
}

// codeCancelled tells an answer that its client stopped from one whose client left.
const codeCancelled = "stopped"

// say sends an event to the client, on a lane. One that is gone is not told.
func (s *session) say(stream string, event []byte) {
	_ = s.socket.Send(&s.life, frame.Lane(stream), event[1:])
}

// tell sends an error to the client.
func (s *session) tell(stream string, e *fairlead.Error) {
	s.say(stream, frame.Error(e, api.Status(e)))
}

// end has everything end that lives with the socket.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	if s.last != nil {
		s.last.Stop()
	}
	s.mu.Unlock()
	s.life.End(context.Canceled)
}

// retire has the socket take no more turns, for a reason, and closes it when it has
// none.
func (s *session) retire(why *fairlead.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired == nil {
		s.retired = why
		s.closeIfIdle()
	}
}

// hurry has a socket that is retired be closed without delay.
func (s *session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = true
	if s.last != nil && s.last.Stop() {
		s.last = nil
	}
	s.closeIfIdle()
}

// closeIfIdle closes a socket that is retired and has no turn left. The caller holds
// the mutex.
func (s *session) closeIfIdle() {
	if s.retired == nil || s.ended || len(s.byName) > 0 || s.last != nil {
		return
	}
	why, wait := s.retired, jitter()
	if s.hurried {
		wait = 0
	}
	s.last = time.AfterFunc(wait, func() {
		if why.Code == tooOld().Code {
			s.tell("", why)
		}
		s.socket.Close(socket.Restart, why.Code)
	})
}

// working is how many lanes are at work.
func (s *session) working() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byName)
}
