// Package memory counts admissions in this process: those of a window that is
// weighted or has a large limit in buckets, all others in an exact ring. It is
// the Quota of a service that runs as one process: nothing is shared and nothing
// survives a restart, so it can neither fail nor wait.
//
// Whoever uses a window opens it once and keeps its counter, so that counting an
// admission looks nothing up. A window that is empty has next to no memory.
package memory

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/window"
)

// Quota keeps windows in this process. It implements fairlead.Quota; the errors
// of its counters are always nil.
//
// In a window that is not weighted every admission counts for 1, whatever n is,
// and correcting it does nothing. One whose limit is above 8192 may let an
// admission count for a 600th of its span longer.
type Quota struct {
	start time.Time // of the clock that the windows run by

	mu    sync.Mutex
	byKey map[key]opened
}

// opened is a counter and the terms on which it was opened.
type opened struct {
	terms   terms
	counter fairlead.Counter
}

// key says whose window it is.
type key struct {
	app  fairlead.AppID
	name string
}

// New returns a Quota in which every window is empty.
func New() *Quota {
	return &Quota{start: time.Now(), byKey: make(map[key]opened)}
}

// Open returns the counter of w.
//
//nolint:ireturn // as fairlead.Quota has it
func (q *Quota) Open(w fairlead.Window) fairlead.Counter {
	q.mu.Lock()
	defer q.mu.Unlock()
	k, t := key{w.App, w.Name}, terms{w.Limit, w.Per, w.Weighted}
	if was, ok := q.byKey[k]; ok && was.terms == t {
		return was.counter
	}
	c := q.newCounter(t)
	q.byKey[k] = opened{t, c}
	return c
}

// exactLimit is the largest limit whose window is exact. A ring of it that is
// full has 64 KB, or three times that where many are taken back. Buckets grow and
// shrink in small steps instead, and keep entries longer by a 600th of the span at
// most.
const exactLimit = 8192

// terms is what a window limits, and how.
type terms struct {
	limit    int
	per      time.Duration
	weighted bool
}

// newCounter returns an empty counter.
//
//nolint:ireturn // as fairlead.Quota has it
func (q *Quota) newCounter(t terms) fairlead.Counter {
	switch {
	case t.limit <= 0 || t.per <= 0:
		return unlimited{}
	case t.weighted:
		c := &weighted{quota: q}
		c.buckets.Init(t.limit, t.per)
		return c
	case t.limit > exactLimit:
		c := &large{weighted{quota: q}}
		c.of.buckets.Init(t.limit, t.per)
		return c
	}
	c := &exact{quota: q}
	c.ring.Init(t.limit, t.per)
	return c
}

// now is the time on the windows' clock.
func (q *Quota) now(at time.Time) time.Duration { return at.Sub(q.start) }

// exact counts entries that count for 1 against a limit that is not large. Like
// the other counters it has its window by value: all that a call of an app touches
// lies together.
type exact struct {
	quota *Quota
	ring  window.Ring
	_     [8]byte // two cache lines, not now and then three
}

// Lock and Unlock, with the two below, implement fairlead.LocalCounter.
func (c *exact) Lock() { c.ring.Lock() }

// Unlock ends what Lock began.
func (c *exact) Unlock() { c.ring.Unlock() }

// TakeLocked implements fairlead.LocalCounter.
func (c *exact) TakeLocked(at time.Time, _, _ int) (entry uint64, wait time.Duration, state fairlead.WindowState) {
	a := c.ring.AdmitStateLocked(c.quota.now(at))
	return uint64(a.Entry), a.Wait, stateOf(c.ring.Limit(), a.Used, a.Reset)
}

// CorrectLocked implements fairlead.LocalCounter. It does nothing.
func (*exact) CorrectLocked(uint64, int) {}

// Take implements fairlead.Counter. It does not block. It takes constant time,
// but for the entries that have left the window since the last call.
func (c *exact) Take(_ context.Context, at time.Time, _, _ int) (fairlead.Take, error) {
	return took(c.ring.AdmitState(c.quota.now(at)), c.ring.Limit()), nil
}

// Correct implements fairlead.Counter. It does nothing.
func (*exact) Correct(context.Context, uint64, int) error { return nil }

// Undo implements fairlead.Counter. It does not block.
func (c *exact) Undo(_ context.Context, entry uint64) error {
	c.ring.Undo(window.Entry(entry))
	return nil
}

