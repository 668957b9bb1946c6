package ws

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/socket"
)

const (
	// mostRefusals is how many may be told at one time, in a socket, that there is none
	// for them.
	mostRefusals = 64
	// mostJitter is the longest that a socket stays open in a drain when its last turn
	// has ended: that its clients don't all come back at once.
	mostJitter = 3 * time.Second
	// endWithin is how long the turns that are ended then have to tell it.
	endWithin = time.Second
)

// hub knows all sockets, and waits for them.
type hub struct {
	over chan struct{} // closed when it drains and there are none

	mu       sync.Mutex
	members  int // sockets that are there, or about to be
	sessions map[*session]struct{}
	refusals map[*socket.Socket]struct{}
	refusing int
	draining bool
	isOver   bool
}

// Stats is how the sockets stand: how many are open and how many clients wait to open
// one, with the limits of both, and how many found no place since the start. Lanes are
// those of all sockets that are at work.
type Stats struct {
	Open, MostOpen, Limit int
	Waiting, QueueLimit   int
	Lanes                 int
	Refused               int64
}

// Stats tells how the sockets stand.
func (f *Face) Stats() Stats {
	h := &f.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	places := f.turnstile.Stats()
	stats := Stats{
		Open: places.Open, MostOpen: places.MostOpen, Limit: f.config.MaxOpen, Waiting: places.Waiting, QueueLimit: f.config.MaxWaiting,
		Refused: int64(places.Refused), //nolint:gosec // a count
	}
	for s := range h.sessions {
		stats.Lanes += s.working()
	}
	return stats
}

// Drain has every socket take no more turns, and be closed soon after its last one has
// ended. It returns when none is left. Those that are still there when ctx ends are
// closed then: the gateway ends their turns.
func (f *Face) Drain(ctx context.Context) {
	h := &f.hub
	h.mu.Lock()
	h.draining = true
	for s := range h.sessions {
		s.retire(stopping()) //nolint:contextcheck // what it has to say later, it says in the session's own time
	}
	h.noteOver()
	h.mu.Unlock()
	select {
	case <-h.over:
		return
	case <-ctx.Done():
	}
	h.each(func(s *session) { s.hurry() })
	last := time.AfterFunc(endWithin, func() {
		h.each(func(s *session) { s.socket.Close(socket.Restart, stopping().Code) })
	})
	defer last.Stop()
	cut := time.AfterFunc(endWithin+closeWithin, func() { h.each(func(s *session) { s.socket.Cut() }) })
	defer cut.Stop()
	<-h.over
}

// noteOver ends the drain if nothing is left. The caller holds the mutex.
func (h *hub) noteOver() {
	if h.draining && h.members == 0 && !h.isOver {
		h.isOver = true
		close(h.over)
	}
}

// enter counts a socket that is about to be, unless the drain is over. exit follows,
// or start or refuse, which do the same at its end.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.isOver {
		h.members++
	}
	return !h.isOver
}

func (h *hub) exit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members--
	h.noteOver()
}

func (h *hub) each(do func(s *session)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sessions {
		do(s)
	}
}

// start runs a session.
func (h *hub) start(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[s] = struct{}{}
	if h.draining {
		s.retire(stopping())
	}
	go func() {
		defer h.exit()
		defer h.forget(s)
		s.run()
	}()
}

func (h *hub) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
}

// enterRefusal is enter for a client that is to be told that there is no socket for
// it, unless so many are being told that already. exitRefusal follows, or refuse.
func (h *hub) enterRefusal() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isOver || h.refusing >= mostRefusals {
		return false
	}
	h.members++
	h.refusing++
	return true
}

func (h *hub) exitRefusal(s *socket.Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.refusals, s)
	h.members--
	h.refusing--
	h.noteOver()
}

// refuse closes a socket and waits for the client to have read why.
func (h *hub) refuse(s *socket.Socket, code int, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusals[s] = struct{}{}
	go func() {
		defer h.exitRefusal(s)
		defer s.End()
		s.Close(code, reason)
		_, _ = s.Read(context.Background(), noRoom{}) //nolint:forbidigo // the socket's own times end it
	}()
}

// noRoom takes nothing in.
type noRoom struct{}

func (noRoom) Reserve(int64) error { return socket.ErrClosed }
func (noRoom) Return(int64)        {}

func jitter() time.Duration { return rand.N(mostJitter) } //nolint:gosec // not a secret

// stopping is what turns are told that come in a drain.
func stopping() *fairlead.Error {
	return fairlead.NewBusy("draining", "The service is about to stop: connect again", time.Second)
}

// tooOld is what turns are told on a socket that has come to its age.
func tooOld() *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "websocket_connection_limit_reached",
		Message: "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.",
	}
}
