package fairqueue

// indexed is an element that knows where it stands in its heap, so that it can
// be moved or removed in O(log n).
type indexed interface {
	comparable
	setIndex(i int)
	index() int
}

// notQueued is the index of an element that is in no heap.
const notQueued = -1

// heap is a binary min-heap under before.
type heap[T indexed] struct {
	items  []T
	before func(a, b T) bool
}

func (h *heap[T]) len() int { return len(h.items) }

func (h *heap[T]) top() T { return h.items[0] }

func (h *heap[T]) push(x T) {
	h.items = append(h.items, x)
	x.setIndex(len(h.items) - 1)
	h.up(len(h.items) - 1)
}

func (h *heap[T]) remove(x T) {
	i, last := x.index(), len(h.items)-1
	if i != last {
		h.swap(i, last)
	}
	var zero T
	h.items[last] = zero
	h.items = h.items[:last]
	x.setIndex(notQueued)
	if i != last {
		h.fix(h.items[i])
	}
}

// fix restores the order after x changed.
func (h *heap[T]) fix(x T) {
	h.up(x.index())
	h.down(x.index())
}

func (h *heap[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.before(h.items[i], h.items[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *heap[T]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			return
		}
		if right := child + 1; right < len(h.items) && h.before(h.items[right], h.items[child]) {
			child = right
		}
		if !h.before(h.items[child], h.items[i]) {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h *heap[T]) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].setIndex(i)
	h.items[j].setIndex(j)
}
