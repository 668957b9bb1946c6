package api

import (
	"sync"

	"github.com/fairleadhq/fairlead"
)

// appShare is the part of a budget that one app may fill: one in so many.
const appShare = 2

// Budget bounds the bytes of bodies that are in flight at one time. One app may
// fill a half of it, so that none can shut the others out.
type Budget struct {
	limit, share int64

	mu   sync.Mutex
	used int64
	apps map[fairlead.AppID]int64
}

// NewBudget returns a budget of limit bytes (0 = no limit), in which one body of
// the size most has room, whoever sends it.
func NewBudget(limit, most int64) *Budget {
	return &Budget{limit: limit, share: max(limit/appShare, min(most, limit)), apps: make(map[fairlead.AppID]int64)}
}

// Used is how many bytes are in flight.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// reserve takes n bytes for app if they are there.
func (b *Budget) reserve(app fairlead.AppID, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit > 0 && (b.used+n > b.limit || b.apps[app]+n > b.share) {
		return false
	}
	b.used += n
	b.apps[app] += n
	return true
}

func (b *Budget) release(app fairlead.AppID, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.apps[app] -= n; b.apps[app] == 0 {
		delete(b.apps, app)
	}
}
