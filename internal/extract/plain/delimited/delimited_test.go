package delimited_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/plain/delimited"
)

func TestDelimited(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"commas", "a,b\n1,\"2,5\"\n", "! a | b\n1 | 2,5\n"},
		{"semicolons", "Jahr;Umsatz\n2021;1,5\n2022;2,5\n", "! Jahr | Umsatz\n2021 | 1,5\n2022 | 2,5\n"},
		{"tabs", "a\tb, c\n1\t2\n", "! a | b, c\n1 | 2\n"},
		{"bars", "a|b|c\n1|2|3\n", "! a | b | c\n1 | 2 | 3\n"},
		{"no head", "1,2\n3,4\n", "1 | 2\n3 | 4\n"},
		{"one column", "a\nb\n", "a\nb\n"},
		{"blank rows", "\n,,\na,b\n\n,\n1,2\n", "! a | b\n1 | 2\n"},
		{"quotes", "a,b\nx \"y\" z,\"li\nne\"\n", "! a | b\nx \"y\" z | li\nne\n"},
		{"empty fields", "a" + strings.Repeat(",", 5000) + "b\n" + strings.Repeat(",", 5000) + "1\n2,,\n", "a |  | b\n |  | 1\n2\n"},
		{"empty", "", ""},
	} {
		if got := extracttest.Shown(t, delimited.Extractor{}, tt.name+".csv", []byte(tt.text)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestLongTable(t *testing.T) {
	t.Parallel()
	const rows = 5000
	text := "name,value\n" + strings.Repeat("some name,12345\n", rows)
	blocks, _, err := extracttest.Read(t.Context(), delimited.Extractor{}, extracttest.Source("a.csv", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for i, b := range blocks {
		got += len(b.Rows)
		if b.More != (i < len(blocks)-1) || (b.Header == 1) != (i == 0) || len(b.Rows) > 1000 {
			t.Errorf("part %d: %d rows, header %d, more %v", i, len(b.Rows), b.Header, b.More)
		}
	}
	if got != rows+1 || len(blocks) < 2 {
		t.Errorf("%d rows in %d parts, want %d", got, len(blocks), rows+1)
	}
}

func TestOpenQuote(t *testing.T) {
	t.Parallel()
	text := "a,b\n1,\"" + strings.Repeat("x,y\n", 2<<20)
	_, _, err := extracttest.Read(t.Context(), delimited.Extractor{}, extracttest.Source("a.csv", []byte(text)))
	if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != "row_bytes" {
		t.Errorf("got %v, want the limit of row_bytes", err)
	}
}

// FuzzDelimited: any bytes are read, with all that every reader promises.
func FuzzDelimited(f *testing.F) {
	for _, seed := range []string{"a,b\n\"c\nd\",e\n", "a;b\n1;2", "\"", "\xff\xfea\x00,\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { extracttest.Hold(t, delimited.Extractor{}, "a.csv", text) })
}
