// Package ratio computes what analysts compute from the figures of a report: margins,
// growth, liquidity, debt, returns. A ratio is arithmetic on figures that were read and
// are cited, and nothing else.
//
// Two figures are put together only if they are of one document, one currency and one
// scale, and of periods that fit. What is missing, or would divide by zero or by what
// makes the ratio meaningless, gives no ratio.
//
// Start with Compute.
package ratio

import (
	"cmp"
	"math"
	"slices"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/figures"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

// Form is how a ratio's value is to be read.
type Form string

// The forms.
const (
	Percent Form = "percent" // 12.5 is 12.5 %
	Times   Form = "times"
	Sum     Form = "money" // in single units of the currency, if Scaled
)

// Ratio is a value that was computed from figures.
type Ratio struct {
	// Name is in snake case, Title for people, Formula in words.
	Name, Title, Formula string
	Value                float64
	Form                 Form
	// Currency and Scaled are those of a Sum.
	Currency string
	Scaled   bool
	Period   period.Period
	// Inputs are the figures that it was computed from, in the order of the formula.
	Inputs []figures.Figure
}

// rule is how a ratio is computed.
type rule struct {
	name, title, formula string
	form                 Form
	inputs               []metric.Metric
	// compute gets the inputs' values; ok is false where they give no ratio.
	compute func(v []float64) (value float64, ok bool)
}

func rules() []rule {
	part := func(v []float64) (float64, bool) { return 100 * v[0] / v[1], v[1] > 0 }
	times := func(v []float64) (float64, bool) { return v[0] / v[1], v[1] > 0 }
	absolute := func(v []float64) (float64, bool) { return v[0] / math.Abs(v[1]), v[1] != 0 }
	return []rule{
		{"gross_margin", "Gross margin", "gross profit / revenue", Percent, []metric.Metric{metric.GrossProfit, metric.Revenue}, part},
		{
			"gross_margin", "Gross margin", "(revenue - cost of revenue) / revenue", Percent,
			[]metric.Metric{metric.Revenue, metric.CostOfRevenue},
			func(v []float64) (float64, bool) { return 100 * (v[0] - math.Abs(v[1])) / v[0], v[0] > 0 },
		},
		{"operating_margin", "Operating margin", "operating income / revenue", Percent, []metric.Metric{metric.OperatingIncome, metric.Revenue}, part},
		{"ebitda_margin", "EBITDA margin", "EBITDA / revenue", Percent, []metric.Metric{metric.EBITDA, metric.Revenue}, part},
		{"net_margin", "Net margin", "net income / revenue", Percent, []metric.Metric{metric.NetIncome, metric.Revenue}, part},
		{
			"research_intensity", "Research and development to revenue", "research and development / revenue", Percent,
			[]metric.Metric{metric.Research, metric.Revenue},
			func(v []float64) (float64, bool) { return 100 * math.Abs(v[0]) / v[1], v[1] > 0 },
		},
		{"return_on_equity", "Return on equity", "net income / equity at the end of the period", Percent, []metric.Metric{metric.NetIncome, metric.Equity}, part},
		{"return_on_assets", "Return on assets", "net income / total assets at the end of the period", Percent, []metric.Metric{metric.NetIncome, metric.TotalAssets}, part},
		{"asset_turnover", "Asset turnover", "revenue / total assets at the end of the period", Times, []metric.Metric{metric.Revenue, metric.TotalAssets}, times},
		{"current_ratio", "Current ratio", "current assets / current liabilities", Times, []metric.Metric{metric.CurrentAssets, metric.CurrentLiabs}, times},
		{
			"quick_ratio", "Quick ratio", "(current assets - inventory) / current liabilities", Times,
			[]metric.Metric{metric.CurrentAssets, metric.Inventory, metric.CurrentLiabs},
			func(v []float64) (float64, bool) { return (v[0] - v[1]) / v[2], v[2] > 0 && v[1] >= 0 && v[1] <= v[0] },
		},
		{"cash_ratio", "Cash ratio", "cash / current liabilities", Times, []metric.Metric{metric.Cash, metric.CurrentLiabs}, times},
		{"debt_to_equity", "Debt to equity", "total debt / equity", Times, []metric.Metric{metric.TotalDebt, metric.Equity}, times},
		{
			"debt_to_equity", "Debt to equity", "(long-term debt + short-term debt) / equity", Times,
			[]metric.Metric{metric.LongTermDebt, metric.ShortTermDebt, metric.Equity},
			func(v []float64) (float64, bool) { return (v[0] + v[1]) / v[2], v[2] > 0 },
		},
		{"liabilities_to_equity", "Liabilities to equity", "total liabilities / equity", Times, []metric.Metric{metric.TotalLiabilities, metric.Equity}, times},
		{"equity_ratio", "Equity ratio", "equity / total assets", Percent, []metric.Metric{metric.Equity, metric.TotalAssets}, part},
		{"interest_coverage", "Interest coverage", "operating income / interest expense", Times, []metric.Metric{metric.OperatingIncome, metric.InterestExpense}, absolute},
		{
			"free_cash_flow", "Free cash flow", "operating cash flow - capital expenditures", Sum,
			[]metric.Metric{metric.OperatingCashFlow, metric.CapitalSpending},
			func(v []float64) (float64, bool) { return v[0] - math.Abs(v[1]), true },
		},
		{
			"free_cash_flow_margin", "Free cash flow margin", "(operating cash flow - capital expenditures) / revenue", Percent,
			[]metric.Metric{metric.OperatingCashFlow, metric.CapitalSpending, metric.Revenue},
			func(v []float64) (float64, bool) { return 100 * (v[0] - math.Abs(v[1])) / v[2], v[2] > 0 },
		},
	}
}

// grown are the metrics whose growth is computed.
func grown() []metric.Metric {
	return []metric.Metric{
		metric.Revenue, metric.GrossProfit, metric.EBITDA, metric.OperatingIncome, metric.NetIncome, metric.EPSDiluted, metric.OperatingCashFlow,
		metric.TotalAssets, metric.Equity,
	}
}

// key is where a figure is looked up: there is one at most.
type key struct {
	metric metric.Metric
	period period.Period
}

// Compute returns the ratios of the figures of one document, of which there is at most
// one for each metric and period, as Reader.Figures gives them. They are in the order of
// their kind, the latest period first. It does not change all.
func Compute(all []figures.Figure) []Ratio {
	byKey := make(map[key]figures.Figure, len(all))
	var periods []period.Period
	for _, f := range all {
		byKey[key{f.Metric, f.Period}] = f
		if !slices.Contains(periods, f.Period) {
			periods = append(periods, f.Period)
		}
	}
	slices.SortFunc(periods, later)
	var out []Ratio
	for _, m := range grown() {
		for _, p := range periods {
			if r, ok := growth(byKey, m, p); ok {
				out = append(out, r)
			}
		}
	}
	for _, rule := range rules() {
		for _, p := range periods {
			r, ok := rule.apply(byKey, p)
			if ok && !slices.ContainsFunc(out, func(o Ratio) bool { return o.Name == r.Name && o.Period == r.Period }) {
				out = append(out, r)
			}
		}
	}
	return out
}

// later orders periods, the latest first.
func later(a, b period.Period) int {
	return cmp.Or(cmp.Compare(b.Year, a.Year), cmp.Compare(b.Quarter, a.Quarter), cmp.Compare(b.EndMonth, a.EndMonth), cmp.Compare(b.Months, a.Months))
}

// apply computes a rule for a period. Where it puts a moment beside a span of time,
// that is a year.
func (r *rule) apply(byKey map[key]figures.Figure, p period.Period) (Ratio, bool) {
	moments := 0
	for _, m := range r.inputs {
		if m.Moment() {
			moments++
		}
	}
	switch {
	case moments == len(r.inputs) && p.Months != 0, moments < len(r.inputs) && p.Months == 0:
		return Ratio{}, false
	case moments > 0 && moments < len(r.inputs) && !p.Annual():
		return Ratio{}, false
	}
	inputs, values := make([]figures.Figure, 0, len(r.inputs)), make([]float64, 0, len(r.inputs))
	for _, m := range r.inputs {
		at := p
		if m.Moment() && p.Annual() {
			at = period.Period{Year: p.Year, EndMonth: p.EndMonth}
		}
		f, ok := byKey[key{m, at}]
		if !ok || len(inputs) > 0 && !fit(inputs[0], f) {
			return Ratio{}, false
		}
		inputs, values = append(inputs, f), append(values, f.Value)
	}
	v, ok := r.compute(values)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		return Ratio{}, false
	}
	out := Ratio{Name: r.name, Title: r.title, Formula: r.formula, Value: v, Form: r.form, Period: p, Inputs: inputs}
	if r.form == Sum {
		out.Currency, out.Scaled = inputs[0].Unit.Currency, inputs[0].Unit.Scaled
	}
	return out, true
}

