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
// nothing. Memory is taken as entries come: 8 to 16 bytes for each that is in the
// window at the same time, so at most 8 bytes times limit; three times that where many
// are taken back.
func New(limit int, per time.Duration) *Ring {
	r := new(Ring)
	r.Init(limit, per)
	return r
}

// Init makes the zero Ring one as New returns it, for whoever keeps it by value.
func (r *Ring) Init(limit int, per time.Duration) { r.history = newHistory(limit, per) }

// Limit is the most entries that a span has; 0 if everything is admitted.
func (r *Ring) Limit() int { return int(r.history.limit) }

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
// left alone, but for the times at which more entries are in the window than ever
// before and its memory doubles.
func (r *Ring) Admit(now time.Duration) (entry Entry, wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.admit(now)
}

// AdmitState is Admit and then State, at once.
func (r *Ring) AdmitState(now time.Duration) (a Admission) {
	r.mu.Lock() // without a defer, here and in the like: it is dear beside so little work
	a = r.AdmitStateLocked(now)
	r.mu.Unlock()
	return a
}

// AdmitStateLocked is AdmitState for whoever holds the lock.
func (r *Ring) AdmitStateLocked(now time.Duration) (a Admission) {
	a.Entry, a.Wait, _ = r.history.admit(now)
	a.Used, a.Reset = r.history.state(now)
	return a
}

// Lock and Unlock are for who wants AdmitStateLocked.
func (r *Ring) Lock() { r.mu.Lock() }

// Unlock ends what Lock began.
func (r *Ring) Unlock() { r.mu.Unlock() }

// Admission is what Admit and State tell. It has no more than four fields: those
// stay in registers.
type Admission struct {
	Entry Entry
	Wait  time.Duration // 0 if it is admitted
	Used  int
	Reset time.Duration
}

// OK reports whether it is admitted.
func (a Admission) OK() bool { return a.Wait == 0 }

// Try is Admit for one who asks on behalf of all: wait is how long until the
// next admission is possible, however often it is asked.
func (r *Ring) Try(now time.Duration) (entry Entry, wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.told = 0
	return r.history.admit(now)
}

// Undo takes an admission back as if it had never been. An entry that has left
// the window, was undone before, or is of another ring is ignored. It takes time in
// proportion to the logarithm of limit.
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
