package figures

import "testing"

func TestNormal(t *testing.T) {
	for _, test := range []struct{ lang, figures, want string }{
		{"en", "1577", "1577"},
		{"en", "1,577", "1577"},
		{"en", "1,577.50", "1577.5"},
		{"en", "1.577", "1.577"},
		{"en", "1,5", "1.5"},
		{"en", "1,577,000", "1577000"},
		{"en", "1'577.00", "1577"},
		{"en", "0.125", "0.125"},
		{"en", "1.234,5", "1234.5"},
		{"de", "1.577", "1577"},
		{"de", "1,577", "1.577"},
		{"de", "1.577,00", "1577"},
		{"fr", "1'577,5", "1577.5"},
		{"fr", "1.577", "1.577"},
		{"en", "12,34", "12.34"},
		{"en", "1,23,456", ""},
		{"en", "1.2.3", ""},
		{"en", "31.12.2018", ""},
		{"en", "1234,567,890", ""},
	} {
		got, ok := Normal([]byte(test.figures), test.lang)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%s %s: got %q %v, want %q", test.lang, test.figures, got, ok, test.want)
		}
	}
}

func TestFiscalYear(t *testing.T) {
	for word, want := range map[string]string{"fy18": "2018", "fy2018": "2018", "fy98": "1998", "fy": "", "fy2": "", "fy3018": "", "xy18": "", "fyab": ""} {
		if got, ok := FiscalYear([]byte(word)); got != want || ok != (want != "") {
			t.Errorf("%s: got %q %v, want %q", word, got, ok, want)
		}
	}
}
