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
	byKey map[key]*counter
}

// key says whose window it is.
type key struct {
	app  fairlead.AppID
	name string
}

// New returns a Quota in which every window is empty.
func New() *Quota {
	return &Quota{start: time.Now(), byKey: make(map[key]*counter)}
}

// Open returns the counter of w.
//
//nolint:ireturn // as fairlead.Quota has it
func (q *Quota) Open(w fairlead.Window) fairlead.Counter {
	q.mu.Lock()
	defer q.mu.Unlock()
	k, t := key{w.App, w.Name}, terms{w.Limit, w.Per, w.Weighted}
	c := q.byKey[k]
	if c == nil || c.terms != t {
		c = newCounter(q.start, t)
		q.byKey[k] = c
	}
	return c
}

// exactLimit is the largest limit whose window is exact. A ring of it that is
// full has 200 KB; buckets need a third of that, and keep entries longer by a
// 600th of the span at most.
const exactLimit = 8192

// terms is what a window limits, and how.
type terms struct {
	limit    int
	per      time.Duration
	weighted bool
}

func (t terms) unlimited() bool { return t.limit <= 0 || t.per <= 0 }

// counter counts the admissions of one window.
type counter struct {
	start time.Time
	terms terms
	// One of the two counts. The ring is for a limit that is not large and entries
	// that count for 1.
	ring    *window.Ring
	buckets *window.Buckets
}

func newCounter(start time.Time, t terms) *counter {
	c := &counter{start: start, terms: t}
	if t.weighted || t.limit > exactLimit {
		c.buckets = window.NewBuckets(t.limit, t.per)
	} else {
		c.ring = window.New(t.limit, t.per)
	}
	return c
}

// Take implements fairlead.Counter. It does not block. It takes constant time,
// but for the entries that have left the window since the last call.
func (c *counter) Take(_ context.Context, at time.Time, n, spare int) (fairlead.Take, error) {
	if c.terms.unlimited() {
		return fairlead.Take{OK: true}, nil
	}
	var a window.Admission
	switch now := at.Sub(c.start); {
	case c.ring != nil:
		a = c.ring.AdmitState(now)
	case c.terms.weighted:
		a = c.buckets.TakeState(now, n, spare)
	default:
		a = c.buckets.TakeState(now, 1, 0)
	}
	return fairlead.Take{OK: a.OK, Entry: uint64(a.Entry), Wait: a.Wait, State: c.state(a.Used, a.Reset)}, nil
}

// Correct implements fairlead.Counter. It does not block.
func (c *counter) Correct(_ context.Context, entry uint64, n int) error {
	if c.terms.weighted {
		c.buckets.Correct(window.Entry(entry), n)
	}
	return nil
}

// Undo implements fairlead.Counter. It does not block.
func (c *counter) Undo(_ context.Context, entry uint64) error {
	if c.ring != nil {
		c.ring.Undo(window.Entry(entry))
	} else {
		c.buckets.Undo(window.Entry(entry))
	}
	return nil
}

// Look implements fairlead.Counter. It does not block.
func (c *counter) Look(_ context.Context, at time.Time) (fairlead.WindowState, error) {
	switch now := at.Sub(c.start); {
	case c.terms.unlimited():
		return fairlead.WindowState{}, nil
	case c.ring != nil:
		return c.state(c.ring.State(now)), nil
	default:
		return c.state(c.buckets.State(now)), nil
	}
}

// state is how the window stands of which so much is used.
func (c *counter) state(used int, reset time.Duration) fairlead.WindowState {
	return fairlead.WindowState{Limit: c.terms.limit, Remaining: max(0, c.terms.limit-used), Reset: reset}
}
