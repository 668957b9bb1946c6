// Package source reads one document for those who analyse it: its canonical text in
// pieces of bounded length, on which page and in which section a byte stands, and, of a
// text that is too long to be read whole, the parts that are worth reading.
//
// Start with Open.
package source

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/quote"
)

// maxPiece is the longest piece, in bytes.
const maxPiece = 1 << 20

// Source is a document that is read. It is immutable.
type Source struct {
	Document fairlead.Document
	Outline  fairlead.DocumentOutline

	text fairlead.DocumentText
	// parents are, for each section, the one that it is part of; -1 is none.
	parents []int
}

// Open reads the outline of a document that is ready. It blocks on storage. Its error is
// of Kind NotFound where the text is not there any more.
func Open(ctx context.Context, text fairlead.DocumentText, d fairlead.Document) (*Source, error) {
	outline, ok, err := text.Outline(ctx, d.App, d.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, NotFound()
	}
	s := &Source{Document: d, Outline: outline, text: text, parents: make([]int, len(outline.Sections))}
	var open []int
	for i, section := range outline.Sections {
		for len(open) > 0 && outline.Sections[open[len(open)-1]].Level >= section.Level {
			open = open[:len(open)-1]
		}
		s.parents[i] = -1
		if len(open) > 0 {
			s.parents[i] = open[len(open)-1]
		}
		open = append(open, i)
	}
	return s, nil
}

// NotFound is the error for a document that the app does not have.
func NotFound() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Param: "document_id", Message: fairlead.NoDocument}
}

// Name is how the document calls itself, in a line of at most 200 characters: its title,
// company and period, or else the label that its app gave it.
func (s *Source) Name() string {
	d := &s.Document
	text := strings.Join(strings.Fields(d.About.Title+" "+d.About.Company+" "+d.About.Period), " ")
	if text == "" {
		text = strings.Join(strings.Fields(d.Name), " ")
	}
	const most = 200
	if r := []rune(text); len(r) > most {
		text = string(r[:most])
	}
	return text
}

// Length is how long the text is, in bytes.
func (s *Source) Length() int64 {
	if n := len(s.Outline.Pages); n > 0 {
		return max(s.Document.TextBytes, s.Outline.Pages[n-1].End)
	}
	return s.Document.TextBytes
}

// Pages is how many pages there are, at least 1.
func (s *Source) Pages() int { return max(len(s.Outline.Pages), 1) }

// Text returns a span of the text, cut at its end.
func (s *Source) Text(ctx context.Context, at fairlead.TextSpan) (string, error) {
	text, ok, err := s.text.Text(ctx, s.Document.App, s.Document.ID, at)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", NotFound()
	}
	return string(text), nil
}

// PageAt is the page on which a byte stands.
func (s *Source) PageAt(offset int64) int { return quote.PageAt(s.Outline.Pages, offset) }

// PagesIn counts the pages of which the spans, which are in order, have a part.
func (s *Source) PagesIn(spans []fairlead.TextSpan) int {
	if len(s.Outline.Pages) == 0 {
		return min(len(spans), 1)
	}
	n, last := 0, -1
	for _, span := range spans {
		first := sort.Search(len(s.Outline.Pages), func(i int) bool { return s.Outline.Pages[i].End > span.Start })
		for i := max(first, last+1); i < len(s.Outline.Pages) && s.Outline.Pages[i].Start < span.End; i++ {
			n, last = n+1, i
		}
	}
	return n
}

// SectionAt is the index of the innermost section in which a byte stands; -1 is none.
func (s *Source) SectionAt(offset int64) int {
	all := s.Outline.Sections
	i := sort.Search(len(all), func(i int) bool { return all[i].Start > offset }) - 1
	for i >= 0 && all[i].End <= offset {
		i = s.parents[i]
	}
	return i
}

// Path is the titles of a section and of those that it is part of, the highest first,
// parted by " > "; "" for -1.
func (s *Source) Path(section int) string {
	var titles []string
	for ; section >= 0 && len(titles) < 8; section = s.parents[section] {
		titles = append(titles, s.Outline.Sections[section].Title)
	}
	slices.Reverse(titles)
	return strings.Join(titles, " > ")
}

// Title is the title of a section; "" for -1.
func (s *Source) Title(section int) string {
	if section < 0 {
		return ""
	}
	return s.Outline.Sections[section].Title
}

// Piece is a part of the text: whole lines, and whole pages where these are not too long.
type Piece struct {
	Base int64
	Text string
}

