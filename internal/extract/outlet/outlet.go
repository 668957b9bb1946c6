// Package outlet is the way out of a reader: it makes blocks of what the reader
// finds, and holds them to the source's limits. So no reader counts text or pages by
// itself, and none can forget to.
//
// Rows of a table go out in parts, and without most of its columns where many side by
// side are empty; items of a list as the lines of one paragraph, and a paragraph that is
// too long to be handled in one piece as several; whatever is being gathered is bounded.
//
// Start with New. Whoever has called the other methods calls Close at the end.
package outlet

import (
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// The bounds of what is gathered, in bytes and rows.
const (
	maxParagraph = 256 << 10
	maxPart      = 64 << 10
	maxPartRows  = 1000
	// separator is how many bytes part two cells in the canonical text.
	separator = len(" | ")
)

// Outlet emits blocks. Its methods return errors of emitting, of the context, and
// *extract.LimitError; after an error it is of no more use.
type Outlet struct {
	emit  extract.Emit
	alive func() error // the context's
	src   *extract.Source
	told  func(pages int)

	text     int64
	page     int
	pageText int64 // what text was when the page began

	items strings.Builder // lines of the list that is open

	rows    [][]string // of the part of a table that is being gathered
	size    int        // its bytes
	header  int        // how many of its rows are the table's header
	columns columns    // of the table
	closed  bool       // no more header rows can come
}

// New returns an Outlet for the blocks of src. It works until ctx ends.
func New(ctx context.Context, src *extract.Source, emit extract.Emit) *Outlet {
	return &Outlet{emit: emit, alive: ctx.Err, src: src, told: src.Pages}
}

// Held returns an Outlet under the same limits, for blocks that may not be wanted in
// the end: they go to emit. What it has emitted counts only if Replay emits it again.
func (o *Outlet) Held(emit extract.Emit) *Outlet {
	return &Outlet{emit: emit, alive: o.alive, src: o.src}
}

// Replay emits blocks that a Held outlet has let out. Pages among them are not kept.
func (o *Outlet) Replay(blocks []extract.Block) error {
	if err := o.flush(); err != nil {
		return err
	}
	for _, b := range blocks {
		if b.Kind == extract.PageStart {
			continue
		}
		if err := o.send(b); err != nil {
			return err
		}
	}
	return nil
}

// Reader returns r as one that fails when the context has ended.
func (o *Outlet) Reader(r io.Reader) io.Reader { return &mortal{r: r, alive: o.alive} }

type mortal struct {
	r     io.Reader
	alive func() error
}

// Read implements io.Reader.
func (m *mortal) Read(p []byte) (int, error) {
	if err := m.alive(); err != nil {
		return 0, err
	}
	return m.r.Read(p)
}

// Alive returns the context's error.
func (o *Outlet) Alive() error { return o.alive() }

// Fits fails if n more bytes of text would be too many, with all that is gathered.
// Readers that gather text before they emit it ask as they do.
func (o *Outlet) Fits(n int) error {
	return o.src.CheckText(o.text + int64(o.size+o.items.Len()+n))
}

// Paragraph emits a paragraph, and nothing if it is blank.
func (o *Outlet) Paragraph(text string) error {
	if err := o.flush(); err != nil {
		return err
	}
	return o.paragraph(text)
}

func (o *Outlet) paragraph(text string) error {
	for len(text) > maxParagraph {
		cut := cutAt(text, maxParagraph)
		if err := o.piece(text[:cut]); err != nil {
			return err
		}
		text = text[cut:]
	}
	return o.piece(text)
}

func (o *Outlet) piece(text string) error {
	if text = strings.Trim(text, " \t\r\n"); strings.TrimSpace(text) == "" {
		return o.alive()
	}
	return o.send(extract.Block{Kind: extract.Paragraph, Text: text})
}

// cutAt is where a text is parted so that the first part is no longer than most: behind
// a line, else behind a word, else between two characters.
func cutAt(text string, most int) int {
	if at := strings.LastIndexByte(text[:most], '\n'); at > 0 {
		return at + 1
	}
	if at := strings.LastIndexByte(text[:most], ' '); at > 0 {
		return at + 1
	}
	at := most
	for at > most-utf8.UTFMax && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

// Heading emits a heading of that level, from 1, in one line. A blank one is none, and
// one that is too long for a heading becomes a paragraph.
func (o *Outlet) Heading(level int, text string) error {
	const longest = 1000 // bytes
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || len(text) > longest {
		return o.Paragraph(text)
	}
	if err := o.flush(); err != nil {
		return err
	}
	return o.send(extract.Block{Kind: extract.Heading, Level: max(level, 1), Text: text})
}

// Item adds an item to the list that is open; depth is 0 for those that are in no
// other item. Blank ones are left out.
func (o *Outlet) Item(depth int, text string) error {
	const deepest = 8 // what is deeper is not indented further
	text = strings.Trim(text, " \t\r\n")
	if strings.TrimSpace(text) == "" {
		return o.alive()
	}
	if len(o.rows) > 0 {
		if err := o.EndTable(); err != nil {
			return err
		}
	}
	if o.items.Len() > 0 && o.items.Len()+len(text) > maxParagraph {
		if err := o.endList(); err != nil {
			return err
		}
	}
	if o.items.Len() > 0 {
		o.items.WriteByte('\n')
	}
	indent := strings.Repeat("  ", min(max(depth, 0), deepest))
	o.items.WriteString(indent + "- " + strings.ReplaceAll(text, "\n", "\n"+indent+"  "))
	return o.alive()
}

func (o *Outlet) endList() error {
	text := o.items.String()
	o.items.Reset()
	return o.paragraph(text)
}

// HeaderRow adds a row to the table that is open, as one of those that head it if
// there were no others before.
func (o *Outlet) HeaderRow(cells []string) error {
	head := !o.closed
	if err := o.row(cells); err != nil {
		return err
	}
	if head && !o.closed {
		o.header = len(o.rows)
	}
	return nil
}

// Row adds a row to the table that is open. The outlet keeps cells.
func (o *Outlet) Row(cells []string) error {
	err := o.row(cells)
	o.closed = o.closed || len(o.rows) > 0 // it may have been blank
	return err
}

func (o *Outlet) row(cells []string) error {
	for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) == 0 {
		return o.alive()
	}
	if o.items.Len() > 0 {
		if err := o.endList(); err != nil {
			return err
		}
	}
	cells = o.columns.fit(cells)
	size := rowSize(cells)
	if len(o.rows) > 0 && (o.size+size > maxPart || len(o.rows) >= maxPartRows) {
		if err := o.part(extract.Block{More: true}); err != nil {
			return err
		}
		o.closed = true
	}
	o.rows, o.size = append(o.rows, cells), o.size+size
	return o.alive()
}

// rowSize is how long a row is in the canonical text, without its line's end.
func rowSize(cells []string) int {
	size := separator * (len(cells) - 1)
	for _, cell := range cells {
		size += len(cell)
	}
	return size
}

// LooksLikeHeader reports whether the first row of a table, of which nothing is said,
// looks like the names of its columns: at least two, none of them blank or a number.
func LooksLikeHeader(cells []string) bool {
	for _, cell := range cells {
		cell = strings.TrimSpace(cell)
		const sign = "+-−($€£¥"
		if cell == "" || strings.ContainsAny(strings.TrimLeft(cell, sign)[:min(1, len(strings.TrimLeft(cell, sign)))], "0123456789") && !isYear(cell) {
			return false
		}
	}
	return len(cells) > 1
}

// isYear reports whether text is a year, which is a name for a column.
func isYear(text string) bool {
	return len(text) == 4 && (text[:2] == "19" || text[:2] == "20") && strings.Trim(text, "0123456789") == ""
}

// part emits the rows that are gathered, as table.
func (o *Outlet) part(table extract.Block) error {
	table.Kind, table.Rows, table.Header = extract.Table, o.rows, o.header
	o.rows, o.size, o.header = nil, 0, 0
	return o.send(table)
}

// EndTable ends the table that is open, if one is.
func (o *Outlet) EndTable() error {
	defer func() { o.closed, o.columns = false, columns{} }()
	if len(o.rows) == 0 {
		return o.alive()
	}
	return o.part(extract.Block{})
}

// flush ends what is open.
func (o *Outlet) flush() error {
	if err := o.EndTable(); err != nil {
		return err
	}
	return o.endList()
}

// NextPage begins the next page, the first time page 1.
func (o *Outlet) NextPage() error {
	if err := o.flush(); err != nil {
		return err
	}
	if most := o.src.Limits.Pages; most > 0 && o.page >= most {
		return &extract.LimitError{Limit: "pages", Most: int64(most)}
	}
	o.page++
	o.pageText = o.text
	return o.send(extract.Block{Kind: extract.PageStart, Page: o.page})
}

// PageIsBlank reports whether nothing has been emitted, or gathered, on this page.
func (o *Outlet) PageIsBlank() bool {
	return o.text == o.pageText && o.items.Len() == 0 && len(o.rows) == 0
}

// Pages tells whoever wants to know how many pages there are, and fails if they are
// too many.
func (o *Outlet) Pages(n int) error {
	if o.told != nil {
		o.told(n)
	}
	if most := o.src.Limits.Pages; most > 0 && n > most {
		return &extract.LimitError{Limit: "pages", Most: int64(most)}
	}
	return o.alive()
}

// Close emits what is still gathered, and tells how many pages there were.
func (o *Outlet) Close() error {
	if err := o.flush(); err != nil {
		return err
	}
	if o.page > 0 {
		return o.Pages(o.page)
	}
	return o.alive()
}

// send emits a block, if the text has not become too long with it.
func (o *Outlet) send(b extract.Block) error {
	if err := o.alive(); err != nil {
		return err
	}
	o.text += int64(len(b.Text))
	for _, row := range b.Rows {
		o.text += int64(rowSize(row))
	}
	if err := o.src.CheckText(o.text); err != nil {
		return err
	}
	return o.emit(b)
}
