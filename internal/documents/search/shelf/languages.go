package shelf

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const (
	// mostLanguages is how many languages a question is read in.
	mostLanguages = 12
	// fewest is the share of documents, in relation to the most common language, below
	// which a language is not believed to be that of a question against that one.
	fewest = 0.05
	// A language in which a question is not asked counts as much as it has documents, in
	// relation to the most common one, but at least as leastShare; where it is known in which
	// one the question is asked, times elsewhere.
	leastShare = 0.1
	elsewhere  = 0.5
)

// languages count the documents that came, by their languages. Those that went are not
// taken away: it is no more than a guess at what a question may be in.
type languages map[string]int

func readLanguages(text string) languages {
	l := make(languages)
	for line := range strings.SplitSeq(text, "\n") {
		var lang string
		var n int
		if _, err := fmt.Sscanf(line, "%s %d", &lang, &n); err == nil && n > 0 {
			l[lang] = n
		}
	}
	return l
}

// write replaces the file.
func (l languages) write(name string) error {
	var text strings.Builder
	for _, lang := range slices.Sorted(maps.Keys(l)) {
		fmt.Fprintf(&text, "%s %d\n", lang, l[lang])
	}
	if err := os.WriteFile(name+".new", []byte(text.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// reading is a language in which a question is read, and how much its terms count.
type reading struct {
	lang   string
	weight float64
}

// readings are the languages in which a question is read that seems to be asked in one,
// which may be unknown. A word has several forms then, and a form that only few documents
// have, as they are in another language, seems to say much: so those count less.
func (l languages) readings(spoken string) []reading {
	list := slices.SortedFunc(maps.Keys(l), func(a, b string) int {
		return cmp.Or(cmp.Compare(l[b], l[a]), strings.Compare(a, b))
	})
	if len(list) == 0 {
		return nil
	}
	most := float64(l[list[0]])
	sure := float64(l[spoken]) >= fewest*most
	all := make([]reading, 0, len(list))
	for _, lang := range list {
		weight := max(float64(l[lang])/most, leastShare)
		switch {
		case lang == spoken:
			weight = 1
		case sure:
			weight *= elsewhere
		}
		all = append(all, reading{lang, weight})
	}
	return all[:min(len(all), mostLanguages)]
}

// noteLanguage counts a document in a language. The first one of a language is noted on
// the disk at once, others when the shelf is tidied.
func (s *Shelf) noteLanguage(lang string) error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.languages[lang]++; s.languages[lang] > 1 {
		return nil
	}
	return s.languages.write(s.languagesFile())
}

func (s *Shelf) saveLanguages() error {
	s.state.Lock()
	defer s.state.Unlock()
	return s.languages.write(s.languagesFile())
}

// readings are the languages in which a question is read.
func (s *Shelf) readings(spoken string) []reading {
	s.state.RLock()
	defer s.state.RUnlock()
	return s.languages.readings(spoken)
}
