package window

// chunkLen is how many elements of a queue are allocated at a time: few enough
// that a window with little in it is small.
const chunkLen = 16

// queue is a list in which elements come at one end and go at the other, each
// known by its number. Numbers are given in order; one is given again only if
// the element that had it was taken back from the end.
//
// Its memory is chunks that come and go with the elements. Some that were left
// behind are kept for the next that are needed, so that a list that moves on
// without growing allocates nothing. Growing moves pointers to chunks and never
// elements, so that no push pays for the size of the list.
type queue[T any] struct {
	first, next uint64 // numbers of the oldest element and of the next to come
	// oldest and newest are the chunks of the numbers first and next-1, if those are
	// in the queue: most elements that are asked for are there.
	oldest, newest *[chunkLen]T
	*chunks[T]     // nil before the first push
}

// chunks is the memory of a queue.
type chunks[T any] struct {
	// used is a circle whose length is a power of two: the element of number n
	// is in the chunk of number n/chunkLen, which is at that number modulo the
	// length. The chunks of all numbers from first to next-1 are there, and that
	// of first, unless it would be its first element.
	used  []*[chunkLen]T
	spare []*[chunkLen]T
}

func (q *queue[T]) empty() bool { return q.first == q.next }

func (q *queue[T]) has(number uint64) bool { return q.first <= number && number < q.next }

// at returns the element of that number, which must be in the queue.
func (q *queue[T]) at(number uint64) *T {
	switch number / chunkLen {
	case (q.next - 1) / chunkLen:
		return &q.newest[number%chunkLen]
	case q.first / chunkLen:
		return &q.oldest[number%chunkLen]
	}
	return &(*q.chunkAt(number / chunkLen))[number%chunkLen]
}

func (c *chunks[T]) chunkAt(chunk uint64) **[chunkLen]T {
	return &c.used[chunk&uint64(len(c.used)-1)] //nolint:gosec // G115: there is at least one
}

// push appends an element, which is still what it was before in its place, and
// returns its number.
func (q *queue[T]) push() (number uint64, element *T) {
	number = q.next
	if number%chunkLen == 0 {
		q.addChunk(number / chunkLen)
	}
	q.next++
	return number, &q.newest[number%chunkLen]
}

// dropTo removes all elements before the one of that number, which may be the
// next to come.
func (q *queue[T]) dropTo(number uint64) {
	was := q.first / chunkLen
	q.first = number
	if was == number/chunkLen {
		return
	}
	for chunk := was; chunk < number/chunkLen; chunk++ {
		q.free(chunk)
	}
	q.oldest = *q.chunkAt(number / chunkLen)
}

// pop takes the newest element back.
func (q *queue[T]) pop() {
	q.next--
	if q.next%chunkLen == 0 {
		q.free(q.next / chunkLen)
		q.newest = *q.chunkAt((q.next - 1) / chunkLen)
	}
}

// free takes the chunk of that number out of use.
func (c *chunks[T]) free(number uint64) {
	place := c.chunkAt(number)
	if len(c.spare) < c.mostSpare() {
		c.spare = append(c.spare, *place)
	}
	*place = nil
}

// mostSpare is how many chunks are kept of those that were left behind: enough
// for a quarter of the largest size so far.
func (c *chunks[T]) mostSpare() int { return len(c.used)/4 + 1 }

// addChunk puts an unused chunk at the end, as the chunk of that number.
func (q *queue[T]) addChunk(number uint64) {
	if q.chunks == nil {
		q.chunks = new(chunks[T])
	}
	oldest := q.first / chunkLen
	if number-oldest >= uint64(len(q.used)) {
		q.grow(oldest, number)
	}
	place, last := q.chunkAt(number), len(q.spare)-1
	if last < 0 {
		*place = new([chunkLen]T)
	} else {
		*place = q.spare[last]
		q.spare[last] = nil
		q.spare = q.spare[:last]
	}
	q.newest = *place
	if number == oldest {
		q.oldest = *place
	}
}

// grow makes place for twice as many chunks. Those of the numbers from first to
// next-1 are in use.
func (c *chunks[T]) grow(first, next uint64) {
	old := *c
	c.used = make([]*[chunkLen]T, max(1, 2*len(old.used)))
	for chunk := first; chunk < next; chunk++ {
		*c.chunkAt(chunk) = *old.chunkAt(chunk)
	}
	c.spare = append(make([]*[chunkLen]T, 0, c.mostSpare()), old.spare...)
}
