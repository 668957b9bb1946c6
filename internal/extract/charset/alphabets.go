package charset

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a character of an alphabet is worth, from one that every text has to one that
// can't stand where it does.
const (
	usual    = 1.0
	fair     = 0.6
	seldom   = 0.2
	doubtful = -0.5
	wrong    = -1.0
	invalid  = -4.0
)

// window goes through a text with what stands beside each character.
type window struct{ before, at, after rune }

// each calls look for every character beyond ASCII.
func each(text string, look func(w window)) {
	before := rune(' ')
	for i, r := range text {
		if r >= utf8.RuneSelf {
			after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			if i+utf8.RuneLen(r) >= len(text) {
				after = ' '
			}
			look(window{before, r, after})
		}
		before = r
	}
}

// Letters of the languages of western Europe, and the other characters that their
// texts have.
const (
	latinUsual = "éèàùâêîôûçëïüöäßáíóúñãõåøæÉÈÀÇÖÄÜÅØÆÁÓÚÑÍ"
	latinMarks = "“”„‘’‚–—…€£«»·°§©®ºª¿¡\u00A0•½²³×±µ¼¾"
)

// latinScore says how much a text looks like one of a western European language.
func latinScore(text string) float64 {
	var m mean
	run := 0 // letters beyond ASCII that stand together
	last := rune(' ')
	each(text, func(w window) {
		if w.before != last || w.before < utf8.RuneSelf {
			run = 0
		}
		last = w.at
		if unicode.IsLetter(w.at) && !strings.ContainsRune("ºªµ", w.at) {
			run++
		}
		m.add(latinWorth(w, run), 1)
	})
	return m.score()
}

func latinWorth(w window, run int) float64 {
	const togetherMost = 2 // as in "größer" or "naïveté"
	switch {
	case w.at == utf8.RuneError || w.at >= 0x80 && w.at < 0xA0:
		return invalid
	case strings.ContainsRune(latinMarks, w.at):
		return markWorth(w)
	case !unicode.IsLetter(w.at), run > togetherMost:
		return wrong
	case unicode.IsUpper(w.at) && unicode.IsLower(w.before):
		return wrong
	case !unicode.IsLetter(w.before) && !unicode.IsLetter(w.after):
		if strings.ContainsRune("àÀéÉèóyåÅöÖæÆøØ", w.at) && w.before <= ' ' && w.after <= ' ' {
			return fair
		}
		return doubtful
	case strings.ContainsRune(latinUsual, w.at):
		return usual
	}
	return seldom
}

// markWorth is what a sign is worth, by its neighbours: one between two letters that
// are not ASCII is part of something else.
func markWorth(w window) float64 {
	switch {
	case w.before >= utf8.RuneSelf && w.after >= utf8.RuneSelf && w.at != '\u00A0':
		return wrong
	case w.before >= utf8.RuneSelf && unicode.IsLetter(w.before) && !strings.ContainsRune("’”»\u00A0…“–", w.at):
		return doubtful
	}
	return fair
}

// Letters of Russian and its neighbours, by how frequent they are.
const (
	cyrillicUsual = "оеаинтсрвлкмдпу"
	cyrillicFair  = "яыьгзбчйхжшюцщэфъёіїєґўј"
	// cyrillicOpen are those that no word goes far without.
	cyrillicOpen = "аеиоуыэюяёіїєьъ"
)

// cyrillicScore says how much a text looks like one in Cyrillic letters.
func cyrillicScore(text string) float64 {
	var m mean
	each(text, func(w window) { m.add(cyrillicWorth(w), 1) })
	return m.score()
}

func cyrillicWorth(w window) float64 {
	switch {
	case w.at == utf8.RuneError:
		return invalid
	case !unicode.Is(unicode.Cyrillic, w.at):
		if strings.ContainsRune("«»—–№“”„…\u00A0©°’", w.at) && (!unicode.IsLetter(w.before) || !unicode.IsLetter(w.after)) {
			return fair
		}
		return wrong
	case unicode.IsUpper(w.at) && unicode.IsLower(w.before):
		return wrong
	case isASCIILetter(byte(min(w.before, 0x7F))), isASCIILetter(byte(min(w.after, 0x7F))): //nolint:gosec // cut to a byte
		return doubtful
	}
	worth := seldom
	switch lower := unicode.ToLower(w.at); {
	case strings.ContainsRune(cyrillicUsual, lower):
		worth = usual
	case strings.ContainsRune(cyrillicFair, lower):
		worth = fair
	}
	// Texts in capitals alone are rare, and what a text looks like in another of the
	// encodings of Cyrillic letters; so are three consonants together.
	if unicode.IsUpper(w.at) && (unicode.IsUpper(w.before) || unicode.IsUpper(w.after)) {
		worth -= 0.15
	}
	if isConsonant(w.before) && isConsonant(w.at) && isConsonant(w.after) {
		worth -= 0.6
	}
	if !unicode.IsLetter(w.before) && !unicode.IsLetter(w.after) {
		return seldom // a word of one letter says little
	}
	return worth
}

func isConsonant(r rune) bool {
	return unicode.Is(unicode.Cyrillic, r) && !strings.ContainsRune(cyrillicOpen, unicode.ToLower(r))
}
