package language

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fairleadhq/fairlead/internal/language/stopwords"
)

const (
	// sample is how many bytes of a text are looked at, at its start and in its middle.
	sample = 4 << 10
	// surest is how much must speak for a language that is written in Latin letters.
	surest = 0.5
)

// Languages are those that Detect can tell apart from others, by ISO 639-1.
func Languages() []string {
	return []string{
		"en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "tr", "ro", "hu", "pl", "cs", "id", "vi", "ca",
		"ru", "uk", "bg", "sr", "el", "he", "ar", "fa", "ur", "hi", "bn", "ta", "th", "lo", "km", "my", "ka", "hy",
		"ja", "zh", "ko",
	}
}

// Detector tells the language of texts. It is safe for concurrent use.
type Detector struct {
	words map[string][]string // the languages of which it is a stop word
}

// NewDetector returns a Detector.
func NewDetector() *Detector {
	d := &Detector{words: make(map[string][]string)}
	for _, lang := range Languages() {
		for word := range strings.FieldsSeq(stopwords.Of(lang)) {
			if langs := d.words[word]; len(langs) == 0 || langs[len(langs)-1] != lang {
				d.words[word] = append(langs, lang)
			}
		}
	}
	return d
}

// Detect returns the ISO 639-1 code of the language that a text is written in, one of
// Languages; "" where nothing tells. A few words are enough where they are typical ones.
func (d *Detector) Detect(text string) string {
	text = sampled(text)
	var seen tally
	seen.count(text)
	if lang, ok := seen.byScript(); ok {
		return lang
	}
	scores := make(map[string]float64)
	d.addWords(scores, text)
	seen.addHints(scores)
	lang, score := best(scores, seen.candidates())
	if seen.leading() == latin && score < surest {
		return "" // too many languages have these letters
	}
	return lang
}

// sampled is the text, or what is looked at of a long one.
func sampled(text string) string {
	if len(text) > 2*sample {
		middle := len(text) / 2
		text = strings.ToValidUTF8(text[:sample], "") + " " + strings.ToValidUTF8(text[middle:middle+sample], "")
	}
	return norm.NFC.String(text)
}

// tally counts the letters of a text.
type tally struct {
	scripts [scripts]int
	kana    int
	han     int
	blocks  map[string]int // letters of scripts that one language has
	letters map[rune]int   // those beyond ASCII
}

func (t *tally) count(text string) {
	t.blocks, t.letters = make(map[string]int), make(map[rune]int)
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if isASCIILetter(byte(r)) { //nolint:gosec // G115: it is less than 0x80
				t.scripts[latin]++
			}
		case r >= 0x3041 && r <= 0x30FF || r >= 0xFF66 && r <= 0xFF9D:
			t.kana++
		case isIdeographic(r):
			t.han++
		case unicode.IsLetter(r):
			t.letters[unicode.ToLower(r)]++
			if lang := blockOf(r); lang != "" {
				t.blocks[lang]++
			} else {
				t.scripts[scriptOf(r)]++
			}
		}
	}
}

// blockOf names the language that alone is written with a letter, or all but alone.
func blockOf(r rune) string {
	for _, b := range [...]struct {
		from, to rune
		lang     string
	}{
		{0xE00, 0xE7F, "th"},
		{0xE80, 0xEFF, "lo"},
		{0x1780, 0x17FF, "km"},
		{0x1000, 0x109F, "my"},
		{0x10A0, 0x10FF, "ka"},
		{0x530, 0x58F, "hy"},
		{0x980, 0x9FF, "bn"},
		{0xB80, 0xBFF, "ta"},
		{0x900, 0x97F, "hi"},
		{0x590, 0x5FF, "he"},
		{0xAC00, 0xD7A3, "ko"},
		{0x1100, 0x11FF, "ko"},
		{0x370, 0x3FF, "el"},
		{0x1F00, 0x1FFF, "el"},
	} {
		if r >= b.from && r <= b.to {
			return b.lang
		}
	}
	return ""
}

// byScript tells the language where the script alone does. A character of East Asian
// scripts stands for more than a letter.
func (t *tally) byScript() (string, bool) {
	const weight = 3 // letters
	cjk := weight * (t.han + t.kana)
	most, lang := cjk, "zh"
	if 20*t.kana >= t.han && t.kana > 0 {
		lang = "ja"
	}
	for _, name := range Languages() {
		n := t.blocks[name]
		if name == "ko" {
			n *= weight
		}
		if n > most {
			most, lang = n, name
		}
	}
	return lang, most > 0 && most >= t.scripts[t.leading()]
}

