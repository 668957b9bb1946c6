package keyheap

import "slices"

// Ladders tell which item has the greatest count for its weight, where counts
// change by one at a time. A change costs the same however many items there are.
// The zero Ladders are empty. They have no lock of their own.
type Ladders[T any] struct {
	inUse []*ladder[T]
	spare []*ladder[T] // that were in use once
}

// Standing is what an item keeps of where it stands. Item must be set before it
// joins; a Standing must not be copied after that.
type Standing[T any] struct {
	Item         T
	ladder       *ladder[T]
	ahead, after *Standing[T] // on its rung
}

// ladder is the items of one weight: those with count n stand on its rung n, in
// the order in which they came there.
type ladder[T any] struct {
	weight int
	rungs  []rung[T]
	top    int // the highest rung that somebody stands on
}

type rung[T any] struct{ first, last *Standing[T] }

// keptRungs is how many rungs a spare ladder may keep.
const keptRungs = 1024

// Join adds an item with a weight and a count, both at least 1.
func (d *Ladders[T]) Join(s *Standing[T], weight, count int) {
	s.ladder = d.ladder(weight)
	s.ladder.link(s, count)
}

// Move gives an item with the count from the count to, at least 1.
func (d *Ladders[T]) Move(s *Standing[T], from, to int) {
	s.ladder.unlink(s, from)
	s.ladder.link(s, to)
	s.ladder.lower()
}

// Leave takes out an item with that count.
func (d *Ladders[T]) Leave(s *Standing[T], count int) {
	l := s.ladder
	l.unlink(s, count)
	l.lower()
	s.ladder = nil
	if l.top > 0 {
		return
	}
	at := slices.Index(d.inUse, l)
	d.inUse = slices.Delete(d.inUse, at, at+1)
	if len(l.rungs) > keptRungs {
		l.rungs = nil
	}
	d.spare = append(d.spare, l)
}

// Longest is the item with the greatest count for its weight, and how much that
// is; the zero T and 0 if there is none. Among equals of one weight it is the one
// that has had its count the longest.
func (d *Ladders[T]) Longest() (item T, length float64) {
	var longest *ladder[T]
	for _, l := range d.inUse {
		if n := float64(l.top) / float64(l.weight); n > length {
			longest, length = l, n
		}
	}
	if longest == nil {
		return item, 0
	}
	return longest.rungs[longest.top].first.Item, length
}

// All yields every item, for reading while the ladders stay as they are.
func (d *Ladders[T]) All(yield func(T) bool) {
	for _, l := range d.inUse {
		for _, r := range l.rungs {
			for s := r.first; s != nil; s = s.after {
				if !yield(s.Item) {
					return
				}
			}
		}
	}
}

// ladder returns the ladder for a weight, made on first use. There are as many
// as there are weights in use, so few.
func (d *Ladders[T]) ladder(weight int) *ladder[T] {
	for _, l := range d.inUse {
		if l.weight == weight {
			return l
		}
	}
	var l *ladder[T]
	if n := len(d.spare); n > 0 {
		l, d.spare = d.spare[n-1], d.spare[:n-1]
	} else {
		l = &ladder[T]{}
	}
	l.weight = weight
	d.inUse = append(d.inUse, l)
	return l
}

func (l *ladder[T]) link(s *Standing[T], to int) {
	for len(l.rungs) <= to {
		l.rungs = append(l.rungs, rung[T]{})
	}
	l.top = max(l.top, to)
	r := &l.rungs[to]
	s.ahead = r.last
	if r.last == nil {
		r.first = s
	} else {
		r.last.after = s
	}
	r.last = s
}

func (l *ladder[T]) unlink(s *Standing[T], from int) {
	r := &l.rungs[from]
	if s.ahead == nil {
		r.first = s.after
	} else {
		s.ahead.after = s.after
	}
	if s.after == nil {
		r.last = s.ahead
	} else {
		s.after.ahead = s.ahead
	}
	s.ahead, s.after = nil, nil
}

// lower finds the top after somebody left it. Where an item went one rung down,
// that is one step.
func (l *ladder[T]) lower() {
	for l.top > 0 && l.rungs[l.top].first == nil {
		l.top--
	}
}
