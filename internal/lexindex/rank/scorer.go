package rank

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// windowSize is how many documents a window has at most: their scores fit into the
// processor's fastest memory.
const windowSize = 4096

// window holds the scores of documents [from, to).
type window struct {
	from, to uint32
	scores   [windowSize]uint32
	found    [windowSize / 64]uint64 // which documents have a score
}

// Term is a term of a query, as one segment has it.
type Term struct {
	List   postings.List
	Field  int
	Weight float64 // how often the term counts, its idf included
}

// Range is documents [From, To) of a segment.
type Range struct{ From, To uint32 }

// Scorer finds the best documents of some segments, for one query. It is used by one
// goroutine.
type Scorer struct {
	best    best
	curves  [segment.MaxFields]*curve
	unit    float64
	factor  float64 // of weights
	window  window
	cursors []cursor
	order   []*cursor
	index   int // of the segment
	segment *segment.Live
}

// Wanted is what a Scorer looks for.
type Wanted struct {
	// Most is how many documents are kept, at least 1; MinScore is the least score,
	// but a document whose score is 0 in whole units is not found.
	Most     int
	MinScore float64
	// Weight is the sum of the weights of all terms, above 0.
	Weight float64
	// Mean is the mean length of documents, by field.
	Mean [segment.MaxFields]float64
}

// New returns a Scorer.
func New(f Formula, w Wanted) *Scorer {
	// A power of 2, so that scores come out as they would without it.
	_, exponent := math.Frexp(bestScore / (w.Weight * (f.K1 + 1)))
	s := &Scorer{best: best{most: w.Most}, unit: math.Ldexp(1, exponent-1)}
	s.factor = (f.K1 + 1) * s.unit
	s.best.least = uint32(min(max(math.Ceil(w.MinScore*s.unit), 1), math.MaxUint32))
	for field, mean := range w.Mean {
		s.curves[field] = f.curve(mean)
	}
	return s
}

// Score is a score in the units of the formula.
func (s *Scorer) Score(score uint32) float64 { return float64(score) / s.unit }

// Best returns the best documents, the best first.
func (s *Scorer) Best() []Found { return s.best.sorted() }

// windowsBetween is how many windows are read before it looks whether it should end.
const windowsBetween = 16

// Segment looks for documents in a segment, which is called index in what is found.
// within, if not nil, are the only ranges that are looked at: in order, none of them
// empty. Errors are segment.ErrDamaged, and the context's.
func (s *Scorer) Segment(ctx context.Context, index int, live *segment.Live, terms []Term, within []Range) error {
	s.index, s.segment = index, live
	s.begin(terms)
	all := [1]Range{{0, uint32(live.Docs())}} //nolint:gosec // G115: at most segment.MaxDocuments
	if within == nil {
		within = all[:]
	}
	next := uint32(0)
	for n := 0; len(within) > 0; n++ {
		if n%windowsBetween == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		ranges := s.place(max(next, within[0].From), within)
		if err := s.score(within[:ranges]); err != nil {
			return err
		}
		next = s.window.to
		for len(within) > 0 && within[0].To <= next {
			within = within[1:]
		}
	}
	return nil
}

// begin makes cursors of terms.
func (s *Scorer) begin(terms []Term) {
	s.cursors = slices.Grow(s.cursors[:0], len(terms))[:len(terms)]
	s.order = s.order[:0]
	for i := range terms {
		c := &s.cursors[i]
		c.list, c.weight, c.curve = terms[i].List, float32(terms[i].Weight*s.factor), s.curves[terms[i].Field]
		c.lengths = s.segment.Lengths(terms[i].Field)
		c.reset()
		s.order = append(s.order, c)
	}
}

// place puts the window to from, and lets it end with a range that has a part in it. It
// returns how many ranges have.
func (s *Scorer) place(from uint32, within []Range) (ranges int) {
	end := from + windowSize
	for ranges < len(within) && within[ranges].From < end {
		ranges++
	}
	s.window.from, s.window.to = from, min(end, within[ranges-1].To)
	return ranges
}

// score offers the best of a window's documents.
func (s *Scorer) score(within []Range) error {
	needed, err := s.rank()
	if err != nil || needed == len(s.order) {
		return err
	}
	w := &s.window
	clear(w.scores[:w.to-w.from])
	clear(w.found[:])
	for _, c := range s.order[needed:] {
		if err := c.gather(w); err != nil {
			return err
		}
	}
	s.mask(within)
	looked := s.order[:needed]
	for i, set := range w.found {
		for ; set != 0; set &= set - 1 {
			at := i<<6 + bits.TrailingZeros64(set)
			if err := s.judge(w.from+uint32(at), w.scores[at], looked); err != nil { //nolint:gosec // G115: less than windowSize
				return err
			}
		}
	}
	return nil
}

// rank puts the cursors in the order of how much they add in the window. It returns the
// first without whose terms, and those behind it, no document is good enough.
func (s *Scorer) rank() (needed int, err error) {
	for _, c := range s.order {
		if err := c.enter(s.window.from, s.window.to); err != nil {
			return 0, err
		}
	}
	slices.SortFunc(s.order, func(a, b *cursor) int { return cmp.Compare(a.most, b.most) })
	sum, threshold := uint32(0), s.best.threshold()
	for _, c := range s.order {
		sum += c.most
		c.others = sum
		if sum < threshold {
			needed++
		}
	}
	return needed, nil
}

// mask drops documents that are outside of the ranges, or were removed.
func (s *Scorer) mask(within []Range) {
	w := &s.window
	if len(within) > 1 {
		var allowed [windowSize / 64]uint64
		for _, r := range within {
			for i := max(r.From, w.from); i < min(r.To, w.to); i++ {
				allowed[(i-w.from)>>6] |= 1 << ((i - w.from) & 63)
			}
		}
		for i := range w.found {
			w.found[i] &= allowed[i]
		}
	}
	dead := s.segment.Dead()
	if dead == nil {
		return
	}
	first, shift := int(w.from>>6), w.from&63
	for i := range w.found {
		if w.found[i] == 0 {
			continue
		}
		removed := dead[first+i] >> shift
		if shift > 0 && first+i+1 < len(dead) {
			removed |= dead[first+i+1] << (64 - shift)
		}
		w.found[i] &^= removed
	}
}

// judge adds what the other terms add to a document, as long as it may be good enough,
// and offers it.
func (s *Scorer) judge(document, score uint32, others []*cursor) error {
	threshold := s.best.threshold()
	for i, c := range slices.Backward(others) {
		if score+c.others < threshold {
			return nil
		}
		var below uint32
		if i > 0 {
			below = others[i-1].others
		}
		need := uint32(0)
		if score+below < threshold {
			need = threshold - score - below
		}
		more, err := c.lookUp(document, need)
		if err != nil {
			return err
		}
		score += more
	}
	if score >= threshold {
		s.best.offer(Found{ID: s.segment.ID(document), Segment: s.index, Document: document, Score: score})
	}
	return nil
}
