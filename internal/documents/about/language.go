package about

import (
	"strings"
	"unicode"
)

const (
	// fewLetters is how many letters say nothing yet.
	fewLetters = 8
	// someWords is how many common words of a language are needed.
	someWords = 3
)

// script is a range of letters that tells a language, or a group of them.
type script struct {
	name  string
	table *unicode.RangeTable
}

// scripts are those that are told apart.
func scripts() []script {
	return []script{
		{"latin", unicode.Latin},
		{"cyrillic", unicode.Cyrillic},
		{"arabic", unicode.Arabic},
		{"han", unicode.Han},
		{"kana", unicode.Hiragana},
		{"kana", unicode.Katakana},
		{"ko", unicode.Hangul},
		{"th", unicode.Thai},
		{"he", unicode.Hebrew},
		{"el", unicode.Greek},
		{"hi", unicode.Devanagari},
		{"bn", unicode.Bengali},
		{"ta", unicode.Tamil},
		{"te", unicode.Telugu},
		{"ka", unicode.Georgian},
		{"hy", unicode.Armenian},
		{"km", unicode.Khmer},
		{"my", unicode.Myanmar},
		{"lo", unicode.Lao},
	}
}

// Language is the language of a text by its script and its common words, as ISO 639-1;
// "" where that does not tell.
func Language(text string) string {
	counts := make(map[string]int)
	all := scripts()
	for _, r := range text {
		if r <= 0x7f {
			if unicode.IsLetter(r) {
				counts["latin"]++
			}
			continue
		}
		for _, s := range all {
			if unicode.Is(s.table, r) {
				counts[s.name]++
				break
			}
		}
	}
	kana := counts["kana"]
	counts["han"] += kana
	name, most := "", 0
	for _, s := range all {
		if n := counts[s.name]; n > most {
			name, most = s.name, n
		}
	}
	if most < fewLetters {
		return ""
	}
	switch name {
	case "latin":
		return byWords(text)
	case "cyrillic":
		return byLetters(text, "ru", "uk", "іїєґ")
	case "arabic":
		return byLetters(text, byLetters(text, "ar", "fa", "پچژگی"), "ur", "ٹڈڑےں")
	case "han":
		if 20*kana > most {
			return "ja"
		}
		return "zh"
	}
	return name
}

// byLetters is other where more than one letter in 50 is one of those, else usual.
func byLetters(text, usual, other, those string) string {
	n, all := 0, 0
	for _, r := range text {
		if r > 0x7f && unicode.IsLetter(r) {
			all++
			if strings.ContainsRune(those, r) {
				n++
			}
		}
	}
	if 50*n > all {
		return other
	}
	return usual
}

// byWords is the language in Latin letters of which the most common words are there.
func byWords(text string) string {
	languages := []struct{ name, words string }{
		{"en", "the of and to in is that for with as was are by from this which"},
		{"de", "der die und das den von zu mit ist des sich nicht ein eine für auf dem im"},
		{"fr", "le la les des et du une est dans pour que qui sur par au avec ne pas"},
		{"es", "el los las de del y en que se un una por con para es su como más"},
		{"it", "il di che e la della dei per un una con del non sono nel le gli alla"},
		{"pt", "o os as de do da e em que um uma para com não dos das por mais ao"},
		{"nl", "de het een van en in is dat op te zijn voor met niet aan door"},
		{"sv", "och i att det som en på är av för med till den har inte ett"},
		{"da", "og i at det som en på er af for med til den har ikke et"},
		{"fi", "ja on ei että oli se hän mutta ovat kun myös sekä tai joka"},
		{"pl", "i w na z do się nie jest że o jak przez po dla od"},
		{"cs", "a v na se je že s z do o jako pro které jsou byl"},
		{"tr", "ve bir bu için ile da de olarak daha olan çok gibi"},
		{"id", "yang dan di dari untuk dengan pada ini tidak dalam adalah"},
		{"vi", "và của là có được trong cho không các một những với"},
	}
	of := make(map[string][]int)
	for i, l := range languages {
		for w := range strings.FieldsSeq(l.words) {
			of[w] = append(of[w], i)
		}
	}
	scores := make([]int, len(languages))
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		for _, i := range of[w] {
			scores[i]++
		}
	}
	best := 0
	for i, n := range scores {
		if n > scores[best] {
			best = i
		}
	}
	if scores[best] < someWords {
		return ""
	}
	return languages[best].name
}
