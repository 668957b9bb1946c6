// Package keyheap is a min-heap whose items know where they stand in it, so that
// each can be moved or removed in O(log n), and whose keys are kept beside the
// items, so that comparing them touches no other memory: with ten thousand items
// that is where the time goes.
//
// Start with Heap.
package keyheap

import (
	"iter"
	"time"
)

// Key is what a heap is ordered by: its fields, one after the other.
type Key struct {
	Level   int64
	Service float64
	Tokens  float64
	Arrival time.Duration
}

func (a *Key) before(b *Key) bool {
	switch {
	case a.Level != b.Level:
		return a.Level < b.Level
	case a.Service != b.Service:
		return a.Service < b.Service
	case a.Tokens != b.Tokens:
		return a.Tokens < b.Tokens
	}
	return a.Arrival < b.Arrival
}

// Heap is a min-heap of items by their keys. The zero Heap is empty. It has no
// lock of its own.
type Heap[T any] struct{ nodes []node[T] }

type node[T any] struct {
	key  Key
	item T
	at   *int // where the item keeps its index
}

const (
	// NotQueued is the index that an item has which was removed.
	NotQueued = -1
	// arity is how many children a node has: with four, their keys lie in
	// neighbouring cache lines and the heap is half as high as with two.
	arity = 4
)

// Len is how many items there are.
func (h *Heap[T]) Len() int { return len(h.nodes) }

// Top is the item with the least key. There must be one.
func (h *Heap[T]) Top() T { return h.nodes[0].item }

// All returns every item, in no order, for reading while the heap stays as it is.
func (h *Heap[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range h.nodes {
			if !yield(h.nodes[i].item) {
				return
			}
		}
	}
}

// Push adds an item, which keeps its index in at.
func (h *Heap[T]) Push(k Key, item T, at *int) {
	h.nodes = append(h.nodes, node[T]{key: k, item: item, at: at})
	h.up(len(h.nodes) - 1)
}

// Remove takes out the item at i.
func (h *Heap[T]) Remove(i int) {
	last := len(h.nodes) - 1
	*h.nodes[i].at = NotQueued
	moved := h.nodes[last]
	h.nodes[last] = node[T]{}
	h.nodes = h.nodes[:last]
	if i != last {
		h.nodes[i] = moved
		h.settle(i)
	}
}

// Fix gives the item at i another key.
func (h *Heap[T]) Fix(i int, k Key) {
	h.nodes[i].key = k
	h.settle(i)
}

// settle moves the node at i to where its key belongs.
func (h *Heap[T]) settle(i int) {
	if !h.up(i) {
		h.down(i)
	}
}

// up moves the node at i towards the top, and reports whether it moved.
func (h *Heap[T]) up(i int) (moved bool) {
	n := h.nodes[i]
	for i > 0 {
		parent := (i - 1) / arity
		if !n.key.before(&h.nodes[parent].key) {
			break
		}
		h.nodes[i] = h.nodes[parent]
		*h.nodes[i].at = i
		i, moved = parent, true
	}
	h.nodes[i] = n
	*n.at = i
	return moved
}

// down moves the node at i away from the top.
func (h *Heap[T]) down(i int) {
	n := h.nodes[i]
	for {
		first := arity*i + 1
		if first >= len(h.nodes) {
			break
		}
		least := first
		for child := first + 1; child < min(first+arity, len(h.nodes)); child++ {
			if h.nodes[child].key.before(&h.nodes[least].key) {
				least = child
			}
		}
		if !h.nodes[least].key.before(&n.key) {
			break
		}
		h.nodes[i] = h.nodes[least]
		*h.nodes[i].at = i
		i = least
	}
	h.nodes[i] = n
	*n.at = i
}
