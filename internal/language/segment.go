package language

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/language/figures"
)

// longWord is how many bytes of a word are read; the rest of it is left out.
const longWord = 4 * MaxTerm

// tie is what holds two parts of a word together.
type tie uint8

const (
	untied tie = iota
	hyphen     // the parts make one word when they are put together
	dot        // they make one with a dot between them
)

// part reads the part of a word that begins at a place, emits its tokens, and returns
// where it ends.
func (a *Analyzer) part(text string, at int) (end int) {
	if isASCIIDigit(text[at]) || text[at] >= utf8.RuneSelf {
		if end, ok := a.number(text, at); ok {
			a.lettered = false
			return end
		}
	}
	a.lettered = true
	return a.readWord(text, at)
}

// readWord reads letters, marks and digits. It always reads one character at least.
func (a *Analyzer) readWord(text string, at int) int {
	begin := at
	a.word = a.word[:0]
	a.figures = false
	in := latin
	for at < len(text) {
		if c := text[at]; isASCIILetter(c) {
			a.addLetter(c)
			at++
			continue
		} else if isASCIIDigit(c) {
			a.figures = true
			a.add(c)
			at++
			continue
		}
		next, goOn := a.special(text, at, &in)
		at = next
		if !goOn {
			break
		}
	}
	a.emit(in)
	return max(at, begin+1)
}

// special reads what is in a word beside letters and figures of ASCII, and returns where
// that ends; goOn is false where the word ends there.
func (a *Analyzer) special(text string, at int, in *script) (next int, goOn bool) {
	if text[at] < utf8.RuneSelf {
		if text[at] == '\'' && !a.elides && len(a.word) > 0 {
			return apostrophe(text, at, at+1)
		}
		return at, false
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	if isApostrophe(r) {
		if a.elides || len(a.word) == 0 {
			return at, false
		}
		return apostrophe(text, at, at+size)
	}
	if !a.addRune(r, in) {
		return at, false
	}
	return at + size, true
}

// addLetter adds a letter of ASCII in lower case.
func (a *Analyzer) addLetter(c byte) {
	if c == 'I' && a.turkish && len(a.word) < longWord {
		a.word = append(a.word, "ı"...)
		return
	}
	a.add(c | 0x20)
}

func (a *Analyzer) add(c byte) {
	if len(a.word) < longWord {
		a.word = append(a.word, c)
	}
}

// addRune adds a character to the word, if it belongs to one.
func (a *Analyzer) addRune(r rune, in *script) bool {
	switch classOf(r) {
	case alphabetic:
		if s := scriptOf(r); s != latin {
			*in = s
		}
		r = unicode.ToLower(r)
	case digit, mark:
	case invisible:
		return true
	case separator, ideographic, unspaced:
		return false
	}
	if len(a.word) < longWord {
		a.word = utf8.AppendRune(a.word, r)
	}
	return true
}

// isApostrophe reports whether r is one beyond ASCII.
func isApostrophe(r rune) bool { return r == 0x2019 || r == 0x2BC }

// apostrophe tells what an apostrophe does that stands at a place, behind which the word
// goes on at next: where the word ends with it, or with the s behind it, it returns that
// end.
func apostrophe(text string, at, next int) (end int, goOn bool) {
	if next < len(text) && text[next]|0x20 == 's' && !wordAt(text, next+1) {
		return next + 1, false
	}
	if wordAt(text, next) && !isASCIIDigit(text[next]) {
		return next, true
	}
	return at, false
}

// wordAt reports whether a word goes on, or begins, at a place.
func wordAt(text string, at int) bool {
	if at >= len(text) {
		return false
	}
	if c := text[at]; c < utf8.RuneSelf {
		return isASCIILetter(c) || isASCIIDigit(c)
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	c := classOf(r)
	return c == alphabetic || c == digit
}

// letterAt is wordAt without figures.
func letterAt(text string, at int) bool { return wordAt(text, at) && !isASCIIDigit(text[at]) }

// tie tells whether the word goes on behind a place at which a part of it ended, and
// where.
func (a *Analyzer) tie(text string, at int) (tie, int) {
	if at >= len(text) {
		return untied, at
	}
	switch text[at] {
	case '-':
		return a.hyphenAt(text, at+1)
	case '&':
		if a.lettered && letterAt(text, at+1) {
			return hyphen, at + 1
		}
	case '.':
		if a.lettered && letterAt(text, at+1) {
			return dot, at + 1
		}
	case '@', '_':
		if wordAt(text, at+1) {
			return dot, at + 1
		}
	case 0xE2: // U+2010 and U+2011 are hyphens too
		if rest := text[at:]; strings.HasPrefix(rest, "\u2010") || strings.HasPrefix(rest, "\u2011") {
			return a.hyphenAt(text, at+3)
		}
	}
	return untied, at
}

// hyphenAt is the tie of a hyphen that ends at a place: in the line, or at its end where
// the next one begins with the rest of the word.
func (a *Analyzer) hyphenAt(text string, at int) (tie, int) {
	if wordAt(text, at) {
		return hyphen, at
	}
	if !a.lettered {
		return untied, at
	}
	next := at
	if next < len(text) && text[next] == '\r' {
		next++
	}
	if next >= len(text) || text[next] != '\n' {
		return untied, at
	}
	for next++; next < len(text) && (text[next] == ' ' || text[next] == '\t'); {
		next++
	}
	if r, _ := utf8.DecodeRuneInString(text[next:]); unicode.IsLower(r) {
		return hyphen, next
	}
	return untied, at
}

// emit emits the word that was read.
func (a *Analyzer) emit(in script) {
	if len(a.word) == 0 {
		return
	}
	if a.figures {
		a.emitWithFigures()
		return
	}
	e := a.words[in].entry(a.word, a.env)
	a.out = append(a.out, Token{Text: e.term, Kind: Word, Stop: e.stop})
	if e.more != "" {
		a.out = append(a.out, Token{Text: e.more, Kind: Joined})
	}
	if in == hangul {
		a.syllables()
	}
	switch {
	case e.fiscal:
		a.fiscal = fiscalReach
	case a.fiscal > 0:
		a.fiscal--
	}
}

// emitWithFigures emits a word that has figures in it: as it is, and if it is a fiscal
// year, as such.
func (a *Analyzer) emitWithFigures() {
	if year, ok := figures.FiscalYear(a.word); ok {
		a.out = append(a.out, Token{Text: a.spelledAs("fy" + year), Kind: Number}, Token{Text: a.spelledAs(year), Kind: Number})
		return
	}
	a.out = append(a.out, Token{Text: a.spelled(a.word), Kind: Word})
}

// syllables emits the pairs of syllables of a Korean word, whose particles are written
// on to it.
func (a *Analyzer) syllables() {
	const size = 3 // bytes of a syllable
	for i := 0; i+2*size <= len(a.word); i += size {
		r, n := utf8.DecodeRune(a.word[i:])
		next, m := utf8.DecodeRune(a.word[i+n:])
		if !isHangul(r) || !isHangul(next) || n != size || m != size {
			return
		}
		if len(a.word) > 2*size {
			a.out = append(a.out, Token{Text: a.spelled(a.word[i : i+2*size]), Kind: Piece})
		}
	}
}
