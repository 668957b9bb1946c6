package flow

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// The bounds of tables: how many columns a cell stretches over, how many cells a row
// has before it goes on as the next, and how deep tables stand in one another.
const (
	maxColumns = 1024
	maxCells   = 16384
	maxTables  = 64
)

// grid is the state of a table that is open.
type grid struct {
	row   []string
	size  int // bytes of its text
	inRow bool
	heads bool // the row is one of those that head the table
	rows  int  // that have ended

	// marked says that the table tells which of its rows head it.
	marked bool
	// repeated are the rows that head each page of the table.
	repeated [][]string
	repeats  bool

	// covered is for how many rows more each column is taken by a cell from above.
	covered []int
	span    Span // of the open cell

	layout bool // its cells go out as paragraphs
	flat   bool // its rows go out as paragraphs: it stands in a box
	breaks int  // pages that begin behind the open row
}

// Span is over how many columns and rows a cell stretches; 0 is 1.
type Span struct{ Columns, Rows int }

// Table begins a table.
func (f *Flow) Table() error {
	if err := f.EndParagraph(); err != nil {
		return err
	}
	if len(f.frames) > 2*maxTables {
		return nil
	}
	g := &grid{}
	for i := len(f.frames) - 1; i > 0; i-- {
		if f.frames[i].kind == box {
			g.flat = true
			break
		}
		if f.frames[i].kind == table && !f.frames[i].grid.layout {
			if err := f.unfold(i); err != nil {
				return err
			}
		}
	}
	f.frames = append(f.frames, &frame{kind: table, paras: len(f.paras), grid: g})
	return nil
}

// unfold makes the table in frame i one for the layout: what is gathered of its row goes
// out as paragraphs. One that is flat stays as it is.
func (f *Flow) unfold(i int) error {
	g := f.frames[i].grid
	if g.flat || g.layout {
		return nil
	}
	g.layout = true
	if err := f.out.EndTable(); err != nil {
		return err
	}
	texts := g.row
	g.row, g.size = nil, 0
	for _, text := range texts {
		if err := f.placeAt(i, plain(text)); err != nil {
			return err
		}
	}
	if i+1 == len(f.frames) {
		return nil
	}
	at := f.frames[i+1]
	inside := at.inside
	at.inside, at.size = nil, 0
	for _, p := range inside {
		if err := f.placeAt(i, p); err != nil {
			return err
		}
	}
	return nil
}

// grid is that of the innermost table, if nothing but a cell of it is open; or nil.
func (f *Flow) grid() *grid {
	for i := len(f.frames) - 1; i > 0; i-- {
		switch f.frames[i].kind {
		case table:
			return f.frames[i].grid
		case box:
			return nil
		case body, cell:
		}
	}
	return nil
}

// InTable reports whether a table is open.
func (f *Flow) InTable() bool { return f.grid() != nil }

// Row begins a row of the table, and ends the one before.
func (f *Flow) Row() error {
	g := f.grid()
	if g == nil {
		return nil
	}
	if err := f.EndRow(); err != nil {
		return err
	}
	g.inRow, g.heads = true, false
	return nil
}

// HeadsTable says that the open row is one of those that head the table.
func (f *Flow) HeadsTable() {
	if g := f.grid(); g != nil {
		g.heads, g.marked = true, true
	}
}

// HeadsPages says the same, of a row that is shown again on each page.
func (f *Flow) HeadsPages() {
	f.HeadsTable()
	if g := f.grid(); g != nil {
		g.repeats = true
	}
}

// Cell begins a cell of the row, and ends the one before. Rows above may take columns
// on the left of it.
func (f *Flow) Cell(span Span) error {
	if err := f.EndCell(); err != nil {
		return err
	}
	g := f.grid()
	if g == nil {
		return f.EndParagraph()
	}
	if !g.inRow || len(g.row) >= maxCells {
		if err := f.Row(); err != nil {
			return err
		}
	}
	if err := f.EndParagraph(); err != nil {
		return err
	}
	g.skipCovered()
	g.span = Span{Columns: min(max(span.Columns, 1), maxColumns), Rows: min(max(span.Rows, 1), 1<<16)}
	f.frames = append(f.frames, &frame{kind: cell, paras: len(f.paras)})
	return nil
}

// skipCovered leaves those columns blank that are taken by cells from above.
func (g *grid) skipCovered() {
	for at := len(g.row); at < len(g.covered) && g.covered[at] > 0 && !g.layout; at++ {
		g.row = append(g.row, "")
	}
}

