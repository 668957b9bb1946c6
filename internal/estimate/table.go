package estimate

import (
	"cmp"
	"slices"
)

// mostNames bounds each table: names of models come from callers.
const mostNames = 4096

// table is a map that forgets the entry that was not used for the longest time
// when it has mostNames. It has no lock of its own. The zero table is empty.
//
// Using an entry writes to that one alone: which is the oldest is asked seldom. Only
// when one has to go, all are put in order, and then one after the other goes that
// was not used since.
type table[K comparable, V any] struct {
	entries map[K]*named[K, V]
	uses    uint64 // so far
	// oldest are the entries that were oldest when they were put in order, first
	// those that go first.
	oldest []aged[K, V]
}

type named[K comparable, V any] struct {
	value V
	used  uint64 // the number of its latest use; 0 if it is in the table no more
	key   K
}

// aged is an entry and its latest use at some time.
type aged[K comparable, V any] struct {
	used  uint64
	entry *named[K, V]
}

// look returns the entry of key, or nil. It does not count as use. known is what
// it or use returned before, or nil: with it nothing is looked up.
func (t *table[K, V]) look(known *named[K, V], key K) *named[K, V] {
	if known != nil && known.used != 0 {
		return known
	}
	return t.entries[key]
}

// use returns the entry of key, as look does. If there is none yet, it is made, and
// its value set by begin.
func (t *table[K, V]) use(known *named[K, V], key K, begin func(*V)) *named[K, V] {
	e := t.look(known, key)
	if e == nil {
		e = t.admit(key)
		begin(&e.value)
	}
	t.uses++
	e.used = t.uses
	return e
}

// admit makes an entry for key, in the place of the oldest if there are too many.
func (t *table[K, V]) admit(key K) *named[K, V] {
	if t.entries == nil {
		t.entries = make(map[K]*named[K, V])
	}
	if len(t.entries) >= mostNames {
		last := t.takeOldest()
		last.used = 0
		delete(t.entries, last.key)
	}
	e := &named[K, V]{key: key}
	t.entries[key] = e
	return e
}

// takeOldest finds the entry that was not used for the longest time. Those that
// were used after all had been put in order are younger than any that was not.
func (t *table[K, V]) takeOldest() *named[K, V] {
	for {
		for len(t.oldest) > 0 {
			first := t.oldest[0]
			t.oldest[0] = aged[K, V]{} // nothing is kept that has gone
			t.oldest = t.oldest[1:]
			if first.entry.used == first.used {
				return first.entry
			}
		}
		t.sort()
	}
}

// sort puts all entries in order. That takes time, but as many entries as there are
// must be used or go before it is done again.
func (t *table[K, V]) sort() {
	t.oldest = make([]aged[K, V], 0, len(t.entries))
	for _, e := range t.entries {
		t.oldest = append(t.oldest, aged[K, V]{e.used, e})
	}
	slices.SortFunc(t.oldest, func(a, b aged[K, V]) int { return cmp.Compare(a.used, b.used) })
}
