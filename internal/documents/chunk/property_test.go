package chunk_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/chunk"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// anyText draws text of many scripts, long words, and white space.
func anyText() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			" ", "\n", "\n\n", ". ", "! ", "word ", "The ", "e.g. ", "1,577 ", "。", "」", "（", "的", "公司", "ไทยไทย", "वाक्य। ", "\u0301", "\u200d",
			"👩", "|", " | ", "ー", "x", strings.Repeat("long", 40), strings.Repeat("\u0301", 80), strings.Repeat("日本", 60), strings.Repeat("word. ", 90),
		}),
		rapid.String(),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 25), func(s []string) string { return strings.Join(s, "") })
}

func anyBlock() *rapid.Generator[extract.Block] {
	return rapid.Custom(func(t *rapid.T) extract.Block {
		switch kind := extract.Kind(rapid.IntRange(1, 4).Draw(t, "kind")); kind {
		case extract.Table:
			rows := rapid.SliceOfN(rapid.SliceOfN(anyText(), 0, 3), 0, 8).Draw(t, "rows")
			return extract.Block{Kind: kind, Rows: rows, Header: rapid.IntRange(0, 2).Draw(t, "header"), More: rapid.Bool().Draw(t, "more")}
		case extract.PageStart:
			return extract.Block{Kind: kind, Page: rapid.IntRange(1, 9).Draw(t, "page")}
		case extract.Heading:
			return extract.Block{Kind: kind, Level: rapid.IntRange(1, 4).Draw(t, "level"), Text: anyText().Draw(t, "title")}
		case extract.Paragraph:
			return extract.Block{Kind: kind, Text: anyText().Draw(t, "text")}
		}
		return extract.Block{}
	})
}

func TestProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		config := chunk.Config{
			Tokens:  rapid.SampledFrom([]int{1, 16, 20, 50, 512}).Draw(t, "tokens"),
			Overlap: rapid.SampledFrom([]int{-1, 0, 1, 10, 100}).Draw(t, "overlap"),
			Counter: rapid.SampledFrom([]fairlead.TokenCounter{nil, byWords{}, byBytes{}}).Draw(t, "counter"),
		}
		m, err := build(config, rapid.SliceOfN(anyBlock(), 0, 12).Draw(t, "blocks")...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.check(config); err != nil {
			t.Fatalf("%v, of %q", err, m.text)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("Net sales rose. 公司。 ไทย", uint8(16), uint8(3))
	f.Fuzz(func(t *testing.T, text string, tokens, counter uint8) {
		config := chunk.Config{Tokens: int(tokens), Counter: []fairlead.TokenCounter{nil, byWords{}, byBytes{}}[counter%3]}
		var blocks []extract.Block
		for i, part := range strings.Split(text, "\x01") {
			switch {
			case strings.HasPrefix(part, "#"):
				blocks = append(blocks, heading(i%4, part))
			case strings.HasPrefix(part, "|"):
				blocks = append(blocks, extract.Block{Kind: extract.Table, Header: i % 2, Rows: [][]string{strings.Split(part, "|"), strings.Split(part, "-")}})
			case strings.HasPrefix(part, "\f"):
				blocks = append(blocks, page(i))
			}
			blocks = append(blocks, paragraph(part))
		}
		m, err := build(config, blocks...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.check(config); err != nil {
			t.Fatalf("%v, of %q", err, m.text)
		}
	})
}