// EndCell ends the open cell, if one is open.
func (f *Flow) EndCell() error {
	if !f.has(cell) {
		return nil
	}
	if err := f.closeTo(cell); err != nil {
		return err
	}
	at := f.top()
	f.frames = f.frames[:len(f.frames)-1]
	g := f.grid()
	if g == nil || g.layout {
		return nil
	}
	text := at.lines()
	g.size += len(text)
	if err := f.hold(len(text) - at.size); err != nil {
		return err
	}
	for i := range g.span.Columns {
		column := len(g.row)
		if g.span.Rows > 1 && column < maxColumns {
			for len(g.covered) <= column {
				g.covered = append(g.covered, 0)
			}
			g.covered[column] = g.span.Rows
		}
		if i == 0 {
			g.row = append(g.row, text)
		} else if column < maxColumns {
			g.row = append(g.row, "")
		}
	}
	return nil
}

// EndRow ends the open row, if one is open.
func (f *Flow) EndRow() error {
	if err := f.EndCell(); err != nil {
		return err
	}
	g := f.grid()
	if g == nil || !g.inRow {
		return nil
	}
	g.inRow = false
	for i := range g.covered {
		g.covered[i] = max(g.covered[i]-1, 0)
	}
	if g.layout {
		return nil
	}
	row := g.row
	f.held -= g.size
	g.row, g.size, g.rows = nil, 0, g.rows+1
	if g.flat {
		return f.flatRow(row)
	}
	if err := f.letRow(g, row); err != nil {
		return err
	}
	return f.turnPages(g)
}

// flatRow puts a row into the box in which its table stands.
func (f *Flow) flatRow(row []string) error {
	var cells []string
	for _, text := range row {
		if text != "" {
			cells = append(cells, strings.ReplaceAll(text, "\n", " "))
		}
	}
	text := strings.Join(cells, " | ")
	if err := f.hold(len(text)); err != nil {
		return err
	}
	i := len(f.frames) - 1
	for i > 0 && f.frames[i].kind != box {
		i--
	}
	return f.placeAt(i, plain(text))
}

func (f *Flow) letRow(g *grid, row []string) error {
	const most = 4 // rows that are repeated
	if g.heads && g.repeats && len(g.repeated) < most {
		g.repeated = append(g.repeated, row)
	}
	if g.heads || !g.marked && g.rows == 1 && outlet.LooksLikeHeader(row) {
		return f.out.HeaderRow(row)
	}
	return f.out.Row(row)
}

// turnPages begins the pages that were met within the row, and shows the rows again
// that head each page.
func (f *Flow) turnPages(g *grid) error {
	if g.breaks == 0 {
		return nil
	}
	for ; g.breaks > 0; g.breaks-- {
		if err := f.out.NextPage(); err != nil {
			return err
		}
	}
	for _, row := range g.repeated {
		if err := f.out.HeaderRow(row); err != nil {
			return err
		}
	}
	return nil
}

// EndTable ends the innermost table, if one is open.
func (f *Flow) EndTable() error {
	if !f.has(table) {
		return nil
	}
	if err := f.EndRow(); err != nil {
		return err
	}
	if err := f.EndParagraph(); err != nil {
		return err
	}
	g := f.top().grid
	f.frames = f.frames[:len(f.frames)-1]
	if g.flat || g.layout {
		return nil
	}
	return f.out.EndTable()
}

// Page begins the next page. A paragraph that is open goes on there; a table does so
// with the row that is open, or behind it if that has text already; and what is in a
// box is on no page of its own.
func (f *Flow) Page() error {
	if f.inBox() {
		return nil
	}
	if g := f.grid(); g != nil && !g.layout {
		g.breaks++
		if f.rowIsBlank(g) {
			return f.turnPages(g)
		}
		return nil
	}
	if p := f.open(); p != nil && p.text.Len() > 0 {
		first := plain(p.text.String())
		first.level, first.depth = p.level, p.depth
		p.text.Reset()
		if err := f.place(first); err != nil {
			return err
		}
	}
	return f.out.NextPage()
}

func (f *Flow) inBox() bool {
	for _, at := range f.frames {
		if at.kind == box {
			return true
		}
	}
	return false
}

// rowIsBlank reports whether the row that is open has no text yet.
func (f *Flow) rowIsBlank(g *grid) bool {
	p := f.open()
	return g.size == 0 && len(f.top().inside) == 0 && (p == nil || strings.TrimSpace(p.text.String()) == "")
}

// PageShown begins the next page, if there is anything on this one: whoever laid the
// document out notes the pages that begin by themselves beside those that the document
// asks for.
func (f *Flow) PageShown() error {
	if g := f.grid(); g != nil && !g.layout {
		if g.breaks > 0 || f.rowIsBlank(g) && f.out.PageIsBlank() {
			return nil
		}
		return f.Page()
	}
	p := f.open()
	if f.out.PageIsBlank() && (p == nil || strings.TrimSpace(p.text.String()) == "") {
		return nil
	}
	return f.Page()
}
