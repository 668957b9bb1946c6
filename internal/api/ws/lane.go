package ws

import (
	"fmt"

	"github.com/fairleadhq/fairlead"
)

// lane is turns of a socket one after another. It is there while it has any. The
// session's mutex guards it.
type lane struct {
	name    string
	current *turn
	waiting []*turn
}

// enqueue puts a turn into its lane. With an error, it is still the caller's.
func (s *session) enqueue(t *turn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired != nil {
		return s.retired
	}
	l := s.byName[t.frame.Stream]
	switch {
	case l == nil && len(s.byName) >= Lanes:
		return &fairlead.Error{
			Kind: fairlead.Invalid, Code: "websocket_stream_limit_reached", Param: "stream_id",
			Message: fmt.Sprintf("As many lanes of this connection are at work as there may be (%d)", Lanes),
			Detail:  "wait for one of them, or open a new connection",
		}
	case l == nil:
		l = &lane{name: t.frame.Stream, waiting: []*turn{t}}
		s.byName[l.name] = l
		s.lanes.Go(func() { s.work(l) })
		return nil
	case len(l.waiting) >= Queue:
		return fairlead.NewBusy("lane_full", "As many turns wait in this lane as may", s.face.config.BusyWait())
	}
	l.waiting = append(l.waiting, t)
	return nil
}

// work takes the lane's turns, one after another. When the socket has ended those that
// wait are dropped.
func (s *session) work(l *lane) {
	for t := s.next(l); t != nil; t = s.next(l) {
		if s.life.Err() != nil {
			t.close()
			continue
		}
		s.take(t)
	}
}

// next is the turn that the lane takes up now; nil if there is none, and no lane then.
func (s *session) next(l *lane) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.waiting) == 0 {
		delete(s.byName, l.name)
		s.closeIfIdle()
		return nil
	}
	l.current = l.waiting[0]
	l.waiting = l.waiting[1:]
	return l.current
}
