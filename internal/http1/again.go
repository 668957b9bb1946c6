package http1

import "sync/atomic"

const (
	// A request in againShare may be sent once more, and againAtOnce of them with
	// no others between, as when a server closes what it has open.
	againShare  = 20
	againAtOnce = 20
)

// again bounds how many requests are sent once more. To a server that cuts kept
// connections when they are used each request would else go twice, just when it is
// in trouble.
type again struct {
	// credit is what is left, in parts of a request; each request sent adds one.
	credit atomic.Int64
}

// earn is told of each request. Several at a time may go past the bound, by one
// each.
func (a *again) earn() {
	if a.credit.Load() < againAtOnce*againShare {
		a.credit.Add(1)
	}
}

// spend reports whether a request may be sent once more.
func (a *again) spend() bool {
	for {
		left := a.credit.Load()
		if left < againShare {
			return false
		}
		if a.credit.CompareAndSwap(left, left-againShare) {
			return true
		}
	}
}
