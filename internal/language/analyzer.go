package language

import (
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
)

// Kind is what a Token stands for.
type Kind uint8

// The kinds of tokens.
const (
	// Word is a word without its ending.
	Word Kind = iota + 1
	// Number is a number, or what is counted as one: a percentage, a fiscal year.
	Number
	// Joined stands beside the tokens of its parts: "longterm" beside "long" and "term".
	Joined
	// Piece is two characters of a script that is written without spaces, or three where
	// its characters are letters.
	Piece
	// Single is one character of such a script. It says little.
	Single
)

// Token is a term of a text.
type Token struct {
	Text string // 1 to MaxTerm bytes
	Kind Kind
	// Stop says that it is a word of which every text is full.
	Stop bool
}

const (
	// maxKnown is how many words of a language are remembered with their terms.
	maxKnown = 1 << 16
	// maxParts is how many parts a word may have whose parts are joined.
	maxParts = 8
	// fiscalReach is how many words after "fiscal" a year is a fiscal year.
	fiscalReach = 5
)

// Analyzer makes terms. It remembers what it has seen, which is what makes it fast: keep
// it. It is not safe for concurrent use.
type Analyzer struct {
	lexicons map[string]*lexicon
	strings  map[string]string // what numbers and pieces are spelled like
	env      *snowballstem.Env

	lang     string
	words    [scripts]*lexicon // of the language, by script
	out      []Token
	word     []byte // the word that is being read, in lower case
	joined   []byte // the parts of a word so far
	digits   []byte
	lettered bool // the part of a word that was read last has letters, and is in word; else in digits
	figures  bool // the word has figures in it
	fiscal   int  // for how many more words a year is a fiscal one
	elides   bool // an apostrophe parts words
	turkish  bool // I is not the capital of i
}

// NewAnalyzer returns an Analyzer.
func NewAnalyzer() *Analyzer {
	return &Analyzer{
		lexicons: make(map[string]*lexicon), strings: make(map[string]string), env: snowballstem.NewEnv(""),
	}
}

// Append appends the tokens of text, in their order. lang is an ISO 639-1 code; what is
// not known is taken for English. Equal texts have equal tokens.
func (a *Analyzer) Append(dst []Token, text, lang string) []Token {
	a.begin(lang)
	a.out = dst
	text = plain(text)
	for at := 0; at < len(text); {
		at = a.next(text, at)
	}
	dst, a.out = a.out, nil
	return dst
}

// begin takes what is the language's own.
func (a *Analyzer) begin(lang string) {
	a.fiscal = 0
	if lang == a.lang && a.lang != "" {
		return
	}
	a.lang = lang
	a.elides = lang == "fr" || lang == "it" || lang == "ca" || lang == "tr"
	a.turkish = lang == "tr"
	for s := range scripts {
		name := stemmedAs(lang, s)
		if a.lexicons[name] == nil {
			a.lexicons[name] = newLexicon(name)
		}
		a.words[s] = a.lexicons[name]
	}
}

// next reads what begins at a place of the text, and returns where that ends.
func (a *Analyzer) next(text string, at int) int {
	if c := text[at]; c < utf8.RuneSelf {
		if isASCIILetter(c) || isASCIIDigit(c) {
			return a.chain(text, at)
		}
		return at + 1
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	switch classOf(r) {
	case alphabetic, digit:
		return a.chain(text, at)
	case ideographic:
		return a.pieces(text, at, ideographic)
	case unspaced:
		return a.pieces(text, at, unspaced)
	case separator, mark, invisible:
	}
	return at + size
}

// chainState is what is known of the parts of a word so far.
type chainState struct {
	parts   int
	letters bool // some part has a letter
	dotted  bool // some are parted by a dot or an at sign
	initial bool // all are single letters with dots behind them
}

// chain reads a word with the parts that are tied to it.
func (a *Analyzer) chain(text string, at int) int {
	first := len(a.out)
	state := chainState{initial: true}
	a.joined = a.joined[:0]
	for {
		end := a.part(text, at)
		state.parts++
		state.letters = state.letters || a.lettered
		state.initial = state.initial && a.lettered && len(a.word) == 1
		tie, next := a.tie(text, end)
		if state.parts == 1 && tie == untied {
			return end
		}
		a.keepPart(state, tie)
		if tie == untied {
			a.finish(first, state)
			return end
		}
		if tie == dot {
			state.dotted = true
		} else {
			state.initial = false
		}
		at = next
	}
}

// keepPart adds the part that was just read to the joined word.
func (a *Analyzer) keepPart(state chainState, tie tie) {
	if len(a.joined) > MaxTerm || state.parts > maxParts {
		return
	}
	if a.lettered {
		a.joined = append(a.joined, a.word...)
	} else {
		a.joined = append(a.joined, a.digits...)
	}
	if tie == dot {
		a.joined = append(a.joined, '.')
	}
}

// finish emits the joined word.
func (a *Analyzer) finish(first int, state chainState) {
	if !state.letters || state.parts > maxParts || len(a.joined) > MaxTerm {
		return
	}
	switch {
	case state.initial && state.dotted: // initials: "U.S." is "us"
		a.word = a.word[:0]
		for _, c := range a.joined {
			if c != '.' {
				a.word = append(a.word, c)
			}
		}
		a.out = append(a.out[:first], Token{Text: a.spelled(a.word), Kind: Word})
	case state.dotted:
		a.out = append(a.out, Token{Text: a.spelled(a.joined), Kind: Joined})
	default:
		e := a.words[latin].entry(a.joined, a.env)
		a.out = append(a.out, Token{Text: e.term, Kind: Joined})
	}
}

// spelled is b as a string that is made once.
func (a *Analyzer) spelled(b []byte) string {
	if s, ok := a.strings[string(b)]; ok {
		return s
	}
	if len(a.strings) >= maxKnown {
		clear(a.strings)
	}
	s := string(clip(b))
	a.strings[s] = s
	return s
}

// clip cuts b to the length of a term, between characters.
func clip(b []byte) []byte {
	if len(b) <= MaxTerm {
		return b
	}
	end := MaxTerm
	for end > 0 && !utf8.RuneStart(b[end]) {
		end--
	}
	return b[:end]
}

// pieces reads a run of a script without spaces.
func (a *Analyzer) pieces(text string, at int, of class) int {
	var starts [3]int // of the last characters; the newest last
	seen := 0
	begin := at
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if c := classOf(r); c != of && (of != unspaced || c != mark) {
			break
		}
		starts[0], starts[1], starts[2] = starts[1], starts[2], at
		seen++
		at += size
		switch {
		case of == ideographic:
			a.out = append(a.out, Token{Text: a.spelledAs(text[starts[2]:at]), Kind: Single, Stop: isHiragana(r)})
			if seen >= 2 {
				a.out = append(a.out, Token{Text: a.spelledAs(text[starts[1]:at]), Kind: Piece})
			}
		case seen >= 3:
			a.out = append(a.out, Token{Text: a.spelledAs(text[starts[0]:at]), Kind: Piece})
		}
	}
	if of == unspaced && seen < 3 {
		a.out = append(a.out, Token{Text: a.spelledAs(text[begin:at]), Kind: Piece})
	}
	return at
}

func (a *Analyzer) spelledAs(s string) string {
	a.digits = append(a.digits[:0], s...)
	return a.spelled(a.digits)
}
