package opendocument

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract/office/sheet"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// maxRows is how many rows a sheet has at most, in any program.
const maxRows = 1 << 20

// sheets reads the sheets of a spreadsheet.
type sheets struct {
	r     *xmlstream.Reader
	out   *outlet.Outlet
	rows  *sheet.Sheet
	notes []string // of the sheet
	noted int      // their bytes
}

// readSheets reads the element of which the start tag was the last token.
func readSheets(r *xmlstream.Reader, out *outlet.Outlet) error {
	s := &sheets{r: r, out: out}
	return s.each(func(t xmlstream.Token) error {
		if t.Name == "table" {
			return s.sheet(t)
		}
		return r.Skip()
	})
}

// each calls look for the elements in the one that has begun; look reads each to its
// end.
func (s *sheets) each(look func(t xmlstream.Token) error) error {
	for {
		t, err := s.r.Next()
		if err != nil || t.Kind == xmlstream.End {
			return err
		}
		if t.Kind == xmlstream.Start {
			if err := look(t); err != nil {
				return err
			}
		}
	}
}

func (s *sheets) sheet(t xmlstream.Token) error {
	rows, err := sheet.Begin(s.out, t.Attr("name"))
	if err != nil {
		return err
	}
	s.rows = rows
	if err := s.each(s.inSheet); err != nil {
		return err
	}
	if err := rows.End(); err != nil {
		return err
	}
	notes := s.notes
	s.notes, s.noted = nil, 0
	for _, note := range notes {
		if err := s.out.Paragraph(note); err != nil {
			return err
		}
	}
	return nil
}

// inSheet reads what stands in a sheet: rows, and groups of rows.
func (s *sheets) inSheet(t xmlstream.Token) error {
	switch t.Name {
	case "table-row":
		return s.row(t)
	case "table-rows", "table-header-rows", "table-row-group":
		return s.each(s.inSheet)
	}
	return s.r.Skip()
}

// row reads a row, which may stand for several that are the same.
func (s *sheets) row(t xmlstream.Token) error {
	times := min(number(t.Attr("number-rows-repeated")), maxRows)
	var cells []string
	size := 0
	err := s.each(func(t xmlstream.Token) error {
		if t.Name != "table-cell" && t.Name != "covered-table-cell" {
			return s.r.Skip()
		}
		text, err := s.cell(t)
		if err != nil {
			return err
		}
		for range min(number(t.Attr("number-columns-repeated")), sheet.MaxColumns-len(cells)) {
			cells = append(cells, text)
			size += len(text)
		}
		return s.out.Fits(size)
	})
	if err != nil {
		return err
	}
	if strings.TrimSpace(strings.Join(cells, "")) == "" {
		return nil
	}
	for range times {
		if err := s.rows.Row(cells); err != nil {
			return err
		}
	}
	return nil
}

// cell is what a cell shows; its comments are kept for the end of the sheet.
func (s *sheets) cell(cell xmlstream.Token) (string, error) {
	var lines []string
	err := s.each(func(t xmlstream.Token) error {
		switch t.Name {
		case "p":
			line, err := s.line()
			lines = append(lines, line)
			return err
		case "annotation":
			return s.note()
		}
		return s.r.Skip()
	})
	text := strings.Join(lines, "\n")
	if text == "" {
		text = cell.Attr("value") // it may not say how it is shown
	}
	return text, err
}

func (s *sheets) note() error {
	return s.each(func(t xmlstream.Token) error {
		if t.Name != "p" {
			return s.r.Skip()
		}
		line, err := s.line()
		s.notes, s.noted = append(s.notes, line), s.noted+len(line)
		if err == nil {
			err = s.out.Fits(s.noted)
		}
		return err
	})
}

// line is the text of a paragraph in a cell.
func (s *sheets) line() (string, error) {
	var text strings.Builder
	for depth := 1; depth > 0; {
		t, err := s.r.Next()
		if err != nil {
			return "", err
		}
		switch t.Kind {
		case xmlstream.Start:
			depth++
			if t.Name == "s" || t.Name == "tab" || t.Name == "line-break" {
				text.WriteByte(' ')
			}
		case xmlstream.End:
			depth--
		case xmlstream.Text:
			text.Write(t.Text)
			if err := s.out.Fits(text.Len()); err != nil {
				return "", err
			}
		}
	}
	return strings.Join(strings.Fields(text.String()), " "), nil
}
