package window

import (
	"sync"
	"time"
)

// Entry names one admission to the Ring or the Buckets that made it. The zero
// Entry names none.
type Entry uint64

// Ring admits at most a fixed number of entries in any span of a fixed length.
// It may be used by several goroutines at once and never blocks beyond its own
// short lock.
//
// Methods take the present as now. A now that is smaller than one seen before
// counts as that one, so callers need not agree on who read the clock first.
type Ring struct {
	mu      sync.Mutex
	history history
}

// New returns an empty ring that admits limit entries in any span of length
// per. With a limit or a span of 0 or less it admits everything and counts
// nothing. Memory is taken as entries come: 24 bytes for each that is in the
// window at the same time, so at most 24 bytes times limit.
func New(limit int, per time.Duration) *Ring {
	return &Ring{history: newHistory(limit, per)}
}

// Admit asks for one admission at now. If ok, it is counted under entry until
// now+per. If not, nothing is counted and wait is how long to stay away.
//
// The first that is refused after an admission is told, to the nanosecond, when
// the next place is free; the second when the next but one is, and so on up to
// the limit-th. So callers that are refused together don't come back together:
// up to limit of them are all admitted when they return, if they stay away for
// as long as they were told and nobody else comes first. No place is reserved.
//
// It takes constant time, whatever the limit and however long the ring was
// left alone.
func (r *Ring) Admit(now time.Duration) (entry Entry, wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.admit(now)
}

// AdmitState is Admit and then State, at once.
func (r *Ring) AdmitState(now time.Duration) (a Admission) {
	r.mu.Lock() // without a defer, here and in the like: it is dear beside so little work
	a.Entry, a.Wait, a.OK = r.history.admit(now)
	a.Used, a.Reset = r.history.state(now)
	r.mu.Unlock()
	return a
}

// Admission is what Admit and State tell.
type Admission struct {
	Entry Entry
	OK    bool
	Wait  time.Duration
	Used  int
	Reset time.Duration
}

// Try is Admit for one who asks on behalf of all: wait is how long until the
// next admission is possible, however often it is asked.
func (r *Ring) Try(now time.Duration) (entry Entry, wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.told = none
	return r.history.admit(now)
}

// Undo takes an admission back as if it had never been, in constant time. An
// entry that has left the window, was undone before, or is of another ring is
// ignored. (An entry that is kept for 2^32 further admissions might be
// mistaken for another; calls don't live that long.)
func (r *Ring) Undo(entry Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.undo(entry)
}

// State tells how many entries the window holds at now, and how long until it
// is empty if nothing comes. It first forgets those that have left, so it takes
// time in proportion to them: constant for each admission, and constant for a
// window that has emptied altogether.
func (r *Ring) State(now time.Duration) (used int, reset time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.state(now)
}
