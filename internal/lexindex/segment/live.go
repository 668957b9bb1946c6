package segment

import (
	"math/bits"
)

// Live is a segment without the groups that were removed from it. It does not change.
type Live struct {
	*Reader

	// Docs and Lengths are what is left: how many documents, and how many terms they
	// have in each field.
	docs    int
	lengths [MaxFields]uint64

	deadGroups, deadDocs bitset // nil while none is
	dead                 int    // groups
}

// bitset is a set of numbers from 0.
type bitset []uint64

func (b bitset) has(i int) bool { return b != nil && b[i>>6]>>(i&63)&1 != 0 }

func (b bitset) set(i int) { b[i>>6] |= 1 << (i & 63) }

// grown returns a copy with room for n.
func (b bitset) grown(n int) bitset {
	c := make(bitset, (n+63)/64)
	copy(c, b)
	return c
}

// NewLive returns the whole of a segment.
func NewLive(r *Reader) *Live {
	l := &Live{Reader: r, docs: r.docs}
	for i := range r.groups {
		for field, length := range r.Group(i).Lengths {
			l.lengths[field] += length
		}
	}
	return l
}

// LiveDocs is how many documents were not removed.
func (l *Live) LiveDocs() int { return l.docs }

// LiveLength is how many terms those have in a field.
func (l *Live) LiveLength(field int) uint64 { return l.lengths[field] }

// LiveGroups is how many groups were not removed.
func (l *Live) LiveGroups() int { return l.groups - l.dead }

// Dead are the documents that were removed, as bits; nil if none was.
func (l *Live) Dead() []uint64 { return l.deadDocs }

// IsLive reports whether group i was not removed.
func (l *Live) IsLive(i int) bool { return !l.deadGroups.has(i) }

// Has reports whether a group is there.
func (l *Live) Has(number int64) bool {
	i := l.SeekGroup(0, number)
	return i < l.groups && l.number(i) == number && l.IsLive(i)
}

// DeadGroups returns the numbers of the groups that were removed.
func (l *Live) DeadGroups() []int64 {
	var numbers []int64
	for i, set := range l.deadGroups {
		for ; set != 0; set &= set - 1 {
			numbers = append(numbers, l.number(i<<6+bits.TrailingZeros64(set)))
		}
	}
	return numbers
}

// RemovedSince returns the numbers of the groups that were removed since an earlier state
// of the same segment.
func (l *Live) RemovedSince(earlier *Live) []int64 {
	var numbers []int64
	for i := range l.groups {
		if !l.IsLive(i) && earlier.IsLive(i) {
			numbers = append(numbers, l.number(i))
		}
	}
	return numbers
}

// Without returns the segment without some more groups; those that are not there are
// passed over.
func (l *Live) Without(numbers ...int64) *Live {
	without := *l
	without.deadGroups, without.deadDocs = l.deadGroups.grown(l.groups), l.deadDocs.grown(l.Reader.docs)
	for _, number := range numbers {
		i := l.SeekGroup(0, number)
		if i == l.groups || l.number(i) != number || without.deadGroups.has(i) {
			continue
		}
		g := l.Group(i)
		without.deadGroups.set(i)
		without.dead++
		without.docs -= int(g.Docs)
		for document := int(g.First); document < int(g.First)+int(g.Docs); document++ {
			without.deadDocs.set(document)
		}
		for field, length := range g.Lengths {
			without.lengths[field] -= length
		}
	}
	return &without
}
