// Package metric names the figures that reports have in common, and knows what reports
// call them: in English, and the commonest names in German, French, Spanish, Japanese,
// Chinese and Korean.
//
// The idea: a label stands for a metric only if, without parentheses and punctuation, it
// is one of the metric's names. "Deferred revenue" is no revenue.
//
// Start with NewNames, then Names.Of.
package metric

import (
	"slices"
	"strings"
	"unicode"
)

// Kind is what a value counts.
type Kind string

// The kinds.
const (
	Money    Kind = "money"
	PerShare Kind = "per_share" // money for each share
	Shares   Kind = "shares"
)

// Metric is a figure that reports have in common.
type Metric string

// The metrics. Those from TotalAssets to Equity are of a moment, the others of a period.
const (
	Revenue           Metric = "revenue"
	CostOfRevenue     Metric = "cost_of_revenue"
	GrossProfit       Metric = "gross_profit"
	Research          Metric = "research_and_development"
	SellingGeneral    Metric = "selling_general_administrative"
	EBITDA            Metric = "ebitda"
	Depreciation      Metric = "depreciation_and_amortization"
	OperatingIncome   Metric = "operating_income"
	InterestExpense   Metric = "interest_expense"
	PretaxIncome      Metric = "pretax_income"
	IncomeTax         Metric = "income_tax"
	NetIncome         Metric = "net_income"
	EPSBasic          Metric = "eps_basic"
	EPSDiluted        Metric = "eps_diluted"
	DividendsPerShare Metric = "dividends_per_share"
	SharesBasic       Metric = "shares_basic"
	SharesDiluted     Metric = "shares_diluted"
	TotalAssets       Metric = "total_assets"
	CurrentAssets     Metric = "current_assets"
	Cash              Metric = "cash"
	Receivables       Metric = "receivables"
	Inventory         Metric = "inventory"
	TotalLiabilities  Metric = "total_liabilities"
	CurrentLiabs      Metric = "current_liabilities"
	ShortTermDebt     Metric = "short_term_debt"
	LongTermDebt      Metric = "long_term_debt"
	TotalDebt         Metric = "total_debt"
	Equity            Metric = "equity"
	OperatingCashFlow Metric = "operating_cash_flow"
	CapitalSpending   Metric = "capital_expenditures"
)

// known lists the metrics in the order in which a report has them.
func known() []Metric {
	return []Metric{
		Revenue, CostOfRevenue, GrossProfit, Research, SellingGeneral, EBITDA, Depreciation, OperatingIncome, InterestExpense,
		PretaxIncome, IncomeTax, NetIncome, EPSBasic, EPSDiluted, DividendsPerShare, SharesBasic, SharesDiluted,
		TotalAssets, CurrentAssets, Cash, Receivables, Inventory, TotalLiabilities, CurrentLiabs, ShortTermDebt, LongTermDebt,
		TotalDebt, Equity, OperatingCashFlow, CapitalSpending,
	}
}

// Order is the metric's place in the order in which a report has them.
func (m Metric) Order() int { return slices.Index(known(), m) }

// Title is the metric's name for people.
func (m Metric) Title() string {
	title := strings.ReplaceAll(string(m), "_", " ")
	title = strings.ToUpper(title[:1]) + title[1:]
	return strings.NewReplacer("Ebitda", "EBITDA", "Eps ", "Earnings per share, ", "Selling general administrative", "Selling, general and administrative").Replace(title)
}

// Kind is what the metric counts.
func (m Metric) Kind() Kind {
	if slices.Contains([]Metric{EPSBasic, EPSDiluted, DividendsPerShare}, m) {
		return PerShare
	}
	if m == SharesBasic || m == SharesDiluted {
		return Shares
	}
	return Money
}

// Moment reports whether it is a figure of a moment, such as a balance sheet has, and
// not of a period.
func (m Metric) Moment() bool {
	return slices.Contains([]Metric{
		TotalAssets, CurrentAssets, Cash, Receivables, Inventory, TotalLiabilities, CurrentLiabs, ShortTermDebt, LongTermDebt, TotalDebt, Equity,
	}, m)
}

// Names knows what metrics are called. It is immutable.
type Names struct{ labels, losses map[string]Metric }

// NewNames returns the names.
func NewNames() Names { return Names{labels: byLabel(labels()), losses: byLabel(lossLabels())} }

// Of names the metric that a row's label stands for. loss says that the label is of a
// loss: whatever the value's sign, it is below zero. under is the label above it that has
// no values of its own.
func (v Names) Of(label, under string) (m Metric, loss, ok bool) {
	name := plain(label)
	if name == "" {
		return "", false, false
	}
	if m, ok := v.labels[name]; ok {
		return m, false, true
	}
	if m, ok := v.losses[name]; ok {
		return m, true, true
	}
	if m, ok := v.labels[strings.TrimPrefix(name, "total ")]; ok && strings.HasPrefix(name, "total ") {
		return m, false, true
	}
	switch {
	case strings.HasPrefix(name, "total ") && !strings.Contains(name, "liabilities") &&
		(strings.HasSuffix(name, " shareholders equity") || strings.HasSuffix(name, " stockholders equity")):
		return Equity, false, true
	case strings.HasPrefix(name, "net income attributable to ") && !strings.Contains(name, "noncontrolling") && !strings.Contains(name, "non controlling"):
		return NetIncome, false, true
	case name == "basic" || name == "diluted":
		return twoFold(name, plain(under))
	case strings.HasPrefix(name, "earnings per share ") || strings.HasPrefix(name, "net income per share ") || strings.HasPrefix(name, "weighted average "):
		last := name[strings.LastIndexByte(name, ' ')+1:]
		if last == "basic" || last == "diluted" {
			return twoFold(last, name)
		}
	}
	return "", false, false
}

// twoFold is the metric of a row that is called basic or diluted, under a label.
func twoFold(name, under string) (m Metric, loss, ok bool) {
	diluted := name == "diluted"
	switch {
	case strings.Contains(under, "dividend"):
		return "", false, false
	case strings.Contains(under, "per share") || strings.Contains(under, "per common share"):
		if diluted {
			return EPSDiluted, false, true
		}
		return EPSBasic, false, true
	case strings.Contains(under, "shares"):
		if diluted {
			return SharesDiluted, false, true
		}
		return SharesBasic, false, true
	}
	return "", false, false
}

// plain is a label in lower case, without what stands in parentheses, marks of
// footnotes and punctuation.
func plain(label string) string {
	var b strings.Builder
	depth, gap := 0, false
	for _, r := range strings.ToLower(label) {
		switch {
		case r == '(' || r == '[' || r == '（':
			depth++
		case r == ')' || r == ']' || r == '）':
			depth = max(0, depth-1)
		case depth > 0 || r == '\'' || r == '’' || r == '´':
		case unicode.IsLetter(r) || unicode.IsDigit(r) && r < unicode.MaxASCII || unicode.Is(unicode.M, r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(r)
		case r == '&':
			b.WriteString(" and")
			gap = true
		default:
			gap = true
		}
	}
	return b.String()
}
