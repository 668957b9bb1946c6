package opendocument

import (
	"strconv"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// style is what a style of paragraphs or tables says.
type style struct {
	base   string
	breaks bool // a page begins before it
	title  bool
}

// styles are those of a document, by their names. Those of the content have names of
// their own.
type styles map[string]style

const maxStyles = 50_000

// read reads a style.
func (s styles) read(r *xmlstream.Reader, t xmlstream.Token) error {
	family := t.Attr("family")
	if family != "paragraph" && family != "table" {
		return r.Skip()
	}
	if len(s) >= maxStyles {
		return &extract.LimitError{Limit: "styles", Most: maxStyles}
	}
	name := t.Attr("name")
	at := style{base: t.Attr("parent-style-name"), title: name == "Title", breaks: t.Attr("master-page-name") != ""}
	for depth := 1; depth > 0; {
		t, err := r.Next()
		if err != nil {
			return err
		}
		switch t.Kind {
		case xmlstream.Start:
			depth++
			if t.Attr("break-before") == "page" {
				at.breaks = true
			}
		case xmlstream.End:
			depth--
		case xmlstream.Text:
		}
	}
	s[name] = at
	return nil
}

// of is the style of that name, completed by those that it is based on.
func (s styles) of(name string) style {
	whole := s[name]
	const longest = 20 // of a chain of styles
	base := whole.base
	for range longest {
		if base == "" {
			break
		}
		next := s[base]
		whole.title = whole.title || next.title
		whole.breaks = whole.breaks || next.breaks
		base = next.base
	}
	return whole
}

// number is a count, from 1; 1 if text is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 1
	}
	return n
}
