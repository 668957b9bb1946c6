package search

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/filter"
)

const (
	// mostNamed is how many documents a search may name, mostStores how many stores.
	mostNamed  = 10_000
	mostStores = 100
	// pageOfDocuments is how many documents are read from the store at once.
	pageOfDocuments = 1000
)

// scope is which documents are searched.
type scope struct {
	// numbers are those of the documents, in order; nil is all of the app's.
	numbers []int64
	// attributes are what documents have in the vector stores that are searched; nil where
	// none are.
	attributes map[int64]map[string]any
}

func (s *scope) empty() bool { return s.numbers != nil && len(s.numbers) == 0 }

// has reports whether a document is searched.
func (s *scope) has(number int64) bool {
	if s.numbers == nil {
		return true
	}
	_, found := slices.BinarySearch(s.numbers, number)
	return found
}

// resolve finds which documents are searched. Each bound narrows what the one before
// left; none widens it.
func (s *Searcher) resolve(ctx context.Context, app fairlead.AppID, w fairlead.Within) (*scope, error) {
	var condition *filter.Condition
	if w.Filter != nil {
		var err error
		if condition, err = filter.New(w.Filter); err != nil {
			return nil, err
		}
	}
	sc := &scope{}
	var named []fairlead.Document
	if w.Documents != nil {
		var err error
		if named, err = s.named(ctx, app, w.Documents); err != nil {
			return nil, err
		}
		sc.numbers = numbersOf(named)
	}
	switch {
	case w.Stores != nil:
		return sc, s.inStores(ctx, app, sc, storesWanted{w.Stores, condition})
	case condition == nil:
		return sc, nil
	case w.Documents != nil:
		named = slices.DeleteFunc(named, func(d fairlead.Document) bool { return !condition.Match(d.Metadata) })
		sc.numbers = numbersOf(named)
		return sc, nil
	}
	var err error
	sc.numbers, err = s.matching(ctx, app, w.Filter, condition)
	return sc, err
}

