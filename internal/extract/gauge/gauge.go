// Package gauge bounds how much a parser reads for one piece of what it parses: a token, or
// a row. Parsers gather a piece whole, however long it is.
//
// Start with New.
package gauge

import (
	"errors"
	"io"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// Reader counts what was read since the last piece, and keeps the error that ended the
// reading, which parsers tell as one of their own.
type Reader struct {
	from  io.Reader
	limit extract.LimitError
	since int64
	err   error
}

// New returns a Reader of r, which fails with a copy of limit when more than that many
// bytes were read for one piece. What a parser has read ahead counts too.
func New(r io.Reader, limit extract.LimitError) *Reader { return &Reader{from: r, limit: limit} }

// Read implements io.Reader.
func (g *Reader) Read(p []byte) (int, error) {
	if g.since > g.limit.Most {
		limit := g.limit
		g.err = &limit
		return 0, g.err
	}
	n, err := g.from.Read(p)
	g.since += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		g.err = err
	}
	return n, err
}

// Next begins the next piece.
func (g *Reader) Next() { g.since = 0 }

// Err is what ended the reading; nil if that was nothing but the end.
func (g *Reader) Err() error { return g.err }
