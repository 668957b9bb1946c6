package analyze

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/extractive"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/figures"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/ratio"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
)

const (
	// maxFiguresRead is how much of a text is read for figures, in bytes.
	maxFiguresRead = 8 << 20
	// maxMetrics and maxRatios are how many of them a report has.
	maxMetrics, maxRatios = 120, 120
)

// numbers are the metrics and ratios of documents.
type numbers struct {
	metrics []Metric
	ratios  []Ratio
}

// numbersOf reads the figures of a document, and computes the ratios.
func numbersOf(ctx context.Context, src *source.Source) (numbers, error) {
	reader := figures.NewReader(src.Document.ID, src.Document.About.Language)
	spans := src.Sample(maxFiguresRead, extractive.Worth([]extractive.Topic{extractive.Financial}, ""))
	err := src.Read(ctx, spans, func(p source.Piece) error {
		reader.Read(figures.Piece{Base: p.Base, Text: p.Text, Pages: src.Outline.Pages})
		return ctx.Err()
	})
	if err != nil {
		return numbers{}, ended(ctx, err)
	}
	all := reader.Figures()
	company := companyOf(&src.Document)
	var n numbers
	for _, f := range all {
		n.metrics = append(n.metrics, metricOf(f, company))
	}
	for _, r := range ratio.Compute(all) {
		out := Ratio{
			Name: r.Name, Title: r.Title, Formula: r.Formula, Value: r.Value, Unit: string(r.Form), Currency: r.Currency, Scaled: r.Scaled,
			Company: company, Period: r.Period.String(),
		}
		for _, f := range r.Inputs {
			out.Inputs = append(out.Inputs, metricOf(f, company))
		}
		n.ratios = append(n.ratios, out)
	}
	return n, nil
}

func metricOf(f figures.Figure, company string) Metric {
	return Metric{
		Name: string(f.Metric), Title: f.Metric.Title(), Label: f.Label, Value: f.Value, Unit: string(f.Unit.Kind), Currency: f.Unit.Currency,
		Scaled: f.Unit.Scaled, Company: company, Period: f.Period.String(), Citation: f.Citation,
	}
}

// companyOf is the company that a document reports on, or the document's name.
func companyOf(d *fairlead.Document) string { return cmp.Or(d.About.Company, d.About.Title, d.Name) }

// join puts the numbers of several documents together: of each company, metric and
// period the one of the document that comes first, which is the latest.
func join(all []numbers) numbers {
	var out numbers
	type key struct{ company, name, period string }
	metrics, ratios := make(map[key]bool), make(map[key]bool)
	for _, n := range all {
		for _, m := range n.metrics {
			if k := (key{m.Company, m.Name, m.Period}); !metrics[k] {
				metrics[k] = true
				out.metrics = append(out.metrics, m)
			}
		}
		for _, r := range n.ratios {
			if k := (key{r.Company, r.Name, r.Period}); !ratios[k] {
				ratios[k] = true
				out.ratios = append(out.ratios, r)
			}
		}
	}
	slices.SortStableFunc(out.metrics, func(a, b Metric) int { return cmp.Compare(a.Company, b.Company) })
	slices.SortStableFunc(out.ratios, func(a, b Ratio) int { return cmp.Compare(a.Company, b.Company) })
	return out
}

// cut bounds how many there are.
func (n numbers) cut() numbers {
	return numbers{metrics: n.metrics[:min(len(n.metrics), maxMetrics)], ratios: n.ratios[:min(len(n.ratios), maxRatios)]}
}

// findings tells the numbers in at most three findings.
func (n numbers) findings() []Finding {
	var out []Finding
	add := func(title string, lines []string, cite []fairlead.Citation) {
		if len(lines) == 0 {
			return
		}
		f := Finding{Category: Figures, Title: title, Detail: strings.Join(lines, ". ") + "."}
		for _, c := range cite {
			f.cite(c)
		}
		out = append(out, f)
	}
	lines, cite := n.metricLines([]string{"revenue", "gross_profit", "operating_income", "net_income", "eps_diluted", "eps_basic"}, 5)
	add("Results reported in the tables", lines, cite)
	lines, cite = n.ratioLines([]string{"revenue_growth", "net_income_growth", "gross_margin", "operating_margin", "net_margin", "return_on_equity"}, 4)
	add("Growth, margins and returns, computed from the tables", lines, cite)
	lines, cite = n.ratioLines([]string{"current_ratio", "quick_ratio", "debt_to_equity", "liabilities_to_equity", "interest_coverage", "free_cash_flow"}, 4)
	add("Liquidity, debt and cash flow, computed from the tables", lines, cite)
	return out
}

// metricLines writes metrics with their latest two periods. Every line has its rows among
// the citations.
func (n numbers) metricLines(names []string, most int) (lines []string, cite []fairlead.Citation) {
	for _, name := range names {
		var parts []string
		title := ""
		for _, m := range n.metrics {
			if m.Name != name || len(parts) == 2 || len(lines) == most {
				continue
			}
			parts = append(parts, metric.Amount{Value: m.Value, Unit: m.Unit, Currency: m.Currency, Scaled: m.Scaled}.String()+" in "+m.Period)
			title, cite = m.Title, append(cite, m.Citation)
		}
		if len(parts) > 0 {
			lines = append(lines, title+": "+strings.Join(parts, ", "))
		}
	}
	return lines, cite
}

// ratioLines writes the latest of each ratio with its formula. No line is without its
// inputs among the citations: a finding has room for only so many.
func (n numbers) ratioLines(names []string, most int) (lines []string, cite []fairlead.Citation) {
	for _, name := range names {
		at := slices.IndexFunc(n.ratios, func(r Ratio) bool { return r.Name == name })
		if at < 0 || len(lines) == most {
			continue
		}
		r := n.ratios[at]
		more := slices.Clip(cite)
		for _, in := range r.Inputs {
			if !slices.Contains(more, in.Citation) {
				more = append(more, in.Citation)
			}
		}
		if len(more) > maxCitations {
			continue
		}
		cite = more
		lines = append(lines, r.Title+" "+r.Period+": "+metric.Amount{Value: r.Value, Unit: r.Unit, Currency: r.Currency, Scaled: r.Scaled}.String()+" ("+r.Formula+")")
	}
	return lines, cite
}
