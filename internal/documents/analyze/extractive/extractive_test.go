package extractive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/extractive"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
)

// shelf has one text.
type shelf struct {
	text    string
	outline fairlead.DocumentOutline
}

func (s shelf) AddContent(context.Context, *fairlead.DocumentJob, fairlead.DocumentContent) error {
	panic("nothing is written")
}

func (s shelf) Text(_ context.Context, _ fairlead.AppID, _ fairlead.DocumentID, at fairlead.TextSpan) ([]byte, bool, error) {
	return []byte(s.text[at.Start:min(at.End, int64(len(s.text)))]), true, nil
}

func (s shelf) Outline(context.Context, fairlead.AppID, fairlead.DocumentID) (fairlead.DocumentOutline, bool, error) {
	return s.outline, true, nil
}

func open(tb testing.TB, text string, sections ...fairlead.Section) *source.Source {
	tb.Helper()
	s := shelf{text: text}
	s.outline.Pages = []fairlead.Page{{Number: 1, Start: 0, End: int64(len(text))}}
	s.outline.Sections = sections
	src, err := source.Open(tb.Context(), s, fairlead.Document{ID: "file-a", TextBytes: int64(len(text))})
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

func best(t *testing.T, src *source.Source, ask extractive.Ask) []string {
	t.Helper()
	r, err := extractive.Collect(t.Context(), src, []fairlead.TextSpan{{Start: 0, End: src.Length()}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Best(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		text, err := src.Text(t.Context(), fairlead.TextSpan{Start: f.Citation.Start, End: f.Citation.End})
		if err != nil || text != f.Citation.Quote || f.Citation.Page != 1 {
			t.Errorf("the citation %+v is not in the text", f.Citation)
		}
		out = append(out, text)
	}
	return out
}

func TestBest(t *testing.T) {
	t.Parallel()
	const english = "The company makes pumps in three plants. Its shares trade in Vienna since 1998.\n\nA loss of our largest customer could adversely affect our results. The canteen was painted green in the summer of 2017.\n\n" +
		"Revenue | 1 | 2\nNet sales of the company | 3 | 4\n\nWe expect that demand will grow in the next year by U.S. standards."
	for name, test := range map[string]struct {
		text string
		ask  extractive.Ask
		want string
	}{
		"risk":           {english, extractive.Ask{Topic: extractive.Risks, Limit: 1}, "A loss of our largest customer could adversely affect our results."},
		"outlook":        {english, extractive.Ask{Topic: extractive.Outlook, Limit: 1}, "We expect that demand will grow in the next year by U.S. standards."},
		"question":       {english, extractive.Ask{Topic: extractive.Question, Question: "What colour is the canteen?", Limit: 3}, "The canteen was painted green in the summer of 2017."},
		"no answer":      {english, extractive.Ask{Topic: extractive.Question, Question: "Giraffen?", Limit: 3}, ""},
		"German":         {"Das Werk in Linz stellt seit vielen Jahren Pumpen her. Der Ausfall eines Lieferanten kann sich nachteilig auf das Ergebnis auswirken.", extractive.Ask{Topic: extractive.Risks, Limit: 1}, "Der Ausfall eines Lieferanten kann sich nachteilig auf das Ergebnis auswirken."},
		"Japanese":       {"当社は産業用ポンプを製造し、四十か国の顧客に販売しています。為替の変動は当社の業績に悪影響を及ぼすリスクがあります。", extractive.Ask{Topic: extractive.Risks, Limit: 1}, "為替の変動は当社の業績に悪影響を及ぼすリスクがあります。"},
		"unknown tongue": {"Firma wytwarza pompy w trzech zakładach na terenie kraju. Pompy firmy trafiają do zakładów chemicznych i wodociągów. Stołówka była zamknięta przez całe lato.", extractive.Ask{Topic: extractive.Summary, Limit: 1}, "Firma wytwarza pompy w trzech zakładach na terenie kraju."},
		"none fits":      {"Firma wytwarza pompy w trzech zakładach na terenie kraju.", extractive.Ask{Topic: extractive.Risks, Limit: 1}, ""},
		"nothing":        {"", extractive.Ask{Topic: extractive.Summary, Limit: 3}, ""},
		"only tables":    {"a | b | c\n1 | 2 | 3", extractive.Ask{Topic: extractive.Financial, Limit: 3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := best(t, open(t, test.text), test.ask)
			if strings.Join(got, "\n") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSectionsAndRepeats(t *testing.T) {
	t.Parallel()
	header := "Confidential report of the company, for members of the board only.\n\n"
	one := "The roof of the northern hall is made of corrugated iron sheets.\n\n"
	two := "Snow on that roof was measured at forty centimetres last January.\n\n"
	text := header + "Business\n\n" + one + header + "Risk Factors\n\n" + two + header
	at := strings.Index(text, "Risk Factors")
	src := open(t, text, fairlead.Section{Level: 1, Title: "Business", Start: int64(len(header)), End: int64(at)}, fairlead.Section{Level: 1, Title: "Risk Factors", Start: int64(at), End: int64(len(text))})
	got := best(t, src, extractive.Ask{Topic: extractive.Risks, Limit: 2})
	if len(got) != 1 || got[0] != strings.TrimSpace(two) {
		t.Errorf("got %q, want what stands in the section alone", got)
	}
	if got := best(t, src, extractive.Ask{Topic: extractive.Summary, Limit: 9}); len(got) != 3 {
		t.Errorf("got %q, want three sentences: a header is told once", got)
	}
}

// TestDealtOut: each sentence is told of the one topic that it fits best.
func TestDealtOut(t *testing.T) {
	t.Parallel()
	const (
		labelled = "Risk factors: raw material costs may rise and hurt us."
		strong   = "Our market share increased strongly for the third year in a row."
		future   = "We expect that volumes will recover during the coming season."
		headed   = "Increased competition for leading customers could slow our growth."
	)
	body := labelled + " " + strong + " " + future + "\n\n"
	text := body + "Risk Factors\n\n" + headed
	src := open(t, text, fairlead.Section{Level: 1, Title: "Risk Factors", Start: int64(len(body)), End: int64(len(text))})
	topics := []extractive.Topic{extractive.Strengths, extractive.Risks, extractive.Outlook, extractive.Financial}
	r, err := extractive.Collect(t.Context(), src, []fairlead.TextSpan{{Start: 0, End: src.Length()}}, topics...)
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[extractive.Topic][]string{
		extractive.Risks: {labelled, headed}, extractive.Strengths: {strong}, extractive.Outlook: {future}, extractive.Financial: nil,
	} {
		found, err := r.Best(t.Context(), extractive.Ask{Topic: topic, Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Citation.Quote)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", topic, got, want)
		}
	}
}

func TestCollectEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := extractive.Collect(ctx, open(t, "A sentence that is long enough to be quoted here."), []fairlead.TextSpan{{Start: 0, End: 10}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&b, "Line %d of a long document without any end in sight.\n", i)
	}
	src := open(t, b.String(), fairlead.Section{Level: 1, Title: "Risk Factors", Start: 2_000_000, End: 2_100_000})
	const budget = 1 << 20
	spans := src.Sample(budget, extractive.Worth([]extractive.Topic{extractive.Risks}, ""))
	sum, inside := int64(0), false
	for i, s := range spans {
		sum += s.End - s.Start
		inside = inside || s.Start <= 2_000_000 && s.End > 2_000_000
		if i > 0 && s.Start <= spans[i-1].End || s.End > src.Length() {
			t.Errorf("the span %+v is behind %+v", s, spans[max(i-1, 0)])
		}
	}
	if sum > budget || sum < budget/2 || !inside || spans[0].Start != 0 || len(spans) < 5 {
		t.Errorf("got %d bytes in %+v", sum, spans)
	}
	// What is read of it is what stands there.
	read := int64(0)
	err := src.Read(t.Context(), spans, func(p source.Piece) error {
		if b.String()[p.Base:p.Base+int64(len(p.Text))] != p.Text {
			t.Errorf("the piece at %d is not the text's", p.Base)
		}
		read += int64(len(p.Text))
		return nil
	})
	if err != nil || read != sum {
		t.Errorf("got %d bytes read (%v), want %d", read, err, sum)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add("One sentence that is long enough to be quoted. \"Another one, which is said by somebody.\" he said.\n\nMr. Smith e.g. 5.", 2)
	f.Add("売上高は増加しました。\n当社のリスクは多岐にわたり、為替の変動が業績に影響します！", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if len(text) == 0 || len(text) > 1<<14 {
			return
		}
		for _, topic := range []extractive.Topic{extractive.Summary, extractive.Question} {
			limit = min(max(limit, 0), 20)
			if got := best(t, open(t, text), extractive.Ask{Topic: topic, Question: text[:min(len(text), 40)], Limit: limit}); len(got) > limit {
				t.Errorf("got %d findings, want at most %d", len(got), limit)
			}
		}
	})
}

func BenchmarkCollect4MiB(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < 4<<20; i++ {
		fmt.Fprintf(&text, "The plant number %d in region %d delivered %d pumps to customers who depend on them for their growth. ", i, i%977, i*7)
		if i%8 == 7 {
			text.WriteString("\n\n")
		}
	}
	src := open(b, text.String())
	for b.Loop() {
		r, err := extractive.Collect(b.Context(), src, []fairlead.TextSpan{{Start: 0, End: src.Length()}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Best(b.Context(), extractive.Ask{Topic: extractive.Risks, Limit: 12}); err != nil {
			b.Fatal(err)
		}
	}
}