// fit reports whether two figures may be put together. One whose scale is not known
// fits those of its own table alone, and so does one whose currency is not.
func fit(a, b figures.Figure) bool {
	sameTable := a.Table == b.Table && a.Table != 0
	switch {
	case a.Citation.Document != b.Citation.Document || a.Unit.Kind != b.Unit.Kind:
		return false
	case a.Unit.Currency != b.Unit.Currency && (!sameTable || a.Unit.Currency != "" && b.Unit.Currency != ""):
		return false
	case a.Unit.Currency == "" && !sameTable:
		return false
	case !a.Unit.Scaled || !b.Unit.Scaled:
		return sameTable && a.Unit.Scaled == b.Unit.Scaled
	}
	return true
}

// growth computes by how much a metric grew over the same period of the year before. A
// base that is not above zero gives none.
func growth(byKey map[key]figures.Figure, m metric.Metric, p period.Period) (Ratio, bool) {
	before := p
	before.Year--
	now, ok := byKey[key{m, p}]
	base, okBase := byKey[key{m, before}]
	if !ok || !okBase || !fit(now, base) || base.Value <= 0 {
		return Ratio{}, false
	}
	v := 100 * (now.Value - base.Value) / base.Value
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Ratio{}, false
	}
	return Ratio{
		Name: string(m) + "_growth", Title: m.Title() + " growth", Formula: "change over the year before / value of the year before",
		Value: v, Form: Percent, Period: p, Inputs: []figures.Figure{now, base},
	}, true
}
