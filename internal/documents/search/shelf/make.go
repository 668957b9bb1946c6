package shelf

import (
	"context"
	"errors"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/lexindex"
)

// Maker makes segments of the index from chunks. Words does it where it is called; package
// indexer has another process do it.
type Maker interface {
	// Begin begins with a document. It blocks until the Maker has time for it, or ctx ends.
	Begin(ctx context.Context, t Title) (Making, error)
}

// Making is a document of which segments are made, part by part. It is used by one
// goroutine, and closed in the end.
type Making interface {
	// Add takes chunks, whose numbers rise; they are not kept. It may block, until ctx ends.
	Add(ctx context.Context, chunks []fairlead.Chunk) error
	// Build returns the segment of the chunks that came since the last one, as a group of
	// that number. There must be some. It blocks until it is made, or ctx ends.
	Build(ctx context.Context, group int64) ([]byte, error)
	Close()
}

// Title is what is known of a whole document.
type Title struct {
	Name  string         // its file's
	About fairlead.About // its Language is set
}

// Begin implements Maker. It does not block, and nor does what it returns, but for as long
// as it computes.
func (w *Words) Begin(_ context.Context, t Title) (Making, error) { //nolint:ireturn // as the interface has it
	p := w.take()
	p.begin(t)
	return &making{words: w, page: p}, nil
}

// making makes segments where it is called.
type making struct {
	words *Words
	page  *page
	docs  []lexindex.Doc
}

// Add implements Making.
func (m *making) Add(_ context.Context, chunks []fairlead.Chunk) error {
	for i := range chunks {
		m.docs = append(m.docs, m.page.doc(&chunks[i]))
	}
	return nil
}

// errNothing is the error of a segment of nothing.
var errNothing = errors.New("a segment of no chunks")

// Build implements Making.
func (m *making) Build(_ context.Context, group int64) ([]byte, error) {
	if len(m.docs) == 0 {
		return nil, errNothing
	}
	data, err := m.page.builder.Build(group, m.docs)
	clear(m.docs)
	m.docs = m.docs[:0]
	return data, err
}

// Close implements Making.
func (m *making) Close() { m.words.give(m.page) }
