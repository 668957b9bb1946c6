package fairqueue

import (
	"math"
	"time"

	"github.com/fairleadhq/fairlead/internal/keyheap"
)

// normalised is how long the flow's queue is for its weight.
func (f *Flow) normalised(waiting int) float64 { return float64(waiting) / float64(f.weight) }

// dropKey is the order in which flows lose waiters of a full queue: the longest
// normalised queue first.
func (f *Flow) dropKey() keyheap.Key { return keyheap.Key{Service: -f.normalised(f.waiting)} }

// noteLongest tells those who look without the mutex how long the longest
// normalised queue is.
func (q *Queue) noteLongest() {
	longest := 0.0
	if q.drops.Len() > 0 {
		top := q.drops.Top()
		longest = top.normalised(top.waiting)
	}
	q.longest.Store(math.Float64bits(longest))
}

// mayWait reports whether there is a place in the queue for another acquisition
// of f.
func (q *Queue) mayWait(f *Flow) bool {
	t := f.tenant
	return (t.config.MaxWaiting <= 0 || t.waiting.Load() < int64(t.config.MaxWaiting)) &&
		(q.config.MaxWaiting <= 0 || q.waiting.Load() < int64(q.config.MaxWaiting))
}

// makePlace finds a place in a full queue for another acquisition of f: the
// longest normalised queue loses its newest waiter, unless f's would be no
// shorter. Errors are ErrTenantFull and ErrFull.
func (q *Queue) makePlace(f *Flow) error {
	t := f.tenant
	if t.config.MaxWaiting > 0 && t.waiting.Load() >= int64(t.config.MaxWaiting) {
		return ErrTenantFull
	}
	longest := q.drops.Top()
	if longest.normalised(longest.waiting) <= f.normalised(f.waiting+1) {
		return ErrFull
	}
	q.tick()
	q.drop(longest.newest(), ErrDropped)
	return nil
}

// newest is the flow's waiter that came last.
func (f *Flow) newest() *Waiter {
	var newest *Waiter
	for _, l := range *f.lanes.Load() {
		if l != nil && l.tail != nil && (newest == nil || l.tail.arrival > newest.arrival) {
			newest = l.tail
		}
	}
	return newest
}

// hopeMargin is by how much a predicted wait must outlast the time that there
// is to be called hopeless: by a quarter.
const hopeMargin = 1.25

// Shed reports whether an acquisition of f would be refused now, or would wait
// for longer than patience (0 = for ever): nil, ErrTenantFull, ErrFull or
// ErrHopeless. It does not block, and takes no lock.
func (q *Queue) Shed(f *Flow, patience time.Duration) error {
	if !q.slow.Load() {
		return nil
	}
	t, own := f.tenant, f.queued.Load()
	kept := int64(0)
	if t.holds.Load() {
		kept = int64(q.config.Headroom)
	}
	if t.capped.Load() || q.free.Load() <= kept {
		if most := t.maxWaiting.Load(); most > 0 && t.waiting.Load() >= most {
			return ErrTenantFull
		}
		if most := q.config.MaxWaiting; most > 0 && q.waiting.Load() >= int64(most) &&
			math.Float64frombits(q.longest.Load()) <= float64(own+1)/float64(f.share.Load()) {
			return ErrFull
		}
	}
	if patience > 0 && own > 0 && float64((own+1)*f.pace.Load()) > float64(patience)/hopeMargin {
		return ErrHopeless
	}
	return nil
}
