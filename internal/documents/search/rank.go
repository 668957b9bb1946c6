package search

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/ask"
)

const (
	defaultCandidates = 30
	// rerankTime and rewriteTime are how long a model is waited for at most.
	rerankTime  = 10 * time.Second
	rewriteTime = 10 * time.Second
)

// ranking is how passages are put in order.
type ranking struct {
	// candidates is how many a model is given; 0 is without one.
	candidates int
}

// most is how many passages are wanted before a model puts them in order.
func (r ranking) most(limit int) int { return max(limit, r.candidates) }

// planRanking finds out how passages are to be put in order.
func (s *Searcher) planRanking(r fairlead.Ranking) (ranking, error) {
	own := s.config.Rerank.Model
	switch {
	case r.Ranker == "none":
		return ranking{}, nil
	case r.Ranker == "" || r.Ranker == "auto":
	case r.Ranker != own || own == "":
		return ranking{}, invalid("ranker", "There is no such ranker", "auto, none, or the model that is configured")
	}
	if own == "" {
		return ranking{}, nil
	}
	return ranking{s.config.Rerank.Candidates}, nil
}

// rerank has a model put the best passages in order, if that is wanted. Where it can't
// in its time, they stay as they are.
func (s *Searcher) rerank(ctx context.Context, call *fairlead.Call, plan ranking, question string, passages []fairlead.Passage) []fairlead.Passage {
	n := min(plan.candidates, len(passages))
	if n < 2 {
		return passages
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = ask.Described(passages[i].Section, passages[i].Context, passages[i].Text)
	}
	ctx, cancel := context.WithTimeout(ctx, part(ctx, 2, rerankTime))
	defer cancel()
	order := ask.Client{Model: s.config.Model}.Rerank
	if s.config.Rerank.Kind == "llm" {
		order = ask.Client{Model: s.config.Model}.Order
	}
	places, err := order(ctx, call, s.config.Rerank.Model, question, texts)
	if err != nil {
		s.noteFailure(ctx, "passages not reranked", err)
		return passages
	}
	return placed(passages, places)
}

// placed are passages in the order of places; those that have none follow as they were.
func placed(passages []fairlead.Passage, places []ask.Place) []fairlead.Passage {
	if len(places) == 0 {
		return passages
	}
	sorted := make([]fairlead.Passage, 0, len(passages))
	taken := make([]bool, len(passages))
	for _, place := range places {
		taken[place.Index] = true
		p := passages[place.Index]
		p.Score = place.Score
		sorted = append(sorted, p)
	}
	least, left := places[len(places)-1].Score, len(passages)-len(places)
	for i := range passages {
		if !taken[i] {
			p := passages[i]
			p.Score = least * float64(left) / float64(len(passages))
			left--
			sorted = append(sorted, p)
		}
	}
	return sorted
}

// Rewrite returns ways to put what is asked, those that were given first: where a model is
// configured for it, with others that it has thought of, as many as a search takes. It
// blocks for the model, for a part of the time that ctx has; where that fails, there are
// no others.
func (s *Searcher) Rewrite(ctx context.Context, call *fairlead.Call, texts []string) []string {
	if s.config.Rewrite == "" || len(texts) == 0 || len(texts) >= mostTexts {
		return texts
	}
	ctx, cancel := context.WithTimeout(ctx, part(ctx, 3, rewriteTime))
	defer cancel()
	more, err := ask.Client{Model: s.config.Model}.Rewrite(ctx, call, s.config.Rewrite, texts[0])
	if err != nil {
		s.noteFailure(ctx, "question not rewritten", err)
		return texts
	}
	all := slices.Concat(texts, more)
	return all[:min(len(all), mostTexts)]
}

// noteFailure logs that a search goes on without a model's part. The log has the error's
// code only: its text may be the provider's.
func (s *Searcher) noteFailure(ctx context.Context, message string, err error) {
	s.config.Logger.WarnContext(ctx, message, slog.String("code", ask.Code(err))) //nolint:sloglint // the messages are constants, at each call
}
