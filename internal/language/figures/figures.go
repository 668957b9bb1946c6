// Package figures reads numbers as languages write them: what parts thousands in one,
// parts decimals in another. Figures are bytes of ASCII, with '.', ',' or an apostrophe
// between them, which stands for spaces too.
//
// Start with Normal.
package figures

import "bytes"

// IsSeparator reports whether r parts the figures of a number.
func IsSeparator(r rune) bool { return r == '.' || r == ',' || r == '\'' }

// IsYear reports whether the figures are a year of about our time.
func IsYear(d []byte) bool {
	return len(d) == 4 && (d[0] == '1' && d[1] == '9' || d[0] == '2' && d[1] == '0') && bytes.IndexByte(d, '.') < 0
}

// FiscalYear reads "fy18" and "fy2018".
func FiscalYear(word []byte) (year string, ok bool) {
	rest, ok := bytes.CutPrefix(word, []byte("fy"))
	if !ok {
		return "", false
	}
	for _, c := range rest {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	switch {
	case IsYear(rest):
		return string(rest), true
	case len(rest) == 2 && rest[0] >= '5':
		return "19" + string(rest), true
	case len(rest) == 2:
		return "20" + string(rest), true
	}
	return "", false
}

// Normal is the normal form of figures with separators between them; ok is false
// where they make no number.
func Normal(figures []byte, lang string) (string, bool) {
	last := bytes.LastIndexFunc(figures, IsSeparator)
	if last < 0 {
		return string(figures), true
	}
	whole, decimals := figures, []byte(nil)
	if isDecimal(figures, last, lang) {
		whole, decimals = figures[:last], bytes.TrimRight(figures[last+1:], "0")
	}
	form, ok := ungrouped(whole)
	if !ok {
		return "", false
	}
	if len(decimals) > 0 {
		form = append(append(form, '.'), decimals...)
	}
	return string(form), true
}

// isDecimal reports whether the last separator, at a place, stands before decimals.
func isDecimal(figures []byte, last int, lang string) bool {
	sep := figures[last]
	if sep == '\'' || bytes.IndexByte(figures[:last], sep) >= 0 {
		return false // of thousands
	}
	if bytes.ContainsFunc(figures[:last], IsSeparator) || len(figures)-last-1 != 3 || last > 3 || figures[0] == '0' {
		return true // beside another one, or not before three figures
	}
	if sep == ',' {
		return decimalComma(lang)
	}
	return !dotOfThousands(lang)
}

// ungrouped is a whole number without its separators, which must be alike and stand
// before groups of three.
func ungrouped(whole []byte) ([]byte, bool) {
	first := bytes.IndexFunc(whole, IsSeparator)
	if first < 0 {
		return bytes.Clone(whole), true
	}
	sep := whole[first]
	if first == 0 || first > 3 || (len(whole)-first)%4 != 0 {
		return nil, false
	}
	form := make([]byte, 0, len(whole)+32)
	for i, c := range whole {
		isSep := IsSeparator(rune(c))
		if isSep != (i >= first && (i-first)%4 == 0) || isSep && c != sep {
			return nil, false
		}
		if !isSep {
			form = append(form, c)
		}
	}
	return form, true
}

// decimalComma reports whether decimals stand behind a comma in the language.
func decimalComma(lang string) bool {
	switch lang {
	case "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "tr", "ro", "hu", "pl", "cs", "id", "vi", "ca", "ru", "uk", "bg", "sr", "el":
		return true
	}
	return false
}

// dotOfThousands reports whether thousands are parted by dots in the language.
func dotOfThousands(lang string) bool {
	switch lang {
	case "de", "es", "it", "pt", "nl", "da", "no", "tr", "ro", "id", "vi", "ca", "sr", "el":
		return true
	}
	return false
}