// Read reads the spans, which are in order, in pieces of at most 1 MiB. An error of use
// ends it and is returned as it is.
func (s *Source) Read(ctx context.Context, spans []fairlead.TextSpan, use func(Piece) error) error {
	for _, span := range spans {
		for at := span.Start; at < span.End; {
			if err := ctx.Err(); err != nil {
				return err
			}
			end := s.cut(at, span.End)
			text, ok, err := s.text.Text(ctx, s.Document.App, s.Document.ID, fairlead.TextSpan{Start: at, End: end})
			if err != nil {
				return err
			}
			if !ok || len(text) == 0 {
				return NotFound()
			}
			if end < span.End && end == at+maxPiece {
				text = wholeLines(text)
			}
			if err := use(Piece{Base: at, Text: string(text)}); err != nil {
				return err
			}
			at += int64(len(text))
		}
	}
	return nil
}

// cut is where a piece ends that begins at a byte: with a page, if one ends in reach.
func (s *Source) cut(at, end int64) int64 {
	if end-at <= maxPiece {
		return end
	}
	pages := s.Outline.Pages
	if i := sort.Search(len(pages), func(i int) bool { return pages[i].Start > at+maxPiece }) - 1; i >= 0 && pages[i].Start > at {
		return pages[i].Start
	}
	return at + maxPiece
}

// wholeLines cuts a text behind its last paragraph, or else its last line, or else
// before its last character, which may not be whole.
func wholeLines(text []byte) []byte {
	for _, mark := range []string{"\n\n", "\n", " "} {
		if i := bytes.LastIndex(text, []byte(mark)); i > len(text)/2 {
			return text[:i+len(mark)]
		}
	}
	for i := len(text) - 1; i > len(text)-4 && i > 0; i-- {
		if text[i] < 0x80 || text[i] >= 0xc0 {
			return text[:i]
		}
	}
	return text
}

// block is the length of the parts of which a sample is made.
const block = 64 << 10

// Sample returns the spans that are read of a text of which no more than budget bytes
// can be: all of it if it fits, else its beginning, the sections that worth prefers, and
// beside these parts from all over. worth is asked with the Path of a section; 0 is of no
// more use than any other text.
func (s *Source) Sample(budget int64, worth func(path string) float64) []fairlead.TextSpan {
	length := s.Length()
	if length <= budget {
		return []fairlead.TextSpan{{Start: 0, End: length}}
	}
	taken := make([]bool, (length+block-1)/block)
	left := max(budget/block, 1)
	take := func(from, to, most int64) {
		for b := from / block; b*block < to && b < int64(len(taken)) && left > 0 && most > 0; b++ {
			if !taken[b] {
				taken[b] = true
				left--
				most--
			}
		}
	}
	take(0, block, 1)
	for _, i := range s.best(worth) {
		if left <= budget/block/3 {
			break
		}
		take(s.Outline.Sections[i].Start, s.Outline.Sections[i].End, max(budget/block/4, 1))
	}
	for n, i := left, int64(0); i < n; i++ {
		at := i * length / n
		take(at, at+1, 1)
	}
	var spans []fairlead.TextSpan
	for b, ok := range taken {
		if !ok {
			continue
		}
		span := fairlead.TextSpan{Start: s.start(int64(b) * block), End: s.start(min(int64(b+1)*block, length))}
		if n := len(spans); n > 0 && spans[n-1].End >= span.Start {
			spans[n-1].End = span.End
		} else if span.End > span.Start {
			spans = append(spans, span)
		}
	}
	return spans
}

// start moves a place to the beginning of its page, if that is not far.
func (s *Source) start(at int64) int64 {
	if at >= s.Length() {
		return s.Length()
	}
	pages := s.Outline.Pages
	if i := sort.Search(len(pages), func(i int) bool { return pages[i].Start > at }) - 1; i >= 0 && at-pages[i].Start < block/2 {
		return pages[i].Start
	}
	return at
}

// best are the sections that worth prefers, the best first.
func (s *Source) best(worth func(path string) float64) []int {
	type scored struct {
		section int
		worth   float64
	}
	var all []scored
	for i := range s.Outline.Sections {
		if w := worth(s.Path(i)); w > 0 {
			all = append(all, scored{i, w})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.worth, a.worth) })
	out := make([]int, len(all))
	for i, a := range all {
		out[i] = a.section
	}
	return out
}
