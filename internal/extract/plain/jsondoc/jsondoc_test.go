package jsondoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/plain/jsondoc"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"object", `{"a":1.50,"b":{"c":[true,null,"x"]},"d":[],"e":{}}`, "a: 1.50\nb.c[0]: true\nb.c[1]: null\nb.c[2]: x\n"},
		{"flat object", `{"a":1,"b":"x"}`, "a: 1\nb: x\n"},
		{"table", `[{"a":1,"b":2},{"b":3,"c":"x"}]`, "! a | b | c\n1 | 2\n | 3 | x\n"},
		{"mixed list", `[{"a":1},{"a":[2]},3,{"a":4}]`, "! a\n1\n[1].a[0]: 2\n[2]: 3\n! a\n4\n"},
		{"lines", "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n", "! a | b\n1 | 2\n3 | 4\n"},
		{"scalar", `"x"`, "x\n"},
		{"big numbers", `[12345678901234567890.10]`, "[0]: 12345678901234567890.10\n"},
		{"empty", ``, ""},
		{"escapes", `{"k\u00e9y":"\ud83d\ude00 \ud800"}`, "kéy: 😀 \uFFFD\n"},
	} {
		if got := extracttest.Shown(t, jsondoc.Extractor{}, tt.name+".json", []byte(tt.text)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestManyRecords(t *testing.T) {
	t.Parallel()
	const records = 3000
	text := "[" + strings.Repeat(`{"name":"x","value":1},`, records) + `{"name":"y","other":2}]`
	got := extracttest.Shown(t, jsondoc.Extractor{}, "a.json", []byte(text))
	if n := strings.Count(got, "x | 1\n"); n != records || !strings.HasSuffix(got, "x | 1\n! name | other\ny | 2\n") {
		t.Errorf("%d records, want %d, then a table of its own: %s", n, records, got[len(got)-60:])
	}
}

func TestBadJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{`, `{"a"`, `[1,`, `nope`, `{"a":1}}`, `{"a" 1}`, `{1:2}`} {
		_, _, err := extracttest.Read(t.Context(), jsondoc.Extractor{}, extracttest.Source("a.json", []byte(text)))
		if !errors.Is(err, extract.ErrBroken) {
			t.Errorf("%s: %v, want it to be broken", text, err)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("[", 1_000_000):                                                     "depth",
		strings.Repeat(`{"a":`, 1_000_000):                                                 "depth",
		`["` + strings.Repeat("x", 20<<20) + `"]`:                                          "token_bytes",
		`["` + strings.Repeat("x", 1<<20) + `",` + `"` + strings.Repeat("y", 1<<19) + `"]`: "text",
		`{"` + strings.Repeat("x", 1<<20) + `":1}`:                                         "path_bytes",
	} {
		_, _, err := extracttest.Read(t.Context(), jsondoc.Extractor{}, extracttest.Source("a.json", []byte(text)))
		if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != want {
			t.Errorf("%.20s: %v, want the limit of %s", text, err, want)
		}
	}
}

// FuzzJSON: any bytes are read, with all that every reader promises.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`[{"a":1},{"b":[2]}]`, "{\"a\":1}\n{\"a\":\"x\"}", `{"title":"x","a":{"b":null}}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { extracttest.Hold(t, jsondoc.Extractor{}, "a.json", text) })
}
