package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// members reads an object into what json.Unmarshal would give for a map.
func members(data []byte) (map[string]json.RawMessage, int, error) {
	got := map[string]json.RawMessage{}
	closeAt, err := Object(data, func(name []byte, value Span) error {
		got[string(name)] = json.RawMessage(data[value.Start:value.End])
		return nil
	})
	return got, closeAt, err
}

func TestObjectMembers(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{}`, ``},
		{" \t\r\n{ } \n", ``},
		{`{"a":1}`, `a=1`},
		{`{"a" : -0.5e+7 , "b":[1,{"a":2}] }`, `a=-0.5e+7 b=[1,{"a":2}]`},
		{`{"mod\u0065l":"x\"y","\ud83d\ude00":null}`, "model=\"x\\\"y\" \U0001F600=null"},
		{`{"":{},"é":true,"\ud800":false}`, "={} é=true \ufffd=false"},
		{`{"s":"` + strings.Repeat("plain ", 20) + `é\\"}`, `s="` + strings.Repeat("plain ", 20) + `é\\"`},
	} {
		var got []string
		closeAt, err := Object([]byte(test.in), func(name []byte, value Span) error {
			got = append(got, string(name)+"="+test.in[value.Start:value.End])
			return nil
		})
		if err != nil {
			t.Errorf("Object(%q): %v", test.in, err)
			continue
		}
		if joined := strings.Join(got, " "); joined != test.want {
			t.Errorf("Object(%q) = %q, want %q", test.in, joined, test.want)
		}
		if want := strings.LastIndexByte(test.in, '}'); closeAt != want {
			t.Errorf("Object(%q) closes at %d, want %d", test.in, closeAt, want)
		}
	}
}

func TestObjectRefuses(t *testing.T) {
	for _, test := range []struct {
		in     string
		offset int
		reason string
	}{
		{``, 0, reasonEnd},
		{`[]`, 0, reasonObject},
		{` "a"`, 1, reasonObject},
		{`{`, 1, reasonEnd},
		{`{"a"`, 4, reasonEnd},
		{`{"a" 1}`, 5, reasonColon},
		{`{"a":}`, 5, reasonValue},
		{`{"a":1,}`, 7, reasonName},
		{`{,}`, 1, reasonName},
		{`{a:1}`, 1, reasonName},
		{`{"a":1 "b":2}`, 7, reasonSeparator},
		{`{"a":[1,]}`, 8, reasonValue},
		{`{"a":[1}`, 7, reasonSeparator},
		{`{"a":1}}`, 7, reasonAfter},
		{`{"a":1} x`, 8, reasonAfter},
		{`{"a":01}`, 6, reasonSeparator},
		{`{"a":-}`, 6, reasonNumber},
		{`{"a":1.}`, 7, reasonNumber},
		{`{"a":1e+}`, 8, reasonNumber},
		{`{"a":nul}`, 5, reasonValue},
		{`{"a":"\x"}`, 6, reasonEscape},
		{`{"a":"\u12g4"}`, 6, reasonEscape},
		{"{\"a\":\"b\nc\"}", 7, reasonControl},
		{"{\"a\":\"b\xffc\"}", 7, reasonUTF8},
		{"{\"a\":\"12345678\xed\xa0\x80\"}", 14, reasonUTF8},
		{"{\"a\xc3\":1}", 3, reasonUTF8},
		{"\ufeff{}", 0, reasonObject},
		{`{"a":1,"b":2,"a":3}`, 13, DuplicateKey},
		{`{"model":1,"mod\u0065l":3}`, 11, DuplicateKey},
	} {
		_, _, err := members([]byte(test.in))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Object(%q): got error %v, want an *Error", test.in, err)
			continue
		}
		if e.Offset != test.offset || e.Reason != test.reason {
			t.Errorf("Object(%q): got %d %q, want %d %q", test.in, e.Offset, e.Reason, test.offset, test.reason)
		}
	}
}

func TestDuplicateNameIsToldButNotPrinted(t *testing.T) {
	_, _, err := members([]byte(`{"s\u0065cret":1,"secret":2}`))
	var e *Error
	if !errors.As(err, &e) || e.Name != "secret" {
		t.Fatalf("got %#v, want an *Error that names secret", err)
	}
	if strings.Contains(e.Error(), "secret") {
		t.Errorf("Error() = %q quotes the name", e.Error())
	}
}

func TestManyNames(t *testing.T) {
	const n = 20_000
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"k%d":%d,`, i, i)
	}
	count := 0
	if _, err := Object([]byte(b.String()+`"last":0}`), func([]byte, Span) error { count++; return nil }); err != nil {
		t.Fatal(err)
	}
	if count != n+1 {
		t.Errorf("got %d members, want %d", count, n+1)
	}
	for _, name := range []string{"k0", "k15", "k16", "k19999"} {
		_, err := Object([]byte(b.String()+`"`+name+`":0}`), func([]byte, Span) error { return nil })
		var e *Error
		if !errors.As(err, &e) || e.Reason != DuplicateKey || e.Name != name {
			t.Errorf("%s twice: got %v", name, err)
		}
	}
}

