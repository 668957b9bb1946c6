// Package search finds passages in the documents of an app. What is searched is a shelf,
// an index of each app's own (package shelf), beside the store of documents, which is the
// truth: what a shelf finds is read again from the store, which knows the app and gives
// ready documents only, so nobody is shown what is another's, deleted or half done. Run
// keeps the shelves and the store alike.
//
// Where an embedding model is configured, passages are found by their meaning too: what
// is found in several ways is put into one order by reciprocal rank fusion (Cormack,
// Clarke and Büttcher, 2009). A model may put the best of them in order. Both are done
// within a part of the time that the call has; where they fail, the search is as it would
// have been without them.
//
// Start with Searcher.Search.
package search

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/meaning"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

const (
	// defaultLimit and mostLimit are how many passages a search returns, where it does not
	// say, and at most.
	defaultLimit = 10
	mostLimit    = 50
	// mostTexts is how many ways there may be to ask.
	mostTexts = 8
)

// Config is what a Searcher needs.
type Config struct {
	// Dir is where indexes are kept. Nothing else may use it.
	Dir      string
	Selector fairlead.DocumentSelector
	Chunks   fairlead.DocumentChunks
	// Stores and Files are the vector stores; nil where there are none.
	Stores fairlead.VectorStores
	Files  fairlead.VectorStoreContents
	Gate   fairlead.Gate
	Logger *slog.Logger
	// Maker makes segments of the index; nil has the Searcher do it.
	Maker shelf.Maker
	// Synonyms are looked for beside what is asked.
	Synonyms shelf.Synonyms
	// Model answers what follows; it may be nil where none of that is configured.
	Model fairlead.Model
	// Errand is for embedding documents.
	Errand     meaning.Errand
	Embeddings fairlead.Embeddings
	// Embed is the embedding model; the zero Embed is none.
	Embed  meaning.Embed
	Rerank Rerank
	// Rewrite is the chat model that rewrites questions; "" for none.
	Rewrite string
}

// Rerank is the model that puts passages in order. The zero Rerank is none.
type Rerank struct {
	Model string
	// Kind is "api" for one with a /rerank API, "llm" for a chat model.
	Kind string
	// Candidates is how many passages are put in order, 30 by default.
	Candidates int
}

// Searcher searches documents; it is a fairlead.Searcher. It is safe for concurrent use.
type Searcher struct {
	config  Config
	words   *shelf.Words
	meaning *meaning.Keeper // nil without an embedding model
	sets    sets
	// running is set while Run is: then shelves are compared with the store.
	running atomic.Bool
	urgent  chan *room
	gone    chan struct{} // rooms have documents that are to be taken out

	mu    sync.Mutex
	rooms map[fairlead.AppID]*room
}

// New returns a Searcher.
func New(config Config) *Searcher {
	if config.Rerank.Candidates <= 0 {
		config.Rerank.Candidates = defaultCandidates
	}
	s := &Searcher{
		config: config, words: shelf.NewWords(config.Synonyms), rooms: make(map[fairlead.AppID]*room),
		urgent: make(chan *room, 1), gone: make(chan struct{}, 1),
	}
	if config.Maker == nil {
		s.config.Maker = s.words
	}
	s.sets.kept = make(map[setKey]set)
	if config.Embed.Model != "" {
		s.meaning = meaning.New(meaning.Config{
			Selector: config.Selector, Chunks: config.Chunks, Embeddings: config.Embeddings, Model: config.Model,
			Errand: config.Errand, Embed: config.Embed, Logger: config.Logger,
		})
	}
	return s
}

// Search finds passages in the documents of the call's app. Scores are above 0 and at
// most 1, and fall; those of one search can be compared with each other only. No two
// passages have more than half of their text in common.
//
// Errors are of Kind Invalid with the codes invalid_value, too_many_items and
// invalid_filter; NotFound with document_not_found and vector_store_not_found, for what
// is another app's as well; Gone with vector_store_expired; Busy with document_not_ready
// where a document that is named is still being read, and search_index_rebuilding; those
// of the gate, the store and the context.
func (s *Searcher) Search(ctx context.Context, call *fairlead.Call, q fairlead.Query) ([]fairlead.Passage, error) {
	if err := complete(&q); err != nil {
		return nil, err
	}
	plan, err := s.planRanking(q.Rank)
	if err != nil {
		return nil, err
	}
	app := call.App.ID
	within, err := s.resolve(ctx, app, q.Within)
	if err != nil {
		return nil, err
	}
	if within.empty() {
		return nil, nil
	}
	room, err := s.ready(ctx, app)
	if err != nil {
		return nil, err
	}
	vectors := s.embedQuestion(ctx, call, q.Texts)
	passages, err := s.local(ctx, call, &round{room: room, query: q, within: within, vectors: vectors, most: plan.most(q.Limit)})
	if err != nil {
		return nil, err
	}
	passages = s.rerank(ctx, call, plan, q.Texts[0], passages)
	return above(passages, q.Rank.Threshold, q.Limit), ctx.Err()
}

// complete checks a query and gives what it leaves open a value.
func complete(q *fairlead.Query) error {
	if len(q.Texts) == 0 || len(q.Texts) > mostTexts {
		return invalid("query", "A search has a query", fmt.Sprintf("or up to %d ways to put it", mostTexts))
	}
	if slices.ContainsFunc(q.Texts, isBlank) {
		return invalid("query", "The query is empty", "")
	}
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	if q.Limit < 1 || q.Limit > mostLimit {
		return invalid("limit", "The limit is out of bounds", fmt.Sprintf("a search returns 1 to %d passages", mostLimit))
	}
	if t := q.Rank.Threshold; math.IsNaN(t) || t < 0 || t > 1 {
		return invalid("score_threshold", "The threshold is out of bounds", "scores are from 0 to 1")
	}
	return nil
}

// round is one search, when it is known what for and where.
type round struct {
	room    *room
	query   fairlead.Query
	within  *scope
	vectors [][]float32 // of the query's texts; nil without
	most    int         // passages that are wanted
}

// local does what is computed here, in a slot of the pool for that.
func (s *Searcher) local(ctx context.Context, call *fairlead.Call, r *round) ([]fairlead.Passage, error) {
	lease, err := s.config.Gate.Enter(ctx, call, fairlead.LocalPool)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	return s.find(ctx, call.App.ID, r)
}

// find looks for candidates, and for more where too few of them are to be had.
func (s *Searcher) find(ctx context.Context, app fairlead.AppID, r *round) ([]fairlead.Passage, error) {
	const (
		atFirst = 100
		atMost  = 6400
	)
	for k := max(atFirst, 3*r.most); ; k *= 8 {
		found, err := s.candidates(ctx, app, r, k)
		if err != nil {
			return nil, err
		}
		passages, err := s.read(ctx, app, r, found.hits)
		if err != nil || len(passages) >= r.most || !found.more || k >= atMost {
			return passages, err
		}
	}
}

// above are the passages that reach the threshold, as many as are wanted.
func above(passages []fairlead.Passage, threshold float64, limit int) []fairlead.Passage {
	for i := range passages {
		if passages[i].Score < threshold {
			passages = passages[:i]
			break
		}
	}
	return passages[:min(len(passages), limit)]
}

// part is a part of the time that a call has left, at most some duration.
func part(ctx context.Context, of int, most time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(time.Until(deadline)/time.Duration(of), most)
	}
	return most
}
