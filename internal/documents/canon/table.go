package canon

import (
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// cellGap parts the cells of a row.
const cellGap = " | "

// rows adds a table, or a part of one.
func (b *Builder) rows(block *extract.Block) error {
	if b.table == nil {
		b.startBlock()
		b.headers = block.Header
		b.table = &fairlead.Table{Start: -1}
	}
	for _, cells := range block.Rows {
		kind := Row
		if b.headers > 0 {
			b.headers--
			kind = HeaderRow
		}
		if err := b.row(cells, kind); err != nil {
			return err
		}
	}
	if block.More {
		return nil
	}
	return b.endTable()
}

// row adds a row, if anything is in it. Empty cells at its end are left out.
func (b *Builder) row(cells []string, kind Kind) error {
	r := rowWriter{b: b, p: Piece{Kind: kind}}
	for _, cell := range cells {
		if err := r.cell(cell); err != nil {
			return err
		}
	}
	if !r.filled {
		return nil
	}
	start, err := r.close()
	if err != nil {
		return err
	}
	if b.table.Start < 0 {
		b.table.Start, b.table.HeaderEnd = start, start
	}
	if kind == HeaderRow {
		b.table.HeaderEnd = b.end
	}
	b.gap = "\n"
	return nil
}

// rowWriter writes a row, in pieces if it is long.
type rowWriter struct {
	b      *Builder
	p      Piece
	line   []byte
	empty  int // cells that are empty so far, behind the last one that is not
	filled bool
	start  int64 // where the first piece begins
	put    bool
}

func (r *rowWriter) cell(text string) error {
	c := cleaner{lines: joinLines}
	for first := true; first || len(text) > 0; first = false {
		text = c.feed(text)
		if len(c.out) == 0 {
			break
		}
		if first {
			r.part()
		}
		r.line = append(r.line, c.out...)
		c.out = c.out[:0]
		if err := r.flush(); err != nil {
			return err
		}
	}
	if !c.begun {
		r.empty++
	}
	return nil
}

// part parts a cell that is not empty from those before it.
func (r *rowWriter) part() {
	if r.filled {
		r.line = append(r.line, cellGap...)
	}
	for ; r.empty > 0; r.empty-- {
		r.line = append(r.line, cellGap...)
	}
	r.filled = true
}

// flush hands out what is written of a long row, up to the last rune: it may be that
// nothing follows.
func (r *rowWriter) flush() error {
	if len(r.line) < pieceBytes {
		return nil
	}
	_, n := utf8.DecodeLastRune(r.line)
	last := string(r.line[len(r.line)-n:])
	r.p.More = true
	if err := r.write(r.line[:len(r.line)-n]); err != nil {
		return err
	}
	r.line = append(r.line[:0], last...)
	return nil
}

func (r *rowWriter) write(text []byte) error {
	if !r.put {
		r.put, r.start = true, r.b.end
		if r.b.end > 0 {
			r.start += int64(len(r.b.gap))
		}
	}
	return r.b.put(text, r.p)
}

// close hands out the rest, and returns where the row begins.
func (r *rowWriter) close() (start int64, err error) {
	r.p.More = false
	err = r.write(r.line)
	return r.start, err
}

// endTable ends the table that is going on, with what follows it to come as a block of
// its own.
func (b *Builder) endTable() error {
	t := *b.table
	b.table, b.headers = nil, 0
	if t.Start < 0 || b.tables >= mostOutlined {
		return nil
	}
	b.tables++
	t.End = b.end
	return b.out.Part(fairlead.DocumentContent{Offset: b.end, Tables: []fairlead.Table{t}})
}
