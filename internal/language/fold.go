package language

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plain gives characters that are only other forms of others the form of those: full
// width letters, ligatures, letters and their accents apart. Most text has none, and is
// returned as it is.
func plain(text string) string {
	needed := false
	for i := 0; i < len(text) && !needed; {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		needed = isForm(r)
		i += size
	}
	if !needed {
		return text
	}
	// Raised figures are marks of notes, not parts of the words that they stand behind.
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		if r == 0xB2 || r == 0xB3 || r == 0xB9 || r >= 0x2070 && r <= 0x209C {
			return ' '
		}
		return r
	}, text))
}

// isForm reports whether r may be another form of a character, or an accent apart.
func isForm(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r <= 0x36F, r == 0x3099, r == 0x309A, r >= 0x653 && r <= 0x655:
		return true
	case r >= 0x1100 && r <= 0x11FF: // the letters of Korean syllables
		return true
	case r >= 0xFB00 && r <= 0xFDFF, r >= 0xFE70 && r <= 0xFEFC, r >= 0xFF01 && r <= 0xFFEE, r >= 0x1D400 && r <= 0x1D7FF:
		return true
	}
	return r >= 0x2F00 && r <= 0x2FDF || r >= 0xF900 && r <= 0xFAFF
}

// folded is a word in lower case without accents, points and variants of letters.
func folded(word string) string {
	ascii := true
	for i := range len(word) {
		ascii = ascii && word[i] < utf8.RuneSelf
	}
	if ascii {
		return word
	}
	var b strings.Builder
	for _, r := range word {
		foldInto(&b, r)
	}
	return b.String()
}

func foldInto(b *strings.Builder, r rune) {
	if r < utf8.RuneSelf {
		b.WriteByte(byte(r)) //nolint:gosec // G115: it is less than 0x80
		return
	}
	switch scriptOf(r) {
	case latin:
		foldLatin(b, r)
	case greek:
		foldAccents(b, r)
	case cyrillic:
		if r == 'ё' {
			r = 'е'
		}
		b.WriteRune(r)
	case hebrew:
		if unicode.IsMark(r) {
			return
		}
		b.WriteRune(plainHebrew(r))
	case arabic:
		if unicode.IsMark(r) {
			return
		}
		b.WriteRune(plainArabic(r))
	case devanagari:
		if r != 0x93C { // the dot below, which is often left out
			b.WriteRune(r)
		}
	case tamil, hangul, other, scripts:
		if r < 0x300 || r > 0x36F {
			b.WriteRune(r)
		}
	}
}

func foldLatin(b *strings.Builder, r rune) {
	switch r {
	case 'ß':
		b.WriteString("ss")
	case 'æ':
		b.WriteString("ae")
	case 'œ':
		b.WriteString("oe")
	case 'þ':
		b.WriteString("th")
	case 'ø':
		b.WriteByte('o')
	case 'đ', 'ð':
		b.WriteByte('d')
	case 'ł':
		b.WriteByte('l')
	case 'ı':
		b.WriteByte('i')
	case 'ħ':
		b.WriteByte('h')
	case 'ŋ':
		b.WriteByte('n')
	case 'ſ':
		b.WriteByte('s')
	default:
		foldAccents(b, r)
	}
}

// foldAccents writes a letter without its accents.
func foldAccents(b *strings.Builder, r rune) {
	if r == 'ς' {
		r = 'σ'
	}
	var buf [utf8.UTFMax]byte
	apart := norm.NFD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition()
	if apart == nil {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
		return
	}
	for _, part := range string(apart) {
		if !unicode.Is(unicode.Mn, part) {
			b.WriteRune(part)
		}
	}
}

// plainHebrew is a letter as it stands inside a word.
func plainHebrew(r rune) rune {
	switch r {
	case 'ך':
		return 'כ'
	case 'ם':
		return 'מ'
	case 'ן':
		return 'נ'
	case 'ף':
		return 'פ'
	case 'ץ':
		return 'צ'
	}
	return r
}

// plainArabic is a letter without what writers add to it or leave out.
func plainArabic(r rune) rune {
	switch r {
	case 'أ', 'إ', 'آ', 'ٱ':
		return 'ا'
	case 'ى', 'ی', 'ئ':
		return 'ي'
	case 'ة', 'ہ', 'ۀ', 'ە':
		return 'ه'
	case 'ک':
		return 'ك'
	case 'ؤ':
		return 'و'
	}
	return r
}
