package ratio_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/figures"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/ratio"
)

// figure is a figure in millions of dollars of a year.
func figure(m metric.Metric, year int, value float64) figures.Figure {
	p := period.Period{Year: year, Months: 12}
	if m.Moment() {
		p.Months = 0
	}
	return figures.Figure{
		Metric: m, Value: value, Period: p, Table: 1, Unit: figures.Unit{Kind: m.Kind(), Currency: "USD", Scaled: true},
		Citation: fairlead.Citation{Document: "file-a", Page: 1, Quote: string(m)},
	}
}

func compute(all ...figures.Figure) []string {
	var out []string
	for _, r := range ratio.Compute(all) {
		out = append(out, fmt.Sprintf("%s %s %.4g %s", r.Name, r.Period, r.Value, r.Form))
	}
	return out
}

func TestCompute(t *testing.T) {
	t.Parallel()
	quarter := period.Period{Year: 2018, Quarter: 1, Months: 3}
	for name, test := range map[string]struct {
		figures []figures.Figure
		want    []string
	}{
		"nothing":     {nil, nil},
		"one figure":  {[]figures.Figure{figure(metric.Revenue, 2018, 10)}, nil},
		"net margin":  {[]figures.Figure{figure(metric.Revenue, 2018, 200), figure(metric.NetIncome, 2018, 25)}, []string{"net_margin FY2018 12.5 percent"}},
		"a loss":      {[]figures.Figure{figure(metric.Revenue, 2018, 200), figure(metric.NetIncome, 2018, -25)}, []string{"net_margin FY2018 -12.5 percent"}},
		"growth":      {[]figures.Figure{figure(metric.Revenue, 2018, 110), figure(metric.Revenue, 2017, 100)}, []string{"revenue_growth FY2018 10 percent"}},
		"a gap":       {[]figures.Figure{figure(metric.Revenue, 2018, 110), figure(metric.Revenue, 2016, 100)}, nil},
		"from a loss": {[]figures.Figure{figure(metric.NetIncome, 2018, 110), figure(metric.NetIncome, 2017, -100)}, nil},
		"from zero":   {[]figures.Figure{figure(metric.NetIncome, 2018, 110), figure(metric.NetIncome, 2017, 0)}, nil},
		"by zero":     {[]figures.Figure{figure(metric.Revenue, 2018, 0), figure(metric.NetIncome, 2018, 110)}, nil},
		"other years": {[]figures.Figure{figure(metric.Revenue, 2018, 10), figure(metric.NetIncome, 2017, 110)}, nil},
		"gross margin from costs in parentheses": {
			[]figures.Figure{figure(metric.Revenue, 2018, 100), figure(metric.CostOfRevenue, 2018, -60)}, []string{"gross_margin FY2018 40 percent"},
		},
		"gross profit before costs": {
			[]figures.Figure{figure(metric.Revenue, 2018, 100), figure(metric.CostOfRevenue, 2018, 60), figure(metric.GrossProfit, 2018, 41)},
			[]string{"gross_margin FY2018 41 percent"},
		},
		"liquidity": {
			[]figures.Figure{figure(metric.CurrentAssets, 2018, 300), figure(metric.CurrentLiabs, 2018, 200), figure(metric.Inventory, 2018, 100), figure(metric.Cash, 2018, 50)},
			[]string{"current_ratio FY2018 1.5 times", "quick_ratio FY2018 1 times", "cash_ratio FY2018 0.25 times"},
		},
		"no inventory, no quick ratio": {
			[]figures.Figure{figure(metric.CurrentAssets, 2018, 300), figure(metric.CurrentLiabs, 2018, 200)}, []string{"current_ratio FY2018 1.5 times"},
		},
		"returns and debt": {
			[]figures.Figure{
				figure(metric.NetIncome, 2018, 10), figure(metric.Equity, 2018, 100), figure(metric.TotalAssets, 2018, 250),
				figure(metric.LongTermDebt, 2018, 40), figure(metric.ShortTermDebt, 2018, 10),
			},
			[]string{"return_on_equity FY2018 10 percent", "return_on_assets FY2018 4 percent", "debt_to_equity FY2018 0.5 times", "equity_ratio FY2018 40 percent"},
		},
		"equity below zero": {
			[]figures.Figure{figure(metric.NetIncome, 2018, 10), figure(metric.Equity, 2018, -100), figure(metric.TotalDebt, 2018, 40)}, nil,
		},
		"interest": {[]figures.Figure{figure(metric.OperatingIncome, 2018, 10), figure(metric.InterestExpense, 2018, -4)}, []string{"interest_coverage FY2018 2.5 times"}},
		"cash flow": {
			[]figures.Figure{figure(metric.OperatingCashFlow, 2018, 10), figure(metric.CapitalSpending, 2018, -4), figure(metric.Revenue, 2018, 60)},
			[]string{"free_cash_flow FY2018 6 money", "free_cash_flow_margin FY2018 10 percent"},
		},
		"two currencies":            {[]figures.Figure{figure(metric.Revenue, 2018, 100), with(figure(metric.NetIncome, 2018, 10), func(f *figures.Figure) { f.Unit.Currency = "EUR" })}, nil},
		"two documents":             {[]figures.Figure{figure(metric.Revenue, 2018, 100), with(figure(metric.NetIncome, 2018, 10), func(f *figures.Figure) { f.Citation.Document = "file-b" })}, nil},
		"an unknown scale":          {[]figures.Figure{figure(metric.Revenue, 2018, 100), with(figure(metric.NetIncome, 2018, 10), func(f *figures.Figure) { f.Unit.Scaled, f.Table = false, 2 })}, nil},
		"unknown beside a known":    {[]figures.Figure{figure(metric.Revenue, 2018, 100), with(figure(metric.NetIncome, 2018, 10), func(f *figures.Figure) { f.Unit.Scaled = false })}, nil},
		"two unknown, two tables":   {[]figures.Figure{unknown(figure(metric.Revenue, 2018, 100), 1), unknown(figure(metric.NetIncome, 2018, 10), 2)}, nil},
		"two unknown, one table":    {[]figures.Figure{unknown(figure(metric.Revenue, 2018, 100), 1), unknown(figure(metric.NetIncome, 2018, 10), 1)}, []string{"net_margin FY2018 10 percent"}},
		"a quarter's margin":        {[]figures.Figure{at(figure(metric.Revenue, 2018, 100), quarter), at(figure(metric.NetIncome, 2018, 10), quarter)}, []string{"net_margin Q1 2018 10 percent"}},
		"no return of a quarter":    {[]figures.Figure{at(figure(metric.NetIncome, 2018, 10), quarter), figure(metric.Equity, 2018, 100)}, nil},
		"quarters of two years":     {[]figures.Figure{at(figure(metric.Revenue, 2018, 11), quarter), at(figure(metric.Revenue, 2017, 10), period.Period{Year: 2017, Quarter: 1, Months: 3})}, []string{"revenue_growth Q1 2018 10 percent"}},
		"a quarter and a year":      {[]figures.Figure{at(figure(metric.Revenue, 2018, 11), quarter), figure(metric.Revenue, 2017, 10)}, nil},
		"not more stock than there": {[]figures.Figure{figure(metric.CurrentAssets, 2018, 3), figure(metric.CurrentLiabs, 2018, 2), figure(metric.Inventory, 2018, 100)}, []string{"current_ratio FY2018 1.5 times"}},
		"too large":                 {[]figures.Figure{figure(metric.Revenue, 2018, math.SmallestNonzeroFloat64), figure(metric.NetIncome, 2018, math.MaxFloat64)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := compute(test.figures...); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func with(f figures.Figure, change func(*figures.Figure)) figures.Figure {
	change(&f)
	return f
}

func unknown(f figures.Figure, table int) figures.Figure {
	f.Unit.Scaled, f.Unit.Currency, f.Table = false, "", table
	return f
}

func at(f figures.Figure, p period.Period) figures.Figure {
	f.Period = p
	return f
}

func TestInputsAreCited(t *testing.T) {
	t.Parallel()
	got := ratio.Compute([]figures.Figure{figure(metric.Revenue, 2018, 200), figure(metric.NetIncome, 2018, 25)})
	if len(got) != 1 || len(got[0].Inputs) != 2 || got[0].Inputs[0].Citation.Quote != "net_income" || got[0].Inputs[1].Citation.Quote != "revenue" {
		t.Errorf("got %+v, want net income and revenue as its inputs", got)
	}
}

// TestArithmetic compares ratios with fractions that lose nothing.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cents := func(label string) int64 { return rapid.Int64Range(-1e15, 1e15).Draw(t, label) }
		a, b := cents("a"), cents("b")
		got := ratio.Compute([]figures.Figure{figure(metric.NetIncome, 2018, float64(a)/100), figure(metric.Revenue, 2018, float64(b)/100)})
		if (len(got) == 1) != (b > 0) {
			t.Fatalf("got %d ratios of %d and %d", len(got), a, b)
		}
		if b > 0 {
			want, _ := new(big.Rat).Mul(big.NewRat(100, 1), big.NewRat(a, b)).Float64()
			near(t, got[0].Value, want)
		}
		got = ratio.Compute([]figures.Figure{figure(metric.Revenue, 2018, float64(a)/100), figure(metric.Revenue, 2017, float64(b)/100)})
		if (len(got) == 1) != (b > 0) {
			t.Fatalf("got %d growths of %d and %d", len(got), a, b)
		}
		if b > 0 {
			want, _ := new(big.Rat).Mul(big.NewRat(100, 1), new(big.Rat).Sub(big.NewRat(a, b), big.NewRat(1, 1))).Float64()
			if got := got[0].Value; math.Abs(got-want) > 1e-9*max(100, math.Abs(want)) {
				t.Fatalf("got a growth of %g, want %g", got, want)
			}
		}
	})
}

func near(t *rapid.T, got, want float64) {
	if math.Abs(got-want) > 1e-9*math.Abs(want) {
		t.Fatalf("got %g, want %g", got, want)
	}
}

// TestNothingIsMixed puts figures of any unit, scale, document and period beside one
// another: what is computed has inputs that fit.
func TestNothingIsMixed(t *testing.T) {
	t.Parallel()
	metrics := []metric.Metric{metric.Revenue, metric.NetIncome, metric.Equity, metric.CurrentAssets, metric.CurrentLiabs, metric.Inventory, metric.OperatingCashFlow, metric.CapitalSpending}
	rapid.Check(t, func(t *rapid.T) {
		seen := make(map[string]bool)
		var all []figures.Figure
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			f := figure(rapid.SampledFrom(metrics).Draw(t, "metric"), rapid.IntRange(2016, 2018).Draw(t, "year"), rapid.Float64Range(-1e12, 1e12).Draw(t, "value"))
			f.Unit.Currency = rapid.SampledFrom([]string{"USD", "EUR", ""}).Draw(t, "currency")
			f.Unit.Scaled = rapid.Bool().Draw(t, "scaled")
			f.Table = rapid.IntRange(0, 2).Draw(t, "table")
			f.Citation.Document = rapid.SampledFrom([]fairlead.DocumentID{"file-a", "file-b"}).Draw(t, "document")
			if id := string(f.Metric) + f.Period.String(); !seen[id] {
				seen[id] = true
				all = append(all, f)
			}
		}
		for _, r := range ratio.Compute(all) {
			checkInputs(t, r)
			if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
				t.Fatalf("%s is %g", r.Name, r.Value)
			}
		}
	})
}

// checkInputs fails where inputs don't fit one another.
func checkInputs(t *rapid.T, r ratio.Ratio) {
	first := r.Inputs[0]
	for _, f := range r.Inputs {
		same := f.Table == first.Table && f.Table != 0
		switch {
		case f.Citation.Document != first.Citation.Document:
			t.Fatalf("%s mixes documents", r.Name)
		case f.Unit.Currency != first.Unit.Currency && f.Unit.Currency != "" && first.Unit.Currency != "":
			t.Fatalf("%s mixes currencies", r.Name)
		case (f.Unit.Currency == "" || !f.Unit.Scaled) && !same:
			t.Fatalf("%s mixes what is not known of two tables", r.Name)
		case f.Unit.Scaled != first.Unit.Scaled:
			t.Fatalf("%s mixes scales", r.Name)
		case f.Period.Year != r.Period.Year && (f.Period.Year != r.Period.Year-1 || len(r.Inputs) != 2 || f.Metric != first.Metric):
			t.Fatalf("%s mixes periods", r.Name)
		}
	}
}
