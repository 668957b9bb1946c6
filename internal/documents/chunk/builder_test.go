package chunk_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/chunk"
	"github.com/fairleadhq/fairlead/internal/extract"
)

func TestAbout(t *testing.T) {
	t.Parallel()
	b := chunk.New(chunk.Config{Language: func(string) string { return "xx" }}, func(fairlead.DocumentContent) error { return nil })
	for _, block := range []extract.Block{page(1), heading(1, "Annual Report 2021"), paragraph("Acme Widgets Inc."), page(2)} {
		if err := b.Add(block); err != nil {
			t.Fatal(err)
		}
	}
	b.Know(fairlead.About{Title: "Report"})
	totals, err := b.Close()
	want := chunk.Totals{Chunks: 1, Pages: 2, TextBytes: 37, About: fairlead.About{
		Title: "Report", Language: "xx", Company: "Acme Widgets Inc.", Period: "FY2021",
	}}
	if err != nil || totals != want {
		t.Errorf("got %+v, %v, want %+v", totals, err, want)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	b := chunk.New(chunk.Config{}, func(fairlead.DocumentContent) error { return full })
	if err := b.Add(paragraph(strings.Repeat(sentence, 10_000))); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if _, err := b.Close(); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	b = chunk.New(chunk.Config{Limits: extract.Limits{Text: 100}}, func(fairlead.DocumentContent) error { return nil })
	if limit, ok := errors.AsType[*extract.LimitError](b.Add(paragraph(strings.Repeat(sentence, 10)))); !ok || limit.Limit != "text" {
		t.Errorf("got %v", limit)
	}
}

// TestMemoryIsFlat makes documents of 8 and of 64 MiB, and compares what lives meanwhile.
func TestMemoryIsFlat(t *testing.T) { //nolint:paralleltest // it measures memory
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	if small, large := alive(t, 8), alive(t, 64); large > small+2<<20 {
		t.Errorf("%d bytes are alive with 8 MiB, %d with 64", small, large)
	}
}

// alive is the most memory that was in use while a document of that size was made.
func alive(t *testing.T, mebibytes int) (most uint64) {
	t.Helper()
	parts := 0
	b := chunk.New(chunk.Config{}, func(p fairlead.DocumentContent) error {
		if len(p.Text) > 512<<10 || len(p.Chunks) > 512 {
			t.Errorf("got a part of %d bytes and %d chunks", len(p.Text), len(p.Chunks))
		}
		if parts++; parts%16 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	})
	block := paragraph(strings.Repeat(sentence, 20))
	for n := 0; n < mebibytes<<20; n += len(block.Text) {
		if err := errors.Join(b.Add(heading(2, "A section")), b.Add(block)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return most
}
