// Package report tells what analyses found as the native API's JSON has it, and asks for
// them as its face does: it stands between package documents and the analyzer.
//
// Start with New.
package report

import (
	"context"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/documents"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
)

// Analyzer is an *analyze.Analyzer.
type Analyzer interface {
	Analyze(ctx context.Context, call *fairlead.Call, req analyze.Request, progress func(analyze.Progress) error) (*analyze.Report, error)
	Insights(
		ctx context.Context, call *fairlead.Call, req analyze.InsightsRequest, progress func(analyze.Progress) error,
	) (*analyze.InsightsReport, error)
}

// Analyst implements documents.Analyst.
type Analyst struct{ analyzer Analyzer }

// New returns an Analyst.
func New(a Analyzer) *Analyst { return &Analyst{a} }

// Analyze implements documents.Analyst.
func (a *Analyst) Analyze(
	ctx context.Context, call *fairlead.Call, ask documents.Question, progress func(documents.Progress) error,
) (any, error) {
	r, err := a.analyzer.Analyze(ctx, call, analyze.Request{
		Document: ask.Document, Type: ask.Type, Question: ask.Text, Model: ask.Model,
	}, told(progress))
	if err != nil {
		return nil, err
	}
	return analysis{
		Engine: r.Engine, Findings: findings(r.Findings), Metrics: figures(r.Metrics), Ratios: ratios(r.Ratios), coverage: covered(&r.Coverage),
	}, nil
}

// Insights implements documents.Analyst.
func (a *Analyst) Insights(
	ctx context.Context, call *fairlead.Call, ask documents.Study, progress func(documents.Progress) error,
) (any, error) {
	r, err := a.analyzer.Insights(ctx, call, analyze.InsightsRequest{
		Documents: ask.Documents, Focus: ask.Focus, Model: ask.Model,
	}, told(progress))
	if err != nil {
		return nil, err
	}
	i := insights{
		Engine: r.Engine, Thesis: findings(r.Thesis), Strengths: findings(r.Strengths), Risks: findings(r.Risks), Outlook: findings(r.Outlook),
		Metrics: figures(r.Metrics), Ratios: ratios(r.Ratios), Documents: []source{}, coverage: covered(&r.Coverage),
	}
	for _, d := range r.Documents {
		i.Documents = append(i.Documents, source(d))
	}
	return i, nil
}

// told puts progress as the face tells it.
func told(progress func(documents.Progress) error) func(analyze.Progress) error {
	return func(p analyze.Progress) error {
		return progress(documents.Progress{
			Stage: string(p.Stage), PagesRead: p.PagesRead, Pages: p.Pages, CallsDone: p.CallsDone, Calls: p.Calls, Findings: p.Findings,
		})
	}
}

// analysis is a report on one document.
type analysis struct {
	Engine   analyze.Engine `json:"engine"`
	Findings []finding      `json:"findings"`
	Metrics  []figure       `json:"metrics"`
	Ratios   []ratio        `json:"ratios"`
	coverage
}

// insights is a report on several.
type insights struct {
	Engine    analyze.Engine `json:"engine"`
	Thesis    []finding      `json:"thesis"`
	Strengths []finding      `json:"strengths"`
	Risks     []finding      `json:"risks"`
	Outlook   []finding      `json:"outlook"`
	Metrics   []figure       `json:"metrics"`
	Ratios    []ratio        `json:"ratios"`
	Documents []source       `json:"documents"`
	coverage
}

// coverage is how much a report rests on.
type coverage struct {
	Partial          bool        `json:"partial"`
	Why              analyze.Why `json:"why,omitempty"`
	PagesRead        int         `json:"pages_read"`
	Pages            int         `json:"pages"`
	DroppedCitations int         `json:"dropped_citations"`
	DroppedFindings  int         `json:"dropped_findings"`
	Usage            usage       `json:"usage"`
}

// usage is the tokens of all that the model was asked.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

func covered(c *analyze.Coverage) coverage {
	return coverage{
		Partial: c.Partial, Why: c.Why, PagesRead: c.PagesRead, Pages: c.Pages,
		DroppedCitations: c.DroppedCitations, DroppedFindings: c.DroppedFindings,
		Usage: usage{c.Usage.Input, c.Usage.Output, c.Usage.Input + c.Usage.Output},
	}
}

// citation is a piece of a document, word for word.
type citation struct {
	Document fairlead.DocumentID `json:"document_id"`
	Page     int                 `json:"page"`
	Start    int64               `json:"start"`
	End      int64               `json:"end"`
	Quote    string              `json:"quote"`
}

// finding is something that a document says.
type finding struct {
	Category  string     `json:"category,omitempty"`
	Title     string     `json:"title"`
	Detail    string     `json:"detail"`
	Citations []citation `json:"citations"`
}

func findings(of []analyze.Finding) []finding {
	all := make([]finding, 0, len(of))
	for _, f := range of {
		one := finding{Category: f.Category, Title: f.Title, Detail: f.Detail, Citations: []citation{}}
		for _, c := range f.Citations {
			one.Citations = append(one.Citations, citation(c))
		}
		all = append(all, one)
	}
	return all
}

// figure is a number that a document reports.
type figure struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Label    string   `json:"label"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Currency string   `json:"currency,omitempty"`
	Scaled   bool     `json:"scaled"`
	Company  string   `json:"company,omitempty"`
	Period   string   `json:"period"`
	Citation citation `json:"citation"`
}

func figures(of []analyze.Metric) []figure {
	all := make([]figure, 0, len(of))
	for _, m := range of {
		all = append(all, figure{
			Name: m.Name, Title: m.Title, Label: m.Label, Value: m.Value, Unit: m.Unit, Currency: m.Currency, Scaled: m.Scaled,
			Company: m.Company, Period: m.Period, Citation: citation(m.Citation),
		})
	}
	return all
}

// ratio is a number that was computed from figures.
type ratio struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Formula  string   `json:"formula"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Currency string   `json:"currency,omitempty"`
	Scaled   bool     `json:"scaled"`
	Company  string   `json:"company,omitempty"`
	Period   string   `json:"period"`
	Inputs   []figure `json:"inputs"`
}

func ratios(of []analyze.Ratio) []ratio {
	all := make([]ratio, 0, len(of))
	for _, r := range of {
		all = append(all, ratio{
			Name: r.Name, Title: r.Title, Formula: r.Formula, Value: r.Value, Unit: r.Unit, Currency: r.Currency, Scaled: r.Scaled,
			Company: r.Company, Period: r.Period, Inputs: figures(r.Inputs),
		})
	}
	return all
}

// source is a document that was read.
type source struct {
	Document  fairlead.DocumentID `json:"document_id"`
	Name      string              `json:"name"`
	Company   string              `json:"company,omitempty"`
	Period    string              `json:"period,omitempty"`
	PagesRead int                 `json:"pages_read"`
	Pages     int                 `json:"pages"`
}
