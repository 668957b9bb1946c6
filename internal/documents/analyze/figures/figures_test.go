package figures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/figures"
)

// read returns the figures of a text as lines "metric period = value unit", where the
// value is in single units if that is known, else marked "as printed".
func read(text, language string) []string {
	r := figures.NewReader("file-a", language)
	var pages []fairlead.Page
	at := int64(0)
	for i, page := range strings.SplitAfter(text, "\f") {
		pages = append(pages, fairlead.Page{Number: i + 1, Start: at, End: at + int64(len(page))})
		at += int64(len(page))
	}
	r.Read(figures.Piece{Text: strings.ReplaceAll(text, "\f", "\n"), Pages: pages})
	var out []string
	for _, f := range r.Figures() {
		if got := strings.ReplaceAll(text, "\f", "\n")[f.Citation.Start:f.Citation.End]; got != f.Citation.Quote {
			out = append(out, fmt.Sprintf("the citation %q is %q", f.Citation.Quote, got))
		}
		s := fmt.Sprintf("%s %s = %.14g", f.Metric, f.Period, f.Value)
		if f.Unit.Currency != "" {
			s += " " + f.Unit.Currency
		}
		if !f.Unit.Scaled {
			s += " as printed"
		}
		out = append(out, s)
	}
	return out
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text, language string
		want           []string
	}{
		"a table of cells": {
			"Income (in millions)\n\n | FY2018 | FY2017\nRevenue | 1,577 | 1,402\nNet income | (12) | 30.5",
			"en",
			[]string{"revenue FY2018 = 1577000000", "revenue FY2017 = 1402000000", "net_income FY2018 = -12000000", "net_income FY2017 = 30500000"},
		},
		"the unit in the head, signs in cells of their own": {
			"(Millions, except per share amounts) | | 2018 | | | 2017 |\nNet sales | $ | 32,765 | | $ | 31,657 | \nDiluted earnings per share | $ | 8.89 | | $ | 7.93 |",
			"",
			[]string{"revenue FY2018 = 32765000000 $", "revenue FY2017 = 31657000000 $", "eps_diluted FY2018 = 8.89 $", "eps_diluted FY2017 = 7.93 $"},
		},
		"lines whose figures fell into one cell": {
			"In millions of US dollars\n\nYears ended December 31 2023 2022\n\nNet sales | 1,577 1,402\nInterest expense | (18) (21)\nNet income | 164 121",
			"en",
			[]string{"revenue FY2023 = 1577000000 USD", "revenue FY2022 = 1402000000 USD", "interest_expense FY2023 = -18000000 USD", "interest_expense FY2022 = -21000000 USD", "net_income FY2023 = 164000000 USD", "net_income FY2022 = 121000000 USD"},
		},
		"lines of a printed page": {
			"Consolidated Statement of Income\nYears ended December 31\n(Millions) 2018 2017\nTotal revenues 1,577 1,402 12.5%\nCost of sales ...... (800) (700)\nNet income $ 349 $ 300",
			"",
			[]string{"revenue FY2018 = 1577000000 $", "revenue FY2017 = 1402000000 $", "cost_of_revenue FY2018 = -800000000 $", "cost_of_revenue FY2017 = -700000000 $", "net_income FY2018 = 349000000 $", "net_income FY2017 = 300000000 $"},
		},
		"statements of a 10-K as PDFs give them": {
			"Consolidated Statement of Income\nYears ended December 31\n(Millions, except per share amounts) 2018 2017 2016\nNet sales $ 32,765 $ 31,657 $ 30,109\nOperating expenses\nCost of sales 16,682 16,055 15,118\n" +
				"Research, development and related expenses 1,821 1,870 1,764\nGain on sale of businesses (547) (586) (111)\nOperating income 7,207 7,692 7,027\nNet income attributable to 3M $ 5,349 $ 4,858 $ 5,050\n" +
				"Weighted average 3M common shares outstanding — diluted 602.0 612.7 618.7\nEarnings per share attributable to 3M common shareholders — diluted $ 8.89 $ 7.93 $ 8.16\n\f" +
				"Consolidated Balance Sheet\nAt December 31\n\nDecember 31, December 31,\n(Dollars in millions, except per share amount) 2018 2017\nAssets\nCurrent assets\nCash and cash equivalents $ 2,853 $ 3,053\n" +
				"Accounts receivable — net of allowances of $95 and $103 5,020 4,911\nTotal inventories 4,366 4,034\nTotal current assets 13,709 14,277\nProperty, plant and equipment 24,873 24,914\n" +
				"Total assets $ 36,500 $ 37,987\nShort-term borrowings and current portion of long-term debt $ 1,211 $ 1,853\nTotal current liabilities 7,244 7,687\nLong-term debt 13,411 12,096\n" +
				"Total liabilities $ 26,652 $ 26,365\nTotal 3M Company shareholders’ equity 9,796 11,563\nNoncontrolling interest 52 59\nTotal liabilities and equity $ 36,500 $ 37,987\n\f" +
				"Years ended December 31\n(Millions) 2018 2017 2016\nNet cash provided by (used in) operating activities 6,439 6,240 6,662\nPurchases of property, plant and equipment (PP&E) (1,577) (1,373) (1,420)",
			"en",
			[]string{
				"revenue FY2018 = 32765000000 $", "revenue FY2017 = 31657000000 $", "revenue FY2016 = 30109000000 $",
				"cost_of_revenue FY2018 = 16682000000 $", "cost_of_revenue FY2017 = 16055000000 $", "cost_of_revenue FY2016 = 15118000000 $",
				"research_and_development FY2018 = 1821000000 $", "research_and_development FY2017 = 1870000000 $", "research_and_development FY2016 = 1764000000 $",
				"operating_income FY2018 = 7207000000 $", "operating_income FY2017 = 7692000000 $", "operating_income FY2016 = 7027000000 $",
				"net_income FY2018 = 5349000000 $", "net_income FY2017 = 4858000000 $", "net_income FY2016 = 5050000000 $",
				"eps_diluted FY2018 = 8.89 $", "eps_diluted FY2017 = 7.93 $", "eps_diluted FY2016 = 8.16 $",
				"shares_diluted FY2018 = 602000000", "shares_diluted FY2017 = 612700000", "shares_diluted FY2016 = 618700000",
				"total_assets FY2018 = 36500000000 $", "total_assets FY2017 = 37987000000 $", "current_assets FY2018 = 13709000000 $", "current_assets FY2017 = 14277000000 $",
				"cash FY2018 = 2853000000 $", "cash FY2017 = 3053000000 $", "inventory FY2018 = 4366000000 $", "inventory FY2017 = 4034000000 $",
				"total_liabilities FY2018 = 26652000000 $", "total_liabilities FY2017 = 26365000000 $", "current_liabilities FY2018 = 7244000000 $", "current_liabilities FY2017 = 7687000000 $",
				"short_term_debt FY2018 = 1211000000 $", "short_term_debt FY2017 = 1853000000 $", "long_term_debt FY2018 = 13411000000 $", "long_term_debt FY2017 = 12096000000 $",
				"equity FY2018 = 9796000000 $", "equity FY2017 = 11563000000 $",
				"operating_cash_flow FY2018 = 6439000000 $", "operating_cash_flow FY2017 = 6240000000 $", "operating_cash_flow FY2016 = 6662000000 $",
				"capital_expenditures FY2018 = -1577000000 $", "capital_expenditures FY2017 = -1373000000 $", "capital_expenditures FY2016 = -1420000000 $",
			},
		},
		"a note's number": {
			"Note 2018 2017\nRevenue 4 1,577 1,402\nInventories 12 200 180", "",
			[]string{"revenue FY2018 = 1577 as printed", "revenue FY2017 = 1402 as printed", "inventory FY2018 = 200 as printed", "inventory FY2017 = 180 as printed"},
		},
		"a footnote's mark": {
			"In thousands of dollars\n2018 2017\nRevenue (1) 1,577 1,402", "",
			[]string{"revenue FY2018 = 1577000 $", "revenue FY2017 = 1402000 $"},
		},
		"the change behind": {
			"2018 2017 Change\nRevenue 1,577 1,402 175", "", []string{"revenue FY2018 = 1577 as printed", "revenue FY2017 = 1402 as printed"},
		},
		"a missing value among cells": {
			" | 2018 | 2017\nRevenue |  | 1,402\nNet income | — | 30", "", []string{"revenue FY2017 = 1402 as printed", "net_income FY2017 = 30 as printed"},
		},
		"a missing value on a line is not guessed": {
			"2018 2017\nRevenue 1,577\nNet income 30 20", "", []string{"net_income FY2018 = 30 as printed", "net_income FY2017 = 20 as printed"},
		},
		"balance sheet and income of a year that ends in June": {
			"Year ended June 30, 2018\n2018 2017\nRevenue 10 9\n\fBalance sheet\n | June 30, 2018 | June 30, 2017\nTotal assets | 100 | 90\nTotal current liabilities | 20 | 10",
			"",
			[]string{
				"revenue FY2018 = 10 as printed", "revenue FY2017 = 9 as printed", "total_assets FY2018 = 100 as printed", "total_assets FY2017 = 90 as printed",
				"current_liabilities FY2018 = 20 as printed", "current_liabilities FY2017 = 10 as printed",
			},
		},
		"three and six months": {
			"Three months ended June 30, Six months ended June 30,\n2018 2017 2018 2017\nRevenue 10 9 21 19", "",
			[]string{"revenue 6M to 2018-06 = 21 as printed", "revenue 3M to 2018-06 = 10 as printed", "revenue 6M to 2017-06 = 19 as printed", "revenue 3M to 2017-06 = 9 as printed"},
		},
		"quarters": {
			" | Q3 2018 | Q3 2017\nRevenue | 10 | 9", "", []string{"revenue Q3 2018 = 10 as printed", "revenue Q3 2017 = 9 as printed"},
		},
		"periods in rows": {
			"Year | Revenue (USD million) | Net income (USD million) | Employees\n2017 | 1,402 | 30 | 12\nFY2018 | 1,577 | 35.5 | 13", "",
			[]string{"revenue FY2018 = 1577000000 USD", "revenue FY2017 = 1402000000 USD", "net_income FY2018 = 35500000 USD", "net_income FY2017 = 30000000 USD"},
		},
		"a label with its period": {"Revenue FY2018 | $1,577", "", []string{"revenue FY2018 = 1577 $ as printed"}},
		"German": {
			"Konzern-Gewinn- und Verlustrechnung in Mio. €\n | 2018 | 2017\nUmsatzerlöse | 1.577,2 | 1.402\nJahresüberschuss | -12,5 | 30\nErgebnis je Aktie (unverwässert) | 1,25 | 1,10", "de",
			[]string{
				"revenue FY2018 = 1577200000 EUR", "revenue FY2017 = 1402000000 EUR", "net_income FY2018 = -12500000 EUR", "net_income FY2017 = 30000000 EUR",
				"eps_basic FY2018 = 1.25 EUR", "eps_basic FY2017 = 1.1 EUR",
			},
		},
		"French": {
			"(en millions d'euros)\n\n | Exercice 2018 | Exercice 2017\nChiffre d'affaires | 1 577,2 | 1 402,0\nRésultat net | (12) | 30", "fr",
			[]string{"revenue FY2018 = 1577200000 EUR", "revenue FY2017 = 1402000000 EUR", "net_income FY2018 = -12000000 EUR", "net_income FY2017 = 30000000 EUR"},
		},
		"Spanish": {
			"Miles de euros | 2018 | 2017\nIngresos | 1.577 | 1.402\nActivo corriente | 12 | 13", "es",
			[]string{"revenue FY2018 = 1577000 EUR", "revenue FY2017 = 1402000 EUR", "current_assets FY2018 = 12000 EUR", "current_assets FY2017 = 13000 EUR"},
		},
		"Japanese": {
			"（単位：百万円） | 2017年3月期 | 2018年3月期\n売上高 | 1,402 | 1,577\n当期純利益 | △30 | 35\n総資産 | 100 | 110", "ja",
			[]string{"revenue FY2018 = 1577000000 JPY", "revenue FY2017 = 1402000000 JPY", "net_income FY2018 = 35000000 JPY", "net_income FY2017 = -30000000 JPY", "total_assets FY2018 = 110000000 JPY", "total_assets FY2017 = 100000000 JPY"},
		},
		"per share and shares": {
			"(in millions, except share and per share data) | 2018\nRevenue | 5\nEarnings per share |\nBasic | 9.12\nDiluted | 8.89\nWeighted average shares outstanding: | \nBasic | 585,000", "",
			[]string{"revenue FY2018 = 5000000", "eps_basic FY2018 = 9.12", "eps_diluted FY2018 = 8.89", "shares_basic FY2018 = 585000"},
		},
		"losses": {
			" | 2018 | 2017\nNet loss | 12 | (13)\nNet cash provided by (used in) operating activities | 20 | (5)", "",
			[]string{"net_income FY2018 = -12 as printed", "net_income FY2017 = -13 as printed", "operating_cash_flow FY2018 = 20 as printed", "operating_cash_flow FY2017 = -5 as printed"},
		},
		"not what they look like": {
			" | 2018 | 2017\nDeferred revenue | 5 | 6\nRevenue growth | 12.5% | 3%\nTotal liabilities and equity | 100 | 90\nCost of revenue per unit | 1 | 2\nGross margin | 45.2% | 44%", "", nil,
		},
		"the whole company before a segment": {
			" | 2018 | 2017\nRevenue | 10 | 9\n\f | 2018 | 2017\nRevenue | 100 | 90\nOperating income | 20 | 10\nNet income | 7 | 6", "",
			[]string{
				"revenue FY2018 = 100 as printed", "revenue FY2017 = 90 as printed", "operating_income FY2018 = 20 as printed", "operating_income FY2017 = 10 as printed",
				"net_income FY2018 = 7 as printed", "net_income FY2017 = 6 as printed",
			},
		},
		"segments side by side have no period": {" | Safety | Health\nRevenue | 10 | 9", "", nil},
		"years in a sentence are no heading":   {"In 2018 and in 2017 we opened many new shops in several countries of the world.\nRevenue 10 9", "", nil},
		"a sentence": {
			"In 2018, our net income was $349 million. Revenue increased 12.5% to $1,577 million in fiscal 2018. Segment sales of $5 million in 2018 were low. Revenue was $3 million in 2018 and $4 million in 2017.", "",
			[]string{"revenue FY2018 = 1577000000 $", "net_income FY2018 = 349000000 $"},
		},
		"two tables with different units": {
			"(in millions)\n2018 2017\nRevenue 10 9\n\nOther data (in thousands)\n2018 2017\nInventories 10 9", "",
			[]string{"revenue FY2018 = 10000000", "revenue FY2017 = 9000000", "inventory FY2018 = 10000", "inventory FY2017 = 9000"},
		},
		"the unit does not outlive its page": {
			"(in millions)\n2018 2017\nRevenue 10 9\n\f2018 2017\nInventories 10 9", "",
			[]string{"revenue FY2018 = 10000000", "revenue FY2017 = 9000000", "inventory FY2018 = 10 as printed", "inventory FY2017 = 9 as printed"},
		},
		"two currencies": {
			"USD million | 2018\nRevenue | 10\n\nEUR million | 2018\nInventories | 7\n\nin millions | 2018\nTotal assets | 9", "",
			[]string{"revenue FY2018 = 10000000 USD", "total_assets FY2018 = 9000000", "inventory FY2018 = 7000000 EUR"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read(test.text, test.language); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestPageOfFigure(t *testing.T) {
	t.Parallel()
	r := figures.NewReader("file-a", "")
	text := " | 2018\nRevenue | 1\n\n | 2017\nRevenue | 2\n"
	pages := []fairlead.Page{{Number: 4, Start: 50, End: 71}, {Number: 5, Start: 71, End: 90}}
	// In two pieces, cut between the pages.
	r.Read(figures.Piece{Base: 50, Text: text[:21], Pages: pages})
	r.Read(figures.Piece{Base: 71, Text: text[21:], Pages: pages})
	got := r.Figures()
	if len(got) != 2 || got[0].Citation.Page != 4 || got[1].Citation.Page != 5 || got[1].Citation.Start != 79 || got[1].Citation.Document != "file-a" {
		t.Errorf("got %+v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("(in millions) | 2018 | 2017\nRevenue | 1,577 | (1,402)\n\n2018 2017\nNet income 3 4", "de")
	f.Add("Three months ended June 30,\n2018 2017\nRevenue $ 10 9 )%", "")
	f.Add("In 2018, net income was $349 million.", "en")
	f.Fuzz(func(t *testing.T, text, language string) {
		if len(text) > 1<<14 {
			return
		}
		r := figures.NewReader("file-a", language)
		r.Read(figures.Piece{Base: 3, Text: text})
		for _, f := range r.Figures() {
			c := f.Citation
			if c.Start < 3 || c.End > int64(len(text))+3 || text[c.Start-3:c.End-3] != c.Quote || c.Page != 1 {
				t.Fatalf("the citation %+v is not in the text", c)
			}
			if f.Period.Year < 1980 || f.Period.Year > 2050 || f.Value != f.Value {
				t.Fatalf("got %+v", f)
			}
		}
	})
}
