package figures

import (
	"regexp"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

// vocabulary is what a Reader knows of words. It is immutable.
type vocabulary struct {
	names    metric.Names
	times    *period.Finder
	scales   map[string]int
	sentence *regexp.Regexp
	amount   *regexp.Regexp
	pointed  *regexp.Regexp
	commaed  *regexp.Regexp
}

func newVocabulary() vocabulary {
	v := vocabulary{names: metric.NewNames(), times: period.NewFinder(), scales: make(map[string]int)}
	for _, s := range scaleWords() {
		for _, w := range s.words {
			v.scales[w] = s.exponent
		}
	}
	v.pointed = regexp.MustCompile(`\d,\d{3}\.\d|\d\.\d{1,2} ?%|[$£]\d+\.\d\d\b|\d,\d{3},\d{3}`)
	v.commaed = regexp.MustCompile(`\d\.\d{3},\d|\d,\d{1,2} ?%|\d+,\d\d ?€|\d\.\d{3}\.\d{3}`)
	v.amount = regexp.MustCompile(`(?i)(US\$|[$€£¥]|\b(?:USD|EUR|GBP|JPY|CHF) )?(\d[\d.,]*\d|\d)(?: (thousand|million|billion|trillion|mio\.?|mrd\.?|millionen|milliarden|bn|mn)\b)?( ?(?:€|EUR\b|USD\b))?`)
	v.sentence = regexp.MustCompile(`(?i)(?:^|\b(?:our|the|its|and|consolidated|total|group|company's|company’s|worldwide|net),? )(total revenues?|net revenues?|revenues?|net sales|sales|operating income|operating profit|income from operations|net income|net earnings|net profit|gross profit|EBITDA|total assets|capital expenditures|operating cash flow)` +
		`(?: (?:for|in) (?:the )?(?:full )?(?:fiscal )?(?:year )?(?:FY)?(?:\d{4})?)?,?(?: (?:has |have )?(?:increased|decreased|grew|rose|fell|declined|improved|was up|was down))?(?:,?(?: by)? [\d.,]+(?:%| percent| per cent))?,? (?:was|were|of|to|totall?ed|reached|amounted to)(?: approximately| about)? ?$`)
	return v
}

// pointIn is what parts fractions in a text; usual is what to say where that can't be told.
func (v *vocabulary) pointIn(text string, usual byte) byte {
	if len(text) > 1<<20 {
		text = text[:1<<20]
	}
	const enough = 200
	point, comma := len(v.pointed.FindAllStringIndex(text, enough)), len(v.commaed.FindAllStringIndex(text, enough))
	switch {
	case point >= 2 && point >= 3*comma:
		return '.'
	case comma >= 2 && comma >= 3*point:
		return ','
	}
	return usual
}
