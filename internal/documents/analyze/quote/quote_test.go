package quote_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/quote"
)

const page1 = "Annual Report 2018\n\nOur revenue grew by 12.5% to $1,577 million — a record. “We are proud”, said the chief\nexecutive offi\u00adcer.\n\n"

const page2 = "Liquidity | 2018 | 2017\nCash and cash equivalents | 2,853 | 3,053\nNet loss | (1,234) | (577)\n\nOur revenue grew by 12.5% to $1,577 million — a record. Ümläute und Straße.\n\n"

const page3 = "売上高は前年比で増加し、1,577百万円となりました。Efﬁcient operations matter a great deal to our customers and partners."

func text() *quote.Text {
	pages := []fairlead.Page{
		{Number: 1, Start: 100, End: 100 + int64(len(page1))},
		{Number: 2, Start: 100 + int64(len(page1)), End: 100 + int64(len(page1+page2))},
		{Number: 3, Start: 100 + int64(len(page1+page2)), End: 100 + int64(len(page1+page2+page3))},
	}
	return quote.New("file-a", pages, 100, page1+page2+page3)
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		quote string
		page  int
		want  string // "" is not found
		at    int    // the page where it is
	}{
		"word for word":            {"Cash and cash equivalents | 2,853 | 3,053", 2, "Cash and cash equivalents | 2,853 | 3,053", 2},
		"without bars":             {"Cash and cash equivalents 2,853 3,053", 2, "Cash and cash equivalents | 2,853 | 3,053", 2},
		"other page":               {"Cash and cash equivalents", 9, "Cash and cash equivalents", 2},
		"no page":                  {"our revenue grew by 12.5%", 0, "Our revenue grew by 12.5%", 1},
		"the second of two":        {"our revenue grew by 12.5%", 2, "Our revenue grew by 12.5%", 2},
		"next to the page":         {"our revenue grew by 12.5%", 3, "Our revenue grew by 12.5%", 2},
		"quotes, dash, line end":   {`million - a record. "We are proud", said the chief executive`, 1, "million — a record. “We are proud”, said the chief\nexecutive", 1},
		"soft hyphen":              {"chief executive officer", 1, "chief\nexecutive offi\u00adcer", 1},
		"ligature":                 {"Efficient operations matter", 3, "Efﬁcient operations matter", 3},
		"begins in a ligature":     {"icient operations matter", 3, "Efﬁcient operations matter", 3},
		"case":                     {"ÜMLÄUTE UND STRAßE", 2, "Ümläute und Straße", 2},
		"half a word":              {"Liquidity | 2018 | 2017 Cash and cash equiv", 2, "Liquidity | 2018 | 2017\nCash and cash equivalents", 2},
		"a sentence's end added":   {"Efficient operations matter a great deal.", 3, "Efﬁcient operations matter a great deal", 3},
		"words left out":           {"Our revenue grew … a record", 1, "Our revenue grew by 12.5% to $1,577 million — a record", 1},
		"words left out, dots":     {"Our revenue ... $1,577 million", 2, "Our revenue grew by 12.5% to $1,577 million", 2},
		"left out in brackets":     {"Our revenue grew [...] a record", 1, "Our revenue grew by 12.5% to $1,577 million — a record", 1},
		"one part is wrong":        {"Our profit vanished … operations matter a great deal to our customers", 3, "", 0},
		"the middle is wrong":      {"Our revenue grew … BETACANARY … a record", 1, "", 0},
		"the end is wrong":         {"Cash and cash equivalents ... 2,853 ... 9,999", 2, "", 0},
		"in another order":         {"a great deal to our customers … Efficient operations", 3, "", 0},
		"ideographs":               {"売上高は前年比で増加し", 3, "売上高は前年比で増加し", 3},
		"ideographs, full width":   {"１，５７７百万円", 3, "1,577百万円", 3},
		"sign and parentheses":     {"Net loss | (1,234", 2, "Net loss | (1,234)", 2},
		"a figure's end":           {"577 million a record", 1, "", 0},
		"a figure's beginning":     {"grew by 12.5% to $1,57", 1, "", 0},
		"before the decimal point": {"revenue grew by 12", 1, "", 0},
		"another figure":           {"revenue grew by 13.5%", 1, "", 0},
		"another word":             {"Our revenue fell by 12.5%", 1, "", 0},
		"of another document":      {"The merger was approved by all shareholders", 1, "", 0},
		"trivial":                  {"a record", 1, "", 0},
		"a bare figure":            {"1,577", 1, "", 0},
		"nothing":                  {"", 1, "", 0},
		"dots":                     {"... … ...", 1, "", 0},
		"invalid":                  {"\xff\xfe revenue grew by", 1, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := text().Find(test.quote, test.page)
			if name == "invalid" { // bytes that are no text don't matter
				test.want, test.at = "revenue grew by", 1
			}
			if got.Quote != test.want || ok != (test.want != "") || got.Page != test.at {
				t.Fatalf("got %q on page %d (%t), want %q on page %d", got.Quote, got.Page, ok, test.want, test.at)
			}
			if ok && (page1 + page2 + page3)[got.Start-100:got.End-100] != got.Quote {
				t.Error("the offsets are not those of the quote")
			}
		})
	}
}

func TestLongQuoteIsCut(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("words of a long sentence ", 100)
	got, ok := quote.New("file-a", nil, 0, whole).Find(whole, 0)
	if !ok || len(got.Quote) > quote.MaxBytes || len(got.Quote) < quote.MaxBytes/2 || !strings.HasPrefix(whole, got.Quote) {
		t.Errorf("got %d bytes (%t), want at most %d, the beginning of the quote", len(got.Quote), ok, quote.MaxBytes)
	}
	// One wrong word at the end of it, and it is not there.
	if got, ok := quote.New("file-a", nil, 0, whole).Find(whole[:2000]+"invented", 0); ok {
		t.Errorf("got %q for a quote that is not there", got.Quote)
	}
}

