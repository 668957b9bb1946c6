package estimate

import (
	"container/list"
	"math/rand/v2"
	"testing"
)

// TestTableForgetsTheOldest compares a table with a list of its keys, the latest used
// first, while a few are used often and others come and go.
func TestTableForgetsTheOldest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var all table[int, int]
	known := make(map[int]*named[int, int])
	order, kept := list.New(), make(map[int]*list.Element)
	for use := range 12 * mostNames {
		key := random.IntN(mostNames / 8)
		if use%2 == 0 {
			key = random.IntN(3 * mostNames)
		}
		if e, ok := kept[key]; ok {
			order.MoveToFront(e)
		} else {
			if order.Len() == mostNames {
				oldest, _ := order.Remove(order.Back()).(int)
				delete(kept, oldest)
			}
			kept[key] = order.PushFront(key)
		}
		known[key] = all.use(known[key], key, func(value *int) { *value = key })
		if known[key].value != key {
			t.Fatalf("use %d: got the entry of %d, want that of %d", use, known[key].value, key)
		}
	}
	if len(all.entries) != mostNames {
		t.Errorf("got %d entries, want %d", len(all.entries), mostNames)
	}
	for key := range 3 * mostNames {
		_, want := kept[key]
		if got := all.look(known[key], key) != nil; got != want {
			t.Fatalf("key %d: got kept %v, want %v", key, got, want)
		}
	}
}

// TestTableKeepsNothingThatIsForgotten looks at what a table still holds of entries
// that others have taken the place of.
func TestTableKeepsNothingThatIsForgotten(t *testing.T) {
	t.Parallel()
	var all table[int, int]
	use := func(key int) { all.use(nil, key, func(*int) {}) }
	for key := range mostNames + 1 {
		use(key)
	}
	put := all.oldest[:cap(all.oldest)] // what is put in order, but for the first, which has gone
	for key := range mostNames / 2 {
		use(mostNames + 1 + key)
	}
	for _, e := range put {
		if e.entry != nil && e.entry.used == 0 {
			t.Fatalf("key %d is held still", e.entry.key)
		}
	}
}
