package report

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/client/report"
	"github.com/fairleadhq/fairlead/internal/api/documents"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
)

var (
	_ Analyzer          = (*analyze.Analyzer)(nil)
	_ documents.Analyst = (*Analyst)(nil)
)

// analyzer finds one thing of each kind.
type analyzer struct {
	t   *testing.T
	err error
}

var errGone = errors.New("gone")

func (a analyzer) Analyze(
	_ context.Context, _ *fairlead.Call, req analyze.Request, progress func(analyze.Progress) error,
) (*analyze.Report, error) {
	if want := (analyze.Request{Document: "file-1", Type: "custom", Question: "Why?", Model: "m"}); req != want {
		a.t.Errorf("asked %+v, want %+v", req, want)
	}
	if err := progress(analyze.Progress{Stage: analyze.Reading, PagesRead: 1, Pages: 2, CallsDone: 3, Calls: 4, Findings: 5}); !errors.Is(err, errGone) {
		a.t.Errorf("got %v", err)
	}
	return &analyze.Report{
		Engine: analyze.LLM, Coverage: covers(), Findings: found("F"), Metrics: []analyze.Metric{metric()}, Ratios: []analyze.Ratio{computed()},
	}, a.err
}

func (a analyzer) Insights(
	_ context.Context, _ *fairlead.Call, req analyze.InsightsRequest, _ func(analyze.Progress) error,
) (*analyze.InsightsReport, error) {
	if want := (analyze.InsightsRequest{Documents: []fairlead.DocumentID{"file-1"}, Focus: "debt", Model: "m"}); !reflect.DeepEqual(req, want) {
		a.t.Errorf("asked %+v, want %+v", req, want)
	}
	return &analyze.InsightsReport{
		Engine: analyze.Extractive, Coverage: covers(), Thesis: found("T"), Strengths: found("S"), Risks: found("R"), Outlook: nil,
		Metrics: []analyze.Metric{metric()}, Ratios: []analyze.Ratio{computed()},
		Documents: []analyze.DocumentRead{{Document: "file-1", Name: "r.pdf", PagesRead: 1, Pages: 2}},
	}, a.err
}

func covers() analyze.Coverage {
	return analyze.Coverage{
		Partial: true, Why: analyze.WhyDeadline, PagesRead: 1, Pages: 2, DroppedCitations: 3, DroppedFindings: 4, Usage: fairlead.Usage{Input: 5, Output: 6},
	}
}

func cited() fairlead.Citation {
	return fairlead.Citation{Document: "file-1", Page: 2, Start: 3, End: 4, Quote: "q"}
}

func found(title string) []analyze.Finding {
	return []analyze.Finding{{Category: "c", Title: title, Detail: "d", Citations: []fairlead.Citation{cited()}}}
}

func metric() analyze.Metric {
	return analyze.Metric{
		Name: "revenue", Title: "Revenue", Label: "Net sales", Value: 1.5, Unit: "money", Currency: "USD", Scaled: true, Company: "Acme", Period: "FY2018", Citation: cited(),
	}
}

func computed() analyze.Ratio {
	return analyze.Ratio{
		Name: "margin", Title: "Margin", Formula: "a / b", Value: 12.5, Unit: "percent", Currency: "USD", Scaled: true, Company: "Acme", Period: "FY2018",
		Inputs: []analyze.Metric{metric()},
	}
}

// The JSON says all that the client of this module reads.
func TestReportsAreWhatClientsRead(t *testing.T) {
	t.Parallel()
	quote := report.Citation{DocumentID: "file-1", Page: 2, Start: 3, End: 4, Quote: "q"}
	of := func(title string) []report.Finding {
		return []report.Finding{{Category: "c", Title: title, Detail: "d", Citations: []report.Citation{quote}}}
	}
	figure := report.Figure{
		Name: "revenue", Title: "Revenue", Label: "Net sales", Value: 1.5, Unit: "money", Currency: "USD", Scaled: true, Company: "Acme", Period: "FY2018", Citation: quote,
	}
	ratio := report.Ratio{
		Name: "margin", Title: "Margin", Formula: "a / b", Value: 12.5, Unit: "percent", Currency: "USD", Scaled: true, Company: "Acme", Period: "FY2018",
		Inputs: []report.Figure{figure},
	}
	coverage := report.Coverage{Engine: "llm", Partial: true, Why: "deadline", PagesRead: 1, Pages: 2, DroppedCitations: 3}

	a := New(analyzer{t: t})
	var told documents.Progress
	result, err := a.Analyze(t.Context(), nil, documents.Question{Document: "file-1", Type: "custom", Text: "Why?", Model: "m"}, func(p documents.Progress) error {
		told = p
		return errGone
	})
	if want := (documents.Progress{Stage: "reading", PagesRead: 1, Pages: 2, CallsDone: 3, Calls: 4, Findings: 5}); told != want {
		t.Errorf("told %+v, want %+v", told, want)
	}
	var analysis report.Analysis
	text := encoded(t, result, err, &analysis)
	want := report.Analysis{Coverage: coverage, Findings: of("F"), Metrics: []report.Figure{figure}, Ratios: []report.Ratio{ratio}}
	if !reflect.DeepEqual(analysis, want) {
		t.Errorf("got  %+v\nwant %+v", analysis, want)
	}
	if !strings.Contains(text, `"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}`) || !strings.Contains(text, `"dropped_findings":4`) {
		t.Errorf("got %s", text)
	}

	result, err = a.Insights(t.Context(), nil, documents.Study{Documents: []fairlead.DocumentID{"file-1"}, Focus: "debt", Model: "m"}, nil)
	var insights report.Insights
	text = encoded(t, result, err, &insights)
	coverage.Engine = "extractive"
	wantInsights := report.Insights{
		Coverage: coverage, Thesis: of("T"), Strengths: of("S"), Risks: of("R"), Outlook: []report.Finding{},
		Metrics: []report.Figure{figure}, Ratios: []report.Ratio{ratio},
	}
	if !reflect.DeepEqual(insights, wantInsights) {
		t.Errorf("got  %+v\nwant %+v", insights, wantInsights)
	}
	if !strings.Contains(text, `"documents":[{"document_id":"file-1","name":"r.pdf","pages_read":1,"pages":2}]`) {
		t.Errorf("got %s", text)
	}
}

func encoded(t *testing.T, result any, err error, into any) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestErrorsPass(t *testing.T) {
	t.Parallel()
	a := New(analyzer{t: t, err: errGone})
	if result, err := a.Insights(t.Context(), nil, documents.Study{Documents: []fairlead.DocumentID{"file-1"}, Focus: "debt", Model: "m"}, nil); result != nil || !errors.Is(err, errGone) {
		t.Errorf("%v %v", result, err)
	}
}
