package jsonscan

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// check writes the text to a Checker in pieces of the size.
func check(text string, size int) (*Checker, error) {
	c := NewChecker("error")
	for piece := range slices.Chunk([]byte(text), size) {
		if _, err := c.Write(piece); err != nil {
			return c, err
		}
	}
	return c, c.Whole()
}

func TestCheckerAccepts(t *testing.T) {
	for _, text := range []string{
		`{}`, " [ ] \n", `"a"`, `0`, `-0`, `-0.0e-00`, `17`, `1.5E+3`, `true`, `false `, ` null`, `[0,10,-1,2e5,0.5]`,
		`{"a":{"b":[1,{"c":[[]]}]},"a":"twice"}`, `{"é\"\\\/\b\u00eF\ud800":"\n"}`, "{\"a\":\"\xff\xc3\"}", "\"\x7f\"",
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
		"[" + strings.Repeat("[{}],", 2*MaxDepth) + "0]",
	} {
		for size := 1; size < 12; size++ {
			if _, err := check(text, size); err != nil {
				t.Errorf("%.40q in pieces of %d: %v", text, size, err)
			}
		}
	}
}

func TestCheckerRefuses(t *testing.T) {
	for _, test := range []struct {
		text   string
		offset int
		reason string
	}{
		{``, 0, reasonEnd},
		{`{"a":[{"b":"c"}`, 15, reasonEnd},
		{`{"a`, 3, reasonEnd},
		{`-`, 1, reasonEnd},
		{`1.`, 2, reasonEnd},
		{`[1`, 2, reasonEnd},
		{`tru`, 3, reasonEnd},
		{`"\u12`, 5, reasonEnd},
		{`{"a":1}]]}{{{}`, 7, reasonAfter},
		{`{"a":[1}`, 7, reasonSeparator},
		{`[{]`, 2, reasonName},
		{`{"a":1,}`, 7, reasonName},
		{`{,}`, 1, reasonName},
		{`[1,]`, 3, reasonValue},
		{`[,]`, 1, reasonValue},
		{`{"a" 1}`, 5, reasonColon},
		{`{"a":tree}`, 7, reasonValue},
		{`[01]`, 2, reasonSeparator},
		{`[-01]`, 3, reasonSeparator},
		{`[-]`, 2, reasonNumber},
		{`[1.e]`, 3, reasonNumber},
		{`[1e+]`, 4, reasonNumber},
		{`[1e5.0]`, 4, reasonSeparator},
		{`["\x"]`, 3, reasonEscape},
		{`["\u00g0"]`, 6, reasonEscape},
		{"[\"a\nb\"]", 3, reasonControl},
		{"\xef\xbb\xbf{}", 0, reasonValue},
		{strings.Repeat("[", MaxDepth+1), MaxDepth, reasonDepth},
	} {
		for size := 1; size < 12; size++ {
			c, err := check(test.text, size)
			var e *Error
			if !errors.As(err, &e) || e.Offset != test.offset || e.Reason != test.reason {
				t.Errorf("%.40q in pieces of %d: got %+v, want %d %q", test.text, size, err, test.offset, test.reason)
				continue
			}
			if _, again := c.Write([]byte("}")); e.Reason != reasonEnd && (again == nil || c.Whole() == nil) {
				t.Errorf("%.40q: the error is forgotten", test.text)
			}
		}
	}
}

func TestCheckerFinds(t *testing.T) {
	for text, want := range map[string]bool{
		`{"error":{}}`:                                 true,
		` { "a" : [1] , "error" : "x" }`:               true,
		`{"\u0065r\u0072or":1}`:                        true,
		`{"\u0065\u0072\u0072\u006f\u0072":0}`:         true,
		`{"error":null,"error":false}`:                 true,
		`{"error":null}`:                               false,
		`{"errors":{},"erro":1,"":2}`:                  false,
		`{"a":{"error":1},"b":[{"error":1}]}`:          false,
		`[{"error":1}]`:                                false,
		`{"a":"error","b":"\"error\":1"}`:              false,
		`{"` + strings.Repeat("error", 40) + `":1}`:    false,
		`{"` + strings.Repeat("x", 95) + `\u0065":1}`:  false,
		`{"` + strings.Repeat("\\u0065", 17) + `":{}}`: false,
	} {
		for size := 1; size < 12; size++ {
			c, err := check(text, size)
			if err != nil || c.Found() != want {
				t.Errorf("%.60s in pieces of %d: got %t, %v, want %t", text, size, c.Found(), err, want)
			}
		}
	}
	none := NewChecker("")
	if _, err := none.Write([]byte(`{"":1,"error":2}`)); err != nil || none.Found() {
		t.Errorf("looking for nothing: got %t, %v", none.Found(), err)
	}
}

func TestCheckerDoesNotAllocate(t *testing.T) {
	text := append([]byte(`{"\u0065rror":null,"a":[-1.5e3,true,"\u00e9é"],`), chatBody(4 << 10)[1:]...)
	c := NewChecker("error")
	if allocs := testing.AllocsPerRun(100, func() {
		*c = Checker{watched: "error"}
		for piece := range slices.Chunk(text, 100) {
			_, _ = c.Write(piece)
		}
	}); allocs > 0 {
		t.Errorf("got %.0f allocations, want none", allocs)
	}
	if err := c.Whole(); err != nil {
		t.Error(err)
	}
}

func FuzzChecker(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` {"a":[1,-2.5e-3,true,false,null,"\u00e9\n"]} `, `[[]]`, `{"a":1,}`, `01`, `-`, `1e`, `"\ud800"`, "\"\xff\"", `tru`, `{"error":1}x`,
		`{"a":{"error":{"b":[0,0.0]}},"\u0065rror":null}`, string(chatBody(300)),
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		c, err := check(string(text), int(size)+1)
		want := json.Valid(text) && nesting(text) <= MaxDepth
		if (err == nil) != want {
			t.Fatalf("%q in pieces of %d: got %v, encoding/json says valid: %t", text, int(size)+1, err, want)
		}
		if names, ok := naiveMembers(text); ok {
			value, found := names["error"]
			if found = found && string(value) != "null"; c.Found() != found {
				t.Fatalf("%q in pieces of %d: found %t, want %t", text, int(size)+1, c.Found(), found)
			}
		}
	})
}

func BenchmarkChecker100KB(b *testing.B) {
	data := chatBody(100 << 10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		c := Checker{watched: "error"}
		if _, err := c.Write(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckerNumbers(b *testing.B) {
	data := []byte("[" + strings.Repeat("-0.0123456789,", 10_000) + "0]")
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		c := Checker{}
		if _, err := c.Write(data); err != nil {
			b.Fatal(err)
		}
	}
}
