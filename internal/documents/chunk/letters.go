package chunk

import (
	"unicode"
	"unicode/utf8"
)

// part is the unit of estimates: a token has that many.
const part = 64

// script is what a rune is to the splitter.
type script uint8

const (
	white script = iota
	lower        // ASCII letters
	upper
	digit
	sign     // ASCII punctuation
	alphabet // letters of alphabets that are written with spaces
	arabic
	indic
	joined // Thai, Lao, Khmer, Burmese: words stand together
	hangul
	han // Chinese characters, kana
	other
)

// scriptOf is the script of a rune.
func scriptOf(r rune) script {
	switch {
	case r < utf8.RuneSelf:
		return asciiScript(r)
	case r < 0x590:
		if r < 0xc0 {
			return other
		}
		return alphabet
	case r < 0x900:
		return arabic // and Hebrew, Syriac
	case r < 0xe00:
		return indic
	case r < 0x10a0, r >= 0x1780 && r < 0x1800:
		return joined // and Tibetan
	case r < 0x1100, r >= 0x1200 && r < 0x1780, r >= 0x1e00 && r < 0x2000:
		return alphabet
	case r < 0x1200, r >= 0xac00 && r < 0xd7b0:
		return hangul
	case r >= 0x2e80 && r < 0xa4d0, r >= 0xf900 && r < 0xfb00, r >= 0xfe30 && r < 0xfe50, r >= 0xff00 && r < 0xfff0,
		r >= 0x20000 && r < 0x40000:
		return han
	}
	return other
}

func asciiScript(r rune) script {
	switch {
	case r <= ' ':
		return white
	case r >= 'a' && r <= 'z':
		return lower
	case r >= 'A' && r <= 'Z':
		return upper
	case r >= '0' && r <= '9':
		return digit
	}
	return sign
}

// meter estimates how many tokens a text has, rune by rune. Its figures were measured
// with the o200k vocabulary; a splitter that counts corrects them as it goes.
type meter struct {
	last script
	run  int // runes of that script
}

// add is what a rune adds to the estimate, in parts of a token.
func (m *meter) add(s script) int {
	if s == m.last || m.last == upper && s == lower {
		m.run++
	} else {
		m.run = 1
	}
	m.last = s
	switch s {
	case white:
		return 3
	case lower, upper:
		return m.letter(s)
	case digit:
		return 28
	case sign:
		if m.run > 2 {
			return 12
		}
		return 52
	case alphabet:
		return 22
	case arabic, joined:
		return 26
	case indic:
		return 22
	case hangul:
		return 42
	case han:
		return 50
	case other:
		return 96
	}
	return 0
}

// letter is what an ASCII letter adds: a common word is one token, a long one has more.
func (m *meter) letter(s script) int {
	switch {
	case m.run == 1:
		return 52
	case s == upper:
		return 18
	case m.run <= 7:
		return 3
	}
	return 17
}

// sticks reports whether nothing is to come between a rune and the one before it: marks,
// joiners and what closes.
func sticks(r rune, s script) bool {
	switch s {
	case white, lower, upper, digit, hangul:
		return false
	case sign:
		return closes(r) || ends(r) != running || r == ',' || r == ';' || r == ':'
	case han:
		return closes(r) || ends(r) != running || smallKana(r)
	case alphabet, arabic, indic, joined, other:
		return unicode.Is(unicode.M, r) || closes(r) || ends(r) != running || isJoiner(r)
	}
	return false
}

// isJoiner reports whether a rune holds its neighbours together.
func isJoiner(r rune) bool {
	return r == 0x200c || r == 0x200d || r >= 0x1f3fb && r <= 0x1f3ff // joiners, tones of skin
}

// smallKana are those that don't begin a line, and what else does not.
func smallKana(r rune) bool {
	switch r {
	case 'ぁ', 'ぃ', 'ぅ', 'ぇ', 'ぉ', 'っ', 'ゃ', 'ゅ', 'ょ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ッ', 'ャ', 'ュ', 'ョ', 'ー', '々', '、', '，', '：', '；', '・',
		0x3099, 0x309a:
		return true
	}
	return false
}

// opens reports whether a rune belongs to what follows it.
func opens(r rune) bool {
	switch r {
	case '(', '[', '{', '“', '‘', '«', '「', '『', '（', '【', '《', '〈', '［', '｛':
		return true
	}
	return false
}

// closes reports whether a rune belongs to what is before it, at the end of a sentence
// too.
func closes(r rune) bool {
	switch r {
	case ')', ']', '}', '"', '\'', '”', '’', '»', '」', '』', '）', '】', '》', '〉', '］', '｝':
		return true
	}
	return false
}
