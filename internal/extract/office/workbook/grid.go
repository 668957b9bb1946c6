package workbook

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/office/numberformat"
	"github.com/fairleadhq/fairlead/internal/extract/office/sheet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// grid reads the cells of a sheet.
type grid struct {
	book *book
	rows *sheet.Sheet
	row  []string
	size int // bytes of the row's text
}

// look handles a token.
func (g *grid) look(r *xmlstream.Reader, t xmlstream.Token) error {
	switch {
	case t.Kind == xmlstream.Start && t.Name == "row":
		g.row, g.size = nil, 0
	case t.Kind == xmlstream.Start && t.Name == "c":
		return g.cell(r, t)
	case t.Kind == xmlstream.End && t.Name == "row":
		return g.rows.Row(g.row)
	}
	return nil
}

// cell reads a cell into its column.
func (g *grid) cell(r *xmlstream.Reader, t xmlstream.Token) error {
	column := len(g.row)
	if reference := t.Attr("r"); reference != "" {
		column = columnOf(reference)
	}
	if column < 0 || column >= sheet.MaxColumns {
		return fmt.Errorf("%w: a cell is in no column", extract.ErrBroken)
	}
	text, err := g.text(r, t)
	if err != nil || text == "" {
		return err
	}
	if more := column + 1 - len(g.row); more > 0 {
		g.row = append(g.row, make([]string, more)...)
	}
	g.row[column] = text
	g.size += len(text)
	return g.book.out.Fits(g.size) // a row may be too much by itself
}

// columnOf is the column, from 0, of a reference such as "B7"; -1 if it is none.
func columnOf(reference string) int {
	column := 0
	for i := range len(reference) {
		c := reference[i] &^ 0x20
		if c < 'A' || c > 'Z' || column > sheet.MaxColumns {
			break
		}
		column = column*26 + int(c-'A') + 1
	}
	return column - 1
}

// text is what a cell shows, up to its end.
func (g *grid) text(r *xmlstream.Reader, cell xmlstream.Token) (string, error) {
	kind, style := cell.Attr("t"), number(cell.Attr("s"))
	shown := ""
	for depth := 1; depth > 0; {
		t, err := r.Next()
		if err != nil {
			return "", err
		}
		switch {
		case t.Kind == xmlstream.End:
			depth--
		case t.Kind != xmlstream.Start:
		case t.Name == "v":
			value, err := r.Text()
			if err != nil {
				return "", err
			}
			if shown, err = g.value(kind, value, style); err != nil {
				return "", err
			}
		case t.Name == "is":
			if shown, err = richText(r); err != nil {
				return "", err
			}
		default:
			if err := r.Skip(); err != nil { // the formula
				return "", err
			}
		}
	}
	return shown, nil
}

// value is how a cell's value is shown.
func (g *grid) value(kind, value string, style int) (string, error) {
	value = strings.TrimSpace(value)
	switch kind {
	case "s":
		i, err := strconv.Atoi(value)
		if err != nil {
			return "", fmt.Errorf("%w: a cell has a text without a number", extract.ErrBroken)
		}
		return g.book.strings.at(i)
	case "b":
		if value == "1" || value == "true" {
			return "TRUE", nil
		}
		return "FALSE", nil
	case "str", "e", "inlineStr", "d":
		return value, nil
	}
	amount, err := strconv.ParseFloat(value, 64)
	if err == nil {
		value = numberformat.Plain(amount)
		if style < len(g.book.formats) {
			value = g.book.formats[style].Show(amount, g.book.epoch)
		}
	}
	return value, nil // one that is no number is shown as it is
}

// number is a number of a list, from 0; 0 if text is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
