package tiktoken

import (
	"unicode"
	"unicode/utf8"
)

// class is what a rune is to the pattern that o200k splits text by. The pattern is
// public; it says, tried in this order:
//
//	x?U*L+c | x?U+L*c | N{1,3} | [ ]?o+[\r\n/]* | s*[\r\n]+ | s+(?!\S) | s+
//
// where U is a letter that is not small, or a mark; L one that is not large, or a mark; N
// a digit; s white space; o none of these; x neither letter nor digit nor line end; and c
// an English ending such as 's, if there is one.
type class uint8

const (
	large  class = 1 << iota // U
	small                    // L
	letter                   // of any kind, but no mark
	number                   // N
	space                    // s
	end                      // a line end
)

// classOf is the class of the first rune of a text, and its length.
func classOf(text string) (class, int) {
	if b := text[0]; b < utf8.RuneSelf {
		switch {
		case b >= 'a' && b <= 'z':
			return small | letter, 1
		case b >= 'A' && b <= 'Z':
			return large | letter, 1
		case b >= '0' && b <= '9':
			return number, 1
		case b == '\n' || b == '\r':
			return space | end, 1
		case b == ' ' || b >= '\t' && b <= '\r':
			return space, 1
		}
		return 0, 1
	}
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case unicode.Is(unicode.Ll, r):
		return small | letter, n
	case unicode.In(r, unicode.Lo, unicode.Lm):
		return large | small | letter, n
	case unicode.In(r, unicode.Lu, unicode.Lt):
		return large | letter, n
	case unicode.Is(unicode.M, r):
		return large | small, n
	case unicode.Is(unicode.N, r):
		return number, n
	case unicode.IsSpace(r):
		return space, n
	}
	return 0, n
}

// wordEnd is where the first word of a text ends.
func wordEnd(text string) int {
	c, n := classOf(text)
	if c&(letter|number|end) == 0 {
		if at := capitalised(text[n:]); at > 0 {
			return n + at
		}
	}
	if c&(large|small) != 0 {
		if at := capitalised(text); at > 0 {
			return at
		}
	}
	if c&(letter|number|end) == 0 {
		if at := capitals(text[n:]); at > 0 {
			return n + at
		}
	}
	switch {
	case c&(large|small) != 0:
		return capitals(text)
	case c&number != 0:
		return numbers(text)
	case c&space != 0:
		return blanks(text)
	}
	return signs(text)
}

// capitalised is where a word with a small letter ends; 0 if there is none.
func capitalised(text string) int {
	at, lastSmall := 0, 0
	for at < len(text) {
		c, n := classOf(text[at:])
		if c&large == 0 {
			break
		}
		at += n
		if c&small != 0 {
			lastSmall = at
		}
	}
	first := at
	for at < len(text) {
		c, n := classOf(text[at:])
		if c&small == 0 {
			break
		}
		at += n
	}
	if at == first {
		at = lastSmall
	}
	if at == 0 {
		return 0
	}
	return at + contraction(text[at:])
}

// capitals is where a word of which no letter is a small one ends; 0 if there is none.
func capitals(text string) int {
	at := 0
	for at < len(text) {
		c, n := classOf(text[at:])
		if c&large == 0 {
			break
		}
		at += n
	}
	if at == 0 {
		return 0
	}
	return at + contraction(text[at:])
}

// contraction is how long an English ending is that a text begins with.
func contraction(text string) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] | 0x20 {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) < 3 {
		return 0
	}
	switch string([]byte{text[1] | 0x20, text[2] | 0x20}) {
	case "re", "ve", "ll":
		return 3
	}
	return 0
}

// numbers is where up to three digits end.
func numbers(text string) int {
	at := 0
	for range 3 {
		if at >= len(text) {
			break
		}
		c, n := classOf(text[at:])
		if c&number == 0 {
			break
		}
		at += n
	}
	return at
}

// signs is where what is neither letter, digit nor white space ends, with a space before
// it and the line ends and slashes behind it.
func signs(text string) int {
	at := 0
	if text[0] == ' ' {
		at = 1
	}
	first := at
	for at < len(text) {
		c, n := classOf(text[at:])
		if c&(letter|number|space) != 0 {
			break
		}
		at += n
	}
	if at == first {
		return 0
	}
	for at < len(text) && (text[at] == '\n' || text[at] == '\r' || text[at] == '/') {
		at++
	}
	return at
}

// blanks is where white space ends: behind its last line end, else before the space that
// belongs to the word behind it.
func blanks(text string) int {
	if text[0] == ' ' {
		if at := signs(text); at > 0 {
			return at
		}
	}
	at, last, lines := 0, 0, 0
	for at < len(text) {
		c, n := classOf(text[at:])
		if c&space == 0 {
			break
		}
		last = at
		at += n
		if c&end != 0 {
			lines = at
		}
	}
	switch {
	case lines > 0:
		return lines
	case at < len(text) && last > 0:
		return last
	}
	return at
}
