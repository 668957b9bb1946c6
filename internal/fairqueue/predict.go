package fairqueue

import "time"

// How long a wait is expected to be, from what happened lately.
const (
	// meterSpan is how far a meter looks back, in buckets of one second.
	meterSpan = 15
	// enoughGrants is how many grants tell a rate.
	enoughGrants = 8
	// forgetGrants is the rest after which the rate of grants before it tells
	// nothing.
	forgetGrants = time.Second
	// firstHold is what a slot is expected to be held for before any was released.
	firstHold = 2 * time.Second
	// holdSmoothing is the weight of the latest holding time in the queue's mean:
	// one in so many.
	holdSmoothing = 64
	// Generations differ from one to the next by as much as their mean, so it
	// takes this many to know the mean to a twentieth.
	habitHolds = 128
	// habitSpan is over how long means over time go.
	habitSpan = 30 * time.Second
	// fairGrants is how many grants the fair share counts as beside those seen.
	fairGrants = 8
)

// meter counts events of the last seconds.
type meter struct {
	began  time.Duration // since when it counts
	second int64         // of the newest bucket
	counts [meterSpan + 1]uint32
	total  int
}

// restart makes the meter count from now on.
func (m *meter) restart(now time.Duration) {
	*m = meter{began: now, second: int64(now / time.Second)}
}

func (m *meter) add(now time.Duration) {
	m.forget(now)
	m.counts[m.second%int64(len(m.counts))]++
	m.total++
}

// forget empties the buckets that have become too old.
func (m *meter) forget(now time.Duration) {
	second := int64(now / time.Second)
	if second-m.second > meterSpan {
		m.counts, m.total, m.second = [meterSpan + 1]uint32{}, 0, second
		return
	}
	for m.second < second {
		m.second++
		bucket := &m.counts[m.second%int64(len(m.counts))]
		m.total -= int(*bucket)
		*bucket = 0
	}
}

// span is the time that total is about.
func (m *meter) span(now time.Duration) time.Duration {
	m.forget(now)
	return min(now-m.began, now-time.Duration(m.second-meterSpan)*time.Second)
}

// interval is the mean time from one event to the next; 0 if there were not
// enough to tell.
func (m *meter) interval(now time.Duration) time.Duration {
	span := m.span(now)
	if m.total < enoughGrants {
		return 0
	}
	return max(span/time.Duration(m.total), 1)
}

// habit is what a lane is known for. It outlasts times in which nobody waits.
type habit struct {
	// hold is the mean holding time of its acquisitions, each times its width.
	hold  time.Duration
	holds int // how many are in it
	// held is the mean number of slots that it held since it began to wait.
	held float64
}

func (h *habit) noteHold(d time.Duration) {
	h.holds = min(h.holds+1, habitHolds)
	h.hold += (d - h.hold) / time.Duration(h.holds)
}

// settleHabit reckons what l has held while it waited, before that changes.
func (q *Queue) settleHabit(l *lane) {
	if !q.shares.contended {
		return
	}
	now := q.shares.at
	if l.waiting > 0 {
		l.habit.held = drift(l.habit.held, float64(l.held), now-l.settled, now-l.grants.began)
	}
	l.settled = now
}

// drift is a mean over time after another d of a value: a mean over all of age,
// at most over about habitSpan.
func drift(mean, value float64, d, age time.Duration) float64 {
	if d <= 0 {
		return mean
	}
	return mean + (value-mean)*min(1, float64(d)/float64(min(age, habitSpan)))
}

// noteGrant counts a grant in l. Those who look without the mutex are told the
// flow's pace only while it waits, and only if it is that of all its work: for
// another pool it might be quite another.
func (q *Queue) noteGrant(l *lane) {
	f, now := l.flow, q.shares.at
	q.grants.add(now)
	l.pool.grants.add(now)
	l.grants.add(now)
	pace := time.Duration(0)
	if l.waiting > 0 && q.used == 1 {
		pace = q.ownPace(l, now)
	}
	if int64(pace) != f.pace.Load() {
		f.pace.Store(int64(pace))
	}
}

// noteHold notes that l's flow held slots for d.
func (q *Queue) noteHold(l *lane, width int, d time.Duration) {
	l.habit.noteHold(d * time.Duration(width))
	if q.meanHold == 0 {
		q.meanHold = max(d, 1)
		return
	}
	q.meanHold = max(q.meanHold+(d-q.meanHold)/holdSmoothing, 1)
}

// meanHoldOr is how long slots are held, or d before any was released.
func (q *Queue) meanHoldOr(d time.Duration) time.Duration {
	if q.meanHold == 0 {
		return d
	}
	return q.meanHold
}

// Outlook is what an acquisition that came now would have to expect.
type Outlook struct {
	// Wait is how long it would wait, and Pace the time from one grant to its flow
	// to the next.
	Wait, Pace time.Duration
	// Opens is how long the pool's pacer will let nobody start.
	Opens time.Duration
	// Known says that grants of the last seconds tell; else Wait and Pace are
	// guesses.
	Known bool
}

