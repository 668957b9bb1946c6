package canon_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/canon"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// made is what a builder gave out.
type made struct {
	text   string
	pieces []canon.Piece
	texts  []string // of the pieces
	pages  []fairlead.Page
	parts  fairlead.DocumentContent
}

// build makes the canonical text of the blocks, and checks that parts are in order.
func build(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, blocks ...extract.Block,
) made {
	t.Helper()
	var m made
	b := canon.New(extract.Limits{}, canon.Output{
		Part: func(p fairlead.DocumentContent) error {
			if len(p.Text) > 0 && p.Offset != int64(len(m.text)) {
				t.Fatalf("got a part at %d behind %d bytes", p.Offset, len(m.text))
			}
			m.text += string(p.Text)
			m.parts.Pages = append(m.parts.Pages, p.Pages...)
			m.parts.Sections = append(m.parts.Sections, p.Sections...)
			m.parts.Tables = append(m.parts.Tables, p.Tables...)
			return nil
		},
		Piece: func(p canon.Piece) error {
			m.texts = append(m.texts, string(p.Text))
			p.Text = nil
			m.pieces = append(m.pieces, p)
			return nil
		},
	})
	for _, block := range blocks {
		if err := b.Add(block); err != nil {
			t.Fatalf("Add: %v", err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	m.pages = m.parts.Pages
	if b.Bytes() != int64(len(m.text)) || b.Pages() != len(m.pages) {
		t.Fatalf("got %d bytes and %d pages told of, %d and %d given", b.Bytes(), b.Pages(), len(m.text), len(m.pages))
	}
	return m
}

func paragraph(text string) extract.Block { return extract.Block{Kind: extract.Paragraph, Text: text} }

func heading(level int, text string) extract.Block {
	return extract.Block{Kind: extract.Heading, Level: level, Text: text}
}

func page(n int) extract.Block { return extract.Block{Kind: extract.PageStart, Page: n} }

func TestText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		blocks []extract.Block
		want   string
	}{
		"nothing":                {nil, ""},
		"only white space":       {[]extract.Block{paragraph(" \n\t\u00a0")}, ""},
		"blocks":                 {[]extract.Block{paragraph("one"), paragraph(" "), heading(1, "Two\n and\thalf"), paragraph("three")}, "one\n\nTwo and half\n\nthree"},
		"pages":                  {[]extract.Block{page(1), paragraph("a"), page(2), paragraph("b")}, "a\n\nb"},
		"lines are kept":         {[]extract.Block{paragraph("a \r\nb\r\rc\n\n\n\nd\u2028e\ff\n")}, "a\nb\n\nc\n\nd\ne\nf"},
		"indents are kept":       {[]extract.Block{paragraph("  if x {\n    y   z\n\tw\n}\n")}, "if x {\n    y z\n\tw\n}"},
		"blanks become one":      {[]extract.Block{paragraph("a \u00a0 b\u3000c \t d")}, "a b c\td"},
		"what prints nothing":    {[]extract.Block{paragraph("a\x00b\x1bc\u0085d\u0090\u00ad\ufeffe\ufffe")}, "abc\nde"},
		"what is not UTF-8":      {[]extract.Block{paragraph("a\xff\xfeb\xc3 \xe2\x82")}, "a\ufffdb\ufffd \ufffd"},
		"joiners stay":           {[]extract.Block{paragraph("می\u200cخواهم 👩\u200d🔬")}, "می\u200cخواهم 👩\u200d🔬"},
		"a table":                {[]extract.Block{paragraph("x"), {Kind: extract.Table, Header: 1, Rows: [][]string{{"Year", "2018\nUSD", ""}, {"", ""}, {"", " 1 \t2", "", "3"}}}, paragraph("y")}, "x\n\nYear | 2018 USD\n | 1 2 |  | 3\n\ny"},
		"a table in parts":       {[]extract.Block{{Kind: extract.Table, Rows: [][]string{{"a"}}, More: true}, {Kind: extract.Table, Rows: [][]string{{"b"}}}, {Kind: extract.Table, Rows: [][]string{{"c"}}}}, "a\nb\n\nc"},
		"a table without an end": {[]extract.Block{{Kind: extract.Table, Rows: [][]string{{"a"}}, More: true}, paragraph("b")}, "a\n\nb"},
	} {
		if got := build(t, test.blocks...); got.text != test.want {
			t.Errorf("%s: got %q, want %q", name, got.text, test.want)
		}
	}
}

func TestOutline(t *testing.T) {
	t.Parallel()
	m := build(t,
		page(1), heading(1, "A"), paragraph("a"), heading(2, "B"), page(2), page(3), paragraph("b"),
		extract.Block{Kind: extract.Table, Header: 1, Rows: [][]string{{"h", "i"}, {"1", "2"}}},
		heading(12, "deep"), heading(2, "C"), heading(1, "D"), paragraph("d"), page(9))
	const text = "A\n\na\n\nB\n\nb\n\nh | i\n1 | 2\n\ndeep\n\nC\n\nD\n\nd"
	if m.text != text {
		t.Fatalf("got %q", m.text)
	}
	at := func(s string) int64 { return int64(strings.Index(text, s)) }
	end := int64(len(text))
	wantPages := []fairlead.Page{{Number: 1, Start: 0, End: at("b")}, {Number: 2, Start: at("b"), End: at("b")}, {Number: 3, Start: at("b"), End: end}, {Number: 9, Start: end, End: end}}
	for i, want := range wantPages {
		if i >= len(m.pages) || m.pages[i] != want {
			t.Fatalf("got pages %v, want %v", m.pages, wantPages)
		}
	}
	wantSections := []fairlead.Section{
		{Level: 1, Title: "A", Start: 0, End: at("D")},
		{Level: 2, Title: "B", Start: at("B"), End: at("C")},
		{Level: 9, Title: "deep", Start: at("deep"), End: at("C")},
		{Level: 2, Title: "C", Start: at("C"), End: at("D")},
		{Level: 1, Title: "D", Start: at("D"), End: end},
	}
	for i, want := range wantSections {
		if i >= len(m.parts.Sections) || m.parts.Sections[i] != want {
			t.Fatalf("got sections %v, want %v", m.parts.Sections, wantSections)
		}
	}
	if want := (fairlead.Table{Start: at("h |"), HeaderEnd: at("\n1 |"), End: at("\n\ndeep")}); len(m.parts.Tables) != 1 || m.parts.Tables[0] != want {
		t.Errorf("got tables %v, want %v", m.parts.Tables, want)
	}
}

func TestPagesThatAreNumberedOddly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		blocks []extract.Block
		want   []int
	}{
		"none":                  {[]extract.Block{paragraph("a")}, []int{1}},
		"no text":               {nil, []int{1}},
		"text before the first": {[]extract.Block{paragraph("a"), page(1), paragraph("b"), page(2)}, []int{1, 2}},
		"text before another":   {[]extract.Block{paragraph("a"), page(3)}, []int{1, 3}},
		"it begins later":       {[]extract.Block{page(4), paragraph("a"), page(5)}, []int{4, 5}},
		"they fall":             {[]extract.Block{page(2), page(2), page(1)}, []int{2, 3, 4}},
		"less than 1":           {[]extract.Block{page(-3), page(0)}, []int{1, 2}},
	} {
		var got []int
		for _, p := range build(t, test.blocks...).pages {
			got = append(got, p.Number)
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: got %v, want %v", name, got, test.want)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b := canon.New(extract.Limits{Text: 5, Pages: 2}, canon.Output{})
	if err := b.Add(paragraph("abc")); err != nil {
		t.Fatal(err)
	}
	err := b.Add(paragraph("d")) // six bytes with the blank line
	if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != "text" || limit.Most != 5 {
		t.Errorf("got %v, want the limit of text", err)
	}
	if err := errors.Join(b.Add(page(1)), b.Add(page(2))); err != nil {
		t.Errorf("got %v", err)
	}
	if limit, ok := errors.AsType[*extract.LimitError](b.Add(page(3))); !ok || limit.Limit != "pages" {
		t.Error("got no error of a page too many")
	}
}

func TestLongBlocksComeInPieces(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("x", 1<<20), strings.Repeat("日本語", 100_000), strings.Repeat("word and ", 100_000) + strings.Repeat(" ", 200_000),
		strings.Repeat("\xff", 300_000) + strings.Repeat("a\xff", 100_000), strings.Repeat("x", 64<<10) + "\xff\xff",
	} {
		for _, block := range []extract.Block{paragraph(text), heading(1, text), {Kind: extract.Table, Rows: [][]string{{"a", text, ""}}}} {
			m := build(t, block)
			if joined := strings.Join(m.texts, ""); joined != m.text {
				t.Fatalf("pieces are not the text: %d and %d bytes", len(joined), len(m.text))
			}
			for i, p := range m.pieces {
				if p.More != (i < len(m.pieces)-1) || p.First != (i == 0) || len(m.texts[i]) > 192<<10 || !utf8.ValidString(m.texts[i]) {
					t.Fatalf("piece %d of %d is %+v of %d bytes", i, len(m.pieces), p, len(m.texts[i]))
				}
			}
		}
	}
}
