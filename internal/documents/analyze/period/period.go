// Package period finds and compares the times that reports report on: "FY2018", "three
// months ended June 30, 2018", "2018年3月期".
//
// Start with NewFinder, then Finder.Marks.
package period

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Period is the time of a figure. For one of a moment it is the year at whose end that
// is, or the month.
type Period struct {
	Year int
	// Months is how long it is; 0 is a moment, or not known.
	Months int
	// EndMonth is the month in which it ends, 1 to 12; 0 is the end of the year, whichever
	// month that is.
	EndMonth int
	// Quarter is 1 to 4 where the document counts quarters.
	Quarter int
}

// String is the period as "FY2018", "Q3 2018", "6M to 2018-06" or, for a moment within
// a year, "2018-03".
func (p Period) String() string {
	switch {
	case p.Quarter > 0:
		return fmt.Sprintf("Q%d %d", p.Quarter, p.Year)
	case p.Months == 12 || p.Months == 0 && p.EndMonth == 0:
		return "FY" + strconv.Itoa(p.Year)
	case p.Months == 0:
		return fmt.Sprintf("%d-%02d", p.Year, p.EndMonth)
	case p.EndMonth == 0:
		return fmt.Sprintf("%dM %d", p.Months, p.Year)
	}
	return fmt.Sprintf("%dM to %d-%02d", p.Months, p.Year, p.EndMonth)
}

// Annual reports whether it is a year, or the end of one.
func (p Period) Annual() bool {
	return p.Quarter == 0 && (p.Months == 12 || p.Months == 0 && p.EndMonth == 0)
}

// Compare orders periods by time.
func (p Period) Compare(o Period) int {
	return cmp.Or(cmp.Compare(p.Year, o.Year), cmp.Compare(p.Quarter, o.Quarter), cmp.Compare(p.EndMonth, o.EndMonth), cmp.Compare(p.Months, o.Months))
}

// Mark is a piece of a text, bytes [Start, End), that tells of time. One without a year is
// a length ("three months ended") or a day ("December 31").
type Mark struct {
	Start, End int
	Period     Period
}

const (
	// maxText is the longest text that is looked at, in bytes, maxMarks how many marks of
	// it are found.
	maxText  = 600
	maxMarks = 40
)

// hopeful reports whether a text may tell of time, so that others are not searched, which
// takes longer: it has the digits of a year or a quarter, or is a short line.
func hopeful(text string) bool {
	const short = 80
	for i := 0; i+1 < len(text); i++ {
		switch {
		case text[i] == '2' && text[i+1] == '0', text[i] == '1' && text[i+1] == '9', text[i] == 'Q' || text[i] == 'q' || text[i+1] == 'Q' || text[i+1] == 'q':
			return true
		}
	}
	return len(text) <= short && (strings.ContainsAny(text, "0123456789") || strings.Contains(strings.ToLower(text), "end"))
}

// Marks finds what a text of at most 600 bytes says of time, in order.
func (v *Finder) Marks(text string) []Mark {
	if len(text) > maxText || !hopeful(text) {
		return nil
	}
	var all []Mark
	for _, m := range v.time.FindAllStringSubmatchIndex(text, maxMarks) {
		at := Mark{Start: m[0], End: m[1]}
		get := func(group string) string {
			i := v.groups[group]
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		at.Period = v.timeOf(get)
		if at.Period == (Period{}) {
			continue
		}
		all = append(all, at)
	}
	return all
}

func (v *Finder) timeOf(get func(group string) string) Period {
	p := Period{Year: year(get("y1") + get("y2") + get("y3") + get("y4") + get("y5") + get("y6") + get("y7") + get("y8"))}
	p.EndMonth = v.months[strings.ToLower(get("m1")+get("m2"))]
	if n, err := strconv.Atoi(get("n1") + get("n2") + get("n3")); err == nil && n <= 12 {
		p.EndMonth = n
	}
	if get("fy") != "" {
		p.Months = 12
	}
	if q := get("q1") + get("q2") + get("q3"); q != "" {
		p.Quarter, p.Months = int(q[0]-'0'), 3
	}
	switch length := strings.ToLower(get("len")); {
	case length == "":
	case strings.Contains(length, "year") || strings.HasPrefix(length, "twelve") || strings.HasPrefix(length, "12") || strings.Contains(length, "jahr") || strings.Contains(length, "exercice") || strings.Contains(length, "ejercicio"):
		p.Months = 12
	case strings.HasPrefix(length, "six") || strings.HasPrefix(length, "6"):
		p.Months = 6
	case strings.HasPrefix(length, "nine") || strings.HasPrefix(length, "9"):
		p.Months = 9
	default:
		p.Months = 3
	}
	if get("n1") != "" && get("jp") != "" { // the year to March
		p.Months = 12
	}
	return p
}

// year reads a year of four digits or two.
func year(text string) int {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0
	case n < 50:
		return 2000 + n
	case n < 100:
		return 1900 + n
	}
	return n
}

