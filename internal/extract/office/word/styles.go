package word

import (
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// style is what a style of paragraphs says. Level is that of headings, from 1; 0 is not
// said, and none is said to be none.
type style struct {
	base   string
	level  int
	title  bool
	hidden bool
	listed bool // its paragraphs are items of a list
}

const (
	noHeading = -1
	maxStyles = 20_000
)

// styles are those of a document, by their ids.
type styles map[string]style

func readStyles(p *parts.Package, part string) (styles, error) {
	all := make(styles)
	if !p.Has(part) {
		return all, nil
	}
	id, at := "", style{}
	err := p.Walk(part, func(_ *xmlstream.Reader, t xmlstream.Token) error {
		switch {
		case t.Name == "style" && t.Kind == xmlstream.Start:
			id, at = t.Attr("styleId"), style{}
		case t.Name == "style" && t.Kind == xmlstream.End:
			if len(all) >= maxStyles {
				return &extract.LimitError{Limit: "styles", Most: maxStyles}
			}
			all[id] = at
		case t.Kind == xmlstream.Start:
			at.note(t)
		}
		return nil
	})
	return all, err
}

// note notes what an element of a style says.
func (s *style) note(t xmlstream.Token) {
	switch t.Name {
	case "name":
		s.named(strings.ToLower(t.Attr("val")))
	case "basedOn":
		s.base = t.Attr("val")
	case "outlineLvl":
		s.level = outlineLevel(t)
	case "numPr":
		s.listed = true
	case "vanish":
		s.hidden = t.On("val", "1")
	}
}

// named notes what the name of a style says. Those of the styles that come with Word
// are English in every language.
func (s *style) named(name string) {
	if digits, ok := strings.CutPrefix(name, "heading "); ok && s.level == 0 {
		if level, err := strconv.Atoi(digits); err == nil && level >= 1 && level <= 9 {
			s.level = level
		}
	}
	if name == "title" {
		s.title, s.level = true, 1
	}
}

// outlineLevel is the level of headings that an outlineLvl says.
func outlineLevel(t xmlstream.Token) int {
	const ofText = 9
	level, err := strconv.Atoi(t.Attr("val"))
	if err != nil || level < 0 || level >= ofText {
		return noHeading
	}
	return level + 1
}

// of is the style of that id, completed by those that it is based on.
func (s styles) of(id string) style {
	whole := s[id]
	const longest = 20 // of a chain of styles
	base := whole.base
	for range longest {
		if base == "" {
			break
		}
		next := s[base]
		if whole.level == 0 {
			whole.level = next.level
		}
		whole.listed = whole.listed || next.listed
		base = next.base
	}
	return whole
}