// numbersOf are the numbers of documents, in order and never nil.
func numbersOf(documents []fairlead.Document) []int64 {
	numbers := make([]int64, 0, len(documents))
	for i := range documents {
		numbers = append(numbers, documents[i].Number)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// named returns the documents with the ids, those that are ready. All have to be there,
// and none may still be on its way.
func (s *Searcher) named(ctx context.Context, app fairlead.AppID, ids []fairlead.DocumentID) ([]fairlead.Document, error) {
	if len(ids) > mostNamed {
		return nil, tooMany("document_ids", mostNamed)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	documents, err := s.config.Selector.DocumentsByID(ctx, app, ids)
	if err != nil {
		return nil, fmt.Errorf("read the documents that are searched: %w", err)
	}
	there := make(map[fairlead.DocumentID]bool, len(documents))
	for i := range documents {
		there[documents[i].ID] = documents[i].App == app
	}
	for _, id := range ids {
		if !there[id] {
			return nil, documentNotFound(id)
		}
	}
	for i := range documents {
		if !documents[i].Status.Ended() {
			return nil, notReady(&documents[i], time.Now())
		}
	}
	return slices.DeleteFunc(documents, func(d fairlead.Document) bool { return d.Status != fairlead.DocumentReady }), nil
}

// storesWanted are the vector stores that are searched, and which of their documents.
type storesWanted struct {
	ids       []fairlead.VectorStoreID
	condition *filter.Condition // nil for all
}

// inStores narrows a scope to the documents of vector stores. A document that is in
// several of them is searched if it meets the condition in one.
func (s *Searcher) inStores(ctx context.Context, app fairlead.AppID, sc *scope, wanted storesWanted) error {
	if len(wanted.ids) > mostStores {
		return tooMany("vector_store_ids", mostStores)
	}
	sc.attributes = make(map[int64]map[string]any)
	var numbers []int64
	for _, id := range wanted.ids {
		if err := s.storeThere(ctx, app, id); err != nil {
			return err
		}
		err := s.eachFile(ctx, app, id, func(f *fairlead.VectorStoreFile) {
			number := f.Document.Number
			if f.Document.Status != fairlead.DocumentReady || !sc.has(number) {
				return
			}
			if wanted.condition != nil && !wanted.condition.Match(f.Attributes) {
				return
			}
			if _, twice := sc.attributes[number]; !twice {
				sc.attributes[number] = f.Attributes
				numbers = append(numbers, number)
			}
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(numbers)
	sc.numbers = append([]int64{}, numbers...)
	return nil
}

// storeThere refuses a vector store that the app does not have, or has no more.
func (s *Searcher) storeThere(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID) error {
	if s.config.Stores == nil {
		return storeNotFound(id)
	}
	store, ok, err := s.config.Stores.VectorStore(ctx, app, id)
	switch {
	case err != nil:
		return fmt.Errorf("read a vector store: %w", err)
	case !ok:
		return storeNotFound(id)
	case store.Expired(time.Now()):
		return storeExpired(id)
	}
	return nil
}

// eachFile calls take with the files of a store that are ready. Files that come and go
// meanwhile may be among them or not, and one that comes again may be there twice.
func (s *Searcher) eachFile(ctx context.Context, app fairlead.AppID, id fairlead.VectorStoreID, take func(f *fairlead.VectorStoreFile)) error {
	which := fairlead.VectorStoreFileList{
		After: fairlead.After{Limit: pageOfDocuments}, Statuses: []fairlead.DocumentStatus{fairlead.DocumentReady},
	}
	for {
		files, err := s.config.Files.ListVectorStoreFiles(ctx, app, id, which)
		if err != nil {
			return fmt.Errorf("read the files of a vector store: %w", err)
		}
		for i := range files {
			take(&files[i])
		}
		if len(files) < pageOfDocuments {
			return nil
		}
		which.Behind = files[len(files)-1].Number
	}
}

// matching are the numbers of the app's documents that meet a condition.
func (s *Searcher) matching(ctx context.Context, app fairlead.AppID, f *fairlead.Filter, condition *filter.Condition) ([]int64, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, invalid("filters", "The filters can't be used", "")
	}
	key := setKey{app, sha256.Sum256(text)}
	if numbers, ok := s.sets.get(key, time.Now()); ok {
		return numbers, nil
	}
	began, numbers := time.Now(), []int64{}
	err = s.eachReady(ctx, app, func(d *fairlead.Document) error {
		if condition.Match(d.Metadata) {
			numbers = append(numbers, d.Number)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(numbers)
	s.sets.put(key, set{numbers, began})
	return numbers, nil
}

// eachReady calls take with the app's documents that are ready.
func (s *Searcher) eachReady(ctx context.Context, app fairlead.AppID, take func(d *fairlead.Document) error) error {
	for after := int64(0); ; {
		documents, err := s.config.Selector.ReadyDocuments(ctx, app, after, pageOfDocuments)
		if err != nil {
			return fmt.Errorf("read which documents are ready: %w", err)
		}
		for i := range documents {
			after = max(after, documents[i].Number)
			if err := take(&documents[i]); err != nil {
				return err
			}
		}
		if len(documents) < pageOfDocuments {
			return nil
		}
	}
}

const (
	// setAge is how long what meets a filter is remembered: a document that has become
	// ready is found as late as that.
	setAge   = time.Second
	mostSets = 64
)

// setKey names what is remembered: a filter, for an app.
type setKey struct {
	app    fairlead.AppID
	filter [sha256.Size]byte
}

// set are the documents that met a filter. They are read from the store again before
// anybody sees them, so that it only ever finds too few.
type set struct {
	numbers []int64
	began   time.Time
}

// sets remembers which documents met a filter.
type sets struct {
	mu   sync.Mutex
	kept map[setKey]set
}

func (s *sets) get(key setKey, now time.Time) ([]int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.kept[key]
	return kept.numbers, ok && now.Sub(kept.began) < setAge
}

func (s *sets) put(key setKey, made set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= mostSets {
		for other, kept := range s.kept {
			if made.began.Sub(kept.began) >= setAge {
				delete(s.kept, other)
			}
		}
	}
	if len(s.kept) >= mostSets {
		clear(s.kept)
	}
	s.kept[key] = made
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }
