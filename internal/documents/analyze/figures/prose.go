package figures

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

// maxSentence is the longest sentence that is read for figures, in bytes.
const maxSentence = 500

// prose reads the sentences of a line for what they say plainly of a metric: "net income
// was $349 million in 2018".
func (r *Reader) prose(l line) {
	if len(l.text) > 1<<16 {
		return
	}
	for start := 0; start < len(l.text); {
		end := sentenceEnd(l.text, start)
		if s := l.text[start:end]; end-start <= maxSentence && hasMoney(s) {
			lead := len(s) - len(strings.TrimLeft(s, " "))
			r.sentence(line{text: strings.TrimSpace(s), at: l.at + int64(start+lead), page: l.page})
		}
		start = end
	}
}

// hasMoney reports whether a text may hold an amount with its currency.
func hasMoney(text string) bool {
	if strings.ContainsAny(text, "$€£¥") {
		return true
	}
	for _, code := range []string{"USD", "EUR", "GBP", "JPY", "CHF"} {
		if strings.Contains(text, code) {
			return true
		}
	}
	return false
}

// sentenceEnd is where the sentence that begins at start ends: behind a full stop that
// white space follows.
func sentenceEnd(text string, start int) int {
	for i := start; i < len(text); i++ {
		if strings.IndexByte(".;!?", text[i]) >= 0 && i+1 < len(text) && text[i+1] == ' ' {
			return i + 1
		}
	}
	return len(text)
}

// sentence reads a sentence that names one period, and after a metric an amount with its
// unit.
func (r *Reader) sentence(l line) {
	p, ok := r.onlyPeriod(l.text)
	if !ok {
		return
	}
	for _, at := range r.words.amount.FindAllStringSubmatchIndex(l.text, maxColumns) {
		group := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return strings.TrimSpace(l.text[at[2*i]:at[2*i+1]])
		}
		scale := strings.ToLower(group(3))
		n, ok := readNumber(group(2), r.lone)
		if n.currency = currencyIn(group(1)+" "+group(4), ""); !ok || n.currency == "" || strings.HasPrefix(l.text[at[1]:], "%") {
			continue
		}
		m := r.words.sentence.FindStringSubmatch(l.text[max(0, at[0]-maxNote):at[0]])
		if m == nil {
			continue
		}
		named, loss, ok := r.words.names.Of(m[1], "")
		if !ok {
			continue
		}
		unit := unitNote{scaled: true}
		if scale != "" {
			if unit.exponent, ok = r.words.scales[strings.TrimSuffix(scale, ".")]; !ok {
				continue // "trillion" has no word in tables
			}
		}
		table := r.table.id
		r.table.id = 0
		r.figure(l, rowOf{metric: named, loss: loss, label: m[1], unit: unit}, n, p)
		r.table.id = table
	}
}

// onlyPeriod is the period that a text names; ok is false where it names none, or
// several.
func (r *Reader) onlyPeriod(text string) (p period.Period, ok bool) {
	for _, m := range r.words.times.Marks(text) {
		switch {
		case m.Period.Year == 0:
			p = p.Joined(m.Period)
		case p.Year == 0:
			p = period.Period{Year: m.Period.Year, Quarter: m.Period.Quarter, Months: max(p.Months, m.Period.Months), EndMonth: max(p.EndMonth, m.Period.EndMonth)}
		case p.Year != m.Period.Year || p.Quarter != m.Period.Quarter:
			return p, false
		}
	}
	return p, p.Year > 0
}

// Amounts reports how many amounts a text has, for those who look for telling sentences:
// numbers with a currency or a percent sign. It is no figure.
func Amounts(text string) (n int) {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '%' && i > 0 && (digit(text[i-1]) || text[i-1] == ' '):
			n++
		case c == '$' && i+1 < len(text) && digit(text[i+1]):
			n++
		}
	}
	return n + strings.Count(text, "€") + strings.Count(text, "£") + strings.Count(text, "円")
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
