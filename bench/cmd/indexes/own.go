package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/fairleadhq/fairlead/bench/corpus"
	"github.com/fairleadhq/fairlead/internal/lexindex"
	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

// own is the index of the service.
type own struct {
	dir     string
	index   *lexindex.Index
	builder *segment.Builder
}

func (o *own) open(_ context.Context, dir string) (err error) {
	o.dir, o.builder = dir, segment.NewBuilder(1)
	o.index, err = lexindex.Open(dir, lexindex.Options{})
	return err
}

// prepare makes documents ready, which is not part of what is measured.
func (o *own) prepare(ctx context.Context, group, first int, texts []string) func() error {
	docs := make([]lexindex.Doc, len(texts))
	for i, text := range texts {
		at := make(map[string]int)
		var terms []lexindex.Term
		for _, word := range corpus.Terms(text) {
			j, ok := at[word]
			if !ok {
				j = len(terms)
				at[word] = j
				terms = append(terms, lexindex.Term{Text: word})
			}
			terms[j].Count++
		}
		docs[i] = lexindex.Doc{ID: int64(first + i), Fields: [][]lexindex.Term{terms}}
	}
	return func() error {
		data, err := o.builder.Build(int64(group), docs)
		if err != nil {
			return err
		}
		if err := o.index.Add(ctx, int64(group), data); err != nil {
			return err
		}
		return o.merge(ctx)
	}
}

func (o *own) merge(ctx context.Context) error {
	for o.index.MergeDue() {
		if err := o.index.Merge(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (o *own) search(ctx context.Context, query string, k int, groups []int) (int, error) {
	q := lexindex.Query{K: k}
	for _, word := range corpus.Terms(query) {
		q.Terms = append(q.Terms, lexindex.QueryTerm{Text: word, Weight: 1})
	}
	for _, g := range groups {
		q.Groups = append(q.Groups, int64(g))
	}
	hits, err := o.index.Search(ctx, q)
	return len(hits), err
}

func (o *own) close(ctx context.Context) error {
	if err := o.index.Flush(); err != nil {
		return err
	}
	if err := o.merge(ctx); err != nil {
		return err
	}
	return o.index.Close()
}

// diskBytes is how much a directory has on disk.
func diskBytes(dir string) (n int64, err error) {
	err = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			n += info.Size()
		}
		return err
	})
	return n, err
}
