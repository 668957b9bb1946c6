package language

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/language/figures"
)

// maxDigits is how many characters of a number are read.
const maxDigits = MaxTerm - 2

// number reads a number that begins at a place and emits it in its normal form: without
// separators of thousands, with a dot before decimals, and without zeros at their end.
// ok is false where it is a word that begins with figures.
func (a *Analyzer) number(text string, at int) (end int, ok bool) {
	a.digits = a.digits[:0]
	separated := false
	for at < len(text) {
		d, size := digitAt(text, at)
		if size == 0 {
			break
		}
		a.addDigit(d)
		at += size
		if sep, n := separatorAt(text, at); n > 0 {
			if _, follows := digitAt(text, at+n); follows > 0 {
				a.addDigit(sep)
				separated = true
				at += n
			}
		}
	}
	if len(a.digits) == 0 || !separated && wordAt(text, at) {
		return 0, false
	}
	a.emitNumber(text, at)
	return at, true
}

func (a *Analyzer) addDigit(c byte) {
	if len(a.digits) < maxDigits {
		a.digits = append(a.digits, c)
	}
}

// digitAt is the figure at a place, as ASCII, and how long it is; 0 if there is none.
func digitAt(text string, at int) (byte, int) {
	if at >= len(text) {
		return 0, 0
	}
	if c := text[at]; c < utf8.RuneSelf {
		if isASCIIDigit(c) {
			return c, 1
		}
		return 0, 0
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	for _, zero := range [...]rune{0x660, 0x6F0, 0x966, 0x9E6, 0xBE6, 0xE50, 0xED0, 0x1040, 0x17E0} {
		if r >= zero && r <= zero+9 {
			return '0' + byte(r-zero), size //nolint:gosec // G115: it is less than 10
		}
	}
	return 0, 0
}

// separatorAt is what may stand between the figures of a number, and how long it is.
// Spaces that don't break, and apostrophes, are all spelled '.
func separatorAt(text string, at int) (byte, int) {
	if at >= len(text) {
		return 0, 0
	}
	switch c := text[at]; c {
	case ',', '.', '\'':
		return c, 1
	case 0xC2, 0xE2, 0xD9:
	default:
		return 0, 0
	}
	for _, s := range [...]struct {
		text string
		as   byte
	}{{"\u00a0", '\''}, {"\u202f", '\''}, {"\u2009", '\''}, {"\u2019", '\''}, {"\u066c", '\''}, {"\u066b", '.'}} {
		if strings.HasPrefix(text[at:], s.text) {
			return s.as, len(s.text)
		}
	}
	return 0, 0
}

// emitNumber emits the number that was read, which ends at a place.
func (a *Analyzer) emitNumber(text string, end int) {
	form, ok := figures.Normal(a.digits, a.lang)
	if !ok {
		a.emitFigures()
		return
	}
	a.digits = append(a.digits[:0], form...)
	a.out = append(a.out, Token{Text: a.spelled(a.digits), Kind: Number})
	switch {
	case percentAt(text, end):
		a.digits = append(a.digits, '%')
		a.out = append(a.out, Token{Text: a.spelled(a.digits), Kind: Number})
		a.digits = a.digits[:len(a.digits)-1]
	case a.fiscal > 0 && figures.IsYear(a.digits):
		a.out = append(a.out, Token{Text: a.spelledYear(), Kind: Number})
	}
}

// spelledYear is the year that was read, as a fiscal one.
func (a *Analyzer) spelledYear() string {
	var b [6]byte
	copy(b[copy(b[:], "fy"):], a.digits)
	return a.spelled(b[:])
}

// emitFigures emits what looks like a number and is none, such as a date or a version:
// its parts, and the whole.
func (a *Analyzer) emitFigures() {
	dots := 0
	for part := range bytes.FieldsFuncSeq(a.digits, figures.IsSeparator) {
		dots++
		a.out = append(a.out, Token{Text: a.spelled(part), Kind: Number})
	}
	if dots > 2 {
		a.out = append(a.out, Token{Text: a.spelled(a.digits), Kind: Joined})
	}
}

// percentAt reports whether a percent sign stands at a place, or behind one space.
func percentAt(text string, at int) bool {
	rest := text[at:]
	return strings.HasPrefix(rest, "%") || strings.HasPrefix(rest, " %") || strings.HasPrefix(rest, "\u00a0%") || strings.HasPrefix(rest, "\u202f%")
}
