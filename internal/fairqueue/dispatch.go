package fairqueue

import (
	"math"
	"time"
)

// isFree reports whether an acquisition in l may be granted as far as slots go,
// though others wait elsewhere.
func (q *Queue) isFree(l *lane, width int) bool {
	t := l.flow.tenant
	if q.waiting.Load() > 0 && (l.pool.waiting > 0 || l.pool.pacer != nil || q.blocked) {
		return false
	}
	return q.roomFor(t, width) && l.pool.hasRoom(width) && t.hasRoom(width) && (q.wide == 0 || q.saver(t) == nil)
}

// roomFor reports whether the queue has that many slots for t.
func (q *Queue) roomFor(t *Tenant, width int) bool {
	if q.slots <= 0 {
		return true
	}
	free := q.slots - q.inUse
	if q.config.Headroom > 0 && t.held > 0 {
		free -= q.config.Headroom
	}
	return width <= free
}

func (p *Pool) hasRoom(width int) bool { return p.slots <= 0 || p.inUse+width <= p.slots }

func (t *Tenant) hasRoom(width int) bool { return t.max <= 0 || t.held+width <= t.max }

// enqueue makes w wait in l.
func (q *Queue) enqueue(w *Waiter, l *lane) {
	if q.waiting.Load() == 0 {
		q.setSlow(true) // before looking for what is parked: see Slot.Release
		q.reclaim()
		q.beginContention()
	} else {
		q.tick()
	}
	now := q.shares.at
	f := l.flow
	w.lane, w.since = l, now
	w.outlook = q.predict(f, l.pool, now)
	q.settle(f)
	q.settleHabit(l)
	l.insert(w)
	if l.waiting == 0 {
		l.grants.restart(now)
	}
	if f.waiting == 0 {
		q.join(f)
	}
	if w.asked > 1 {
		q.wide++
	}
	q.countWaiting(l, 1)
	q.place(l)
	if q.wide > 0 || w.asked > 1 {
		q.replace(f.tenant) // see saver
	}
}

// dequeue takes w out of the queue.
func (q *Queue) dequeue(w *Waiter) {
	q.takeOut(w)
	q.place(w.lane)
	if q.wide > 0 || w.asked > 1 {
		q.replace(w.lane.flow.tenant) // see saver
	}
}

// takeOut is dequeue but for placing anew whoever else waits in w's lane, or for
// w's tenant.
func (q *Queue) takeOut(w *Waiter) {
	l := w.lane
	f := l.flow
	q.settle(f)
	q.settleHabit(l)
	l.unlink(w)
	l.pool.opens = 0 // it was perhaps w that the pacer had no room for
	if w.asked > 1 {
		q.wide--
	}
	q.countWaiting(l, -1)
	if f.waiting == 0 {
		q.leave(f)
	}
	w.state = idle
}

// countWaiting adds n to the numbers of those who wait.
func (q *Queue) countWaiting(l *lane, n int) {
	f := l.flow
	l.waiting += n
	f.waiting += n
	f.queued.Store(int64(f.waiting))
	l.pool.waiting += n
	f.tenant.waiting.Store(f.tenant.waiting.Load() + int64(n))
	q.waiting.Store(q.waiting.Load() + int64(n))
	switch was := f.waiting - n; {
	case was == 0:
		q.drops.Join(&f.standing, f.weight, f.waiting)
	case f.waiting == 0:
		q.drops.Leave(&f.standing, was)
	default:
		q.drops.Move(&f.standing, was, f.waiting)
	}
	q.noteLongest()
}

// drop ends w's wait with an error.
func (q *Queue) drop(w *Waiter, err error) {
	q.dequeue(w)
	w.err = err
	w.finish(failed)
}

// dispatch grants until no waiter can use a free slot, and then settles whether
// there is need for the mutex. The time must have been read by tick.
func (q *Queue) dispatch() {
	q.blocked = false
	if q.waiting.Load() > 0 {
		for q.dispatchOne() {
		}
	}
	waits := q.waiting.Load() > 0
	if !waits {
		q.endContention()
	}
	free := int64(math.MaxInt)
	if q.slots > 0 {
		free = int64(q.slots - q.inUse)
	}
	if free != q.free.Load() {
		q.free.Store(free)
	}
	if slow := waits || len(q.over) > 0; slow != q.slow.Load() {
		q.setSlow(slow)
	}
}

// dispatchOne grants to the waiter whose turn it is, and reports whether it
// could.
func (q *Queue) dispatchOne() bool {
	now := q.shares.at
	q.round++
	for {
		l := q.next()
		if l == nil {
			return false
		}
		w := l.head
		switch {
		case w.isOver(now):
			q.drop(w, ErrLate)
			continue
		case !q.fits(l, w, now):
			if q.blocked {
				return false
			}
			continue
		}
		entry, ok := l.pool.pace(w, now)
		if !ok {
			l.pool.skipped = q.round
			continue
		}
		q.takeOut(w)
		if l.head == nil {
			q.place(l) // where somebody still waits, grant does so
		}
		w.ticket = q.grant(l, w.width, w.cost)
		w.ticket.slot.entry = entry
		w.finish(granted)
		return true
	}
}

// fits reports whether there is room for a waiter whose turn it is. If not,
// which happens to wide ones only, others may go before it until it has waited
// for Backfill; then what it lacks is kept for it.
func (q *Queue) fits(l *lane, w *Waiter, now time.Duration) bool {
	poolFits := l.pool.hasRoom(w.width)
	if poolFits && q.roomFor(l.flow.tenant, w.width) {
		return true
	}
	switch patient := now-w.since < q.config.Backfill; {
	case patient:
		l.group.skipped = q.round
	case poolFits:
		q.blocked = true
	default:
		l.pool.skipped = q.round
	}
	return false
}

// pace asks the pool's pacer for leave to start w.
func (p *Pool) pace(w *Waiter, now time.Duration) (entry PaceEntry, ok bool) {
	if p.pacer == nil {
		return PaceEntry{}, true
	}
	if now < p.opens {
		p.wakeAt(p.opens, now)
		return PaceEntry{}, false
	}
	entry, wait := p.pacer.Take(now, Cost{w.cost, w.mostCost})
	if wait <= 0 {
		return entry, true
	}
	p.opens = now + wait
	p.wakeAt(p.opens, now)
	return PaceEntry{}, false
}

// wakeAt has the queue look again at the pool at t.
func (p *Pool) wakeAt(t, now time.Duration) {
	if p.wakes > 0 && p.wakes <= t {
		return
	}
	p.wakes = t
	p.queue.clock.AfterFunc(t-now, func() { p.wake(t) })
}

func (p *Pool) wake(t time.Duration) {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.wakes == t {
		p.wakes = 0
	}
	if q.waiting.Load() > 0 {
		q.tick()
		q.dispatch()
	}
}
