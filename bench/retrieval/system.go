package retrieval

import (
	"context"
	"os"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// Shelf is the service's own analysis and index.
type Shelf struct {
	dir       string
	shelf     *shelf.Shelf
	documents []Document
}

// NewShelf returns an empty one in a folder of its own, which Close deletes.
func NewShelf(synonyms shelf.Synonyms) (*Shelf, error) {
	dir, err := os.MkdirTemp("", "retrieval")
	if err != nil {
		return nil, err
	}
	words := shelf.NewWords(synonyms)
	opened, _, err := shelf.Open(dir, words, words)
	return &Shelf{dir: dir, shelf: opened}, err
}

// Close deletes it.
func (s *Shelf) Close() error {
	_ = s.shelf.Close()
	return os.RemoveAll(s.dir)
}

// Add adds documents, each as one chunk.
func (s *Shelf) Add(ctx context.Context, documents []Document) error {
	s.documents = documents
	for i, d := range documents {
		about := fairlead.Document{ID: fairlead.DocumentID(strconv.Itoa(i)), Number: int64(i + 1), About: fairlead.About{Title: d.Title}}
		if err := s.shelf.Put(ctx, about, s, nil); err != nil {
			return err
		}
	}
	return s.shelf.Tidy(ctx)
}

// Chunks returns the one chunk of a document.
func (s *Shelf) Chunks(_ context.Context, _ fairlead.AppID, id fairlead.DocumentID, from, _ int) ([]fairlead.Chunk, error) {
	i, err := strconv.Atoi(string(id))
	if err != nil || from > 0 {
		return nil, err
	}
	return []fairlead.Chunk{{Number: int64(i + 1), Document: id, Text: s.documents[i].Text}}, nil
}

// ChunksByNumber is not needed to find ids.
func (s *Shelf) ChunksByNumber(context.Context, fairlead.AppID, []int64) ([]fairlead.Chunk, error) {
	return nil, nil
}

// Find finds documents.
func (s *Shelf) Find(ctx context.Context, question string, most int) ([]string, error) {
	hits, err := s.shelf.Search(ctx, shelf.Ask{Text: question, K: most})
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = s.documents[h.Document-1].ID
	}
	return ids, err
}
