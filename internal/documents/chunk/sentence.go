package chunk

import "unicode"

// ending is how a rune ends a sentence.
type ending uint8

const (
	running ending = iota
	maybe          // where white space follows, and no small letter
	certain        // where white space follows
	bare           // whatever follows: scripts without spaces
)

// ends says how a rune ends a sentence.
func ends(r rune) ending {
	switch r {
	case '.', '…':
		return maybe
	case '!', '?', '؟', '۔', '।', '॥', '։', '።', '។', '။', '၊', '‼', '⁇', '⁈', '⁉':
		return certain
	case '。', '！', '？', '．', '｡':
		return bare
	}
	return running
}

// longestWord is how much of a word is known to the end of a sentence.
const longestWord = 8

// sentence follows a text and knows where its sentences end.
type sentence struct {
	ended ending
	word  [longestWord]rune // the word that is read, in small letters
	len   int               // how long it is: more than longestWord, for longer ones
}

// next takes the next rune.
func (s *sentence) next(r rune, is script) {
	switch e := ends(r); {
	case e == maybe && s.ended == running && s.abbreviates():
	case e != running:
		s.ended = max(s.ended, e)
	case closes(r) && s.ended != running:
	case is == white:
	default:
		s.ended = running
	}
	if unicode.IsLetter(r) {
		s.letter(unicode.ToLower(r))
		return
	}
	s.len = 0
}

// letter adds a letter to the word that is read.
func (s *sentence) letter(r rune) {
	if s.len < longestWord {
		s.word[s.len] = r
	}
	s.len++
}

// endsBefore reports whether what was read ends a sentence where r follows, behind white
// space or not.
func (s *sentence) endsBefore(r rune, space bool) bool {
	switch s.ended {
	case bare:
		return true
	case certain:
		return space
	case maybe:
		return space && !unicode.IsLower(r)
	case running:
	}
	return false
}

// abbreviates reports whether the word before a full stop is one that is mostly cut
// short, or an initial.
func (s *sentence) abbreviates() bool {
	if s.len == 1 {
		return true
	}
	if s.len == 0 || s.len > longestWord {
		return false
	}
	switch string(s.word[:s.len]) {
	case "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "no", "nos", "vs", "fig", "figs", "eq", "sec", "ch", "vol", "art", "pp",
		"approx", "dept", "est", "cf", "al", "gen", "rev", "hon", "messrs",
		"nr", "bzw", "ca", "vgl", "abs", "str", "inkl", "zzgl", "mio", "mrd", "mme", "mlle", "sra", "стр", "рис", "тыс", "млн", "млрд", "им":
		return true
	}
	return false
}
