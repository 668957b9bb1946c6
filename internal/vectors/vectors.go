// Package vectors finds the vectors that point most nearly where a query does,
// among those of one app, by looking at all of them.
//
// Of each vector only the signs of its numbers are kept, one bit each. Two
// vectors whose directions are near have most signs in common, so a count of
// those that differ finds some hundred candidates, and the whole vectors of
// these, which are asked from whoever keeps them, give the exact order. That
// reads a 32nd of the vectors' bytes, needs no graph that has to be built,
// repaired or tuned, and searches a part of the vectors as exactly as all.
//
// Nothing is subtracted before the signs are taken: with clustered vectors that
// all lean to one side, as embeddings do, it changed the recall of 400 candidates
// by at most a hundredth.
//
// Start with New.
package vectors

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
)

// ErrVector is the error of a vector that can't be compared: of another length than the
// others, with a number that is not finite, or without a direction.
var ErrVector = errors.New("a vector that can't be compared")

// Vector is a vector and the number that stands for it.
type Vector struct {
	ID     int64
	Values []float32
}

// Group is a group whose vectors are in a Set.
type Group struct {
	Number int64
	Count  int
}

// Set is a set of vectors of one length. It is safe for concurrent use, and its zero
// value is of no use.
type Set struct {
	dimensions, words int

	mu sync.RWMutex // guards what follows; a block's vectors never change
	// blocks hold the vectors; those of the last one that are free are filled next.
	blocks []*block
	groups map[int64][]span
	live   int
}

// blockSize is how many vectors a block holds.
const blockSize = 4096

// block holds the codes of some vectors. What is below count does not change.
type block struct {
	codes []uint64 // words for each
	ids   []int64
	count int
	live  int
	// dead are those that were removed; nil if none was. It is replaced, not changed.
	dead []uint64
	// owners are the groups whose vectors are here, in order.
	owners []owner
}

type owner struct {
	group    int64
	from, to int
}

// span is vectors [from, to) of a block.
type span struct {
	block    *block
	from, to int
}

// New returns a set of vectors of that many numbers, at least 1.
func New(dimensions int) *Set {
	return &Set{dimensions: dimensions, words: (dimensions + 63) / 64, groups: make(map[int64][]span)}
}

// Dimensions is how many numbers a vector has.
func (s *Set) Dimensions() int { return s.dimensions }

// Add adds vectors to a group, which may have some; IDs that are in the set must not come
// again. It keeps nothing of vectors. If one of them is an ErrVector, none is added.
func (s *Set) Add(group int64, vectors []Vector) error {
	for i := range vectors {
		if err := Comparable(vectors[i].Values, s.dimensions); err != nil {
			return err
		}
	}
	codes := make([]uint64, len(vectors)*s.words)
	for i := range vectors {
		encode(codes[i*s.words:(i+1)*s.words], vectors[i].Values)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range vectors {
		s.put(group, vectors[i].ID, codes[i*s.words:(i+1)*s.words])
	}
	return nil
}

// Comparable is an ErrVector for a vector that can't be compared with those of that many
// numbers.
func Comparable(values []float32, dimensions int) error {
	if len(values) != dimensions {
		return fmt.Errorf("%w: %d numbers, not %d", ErrVector, len(values), dimensions)
	}
	if square := dot(values, values); !(square > 0) || math.IsInf(square, 0) {
		return fmt.Errorf("%w: its length is %v", ErrVector, math.Sqrt(square))
	}
	return nil
}

// put adds a vector. s.mu is held.
func (s *Set) put(group, id int64, code []uint64) {
	if len(s.blocks) == 0 || s.blocks[len(s.blocks)-1].count == blockSize {
		s.blocks = append(slices.Clone(s.blocks), &block{
			codes: make([]uint64, blockSize*s.words), ids: make([]int64, blockSize),
		})
	}
	b := s.blocks[len(s.blocks)-1]
	at := b.count
	copy(b.codes[at*s.words:], code)
	b.ids[at] = id
	b.count++
	b.live++
	s.live++
	spans := s.groups[group]
	if n := len(spans); n > 0 && spans[n-1].block == b && spans[n-1].to == at {
		spans[n-1].to++
		b.owners[len(b.owners)-1].to++
		return
	}
	s.groups[group] = append(spans, span{b, at, at + 1})
	b.owners = append(b.owners, owner{group, at, at + 1})
}

// Remove removes a group's vectors; it is no error if there are none.
func (s *Set) Remove(group int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spans := s.groups[group]
	delete(s.groups, group)
	for _, r := range spans {
		r.block.kill(r.from, r.to)
		s.live -= r.to - r.from
	}
	for _, r := range spans {
		s.tidy(r.block)
	}
}

// kill marks vectors as removed.
func (b *block) kill(from, to int) {
	dead := make([]uint64, blockSize/64)
	copy(dead, b.dead)
	for i := from; i < to; i++ {
		dead[i>>6] |= 1 << (i & 63)
	}
	b.dead = dead
	b.live -= to - from
	b.owners = slices.DeleteFunc(b.owners, func(o owner) bool { return o.from == from })
}

// tidy drops a block that is full and of which more than half was removed; what is left
// of it goes to the end.
func (s *Set) tidy(b *block) {
	i := slices.Index(s.blocks, b)
	if i < 0 || b.count < blockSize || 2*b.live > blockSize {
		return
	}
	s.blocks = slices.Concat(s.blocks[:i], s.blocks[i+1:])
	s.live -= b.live
	for _, o := range b.owners {
		spans := slices.DeleteFunc(s.groups[o.group], func(r span) bool { return r.block == b && r.from == o.from })
		s.groups[o.group] = spans
		for at := o.from; at < o.to; at++ {
			s.put(o.group, b.ids[at], b.codes[at*s.words:(at+1)*s.words])
		}
	}
}

// Groups returns the groups that have vectors in the set, in order of their numbers.
func (s *Set) Groups() []Group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	groups := make([]Group, 0, len(s.groups))
	for number, spans := range s.groups {
		g := Group{Number: number}
		for _, r := range spans {
			g.Count += r.to - r.from
		}
		if g.Count > 0 {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b Group) int {
		if a.Number < b.Number {
			return -1
		}
		return 1
	})
	return groups
}

// Len is how many vectors are in the set, Bytes about how much memory they take.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live
}

// Bytes is about how much memory the set takes.
func (s *Set) Bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(len(s.blocks)) * blockSize * int64(s.words+1) * 8
}
