// Package clock parts the time of an analysis: most of it is for reading, the end of it
// for merging what was read, and the very end for giving the report to its reader.
//
// The idea: time is kept for merging only once something has been read. Until then there
// is nothing to merge, and a model that is slow has all the time that there is.
//
// Start with New.
package clock

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The part of the time that is kept for merging: a share of it, but at least so much, and
// never more than half.
const (
	mergeShare = 15 // per cent
	mergeLeast = 5 * time.Second
)

// margin is what is left of the time for giving the report to its reader, and never more
// than a quarter.
const margin = 500 * time.Millisecond

// Clock is the time of one analysis. It is immutable.
type Clock struct {
	merging time.Time // from when on time is kept for merging; zero without an end
}

// New parts the time that ctx has from now on.
func New(ctx context.Context) Clock {
	deadline, ok := ctx.Deadline()
	if !ok {
		return Clock{}
	}
	left := time.Until(deadline)
	return Clock{deadline.Add(-min(max(left*mergeShare/100, mergeLeast), left/2))}
}

// Waiting is ctx as long as it makes sense to wait for a document: as much as is kept for
// merging is left to read it.
func (c Clock) Waiting(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.merging.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, c.merging)
}

// Telling is ctx, but for what is left for giving the report to its reader.
func Telling(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(margin, time.Until(deadline)/4)))
}

// Reading is the time in which parts are read. It is safe for concurrent use.
type Reading struct {
	merging time.Time
	end     func(cause error)

	mu    sync.Mutex
	timer *time.Timer // nil until a part has been read
}

// Reading is ctx as long as parts may be read, which is as Telling until Reading.Part says
// that there is something to merge. Reading.End must be called.
func (c Clock) Reading(ctx context.Context) (context.Context, *Reading) {
	telling, cancel := Telling(ctx)
	reading, end := context.WithCancelCause(telling)
	return reading, &Reading{merging: c.merging, end: func(cause error) { end(cause); cancel() }}
}

// Part notes that a part has been read: the reading ends when the time for merging begins,
// at once if it has begun.
func (r *Reading) Part() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.merging.IsZero() || r.timer != nil {
		return
	}
	left := time.Until(r.merging)
	if left <= 0 {
		r.end(fairlead.NewLate(nil))
	}
	r.timer = time.AfterFunc(max(left, 0), func() { r.end(fairlead.NewLate(nil)) })
}

// End ends the reading. It may be called twice.
func (r *Reading) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.merging = time.Time{} // there is nothing left to end
	if r.timer != nil {
		r.timer.Stop()
	}
	r.end(context.Canceled)
}
