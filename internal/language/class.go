package language

import "unicode"

// class is what a character does in text.
type class uint8

const (
	separator class = iota
	alphabetic
	digit
	mark
	// ideographic scripts are cut into pairs, unspaced ones into threes.
	ideographic
	unspaced
	// invisible characters stand inside words and are no part of them.
	invisible
)

func isASCIILetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isASCIIDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHiragana(r rune) bool { return r >= 0x3041 && r <= 0x309F }

// classOf classifies a character beyond ASCII.
func classOf(r rune) class {
	switch {
	case r == 0xAD || r >= 0x200B && r <= 0x200F || r == 0x2060 || r == 0xFEFF || r == 0x640: // soft hyphen, zero width, tatweel
		return invisible
	case r < 0xAA:
		return separator
	case r < 0x2000 && (r < 0xE00 || r >= 0x10A0 && r < 0x1780 || r >= 0x1800):
		return byCategory(r)
	case r >= 0xE00 && r < 0x0F00 || r >= 0x1000 && r < 0x10A0 || r >= 0x1780 && r < 0x1800: // Thai, Lao; Burmese; Khmer
		return unspacedClass(r)
	case isIdeographic(r):
		return ideographic
	}
	return byCategory(r)
}

func byCategory(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return alphabetic
	case unicode.Is(unicode.Nd, r):
		return digit
	case unicode.IsMark(r):
		return mark
	}
	return separator
}

func unspacedClass(r rune) class {
	switch {
	case unicode.Is(unicode.Nd, r):
		return digit
	case unicode.IsLetter(r), unicode.IsMark(r):
		return unspaced
	}
	return separator
}

// isIdeographic reports whether r is Han or kana.
func isIdeographic(r rune) bool {
	switch {
	case r >= 0x3041 && r <= 0x30FF:
		return r != 0x30FB && r != 0x30A0 && (r < 0x3099 || r > 0x309C) // the middle dot parts words
	case r == 0x3005 || r == 0x3007:
		return true
	case r >= 0x31F0 && r <= 0x31FF, r >= 0x3400 && r <= 0x4DBF, r >= 0x4E00 && r <= 0x9FFF, r >= 0xF900 && r <= 0xFAFF:
		return true
	}
	return r >= 0x20000 && r <= 0x3FFFF
}

// isHangul reports whether r is a syllable of Korean.
func isHangul(r rune) bool { return r >= 0xAC00 && r <= 0xD7A3 }

// script is what a word is written in, as far as its stemmer depends on it.
type script uint8

const (
	latin script = iota
	greek
	cyrillic
	hebrew
	arabic
	devanagari
	tamil
	hangul
	other
	scripts
)

// scriptOf tells the script of a letter.
func scriptOf(r rune) script {
	switch {
	case r < 0x250, r >= 0x1E00 && r <= 0x1EFF:
		return latin
	case r >= 0x370 && r <= 0x3FF, r >= 0x1F00 && r <= 0x1FFF:
		return greek
	case r >= 0x400 && r <= 0x52F:
		return cyrillic
	case r >= 0x590 && r <= 0x5FF:
		return hebrew
	case r >= 0x600 && r <= 0x6FF, r >= 0x750 && r <= 0x77F:
		return arabic
	case r >= 0x900 && r <= 0x97F:
		return devanagari
	case r >= 0xB80 && r <= 0xBFF:
		return tamil
	case isHangul(r):
		return hangul
	}
	return other
}

// stemmedAs names the lexicon for words of a script in a text of a language: its own
// where it is written so, else that of the language which one would expect.
func stemmedAs(lang string, s script) string {
	switch s {
	case latin:
		return latinAs(lang)
	case cyrillic:
		if lang == "uk" || lang == "bg" || lang == "sr" {
			return lang
		}
		return "ru"
	case arabic:
		if lang == "fa" || lang == "ur" {
			return lang
		}
		return "ar"
	case greek:
		return "el"
	case hebrew:
		return "he"
	case devanagari:
		return "hi"
	case tamil:
		return "ta"
	case hangul:
		return "ko"
	case other, scripts:
	}
	return ""
}

func latinAs(lang string) string {
	switch lang {
	case "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "tr", "ro", "hu", "pl", "cs", "id", "vi", "ca":
		return lang
	case "nb", "nn":
		return "no"
	}
	return "en"
}
