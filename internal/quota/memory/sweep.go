package memory

import "time"

// sweep drops windows that have long been empty, a few at a time, so that no
// call pays for all of them. It does nothing until the time for the next sweep
// has come; then each call moves the hand on until it has been around.
func (q *Quota) sweep(now time.Duration) {
	if int64(now) < q.nextSweep.Load() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for range sweepAtOnce {
		if q.hand >= len(q.all) {
			q.hand = 0
			q.nextSweep.Store(int64(now + sweepEvery))
			return
		}
		if c := q.all[q.hand]; c.longEmpty(now) {
			q.drop(q.hand)
		} else {
			q.hand++
		}
	}
}

// longEmpty reports whether the window has been empty for keepEmpty: its last
// entry came no later than lastTake and left a span later.
func (c *counter) longEmpty(now time.Duration) bool {
	return now-time.Duration(c.lastTake.Load())-keepEmpty > c.terms.per
}

// drop takes the counter at i out of use; the last one comes into its place.
func (q *Quota) drop(i int) {
	delete(q.byKey, q.all[i].key)
	last := len(q.all) - 1
	q.all[i] = q.all[last]
	q.all[last] = nil
	q.all = q.all[:last]
}
