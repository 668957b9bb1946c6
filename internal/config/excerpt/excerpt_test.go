package excerpt

import (
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

// parsed is a text whose tree is known, and the value of its first key.
func parsed(t *testing.T, text string) (*Text, *yaml.Node) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	shown := New(text, nil)
	shown.Index(&doc)
	return shown, doc.Content[0].Content[1]
}

func TestConcealedValuesAreHiddenWhereTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		"a: s, t":                "a: ***\n^",
		"a: 'it''s' # was it":    "a: *** ***\n^",
		"a: \"x\\\"y\"":          "a: ***\n^",
		"{a: s, b: x}":           "{a: ***, b: x}\n^",
		"a: [s, [t, {u: v}], é]": "a: [***, [***, {***: ***}], ***]\n^",
		"a: &k secret\nb: *k":    "a: ***\n^",
		"a: \"1\n  2\"":          "a: ***\n^",
	} {
		shown, value := parsed(t, text)
		shown.Conceal(value)
		if got := shown.At(1, 1); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	shown, value := parsed(t, "a: |\n  one\n  two\nb: x")
	shown.Conceal(value)
	for line, want := range map[int]string{2: "  ***\n^", 3: "  ***\n^", 4: "b: x\n^"} {
		if got := shown.At(line, 1); got != want {
			t.Errorf("line %d: got %q, want %q", line, got, want)
		}
	}
}

func TestSuspectsAreHiddenUnlessPlain(t *testing.T) {
	shown, value := parsed(t, "a: [word, 12, 30s, 1.5, hunter2, Word, https://u:p@h]")
	shown.ConcealSuspects(value)
	if got, want := shown.At(1, 1), "a: [word, 12, 30s, 1.5, ***, ***, ***]\n^"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCaretFollowsItsColumn(t *testing.T) {
	shown, value := parsed(t, "a: secret-value # c")
	shown.Conceal(value)
	for column, want := range map[int]string{1: "^", 3: "  ^", 4: "   ^", 9: "   ^", 99: "          ^"} {
		if got := shown.At(1, column); got != "a: *** ***\n"+want {
			t.Errorf("column %d: got %q, want the caret as in %q", column, got, want)
		}
	}
	for _, line := range []int{-1, 0, 2} {
		if got := shown.At(line, 1) + shown.Line(line); got != "" {
			t.Errorf("line %d, which is not there, is %q", line, got)
		}
	}
	if got := shown.Line(1); got != "a: secret-value # c" {
		t.Errorf("line 1 is %q", got)
	}
}

func TestFilteredSecretsAreHiddenEverywhere(t *testing.T) {
	shown := New("x: longer-secret-1 secret-1 short", nil)
	for _, secret := range []string{"secret-1", "longer-secret-1", "short", "${VARIABLE}"} {
		shown.Filter(secret)
	}
	if got, want := shown.At(1, 1), "x: *** *** short\n^"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := shown.Censor("of secret-1, ${VARIABLE} and longer-secret-1"), "of ***, ${VARIABLE} and ***"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnparsedTextShowsKnownWordsAlone(t *testing.T) {
	shown := New("key: [sk-1, \"two words\"] # note\n- key", map[string]bool{"key": true})
	shown.Unparsed()
	for line, want := range map[int]string{1: "key: [***, \"*** ***\"] # ***\n^", 2: "- key\n^"} {
		if got := shown.At(line, 1); got != want {
			t.Errorf("line %d: got %q, want %q", line, got, want)
		}
	}
}
