package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/meaning"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
	"github.com/fairleadhq/fairlead/internal/vectors"
)

const (
	// fusion is the k of reciprocal rank fusion.
	fusion = 60
	// halfScore is the score by words that becomes one half.
	halfScore = 12
	// questionTime is how long the embedding of a question is waited for at most.
	questionTime = 2 * time.Second
)

// found are candidates, the best first, with scores above 0 and at most 1.
type found struct {
	hits []shelf.Hit
	more bool // there may be others
}

// candidates looks for the k best chunks in each way, and puts them into one order.
func (s *Searcher) candidates(ctx context.Context, app fairlead.AppID, r *round, k int) (found, error) {
	var lists [][]shelf.Hit
	for i, text := range r.query.Texts {
		hits, err := r.room.shelf.Search(ctx, shelf.Ask{Text: text, K: k, Documents: r.within.numbers})
		if errors.Is(err, shelf.ErrDamaged) {
			return found{}, s.damaged(r.room)
		}
		if err != nil {
			return found{}, err
		}
		lists = append(lists, hits)
		if r.vectors == nil {
			continue
		}
		near, err := s.near(ctx, app, meaning.Near{Vector: r.vectors[i], K: k, Documents: r.within.numbers})
		if err != nil {
			return found{}, err
		}
		lists = append(lists, near)
	}
	more := slices.ContainsFunc(lists, func(hits []shelf.Hit) bool { return len(hits) >= k })
	return found{fuse(lists), more}, nil
}

// fuse makes one list of several. The scores of a single one are only brought between 0
// and 1.
func fuse(lists [][]shelf.Hit) []shelf.Hit {
	if len(lists) == 1 {
		for i := range lists[0] {
			h := &lists[0][i]
			h.Score /= h.Score + halfScore
		}
		return lists[0]
	}
	sums := make(map[int64]shelf.Hit)
	for _, hits := range lists {
		for rank, h := range hits {
			sum := sums[h.Chunk]
			score := float64(fusion+1) / float64(fusion+1+rank) / float64(len(lists))
			sums[h.Chunk] = shelf.Hit{Chunk: h.Chunk, Document: max(h.Document, sum.Document), Score: min(sum.Score+score, 1)}
		}
	}
	all := make([]shelf.Hit, 0, len(sums))
	for _, h := range sums {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b shelf.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Chunk, b.Chunk))
	})
	return all
}

// embedQuestion asks for the vectors of what is asked, where there are any to compare
// them with; nil where there are none, or none came in time.
func (s *Searcher) embedQuestion(ctx context.Context, call *fairlead.Call, texts []string) [][]float32 {
	if s.meaning == nil || !s.meaning.Has(call.App.ID) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, part(ctx, 3, questionTime))
	defer cancel()
	list, err := s.meaning.Question(ctx, call, texts)
	if err != nil {
		s.noteFailure(ctx, "question not embedded", err)
		return nil
	}
	return list
}

// near finds the chunks whose meaning is nearest.
func (s *Searcher) near(ctx context.Context, app fairlead.AppID, near meaning.Near) ([]shelf.Hit, error) {
	hits, err := s.meaning.Find(ctx, app, near)
	if errors.Is(err, vectors.ErrVector) {
		s.noteFailure(ctx, "question not compared with the documents", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compare meanings: %w", err)
	}
	found := make([]shelf.Hit, len(hits))
	for i, h := range hits {
		found[i] = shelf.Hit{Chunk: h.ID, Score: float64(h.Score)}
	}
	return found, nil
}
