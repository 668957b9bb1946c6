package api

import "sync"

// Budget bounds the bytes of request bodies that are in flight at one time.
// The zero limit bounds nothing.
type Budget struct {
	limit int64

	mu   sync.Mutex
	used int64
}

// NewBudget returns a budget of limit bytes; 0 = no limit.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Used is how many bytes are in flight.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// reserve takes n bytes if they are there.
func (b *Budget) reserve(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit > 0 && b.used+n > b.limit {
		return false
	}
	b.used += n
	return true
}

func (b *Budget) release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
}