// Look implements fairlead.Counter. It does not block.
func (c *exact) Look(_ context.Context, at time.Time) (fairlead.WindowState, error) {
	used, reset := c.ring.State(c.quota.now(at))
	return stateOf(c.ring.Limit(), used, reset), nil
}

// weighted counts entries that weigh.
type weighted struct {
	quota   *Quota
	buckets window.Buckets
	_       [16]byte // three cache lines, not now and then four
}

// Take implements fairlead.Counter. It does not block. It takes constant time,
// but for the entries that have left the window since the last call.
func (c *weighted) Take(_ context.Context, at time.Time, n, spare int) (fairlead.Take, error) {
	return took(c.buckets.TakeState(c.quota.now(at), n, spare), c.buckets.Limit()), nil
}

// Correct implements fairlead.Counter. It does not block.
func (c *weighted) Correct(_ context.Context, entry uint64, n int) error {
	c.buckets.Correct(window.Entry(entry), n)
	return nil
}

// Undo implements fairlead.Counter. It does not block.
func (c *weighted) Undo(_ context.Context, entry uint64) error {
	c.buckets.Undo(window.Entry(entry))
	return nil
}

// Look implements fairlead.Counter. It does not block.
func (c *weighted) Look(_ context.Context, at time.Time) (fairlead.WindowState, error) {
	used, reset := c.buckets.State(c.quota.now(at))
	return stateOf(c.buckets.Limit(), used, reset), nil
}

// Lock and Unlock, with the two below, implement fairlead.LocalCounter.
func (c *weighted) Lock() { c.buckets.Lock() }

// Unlock ends what Lock began.
func (c *weighted) Unlock() { c.buckets.Unlock() }

// TakeLocked implements fairlead.LocalCounter.
func (c *weighted) TakeLocked(at time.Time, n, spare int) (entry uint64, wait time.Duration, state fairlead.WindowState) {
	a := c.buckets.TakeStateLocked(c.quota.now(at), n, spare)
	return uint64(a.Entry), a.Wait, stateOf(c.buckets.Limit(), a.Used, a.Reset)
}

// CorrectLocked implements fairlead.LocalCounter.
func (c *weighted) CorrectLocked(entry uint64, n int) {
	c.buckets.CorrectLocked(window.Entry(entry), n)
}

// large counts entries that count for 1 against a large limit.
type large struct{ of weighted }

// Take implements fairlead.Counter, as that of weighted does.
func (c *large) Take(ctx context.Context, at time.Time, _, _ int) (fairlead.Take, error) {
	return c.of.Take(ctx, at, 1, 0)
}

// Correct implements fairlead.Counter. It does nothing.
func (*large) Correct(context.Context, uint64, int) error { return nil }

// Undo implements fairlead.Counter. It does not block.
func (c *large) Undo(ctx context.Context, entry uint64) error { return c.of.Undo(ctx, entry) }

// Look implements fairlead.Counter. It does not block.
func (c *large) Look(ctx context.Context, at time.Time) (fairlead.WindowState, error) {
	return c.of.Look(ctx, at)
}

// unlimited admits everything and counts nothing.
type unlimited struct{}

// Take implements fairlead.Counter.
func (unlimited) Take(context.Context, time.Time, int, int) (fairlead.Take, error) {
	return fairlead.Take{OK: true}, nil
}

// Correct implements fairlead.Counter.
func (unlimited) Correct(context.Context, uint64, int) error { return nil }

// Undo implements fairlead.Counter.
func (unlimited) Undo(context.Context, uint64) error { return nil }

// Look implements fairlead.Counter.
func (unlimited) Look(context.Context, time.Time) (fairlead.WindowState, error) {
	return fairlead.WindowState{}, nil
}

// took is what a window said to one that asked, as a Take.
func took(a window.Admission, limit int) fairlead.Take {
	return fairlead.Take{OK: a.OK(), Entry: uint64(a.Entry), Wait: a.Wait, State: stateOf(limit, a.Used, a.Reset)}
}

// stateOf is how a window stands of which so much is used.
func stateOf(limit, used int, reset time.Duration) fairlead.WindowState {
	return fairlead.WindowState{Limit: limit, Remaining: max(0, limit-used), Reset: reset}
}
