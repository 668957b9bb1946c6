package chunk_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/chunk"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/tokens/tiktoken"
)

func paragraph(text string) extract.Block { return extract.Block{Kind: extract.Paragraph, Text: text} }

func heading(level int, text string) extract.Block {
	return extract.Block{Kind: extract.Heading, Level: level, Text: text}
}

func page(n int) extract.Block { return extract.Block{Kind: extract.PageStart, Page: n} }

// must builds and checks.
func must(t *testing.T, config chunk.Config, blocks ...extract.Block) made {
	t.Helper()
	m, err := build(config, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.check(config); err != nil {
		t.Fatal(err)
	}
	return m
}

const sentence = "Net sales rose by 4.5 % to $1,577 million in 2018, up from $1,509 million in the year before. "

func TestProse(t *testing.T) {
	t.Parallel()
	for name, counter := range map[string]fairlead.TokenCounter{"counted": &tiktoken.Counter{}, "estimated": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := must(t, chunk.Config{Counter: counter}, heading(1, "Results"), paragraph(strings.Repeat(sentence, 200)))
			for i := range m.content.Chunks {
				checkProse(t, &m, i)
			}
		})
	}
}

// checkProse holds a chunk of the same sentence over and over to what it should be.
func checkProse(t *testing.T, m *made, i int) {
	t.Helper()
	c, text, last := m.content.Chunks[i], m.texts()[i], len(m.content.Chunks)-1
	if c.Section != "Results" || c.Page != 1 || c.Table {
		t.Errorf("got %+v", c)
	}
	if !strings.HasSuffix(text, "before.") || i > 0 && !strings.HasPrefix(text, "Net sales") {
		t.Errorf("chunk %d is not whole sentences", i)
	}
	if c.Tokens < 380 && i < last-2 || c.Tokens < 250 {
		t.Errorf("chunk %d has %d tokens", i, c.Tokens)
	}
	if i == last {
		return
	}
	if shared := c.End - m.content.Chunks[i+1].Start; shared < 100 || shared > 400 {
		t.Errorf("chunks %d and %d share %d bytes", i, i+1, shared)
	}
}

func TestSections(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(sentence, 10)
	m := must(t, chunk.Config{}, heading(1, "A"), heading(2, "B"), paragraph(long), heading(2, "C"), paragraph("Few words."),
		heading(2, "D"), paragraph("Few as well."), heading(1, "E"), paragraph(long), page(2), paragraph(long))
	got := make([]string, 0, 4)
	for _, c := range m.content.Chunks {
		got = append(got, c.Section)
	}
	if want := []string{"A > B", "A", "E", "E"}; !slices.Equal(got, want) {
		t.Errorf("got sections %q, want %q", got, want)
	}
	// Sections that are put together have the name of the one that most is in.
	m = must(t, chunk.Config{}, heading(1, "A"), heading(2, "B"), paragraph("Few words."), heading(2, "C"), paragraph(long), page(2), paragraph(long))
	if got := m.content.Chunks[0].Section; got != "A > C" {
		t.Errorf("got section %q", got)
	}
	if last := m.content.Chunks[len(m.content.Chunks)-1]; last.Page != 2 || last.LastPage != 2 {
		t.Errorf("got pages %d to %d", last.Page, last.LastPage)
	}
}

func TestSmallPagesArePutTogether(t *testing.T) {
	t.Parallel()
	m := must(t, chunk.Config{}, page(1), paragraph("One."), page(2), paragraph("Two."), page(3), paragraph(strings.Repeat(sentence, 10)), page(4), paragraph("End."))
	if chunks := m.content.Chunks; len(chunks) != 2 || chunks[0].Page != 1 || chunks[0].LastPage != 3 || chunks[1].Page != 4 {
		t.Errorf("got %+v", chunks)
	}
}

func table(rows, header int) extract.Block {
	b := extract.Block{Kind: extract.Table, Header: header}
	for i := range rows {
		row := []string{"Revenue of segment", strings.Repeat("9", i%7+1), "1,577"}
		if i < header {
			row = []string{"Segment", "2018", "2017"}
		}
		b.Rows = append(b.Rows, row)
	}
	return b
}

func TestTableThatFitsIsKeptWhole(t *testing.T) {
	t.Parallel()
	long := paragraph(strings.Repeat(sentence, 10))
	m := must(t, chunk.Config{Counter: &tiktoken.Counter{}}, heading(1, "A"), long, paragraph("As follows:"), table(30, 1), long)
	at := m.content.Tables[0]
	for _, c := range m.content.Chunks {
		if c.Start < at.End && c.End > at.Start && (c.Start > at.Start || c.End < at.End) {
			t.Errorf("got %+v, a part of %+v", c, at)
		}
	}
}

