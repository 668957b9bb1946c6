package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"
)

// other stands for every value of a label beyond the bound.
const other = "other"

// labels is a set of label values. folded replaces those whose number is not
// bounded by the program itself with "other", so that there are few results.
type labels[K any] interface {
	comparable
	folded() K
}

// table holds a sum for each of a bounded number of label sets. Finding one
// that is there takes no lock and allocates nothing: the map in use never
// changes, a new label set makes a new map.
type table[K labels[K], V any] struct {
	limit   int
	current atomic.Pointer[map[K]*V]

	adding sync.Mutex // held to replace current
}

func newTable[K labels[K], V any](limit int) *table[K, V] {
	t := &table[K, V]{limit: limit}
	t.current.Store(&map[K]*V{})
	return t
}

// at returns the sum of key.
func (t *table[K, V]) at(key K) *V {
	_, sum := t.find(key)
	return sum
}

// find returns the sum of key, and under which key it is counted: key itself,
// or key folded when the table is full.
func (t *table[K, V]) find(key K) (K, *V) {
	known := *t.current.Load()
	if sum, ok := known[key]; ok {
		return key, sum
	}
	if len(known) >= t.limit {
		key = key.folded()
		if sum, ok := known[key]; ok {
			return key, sum
		}
	}
	return t.add(key)
}

func (t *table[K, V]) add(key K) (K, *V) {
	t.adding.Lock()
	defer t.adding.Unlock()
	known := *t.current.Load()
	if len(known) >= t.limit {
		key = key.folded() // may exceed the limit, by the few folded keys there are
	}
	if sum, ok := known[key]; ok {
		return key, sum
	}
	next := make(map[K]*V, len(known)+1)
	maps.Copy(next, known)
	sum := new(V)
	next[key] = sum
	t.current.Store(&next)
	return key, sum
}

// all returns every sum; the map must not be changed.
func (t *table[K, V]) all() map[K]*V { return *t.current.Load() }

// name is a set of one label.
type name string

func (name) folded() name { return other }

type requestKey struct{ app, operation, outcome, code string }

func (k requestKey) folded() requestKey {
	return requestKey{app: other, operation: k.operation, outcome: k.outcome, code: other}
}

type tokenKey struct{ app, provider string }

func (tokenKey) folded() tokenKey { return tokenKey{app: other, provider: other} }

type attemptKey struct{ provider, outcome string }

func (k attemptKey) folded() attemptKey { return attemptKey{provider: other, outcome: k.outcome} }

type refusedKey struct{ route, reason string }

func (refusedKey) folded() refusedKey { return refusedKey{route: other, reason: other} }

type durationKey struct{ operation, outcome string }

func (k durationKey) folded() durationKey { return k }

type firstContentKey struct{ operation, provider string }

func (k firstContentKey) folded() firstContentKey {
	return firstContentKey{operation: k.operation, provider: other}
}
