package search

import (
	"context"
	"slices"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// failingMaker fails for documents of one name.
type failingMaker struct {
	shelf.Maker

	name, code string
}

func (m failingMaker) Begin(ctx context.Context, t shelf.Title) (shelf.Making, error) {
	if t.Name == m.name {
		return nil, &fairlead.Error{Kind: fairlead.Internal, Code: m.code}
	}
	return m.Maker.Begin(ctx, t)
}

// TestOneIsNotIndexed: a document that can't be indexed keeps no other from being found
// where the index is made anew; a service that can't index at all says so.
func TestOneIsNotIndexed(t *testing.T) {
	t.Parallel()
	for code, found := range map[string]bool{"indexer_crashed": true, "indexer_killed": true, "indexer_late": true, "indexer_start": false} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			st := newStage(t, func(c *Config) {
				c.Maker = failingMaker{shelf.NewWords(shelf.NoSynonyms), "bad", code}
			})
			before := st.library.put("a", fairlead.Document{}, "a text in front")
			st.library.put("a", fairlead.Document{Name: "bad"}, "a text that can't be indexed")
			behind := st.library.put("a", fairlead.Document{}, "a text behind")
			st.run(t)
			passages, err := st.Search(t.Context(), callOf("a"), asking("text"))
			got := documentsOf(passages)
			slices.Sort(got)
			if want := []fairlead.DocumentID{before.ID, behind.ID}; found && (err != nil || !slices.Equal(got, want)) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
			if !found && (err == nil || fairlead.AsError(err).Code != "search_index_rebuilding") {
				t.Errorf("got %v, %v, want search_index_rebuilding", got, err)
			}
		})
	}
}