func TestLargeTableIsPartedBetweenRows(t *testing.T) {
	t.Parallel()
	m := must(t, chunk.Config{Counter: &tiktoken.Counter{}}, heading(1, "A"), paragraph("As follows:"), table(400, 1), paragraph(sentence))
	tables := 0
	for i, text := range m.texts() {
		c := m.content.Chunks[i]
		if !c.Table {
			continue
		}
		tables++
		if first, _, _ := strings.Cut(text, "\n"); i > 0 && strings.Count(first, " | ") != 2 {
			t.Errorf("chunk %d begins inside a row: %q", i, first)
		}
		if want := "Segment | 2018 | 2017"; (c.Context == want) != (i > 0) {
			t.Errorf("chunk %d has the context %q", i, c.Context)
		}
		if c.Tokens > 512 {
			t.Errorf("chunk %d has %d tokens", i, c.Tokens)
		}
	}
	if tables < 5 {
		t.Errorf("got %d chunks of a table", tables)
	}
}

func TestTableInParts(t *testing.T) {
	t.Parallel()
	head, body := table(1, 1), table(1000, 0)
	head.More = true
	for i, c := range must(t, chunk.Config{}, head, body).content.Chunks {
		if !c.Table || (c.Context != "") != (i > 0) {
			t.Errorf("chunk %d is %+v", i, c)
		}
	}
}

func TestRowThatIsTooLong(t *testing.T) {
	t.Parallel()
	must(t, chunk.Config{Counter: &tiktoken.Counter{}}, extract.Block{Kind: extract.Table, Header: 1, Rows: [][]string{
		{strings.Repeat("head ", 2000)}, {strings.Repeat(sentence, 100), strings.Repeat("x", 100_000)},
	}})
}

// TestLanguages splits text of many scripts, and at the ends of sentences where there are
// such.
func TestLanguages(t *testing.T) {
	t.Parallel()
	counter := &tiktoken.Counter{}
	for name, test := range map[string]struct{ text, ends string }{
		"Chinese":  {"公司在二零一八年的净销售额为十五亿美元，比上一年增长百分之四。我们认为（主要）风险包括汇率！", "。！"},
		"Japanese": {"当社の売上高は前年比で増加しました。「為替の影響」が主な要因です。リスクは多い？", "。？"},
		"Thai":     {"บริษัทมียอดขายสุทธิเพิ่มขึ้นร้อยละสี่เมื่อเทียบกับปีก่อนหน้า", ""},
		"Arabic":   {"ارتفعت المبيعات الصافية في عام 2018. هل هناك مخاطر؟ نعم، هناك الكثير منها. ", ".؟"},
		"Hindi":    {"कंपनी की शुद्ध बिक्री बढ़ी। जोखिम बहुत हैं॥ ", "।॥"},
		"Korean":   {"회사의 순매출은 전년 대비 증가했습니다. 위험 요인은 많습니다. ", "."},
		"Russian":  {"Чистая выручка компании выросла на 4,5 % по сравнению с прошлым годом. Рисков много! ", ".!"},
		"German":   {"Der Umsatz stieg z. B. um 4,5 % auf 1.577 Mio. Euro. Die Risiken sind vielfältig! ", ".!"},
		"letters":  {"abcdefghij", ""},
		"base64":   {"aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0", ""},
		"marks":    {"e\u0301\u0302", ""},
		"emoji":    {"👩\u200d🔬👍🏽", ""},
	} {
		m := must(t, chunk.Config{Counter: counter}, paragraph(strings.Repeat(test.text, 40_000/len(test.text))))
		tokens := 0
		for i, text := range m.texts() {
			tokens += m.content.Chunks[i].Tokens
			if test.ends != "" && !strings.ContainsAny(text[len(text)-3:], test.ends) {
				t.Errorf("%s: chunk %d ends with %q", name, i, text[len(text)-30:])
			}
		}
		if n := len(m.content.Chunks); tokens/n < 330 {
			t.Errorf("%s: got %d chunks of %d tokens", name, n, tokens/n)
		}
	}
}

// TestLongLine splits a line of ten megabytes.
func TestLongLine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("x", 10<<20), strings.Repeat("word ", 1<<19)} {
		m := must(t, chunk.Config{}, paragraph(text))
		if n := len(m.content.Chunks); n > 10<<20/256 {
			t.Errorf("got %d chunks", n)
		}
	}
}
