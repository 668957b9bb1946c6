package rank

import "slices"

// Found is a document that was found.
type Found struct {
	ID       int64
	Segment  int // as it was told to the Scorer
	Document uint32
	Score    uint32
}

// best keeps the best that were found: a heap with the worst first.
type best struct {
	found []Found
	most  int
	least uint32 // the least score that is wanted
}

// threshold is the score below which a document is of no use.
func (b *best) threshold() uint32 {
	if len(b.found) < b.most {
		return b.least
	}
	return b.found[0].Score // at least least: nothing lower was kept
}

func worse(a, b *Found) bool {
	if a.Score != b.Score {
		return a.Score < b.Score
	}
	return a.ID > b.ID
}

// offer keeps f, if it is good enough.
func (b *best) offer(f Found) {
	if f.Score < b.least {
		return
	}
	if len(b.found) < b.most {
		b.found = append(b.found, f)
		for i := len(b.found) - 1; i > 0; {
			parent := (i - 1) / 2
			if !worse(&b.found[i], &b.found[parent]) {
				return
			}
			b.found[i], b.found[parent] = b.found[parent], b.found[i]
			i = parent
		}
		return
	}
	if worse(&f, &b.found[0]) {
		return
	}
	i := 0
	for {
		child := 2*i + 1
		if child+1 < len(b.found) && worse(&b.found[child+1], &b.found[child]) {
			child++
		}
		if child >= len(b.found) || !worse(&b.found[child], &f) {
			break
		}
		b.found[i] = b.found[child]
		i = child
	}
	b.found[i] = f
}

// sorted returns what was kept, the best first.
func (b *best) sorted() []Found {
	slices.SortFunc(b.found, func(x, y Found) int {
		if worse(&y, &x) {
			return -1
		}
		return 1 // no two are equal: ids differ
	})
	return b.found
}
