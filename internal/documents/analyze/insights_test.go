package analyze_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
)

// investor finds one item of each category in the parts where its words are.
func investor(_ context.Context, q asked) (string, error) {
	if q.merging {
		return mergeAll(q), nil
	}
	var found []any
	for category, words := range map[string]string{
		"strength": "patented seal technology that lowers the energy use of pumps", "risk": "We depend on a single supplier for high-grade castings",
		"outlook": "We expect revenue to grow by five to seven percent", "thesis": "driven by strong growth in the service business",
	} {
		if strings.Contains(q.user, words) {
			i := item("About "+category, "As it is said.", 0, words)
			i["category"] = category
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return encode(found), nil
}

func TestInsights(t *testing.T) {
	t.Parallel()
	older := report{company: "Acme", year: 2017, revenue: [2]int{1400, 1300}, income: [2]int{139, 120}} // corrected a year later
	other := report{company: "Bolt", year: 2018, revenue: [2]int{500, 600}, income: [2]int{-5, 10}}
	for _, name := range []string{"big", "small", "local/offline"} {
		b := newBed(analyze.Limits{}, &model{answer: investor}, older.text("portal", "file-2017"), acme().text("portal", "file-2018"), other.text("portal", "file-bolt"))
		got, err := b.analyzer.Insights(t.Context(), b.call, analyze.InsightsRequest{
			Documents: []fairlead.DocumentID{"file-2017", "file-2018", "file-bolt", "file-2018"}, Focus: "supply chain", Model: name,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkLists(t, b, got)
		if len(got.Documents) != 3 || got.Partial || got.Documents[0].PagesRead == 0 {
			t.Errorf("%s: got documents %+v, partial %t", name, got.Documents, got.Partial)
		}
		if offline := name == "local/offline"; (got.Engine == analyze.Extractive) != offline || (b.model.calls() == 0) != offline || b.gate.entered != 1 {
			t.Errorf("%s: got engine %s after %d calls and %d slots", name, got.Engine, b.model.calls(), b.gate.entered)
		}
		checkNumbers(t, b, got)
	}
}

// checkLists fails where a list has nothing of one of the three documents.
func checkLists(t *testing.T, b *bed, got *analyze.InsightsReport) {
	t.Helper()
	for list, findings := range map[string][]analyze.Finding{"thesis": got.Thesis, "strengths": got.Strengths, "risks": got.Risks, "outlook": got.Outlook} {
		b.checkFindings(t, findings)
		if len(findings) == 0 || len(findings) > 6 {
			t.Errorf("got %d %s", len(findings), list)
		}
		documents := make(map[fairlead.DocumentID]bool)
		for _, f := range findings {
			documents[f.Citations[0].Document] = true
		}
		if len(documents) < 3 {
			t.Errorf("the %s are of %d documents", list, len(documents))
		}
	}
}

func checkNumbers(t *testing.T, b *bed, got *analyze.InsightsReport) {
	t.Helper()
	values := make(map[string]float64)
	for _, m := range got.Metrics {
		b.checkCitations(t, m.Citation)
		id := m.Company + " " + m.Name + " " + m.Period
		if _, twice := values[id]; twice {
			t.Errorf("%s comes twice", id)
		}
		values[id] = m.Value
	}
	for _, r := range got.Ratios {
		id := r.Company + " " + r.Name + " " + r.Period
		if _, twice := values[id]; twice {
			t.Errorf("%s comes twice", id)
		}
		values[id] = r.Value
		for _, in := range r.Inputs {
			b.checkCitations(t, in.Citation)
			if in.Citation.Document != r.Inputs[0].Citation.Document {
				t.Errorf("%s mixes documents", id)
			}
		}
	}
	for id, want := range map[string]float64{
		"Acme revenue FY2018": 1577e6, "Acme revenue FY2017": 1402e6, "Acme revenue FY2016": 1300e6, "Bolt revenue FY2018": 500e6, "Bolt net_income FY2018": -5e6,
		"Acme revenue_growth FY2018": 100 * 175.0 / 1402, "Acme revenue_growth FY2017": 100 * 100.0 / 1300, "Bolt revenue_growth FY2018": -100.0 / 6,
		"Bolt net_margin FY2018": -1, "Acme return_on_equity FY2018": 15.8,
	} {
		if got, ok := values[id]; !ok || got < want-1e-6 || got > want+1e-6 {
			t.Errorf("%s: got %g (%t), want %g", id, got, ok, want)
		}
	}
}

func TestInsightsRefusals(t *testing.T) {
	t.Parallel()
	b := newBed(analyze.Limits{Documents: 2}, &model{}, acme().text("portal", "file-acme"), acme().text("another", "file-other"))
	for name, test := range map[string]struct {
		ids   []fairlead.DocumentID
		kind  fairlead.Kind
		code  string
		param string
	}{
		"none":     {nil, fairlead.Invalid, "missing_field", "document_ids"},
		"empty":    {[]fairlead.DocumentID{""}, fairlead.Invalid, "missing_field", "document_ids"},
		"too many": {[]fairlead.DocumentID{"a", "b", "c"}, fairlead.Invalid, "too_many_documents", "document_ids"},
		"foreign":  {[]fairlead.DocumentID{"file-acme", "file-other"}, fairlead.NotFound, "document_not_found", ""},
	} {
		_, err := b.analyzer.Insights(t.Context(), b.call, analyze.InsightsRequest{Documents: test.ids}, nil)
		if e, ok := errors.AsType[*fairlead.Error](err); !ok || e.Kind != test.kind || e.Code != test.code || e.Param != test.param {
			t.Errorf("%s: got %v, want %s %s %s", name, err, test.kind, test.code, test.param)
		}
	}
}

func TestHugeDocumentIsReadInPart(t *testing.T) {
	t.Parallel()
	// 400 pages of which the model may read ten windows; the question's answer is on page
	// 333 alone.
	pages := make([]page, 400)
	for i := range pages {
		pages[i] = page{[]string{"# Chapter " + fmt.Sprint(i+1), filler("Acme", i, 30)}}
	}
	pages[332].blocks = append(pages[332].blocks, "The zebra enclosure was sold to the municipal zoo of Graz for a symbolic price.")
	long := build(fairlead.Document{ID: "file-long", App: "portal", Status: fairlead.DocumentReady}, pages)
	b := newBed(analyze.Limits{InputTokens: 6000, Calls: 11}, &model{answer: honest("zebra")}, long)
	got, err := b.analyzer.Analyze(t.Context(), b.call, analyze.Request{Document: "file-long", Type: "custom", Question: "Who bought the zebra enclosure?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.checkFindings(t, got.Findings)
	if b.model.calls() != 10 || got.Partial || got.PagesRead == 0 || got.PagesRead >= 200 || got.Pages != 400 {
		t.Errorf("got %d of %d pages read by %d calls", got.PagesRead, got.Pages, b.model.calls())
	}
	if len(got.Findings) != 1 || got.Findings[0].Citations[0].Page != 333 {
		t.Errorf("got %+v, want the sentence on page 333", got.Findings)
	}
}
