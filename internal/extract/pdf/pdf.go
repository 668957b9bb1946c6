// Package pdf reads PDF files with PDFium, which runs as WebAssembly: its code can't
// touch anything but memory of its own, of which there is only so much.
//
// What a document does to PDFium stays in one Extract: each starts a PDFium of its own.
// A document that asks for more memory than there is ends it with a trap, which becomes a
// LimitError. Where PDFium goes on without what it got no memory for, that is told by how
// much memory it has: a page that took much of it and has no text is a LimitError too.
// Time is not bounded here. Whoever reads files of strangers does so in a process that can be killed
// (extract/worker).
//
// Headings are what the document's outline names, or where there is none, what stands in
// larger or bolder letters than the rest. Tables are lines whose words stand in the same
// columns over several lines.
//
// Start with Extractor; page.go has what PDFium tells of a page, layout.go what is made
// of it.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// MediaType is that of the documents that are read here.
const MediaType = "application/pdf"

// DefaultMemory is the most memory that PDFium gets unless Options say otherwise, in
// bytes. The process needs up to three times as much: memory grows by copying.
const DefaultMemory = 256 << 20

// Options are how PDFium runs.
type Options struct {
	// CacheDir is where its compiled code is kept, a directory that is there; Prepare
	// fills it. With "" each Extract compiles it anew, which takes seconds.
	CacheDir string
	// Memory is the most that it gets for a document, in bytes; 0 is DefaultMemory.
	Memory int64
}

// Extractor reads PDF files. It is safe for concurrent use, but each use has a PDFium of
// its own.
type Extractor struct{ options Options }

// New returns an Extractor. It does nothing yet.
func New(o Options) *Extractor {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	return &Extractor{options: o}
}

// Prepare compiles PDFium and leaves its code in the cache, where an Extract finds it. It
// blocks for seconds where the code is not there yet, and takes 300 MB for that time.
func (x *Extractor) Prepare(ctx context.Context) error {
	e, err := startEngine(ctx, x.options)
	if err == nil {
		e.close()
	}
	return err
}

// Extract implements extract.Extractor. Pages come in order, each with its PageStart. A
// page that can't be loaded makes the document extract.ErrBroken, behind the pages before
// it. Memory that did not suffice is a LimitError "memory". ctx is looked at between
// pages.
func (x *Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	if err := looksRight(src); err != nil {
		return fairlead.About{}, err
	}
	e, err := startEngine(ctx, x.options)
	if err != nil {
		return fairlead.About{}, err
	}
	defer e.close()
	about, err := read(ctx, e, src, emit)
	if t, ok := errors.AsType[*trap](err); ok {
		return about, e.trapped(t)
	}
	if err == nil && e.full() {
		// Some of PDFium goes on without what it got no memory for.
		err = e.outOfMemory()
	}
	return about, err
}

// trapped says why PDFium stopped. It stops where it gets no memory, and that is so if it
// has most of what there is: it asks for it in pieces.
func (e *engine) trapped(t *trap) error {
	if int64(e.memory.Size()) >= e.limit/2 {
		return e.outOfMemory()
	}
	return fmt.Errorf("%w: PDFium stopped: %s", extract.ErrBroken, t.why())
}

func (e *engine) outOfMemory() error { return &extract.LimitError{Limit: "memory", Most: e.limit} }

const (
	// headBytes is where a PDF's mark may stand.
	headBytes = 1024
	// largestFile is what an offset can tell.
	largestFile = 1<<31 - 1
)

// looksRight spares PDFium what is no PDF.
func looksRight(src *extract.Source) error {
	if src.Size > largestFile {
		return &extract.LimitError{Limit: "bytes", Most: largestFile}
	}
	head := make([]byte, min(src.Size, headBytes))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !strings.Contains(string(head), "%PDF-") {
		return fmt.Errorf("%w: it does not begin as a PDF", extract.ErrBroken)
	}
	return nil
}

// read reads the document with e.
func read(ctx context.Context, e *engine, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	d, err := openDocument(ctx, e, src)
	if err != nil {
		return fairlead.About{}, err
	}
	if most := src.Limits.Pages; most > 0 && d.pages > most {
		return fairlead.About{}, &extract.LimitError{Limit: "pages", Most: int64(most)}
	}
	if src.Pages != nil {
		src.Pages(d.pages)
	}
	about, err := d.about(ctx)
	if err != nil {
		return about, err
	}
	names, err := d.outline(ctx)
	if err != nil {
		return about, err
	}
	l := &layout{names: names, emit: bounded(emit, src)}
	for n := range d.pages {
		if err := ctx.Err(); err != nil {
			return about, err
		}
		if err := l.emit(extract.Block{Kind: extract.PageStart, Page: n + 1}); err != nil {
			return about, err
		}
		lines, err := d.page(ctx, n)
		if err != nil {
			return about, err
		}
		if err := l.page(n, lines); err != nil {
			return about, err
		}
	}
	return about, nil
}

// bounded lets as much text through to emit as may be made of src.
func bounded(emit extract.Emit, src *extract.Source) extract.Emit {
	var text int64
	return func(b extract.Block) error {
		text += int64(len(b.Text))
		for _, row := range b.Rows {
			for _, cell := range row {
				text += int64(len(cell))
			}
		}
		if err := src.CheckText(text); err != nil {
			return err
		}
		return emit(b)
	}
}
