package about

import (
	"regexp"
	"slices"
	"strings"
)

// suffix is how names of companies end.
const suffix = `(?:Inc\.?|Incorporated|Corp\.|Corporation|plc|PLC|P\.L\.C\.|AG|SE|GmbH|KGaA|Ltd\.?|Limited|LLC|L\.L\.C\.|L\.P\.|LP|S\.A\.|SA|N\.V\.|NV|B\.V\.|S\.p\.A\.|SpA|A/S|AB|ASA|Oyj|Company|Co\.)`

// Company is whose report a text is: the registrant that it names, else the company
// whose name is there the most often; "" if there is none.
func Company(text string) string {
	if name := registrant(text); name != "" {
		return name
	}
	const part = `(?:\p{Lu}[\p{L}\p{N}&'’\-]*|[0-9]+\p{L}[\p{L}\p{N}]*|&)`
	name := regexp.MustCompile(`\b` + part + `(?:[ ](?:` + part + `|of|and|de|und)){0,5},?[ ]` + suffix + `(?:[^\p{L}]|$)` +
		`|(?:\p{Han}|\p{Katakana}|[A-Za-z]){2,20}(?:股份有限公司|有限公司|株式会社|株式會社)|株式会社(?:\p{Han}|\p{Katakana}|[A-Za-z]){2,20}`)
	counts := make(map[string]int)
	best := ""
	for _, found := range name.FindAllString(text, 200) {
		found = owner(strings.TrimSpace(strings.TrimRight(found, " \n\t,;:()[]|\"'”’")))
		if !endsFully(found) {
			continue
		}
		counts[found]++
		if best == "" || counts[found] > counts[best] {
			best = found
		}
	}
	return best
}

// owner is the company of "Results of Acme Inc.".
func owner(name string) string {
	switch before, after, _ := strings.Cut(name, " of "); before {
	case "Results", "Report", "Annual Report", "Board", "Shares", "Shareholders", "Stockholders", "Directors", "Statements", "Notes", "Subsidiaries", "Business":
		return after
	}
	return name
}

// endsFully reports whether more than the ending is there, as in "The Company".
func endsFully(name string) bool {
	words := strings.Fields(name)
	if len(words) < 2 {
		return strings.IndexFunc(name, func(r rune) bool { return r > 0x2e80 }) >= 0
	}
	switch words[0] {
	case "The", "Our", "This", "Each", "Such", "Any", "A", "An", "Your":
		return len(words) > 2
	}
	return true
}

// registrant is the name in the head of a report to the SEC: it stands before the words
// that say so.
func registrant(text string) string {
	at := strings.Index(strings.ToLower(text), "(exact name of")
	if at < 0 || at > len(text) {
		return ""
	}
	lines := strings.Split(text[:at], "\n")
	for _, line := range slices.Backward(lines) {
		line = strings.Trim(strings.TrimSpace(line), "_-*| ")
		if line == "" {
			continue
		}
		if len(line) > nameBytes || strings.ContainsAny(line, ":;") {
			return ""
		}
		return line
	}
	return ""
}

const (
	month = `(?:january|february|march|april|may|june|july|august|september|october|november|december|jan\.?|feb\.?|mar\.?|apr\.?|jun\.?|jul\.?|aug\.?|sept?\.?|oct\.?|nov\.?|dec\.?)`
	year  = `((?:19|20)[0-9]{2})`
)

// Period is the time that a text reports on, such as "FY2018" or "Q3 2019"; "" if it does
// not say.
func Period(text string) string {
	text = strings.ToLower(text)
	quarterEnd := regexp.MustCompile(`(?:quarterly period|quarter|three months)\s+ended:?\s+(` + month + `)\s+[0-9]{1,2}\s*,?\s+` + year)
	yearOf := regexp.MustCompile(strings.Join([]string{
		`years?\s+ended:?\s+` + month + `\s+[0-9]{1,2}\s*,?\s+` + year,
		`years?\s+ended:?\s+[0-9]{1,2}\s+` + month + `\s*,?\s+` + year,
		`\bfy\s?'?` + year + `\b`,
		`\bfiscal(?:\s+year)?\s+` + year + `\b`,
		`(?:^|[^\p{L}\p{N}])(?:annual\s+report|10-k|geschäftsbericht|jahresbericht|rapport\s+annuel|(?:informe|memoria|relatório)\s+anual|relazione\s+annuale|jaarverslag|годовой\s+отч[её]т)[^\p{L}\p{N}]{1,3}(?:(?:for|fiscal|year|za|за|de|del|für|das|jahr)\s+){0,3}` + year, //nolint:misspell // Spanish and Portuguese
		`\b` + year + `\s+(?:annual\s+report|form\s+10-k)`,
		year + `\s?年(?:年?度)?(?:报告|報告|有価証券報告書|年報|年报)`,
	}, "|"))
	quarter := regexp.MustCompile(`\bq([1-4])[ \-/]?(?:fy\s?)?` + year + `\b|\b(first|second|third|fourth)\s+quarter\s+(?:of\s+)?(?:fiscal\s+)?` + year)

	if m := quarterEnd.FindStringSubmatch(text); m != nil {
		return "Q" + quarterOf(m[1]) + " " + m[2]
	}
	y, q := yearOf.FindStringSubmatchIndex(text), quarter.FindStringSubmatchIndex(text)
	if q != nil && (y == nil || q[0] < y[0]) {
		m := quarter.FindStringSubmatch(text)
		if m[1] != "" {
			return "Q" + m[1] + " " + m[2]
		}
		return "Q" + ordinal(m[3]) + " " + m[4]
	}
	if y != nil {
		for _, found := range yearOf.FindStringSubmatch(text)[1:] {
			if found != "" {
				return "FY" + found
			}
		}
	}
	return ""
}

// quarterOf is the quarter of the calendar that ends in, or about, a month.
func quarterOf(month string) string {
	switch month[:3] {
	case "jan", "feb", "mar":
		return "1"
	case "apr", "may", "jun":
		return "2"
	case "jul", "aug", "sep":
		return "3"
	}
	return "4"
}

func ordinal(word string) string {
	switch word {
	case "first":
		return "1"
	case "second":
		return "2"
	case "third":
		return "3"
	}
	return "4"
}
