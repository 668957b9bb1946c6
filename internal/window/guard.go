package window

import (
	"sync"
	"time"
)

// Guard blocks, for a while, whoever comes too fast. Unlike a Ring it counts
// arrivals, whatever becomes of them, and does not refuse the one too many
// only but all that follow. It may be used by several goroutines at once.
type Guard struct {
	mu       sync.Mutex
	until    time.Duration // when the block ends
	arrivals history
	block    time.Duration
	few      [firstSlots]slot // the first slots of arrivals: mostly there are no more
}

// NewGuard returns a guard that blocks for the time block when more than limit
// arrivals come within any span of length per. If any of the three is 0 or
// less, it never blocks.
func NewGuard(limit int, per, block time.Duration) *Guard {
	g := new(Guard)
	g.Init(limit, per, block)
	return g
}

// Init makes the zero Guard one as NewGuard returns it, for whoever keeps it by
// value.
func (g *Guard) Init(limit int, per, block time.Duration) {
	if block <= 0 {
		limit = 0
	}
	g.block, g.arrivals = block, newHistory(limit, per)
	g.arrivals.slots = g.few[:]
}

// Arrive counts an arrival at now and tells how long the block still lasts; 0
// means that there is none. The arrival that is one too many begins a block and
// is the first to be told. During a block nothing is counted, so that
// hammering does not prolong it, and afterwards counting starts from nothing.
func (g *Guard) Arrive(now time.Duration) (blockedFor time.Duration) {
	g.mu.Lock()
	if blockedFor = max(0, g.left(now)); blockedFor == 0 {
		if _, _, ok := g.arrivals.admit(now); !ok {
			g.arrivals.clear()
			g.until, blockedFor = g.arrivals.now+g.block, g.block
		}
	}
	g.mu.Unlock()
	return blockedFor
}

// Blocked tells how long the block still lasts at now; 0 means that there is
// none. It counts nothing.
func (g *Guard) Blocked(now time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.left(now))
}

// Lift ends a block at once, and forgets the arrivals so far.
func (g *Guard) Lift() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arrivals.clear()
	g.until = 0
}

// left is how long the block still lasts; 0 or less if there is none. As with
// a ring, time does not run backwards.
func (g *Guard) left(now time.Duration) time.Duration {
	return g.until - max(now, g.arrivals.now)
}
