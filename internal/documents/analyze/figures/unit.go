package figures

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// signs are how currencies are written, the longer ones first.
func signs() [][2]string {
	return [][2]string{
		{"US$", "USD"},
		{"U.S.$", "USD"},
		{"HK$", "HKD"},
		{"NT$", "TWD"},
		{"C$", "CAD"},
		{"A$", "AUD"},
		{"S$", "SGD"},
		{"R$", "BRL"},
		{"USD", "USD"},
		{"EUR", "EUR"},
		{"GBP", "GBP"},
		{"JPY", "JPY"},
		{"CHF", "CHF"},
		{"CNY", "CNY"},
		{"RMB", "CNY"},
		{"INR", "INR"},
		{"KRW", "KRW"},
		{"SEK", "SEK"},
		{"NOK", "NOK"},
		{"DKK", "DKK"},
		{"CAD", "CAD"},
		{"AUD", "AUD"},
		{"HKD", "HKD"},
		{"SGD", "SGD"},
		{"BRL", "BRL"},
		{"PLN", "PLN"},
		{"$", "$"},
		{"€", "EUR"},
		{"£", "GBP"},
		{"¥", "JPY"},
		{"￥", "JPY"},
		{"₹", "INR"},
		{"₩", "KRW"},
	}
}

// currencyBefore takes a currency off the front of a word; c is "" if there is none.
func currencyBefore(w string) (rest, c string) {
	if w == "" || w[0] >= '0' && w[0] <= '9' || w[0] >= 'a' && w[0] <= 'z' {
		return w, ""
	}
	for _, s := range signs() {
		if rest, ok := strings.CutPrefix(w, s[0]); ok {
			if r, _ := utf8.DecodeRuneInString(rest); unicode.IsLetter(r) {
				continue
			}
			return rest, s[1]
		}
	}
	return w, ""
}

func currencyBehind(w string) (rest, c string) {
	if w == "" || w[len(w)-1] >= '0' && w[len(w)-1] <= '9' {
		return w, ""
	}
	for _, s := range signs() {
		if rest, ok := strings.CutSuffix(w, s[0]); ok {
			return rest, s[1]
		}
	}
	return w, ""
}

func isCurrency(w string) bool {
	rest, c := currencyBefore(w)
	return c != "" && rest == ""
}

// unitNote is what a heading, or a label in parentheses, says of the unit of values.
type unitNote struct {
	exponent int // of ten; 0 is single units, if scaled
	scaled   bool
	currency string
	// sharesAlone says that numbers of shares are not in that unit.
	sharesAlone bool
}

// scaleWords are the words that say what one of a printed figure stands for.
func scaleWords() []struct {
	exponent int
	words    []string
} {
	return []struct {
		exponent int
		words    []string
	}{
		{3, []string{"thousand", "thousands", "000", "000s", "tsd", "teur", "t€", "k€", "keur", "tausend", "milliers", "miles", "migliaia", "千円", "千元", "천원"}},
		{6, []string{"million", "millions", "mio", "mn", "mln", "mm", "m€", "€m", "$m", "£m", "meur", "millionen", "millones", "milioni", "millionen", "百万円", "百万元", "백만원"}},
		{8, []string{"億円", "亿元", "억원"}},
		{9, []string{"billion", "billions", "bn", "€bn", "$bn", "£bn", "mrd", "milliarden", "milliards", "十億円"}},
		{4, []string{"万元"}},
	}
}

// readUnits finds what a text says of units. Its scale counts only where found says so:
// a text that merely speaks of millions is none of its business.
func (v *vocabulary) readUnits(text string) (u unitNote) {
	lower := strings.ToLower(text)
	for word := range strings.FieldsFuncSeq(lower, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("€$£", r)
	}) {
		if exponent, ok := v.scales[word]; ok {
			u.exponent, u.scaled = exponent, true
			break
		}
		if exponent, ok := v.scales[strings.TrimPrefix(word, "単位")]; ok {
			u.exponent, u.scaled = exponent, true
			break
		}
	}
	u.currency = currencyIn(text, lower)
	u.sharesAlone = strings.Contains(lower, "except share") || strings.Contains(lower, "except number of shares") || strings.Contains(lower, "except for share")
	return u
}

// currencyIn is the currency that a heading names.
func currencyIn(text, lower string) string {
	words := [][2]string{
		{"u.s. dollar", "USD"},
		{"us dollar", "USD"},
		{"euro", "EUR"},
		{"teur", "EUR"},
		{"meur", "EUR"},
		{"keur", "EUR"},
		{"pounds sterling", "GBP"},
		{"japanese yen", "JPY"},
		{"yen", "JPY"},
		{"円", "JPY"},
		{"swiss franc", "CHF"},
		{"人民币", "CNY"},
		{"元", "CNY"},
		{"원", "KRW"},
		{"renminbi", "CNY"},
		{"dollars", "$"},
	}
	for _, w := range words {
		if strings.Contains(lower, w[0]) {
			return w[1]
		}
	}
	for _, s := range signs() {
		i := strings.Index(text, s[0])
		if i < 0 {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		behind, _ := utf8.DecodeRuneInString(text[i+len(s[0]):])
		if s[0][0] < 'A' || s[0][0] > 'Z' || !unicode.IsLetter(before) && !unicode.IsLetter(behind) {
			return s[1]
		}
	}
	return ""
}

// noteIn is the part of a line that speaks of units: what stands in parentheses, or a
// short line as a whole; "" if there is none.
func (v *vocabulary) noteIn(text string) string {
	for rest := text; ; {
		open := strings.IndexAny(rest, "(（[")
		if open < 0 {
			break
		}
		_, size := utf8.DecodeRuneInString(rest[open:])
		inside := rest[open+size:]
		end := strings.IndexAny(inside, ")）]")
		if end < 0 {
			end = len(inside)
		}
		if len(inside[:end]) <= maxNote && v.readUnits(inside[:end]).scaled {
			return inside[:end]
		}
		rest = inside[end:]
	}
	if len(text) > maxNote || !v.readUnits(text).scaled {
		return ""
	}
	lower := " " + strings.ToLower(text)
	for _, sign := range []string{" in ", "expressed in", " en ", " amounts", "単位", "単位：", "单位"} {
		if strings.Contains(lower, sign) {
			return text
		}
	}
	if words := strings.Fields(lower); len(words) <= 3 && currencyIn(text, lower) != "" && !slices.ContainsFunc(words, func(w string) bool { return onlyDigits(strings.Trim(w, "$€£.,")) }) {
		return text // "USD million"
	}
	return ""
}

// maxNote is the longest note about units, in bytes.
const maxNote = 120
