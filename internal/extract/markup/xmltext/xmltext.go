// Package xmltext reads the text of XML of any kind, and of drawings in SVG: each
// element with text is a paragraph, unless it stands within a line of text. What the
// elements mean is not known; entities of the document's own are text as they are
// written.
//
// Start with Extractor.
package xmltext

import (
	"context"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// Extractor reads XML files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	t := &text{out: out}
	r := xmlstream.NewLenient(out.Reader(io.NewSectionReader(src, 0, src.Size)))
	err := r.Walk(func(token xmlstream.Token) error { return t.look(r, token) })
	about := fairlead.About{Title: t.title}
	if err != nil {
		return about, err
	}
	if err := t.end(); err != nil {
		return about, err
	}
	return about, out.Close()
}

// text gathers the text of a paragraph.
type text struct {
	out   *outlet.Outlet
	line  strings.Builder
	title string
	// tags is how many tags there were since the last text.
	tags int
}

// look handles a token.
func (t *text) look(r *xmlstream.Reader, token xmlstream.Token) error {
	if token.Kind != xmlstream.Text {
		t.tags++
		if token.Kind == xmlstream.Start && (token.Name == "script" || token.Name == "style") {
			return r.Skip()
		}
		if token.Kind == xmlstream.Start && token.Name == "title" && t.title == "" {
			return t.name(r)
		}
		return nil
	}
	piece := string(token.Text)
	// Between two lines of text there are two tags, or a line's end alone.
	blank := strings.TrimSpace(piece) == ""
	if t.tags > 1 || blank && strings.Contains(piece, "\n") {
		if err := t.end(); err != nil {
			return err
		}
	}
	t.tags = 0
	t.line.WriteString(piece)
	return t.out.Fits(t.line.Len())
}

// name takes an element's text as the title, and as a paragraph.
func (t *text) name(r *xmlstream.Reader) error {
	if err := t.end(); err != nil {
		return err
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	const longest = 300 // characters
	title := []rune(strings.Join(strings.Fields(text), " "))
	t.title = string(title[:min(len(title), longest)])
	return t.out.Paragraph(text)
}

// end ends a paragraph.
func (t *text) end() error {
	line := strings.Join(strings.Fields(t.line.String()), " ")
	t.line.Reset()
	return t.out.Paragraph(line)
}
