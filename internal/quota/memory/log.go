package memory

import (
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/window"
)

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

func termsOf(w fairlead.Window) terms { return terms{w.Limit, w.Per, w.Weighted} }

func (t terms) unlimited() bool { return t.limit <= 0 || t.per <= 0 }

// log counts the admissions of one window. Each method is that of the same name
// in package window.
type log interface {
	take(now time.Duration, n, spare int) window.Admission
	correct(entry window.Entry, n int)
	undo(entry window.Entry)
	state(now time.Duration) (used int, reset time.Duration)
}

// newLog returns an empty log that holds the terms.
//
//nolint:ireturn // which one is its business
func newLog(t terms) log {
	switch {
	case t.weighted:
		return weighted{window.NewBuckets(t.limit, t.per)}
	case t.limit > exactLimit:
		return large{weighted{window.NewBuckets(t.limit, t.per)}}
	}
	return exact{window.New(t.limit, t.per)}
}

// exact is the log of entries that count for 1.
type exact struct{ ring *window.Ring }

func (e exact) take(now time.Duration, _, _ int) window.Admission { return e.ring.AdmitState(now) }

func (e exact) correct(window.Entry, int) {}

func (e exact) undo(entry window.Entry) { e.ring.Undo(entry) }

func (e exact) state(now time.Duration) (used int, reset time.Duration) { return e.ring.State(now) }

// weighted is the log of entries that weigh.
type weighted struct{ buckets *window.Buckets }

func (w weighted) take(now time.Duration, n, spare int) window.Admission {
	return w.buckets.TakeState(now, n, spare)
}

func (w weighted) correct(entry window.Entry, n int) { w.buckets.Correct(entry, n) }

func (w weighted) undo(entry window.Entry) { w.buckets.Undo(entry) }

func (w weighted) state(now time.Duration) (used int, reset time.Duration) {
	return w.buckets.State(now)
}

// large is the log of entries that count for 1, of which there may be many.
type large struct{ weighted }

func (l large) take(now time.Duration, _, _ int) window.Admission { return l.weighted.take(now, 1, 0) }

func (l large) correct(window.Entry, int) {}
