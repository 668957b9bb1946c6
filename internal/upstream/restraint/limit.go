package restraint

import (
	"sync"
	"time"
)

const (
	// cutTo is what a limit is multiplied by when the upstream refuses calls as
	// too many.
	cutTo = 0.8
	// limitWindow is the time over which it is judged whose calls are refused.
	limitWindow = 10 * time.Second
)

// Limit finds how many calls at the same time an upstream takes: additive
// increase, multiplicative decrease, as TCP does (Chiu and Jain, 1989). A call
// that is refused as one too many lowers the limit to 0.8 of it, but at most
// once for the calls that began under the same limit; as many successes as the
// limit has, by calls that began when it was used up, raise it by 1. It is never
// below 1 nor above what it began with.
type Limit struct {
	most int

	mu      sync.Mutex
	now     int
	cut     time.Time // when it was last lowered
	good    int       // successes when it was used up, since it last changed
	refused tally
}

// NewLimit returns a limit that is at most the given one.
func NewLimit(most int) *Limit {
	return &Limit{most: most, now: most, refused: newTally(limitWindow)}
}

// Verdict is what the upstream said to a call.
type Verdict uint8

// The verdicts.
const (
	// Served: it took the call.
	Served Verdict = iota
	// Refused: it had too much to do.
	Refused
)

// Sample is a call that has ended.
type Sample struct {
	// Began is when it was sent, Ended when that was known of it.
	Began, Ended time.Time
	Party        string
	// Full says that the limit was used up when the call began, itself included.
	Full    bool
	Verdict Verdict
}

// Now is how many calls there may be.
func (l *Limit) Now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// IsLowest reports whether the limit can't be lowered any more.
func (l *Limit) IsLowest() bool { return l.Now() <= 1 }

// Note learns of a call. It returns the limit from now on, and whether that is
// another one than before.
func (l *Limit) Note(s Sample) (limit int, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.now
	stale := !l.cut.IsZero() && !s.Began.After(l.cut)
	switch s.Verdict {
	case Served:
		l.refused.addGood(s.Ended, s.Party)
		if s.Full && !stale && l.now < l.most {
			l.good++
		}
		if l.good >= l.now {
			l.now++
			l.good = 0
		}
	case Refused:
		l.refused.addBad(s.Ended, s.Party)
		if !stale && l.now > 1 && !l.refused.isOnes(s.Ended) {
			l.now = max(int(float64(l.now)*cutTo), 1)
			l.cut, l.good = s.Ended, 0
		}
	}
	return l.now, l.now != before
}