// TestPartsFarApart: the longest part is told alone, if all parts are there.
func TestPartsFarApart(t *testing.T) {
	t.Parallel()
	const first, last = "Competition and new entrants weigh on us", "this company may lose customers to them"
	finder := quote.New("file-a", nil, 0, first+". "+strings.Repeat("Words between them. ", 100)+last+".")
	for asked, want := range map[string]string{
		"competition and … this company may lose customers":              "this company may lose customers",
		"competition and … words between … this company":                 "Competition and",
		"competition and … BETACANARY … this company may lose customers": "",
		"BETACANARY … competition and … this company may lose customers": "",
		"competition and … this company may lose customers … BETACANARY": "",
		"this company may lose customers … competition and new entrants": "",
	} {
		if got, ok := finder.Find(asked, 0); got.Quote != want || ok != (want != "") {
			t.Errorf("%q gave %q (%t), want %q", asked, got.Quote, ok, want)
		}
	}
}

func TestManyPlaces(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("the same words again and again, ", 5000) + "and an end"
	finder := quote.New("file-a", nil, 0, whole)
	if got, ok := finder.Find("the same words again … an end", 0); !ok || got.Start != 0 {
		t.Errorf("got %+v (%t), want the longest part", got, ok)
	}
	if got, ok := finder.Find("the same words again … nowhere to be found", 0); ok {
		t.Errorf("got %q for a quote that is not there", got.Quote)
	}
}

func TestPageAt(t *testing.T) {
	t.Parallel()
	pages := []fairlead.Page{{Number: 1, Start: 0, End: 10}, {Number: 2, Start: 12, End: 20}}
	for offset, want := range map[int64]int{0: 1, 9: 1, 10: 1, 11: 1, 12: 2, 30: 2} {
		if got := quote.PageAt(pages, offset); got != want {
			t.Errorf("offset %d: got page %d, want %d", offset, got, want)
		}
	}
	if got := quote.PageAt(nil, 5); got != 1 {
		t.Errorf("without pages: got %d, want 1", got)
	}
}

// TestChangedQuotesAreFound changes stretches of the text as models do: what comes out has
// the stretch in it.
func TestChangedQuotesAreFound(t *testing.T) {
	t.Parallel()
	words := strings.Fields(page1 + page2)
	changes := []func(string) string{
		func(s string) string { return s }, strings.ToUpper, strings.ToLower,
		func(s string) string { return strings.ReplaceAll(s, " ", "\n  ") },
		func(s string) string {
			return strings.NewReplacer("“", `"`, "”", `"`, "—", "-", "\u00ad", "", "|", "").Replace(s)
		},
		func(s string) string { return `"` + s + `..."` },
		func(s string) string { return "**" + s + "**" },
	}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(words)-6).Draw(t, "from")
		to := rapid.IntRange(from+6, min(from+20, len(words))).Draw(t, "to")
		asked := strings.Join(words[from:to], " ")
		changed := rapid.SampledFrom(changes).Draw(t, "change")(asked)
		got, ok := text().Find(changed, 0)
		same := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
		if letters := strings.Join(strings.Fields(asked), ""); !ok && len(letters) > 40 {
			t.Fatalf("%q is not found", changed)
		}
		if inner := strings.Join(words[from+1:to-1], " "); ok && !strings.Contains(same(got.Quote), same(inner)) {
			t.Fatalf("%q gave %q", changed, got.Quote)
		}
	})
}

func FuzzFind(f *testing.F) {
	f.Add(page1+page2+page3, "Our revenue grew … a record", 2, 3)
	f.Add("ﬁﬁﬁ ﬂ 1,5.7", "fifif", 0, 0)
	f.Add("a\xffb..c", "ab c", 1, 1)
	f.Fuzz(func(t *testing.T, whole, asked string, page, from int) {
		if len(whole) > 1<<16 {
			return
		}
		const base = 7
		pages := []fairlead.Page{{Number: 1, Start: 0, End: 20}, {Number: 2, Start: 20, End: 1 << 20}}
		finder := quote.New("file-a", pages, base, whole)
		if len(whole) > 0 { // a stretch of the text itself
			from = min(max(from, -from, 0), len(whole)-1)
			check(t, finder, whole, whole[from:], page)
		}
		check(t, finder, whole, asked, page)
	})
}

func check(t *testing.T, finder *quote.Text, whole, asked string, page int) {
	t.Helper()
	const base = 7
	got, ok := finder.Find(asked, page)
	if !ok {
		if got != (fairlead.Citation{}) {
			t.Fatalf("got %+v for a quote that was not found", got)
		}
		return
	}
	if got.Start < base || got.End > base+int64(len(whole)) || got.End <= got.Start || whole[got.Start-base:got.End-base] != got.Quote {
		t.Fatalf("the quote %q is not at [%d, %d)", got.Quote, got.Start, got.End)
	}
	if utf8.ValidString(whole) && !utf8.ValidString(got.Quote) {
		t.Fatalf("the quote %q cuts a character", got.Quote)
	}
	if want := 1 + min(int(got.Start)/20, 1); got.Page != want {
		t.Fatalf("got page %d, want %d", got.Page, want)
	}
	if len(got.Quote) > quote.MaxBytes {
		t.Fatalf("got %d bytes", len(got.Quote))
	}
}
