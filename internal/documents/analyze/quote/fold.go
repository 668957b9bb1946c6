package quote

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// folder walks over a text and tells what matters of each of its characters: what is
// left is compared byte by byte.
type folder struct {
	text string
	next int
}

// step folds the next character, and reports where it stands in the text. letters is
// "" for one that does not matter. ok is false at the end of the text.
func (f *folder) step(room *[utf8.UTFMax]byte) (letters []byte, start int, ok bool) {
	if f.next >= len(f.text) {
		return nil, 0, false
	}
	start = f.next
	r, size := rune(f.text[start]), 1
	if r >= utf8.RuneSelf {
		r, size = utf8.DecodeRuneInString(f.text[start:])
	}
	f.next += size
	if r == '.' && f.beside(start, '.') {
		return nil, start, true // leaders between a label and its figure
	}
	return foldRune(r, size, room), start, true
}

// beside reports whether the character before or behind the one at i is c.
func (f *folder) beside(i int, c byte) bool {
	return i > 0 && f.text[i-1] == c || i+1 < len(f.text) && f.text[i+1] == c
}

func foldRune(r rune, size int, room *[utf8.UTFMax]byte) []byte {
	switch {
	case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
		return utf8.AppendRune(room[:0], r)
	case r >= 'A' && r <= 'Z':
		return utf8.AppendRune(room[:0], r+'a'-'A')
	case ignored(r) || r == utf8.RuneError && size == 1:
		return nil
	case r < utf8.RuneSelf:
		return utf8.AppendRune(room[:0], r)
	case r >= 0xff01 && r <= 0xff5e: // full width
		return foldRune(r-0xff01+'!', 1, room)
	}
	if two := ligature(r); two != "" {
		return room[:copy(room[:], two)]
	}
	return utf8.AppendRune(room[:0], unicode.ToLower(r))
}

// ignored reports whether a character may be there or not without a quote being
// another one: white space, hyphens and dashes, quotation marks, what parts the cells
// of tables, what marks text up, and what can't be seen.
func ignored(r rune) bool {
	switch r {
	case '\'', '"', '`', '|', '*', '_', '#', '\\', '-', '−', '…', '´', '″', '′', '·', '・':
		return true
	}
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Pi, unicode.Pf, unicode.Cf) || strings.ContainsRune("‚„「」『』", r)
}

func ligature(r rune) string {
	switch r {
	case 'ﬀ':
		return "ff"
	case 'ﬁ':
		return "fi"
	case 'ﬂ':
		return "fl"
	case 'ﬃ':
		return "ffi"
	case 'ﬄ':
		return "ffl"
	case 'ﬅ', 'ﬆ':
		return "st"
	}
	return ""
}

// foldAll folds a quote, or a part of one.
func foldAll(text string) string {
	f, room := folder{text: text}, [utf8.UTFMax]byte{}
	out := make([]byte, 0, len(text))
	for {
		letters, _, ok := f.step(&room)
		if !ok {
			return string(out)
		}
		out = append(out, letters...)
	}
}

// parts cuts a quote where its writer left words out.
func parts(quote string) []string {
	quote = strings.NewReplacer("[...]", "…", "[…]", "…", "(...)", "…", "(…)", "…").Replace(quote)
	var all []string
	for piece := range strings.SplitSeq(quote, "…") {
		for piece != "" {
			at := strings.Index(piece, "...")
			if at < 0 {
				all = append(all, piece)
				break
			}
			all = append(all, piece[:at])
			piece = strings.TrimLeft(piece[at:], ".")
		}
	}
	folded := all[:0]
	for _, piece := range all {
		if f := strings.Trim(foldAll(piece), ".,;:!?。、，；："); f != "" {
			folded = append(folded, f)
		}
	}
	return folded
}

// weight is how many letters and digits a folded text has. A character of a script
// that writes a word with one or two counts for three.
func weight(folded string) (letters, digits int) {
	for _, r := range folded {
		switch {
		case unicode.IsDigit(r):
			digits++
		case dense(r):
			letters += 3
		case unicode.IsLetter(r):
			letters++
		}
	}
	return letters, digits
}

// dense reports whether r is of a script without spaces between words.
func dense(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// trivial reports whether a folded quote says too little to prove anything.
func trivial(folded string) bool {
	letters, digits := weight(folded)
	if digits > 0 {
		return letters < minLettersOfFigure || letters+digits < minFigure
	}
	return letters < minLetters
}
