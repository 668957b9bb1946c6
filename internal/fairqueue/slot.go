package fairqueue

import (
	"sync/atomic"
	"time"
)

// Slot is what one acquisition holds: one slot of its queue and pool, or
// several. It is used again after its release, under another generation.
type Slot struct {
	queue *Queue // never changes
	// generation is the number of the acquisition; releasing adds 1.
	generation atomic.Uint64

	// What follows belongs to whoever acquired the slot; while it is parked, to
	// whoever takes it from there.
	lane   *lane
	width  int
	cost   int
	entry  PaceEntry     // of the pool's pacer
	since  time.Duration // when it was granted; 0 if nobody waited then
	parked bool          // it may be parked
}

// Ticket names one acquisition. The zero Ticket names none.
type Ticket struct {
	slot       *Slot
	generation uint64
}

// Slot returns what the ticket is for, and the generation that names the
// acquisition; nil for the zero Ticket.
func (t Ticket) Slot() (s *Slot, generation uint64) { return t.slot, t.generation }

// Width is how many slots were acquired, which is less than asked for where there
// are fewer. Only the holder may ask, before the release.
func (t Ticket) Width() int { return t.slot.width }

// Release gives back what was acquired and hands it to whoever is next. It
// reports false, and does nothing, if that has been done before. The zero Ticket
// has nothing to give back.
func (t Ticket) Release() bool { return t.slot != nil && t.slot.Release(t.generation) }

// Correct says what the acquisition cost in the end. After Release it does
// nothing.
func (t Ticket) Correct(cost int) {
	if t.slot != nil {
		t.slot.Correct(t.generation, cost)
	}
}

// Release is Ticket.Release.
func (s *Slot) Release(generation uint64) bool {
	q := s.queue
	if !s.generation.CompareAndSwap(generation, generation+1) {
		q.doubles.Add(1)
		return false
	}
	l := s.lane
	if q.config.Released != nil {
		q.config.Released(s.width)
	}
	if s.parked && !q.isSlow() && q.park(l, s) {
		if q.isSlow() {
			// Somebody began to wait in between, and looked here perhaps too early.
			q.collect(l)
		}
		return true
	}
	q.release(s)
	return true
}