// Predict tells what an acquisition by f for pool would have to expect if it
// came now. pool may be nil: then only the queue's own slots count.
func (q *Queue) Predict(f *Flow, pool *Pool) Outlook {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Load() == 0 {
		q.reclaim() // what is parked is free
	}
	now := q.clock.Now()
	o := q.predict(f, pool, now)
	if q.waiting.Load() == 0 && q.roomFor(f.tenant, 1) && f.tenant.hasRoom(1) && (pool == nil || pool.hasRoom(1) && pool.opens <= now) {
		o.Wait = 0
	}
	return o
}

// predict is the outlook of one who comes last in f's queue. Where f has been
// served by the pool for a while, its own pace tells. Else its share of the rate
// at which slots come free does: until it holds its share of the slots it is
// served almost at every release, then in proportion to its weight.
func (q *Queue) predict(f *Flow, pool *Pool, now time.Duration) Outlook {
	position := int64(f.waiting + 1)
	paced := time.Duration(0)
	if pool != nil {
		paced = max(pool.opens-now, 0)
		l := q.lane(f, pool)
		position = int64(l.waiting + 1)
		if l.waiting > 0 {
			if own := q.ownPace(l, now); own > 0 {
				return Outlook{Wait: max(times(own, position), paced), Pace: own, Opens: paced, Known: pool.pacer == nil}
			}
		}
	} else if own := time.Duration(f.pace.Load()); own > 0 && f.waiting > 0 {
		return Outlook{Wait: times(own, position), Pace: own, Known: true}
	}
	slots := q.slotsFor(pool)
	if slots <= 0 {
		return Outlook{Wait: paced, Opens: paced}
	}
	grants := &q.grants
	if slots != q.slots {
		grants = &pool.grants
	}
	release := grants.interval(now)
	known := release > 0
	if !known {
		release = max(q.meanHoldOr(firstHold)/time.Duration(slots), 1)
	}
	weights := q.shares.weights
	if f.waiting == 0 {
		weights += f.weight
	}
	weights = max(weights, f.weight)
	fair := slots*f.weight/weights - f.held
	quick := min(position, int64(max(fair, 1)))
	pace := times(release, int64(weights)) / time.Duration(f.weight)
	wait := times(release, quick) + times(pace, position-quick)
	known = known && (pool == nil || pool.pacer == nil)
	return Outlook{Wait: max(wait, paced), Pace: pace, Opens: paced, Known: known}
}

// slotsFor is how many slots limit those who wait for pool: its own, or the
// queue's if they are fewer; 0 if neither has a limit.
func (q *Queue) slotsFor(pool *Pool) int {
	if pool != nil && pool.slots > 0 && (q.slots <= 0 || pool.slots < q.slots) {
		return pool.slots
	}
	return max(q.slots, 0)
}

// ownPace is the time from one grant in l, which waits, to the next; 0 if too
// little is known of it. By Little's law it is the mean holding time divided by
// the mean number of slots held. Both vary less than the number of grants in a
// few seconds does, so that corrects them only where it contradicts them: when
// the holding times have changed.
func (q *Queue) ownPace(l *lane, now time.Duration) time.Duration {
	if l.habit.holds < enoughGrants {
		return 0
	}
	span, seen := l.grants.span(now), float64(l.grants.total)
	age := now - l.grants.began
	held := drift(l.habit.held, float64(l.held), now-l.settled, age)
	if fair := q.fairShare(l.flow, l.pool, now); fair > 0 {
		held = (seen*held + fairGrants*fair) / (seen + fairGrants)
	}
	if held <= 0 {
		return 0
	}
	pace := float64(l.habit.hold) / held
	if expected := float64(span) / pace; expected > 2*(seen+enoughGrants/2) || seen > 2*(expected+enoughGrants/2) {
		pace = float64(span) / max(seen, 1)
	}
	return max(time.Duration(pace), 1)
}

// fairShare is how many slots f would hold beside those who usually wait, if
// all of them waited for pool; 0 if that is not known.
func (q *Queue) fairShare(f *Flow, pool *Pool, now time.Duration) float64 {
	slots := q.slotsFor(pool)
	if slots <= 0 || pool != nil && pool.pacer != nil {
		return 0
	}
	share := float64(slots*f.weight) / max(q.usualWeights(now), float64(f.weight))
	if most := f.tenant.max; most > 0 {
		share = min(share, float64(most))
	}
	return share
}

// usualWeights is the mean of the weights of the flows that wait.
func (q *Queue) usualWeights(now time.Duration) float64 {
	return drift(q.shares.usual, float64(q.shares.weights), now-q.shares.changed, now-q.shares.begun)
}

// addWeight is called when the weight of the flows that wait changes.
func (q *Queue) addWeight(weight int) {
	q.shares.usual = q.usualWeights(q.shares.at)
	q.shares.changed = q.shares.at
	q.shares.weights += weight
}

func times(d time.Duration, n int64) time.Duration { return time.Duration(int64(d) * n) }
