// Package places counts who is in: connections, or streams, of which there may be
// only so many at the same time. Nobody waits here: who finds no place is refused,
// and told when to come back, which is computed from how fast places came free and
// how many others were refused.
//
// Start with Places.
package places

import (
	"sync"
	"time"
)

// The bounds of Wait.
const (
	shortest = time.Second
	longest  = time.Minute
	// unknown is the wait while no place has come free for a while.
	unknown = 30 * time.Second
)

// seconds is how far Wait looks back.
const seconds = 10

// Places is a number of places. It is safe for concurrent use.
type Places struct {
	limit   int
	refuses func()

	mu      sync.Mutex
	taken   int
	most    int
	refused int64
	past    [seconds]second
}

// second is what happened in a second.
type second struct {
	unix           int64
	freed, refused int
}

// Stats is how the places stand. Limit is 0 where there is none.
type Stats struct {
	Limit, Taken, Most int
	Refused            int64 // since the start
}

// New returns that many places, none of them taken; 0 is without a limit. refuses,
// if it is not nil, is called for each Take that was refused, and must not block.
func New(limit int, refuses func()) *Places { return &Places{limit: limit, refuses: refuses} }

// Take takes a place, which is to be given back, or reports that there is none.
func (p *Places) Take() bool {
	taken := p.take()
	if !taken && p.refuses != nil {
		p.refuses()
	}
	return taken
}

func (p *Places) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isFull() {
		p.refused++
		p.now().refused++
		return false
	}
	p.taken++
	p.most = max(p.most, p.taken)
	return true
}

// Give gives a place back.
func (p *Places) Give() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	p.now().freed++
}

// Full reports whether a Take would be refused now.
func (p *Places) Full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.isFull()
}

func (p *Places) isFull() bool { return p.limit > 0 && p.taken >= p.limit }

// now is the second that it is. The caller holds the mutex.
func (p *Places) now() *second {
	unix := time.Now().Unix()
	s := &p.past[unix%seconds]
	if s.unix != unix {
		*s = second{unix: unix}
	}
	return s
}

// Wait is after how long somebody who was refused may find a place, if those who
// were refused with them come back too: 1 s to 1 min.
func (p *Places) Wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	freed, refused := 0, 1
	for oldest, i := time.Now().Unix()-seconds, 0; i < seconds; i++ {
		if s := p.past[i]; s.unix > oldest {
			freed, refused = freed+s.freed, refused+s.refused
		}
	}
	if freed == 0 {
		return unknown
	}
	wait := seconds * time.Second * time.Duration(refused) / time.Duration(freed)
	return min(max(wait, shortest), longest)
}

// Stats tells how the places stand.
func (p *Places) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Limit: p.limit, Taken: p.taken, Most: p.most, Refused: p.refused}
}