// leading is the script of most letters, of those that several languages share.
func (t *tally) leading() script {
	lead := latin
	for s := range scripts {
		if t.scripts[s] > t.scripts[lead] {
			lead = s
		}
	}
	return lead
}

// candidates are the languages that are written in the leading script, the most common
// first.
func (t *tally) candidates() string {
	switch t.leading() {
	case latin:
		if t.scripts[latin] == 0 {
			return ""
		}
		return "en de fr es it pt nl sv da no fi tr ro hu pl cs id vi ca"
	case cyrillic:
		return "ru uk bg sr"
	case arabic:
		return "ar fa ur"
	case greek, hebrew, devanagari, tamil, hangul, other, scripts:
	}
	return ""
}

// addWords scores the words of a text: stop words of few languages most, then endings.
func (d *Detector) addWords(scores map[string]float64, text string) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
		word = strings.ToLower(word)
		langs := d.words[word]
		for _, lang := range langs {
			scores[lang] += 1 / float64(len(langs))
		}
		if len(langs) == 0 && len(word) > 4 {
			addEndings(scores, word)
		}
	}
}

func addEndings(scores map[string]float64, word string) {
	const weight = 0.2
	for _, e := range [...]struct{ lang, endings string }{
		{"en", "ing ness ity ould ight ally ws ment tion ies ess ers"},
		{"de", "ung ungen keit heit lich liche lichen schaft isch ische ischen eiten chen"},
		{"fr", "eux euse aux ique iques oire ement ions ité ités eur eurs ère elle elles"},
		{"es", "ción ciones dad dades ario arios mente ado ados idad eza"},
		{"it", "zione zioni ità mento menti ggio tto tti lla llo gli sco"},
		{"pt", "ção ções dade dades mente ário ários agem ões ão"},
		{"nl", "heid heden lijk lijke ing ingen ijk ijn aar eert atie isch oor"},
		{"sv", "ning ningar het heten lig liga else skt arna orna"},
		{"da", "ning ninger hed heden elser else lige erne ede tet"},
		{"no", "ning ninger het heten elser lige ene ende"},
		{"fi", "nen ssa ssä sta stä lla llä tta ttä iden ksi inen uus ys een"},
		{"tr", "lar ler ları leri lık lik mak mek ması mesi nın nin dır dir"},
		{"ro", "ului ilor ție ției ții ea ele lor ază ește"},
		{"hu", "ság ség ban ben nak nek hoz hez val vel tás tés ások ének"},
		{"pl", "ość ości ych ego nie nia owy owa owe ami cja cji"},
		{"cs", "ost osti ých ého ní ích ový ová ami ství"},
		{"id", "kan nya asi annya ngan"},
		{"ca", "ció cions tat itat ment ència"},
	} {
		for ending := range strings.FieldsSeq(e.endings) {
			if strings.HasSuffix(word, ending) {
				scores[e.lang] += weight
				break
			}
		}
	}
}

// addHints scores letters that only some languages have.
func (t *tally) addHints(scores map[string]float64) {
	const weight = 0.4
	for _, h := range [...]struct{ letters, langs string }{
		{"ß", "de"},
		{"äö", "de sv fi"},
		{"ü", "de tr hu"},
		{"å", "sv da no"},
		{"æø", "da no"},
		{"ñ", "es"},
		{"ãõ", "pt"},
		{"ç", "fr pt tr ca"},
		{"ğşı", "tr"},
		{"ășțţ", "ro"},
		{"őű", "hu"},
		{"áéíóú", "es hu cs pt"},
		{"łąężśźćń", "pl"},
		{"řěůčšž", "cs"},
		{"êâîôû", "fr"},
		{"èàùò", "it fr ca"},
		{"œëï", "fr nl"},
		{"ơưđạảấầẩậắằặẹẻềểệịọỏốồổộớờởợụủứừửựỳỵ", "vi"},
		{"іїєґ", "uk"},
		{"ыэё", "ru"},
		{"ъ", "bg ru"},
		{"јљњћђџ", "sr"},
		{"щ", "ru uk bg"},
		{"پچژگیک", "fa ur"},
		{"ٹڈڑںےہھ", "ur"},
		{"ةىيك", "ar"},
	} {
		n := 0
		for _, r := range h.letters {
			n += t.letters[r]
		}
		langs := strings.Fields(h.langs)
		for _, lang := range langs {
			scores[lang] += weight * float64(n) / float64(len(langs))
		}
	}
}

// best is the candidate with the highest score; the first where nothing tells.
func best(scores map[string]float64, candidates string) (lang string, score float64) {
	for candidate := range strings.FieldsSeq(candidates) {
		if lang == "" || scores[candidate] > score {
			lang, score = candidate, scores[candidate]
		}
	}
	return lang, score
}
