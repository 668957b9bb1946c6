package lexindex

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/lexindex/rank"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// Limits of what is asked.
const (
	MaxTerms = 1024 // of a query
	MaxHits  = 10_000
	// MaxWeight is the greatest weight of a term.
	MaxWeight = 1e6
)

// Query is what a Search looks for.
type Query struct {
	// Terms are what is looked for; of a term that is there more than once the weights add
	// up. Those that no document has are passed over.
	Terms []QueryTerm
	// K is how many hits are wanted, from 1 to MaxHits.
	K int
	// Groups, if not nil, are the only groups that are searched, in any order.
	Groups []int64
	// MinScore is the least score of a hit.
	MinScore float32
}

// QueryTerm is a term of a query.
type QueryTerm struct {
	Field  int
	Text   string
	Weight float32 // by which its scores are multiplied; from 0 to MaxWeight
}

// Hit is a document that was found.
type Hit struct {
	ID, Group int64
	Score     float32
}

// Search returns the best documents that have some of the terms, the best first and equal
// ones by their IDs. They are exactly the best by BM25 as package rank has it; lengths
// count in steps of a 16th. A term's rarity is that in the whole index, and documents that
// were removed count in it until they are merged away. It blocks for as long as it
// computes, or until ctx ends, and reads files through mapped memory. Errors are
// ErrDamaged, ErrClosed, the context's, and what is wrong with q.
func (x *Index) Search(ctx context.Context, q Query) ([]Hit, error) {
	terms, err := x.merged(q)
	if err != nil {
		return nil, err
	}
	v, err := x.views.take()
	if err != nil {
		return nil, err
	}
	defer x.views.give(v)
	s := search{query: q, terms: terms, groups: q.Groups}
	if s.groups != nil && !slices.IsSorted(s.groups) {
		s.groups = slices.Sorted(slices.Values(s.groups))
	}
	for i := range v.parts {
		if l := v.parts[i].live; l.LiveDocs() > 0 {
			s.lives = append(s.lives, l)
		}
	}
	// The largest first: what it finds spares work in the others.
	slices.SortFunc(s.lives, func(a, b *segment.Live) int { return cmp.Compare(b.Docs(), a.Docs()) })
	var hits []Hit
	err = guarded(func() error {
		hits, err = s.run(ctx, x.formula())
		return err
	})
	return hits, err
}

// merged returns the query's terms, each once.
func (x *Index) merged(q Query) ([]QueryTerm, error) {
	if q.K < 1 || q.K > MaxHits || len(q.Terms) > MaxTerms || math.IsNaN(float64(q.MinScore)) {
		return nil, fmt.Errorf("a query for %d hits with %d terms, of score %v or more", q.K, len(q.Terms), q.MinScore)
	}
	terms := slices.Clone(q.Terms)
	for _, t := range terms {
		if t.Field < 0 || t.Field >= x.options.Fields || !(t.Weight >= 0 && t.Weight <= MaxWeight) {
			return nil, fmt.Errorf("a query for field %d with weight %v", t.Field, t.Weight)
		}
	}
	slices.SortStableFunc(terms, func(a, b QueryTerm) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), strings.Compare(a.Text, b.Text))
	})
	once := terms[:0]
	for _, t := range terms {
		if n := len(once); n > 0 && once[n-1].Field == t.Field && once[n-1].Text == t.Text {
			once[n-1].Weight += t.Weight
			continue
		}
		once = append(once, t)
	}
	return once, nil
}

// search is a search that is being done.
type search struct {
	query  Query
	terms  []QueryTerm
	groups []int64 // in order; nil is all
	lives  []*segment.Live
	found  [][]rank.Term // by segment
}

func (s *search) run(ctx context.Context, f rank.Formula) ([]Hit, error) {
	total, err := s.weigh()
	if err != nil || total == 0 {
		return nil, err
	}
	scorer := rank.New(f, rank.Wanted{
		Most: s.query.K, MinScore: float64(s.query.MinScore), Weight: total, Mean: s.means(),
	})
	for i, live := range s.lives {
		if len(s.found[i]) == 0 {
			continue
		}
		var within []rank.Range
		if s.groups != nil {
			if within = rangesOf(live, s.groups); len(within) == 0 {
				continue
			}
		}
		if err := scorer.Segment(ctx, i, live, s.found[i], within); err != nil {
			return nil, err
		}
	}
	best := scorer.Best()
	hits := make([]Hit, len(best))
	for i, b := range best {
		hits[i] = Hit{ID: b.ID, Group: s.lives[b.Segment].Owner(b.Document), Score: float32(scorer.Score(b.Score))}
	}
	return hits, nil
}

// weigh finds the terms in the segments, and gives them their weights. It returns their
// sum.
func (s *search) weigh() (total float64, err error) {
	docs := 0
	for _, live := range s.lives {
		docs += live.Docs()
	}
	s.found = make([][]rank.Term, len(s.lives))
	with := make([]int, len(s.terms)) // how many documents have the term
	place := make([][]int, len(s.lives))
	for i, live := range s.lives {
		for j, t := range s.terms {
			list, ok, err := live.Find(t.Field, t.Text)
			if err != nil {
				return 0, err
			}
			if ok && t.Weight > 0 {
				s.found[i] = append(s.found[i], rank.Term{List: list, Field: t.Field})
				place[i] = append(place[i], j)
				with[j] += list.Count()
			}
		}
	}
	weights := make([]float64, len(s.terms))
	for j, t := range s.terms {
		if with[j] > 0 {
			weights[j] = float64(t.Weight) * rank.IDF(with[j], docs)
			total += weights[j]
		}
	}
	for i := range s.found {
		for k := range s.found[i] {
			s.found[i][k].Weight = weights[place[i][k]]
		}
	}
	return total, nil
}

// means are the mean lengths of documents, by field.
func (s *search) means() (means [segment.MaxFields]float64) {
	docs := 0
	for _, live := range s.lives {
		docs += live.LiveDocs()
		for field := range means {
			means[field] += float64(live.LiveLength(field))
		}
	}
	for field := range means {
		means[field] /= float64(max(docs, 1))
	}
	return means
}

// rangesOf returns where groups are in a segment, in order.
func rangesOf(live *segment.Live, groups []int64) []rank.Range {
	var within []rank.Range
	row, last := 0, none
	for _, number := range groups {
		row = live.SeekGroup(row, number)
		if row == live.Groups() {
			break
		}
		g := live.Group(row)
		if g.Number == number && row != last && live.IsLive(row) {
			within = append(within, rank.Range{From: g.First, To: g.First + g.Docs})
			last = row
		}
	}
	slices.SortFunc(within, func(a, b rank.Range) int { return cmp.Compare(a.From, b.From) })
	return within
}

const none = -1
