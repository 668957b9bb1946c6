package window

// chunkLen is how many elements of a queue are allocated at a time: few enough
// that a window with little in it is small.
const chunkLen = 32

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

	// chunks is a circle whose length is a power of two: the element of number n
	// is in the chunk of number n/chunkLen, which is at that number modulo the
	// length. The chunks of all numbers from first to next-1 are there, and that
	// of first, unless it would be its first element.
	chunks []*[chunkLen]T
	spare  []*[chunkLen]T
}

func (q *queue[T]) empty() bool { return q.first == q.next }

func (q *queue[T]) has(number uint64) bool { return q.first <= number && number < q.next }

// at returns the element of that number, which must be in the queue.
func (q *queue[T]) at(number uint64) *T {
	return &(*q.chunkAt(number / chunkLen))[number%chunkLen]
}

func (q *queue[T]) chunkAt(chunk uint64) **[chunkLen]T {
	return &q.chunks[chunk&uint64(len(q.chunks)-1)] //nolint:gosec // G115: there is at least one
}

// push appends an element and returns its number.
func (q *queue[T]) push(element T) (number uint64) {
	number = q.next
	if number%chunkLen == 0 {
		q.addChunk(number / chunkLen)
	}
	q.next++
	*q.at(number) = element
	return number
}

// dropTo removes all elements before the one of that number, which may be the
// next to come.
func (q *queue[T]) dropTo(number uint64) {
	for chunk := q.first / chunkLen; chunk < number/chunkLen; chunk++ {
		q.free(chunk)
	}
	q.first = number
}

// pop takes the newest element back.
func (q *queue[T]) pop() {
	q.next--
	if q.next%chunkLen == 0 {
		q.free(q.next / chunkLen)
	}
}

// free takes the chunk of that number out of use.
func (q *queue[T]) free(number uint64) {
	place := q.chunkAt(number)
	if len(q.spare) < q.mostSpare() {
		q.spare = append(q.spare, *place)
	}
	*place = nil
}

// mostSpare is how many chunks are kept of those that were left behind: enough
// for a quarter of the largest size so far.
func (q *queue[T]) mostSpare() int { return len(q.chunks)/4 + 1 }

// addChunk puts an unused chunk at the end, as the chunk of that number.
func (q *queue[T]) addChunk(number uint64) {
	oldest := q.first / chunkLen
	if number-oldest >= uint64(len(q.chunks)) {
		old := *q
		q.chunks = make([]*[chunkLen]T, max(1, 2*len(q.chunks)))
		for chunk := oldest; chunk < number; chunk++ {
			*q.chunkAt(chunk) = *old.chunkAt(chunk)
		}
		q.spare = append(make([]*[chunkLen]T, 0, q.mostSpare()), old.spare...)
	}
	place, last := q.chunkAt(number), len(q.spare)-1
	if last < 0 {
		*place = new([chunkLen]T)
		return
	}
	*place = q.spare[last]
	q.spare[last] = nil
	q.spare = q.spare[:last]
}
