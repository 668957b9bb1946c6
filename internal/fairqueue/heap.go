package fairqueue

import "time"

// key is what a heap is ordered by: its fields, one after the other.
type key struct {
	level   int64
	service float64
	tokens  float64
	arrival time.Duration
}

func (a *key) before(b *key) bool {
	switch {
	case a.level != b.level:
		return a.level < b.level
	case a.service != b.service:
		return a.service < b.service
	case a.tokens != b.tokens:
		return a.tokens < b.tokens
	}
	return a.arrival < b.arrival
}

// heap is a min-heap of items by their keys, which are kept beside them so that
// comparing touches no other memory. Every item knows where it stands, so it can
// be moved or removed in O(log n).
type heap[T any] struct{ nodes []node[T] }

type node[T any] struct {
	key  key
	item T
	at   *int // where the item keeps its index
}

const (
	// notQueued is the index of an item that is in no heap.
	notQueued = -1
	// arity is how many children a node has: with four, their keys lie in
	// neighbouring cache lines and the heap is half as high as with two.
	arity = 4
)

func (h *heap[T]) len() int { return len(h.nodes) }

func (h *heap[T]) top() T { return h.nodes[0].item }

// push adds an item, which keeps its index in at.
func (h *heap[T]) push(k key, item T, at *int) {
	h.nodes = append(h.nodes, node[T]{key: k, item: item, at: at})
	h.up(len(h.nodes) - 1)
}

// remove takes out the item at i.
func (h *heap[T]) remove(i int) {
	last := len(h.nodes) - 1
	*h.nodes[i].at = notQueued
	moved := h.nodes[last]
	h.nodes[last] = node[T]{}
	h.nodes = h.nodes[:last]
	if i != last {
		h.nodes[i] = moved
		h.settle(i)
	}
}

// fix gives the item at i another key.
func (h *heap[T]) fix(i int, k key) {
	h.nodes[i].key = k
	h.settle(i)
}

// settle moves the node at i to where its key belongs.
func (h *heap[T]) settle(i int) {
	if !h.up(i) {
		h.down(i)
	}
}

// up moves the node at i towards the top, and reports whether it moved.
func (h *heap[T]) up(i int) (moved bool) {
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
func (h *heap[T]) down(i int) {
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
