package period_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	finder := period.NewFinder()
	for text, want := range map[string]string{
		"2018":                               "FY2018",
		"FY2018":                             "FY2018",
		"fiscal 2018 and fiscal year 2017":   "FY2018, FY2017",
		"2018E":                              "FY2018",
		"2018/19":                            "FY2018",
		"Q3 2018":                            "Q3 2018",
		"1Q18":                               "Q1 2018",
		"December 31, 2018":                  "2018-12",
		"31 December 2018":                   "2018-12",
		"31. Dezember 2018":                  "2018-12",
		"31.12.2018":                         "2018-12",
		"2018-06-30":                         "2018-06",
		"au 30 juin 2018":                    "2018-06",
		"31 de diciembre de 2018":            "2018-12",
		"2018年3月期":                           "FY2018",
		"2018年度":                             "FY2018",
		"2018年":                              "FY2018",
		"Year ended":                         "FY0",
		"Three months ended June 30,":        "3M 0, 0-06",
		"Geschäftsjahr 2018":                 "FY2018",
		"Exercice 2018":                      "FY2018",
		"no time at all":                     "",
		"12345 and 1850 and 20181":           "",
		"in the end":                         "",
		"Room 2018b":                         "",
		strings.Repeat("far too long ", 100): "",
	} {
		var got []string
		for _, m := range finder.Marks(text) {
			got = append(got, m.Period.String())
			if m.Start < 0 || m.End > len(text) || m.Start >= m.End {
				t.Errorf("%q: a mark at [%d, %d)", text, m.Start, m.End)
			}
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestOrderAndKind(t *testing.T) {
	t.Parallel()
	order := []period.Period{{Year: 2017, Months: 12}, {Year: 2018, EndMonth: 3}, {Year: 2018, EndMonth: 6, Months: 6}, {Year: 2018, Quarter: 1, Months: 3}, {Year: 2019}}
	for i := range order[1:] {
		if order[i].Compare(order[i+1]) >= 0 || order[i+1].Compare(order[i]) <= 0 || order[i].Compare(order[i]) != 0 {
			t.Errorf("%s is not before %s", order[i], order[i+1])
		}
	}
	for _, p := range order {
		if want := strings.HasPrefix(p.String(), "FY"); p.Annual() != want {
			t.Errorf("%s: annual is %t", p, p.Annual())
		}
	}
}
