//go:build interleave

package fairqueue

import "sync"

// mutex is the queue's mutex; a test may take its place.
type mutex struct {
	real    sync.Mutex
	explore explorer
}

// explorer decides who goes on.
type explorer interface {
	lock()
	unlock()
	step(label string)
}

func (m *mutex) Lock() {
	if m.explore != nil {
		m.explore.lock()
		return
	}
	m.real.Lock()
}

func (m *mutex) Unlock() {
	if m.explore != nil {
		m.explore.unlock()
		return
	}
	m.real.Unlock()
}

// parkPlaces is one here, so that there are fewer ways to explore.
const parkPlaces = 1

func (q *Queue) step(label string) {
	if q.mu.explore != nil {
		q.mu.explore.step(label)
	}
}
