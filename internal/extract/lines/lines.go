// Package lines reads text line by line with little memory: a line that is very long
// comes in pieces, cut between characters. Lines end in \n, \r\n or \r.
//
// Start with New.
package lines

import (
	"bufio"
	"io"
	"unicode/utf8"
)

// maxPiece is how long a piece may be, in bytes.
const maxPiece = 64 << 10

// Line is a line, or a piece of one, without what ends it.
type Line struct {
	Text string
	// More says that the line goes on in the next piece.
	More bool
}

// Reader reads lines of UTF-8.
type Reader struct {
	r    *bufio.Reader
	line []byte
	// ended is set behind a \r, to which a \n may belong.
	ended bool
}

// New returns a Reader of what r holds.
func New(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 16<<10)} }

// Next returns the next line, io.EOF behind the last. A \n at the end of the text ends
// its last line and begins none.
func (r *Reader) Next() (Line, error) {
	r.line = r.line[:0]
	for {
		b, err := r.r.ReadByte()
		switch {
		case err == io.EOF && len(r.line) > 0:
			return Line{Text: string(r.line)}, nil
		case err != nil:
			return Line{}, err
		case b == '\n' && r.ended:
			r.ended = false
			continue
		case b == '\n' || b == '\r':
			r.ended = b == '\r'
			return Line{Text: string(r.line)}, nil
		}
		r.ended = false
		r.line = append(r.line, b)
		if len(r.line) >= maxPiece && r.nextBegins() {
			return Line{Text: string(r.line), More: true}, nil
		}
	}
}

// nextBegins reports whether a character begins at the next byte, or there is none.
func (r *Reader) nextBegins() bool {
	next, err := r.r.Peek(1)
	return err != nil || utf8.RuneStart(next[0])
}
