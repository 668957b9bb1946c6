// Package extract is what the readers of file formats have in common: a document
// is a sequence of blocks, in reading order. What becomes of blocks (canonical
// text, pages, sections, chunks) is the business of documents/canon and
// documents/chunk.
//
// Every reader takes bytes that may have been made to harm it. It reads what a
// document holds and nothing that it names: no file, no address. It runs in a
// child process with limits of its own (extract/worker), and still bounds by
// itself what it can: how far an archive unfolds, how deep it nests, how much it
// writes.
//
// Start with Extractor.
package extract

import (
	"context"
	"errors"
	"io"

	"github.com/fairleadhq/fairlead"
)

// Kind is what a Block is.
type Kind uint8

// The kinds of blocks.
const (
	Paragraph Kind = iota + 1
	Heading
	Table
	// PageStart begins a page; Block.Page is its number. Formats without pages have none.
	PageStart
)

// Block is a piece of a document. Its text is UTF-8; whatever else it holds (white
// space, control characters) is put right by documents/canon.
type Block struct {
	Kind  Kind
	Page  int    // of a PageStart, from 1
	Level int    // of a Heading, from 1
	Text  string // of a Paragraph or Heading; its lines are kept
	// Rows are those of a Table; the first Header of them head it. A table may come in
	// parts: a Table block with More set goes on in the next block.
	Rows   [][]string
	Header int
	More   bool
}

// Source is a file that is read.
type Source struct {
	io.ReaderAt

	Size int64
	// Name is its label, whose ending may decide where the bytes leave a choice.
	Name   string
	Limits Limits
	// Pages, if not nil, is told how many pages there are as soon as that is known.
	Pages func(n int)
}

// Limits bound what a document may ask for. Zero values are no limit.
type Limits struct {
	Pages int
	// Text is the most bytes of text.
	Text int64
	// Unfolded is the most bytes that compressed parts may unfold to, Ratio how many
	// times their own length, and how many times that of the file its text may be long.
	// Entries is how many parts an archive may have.
	Unfolded int64
	Ratio    int64
	Entries  int
}

// textFloor is how many bytes of text may be made of a file whatever its size is.
const textFloor = 1 << 20

// CheckText fails with a *LimitError if n bytes are more text than may be made of the
// file: more than Limits.Text, or than Limits.Ratio times its size: what is written once
// in a file may be shown any number of times.
func (s *Source) CheckText(n int64) error {
	l := &s.Limits
	switch {
	case l.Text > 0 && n > l.Text:
		return &LimitError{Limit: "text", Most: l.Text}
	case l.Ratio > 0 && n > textFloor && n/l.Ratio > s.Size:
		return &LimitError{Limit: "ratio", Most: l.Ratio}
	}
	return nil
}

// Emit takes the blocks of a document in order. An error ends the reading; the
// extractor returns it as it is.
type Emit func(b Block) error

// Extractor reads one family of formats.
type Extractor interface {
	// Extract reads src to its end and emits its blocks. A document that has no text is no
	// error. Errors are those below, wrapped, or of reading or emitting; none quotes the
	// document.
	Extract(ctx context.Context, src *Source, emit Emit) (fairlead.About, error)
}

// The errors of documents.
var (
	// ErrEncrypted: it can't be read without a password.
	ErrEncrypted = errors.New("the document is encrypted")
	// ErrUnsupported: it is of a format that is not read.
	ErrUnsupported = errors.New("the document's format is not supported")
	// ErrBroken: it is not what it says it is, or is damaged.
	ErrBroken = errors.New("the document is damaged")
)

// LimitError is the error of a document that passes a limit.
type LimitError struct {
	// Limit is a name in snake case, such as "pages", "text", "unfolded_bytes".
	Limit string
	Most  int64
}

// Error implements error.
func (e *LimitError) Error() string { return "the document passes the limit of " + e.Limit }
