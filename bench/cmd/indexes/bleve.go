package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/fairleadhq/fairlead/bench/corpus"
)

// bleveIndex is bleve with its usual store, ranking by BM25, without the text.
type bleveIndex struct{ index bleve.Index }

func (b *bleveIndex) open(_ context.Context, dir string) (err error) {
	path := filepath.Join(dir, "index")
	if _, err := os.Stat(path); err == nil {
		b.index, err = bleve.Open(path)
		return err
	}
	m := bleve.NewIndexMapping()
	m.ScoringModel = "bm25"
	// Words as the others have them: none is left out, and none is stemmed.
	if err := m.AddCustomAnalyzer("words", map[string]any{
		"type": custom.Name, "tokenizer": unicode.Name, "token_filters": []string{lowercase.Name},
	}); err != nil {
		return err
	}
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	for name, analyzer := range map[string]string{"text": "words", "group": "keyword"} {
		field := mapping.NewTextFieldMapping()
		field.Analyzer, field.Store, field.IncludeTermVectors, field.IncludeInAll, field.DocValues = analyzer, false, false, false, false
		m.DefaultMapping.AddFieldMappingsAt(name, field)
	}
	b.index, err = bleve.New(path, m)
	return err
}

func (b *bleveIndex) prepare(_ context.Context, group, first int, texts []string) func() error {
	batch := b.index.NewBatch()
	return func() error {
		for i, text := range texts {
			if err := batch.Index(strconv.Itoa(first+i), map[string]any{"text": text, "group": strconv.Itoa(group)}); err != nil {
				return err
			}
		}
		return b.index.Batch(batch)
	}
}

func (b *bleveIndex) search(ctx context.Context, text string, k int, groups []int) (int, error) {
	var words []query.Query
	for _, word := range corpus.Terms(text) {
		q := bleve.NewTermQuery(word)
		q.SetField("text")
		words = append(words, q)
	}
	var all query.Query = bleve.NewDisjunctionQuery(words...)
	if groups != nil {
		var in []query.Query
		for _, g := range groups {
			q := bleve.NewTermQuery(strconv.Itoa(g))
			q.SetField("group")
			q.SetBoost(0)
			in = append(in, q)
		}
		all = bleve.NewConjunctionQuery(all, bleve.NewDisjunctionQuery(in...))
	}
	result, err := b.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(all, k, 0, false))
	if err != nil {
		return 0, err
	}
	return len(result.Hits), nil
}

func (b *bleveIndex) close(context.Context) error { return b.index.Close() }
