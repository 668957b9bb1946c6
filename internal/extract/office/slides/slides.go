// Package slides reads presentations of PowerPoint (PPTX). Each slide is a page, in the
// order in which they are shown; its title is a heading, and its notes stand at its
// end. Slide numbers, dates and footers are left out.
//
// Start with Extractor.
package slides

import (
	"context"
	"slices"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/flow"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// Extractor reads PPTX files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	p, err := parts.Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	about, err := p.About()
	if err != nil {
		return about, err
	}
	slides, err := order(p)
	if err != nil {
		return about, err
	}
	if err := out.Pages(len(slides)); err != nil {
		return about, err
	}
	for _, part := range slides {
		if err := readSlide(p, out, part); err != nil {
			return about, err
		}
	}
	return about, out.Close()
}

// maxSlides is how many slides a presentation may list.
const maxSlides = 100_000

// order returns the parts that hold slides, in the order in which they are shown.
func order(p *parts.Package) ([]string, error) {
	main, err := p.Main("ppt/presentation.xml")
	if err != nil {
		return nil, err
	}
	relations, err := p.Relations(main)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]string, len(relations))
	for _, r := range relations {
		if r.Kind == "slide" {
			byID[r.ID] = r.Part
		}
	}
	var slides []string
	err = p.Walk(main, func(_ *xmlstream.Reader, t xmlstream.Token) error {
		if t.Kind != xmlstream.Start || t.Name != "sldId" {
			return nil
		}
		if len(slides) >= maxSlides {
			return &extract.LimitError{Limit: "pages", Most: maxSlides}
		}
		if part := byID[t.AttrIn("/relationships", "id")]; part != "" {
			slides = append(slides, part)
		}
		return nil
	})
	return slides, err
}

func readSlide(p *parts.Package, out *outlet.Outlet, part string) error {
	if err := out.NextPage(); err != nil {
		return err
	}
	if err := readShapes(p, out, part, shapes{}); err != nil {
		return err
	}
	relations, err := p.Relations(part)
	if err != nil {
		return err
	}
	for _, kind := range []string{"diagramData", "notesSlide"} {
		for _, r := range relations {
			if r.Kind != kind || !p.Has(r.Part) {
				continue
			}
			if err := readShapes(p, out, r.Part, shapes{notes: kind == "notesSlide"}); err != nil {
				return err
			}
		}
	}
	return nil
}

func readShapes(p *parts.Package, out *outlet.Outlet, part string, s shapes) error {
	s.flow = flow.New(out)
	if err := p.Walk(part, s.look); err != nil {
		return err
	}
	return s.flow.Close()
}

// shapes reads the shapes of a slide.
type shapes struct {
	flow  *flow.Flow
	notes bool
	// role is what the open shape is a place for, such as "title"; free is none.
	role string
	// first says that the first row of the open table heads it.
	first bool
}

// free is the role of a shape that is no placeholder, and content of one that is a
// placeholder for anything.
const (
	free    = "free"
	content = "content"
)

// look handles a token.
func (s *shapes) look(r *xmlstream.Reader, t xmlstream.Token) error {
	switch t.Kind {
	case xmlstream.Start:
		return s.start(r, t)
	case xmlstream.End:
		return s.end(t)
	case xmlstream.Text:
	}
	return nil
}

// start handles the beginning of an element.
func (s *shapes) start(r *xmlstream.Reader, t xmlstream.Token) error {
	switch t.Name {
	case "Fallback":
		return r.Skip()
	case "sp":
		s.role = free
	case "ph":
		if s.role = t.Attr("type"); s.role == "" || s.role == "obj" {
			s.role = content
		}
	case "txBody":
		if s.beside() {
			return r.Skip()
		}
	case "p":
		return s.paragraph()
	case "pPr":
		return s.properties(r, t)
	case "t":
		text, err := r.Text()
		if err != nil {
			return err
		}
		return s.flow.Text(text)
	case "br":
		return s.flow.Text("\n")
	case "tab":
		return nil // where a tab stops
	default:
		return s.startTable(t)
	}
	return nil
}

// beside reports whether the open shape holds nothing of the slide itself.
func (s *shapes) beside() bool {
	if s.notes {
		return s.role != "body"
	}
	return slices.Contains([]string{"sldNum", "dt", "ftr", "hdr", "sldImg"}, s.role)
}

func (s *shapes) paragraph() error {
	err := s.flow.Paragraph()
	switch {
	case s.notes, s.flow.InTable():
	case s.role == "title" || s.role == "ctrTitle":
		s.flow.Heading(1)
	case s.role == content || s.role == "body":
		s.flow.Item(0)
	}
	return err
}

// properties reads what a paragraph says of itself: how deep it stands in a list.
func (s *shapes) properties(r *xmlstream.Reader, t xmlstream.Token) error {
	if level, err := strconv.Atoi(t.Attr("lvl")); err == nil && !s.notes && !s.flow.InTable() && s.role == content {
		s.flow.Item(level)
	}
	return r.Skip()
}

func (s *shapes) startTable(t xmlstream.Token) error {
	switch t.Name {
	case "graphicFrame":
		s.role = free
	case "tbl":
		s.first = false
		return s.flow.Table()
	case "tblPr":
		s.first = t.On("firstRow", "0")
	case "tr":
		err := s.flow.Row()
		if s.first {
			s.flow.HeadsTable()
			s.first = false
		}
		return err
	case "tc":
		return s.flow.Cell(flow.Span{})
	}
	return nil
}

// end handles the end of an element.
func (s *shapes) end(t xmlstream.Token) error {
	switch t.Name {
	case "p":
		return s.flow.EndParagraph()
	case "tc":
		return s.flow.EndCell()
	case "tr":
		return s.flow.EndRow()
	case "tbl":
		return s.flow.EndTable()
	case "sp":
		s.role = free
	}
	return nil
}
