package fairqueue

import "time"

// firstHold is what a slot is expected to be held for before any was released.
const firstHold = 2 * time.Second

// Usage is how a queue, a pool or a flow stands at a moment.
type Usage struct {
	Slots   int // 0 = no limit
	InUse   int
	Waiting int
}

// Snapshot is how a queue stands at a moment.
type Snapshot struct {
	Usage
	MostInUse      int
	DoubleReleases uint64
}

// Snapshot returns how the queue stands.
func (q *Queue) Snapshot() Snapshot {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Snapshot{
		Usage:          Usage{Slots: q.slots, InUse: q.inUse, Waiting: q.waiting},
		MostInUse:      q.mostInUse,
		DoubleReleases: q.doubles,
	}
}

// Usage returns how the pool stands.
func (p *Pool) Usage() Usage {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	return Usage{Slots: p.slots, InUse: p.inUse, Waiting: p.waiting}
}

// Usage returns what the flow holds and waits for; a flow has no slots of its
// own.
func (f *Flow) Usage() Usage {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	return Usage{InUse: f.held, Waiting: f.waiting}
}

// Estimate is how long an acquisition by flow for pool would wait if it came
// now: the grants that go before it, at the rate at which slots of the mean
// recent holding time come free. pool may be nil: then only the queue's own
// slots count.
func (q *Queue) Estimate(flow *Flow, pool *Pool) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	slots, waiting := q.slots, q.waiting
	if pool != nil && pool.slots > 0 && (slots <= 0 || pool.slots < slots) {
		slots, waiting = pool.slots, pool.waiting
	}
	if slots <= 0 {
		return 0
	}
	hold := q.meanHold
	if hold == 0 {
		hold = firstHold
	}
	// The flows take turns, so at most so many grants go to others first.
	flows := q.flows
	if flow.waiting == 0 {
		flows++
	}
	ahead := min(waiting, flow.waiting*flows+flows-1)
	return time.Duration(int64(hold) * int64(ahead+1) / int64(slots))
}

// holdSmoothing is the weight of the latest holding time in the mean: one in
// so many.
const holdSmoothing = 16

func (q *Queue) noteHold(d time.Duration) {
	if q.meanHold == 0 {
		q.meanHold = max(d, 1)
		return
	}
	q.meanHold = max(q.meanHold+(d-q.meanHold)/holdSmoothing, 1)
}
