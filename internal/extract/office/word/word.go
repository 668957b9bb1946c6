// Package word reads documents of Word (DOCX): text as its readers see it, without what
// was deleted in a revision or is hidden. Headings are those of which the style, or the
// style that it is based on, says so. Text in boxes comes behind the paragraph that
// they are tied to; footnotes, endnotes and comments come at the end. Pages begin where
// the document says, or where the program that saved it had last begun them.
//
// What Word computes is not there: the numbers of list items, and headers and footers.
//
// Start with Extractor.
package word

import (
	"context"
	"path"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/flow"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// Extractor reads DOCX files. It has no state.
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
	title, err := read(p, out)
	if about.Title == "" {
		about.Title = parts.Title(title)
	}
	if err != nil {
		return about, err
	}
	return about, out.Close()
}

// read emits the document, and returns what it has in the style of titles.
func read(p *parts.Package, out *outlet.Outlet) (title string, err error) {
	main, err := p.Main("word/document.xml")
	if err != nil {
		return "", err
	}
	relations, err := p.Relations(main)
	if err != nil {
		return "", err
	}
	styles, err := readStyles(p, partOf(relations, "styles", path.Join(path.Dir(main), "styles.xml")))
	if err != nil {
		return "", err
	}
	if err := out.NextPage(); err != nil {
		return "", err
	}
	story := &story{flow: flow.New(out), styles: styles}
	if err := story.read(p, main); err != nil {
		return story.title, err
	}
	for _, kind := range []string{"footnotes", "endnotes", "comments"} {
		part := partOf(relations, kind, "")
		if part == "" || !p.Has(part) {
			continue
		}
		notes := &notes{story: story}
		if err := notes.read(p, part); err != nil {
			return story.title, err
		}
	}
	return story.title, nil
}

// partOf is the first part to which there is a relation of that kind, or fallback.
func partOf(relations []parts.Relation, kind, fallback string) string {
	for _, r := range relations {
		if r.Kind == kind {
			return r.Part
		}
	}
	return fallback
}

// notes reads the parts that hold footnotes, endnotes and comments.
type notes struct{ story *story }

func (n *notes) read(p *parts.Package, part string) error {
	return n.story.walk(p, part, func(r *xmlstream.Reader, t xmlstream.Token) error {
		note := t.Name == "footnote" || t.Name == "endnote"
		// The first ones are the lines that part notes from the text.
		if kind := t.Attr("type"); t.Kind == xmlstream.Start && note && kind != "" && kind != "normal" {
			return r.Skip()
		}
		return n.story.look(r, t)
	})
}
