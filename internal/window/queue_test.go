package window

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestQueueIsASlice compares a queue with the slice that it stands for, and
// with the memory that it may take.
func TestQueueIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue[int]
		var want []int
		for i, step := range rapid.SliceOfN(rapid.Uint8(), 10, 50).Draw(t, "steps") {
			want = sameSteps(&q, want, int(step%3), int(step/3))
			if got := elements(&q); !slices.Equal(got, want) {
				t.Fatalf("step %d: got %v, want %v", i, got, want)
			}
			if got, most := chunksOf(&q), len(want)/chunkLen+2; got > most {
				t.Fatalf("step %d: got %d chunks for %d elements, want at most %d", i, got, len(want), most)
			}
			if q.chunks == nil {
				continue
			}
			if got, most := len(q.spare), q.mostSpare(); got > most {
				t.Fatalf("step %d: got %d spare chunks, want at most %d", i, got, most)
			}
		}
	})
}

// sameSteps changes both in the same way, and returns the slice.
func sameSteps(q *queue[int], list []int, op, amount int) []int {
	switch op {
	case 0:
		for n := range amount {
			list = append(list, n)
			pushInt(q, n)
		}
	case 1:
		for range min(amount/2, len(list)) {
			list = list[:len(list)-1]
			q.pop()
		}
	case 2:
		amount = min(amount, len(list))
		list = list[amount:]
		q.dropTo(q.first + uint64(amount))
	}
	return list
}

func pushInt(q *queue[int], n int) {
	_, element := q.push()
	*element = n
}

func elements(q *queue[int]) (all []int) {
	for number := q.first; q.has(number); number++ {
		all = append(all, *q.at(number))
	}
	return all
}

// chunksOf counts those in use.
func chunksOf(q *queue[int]) (chunks int) {
	if q.chunks == nil {
		return 0
	}
	for _, chunk := range q.used {
		if chunk != nil {
			chunks++
		}
	}
	return chunks
}

func TestQueueThatMovesOnAllocatesNothing(t *testing.T) {
	for _, length := range []int{0, 1, chunkLen - 1, chunkLen, 10 * chunkLen} {
		var q queue[int]
		for i := range length {
			pushInt(&q, i)
		}
		around := func() {
			for i := range 2 * chunkLen {
				pushInt(&q, i)
				q.dropTo(q.next - uint64(length))
			}
			for i := range length / 4 { // and many at once
				pushInt(&q, i)
			}
			q.dropTo(q.next - uint64(length))
			for range 2 * chunkLen {
				pushInt(&q, 0)
				q.pop()
			}
		}
		around()
		if got := testing.AllocsPerRun(100, around); got != 0 {
			t.Errorf("%d elements: got %v allocations, want 0", length, got)
		}
	}
}
