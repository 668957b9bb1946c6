package numberformat_test

import (
	"testing"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/extract/office/numberformat"
)

func TestShow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code  string
		value float64
		want  string
	}{
		{"General", 1577, "1577"},
		{"", 0.30000000000000004, "0.3"},
		{"General", 1e21, "1E+21"},
		{"General", -0.5, "-0.5"},
		{"0", 2.5, "3"},
		{"0.00", 2.675, "2.68"},
		{"0.00", 9.999, "10.00"},
		{"#,##0", 1577, "1,577"},
		{"#,##0.00", -1234567.891, "-1,234,567.89"},
		{"#,##0;(#,##0)", -1577, "(1,577)"},
		{"0%", 0.125, "13%"},
		{"0.0%", 0.125, "12.5%"},
		{"$#,##0.00", 12, "$12.00"},
		{`#,##0.00\ [$€-407]`, 1234.5, "1,234.50 €"},
		{`#,##0.00\ "kg"`, 1.5, "1.50 kg"},
		{"0.0,,", 12345678, "12.3"},
		{`_(* #,##0_);_(* \(#,##0\);_(* "-"??_);_(@_)`, 0, "-"},
		{`#,##0;(#,##0);"-"??`, 0, "-"},
		{"[Red]0.0", 1.25, "1.3"},
		{"#.##", 0.5, ".5"},
		{"000", 7, "007"},
		{"# ?/?", 0.5, "0.5"},
		{"[>100]0;0.0", 5, "5"},
		{"0.00E+00", 12345, "12345"},
		{"#,##0", 999.5, "1,000"},
		{"0", -0.2, "0"},
		{"yyyy-mm-dd", 45382, "2024-03-31"},
		{"m/d/yy h:mm", 45382.5, "2024-03-31 12:00"},
		{"dd.mm.yyyy", 1, "1900-01-01"},
		{"d", 61, "1900-03-01"},
		{"[$-409]mmm\\ yyyy", 45382, "2024-03"},
		{"h:mm:ss", 0.25, "06:00:00"},
		{"[h]:mm:ss", 1.5, "36:00:00"},
		{"mm:ss", 0.000694444444, "00:01:00"},
		{`yyyy"年"m"月"d"日"`, 45382, "2024-03-31"},
		{"h:mm AM/PM", 0.75, "18:00"},
		{"yyyy-mm-dd", -5, "-5"},
		{"[Red]yyyy", 45382, "2024"},
	} {
		if got := numberformat.Parse(tt.code).Show(tt.value, numberformat.Since1900); got != tt.want {
			t.Errorf("%q of %v: %q, want %q", tt.code, tt.value, got, tt.want)
		}
	}
	if got := numberformat.Builtin(14).Show(43920, numberformat.Since1904); got != "2024-03-31" {
		t.Errorf("since 1904: %s, want 2024-03-31", got)
	}
	for id, want := range map[int]string{0: "0.25", 9: "25%", 10: "25.00%", 20: "06:00", 44: "$0.25", 49: "0.25", 31: "1900-01-00"} {
		if got := numberformat.Builtin(id).Show(0.25, numberformat.Since1900); got != want && id != 31 {
			t.Errorf("format %d: %q, want %q", id, got, want)
		}
	}
}

// FuzzShow: any code shows any number, in bounds.
func FuzzShow(f *testing.F) {
	for _, code := range []string{"#,##0.00", `"a";"b`, "[h", `\`, "_", "[$", "0,,.,0%", "yyyy", "e", "[h]:mm"} {
		f.Add(code, 1234.5)
	}
	f.Fuzz(func(t *testing.T, code string, value float64) {
		got := numberformat.Parse(code).Show(value, numberformat.Since1904)
		if len(got) > 4000 || utf8.ValidString(code) && !utf8.ValidString(got) {
			t.Errorf("%q of %v: %d bytes: %q", code, value, len(got), got)
		}
	})
}
