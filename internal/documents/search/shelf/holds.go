package shelf

import (
	"context"
	"fmt"
	"strings"

	"github.com/fairleadhq/fairlead"
)

// Holds reports whether the chunks that the shelf has of a document are those that the
// store has, which its count does not tell: the store may have given them other numbers.
// It looks for the first one by its own words. That must be found, unless so many others
// have some of them, and with it no chunk from elsewhere: all chunks of a document come
// into a shelf at once, and their numbers rise. One whose first chunks have no words is
// not known to be there. It blocks for the store and while it computes; errors are the
// store's and those of Search.
func (s *Shelf) Holds(ctx context.Context, d *fairlead.Document, from fairlead.DocumentChunks) (bool, error) {
	const tries = 4
	if d.Chunks == 0 {
		return true, nil
	}
	first, err := from.Chunks(ctx, d.App, d.ID, 0, tries)
	if err != nil {
		return false, fmt.Errorf("read a document's chunks: %w", err)
	}
	last, err := from.Chunks(ctx, d.App, d.ID, d.Chunks-1, 1)
	if err != nil {
		return false, fmt.Errorf("read a document's chunks: %w", err)
	}
	if len(first) == 0 || len(last) == 0 {
		return false, nil // it was deleted
	}
	for i := range first {
		told, is, err := s.holdsChunk(ctx, d, &first[i], [2]int64{first[0].Number, last[0].Number})
		if told || err != nil {
			return is, err
		}
	}
	return false, nil
}

// holdsChunk looks for a chunk of a document whose chunks have numbers between two.
func (s *Shelf) holdsChunk(ctx context.Context, d *fairlead.Document, c *fairlead.Chunk, between [2]int64) (told, is bool, err error) {
	const (
		words = 400 // bytes
		most  = 64
	)
	text := strings.ToValidUTF8(c.Text[:min(len(c.Text), words)], "")
	hits, err := s.Search(ctx, Ask{Text: text, K: most, Documents: []int64{d.Number}})
	if err != nil || len(hits) == 0 {
		return false, false, err
	}
	is = len(hits) == most
	for _, hit := range hits {
		if hit.Chunk < between[0] || hit.Chunk > between[1] {
			return true, false, nil
		}
		is = is || hit.Chunk == c.Number
	}
	return true, is, nil
}
