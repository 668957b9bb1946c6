package keyheap

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type item struct {
	key    Key
	handle int
}

// TestHeapIsTheSortedList pushes, moves and removes items, and compares the top
// with the least of a plain list.
func TestHeapIsTheSortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var heap Heap[*item]
		var all []*item
		key := rapid.Custom(func(t *rapid.T) Key {
			return Key{
				Level: rapid.Int64Range(0, 2).Draw(t, "level"), Service: float64(rapid.IntRange(0, 2).Draw(t, "service")),
				Tokens: float64(rapid.IntRange(0, 2).Draw(t, "tokens")), Arrival: time.Duration(rapid.IntRange(0, 3).Draw(t, "arrival")),
			}
		})
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 3).Draw(t, "op"); {
			case op <= 1 || len(all) == 0:
				one := &item{key: key.Draw(t, "key")}
				one.handle = heap.Push(one.key, one)
				all = append(all, one)
			case op == 2:
				one := all[rapid.IntRange(0, len(all)-1).Draw(t, "moved")]
				one.key = key.Draw(t, "other key")
				heap.Fix(one.handle, one.key)
			default:
				i := rapid.IntRange(0, len(all)-1).Draw(t, "removed")
				heap.Remove(all[i].handle)
				all = slices.Delete(all, i, i+1)
			}
			if heap.Len() != len(all) {
				t.Fatalf("%d items, want %d", heap.Len(), len(all))
			}
			if len(all) == 0 {
				continue
			}
			if got, want := heap.Top().key, slices.MinFunc(all, func(a, b *item) int { return compare(a.key, b.key) }).key; got != want || heap.TopKey() != want {
				t.Fatalf("the top is %+v, want %+v", got, want)
			}
		}
	})
}

func compare(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Tokens, b.Tokens), cmp.Compare(a.Arrival, b.Arrival))
}
