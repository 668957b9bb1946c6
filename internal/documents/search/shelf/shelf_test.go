package shelf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/language"
)

func TestReadings(t *testing.T) {
	l := readLanguages("en 1000\nde 500\nfr 3\nnonsense\nxx -1\n")
	for spoken, want := range map[string]string{
		"en": "en 1.00, de 0.25, fr 0.05", "de": "en 0.50, de 1.00, fr 0.05", "": "en 1.00, de 0.50, fr 0.10",
		"fr": "en 1.00, de 0.50, fr 1.00", "ja": "en 1.00, de 0.50, fr 0.10",
	} {
		var got []string
		for _, r := range l.readings(spoken) {
			got = append(got, fmt.Sprintf("%s %.2f", r.lang, r.weight))
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("asked in %q: got %s, want %s", spoken, got, want)
		}
	}
}

// weights are the terms of a question with their weights, in a shelf of some languages.
func weights(w *Words, text string, l languages) map[string]float64 {
	got := make(map[string]float64)
	for _, t := range w.question(text, l.readings) {
		got[t.text] = t.weight
	}
	return got
}

func TestQuestion(t *testing.T) {
	w := NewWords(FinanceSynonyms)
	got := weights(w, "What are the risks of long-term debt?", languages{"en": 9, "de": 3})
	for text, want := range map[string]float64{"risk": 1, "long": 1, "term": 1, "longterm": joinedWeight, "debt": 1, "what": 0, "the": 0, "are": 0} {
		if got[text] != want {
			t.Errorf("%s weighs %v, want %v", text, got[text], want)
		}
	}
	if got["borrow"] != synonymWeight {
		t.Errorf("a synonym weighs %v", got["borrow"])
	}
	if got := weights(w, "what is it", languages{"en": 1}); len(got) != 3 {
		t.Errorf("of stop words alone: got %v", got)
	}
	if got := weights(w, "東京", languages{"ja": 1}); got["東京"] != 1 || got["東"] != singleWeight {
		t.Errorf("got %v", got)
	}
	var long strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&long, "word%d and ", i)
	}
	if got := weights(w, long.String()+" telling", languages{"en": 1, "de": 1, "ja": 1}); len(got) > mostAll {
		t.Errorf("got %d terms", len(got))
	}
	for text := range weights(w, long.String(), languages{"en": 1}) {
		if len(text) > language.MaxTerm {
			t.Errorf("got the term %q", text)
		}
	}
}
