package restraint

import (
	"sync"
	"time"
)

// spans is how many parts the window of a Budget or of a tally has.
const spans = 10

// Budget bounds extra attempts: in any window, they are at most a share of the
// requests in that window, or as many as the floor. The zero Budget allows none.
//
// It counts in spans of a tenth of the window. Extras count for a span more
// than the window, requests for a span less at most, so the bound holds for the
// exact sliding window too.
type Budget struct {
	share float64
	floor int
	span  time.Duration

	mu       sync.Mutex
	start    time.Time
	now      int64 // the number of the present span
	requests [spans + 1]int
	extras   [spans + 1]int
}

// NewBudget returns a budget of share extra attempts for each request within
// window, or of floor where that is more.
func NewBudget(share float64, floor int, window time.Duration) *Budget {
	return &Budget{share: share, floor: floor, span: window / spans}
}

// Request counts a request.
func (b *Budget) Request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	b.requests[b.now%(spans+1)]++
}

// Extra reports whether there may be an extra attempt now, and counts it then.
func (b *Budget) Extra(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	requests, extras := 0, 0
	for i := range b.extras {
		extras += b.extras[i]
		requests += b.requests[i]
	}
	requests -= b.requests[(b.now+1)%(spans+1)] // the oldest span
	if extras+1 > max(b.floor, int(b.share*float64(requests))) {
		return false
	}
	b.extras[b.now%(spans+1)]++
	return true
}

// advance forgets the spans that are over.
func (b *Budget) advance(now time.Time) {
	if b.start.IsZero() {
		b.start = now
	}
	if b.span <= 0 {
		return
	}
	at := int64(now.Sub(b.start) / b.span)
	if at-b.now > spans {
		b.now = at - spans - 1
	}
	for b.now < at {
		b.now++
		b.requests[b.now%(spans+1)], b.extras[b.now%(spans+1)] = 0, 0
	}
}
