package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
)

// The bounds of a sentence that may be quoted. Characters of scripts that don't part
// words count for more.
const (
	minSentence, maxSentence = 40, 700 // bytes
	minWords                 = 6
)

// sentence is a sentence that may be quoted: bytes [start, end) of the canonical text.
type sentence struct {
	start, end int64
	section    int
	// nth is its place in its section, from 0.
	nth   int
	money int // amounts
	// topic is the one that it was dealt out to; "" if it was to none.
	topic Topic
	terms []uint32
	// score is how telling it is, norm the length of its vector.
	score, norm float64
}

// paragraphs calls use with the paragraphs of a piece. Rows of tables are none.
func paragraphs(p source.Piece, use func(at int, text string)) {
	for at := 0; at < len(p.Text); {
		end := len(p.Text)
		next := end
		if n := strings.Index(p.Text[at:], "\n\n"); n >= 0 {
			end = at + n
			next = end + 2
		}
		use(at, p.Text[at:end])
		at = next
	}
}

// split calls use with the sentences of a paragraph that may be quoted.
func split(at int, text string, use func(start, end int)) {
	start := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		cut := false
		switch r {
		case '。', '！', '？', '．':
			cut = true
		case '.', '!', '?', '؟', '।':
			for i < len(text) && strings.IndexByte(`"')`, text[i]) >= 0 {
				i++
			}
			for strings.HasPrefix(text[i:], "”") || strings.HasPrefix(text[i:], "’") {
				i += len("”")
			}
			cut = i == len(text) || (text[i] == ' ' || text[i] == '\n') && begins(text[i:]) && !short(text[start:i])
		case '\n':
			cut = headline(text[start:i-1], text[i:])
		}
		if cut || i == len(text) {
			quotable(text, start, i, func(from, to int) { use(at+from, at+to) })
			start = i
		}
	}
}

// begins reports whether a sentence may begin behind white space.
func begins(text string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " \n\t"))
	return !unicode.IsLower(r)
}

// short reports whether a full stop ends a word that was shortened.
func short(text string) bool {
	word := strings.TrimSuffix(text[strings.LastIndexAny(text, " \n(")+1:], ".")
	if strings.Contains(word, ".") || utf8.RuneCountInString(word) == 1 {
		return true
	}
	switch strings.ToLower(word) {
	case "inc", "corp", "ltd", "co", "no", "mr", "mrs", "ms", "dr", "vs", "approx", "st", "jr", "sr", "prof", "nr", "bzw", "ca", "mio", "mrd", "art", "abs", "vgl", "inkl", "sept", "fig", "cf", "sra", "núm", "etc":
		return true
	}
	return onlyDigits(word) && len(word) <= 2 // "31. Dezember"
}

func onlyDigits(w string) bool {
	return w != "" && strings.Trim(w, "0123456789") == ""
}

// headline reports whether a line stands for itself: it is a row of a table, or a short
// one without an end before one that begins anew.
func headline(line, next string) bool {
	if strings.Contains(line, " | ") {
		return true
	}
	if before, _, _ := strings.Cut(next, "\n"); strings.Contains(before, " | ") {
		return true
	}
	return len(line) < 60 && begins(next) && begins(line) && !strings.HasSuffix(line, ",")
}

// quotable calls use if the sentence [start, end) of a text may be quoted, without the
// white space around it.
func quotable(text string, start, end int, use func(start, end int)) {
	s := text[start:end]
	start += len(s) - len(strings.TrimLeft(s, " \n\t"))
	end -= len(s) - len(strings.TrimRight(s, " \n\t"))
	if end-start < minSentence || end-start > maxSentence || strings.Contains(s, " | ") || strings.Contains(s, "....") {
		return
	}
	letters, wide, spaces, others := 0, 0, 0, 0
	for _, r := range text[start:end] {
		switch {
		case dense(r):
			wide++
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
			letters++
		case r == ' ' || r == '\n':
			spaces++
		default:
			others++
		}
	}
	if wide < 15 && spaces+1 < minWords || others > (letters+wide)/2 {
		return
	}
	use(start, end)
}
