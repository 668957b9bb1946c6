// Package memory counts admissions in this process: those of a window that is
// weighted or has a large limit in buckets, all others in an exact ring. It is
// the Quota of a service that runs as one process: nothing is shared and nothing
// survives a restart, so it can neither fail nor wait.
//
// Windows are made when first asked for and dropped when they have long been
// empty, so that memory follows the apps that call and not those that exist.
package memory

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/window"
)

const (
	// keepEmpty is how long an empty window is kept for the app to come back.
	keepEmpty = 10 * time.Minute
	// sweepEvery is the time from one sweep of all windows to the next.
	sweepEvery = time.Minute
	// sweepAtOnce is the most windows that one Take looks at for the sweep.
	sweepAtOnce = 64
)

// Quota counts admissions in this process. It implements fairlead.Quota; its
// errors are always nil.
//
// A window is known by its App and Name. When it is asked for with another
// Limit, Per or Weighted than before, it starts anew, empty: what was counted
// under the old terms is forgotten, and undoing or correcting it does nothing. A
// window whose Per is 0 or less is treated as one whose Limit is.
//
// In a window that is not weighted every admission counts for 1, whatever n is,
// and correcting it does nothing.
type Quota struct {
	start time.Time // of the clock that the windows run by

	// mu is held for reading while a window is used, so that the sweep, which
	// holds it for writing, can't drop a window under the hands of a call.
	mu    sync.RWMutex
	byKey map[key]*counter
	all   []*counter // the same, for the sweep's hand
	hand  int        // the next in all to look at

	nextSweep atomic.Int64 // nanoseconds since start
}

// key says whose window it is.
type key struct {
	app  fairlead.AppID
	name string
}

// counter is a window in use.
type counter struct {
	key   key
	terms terms
	log   log
	// lastTake is when an admission was last asked for, in nanoseconds since
	// start.
	lastTake atomic.Int64
}

// New returns a Quota in which every window is empty.
func New() *Quota {
	q := &Quota{start: time.Now(), byKey: make(map[key]*counter)}
	q.nextSweep.Store(int64(sweepEvery))
	return q
}

// Take asks w for an admission that counts for n, now. It does not block. It
// takes constant time, but for the entries that have left the window since the
// last call.
func (q *Quota) Take(_ context.Context, w fairlead.Window, n int) (fairlead.Take, error) {
	if unlimited(w) {
		return fairlead.Take{OK: true}, nil
	}
	now := time.Since(q.start)
	q.sweep(now)
	take, found := q.takeFrom(w, n, now)
	for !found { // more than once only if a sweep or a reload comes between
		q.open(w, now)
		take, found = q.takeFrom(w, n, now)
	}
	return take, nil
}

// Correct sets what an admission counts for. It does not block.
func (q *Quota) Correct(_ context.Context, w fairlead.Window, entry uint64, n int) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if c := q.find(w); c != nil {
		c.log.correct(window.Entry(entry), n)
	}
	return nil
}

// Undo gives an admission back. It does not block.
func (q *Quota) Undo(_ context.Context, w fairlead.Window, entry uint64) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if c := q.find(w); c != nil {
		c.log.undo(window.Entry(entry))
	}
	return nil
}

// Look reads the window without counting. It does not block.
func (q *Quota) Look(_ context.Context, w fairlead.Window) (fairlead.WindowState, error) {
	if unlimited(w) {
		return fairlead.WindowState{}, nil
	}
	now := time.Since(q.start)
	q.mu.RLock()
	defer q.mu.RUnlock()
	if c := q.find(w); c != nil {
		return c.state(now), nil
	}
	return fairlead.WindowState{Limit: w.Limit, Remaining: w.Limit}, nil
}

// takeFrom asks w for an admission if it is in use.
func (q *Quota) takeFrom(w fairlead.Window, n int, now time.Duration) (take fairlead.Take, found bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	c := q.find(w)
	if c == nil {
		return fairlead.Take{}, false
	}
	c.lastTake.Store(int64(now))
	entry, wait, ok := c.log.take(now, n)
	return fairlead.Take{OK: ok, Entry: uint64(entry), Wait: wait, State: c.state(now)}, true
}

// find returns w's counter, or nil if it is not in use on these terms. The
// caller holds mu.
func (q *Quota) find(w fairlead.Window) *counter {
	c := q.byKey[key{w.App, w.Name}]
	if c == nil || c.terms != termsOf(w) {
		return nil
	}
	return c
}

// open puts w into use, empty, unless it is in use on the same terms.
func (q *Quota) open(w fairlead.Window, now time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.find(w) != nil {
		return
	}
	k := key{w.App, w.Name}
	c := q.byKey[k]
	if c == nil {
		c = &counter{key: k}
		q.byKey[k] = c
		q.all = append(q.all, c)
	}
	c.begin(termsOf(w))
	c.lastTake.Store(int64(now))
}

// state is how the counter stands at now.
func (c *counter) state(now time.Duration) fairlead.WindowState {
	used, reset := c.log.state(now)
	return fairlead.WindowState{Limit: c.terms.limit, Remaining: max(0, c.terms.limit-used), Reset: reset}
}

func unlimited(w fairlead.Window) bool { return w.Limit <= 0 || w.Per <= 0 }
