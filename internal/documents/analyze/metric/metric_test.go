package metric_test

import (
	"testing"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
)

func TestAmount(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]metric.Amount{
		"1.577 billion USD":         {Value: 1.577e9, Unit: "money", Currency: "USD", Scaled: true},
		"-12.5 million EUR":         {Value: -12.5e6, Unit: "money", Currency: "EUR", Scaled: true},
		"999,999 $":                 {Value: 999_999, Unit: "money", Currency: "$", Scaled: true},
		"1,577.2 (unit not stated)": {Value: 1577.2, Unit: "money"},
		"0":                         {Unit: "shares", Scaled: true},
		"585.3 million":             {Value: 585.3e6, Unit: "shares", Scaled: true},
		"8.89 USD":                  {Value: 8.89, Unit: "per_share", Currency: "USD", Scaled: true},
		"12.5 %":                    {Value: 12.48, Unit: "percent"},
		"1.50":                      {Value: 1.5, Unit: "times"},
	} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	names := metric.NewNames()
	for label, want := range map[string]metric.Metric{
		"Total Revenues": metric.Revenue, "Net sales (Note 3)": metric.Revenue, "Net income (loss)": metric.NetIncome, "Net loss": metric.NetIncome,
		"Total 3M Company shareholders’ equity": metric.Equity, "Total liabilities and shareholders' equity": "", "Revenue growth": "", "Deferred revenue": "",
		"Net income attributable to 3M": metric.NetIncome, "Net income attributable to noncontrolling interest": "", "Umsatzerlöse": metric.Revenue,
		"Chiffre d’affaires": metric.Revenue, "売上高": metric.Revenue, "営業活動によるキャッシュ・フロー": metric.OperatingCashFlow, "Research & development": metric.Research, "": "", "()": "", //nolint:misspell // words of other languages
	} {
		if got, _, ok := names.Of(label, ""); got != want || ok != (want != "") {
			t.Errorf("%q: got %q (%t), want %q", label, got, ok, want)
		}
	}
	if m, loss, _ := names.Of("Net loss", ""); m != metric.NetIncome || !loss {
		t.Error("a net loss is not known as one")
	}
	if m, _, _ := names.Of("Diluted", "Earnings per share"); m != metric.EPSDiluted {
		t.Errorf("got %q under earnings per share", m)
	}
}
