package fairqueue

import "time"

// Usage is how a queue, a pool, a tenant or a flow stands at a moment.
type Usage struct {
	Slots   int // 0 = no limit
	InUse   int
	Waiting int
}

// Snapshot returns how the queue stands.
func (q *Queue) Snapshot() Usage {
	q.mu.Lock()
	defer q.mu.Unlock()
	inUse := q.inUse
	for _, l := range q.parked {
		inUse -= l.resting()
	}
	return Usage{Slots: q.slots, InUse: inUse, Waiting: int(q.waiting.Load())}
}

// DoubleReleases is how often a ticket was released again.
func (q *Queue) DoubleReleases() uint64 { return q.doubles.Load() }

// Usage returns how the pool stands.
func (p *Pool) Usage() Usage {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	inUse := p.inUse
	for _, l := range q.parked {
		if l.pool == p {
			inUse -= l.resting()
		}
	}
	return Usage{Slots: p.slots, InUse: inUse, Waiting: p.waiting}
}

// Usage returns how the tenant stands.
func (t *Tenant) Usage() Usage {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	all := Usage{Slots: t.max, InUse: t.held, Waiting: int(t.waiting.Load())}
	for f := t.flows; f != nil; f = f.sibling {
		all.InUse -= f.resting()
	}
	return all
}

// Usage returns what the flow holds and waits for; a flow has no slots of its
// own.
func (f *Flow) Usage() Usage {
	f.tenant.queue.mu.Lock()
	defer f.tenant.queue.mu.Unlock()
	return Usage{InUse: f.held - f.resting(), Waiting: f.waiting}
}

// Share is what a flow has had while it waited, since it was made.
type Share struct {
	// Backlogged is for how long it has waited.
	Backlogged time.Duration
	// Received is how many slot-seconds for each unit of its weight it had in
	// that time.
	Received float64
}

// Share returns what the flow has had while it waited.
func (f *Flow) Share() Share {
	q := f.tenant.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick()
	q.settle(f)
	return Share{Backlogged: f.received.backlogged, Received: f.received.service}
}

// resting is how many slots of the lane are parked.
func (l *lane) resting() int {
	n := 0
	for i := range l.parked {
		if l.parked[i].Load() != nil {
			n++
		}
	}
	return n
}

func (f *Flow) resting() int {
	n := 0
	for l := f.lanes.Load(); l != nil; l = l.more.Load() {
		n += l.resting()
	}
	return n
}

// Waiting is how many acquisitions wait. It takes no lock.
func (q *Queue) Waiting() int { return int(q.waiting.Load()) }

// Contended reports whether somebody waits. It takes no lock.
func (q *Queue) Contended() bool { return q.slow.Load() }
