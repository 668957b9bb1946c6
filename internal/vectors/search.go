package vectors

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// MostCandidates is how many vectors a search asks for at most.
const MostCandidates = 10_000

// Query is what a Search looks for.
type Query struct {
	Vector []float32
	// K is how many hits are wanted, Rescore how many candidates are compared whole; at
	// least 1 and at most MostCandidates each, and Rescore at least K.
	K, Rescore int
	// Groups, if not nil, are the only groups that are searched, in any order.
	Groups []int64
	// Vectors returns those that there are of these, in any order.
	Vectors func(ctx context.Context, ids []int64) ([]Vector, error)
}

// Hit is a vector that was found. Score is the cosine of the angle to the query's.
type Hit struct {
	ID    int64
	Score float32
}

// Search returns the vectors nearest to the query's, the nearest first and equal ones by
// their IDs: exactly those among the candidates, which are the Rescore vectors with the
// most signs in common with it. One that Query.Vectors does not return, or that can't be
// compared, is not found. It blocks for as long as it computes and Query.Vectors does, or
// until ctx ends. Errors are ErrVector for the query's vector, the context's, those of
// Query.Vectors, and what is wrong with q.
func (s *Set) Search(ctx context.Context, q Query) ([]Hit, error) {
	if q.K < 1 || q.Rescore < q.K || q.Rescore > MostCandidates || q.Vectors == nil {
		return nil, fmt.Errorf("a search for %d vectors among %d candidates", q.K, q.Rescore)
	}
	if err := Comparable(q.Vector, s.dimensions); err != nil {
		return nil, err
	}
	ids, err := s.candidates(ctx, q)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	vectors, err := q.Vectors(ctx, ids)
	if err != nil {
		return nil, err
	}
	asked := make(map[int64]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	length := math.Sqrt(dot(q.Vector, q.Vector))
	hits := make([]Hit, 0, len(vectors))
	for _, v := range vectors {
		if !asked[v.ID] || Comparable(v.Values, s.dimensions) != nil {
			continue
		}
		asked[v.ID] = false
		cosine := dot(q.Vector, v.Values) / (length * math.Sqrt(dot(v.Values, v.Values)))
		hits = append(hits, Hit{v.ID, float32(cosine)})
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return hits[:min(q.K, len(hits))], nil
}

// part is a span with what was removed from its block when the search began.
type part struct {
	span

	dead []uint64
}

// within returns where the vectors of some groups are; of all, if groups is nil.
func (s *Set) within(groups []int64) (parts []part) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if groups == nil {
		for _, b := range s.blocks {
			parts = append(parts, part{span{b, 0, b.count}, b.dead})
		}
		return parts
	}
	for _, group := range slices.Compact(slices.Sorted(slices.Values(groups))) {
		for _, r := range s.groups[group] {
			parts = append(parts, part{r, nil}) // a group goes as a whole
		}
	}
	return parts
}

// partsBetween is how many parts are read before it looks whether it should end.
const partsBetween = 8

// candidates returns the ids of the vectors that have the most signs in common with the
// query's.
func (s *Set) candidates(ctx context.Context, q Query) ([]int64, error) {
	code := make([]uint64, s.words)
	encode(code, q.Vector)
	nearest := shortlist{most: q.Rescore, limit: math.MaxInt32}
	var counts [512]int32
	for n, p := range s.within(q.Groups) {
		if n%partsBetween == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		for from := p.from; from < p.to; from += len(counts) {
			some := counts[:min(len(counts), p.to-from)]
			distances(some, code, p.block.codes[from*s.words:])
			p.choose(&nearest, from, some)
		}
	}
	return nearest.ids(), nil
}

// choose adds vectors from the given one on, whose distances these are, to the nearest.
func (p *part) choose(nearest *shortlist, from int, distances []int32) {
	limit := nearest.limit
	for i, d := range distances {
		if d > limit {
			continue
		}
		if at := from + i; p.dead == nil || p.dead[at>>6]>>(at&63)&1 == 0 {
			nearest.add(candidate{d, p.block.ids[at]})
			limit = nearest.limit
		}
	}
}

// candidate is a vector and how many of its signs differ from the query's.
type candidate struct {
	distance int32
	id       int64
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.id, b.id))
}

// shortlist keeps the nearest candidates, and some more until it is full.
type shortlist struct {
	most  int
	kept  []candidate
	worst candidate // of the nearest, since it was full
	limit int32     // the distance beyond which a candidate is of no use
}

func (l *shortlist) add(c candidate) {
	if c.distance == l.limit && c.id > l.worst.id {
		return
	}
	l.kept = append(l.kept, c)
	if len(l.kept) >= 4*l.most {
		l.cut()
	}
}

// cut drops all but the nearest.
func (l *shortlist) cut() {
	slices.SortFunc(l.kept, compareCandidates)
	if len(l.kept) >= l.most {
		l.kept = l.kept[:l.most]
		l.worst = l.kept[l.most-1]
		l.limit = l.worst.distance
	}
}

func (l *shortlist) ids() []int64 {
	l.cut()
	ids := make([]int64, len(l.kept))
	for i, c := range l.kept {
		ids[i] = c.id
	}
	return ids
}