func TestDepth(t *testing.T) {
	nest := func(depth int) []byte {
		inner := depth - 1
		return []byte(`{"a":` + strings.Repeat("[", inner) + strings.Repeat("]", inner) + `}`)
	}
	if _, _, err := members(nest(MaxDepth)); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	_, _, err := members(nest(MaxDepth + 1))
	var e *Error
	if !errors.As(err, &e) || e.Reason != reasonDepth {
		t.Errorf("depth %d: got %v, want %q", MaxDepth+1, err, reasonDepth)
	}
	for levels, want := range map[int]string{5: "", 6: reasonDepth} {
		s := NewScanner(nest(MaxDepth - 5))
		s.Deepen(levels)
		_, err := s.Skip()
		if err == nil {
			err = s.End()
		}
		if e = nil; errors.As(err, &e) != (want != "") || want != "" && e.Reason != want {
			t.Errorf("%d levels deep: got %v, want %q", levels, err, want)
		}
	}
	// Depth is nesting, not how many values there are.
	if err := Array([]byte("["+strings.Repeat("[{}],", 2*MaxDepth)+"0]"), func(Span) error { return nil }); err != nil {
		t.Errorf("many siblings: %v", err)
	}
}

func TestCallbacksErrorIsReturnedAsItIs(t *testing.T) {
	errMine := errors.New("mine")
	if _, err := Object([]byte(`{"a":1}`), func([]byte, Span) error { return errMine }); !errors.Is(err, errMine) {
		t.Errorf("Object: got %v", err)
	}
	if err := Array([]byte(`[1]`), func(Span) error { return errMine }); !errors.Is(err, errMine) {
		t.Errorf("Array: got %v", err)
	}
}

