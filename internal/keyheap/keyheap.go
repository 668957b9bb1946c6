// Package keyheap is a min-heap each of whose items can be moved or removed in
// O(log n). The keys, and where each item stands, are kept in arrays of the
// heap's own, so that neither comparing nor moving touches an item: with ten
// thousand items that is where the time goes. Where keys are counts that change
// by one, Ladders do it in O(1).
//
// Start with Heap, then Ladders.
package keyheap

import "time"

// Key is what a heap is ordered by: its fields, one after the other.
type Key struct {
	Level   int64 // below 2^31
	Service float64
	Tokens  float64
	Arrival time.Duration
}

// Heap is a min-heap of items by their keys. The zero Heap is empty. It has no
// lock of its own.
type Heap[T any] struct {
	nodes []node // from root on
	items []T    // by handle
	at    []int  // where the node of each handle is
	free  []int  // handles that name nothing now
}

// node is a key and whom it belongs to, in half a cache line.
type node struct {
	levelHandle int64 // both, for they are small
	service     float64
	tokens      float64
	arrival     time.Duration
}

// handleBits is how many of a node's first bits are the handle.
const handleBits = 32

func (n *node) handle() int { return int(n.levelHandle & (1<<handleBits - 1)) }

func newNode(k Key, handle int) node {
	return node{k.Level<<handleBits | int64(handle), k.Service, k.Tokens, k.Arrival}
}

func (n *node) before(m *node) bool {
	switch a, b := n.levelHandle>>handleBits, m.levelHandle>>handleBits; {
	case a != b:
		return a < b
	case n.service != m.service:
		return n.service < m.service
	case n.tokens != m.tokens:
		return n.tokens < m.tokens
	}
	return n.arrival < m.arrival
}

// Where nodes are: the root does not stand at 0, so that the children of a node
// begin at a multiple of arity, and of a cache line.
const (
	// arity is how many children a node has: with four, they fill two cache lines
	// and the heap is half as high as with two.
	arity = 4
	root  = arity - 1
)

func parentOf(i int) int { return i/arity + root - 1 }

func childrenOf(i int) int { return arity * (i - root + 1) }

// Len is how many items there are.
func (h *Heap[T]) Len() int { return max(len(h.nodes)-root, 0) }

// Top is the item with the least key. There must be an item.
func (h *Heap[T]) Top() T { return h.items[h.nodes[root].handle()] }

// TopKey is the least key. There must be an item.
func (h *Heap[T]) TopKey() Key {
	n := &h.nodes[root]
	return Key{n.levelHandle >> handleBits, n.service, n.tokens, n.arrival}
}

// Push adds an item. The handle names it until it is removed; then it may name
// another.
func (h *Heap[T]) Push(k Key, item T) (handle int) {
	if n := len(h.free); n > 0 {
		handle, h.free = h.free[n-1], h.free[:n-1]
		h.items[handle] = item
	} else {
		handle = len(h.items)
		h.items, h.at = append(h.items, item), append(h.at, 0)
	}
	for len(h.nodes) < root {
		h.nodes = append(h.nodes, node{})
	}
	h.nodes = append(h.nodes, newNode(k, handle))
	h.up(len(h.nodes) - 1)
	return handle
}

// Remove takes out the item that handle names.
func (h *Heap[T]) Remove(handle int) {
	var none T
	h.items[handle] = none
	h.free = append(h.free, handle)
	i, last := h.at[handle], len(h.nodes)-1
	moved := h.nodes[last]
	h.nodes = h.nodes[:last]
	if i == last {
		return
	}
	// What was last belongs near the bottom, so the gap goes there first.
	for child := h.leastChild(i); child > 0; child = h.leastChild(i) {
		h.put(i, &h.nodes[child])
		i = child
	}
	h.nodes[i] = moved
	h.up(i)
}

// Fix gives the item that handle names another key.
func (h *Heap[T]) Fix(handle int, k Key) {
	i := h.at[handle]
	h.nodes[i] = newNode(k, handle)
	if !h.up(i) {
		h.down(i)
	}
}

func (h *Heap[T]) put(i int, n *node) {
	h.nodes[i] = *n
	h.at[n.handle()] = i
}

// up moves the node at i towards the top, and reports whether it moved.
func (h *Heap[T]) up(i int) (moved bool) {
	n := h.nodes[i]
	for i > root {
		parent := parentOf(i)
		if !n.before(&h.nodes[parent]) {
			break
		}
		h.put(i, &h.nodes[parent])
		i, moved = parent, true
	}
	h.put(i, &n)
	return moved
}

// down moves the node at i away from the top.
func (h *Heap[T]) down(i int) {
	n := h.nodes[i]
	for child := h.leastChild(i); child > 0 && h.nodes[child].before(&n); child = h.leastChild(i) {
		h.put(i, &h.nodes[child])
		i = child
	}
	h.put(i, &n)
}

// leastChild is the child of the node at i that has the least key; 0 if it has
// none.
func (h *Heap[T]) leastChild(i int) int {
	first := childrenOf(i)
	if first >= len(h.nodes) {
		return 0
	}
	children := h.nodes[first:min(first+arity, len(h.nodes))]
	least := 0
	for i := range children {
		n, m := &children[i], &children[least]
		if n.service != m.service && n.levelHandle>>handleBits == m.levelHandle>>handleBits {
			if n.service < m.service { // most often it is here: no branch, for it could not be foreseen
				least = i
			}
			continue
		}
		if n.before(m) {
			least = i
		}
	}
	return first + least
}
