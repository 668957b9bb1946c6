package canon_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/documents/canon"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// anyText draws text with all that canon has to put in order.
func anyText() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{" ", "\n", "\r\n", "\t", "\x00", "\u00a0", "\u2029", "\xff", "\xe2\x82", "\ufeff", "。", "ع", "word", "1,577", "|", " | "}),
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 5), func(b []byte) string { return string(b) }),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 12), func(s []string) string { return strings.Join(s, "") })
}

func anyBlock() *rapid.Generator[extract.Block] {
	return rapid.Custom(func(t *rapid.T) extract.Block {
		switch kind := extract.Kind(rapid.IntRange(1, 4).Draw(t, "kind")); kind {
		case extract.Table:
			rows := rapid.SliceOfN(rapid.SliceOfN(anyText(), 0, 4), 0, 4).Draw(t, "rows")
			return extract.Block{Kind: kind, Rows: rows, Header: rapid.IntRange(0, 2).Draw(t, "header"), More: rapid.Bool().Draw(t, "more")}
		case extract.PageStart:
			return extract.Block{Kind: kind, Page: rapid.IntRange(-1, 9).Draw(t, "page")}
		case extract.Paragraph, extract.Heading:
			return extract.Block{Kind: kind, Level: rapid.IntRange(0, 5).Draw(t, "level"), Text: anyText().Draw(t, "text")}
		}
		return extract.Block{}
	})
}

// words is what must be in the canonical text of a block, by another way: what prints,
// parted where white space is.
func words(text string) []string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.IsSpace(r):
			return ' ' // how runs of what is not UTF-8 are replaced is told elsewhere
		case unicode.IsControl(r) || r == 0xad || r == 0xfeff || unicode.Is(unicode.Noncharacter_Code_Point, r):
			return -1
		}
		return r
	}, text)
	return strings.Fields(text)
}

func TestProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.SliceOfN(anyBlock(), 0, 12).Draw(t, "blocks")
		m := build(t, blocks...)
		if !utf8.ValidString(m.text) {
			t.Fatal("got a text that is not UTF-8")
		}
		for _, r := range m.text {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Fatalf("got the control character %q", r)
			}
		}
		if strings.Contains(m.text, "\n\n\n") || m.text != strings.Trim(m.text, "\n") {
			t.Fatalf("got blank lines where none belong: %q", m.text)
		}
		checkWords(t, blocks, m.text)
		checkPieces(t, m)
		checkOutline(t, m)
	})
}

// checkWords looks for every word of every block, in order.
func checkWords(t *rapid.T, blocks []extract.Block, text string) {
	for _, block := range blocks {
		for _, s := range append(slices.Concat(block.Rows...), block.Text) {
			for _, w := range words(s) {
				at := strings.Index(text, w)
				if at < 0 {
					t.Fatalf("the word %q of %q is not in what is left of the text, %q", w, s, text)
				}
				text = text[at+len(w):]
			}
		}
	}
}

// checkPieces holds the pieces to the text: what is between them is line feeds.
func checkPieces(t *rapid.T, m made) {
	end := int64(0)
	for i, p := range m.pieces {
		if p.Start < end || strings.Trim(m.text[end:p.Start], "\n") != "" {
			t.Fatalf("got %q before piece %d", m.text[end:p.Start], i)
		}
		if first := i == 0 || strings.HasSuffix(m.text[end:p.Start], "\n\n"); first != p.First {
			t.Fatalf("piece %d has First %v behind %q", i, p.First, m.text[end:p.Start])
		}
		end = p.Start + int64(len(m.texts[i]))
		if m.text[p.Start:end] != m.texts[i] || m.texts[i] == "" {
			t.Fatalf("piece %d is %q, the text there %q", i, m.texts[i], m.text[p.Start:end])
		}
		if at := pageAt(m, p.Start); p.Page != at {
			t.Fatalf("piece %d is on page %d, the outline has %d", i, p.Page, at)
		}
	}
	if end != int64(len(m.text)) {
		t.Fatalf("the pieces end at %d of %d", end, len(m.text))
	}
}

// pageAt is the number of the page with text at that place.
func pageAt(m made, at int64) int {
	for _, p := range m.pages {
		if p.Start <= at && at < p.End {
			return p.Number
		}
	}
	return -1
}

func checkOutline(t *rapid.T, m made) {
	end, last := int64(0), 0
	for _, p := range m.pages {
		if p.Start != end || p.End < p.Start || p.Number <= last {
			t.Fatalf("pages don't follow one another: %v", m.pages)
		}
		end, last = p.End, p.Number
	}
	if end != int64(len(m.text)) {
		t.Fatalf("pages end at %d of %d", end, len(m.text))
	}
	headings := 0
	for _, p := range m.pieces {
		if p.Kind == canon.Heading {
			headings++
		}
	}
	if len(m.parts.Sections) != headings {
		t.Fatalf("got %d sections of %d headings", len(m.parts.Sections), headings)
	}
	before := int64(-1)
	for _, s := range m.parts.Sections {
		if s.Start <= before || s.Start >= s.End || !strings.HasPrefix(m.text[s.Start:], s.Title) {
			t.Fatalf("section %+v behind %d begins with %q", s, before, m.text[s.Start:])
		}
		before = s.Start
	}
	for _, table := range m.parts.Tables {
		if table.Start > table.HeaderEnd || table.HeaderEnd > table.End || table.Start == table.End {
			t.Fatalf("got table %+v", table)
		}
	}
}

func BenchmarkBuilder(b *testing.B) {
	text := strings.Repeat("Net sales rose by 4.5 % to $1,577 million, up from $1,509 million in the year before.\n", 20)
	for b.Loop() {
		c := canon.New(extract.Limits{}, canon.Output{})
		for range 500 {
			if err := c.Add(extract.Block{Kind: extract.Paragraph, Text: text}); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(c.Bytes())
	}
}