// Finder finds times. It is immutable.
type Finder struct {
	months map[string]int
	time   *regexp.Regexp
	groups map[string]int
}

// NewFinder returns a Finder.
func NewFinder() *Finder {
	v := &Finder{months: months(), groups: make(map[string]int)}
	names := make([]string, 0, len(v.months))
	for name := range v.months {
		names = append(names, regexp.QuoteMeta(name))
	}
	// The longer ones first: the first that fits is taken.
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	month := `(?:` + strings.Join(names, "|") + `)`
	const years = `(?:19[89]\d|20[0-4]\d)`
	v.time = regexp.MustCompile(`(?i)(?P<len>(?:three|six|nine|twelve|3|6|9|12)[ -]months?(?: ended)?|quarter(?:ly period)? ended|(?:fiscal )?years? ended|(?:the )?years? ending|geschäftsjahr(?:e)? zum|exercices? clos)` + //nolint:misspell // words of other languages
		`|\b(?P<m1>` + month + `)\.? +[0-3]?\d\b(?:,? +(?P<y1>` + years + `))?` +
		`|\b[0-3]?\d(?:st|nd|rd|th|\.|er)? +(?:de +)?(?P<m2>` + month + `)\.?(?:,? +(?:de +)?(?P<y2>` + years + `))?` +
		`|\b[0-3]?\d[./](?P<n2>[01]?\d)[./](?P<y3>` + years + `)\b` +
		`|\b(?P<y4>` + years + `)-(?P<n3>[01]\d)-[0-3]\d\b` +
		`|(?P<y5>` + years + `)年(?P<n1>1?\d)月(?P<jp>期)?(?:[0-3]?\d日)?` +
		`|\bQ(?P<q1>[1-4])[ -/]*(?:FY)?'?(?P<y6>` + years + `|\d\d)\b|\b(?P<q2>[1-4])Q[ -/]*(?:FY)?'?(?P<y7>` + years + `|\d\d)\b` +
		`|\b(?P<fy>(?:FY|fiscal(?: year)?|year|GJ|geschäftsjahr|exercice|ejercicio)[ -]?'?)?(?P<y8>` + years + `)(?:/\d\d(?:\d\d)?)?(?:年度|年|[AE]\b|\b)(?:[ -]?Q(?P<q3>[1-4]))?`)
	for i, name := range v.time.SubexpNames() {
		v.groups[name] = i
	}
	return v
}

// months are the names of months and what they are shortened to.
func months() map[string]int {
	all := make(map[string]int)
	for _, year := range []string{
		"january february march april may june july august september october november december",
		"jan feb mar apr may jun jul aug sep oct nov dec",
		"januar februar märz april mai juni juli august september oktober november dezember",
		"janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
		"enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
	} {
		for i, name := range strings.Fields(year) {
			all[name] = i + 1
		}
	}
	all["sept"] = 9
	return all
}

// Joined is what two pieces of a heading say together: the later one's length and end,
// where it has them.
func (p Period) Joined(later Period) Period {
	if later.Months > 0 {
		p.Months = later.Months
	}
	if later.EndMonth > 0 {
		p.EndMonth = later.EndMonth
	}
	return p
}
