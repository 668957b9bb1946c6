package fairqueue

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why an acquisition failed, beside the errors of its context.
var (
	// ErrFull means that the queue holds as many waiters as it may.
	ErrFull = errors.New("fairqueue: the queue is full")
	// ErrFlowFull means that the flow has as many waiters as it may.
	ErrFlowFull = errors.New("fairqueue: the flow's queue is full")
)

// Ticket names one acquisition. The zero Ticket names none.
type Ticket uint64

// Queue owns the slots. Its methods are safe for concurrent use.
type Queue struct {
	mu         sync.Mutex
	slots      int // 0 = no limit
	inUse      int
	mostInUse  int
	waiting    int
	maxWaiting int // 0 = no limit
	pools      []*Pool
	flows      int // flows that have waiters
	grants     uint64
	holds      []hold
	free       []uint32
	doubles    uint64
	meanHold   time.Duration
}

// hold is one slot in use, or a vacant entry of the table of them.
type hold struct {
	generation uint32
	flow       *Flow
	pool       *Pool
	since      time.Time
}

// Pool is a set of slots beside the queue's own: every acquisition takes one
// of each.
type Pool struct {
	queue   *Queue
	slots   int // 0 = no limit
	inUse   int
	waiting int
	lanes   heap[*lane]
}

// Flow is a party to the sharing.
type Flow struct {
	queue      *Queue
	maxWaiting int
	held       int
	waiting    int
	lastGrant  uint64 // the number of its latest grant
	lanes      map[*Pool]*lane
}

// lane is the queue of one flow for one pool.
type lane struct {
	flow    *Flow
	pool    *Pool
	waiters heap[*waiter]
	at      int
}

func (l *lane) setIndex(i int) { l.at = i }
func (l *lane) index() int     { return l.at }

type waiter struct {
	lane    *lane
	arrival time.Time
	done    <-chan struct{} // closed when it does not wait any more
	ticket  Ticket          // set when granted
	ready   chan struct{}   // closed when granted
	at      int
}

func (w *waiter) setIndex(i int) { w.at = i }
func (w *waiter) index() int     { return w.at }

// New returns a queue of that many slots (0 = no limit), in which at most
// maxWaiting acquisitions may wait (0 = no limit).
func New(slots, maxWaiting int) *Queue {
	return &Queue{slots: slots, maxWaiting: maxWaiting}
}

// Pool adds a pool of that many slots; 0 = no limit.
func (q *Queue) Pool(slots int) *Pool {
	p := &Pool{queue: q, slots: slots, lanes: heap[*lane]{before: servedBefore}}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pools = append(q.pools, p)
	return p
}

// Flow returns a new flow, of which at most maxWaiting acquisitions may wait
// (0 = no limit).
// A flow that holds nothing and waits for nothing costs the queue nothing.
func (q *Queue) Flow(maxWaiting int) *Flow {
	return &Flow{queue: q, maxWaiting: maxWaiting, lanes: make(map[*Pool]*lane)}
}

// Acquire takes one slot for flow from the queue and from pool. It blocks
// until they are granted in fair turn or ctx ends. arrival is the flow's own
// order: a second try of the same work passes its first arrival and stands
// where it stood. Errors are ErrFull, ErrFlowFull, and ctx's.
func (q *Queue) Acquire(ctx context.Context, flow *Flow, pool *Pool, arrival time.Time) (Ticket, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	w, ticket, err := q.acquireOrWait(ctx, flow, pool, arrival)
	if w == nil {
		return ticket, err
	}
	select {
	case <-w.ready:
		return w.ticket, nil
	case <-ctx.Done():
		q.abandon(w)
		return 0, ctx.Err()
	}
}

// acquireOrWait grants at once if it can, and else returns a queued waiter.
func (q *Queue) acquireOrWait(ctx context.Context, flow *Flow, pool *Pool, arrival time.Time) (*waiter, Ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Whoever could use a free slot has been given it already, so where there
	// is room nobody is waiting for it.
	if q.hasRoom() && pool.hasRoom() {
		return nil, q.grant(flow, pool), nil
	}
	if err := q.full(flow); err != nil {
		return nil, 0, err
	}
	w := &waiter{arrival: arrival, done: ctx.Done(), ready: make(chan struct{})}
	q.enqueue(w, flow, pool)
	return w, 0, nil
}

// Full reports whether an acquisition by flow for pool would be refused now
// for want of room in the queue: nil, ErrFull or ErrFlowFull.
func (q *Queue) Full(flow *Flow, pool *Pool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hasRoom() && (pool == nil || pool.hasRoom()) {
		return nil
	}
	return q.full(flow)
}

func (q *Queue) full(flow *Flow) error {
	switch {
	case q.maxWaiting > 0 && q.waiting >= q.maxWaiting:
		return ErrFull
	case flow.maxWaiting > 0 && flow.waiting >= flow.maxWaiting:
		return ErrFlowFull
	}
	return nil
}

