package thesaurus

import (
	"slices"
	"testing"

	"github.com/fairleadhq/fairlead/internal/language"
)

func TestThesaurus(t *testing.T) {
	a := language.NewAnalyzer()
	thesaurus := New(a)
	for _, test := range []struct {
		text string
		has  []string // terms that are added
		not  string
	}{
		{"What was the capex in FY2018?", []string{"purchas", "properti", "plant", "equip"}, "capex"},
		{"purchases of property, plant and equipment", []string{"capex", "capit"}, "plant"},
		{"net sales of 3M", []string{"revenu", "turnov"}, "sale"},
		{"SG&A", []string{"general"}, ""},
		{"the weather", nil, ""},
	} {
		got := thesaurus.Expand(a.Append(nil, test.text, "en"))
		for _, want := range test.has {
			if !slices.Contains(got, want) {
				t.Errorf("%q: got %q, want %q among them", test.text, got, want)
			}
		}
		if slices.Contains(got, test.not) || test.has == nil && len(got) > 0 {
			t.Errorf("%q: got %q", test.text, got)
		}
	}
}
