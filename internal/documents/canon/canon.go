// Package canon makes the canonical text of a document from the blocks that a reader
// of its format found, and its outline: where pages, sections and tables stand in it.
//
// The canonical text is UTF-8 with line feeds. Blocks, and pages, are parted by one
// blank line, the rows of a table by a line feed, its cells by " | "; nothing else is
// put in. What a block says is kept word for word, and only white space and what does
// not print is put in order. So a byte offset names a place of the document for ever.
//
// The text goes out while it is made: nothing is held but the piece in hand, and the
// headings since the first one that is still open. Pages, sections and tables follow when
// their ends, and those of all before them, are known.
//
// Start with Builder.Add.
package canon

import (
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
)

const (
	// pieceBytes is about how long a Piece may be.
	pieceBytes = 64 << 10
	// mostOutlined is how many sections are outlined, and how many tables. A document
	// that has more keeps their text.
	mostOutlined = 20_000
	// deepest is the lowest level of a heading: those below count as of it.
	deepest = 9
	// titleBytes is how long the title of a section may be in the outline.
	titleBytes = 512
)

// Kind is what a Piece is a part of.
type Kind uint8

// The kinds of pieces.
const (
	Prose Kind = iota + 1
	Heading
	HeaderRow
	Row
)

// Piece is a part of the canonical text that is of one kind: a block, a row of a table,
// or a part of one that is long. Between two pieces stand line feeds only.
type Piece struct {
	Kind  Kind
	Start int64
	// Text is valid until the function that it was given to returns. It is whole runes.
	Text []byte
	Page int
	// Level and Title are a Heading's; Title is on one line and of bounded length.
	Level int
	Title string
	// First is set where a block begins: a paragraph, a heading or a table.
	First bool
	// More says that the paragraph, heading or row goes on in the next piece.
	More bool
}

// Output takes what a Builder makes. Either function may be nil. An error ends the
// building.
type Output struct {
	// Part is given the whole text in order, and each page, section and table when its
	// end is known. What it is given is valid until it returns.
	Part func(part fairlead.DocumentContent) error
	// Piece is given the text without what stands between blocks, after Part has had it.
	Piece func(p Piece) error
}

// Builder makes a canonical text. It is for one document and one goroutine.
type Builder struct {
	limits extract.Limits
	out    Output

	end      int64 // of the text so far
	pages    pages
	sections sections
	tables   int             // that are outlined
	table    *fairlead.Table // that is going on
	headers  int             // rows that are still to come of its head

	gap   string // what stands before the next piece
	first bool   // the next piece is the first of its block
	ahead []byte // separators and text, for Part
}

// New returns a Builder. Of limits it heeds Text and Pages.
func New(limits extract.Limits, out Output) *Builder {
	if out.Part == nil {
		out.Part = func(fairlead.DocumentContent) error { return nil }
	}
	if out.Piece == nil {
		out.Piece = func(Piece) error { return nil }
	}
	return &Builder{limits: limits, out: out, pages: pages{at: []fairlead.Page{{Number: 1}}, last: 1, count: 1}}
}

// Add takes the next block. It is an extract.Emit. Errors are an extract.LimitError,
// wherever a limit is passed, and those of Output.
func (b *Builder) Add(block extract.Block) error {
	if b.table != nil && block.Kind != extract.Table {
		if err := b.endTable(); err != nil {
			return err
		}
	}
	switch block.Kind {
	case extract.PageStart:
		return b.startPage(block.Page)
	case extract.Heading:
		return b.heading(&block)
	case extract.Table:
		return b.rows(&block)
	case extract.Paragraph:
		b.startBlock()
		return b.clean(block.Text, Piece{Kind: Prose}, keepLines)
	}
	return nil
}

// Close ends the text: what was open ends with it.
func (b *Builder) Close() error {
	if b.table != nil {
		if err := b.endTable(); err != nil {
			return err
		}
	}
	if err := b.outline(b.sections.close(0, b.end)); err != nil {
		return err
	}
	return b.out.Part(fairlead.DocumentContent{Offset: b.end, Pages: b.pages.close(b.end)})
}

// outline hands sections out.
func (b *Builder) outline(ended []fairlead.Section) error {
	for some := range slices.Chunk(ended, 1024) {
		if err := b.out.Part(fairlead.DocumentContent{Offset: b.end, Sections: some}); err != nil {
			return err
		}
	}
	return nil
}

// Bytes is how long the text is so far.
func (b *Builder) Bytes() int64 { return b.end }

// Pages is how many pages there are so far, and Page is the number of the last one.
func (b *Builder) Pages() int { return b.pages.count }

// startBlock has the next piece begin a block.
func (b *Builder) startBlock() {
	b.first, b.gap = true, "\n\n"
}

func (b *Builder) startPage(number int) error {
	if b.limits.Pages > 0 && b.pages.count >= b.limits.Pages && number > b.pages.last {
		return &extract.LimitError{Limit: "pages", Most: int64(b.limits.Pages)}
	}
	b.pages.start(number, b.end)
	return nil
}

// heading adds a heading, and opens its section.
func (b *Builder) heading(block *extract.Block) error {
	title := oneLine(block.Text, titleBytes)
	if title == "" {
		return nil
	}
	b.startBlock()
	level := min(max(block.Level, 1), deepest)
	start := b.end
	if start > 0 {
		start += int64(len(b.gap))
	}
	if err := b.outline(b.sections.close(level, start)); err != nil {
		return err
	}
	b.sections.open(fairlead.Section{Level: level, Title: title, Start: start})
	return b.clean(block.Text, Piece{Kind: Heading, Level: level, Title: title}, joinLines)
}

// put hands out text that is clean, as a piece, with what stands before it.
func (b *Builder) put(text []byte, p Piece) error {
	gap := b.gap
	if b.end == 0 {
		gap = ""
	}
	if most := b.limits.Text; most > 0 && b.end+int64(len(gap)+len(text)) > most {
		return &extract.LimitError{Limit: "text", Most: most}
	}
	b.ahead = append(append(b.ahead[:0], gap...), text...)
	p.Start = b.end + int64(len(gap))
	part := fairlead.DocumentContent{Offset: b.end, Text: b.ahead, Pages: b.pages.reach(p.Start)}
	p.First, p.Page, p.Text = b.first, b.pages.last, b.ahead[len(gap):]
	b.end += int64(len(b.ahead))
	b.gap, b.first = "", false
	if err := b.out.Part(part); err != nil {
		return err
	}
	return b.out.Piece(p)
}
