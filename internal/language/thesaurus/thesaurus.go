// Package thesaurus knows what is meant as well where something is asked for: words of
// finance, in English, as reports name one figure in many ways.
//
// Start with New and Thesaurus.Expand.
package thesaurus

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/language"
)

// Thesaurus adds to what is asked for what is meant as well. It is safe for concurrent
// use.
type Thesaurus struct {
	phrases map[string][]phrase // by their first term
}

// phrase is one of several ways to say something.
type phrase struct {
	terms  []string
	others []string // the terms of the other ways
}

// New returns a Thesaurus whose phrases have the terms that a makes of them.
func New(a *language.Analyzer) *Thesaurus {
	t := &Thesaurus{phrases: make(map[string][]phrase)}
	for line := range strings.SplitSeq(financeSynonyms(), "\n") {
		var ways [][]string
		for way := range strings.SplitSeq(line, "|") {
			if terms := telling(a.Append(nil, way, "en")); len(terms) > 0 {
				ways = append(ways, terms)
			}
		}
		for i, way := range ways {
			p := phrase{terms: way}
			for j, other := range ways {
				if i != j {
					p.others = append(p.others, other...)
				}
			}
			t.phrases[way[0]] = append(t.phrases[way[0]], p)
		}
	}
	return t
}

// telling are the terms of tokens that are no stop words.
func telling(tokens []language.Token) []string {
	var terms []string
	for _, token := range tokens {
		if !token.Stop {
			terms = append(terms, token.Text)
		}
	}
	return terms
}

// Expand returns the terms of other ways to say what tokens of an English text say, each
// once, without those that are there.
func (t *Thesaurus) Expand(tokens []language.Token) []string {
	terms := telling(tokens)
	there := make(map[string]bool, len(terms))
	for _, term := range terms {
		there[term] = true
	}
	var more []string
	for i := range terms {
		for _, p := range t.phrases[terms[i]] {
			if !hasPrefix(terms[i:], p.terms) {
				continue
			}
			for _, other := range p.others {
				if !there[other] {
					there[other] = true
					more = append(more, other)
				}
			}
		}
	}
	return more
}

func hasPrefix(terms, prefix []string) bool {
	if len(terms) < len(prefix) {
		return false
	}
	for i := range prefix {
		if terms[i] != prefix[i] {
			return false
		}
	}
	return true
}

// financeSynonyms are lines of phrases that mean the same in a financial report.
func financeSynonyms() string {
	return `capex|capital expenditures|capital expenditure|capital spending|purchases of property, plant and equipment|additions to property, plant and equipment
ppe|pp&e|property, plant and equipment|property and equipment|fixed assets
revenue|net sales|net revenue|sales|turnover
eps|earnings per share|income per share
cogs|cost of goods sold|cost of sales|cost of revenue
sg&a|selling, general and administrative expenses
r&d|research and development
d&a|depreciation and amortization
ebit|operating income|operating profit|income from operations
ebitda|earnings before interest, taxes, depreciation and amortization
net income|net earnings|net profit|profit for the year
gross margin|gross profit
operating margin|operating income as a percentage of sales
fcf|free cash flow
cash flow from operations|operating cash flow|net cash provided by operating activities|cash generated from operations
accounts receivable|trade receivables|receivables
accounts payable|trade payables|payables
inventory|inventories|stock in trade
shareholders equity|stockholders equity|total equity
long-term debt|non-current borrowings|long-term borrowings
current ratio|current assets and current liabilities
quick ratio|cash, receivables and current liabilities
working capital|current assets less current liabilities
dividend|dividends|distributions to shareholders
buyback|share repurchase|repurchases of common stock|treasury stock
goodwill|intangible assets
effective tax rate|provision for income taxes
leverage|debt to equity
liquidity|cash and cash equivalents
roa|return on assets
roe|return on equity
m&a|mergers and acquisitions|business combinations
restructuring|severance and exit costs
headcount|number of employees|workforce
guidance|outlook|forecast
litigation|legal proceedings|lawsuits
balance sheet|statement of financial position
income statement|statement of operations|statement of earnings|profit and loss
cash flow statement|statement of cash flows
fx|foreign exchange|foreign currency
ceo|chief executive officer
cfo|chief financial officer`
}