func TestArray(t *testing.T) {
	in := ` [1, "a" ,[ ],{"b":[2]}] `
	var got []string
	if err := Array([]byte(in), func(v Span) error { got = append(got, in[v.Start:v.End]); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1", `"a"`, "[ ]", `{"b":[2]}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{``, `{}`, `[`, `[1`, `[1,]`, `[,1]`, `[1] 2`, `[1}`} {
		if err := Array([]byte(bad), func(Span) error { return nil }); err == nil {
			t.Errorf("Array(%q) accepted", bad)
		}
	}
}

func TestScannerReadsInOnePass(t *testing.T) {
	in := `{"messages":[{"role":"user","content":"hi"},{"content":[1],"role":"tool"}],"model":"m","n":null}`
	s := NewScanner([]byte(in))
	var got []string
	all, err := s.Object(func(name []byte) error {
		if string(name) != "messages" {
			got = append(got, fmt.Sprintf("%s:%d", name, s.Kind()))
			return nil
		}
		_, err := s.Array(func() error {
			_, err := s.Object(func(name []byte) error {
				if string(name) != "role" {
					return nil
				}
				v, err := s.Skip()
				got = append(got, in[v.Start:v.End])
				return err
			})
			return err
		})
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`"user"`, `"tool"`, fmt.Sprintf("model:%d", StringKind), fmt.Sprintf("n:%d", NullKind)}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if (all != Span{0, len(in)}) {
		t.Errorf("got span %v", all)
	}
}

func TestKindOf(t *testing.T) {
	want := map[string]Kind{
		"{}": ObjectKind, " [": ArrayKind, `"`: StringKind, "-1": NumberKind, "7": NumberKind,
		"\ttrue": TrueKind, "false": FalseKind, "null": NullKind, "": NoKind, "  ": NoKind, "}": NoKind, "x": NoKind,
	}
	for in, kind := range want {
		if got := KindOf([]byte(in)); got != kind {
			t.Errorf("KindOf(%q) = %d, want %d", in, got, kind)
		}
	}
}

func TestInt(t *testing.T) {
	for _, n := range []int{0, 1, -1, 42, math.MaxInt, math.MinInt, math.MaxInt / 10} {
		if got, ok := Int(fmt.Append(nil, n)); got != n || !ok {
			t.Errorf("Int(%d) = %d, %t", n, got, ok)
		}
	}
	for _, bad := range []string{"", "-", "01", "1.0", "1e3", "+1", " 1", "9223372036854775808", "-9223372036854775809", "99999999999999999999", `"1"`, "null"} {
		if got, ok := Int([]byte(bad)); ok {
			t.Errorf("Int(%q) = %d, want none", bad, got)
		}
	}
}

func TestString(t *testing.T) {
	for in, want := range map[string]string{
		`""`: "", `"a"`: "a", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\u00e9\u20AC"`: "é€",
		`"\ud83d\ude00!"`: "\U0001F600!", `"\ude00\ud83dx"`: "\ufffd\ufffdx", `"\ud83d\n"`: "\ufffd\n", `"\ud83d\u0041"`: "\ufffdA",
	} {
		if got, err := String([]byte(in)); got != want || err != nil {
			t.Errorf("String(%s) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "a", `"`, `"a`, `"a" `, ` "a"`, `"\"`, `"\u12"`, "\"\x01\"", "\"\xc3\""} {
		if got, err := String([]byte(bad)); err == nil {
			t.Errorf("String(%q) = %q, want an error", bad, got)
		}
	}
}

func TestSplice(t *testing.T) {
	data := []byte("0123456789")
	for _, test := range []struct {
		edits []Edit
		want  string
	}{
		{nil, "0123456789"},
		{[]Edit{{0, 0, []byte("a")}, {10, 10, []byte("b")}}, "a0123456789b"},
		{[]Edit{{2, 5, nil}, {5, 6, []byte("xyz")}}, "01xyz6789"},
		{[]Edit{{0, 10, nil}}, ""},
	} {
		if got := Splice(data, test.edits...); string(got) != test.want {
			t.Errorf("Splice(%v) = %q, want %q", test.edits, got, test.want)
		}
	}
	if string(data) != "0123456789" {
		t.Errorf("Splice changed its input to %q", data)
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	data := chatBody(4 << 10)
	var sum int
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = Object(data, func(name []byte, value Span) error { sum += value.End; return nil })
	})
	if allocs > 4 {
		t.Errorf("got %.0f allocations for a body, want at most 4 whatever its size", allocs)
	}
}

// nesting is how deep the brackets of valid JSON nest.
func nesting(data []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// naiveMembers is Object by encoding/json.
func naiveMembers(data []byte) (want map[string]json.RawMessage, ok bool) {
	if !json.Valid(data) || !utf8.Valid(data) || nesting(data) > MaxDepth || KindOf(data) != ObjectKind {
		return nil, false
	}
	want = map[string]json.RawMessage{}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, false
		}
		if _, twice := want[name]; twice {
			return nil, false
		}
		want[name] = value
	}
	return want, true
}

func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "mod\u0065l" : "x" , "model":[ ] } `, `{"a":{"b":[1,2,{"c":null}]},"d":-1.5e-3}`, `[1]`, `{"a":1,}`,
		`{"s":"0123456789\\ \" é \ud800"}`, "{\"a\":\"\xff\"}", `{"a":01}`, `{"a":tru}`, `{"a":1}{`, `{"a":"\u00"}`, `{"\ud83d\ude00":1}`,
		string(chatBody(300)),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, closeAt, err := members(data)
		want, ok := naiveMembers(data)
		if ok != (err == nil) {
			t.Fatalf("Object(%q): got error %v, encoding/json says valid: %t", data, err, ok)
		}
		if !ok {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) {
				t.Fatalf("Object(%q): got error %#v", data, err)
			}
			return
		}
		if !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("Object(%q) = %q, want %q", data, got, want)
		}
		if data[closeAt] != '}' || len(bytes.TrimSpace(data[closeAt+1:])) != 0 {
			t.Fatalf("Object(%q) closes at %d", data, closeAt)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, seed := range []string{"", "a", "é\"\\\x00\x1f\u2028</", "\xff", `"\ud83d\ude00"`, `"\ud83d"`, `"a\n"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		encoded := AppendString([]byte("x"), text)[1:]
		if !json.Valid(encoded) {
			t.Fatalf("AppendString(%q) = %q, which is not JSON", text, encoded)
		}
		if back, err := String(encoded); back != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) || err != nil {
			t.Fatalf("String(AppendString(%q)) = %q, %v", text, back, err)
		}
		// The text itself, read as a literal, means what encoding/json says.
		var want string
		wantOK := utf8.ValidString(text) && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) && json.Unmarshal([]byte(text), &want) == nil
		got, err := String([]byte(text))
		if (err == nil) != wantOK || got != want && wantOK {
			t.Fatalf("String(%q) = %q, %v, want %q, %t", text, got, err, want, wantOK)
		}
	})
}

