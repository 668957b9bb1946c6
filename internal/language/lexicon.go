package language

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	snowarabic "github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	snowtamil "github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"

	"github.com/fairleadhq/fairlead/internal/language/stopwords"
)

// entry is what becomes of a word.
type entry struct {
	term string
	more string // another form under which it is found; "" if none
	stop bool
	// fiscal says that the years behind it are fiscal years.
	fiscal bool
}

// lexicon makes terms of the words of one language, and remembers them.
type lexicon struct {
	lang  string
	stem  func(env *snowballstem.Env) bool // nil if there is none
	stops map[string]bool
	known map[string]entry
}

func newLexicon(lang string) *lexicon {
	l := &lexicon{lang: lang, stem: stemmer(lang), stops: make(map[string]bool), known: make(map[string]entry)}
	for word := range strings.FieldsSeq(stopwords.Of(lang)) {
		l.stops[word] = true
	}
	return l
}

// entry returns what becomes of a word in lower case.
func (l *lexicon) entry(word []byte, env *snowballstem.Env) entry {
	if e, ok := l.known[string(word)]; ok {
		return e
	}
	return l.learn(string(word), env)
}

func (l *lexicon) learn(word string, env *snowballstem.Env) entry {
	if len(l.known) >= maxKnown {
		clear(l.known)
	}
	e := entry{term: l.term(word, env), stop: l.stops[word], fiscal: word == "fiscal" || word == "fy"}
	if l.lang == "he" {
		e.more = withoutHebrewPrefix(e.term)
	}
	if len(word) <= MaxTerm {
		l.known[word] = e
	}
	return e
}

// term is the word without its ending and accents.
func (l *lexicon) term(word string, env *snowballstem.Env) string {
	if len(word) > MaxTerm {
		return bounded(folded(word), word)
	}
	switch l.lang {
	case "en": // its stemmer knows no accents
		word = folded(word)
	case "ru":
		word = strings.ReplaceAll(word, "ё", "е")
	case "ar":
		word = strings.Map(pointless, word)
		if noun, ok := strings.CutPrefix(word, "وال"); ok && utf8.RuneCountInString(noun) > 2 {
			word = "ال" + noun // "and the" is no other word than "the"
		}
	case "hi":
		return bounded(folded(hindiStem(word)), word)
	}
	if l.stem != nil && utf8.RuneCountInString(word) > 2 {
		env.SetCurrent(word)
		l.stem(env)
		if stem := env.Current(); stem != "" {
			return bounded(folded(l.shortened(stem)), word)
		}
	}
	return bounded(folded(word), word)
}

// shortened takes off what the stemmer leaves of an Arabic plural without an article.
func (l *lexicon) shortened(stem string) string {
	if rest, ok := strings.CutSuffix(stem, "ا"); ok && l.lang == "ar" && utf8.RuneCountInString(rest) > 3 {
		return rest
	}
	return stem
}

// bounded is the term cut to its length; where nothing is left of the word, that itself.
func bounded(term, word string) string {
	if term == "" {
		term = word
	}
	return string(clip([]byte(term)))
}

// stemmer returns that of the language, or nil.
func stemmer(lang string) func(env *snowballstem.Env) bool {
	switch lang {
	case "en":
		return english.Stem
	case "de":
		return german.Stem
	case "nl":
		return dutch.Stem
	case "sv":
		return swedish.Stem
	case "da":
		return danish.Stem
	case "no":
		return norwegian.Stem
	case "fi":
		return finnish.Stem
	case "hu":
		return hungarian.Stem
	case "tr":
		return turkish.Stem
	}
	return otherStemmer(lang)
}

func otherStemmer(lang string) func(env *snowballstem.Env) bool {
	switch lang {
	case "fr":
		return french.Stem
	case "es":
		return spanish.Stem
	case "it":
		return italian.Stem
	case "pt":
		return portuguese.Stem
	case "ro":
		return romanian.Stem
	case "ru":
		return russian.Stem
	case "ar":
		return snowarabic.Stem
	case "ta":
		return snowtamil.Stem
	}
	return nil
}

// pointless drops the marks of a word.
func pointless(r rune) rune {
	if unicode.IsMark(r) {
		return -1
	}
	return r
}

// hindiStem takes off the endings of number, gender and case, the longest that fits and
// leaves two characters.
func hindiStem(word string) string {
	for _, ending := range [...]string{
		"ियाँ", "ियां", "ियों", "ाओं", "ुओं", "ुएँ", "ाएँ", "ाने", "ाना", "ाती", "ाते",
		"ें", "ों", "ाँ", "ां", "ओं", "ा", "ी", "े", "ो", "ि", "ु", "ू",
	} {
		if stem, ok := strings.CutSuffix(word, ending); ok && utf8.RuneCountInString(stem) >= 2 {
			return stem
		}
	}
	return word
}

// withoutHebrewPrefix is a word without the one-letter particle that may stand at its
// front, and without an ending of the plural; "" where there is none, or hardly a word is
// left.
func withoutHebrewPrefix(word string) string {
	const shortest = 3 // letters
	stem := word
	if r, size := utf8.DecodeRuneInString(word); strings.ContainsRune("הובלמשכ", r) {
		stem = word[size:]
	}
	for _, ending := range [...]string{"ימ", "ות"} {
		if rest, ok := strings.CutSuffix(stem, ending); ok && utf8.RuneCountInString(rest) >= shortest {
			stem = rest
			break
		}
	}
	if stem == word || utf8.RuneCountInString(stem) < shortest {
		return ""
	}
	return stem
}
