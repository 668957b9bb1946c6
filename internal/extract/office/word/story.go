package word

import (
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract/flow"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// story reads a part that holds paragraphs and tables.
type story struct {
	flow   *flow.Flow
	styles styles
	title  string

	hidden bool // the open run is not shown
	// paragraphs has what the open paragraphs say of themselves, the innermost last:
	// boxes stand in paragraphs.
	paragraphs []properties
	blanks     int // columns that are left out at the beginning of a row
}

// properties are what a paragraph says of itself.
type properties struct {
	style  style
	level  int // of a heading, as the paragraph itself says
	listed bool
	depth  int
	isName bool // it is in the style of titles, and its text is being kept
}

// read reads a part to its end.
func (s *story) read(p *parts.Package, part string) error { return s.walk(p, part, s.look) }

func (s *story) walk(p *parts.Package, part string, look func(*xmlstream.Reader, xmlstream.Token) error) error {
	if err := p.Walk(part, look); err != nil {
		return err
	}
	return s.flow.Close()
}

// look handles a token.
func (s *story) look(r *xmlstream.Reader, t xmlstream.Token) error {
	switch t.Kind {
	case xmlstream.Start:
		return s.start(r, t)
	case xmlstream.End:
		return s.end(t)
	case xmlstream.Text:
	}
	return nil // text that counts stands in elements that are read as a whole
}

// start handles the beginning of an element.
func (s *story) start(r *xmlstream.Reader, t xmlstream.Token) error {
	if skipped(t.Name) {
		return r.Skip()
	}
	switch t.Name {
	case "p":
		s.paragraphs = append(s.paragraphs, properties{})
		return s.flow.Paragraph()
	case "pPr":
		return s.paragraphProperties(r)
	case "r":
		s.hidden = false
	case "rPr":
		return s.runProperties(r)
	case "t":
		return s.text(r)
	case "txbxContent":
		s.flow.Box()
	case "sectPr":
		return r.Skip()
	case "tbl", "tr", "trPr", "tc":
		return s.startTable(r, t)
	default:
		return s.sign(t)
	}
	return nil
}

// skipped reports whether what an element holds is not shown: what was deleted or moved
// away in a revision, the second of two ways to show the same, instructions of fields,
// readings beside ideographs, and what is beside the text.
func skipped(name string) bool {
	switch name {
	case "del", "moveFrom", "Fallback", "instrText", "delInstrText", "delText", "rt", "tblPr", "tblGrid", "sdtPr", "sdtEndPr", "annotationRef":
		return true
	}
	return false
}

// sign handles elements that stand for characters, and for breaks.
func (s *story) sign(t xmlstream.Token) error {
	switch t.Name {
	case "tab", "ptab":
		return s.shown("\t")
	case "cr":
		return s.shown("\n")
	case "noBreakHyphen":
		return s.shown("-")
	case "sym":
		return s.shown(symbol(t))
	case "lastRenderedPageBreak":
		return s.flow.PageShown()
	case "br":
		switch t.Attr("type") {
		case "page":
			return s.flow.Page()
		case "column":
			return s.shown(" ")
		}
		return s.shown("\n")
	}
	return nil
}

// symbol is the character of a sym. Those of symbol fonts are at places of Unicode that
// say nothing.
func symbol(t xmlstream.Token) string {
	code, err := strconv.ParseUint(t.Attr("char"), 16, 16)
	if err != nil || code >= 0xE000 && code <= 0xF8FF {
		return ""
	}
	return string(rune(code))
}

// shown adds text to the run, if it is not hidden.
func (s *story) shown(text string) error {
	if s.hidden || len(s.paragraphs) == 0 {
		return nil
	}
	if at := &s.paragraphs[len(s.paragraphs)-1]; at.isName {
		s.title += text
	}
	return s.flow.Text(text)
}

func (s *story) text(r *xmlstream.Reader) error {
	text, err := r.Text()
	if err != nil {
		return err
	}
	return s.shown(text)
}

// end handles the end of an element.
func (s *story) end(t xmlstream.Token) error {
	switch t.Name {
	case "p":
		s.paragraphs = s.paragraphs[:max(len(s.paragraphs)-1, 0)]
		return s.flow.EndParagraph()
	case "txbxContent":
		return s.flow.EndBox()
	case "tc":
		return s.flow.EndCell()
	case "tr":
		return s.flow.EndRow()
	case "tbl":
		return s.flow.EndTable()
	}
	return nil
}

// within calls look for the elements in the one that has begun, and reads to its end.
func within(r *xmlstream.Reader, look func(t xmlstream.Token) error) error {
	for depth := 1; depth > 0; {
		t, err := r.Next()
		if err != nil {
			return err
		}
		switch t.Kind {
		case xmlstream.Start:
			depth++
			if err := look(t); err != nil {
				return err
			}
		case xmlstream.End:
			depth--
		case xmlstream.Text:
		}
	}
	return nil
}

// paragraphProperties reads what a paragraph says of itself.
func (s *story) paragraphProperties(r *xmlstream.Reader) error {
	var p properties
	breaks := false
	err := within(r, func(t xmlstream.Token) error {
		switch t.Name {
		case "pStyle":
			p.style = s.styles.of(t.Attr("val"))
		case "outlineLvl":
			p.level = outlineLevel(t)
		case "numId":
			p.listed = t.Attr("val") != "0"
		case "ilvl":
			p.depth, _ = strconv.Atoi(t.Attr("val")) // 0 is what it is then
		case "pageBreakBefore":
			breaks = t.On("val", "1")
		}
		return nil
	})
	if err != nil || len(s.paragraphs) == 0 {
		return err
	}
	if breaks {
		if err := s.flow.PageShown(); err != nil {
			return err
		}
	}
	if p.level == 0 {
		p.level = p.style.level
	}
	p.isName = p.style.title && s.title == ""
	s.paragraphs[len(s.paragraphs)-1] = p
	switch {
	case p.level > 0:
		s.flow.Heading(p.level)
	case p.listed || p.style.listed:
		s.flow.Item(p.depth)
	}
	return nil
}

// runProperties reads what a run says of itself: whether it is shown.
func (s *story) runProperties(r *xmlstream.Reader) error {
	return within(r, func(t xmlstream.Token) error {
		if t.Name == "vanish" {
			s.hidden = t.On("val", "1")
		}
		return nil
	})
}

// startTable handles the beginning of a table, or of a part of one.
func (s *story) startTable(r *xmlstream.Reader, t xmlstream.Token) error {
	switch t.Name {
	case "tbl":
		return s.flow.Table()
	case "tr":
		s.blanks = 0
		return s.flow.Row()
	case "trPr":
		return s.rowProperties(r)
	}
	if s.blanks > 0 {
		if err := s.flow.Cell(flow.Span{Columns: s.blanks}); err != nil {
			return err
		}
		s.blanks = 0
	}
	return s.cell(r)
}

func (s *story) rowProperties(r *xmlstream.Reader) error {
	return within(r, func(t xmlstream.Token) error {
		switch t.Name {
		case "tblHeader":
			if t.On("val", "1") {
				s.flow.HeadsPages()
			}
		case "gridBefore":
			s.blanks, _ = strconv.Atoi(t.Attr("val")) // 0 is what it is then
		}
		return nil
	})
}

// cell begins a cell. What it says of itself, if anything, comes before its paragraphs.
func (s *story) cell(r *xmlstream.Reader) error {
	var span flow.Span
	for {
		t, err := r.Next()
		if err != nil {
			return err
		}
		if t.Kind == xmlstream.Text && strings.TrimSpace(string(t.Text)) == "" {
			continue
		}
		if t.Kind == xmlstream.Start && t.Name == "tcPr" {
			span, err = cellProperties(r)
			if err != nil {
				return err
			}
			continue
		}
		if err := s.flow.Cell(span); err != nil {
			return err
		}
		return s.look(r, t)
	}
}

func cellProperties(r *xmlstream.Reader) (span flow.Span, err error) {
	err = within(r, func(t xmlstream.Token) error {
		if t.Name == "gridSpan" {
			span.Columns, _ = strconv.Atoi(t.Attr("val")) // 0 is what it is then
		}
		return nil
	})
	return span, err
}