func FuzzSplice(f *testing.F) {
	f.Add([]byte("0123456789"), uint(2), uint(3), uint(1), uint(4), []byte("new"))
	f.Add([]byte(""), uint(0), uint(0), uint(0), uint(0), []byte(""))
	f.Fuzz(func(t *testing.T, data []byte, a, b, c, d uint, with []byte) {
		cut := func(from int, by uint) int { return from + int(by%uint(len(data)-from+1)) }
		p := cut(0, a)
		q := cut(p, b)
		r := cut(q, c)
		u := cut(r, d)
		got := Splice(data, Edit{p, q, with}, Edit{r, u, nil})
		want := string(data[:p]) + string(with) + string(data[q:r]) + string(data[u:])
		if string(got) != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// chatBody is a chat completion request of about size bytes.
func chatBody(size int) []byte {
	b := []byte(`{"model":"gpt-4o-mini","stream":true,"temperature":0.2,"messages":[{"role":"system","content":"Be brief."}`)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, `,{"role":"user","content":"Question %d: \"what does the balance sheet of the year say\", and why? Ünd so weiter.\nThe figures are below, as they were printed in the annual report of the company."}`, i)
	}
	return append(b, `],"stream_options":{"include_usage":true}}`...)
}

func BenchmarkObject100KB(b *testing.B) {
	data := chatBody(100 << 10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Object(data, func([]byte, Span) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingJSON100KB(b *testing.B) {
	data := chatBody(100 << 10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var envelope struct {
			Model  string `json:"model"`
			Stream bool   `json:"stream"`
		}
		if err := json.Unmarshal(data, &envelope); err != nil {
			b.Fatal(err)
		}
	}
}
