package jsonscan

import (
	"fmt"
	"strings"
	"testing"
)

// read scans an object and returns what it looks at: the member "read" and the kinds of all, and in the
// array "list" the same of its objects. It completes the pattern unless that is nil.
func read(data []byte, p *Pattern) (told string, err error) {
	s := NewScanner(data)
	if p != nil {
		s.Note(p)
	}
	var b strings.Builder
	var member func(name []byte) error
	member = func(name []byte) error {
		fmt.Fprintf(&b, "%s:%d ", name, s.Kind())
		switch {
		case string(name) == "read":
			at, err := s.Skip()
			b.Write(data[at.Start:at.End])
			return err
		case string(name) == "list" && s.Kind() == ArrayKind:
			_, err := s.Array(func() error {
				fmt.Fprintf(&b, "%d ", s.Kind())
				if s.Kind() != ObjectKind {
					return nil
				}
				_, err := s.Object(member)
				return err
			})
			return err
		}
		return nil
	}
	_, err = s.Object(member)
	if err == nil {
		err = s.End()
	}
	if err == nil && p != nil {
		p.Keep(data, 0)
	}
	return b.String(), err
}

const patternText = `{"read":"r","n":12,"s":"words","list":[{"t":"","read":[1,"x"]},7,"e"],"deep":{"a":[null,{"b":"c\n"}]}}`

func TestPatternMatches(t *testing.T) {
	for _, change := range []struct {
		from, to string
		want     bool
	}{
		{"", "", true},
		{"words", "", true},
		{"words", "wordsy", true},
		{"words", "word", true},
		{"words", `w\"ord\u00fc ü` + strings.Repeat("long ", 20), true},
		{"12", "1", true},
		{"12", "123", true},
		{"12", "-0.5e7", true},
		{`""`, `"t"`, true},
		{`c\n`, `c\t`, true},
		{`,7,`, `,8,`, true},
		{`"e"`, `"words"`, true},
		{`"r"`, `"s"`, false},
		{`[1,"x"]`, `[1,"y"]`, false},
		{`[1,"x"]`, `[2,"x"]`, false},
		{`"n"`, `"m"`, false},
		{`"b"`, `"bb"`, false},
		{"12", "012", false},
		{"12", "12x", false},
		{"12", `"12"`, false},
		{"12", "null", false},
		{`"words"`, "1", false},
		{"words", "w\"", false},
		{"words", "w\\x", false},
		{"words", "w\n", false},
		{"words", "w\xff", false},
		{"null", "true", false},
		{"}]}}", "}]}", false},
		{`"n":`, `"n": `, false},
	} {
		var p Pattern
		if _, err := read([]byte(patternText), &p); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(patternText, change.from, change.to, 1)
		want := 0
		if change.want {
			want = len(text)
		}
		for _, rest := range []string{"", "x", patternText} {
			if change.to == "" && change.from == "}]}}" && rest != "" {
				continue
			}
			if got := p.Match([]byte(text + rest)); got != want {
				t.Errorf("%q in place of %q, and %.1q behind: got %d, want %d", change.to, change.from, rest, got, want)
			}
		}
		if got := p.Match([]byte(text[:len(text)-1])); got != 0 {
			t.Errorf("%q in place of %q, cut: got %d, want 0", change.to, change.from, got)
		}
	}
}

func TestPatternKnowsNothing(t *testing.T) {
	var p Pattern
	if got := p.Match([]byte("{}")); got != 0 {
		t.Errorf("nothing kept: got %d", got)
	}
	if _, err := read([]byte(patternText), &p); err != nil {
		t.Fatal(err)
	}
	if _, err := read([]byte(`{"a":}`), &p); err == nil || p.Match([]byte(patternText)) != 0 || p.Match([]byte(`{"a":}`)) != 0 {
		t.Error("after a scan that failed, the pattern is still known")
	}
	long := []byte(`{"a":"` + strings.Repeat("x", maxPattern) + `"}`)
	if _, err := read(long, &p); err != nil || p.Match(long) != 0 {
		t.Errorf("a long text is kept: %v", err)
	}
	many := []byte(`{"a":[` + strings.Repeat(`"x",`, maxFree) + `"y"]}`)
	if _, err := read(many, &p); err != nil || p.Match(many) != len(many) {
		t.Errorf("a text with many values does not match itself: %v", err)
	}
	if p.Match([]byte(strings.Replace(string(many), "y", "z", 1))) != 0 {
		t.Error("a value too many is free")
	}
}

// FuzzPattern: a text that matches another's pattern is one that reads the same.
func FuzzPattern(f *testing.F) {
	f.Add([]byte(patternText), "words", `other \u00fc`)
	f.Add([]byte(patternText), "12", "3")
	f.Add([]byte(`{"a":1,"read":2,"b":"c"}`), `1`, `1,"read":3`)
	f.Add([]byte(`{"list":[{"a":"b"},{"c":-1}]}`), `-1`, `1e5`)
	f.Fuzz(func(t *testing.T, text []byte, from, to string) {
		var p Pattern
		told, err := read(text, &p)
		if err != nil || len(text) > maxPattern {
			return
		}
		if got := p.Match(text); got != len(text) {
			t.Fatalf("%q does not match itself: %d", text, got)
		}
		other := []byte(strings.Replace(string(text), from, to, 1))
		length := p.Match(other)
		if length == 0 {
			return
		}
		if got, err := read(other[:length], nil); err != nil || got != told {
			t.Fatalf("%q matches %q, but reads %q, %v, want %q", other[:length], text, got, err, told)
		}
	})
}