// Release gives back what Acquire took and hands it to whoever is next. A
// ticket that was given back before is counted and ignored.
func (q *Queue) Release(t Ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h, ok := q.held(t)
	if !ok {
		q.doubles++
		return
	}
	q.noteHold(time.Since(h.since))
	h.flow.held--
	h.pool.inUse--
	q.inUse--
	q.reorder(h.flow)
	*h = hold{generation: h.generation + 1}
	q.free = append(q.free, uint32(t)) //nolint:gosec // the low half of a ticket is its place in the table
	q.dispatch()
}

// Resize changes the number of slots. Work that runs goes on; what growth
// allows is granted at once.
func (q *Queue) Resize(slots int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.slots = slots
	q.dispatch()
}

// abandon takes a waiter whose context ended out of the queue. One that was
// granted in the same moment gives its slot back.
func (q *Queue) abandon(w *waiter) {
	q.mu.Lock()
	granted := w.ticket != 0
	if !granted && w.at != notQueued {
		q.dequeue(w)
	}
	q.mu.Unlock()
	if granted {
		q.Release(w.ticket)
	}
}

func (q *Queue) hasRoom() bool { return q.slots <= 0 || q.inUse < q.slots }

func (p *Pool) hasRoom() bool { return p.slots <= 0 || p.inUse < p.slots }

// dispatch grants until no waiter can use a free slot.
func (q *Queue) dispatch() {
	for q.hasRoom() {
		var next *lane
		for _, p := range q.pools {
			if p.hasRoom() && p.lanes.len() > 0 && (next == nil || servedBefore(p.lanes.top(), next)) {
				next = p.lanes.top()
			}
		}
		if next == nil {
			return
		}
		w := next.waiters.top()
		q.dequeue(w)
		if w.isDone() {
			continue
		}
		w.ticket = q.grant(next.flow, next.pool)
		close(w.ready)
	}
}

// isDone reports whether the waiter's context has ended, though it has not yet
// left the queue itself.
func (w *waiter) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// servedBefore is the order between flows.
func servedBefore(a, b *lane) bool {
	switch {
	case a.flow.held != b.flow.held:
		return a.flow.held < b.flow.held
	case a.flow.lastGrant != b.flow.lastGrant:
		return a.flow.lastGrant < b.flow.lastGrant
	}
	return arrivedBefore(a.waiters.top(), b.waiters.top())
}

func arrivedBefore(a, b *waiter) bool { return a.arrival.Before(b.arrival) }

func (q *Queue) grant(flow *Flow, pool *Pool) Ticket {
	q.grants++
	flow.lastGrant = q.grants
	flow.held++
	pool.inUse++
	q.inUse++
	q.mostInUse = max(q.mostInUse, q.inUse)
	q.reorder(flow)
	var at uint32
	if n := len(q.free); n > 0 {
		at = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		at = uint32(len(q.holds)) //nolint:gosec // bounded by the slots in use
		q.holds = append(q.holds, hold{generation: 1})
	}
	h := &q.holds[at]
	h.flow, h.pool, h.since = flow, pool, time.Now()
	return Ticket(uint64(h.generation)<<32 | uint64(at))
}

// held finds the hold that t names, if it is still held.
func (q *Queue) held(t Ticket) (*hold, bool) {
	at := uint64(t) & (1<<32 - 1)
	if at >= uint64(len(q.holds)) {
		return nil, false
	}
	h := &q.holds[at]
	return h, h.flow != nil && uint64(h.generation) == uint64(t)>>32
}

func (q *Queue) enqueue(w *waiter, flow *Flow, pool *Pool) {
	l := flow.lanes[pool]
	if l == nil {
		l = &lane{flow: flow, pool: pool, waiters: heap[*waiter]{before: arrivedBefore}, at: notQueued}
		flow.lanes[pool] = l
	}
	w.lane = l
	l.waiters.push(w)
	if l.waiters.len() == 1 {
		pool.lanes.push(l)
	} else {
		pool.lanes.fix(l)
	}
	if flow.waiting == 0 {
		q.flows++
	}
	flow.waiting++
	pool.waiting++
	q.waiting++
}

func (q *Queue) dequeue(w *waiter) {
	l := w.lane
	l.waiters.remove(w)
	if l.waiters.len() == 0 {
		l.pool.lanes.remove(l)
	} else {
		l.pool.lanes.fix(l)
	}
	l.flow.waiting--
	if l.flow.waiting == 0 {
		q.flows--
	}
	l.pool.waiting--
	q.waiting--
}

// reorder moves the flow's lanes to where they stand after its holdings changed.
func (q *Queue) reorder(flow *Flow) {
	if flow.waiting == 0 {
		return
	}
	for _, l := range flow.lanes {
		if l.at != notQueued {
			l.pool.lanes.fix(l)
		}
	}
}