// Undo is Release for an acquisition that was not used: the pool's pacer forgets
// it. Only whoever holds the acquisition may call it.
func (s *Slot) Undo(generation uint64) bool {
	q := s.queue
	if s.generation.Load() != generation {
		return s.Release(generation) // which counts it
	}
	if q.config.Released != nil {
		q.config.Released(s.width)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick()
	q.revoke(Ticket{s, generation})
	q.dispatch()
	return true
}

// isSlow reports whether everything has to happen under the mutex.
func (q *Queue) isSlow() bool {
	q.step("look")
	return q.slow.Load()
}

// setSlow changes what isSlow reports.
func (q *Queue) setSlow(slow bool) {
	q.step("set")
	q.slow.Store(slow)
}

// Correct is Ticket.Correct. Only whoever holds the acquisition may call it.
func (s *Slot) Correct(generation uint64, cost int) {
	if s.generation.Load() != generation {
		return
	}
	q := s.queue
	if s.parked && !q.isSlow() { // nobody waits, so cost breaks no tie, and no pacer counts it
		s.cost = cost
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	f, p := s.lane.flow, s.lane.pool
	q.settle(f)
	f.account.tokens += float64(cost-s.cost) / float64(f.weight)
	if p.pacer != nil {
		p.pacer.Correct(q.clock.Now(), s.entry, cost)
		if cost < s.cost { // perhaps there is room earlier than it said
			p.opens = 0
		}
	}
	lower := cost < s.cost
	s.cost = cost
	q.replace(f.tenant)
	if lower && p.pacer != nil && p.waiting > 0 {
		q.tick()
		q.dispatch()
	}
}

// park keeps s for the next acquisition by the same lane, without the mutex. It
// reports false if the lane keeps enough already.
func (q *Queue) park(l *lane, s *Slot) bool {
	for i := range l.parked {
		q.step("park")
		if place := &l.parked[i]; place.Load() == nil && place.CompareAndSwap(nil, s) {
			return true
		}
	}
	return false
}

// takeParked grants what the flow itself has parked, without the mutex.
func (q *Queue) takeParked(r *Request) (ticket Ticket, ok bool) {
	if r.Width > 1 || q.isSlow() {
		return Ticket{}, false
	}
	l := r.Flow.laneFor(r.Pool)
	if l == nil {
		return Ticket{}, false
	}
	s := q.unpark(l)
	if s == nil {
		return Ticket{}, false
	}
	s.since, s.cost = 0, r.Cost
	return Ticket{slot: s, generation: s.generation.Load()}, true
}

// unpark takes a slot that l has parked; nil if there is none.
func (q *Queue) unpark(l *lane) *Slot {
	for i := range l.parked {
		q.step("unpark")
		place := &l.parked[i]
		if s := place.Load(); s != nil && place.CompareAndSwap(s, nil) {
			return s
		}
	}
	return nil
}

// collect takes back what l has parked and hands it on.
func (q *Queue) collect(l *lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick()
	for s := q.unpark(l); s != nil; s = q.unpark(l) {
		q.takeBack(s)
	}
	q.dispatch()
}

// reclaim takes back every parked slot.
func (q *Queue) reclaim() {
	kept := q.parked[:0]
	for _, l := range q.parked {
		for s := q.unpark(l); s != nil; s = q.unpark(l) {
			q.takeBack(s)
		}
		if l.held > 0 { // what is still out may be parked later
			kept = append(kept, l)
		} else {
			l.listed = false
		}
	}
	clear(q.parked[len(kept):])
	q.parked = kept
}

// reclaimFor reports whether there is room for an acquisition in l, after
// taking back what is parked if there is none without.
func (q *Queue) reclaimFor(l *lane, width int) bool {
	if q.isFree(l, width) {
		return true
	}
	q.reclaim()
	return q.isFree(l, width)
}

// release gives s back under the mutex.
func (q *Queue) release(s *Slot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick()
	if s.since > 0 && q.shares.contended {
		q.noteHold(s.lane, s.width, q.shares.at-s.since)
	}
	if p := s.lane.pool; p.pacer != nil {
		p.pacer.Done(s.entry)
		p.opens = 0 // perhaps it kept room for what this one might have cost
	}
	q.takeBack(s)
	if len(q.over) > 0 {
		q.dropSettledLimits()
	}
	q.dispatch()
}

// revoke gives back what was granted and not used.
func (q *Queue) revoke(t Ticket) {
	t.slot.generation.Add(1)
	if p := t.slot.lane.pool; p.pacer != nil {
		p.pacer.Undo(t.slot.entry)
		p.opens = 0
	}
	q.takeBack(t.slot)
	if len(q.over) > 0 {
		q.dropSettledLimits()
	}
}

// dropSettledLimits forgets the limits that are kept again.
func (q *Queue) dropSettledLimits() {
	kept := q.over[:0]
	for _, l := range q.over {
		if l.exceeded() {
			kept = append(kept, l)
		}
	}
	clear(q.over[len(kept):])
	q.over = kept
}

// grant makes a slot in l held. There must be room for it. Where the pool has a
// pacer, its entry is for whoever asked it to set.
func (q *Queue) grant(l *lane, width, cost int) Ticket {
	f := l.flow
	q.settle(f)
	f.account.tokens += float64(cost) / float64(f.weight)
	q.hold(l, width)
	var s *Slot
	if n := len(q.spare); n > 0 {
		s, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		s = &Slot{queue: q}
		s.generation.Store(1)
	}
	s.lane, s.width, s.cost, s.since = l, width, cost, 0
	// With headroom, what one may take depends on what others hold.
	s.parked = width == 1 && l.pool.pacer == nil && q.config.Headroom <= 0
	if q.shares.contended {
		s.since = max(q.shares.at, 1)
		q.noteGrant(l)
	}
	if s.parked && !l.listed {
		l.listed = true
		q.parked = append(q.parked, l)
	}
	return Ticket{slot: s, generation: s.generation.Load()}
}

// takeBack makes a slot that nobody holds free.
func (q *Queue) takeBack(s *Slot) {
	q.hold(s.lane, -s.width)
	s.lane = nil
	q.spare = append(q.spare, s)
}

// hold adds width to what l holds.
func (q *Queue) hold(l *lane, width int) {
	f := l.flow
	q.settle(f)
	q.settleHabit(l)
	f.held += width
	f.tenant.held += width
	l.held += width
	l.pool.inUse += width
	q.inUse += width
	q.replace(f.tenant)
}
