// Package meaning finds chunks by what they mean: by vectors that an embedding model makes
// of them. The vectors are kept in the store; what is needed of them to search is in
// memory, by app, and is read from the store when the program starts.
//
// Vectors are made in the background, after a document is ready: it can be found by its
// words meanwhile, and stays so where no model answers. Vectors of one model, and of one
// length, are a space; another model has all of them made anew. Where no length is asked
// for, it is that of most vectors: one that has another is as good as none, and its
// document is embedded again.
//
// Start with Keeper.
package meaning

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/ask"
	"github.com/fairleadhq/fairlead/internal/vectors"
)

// rescored is how many candidates are compared by their whole vectors, at least.
const rescored = 400

// Errand makes a call of an app's own for work that nobody waits for. task is called at
// most once, before it returns.
type Errand func(ctx context.Context, app fairlead.AppID, op fairlead.Operation, task func(ctx context.Context, call *fairlead.Call) error) error

// Embed is the embedding model.
type Embed struct {
	Model string
	// Dimensions are asked for and expected; 0 takes as many as the model has.
	Dimensions int
}

// space names what vectors can be compared with each other.
func (e Embed) space() string { return fmt.Sprintf("%s/%d", e.Model, e.Dimensions) }

// Config is what a Keeper needs.
type Config struct {
	Selector   fairlead.DocumentSelector
	Chunks     fairlead.DocumentChunks
	Embeddings fairlead.Embeddings
	Model      fairlead.Model
	Errand     Errand
	Embed      Embed
	Logger     *slog.Logger
}

// Keeper keeps the vectors of all apps. It is safe for concurrent use.
type Keeper struct {
	config Config
	length length

	mu     sync.Mutex
	spaces map[fairlead.AppID]*space
}

// New returns a Keeper.
func New(config Config) *Keeper {
	k := &Keeper{config: config, spaces: make(map[fairlead.AppID]*space)}
	k.length.learn(config.Embed.Dimensions)
	return k
}

// space is the vectors of an app's chunks.
type space struct {
	app fairlead.AppID

	mu  sync.Mutex
	set *vectors.Set // nil until there is a vector, which tells how long they are
	// loaded says that those that the store had are there.
	loaded bool
	// unseen are documents of which it is not known whether they are to be embedded.
	unseen map[fairlead.DocumentID]bool
}

func (k *Keeper) space(app fairlead.AppID) *space {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.spaces[app]
	if s == nil {
		s = &space{app: app, unseen: make(map[fairlead.DocumentID]bool)}
		k.spaces[app] = s
	}
	return s
}

func (k *Keeper) all() []*space {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]*space, 0, len(k.spaces))
	for _, s := range k.spaces {
		list = append(list, s)
	}
	return list
}

// Note notes that a document has come, which is embedded when it is ready.
func (k *Keeper) Note(app fairlead.AppID, id fairlead.DocumentID) {
	s := k.space(app)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unseen[id] = true
}

// Remove takes a document's vectors out.
func (k *Keeper) Remove(app fairlead.AppID, document int64) { k.space(app).remove(document) }

// Waiting reports whether it is not known yet of some documents whether they are to be
// embedded.
func (k *Keeper) Waiting() bool {
	for _, s := range k.all() {
		if len(s.toEmbed()) > 0 {
			return true
		}
	}
	return false
}

// Has reports whether the app has vectors to compare a question with.
func (k *Keeper) Has(app fairlead.AppID) bool {
	set := k.space(app).vectors()
	return set != nil && set.Len() > 0
}

// Question asks for the vectors of what is asked. It blocks for the model, until ctx ends;
// errors are the model's, and those of ask.Unfit.
func (k *Keeper) Question(ctx context.Context, call *fairlead.Call, texts []string) ([][]float32, error) {
	shortened := make([]string, len(texts))
	for i, text := range texts {
		shortened[i] = ask.Shortened(text, mostEmbedded)
	}
	return k.vectors(ctx, call, shortened)
}

// vectors asks the model, and takes no vectors that the others can't be compared with.
func (k *Keeper) vectors(ctx context.Context, call *fairlead.Call, texts []string) ([][]float32, error) {
	list, err := k.ask(ctx, call, texts)
	if err != nil {
		return nil, err
	}
	if n := len(list[0]); !k.length.expects(n) {
		k.length.doubt(call.App.ID)
		return nil, k.length.unexpected(n)
	}
	return list, nil
}

func (k *Keeper) ask(ctx context.Context, call *fairlead.Call, texts []string) ([][]float32, error) {
	return ask.Client{Model: k.config.Model}.Vectors(ctx, call, k.config.Embed.Model, k.config.Embed.Dimensions, texts)
}

// Near is what is looked for.
type Near struct {
	Vector []float32
	// K is how many hits are wanted.
	K int
	// Documents, if not nil, are the numbers of the only documents that are searched.
	Documents []int64
}

// Find returns the chunks nearest to a vector, the nearest first. It blocks for the store
// and while it computes, or until ctx ends. Errors are vectors.ErrVector, the store's and
// the context's.
func (k *Keeper) Find(ctx context.Context, app fairlead.AppID, near Near) ([]vectors.Hit, error) {
	set := k.space(app).vectors()
	if set == nil {
		return nil, nil
	}
	most := min(near.K, vectors.MostCandidates)
	return set.Search(ctx, vectors.Query{
		Vector: near.Vector, K: most, Rescore: max(most, rescored), Groups: near.Documents,
		Vectors: func(ctx context.Context, ids []int64) ([]vectors.Vector, error) {
			list, err := k.config.Embeddings.EmbeddingsByNumber(ctx, app, k.config.Embed.space(), ids)
			return vectorsOf(list), err
		},
	})
}

func vectorsOf(list []fairlead.Embedding) []vectors.Vector {
	all := make([]vectors.Vector, len(list))
	for i, e := range list {
		all[i] = vectors.Vector{ID: e.Chunk, Values: e.Vector}
	}
	return all
}

// vectors returns the set, nil where there are no vectors.
func (s *space) vectors() *vectors.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set
}

// add adds vectors of a document, all of the known length.
func (s *space) add(document int64, list []fairlead.Embedding) error {
	if len(list) == 0 {
		return nil
	}
	s.mu.Lock()
	if s.set == nil {
		s.set = vectors.New(len(list[0].Vector))
	}
	set := s.set
	s.mu.Unlock()
	return set.Add(document, vectorsOf(list))
}

// remove takes a document's vectors out.
func (s *space) remove(document int64) {
	if set := s.vectors(); set != nil {
		set.Remove(document)
	}
}

// toEmbed returns some of the documents of which it is not known whether they are to be
// embedded.
func (s *space) toEmbed() []fairlead.DocumentID {
	const most = 256
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []fairlead.DocumentID
	for id := range s.unseen {
		if ids = append(ids, id); len(ids) == most {
			break
		}
	}
	return ids
}

// seen notes that it is known of a document.
func (s *space) seen(id fairlead.DocumentID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unseen, id)
}
