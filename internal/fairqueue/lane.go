package fairqueue

import (
	"sync/atomic"
	"time"
)

// lane is the queue of one flow for one pool, in the order of arrival. What is
// needed where nobody waits comes first.
type lane struct {
	flow       *Flow // like pool, it never changes
	pool       *Pool
	parked     [parkPlaces]atomic.Pointer[Slot]
	held       int
	listed     bool // in the queue's list of lanes that may have parked slots
	waiting    int
	head, tail *Waiter
	group      *group        // nil if nobody waits, or its tenant is at its cap
	handle     int           // its name in the group
	settled    time.Duration // up to when the habit is reckoned
	habit      habit
	grants     meter                // since it began to wait
	more       atomic.Pointer[lane] // the flow's next lane
}

// lane returns the flow's lane for p, made on first use.
func (q *Queue) lane(f *Flow, p *Pool) *lane {
	place := &f.lanes
	for l := place.Load(); l != nil; l = place.Load() {
		if l.pool == p {
			return l
		}
		place = &l.more
	}
	l := &f.own
	if place != &f.lanes {
		l = &lane{}
	}
	l.flow, l.pool = f, p
	if !p.used {
		p.used = true
		q.used++
	}
	place.Store(l)
	return l
}

// laneFor returns the flow's lane for p, nil if it has none. It needs no lock.
func (f *Flow) laneFor(p *Pool) *lane {
	l := f.lanes.Load()
	for l != nil && l.pool != p {
		l = l.more.Load()
	}
	return l
}

// insert puts w where its arrival belongs. New arrivals belong to the end, those
// that come again to the beginning, so it looks from the nearer one.
func (l *lane) insert(w *Waiter) {
	if l.head == nil {
		l.head, l.tail = w, w
		return
	}
	if w.arrival-l.head.arrival < l.tail.arrival-w.arrival {
		after := l.head
		for after != nil && after.arrival <= w.arrival {
			after = after.next
		}
		l.link(w, after)
		return
	}
	before := l.tail
	for before != nil && before.arrival > w.arrival {
		before = before.prev
	}
	if before == nil {
		l.link(w, l.head)
		return
	}
	l.link(w, before.next)
}

// link puts w before next, or at the end if next is nil.
func (l *lane) link(w, next *Waiter) {
	w.next = next
	if next == nil {
		w.prev, l.tail.next, l.tail = l.tail, w, w
		return
	}
	w.prev, next.prev = next.prev, w
	if w.prev == nil {
		l.head = w
	} else {
		w.prev.next = w
	}
}

func (l *lane) unlink(w *Waiter) {
	if w.prev == nil {
		l.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// state is what became of a waiter.
type state uint8

const (
	idle state = iota
	waiting
	granted
	failed
)

// Waiter is an acquisition that waits. Its owner waits for Ready and then calls
// Result, or calls Cancel; after either the Waiter must not be used any more.
type Waiter struct {
	queue *Queue
	ready chan struct{} // gets one value when the wait ends

	// All below is under the queue's mu, but may be read by the owner once Ready
	// has said that the wait has ended. What a grant touches comes first.
	lane       *lane
	prev, next *Waiter
	ticket     Ticket
	width      int // what it takes of asked under the present limits, while it is the first of its lane
	state      state
	asked      int // the width that it asked for
	cost       int
	mostCost   int
	arrival    time.Duration
	startBy    time.Duration
	done       <-chan struct{}
	notify     func(*Waiter)

	since   time.Duration // when it began to wait
	outlook Outlook       // then
	err     error
}

// Ready returns a channel that gets a value when the wait has ended.
func (w *Waiter) Ready() <-chan struct{} { return w.ready }

// Result tells how the wait ended, after Ready said that it has.
func (w *Waiter) Result() (Ticket, error) {
	ticket, err := w.ticket, w.err
	w.end()
	return ticket, err
}

// Cancel ends the wait. What was granted in the same moment is given back, as if
// it had never been.
func (w *Waiter) Cancel() {
	q := w.queue
	q.mu.Lock()
	q.tick()
	switch w.state {
	case waiting:
		q.dequeue(w)
	case granted:
		q.revoke(w.ticket)
	case idle, failed:
	}
	q.dispatch()
	q.mu.Unlock()
	select {
	case <-w.ready:
	default:
	}
	w.end()
}

// Until is Request.Done told later, by who makes the channel only for a wait.
func (w *Waiter) Until(done <-chan struct{}) {
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	w.done = done
}

// Outlook is what was to be expected when the wait began.
func (w *Waiter) Outlook() Outlook { return w.outlook }

// begin makes w the waiter of r.
func (w *Waiter) begin(r *Request) {
	w.arrival, w.startBy, w.done = r.Arrival, r.StartBy, r.Done
	w.asked, w.cost, w.mostCost = max(r.Width, 1), r.Cost, r.MostCost
	w.state = waiting
}

// end lets w be used for another acquisition.
func (w *Waiter) end() {
	q := w.queue
	*w = Waiter{queue: q, ready: w.ready}
	q.waiters.Put(w)
}

// isOver reports whether a grant would be of no use to w any more, and why.
func (w *Waiter) isOver(now time.Duration) bool {
	if w.startBy > 0 && now > w.startBy {
		return true
	}
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// finish tells the waiter's owner that the wait has ended.
func (w *Waiter) finish(s state) {
	w.state = s
	if w.notify != nil {
		w.notify(w)
	}
	w.ready <- struct{}{} // never blocks: it has room for one, and this is it. Now w is its owner's
}
