// Package markup reads HTML: its headings, paragraphs, lists, tables and preformatted
// text. Scripts and styles are left out, and nothing is looked up that a page names.
//
// It goes by the tags as they come, without a tree of elements, so no nest of them is
// too deep; a tag that is missing or misplaced matters as little as it does to
// browsers.
//
// Start with Extractor, or with Read for HTML that is part of something else.
package markup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
	"github.com/fairleadhq/fairlead/internal/extract/flow"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// Extractor reads HTML files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	var found charset.Detector
	if _, err := io.Copy(&found, out.Reader(io.NewSectionReader(src, 0, src.Size))); err != nil {
		return fairlead.About{}, err
	}
	head := make([]byte, headSize)
	n, err := src.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fairlead.About{}, err
	}
	encoding := found.Declared(declared(head[:n]))
	title, err := Read(out, encoding.Reader(out.Reader(io.NewSectionReader(src, 0, src.Size))))
	about := fairlead.About{Title: title}
	if err != nil {
		return about, err
	}
	return about, out.Close()
}

const (
	// headSize is how much of a page is searched for the name of its encoding.
	headSize = 4 << 10
	// maxToken is the most bytes of one tag, or of text without tags.
	maxToken = 16 << 20
)

// declared is the encoding that a page names, "" if it names none.
func declared(head []byte) string {
	z := html.NewTokenizer(bytes.NewReader(head))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			if name, _ := z.TagName(); string(name) != "meta" {
				continue
			}
			if label := labelOf(z); label != "" {
				return label
			}
		case html.TextToken, html.EndTagToken, html.CommentToken, html.DoctypeToken:
		}
	}
}

// labelOf is the encoding that a meta tag names.
func labelOf(z *html.Tokenizer) string {
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "charset":
			return string(value)
		case "content":
			if _, label, ok := strings.Cut(strings.ToLower(string(value)), "charset="); ok {
				return label
			}
		}
	}
	return ""
}

// Read reads HTML that is in UTF-8, and returns its title. The caller closes out.
func Read(out *outlet.Outlet, r io.Reader) (title string, err error) {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxToken)
	p := &page{tokens: z, flow: flow.New(out)}
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		if err := p.look(kind); err != nil {
			return p.title, err
		}
	}
	switch err := z.Err(); {
	case errors.Is(err, html.ErrBufferExceeded):
		return p.title, &extract.LimitError{Limit: "token_bytes", Most: maxToken}
	case !errors.Is(err, io.EOF):
		return p.title, err
	}
	if err := p.endRow(); err != nil {
		return p.title, err
	}
	return p.title, p.flow.Close()
}
