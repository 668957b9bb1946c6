package fairqueue

import (
	"math"
	"time"
)

// noteLongest tells those who look without the mutex how long the longest
// normalised queue is.
func (q *Queue) noteLongest() {
	_, longest := q.drops.Longest()
	if bits := math.Float64bits(longest); bits != q.longest.Load() {
		q.longest.Store(bits)
	}
}

// mayWait reports whether there is a place in the queue for another acquisition
// of f.
func (q *Queue) mayWait(f *Flow) bool {
	t := f.tenant
	most := t.maxWaiting.Load()
	return (most <= 0 || t.waiting.Load() < most) &&
		(q.config.MaxWaiting <= 0 || q.waiting.Load() < int64(q.config.MaxWaiting))
}

// makePlace finds a place in a full queue for another acquisition of f: the
// longest normalised queue loses its newest waiter, unless f's would be no
// shorter. Errors are ErrTenantFull and ErrFull.
func (q *Queue) makePlace(f *Flow) error {
	t := f.tenant
	if most := t.maxWaiting.Load(); most > 0 && t.waiting.Load() >= most {
		return ErrTenantFull
	}
	longest, length := q.drops.Longest()
	if length <= float64(f.waiting+1)/float64(f.weight) {
		return ErrFull
	}
	q.tick()
	q.drop(longest.newest(), ErrDropped)
	return nil
}

// newest is the flow's waiter that came last.
func (f *Flow) newest() *Waiter {
	var newest *Waiter
	for l := f.lanes.Load(); l != nil; l = l.more.Load() {
		if l.tail != nil && (newest == nil || l.tail.arrival > newest.arrival) {
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
