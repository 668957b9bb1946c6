// Package rtf reads Rich Text Format: its text, the rows of its tables, headings where
// an outline level says so, footnotes at the end, pages where the document begins them.
// Pictures, objects, headers and footers are left out.
//
// A file is read as a stream of groups, control words and text (RTF 1.9.1). What stays
// in memory is the state of the groups that are open, and the paragraph.
//
// Start with Extractor.
package rtf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// Extractor reads RTF files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	d := &document{
		r: bufio.NewReader(out.Reader(io.NewSectionReader(src, 0, src.Size))), out: out,
		fonts: make(map[int]charset.Charset), at: group{skipped: 1},
	}
	d.charset, _ = charset.Lookup("windows-1252")
	if err := out.NextPage(); err != nil {
		return fairlead.About{}, err
	}
	err := d.read()
	about := fairlead.About{Title: titleOf(d.title.String())}
	if err != nil {
		return about, err
	}
	return about, out.Close()
}

// titleOf is text in one line, and not too long.
func titleOf(text string) string {
	const longest = 300 // characters
	title := []rune(strings.Join(strings.Fields(text), " "))
	return string(title[:min(len(title), longest)])
}

// The bounds of a document.
const (
	maxDepth = 512
	maxFonts = 10_000
	maxNotes = 100_000 // that are kept for the end
	maxRun   = 4 << 10 // bytes of text that are decoded at once
)

// destination is where the text of a group goes.
type destination uint8

const (
	body destination = iota
	nowhere
	fontTable
	titleText
)

// group is the state that a group has, and gives back at its end.
type group struct {
	to      destination
	aside   bool // a footnote begins with the group
	hidden  bool
	font    int
	skipped int // bytes that stand behind a Unicode character for readers that know none
}

// document reads a file.
type document struct {
	r     *bufio.Reader
	out   *outlet.Outlet
	title strings.Builder

	at      group
	groups  []group
	charset charset.Charset // of fonts that have none
	fonts   map[int]charset.Charset
	run     []byte // text that has not been decoded
	high    uint16 // the first half of a Unicode character
	skip    int    // bytes that are to be skipped
	first   bool   // nothing of the group was read yet

	line    strings.Builder // the paragraph
	level   int             // of a heading
	inTable bool            // the paragraph is in a cell
	row     []string
	rows    int    // of the table
	outside string // the paragraph in which the footnote stands
	notes   []string
	held    int // bytes of the row, the outside and the notes
}

func (d *document) read() error {
	for {
		b, err := d.r.ReadByte()
		if errors.Is(err, io.EOF) {
			if len(d.groups) > 0 {
				return fmt.Errorf("%w: RTF ends too early", extract.ErrBroken)
			}
			return d.finish()
		}
		if err == nil {
			err = d.look(b)
		}
		if err != nil {
			return err
		}
	}
}

// look handles what begins with b.
func (d *document) look(b byte) error {
	switch b {
	case '{':
		return d.open()
	case '}':
		return d.end()
	case '\\':
		return d.control()
	case '\r', '\n', 0:
		return nil
	}
	d.first = false
	return d.char(b)
}

func (d *document) open() error {
	if err := d.flush(); err != nil {
		return err
	}
	if len(d.groups) >= maxDepth {
		return &extract.LimitError{Limit: "depth", Most: maxDepth}
	}
	d.groups = append(d.groups, d.at)
	d.at.aside, d.skip, d.first = false, 0, true
	return nil
}

func (d *document) end() error {
	if err := d.flush(); err != nil {
		return err
	}
	if len(d.groups) == 0 {
		return nil // there may be bytes behind the document
	}
	if d.at.aside {
		if err := d.endNote(); err != nil {
			return err
		}
	}
	d.at = d.groups[len(d.groups)-1]
	d.groups = d.groups[:len(d.groups)-1]
	d.skip, d.first = 0, false
	return nil
}

// char adds a byte of text, in the encoding of the font.
func (d *document) char(b byte) error {
	if d.skip > 0 {
		d.skip--
		return nil
	}
	d.run = append(d.run, b)
	if len(d.run) >= maxRun && b < 0x80 {
		return d.flush()
	}
	return nil
}

// flush lets the text go that has been gathered.
func (d *document) flush() error {
	if len(d.run) == 0 {
		return nil
	}
	run := d.run
	d.run = d.run[:0]
	encoding, ok := d.fonts[d.at.font]
	if !ok {
		encoding = d.charset
	}
	return d.text(encoding.Decode(run))
}

// text adds text where the group says.
func (d *document) text(text string) error {
	switch {
	case d.at.to == titleText && d.title.Len() < maxRun:
		d.title.WriteString(text)
	case d.at.to == body && !d.at.hidden:
		d.line.WriteString(text)
		return d.out.Fits(d.held + d.line.Len())
	}
	return nil
}
