package shelf

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/language"
	"github.com/fairleadhq/fairlead/internal/lexindex"
)

const (
	// mostRead is how many bytes of a question are read.
	mostRead = 128 << 10
	// mostTerms is how many terms of a question are looked for in each language, mostAll
	// how many in all.
	mostTerms = 64
	mostAll   = 256
)

// The weights of terms.
const (
	headingWeight = 0.7 // of what stands above a chunk
	joinedWeight  = 0.5
	singleWeight  = 0.2 // of a single character, where there are pairs
	synonymWeight = 0.2
)

// Ask is what is looked for.
type Ask struct {
	Text string
	// K is how many hits are wanted.
	K int
	// Documents, if not nil, are the numbers of the only documents that are searched.
	Documents []int64
}

// Hit is a chunk that was found.
type Hit struct {
	Chunk, Document int64 // their numbers
	Score           float64
}

// Search returns the best chunks for what is asked, the best first. Of a long question
// the terms that tell most are looked for. It blocks for as long as it computes, or until
// ctx ends. Errors are ErrDamaged and the context's.
func (s *Shelf) Search(ctx context.Context, ask Ask) ([]Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	terms := s.words.question(ask.Text, s.readings)
	if len(terms) == 0 || ask.Documents != nil && len(ask.Documents) == 0 {
		return nil, nil
	}
	query := lexindex.Query{K: min(ask.K, lexindex.MaxHits)}
	for _, t := range terms {
		query.Terms = append(query.Terms,
			lexindex.QueryTerm{Field: body, Text: t.text, Weight: float32(t.weight)},
			lexindex.QueryTerm{Field: heading, Text: t.text, Weight: float32(headingWeight * t.weight)})
	}
	var hits []Hit
	err := s.read(func(index *lexindex.Index) error {
		query.Groups = s.parts.groups(ask.Documents)
		found, err := index.Search(ctx, query)
		for _, h := range found {
			hits = append(hits, Hit{Chunk: h.ID, Document: h.Group >> partBits, Score: float64(h.Score)})
		}
		return err
	})
	return hits, err
}

// term is a term with its weight.
type term struct {
	text   string
	weight float64
}

// question makes terms of what is asked, as each of the languages has them in which it is
// read.
func (w *Words) question(text string, readings func(spoken string) []reading) []term {
	if len(text) > mostRead {
		text = strings.ToValidUTF8(text[:mostRead], "")
	}
	spoken := w.detector.Detect(text)
	p := w.take()
	defer w.give(p)
	q := question{weights: make(map[string]float64), stops: make(map[string]bool)}
	if spoken != "" {
		p.tokens = p.analyzer.Append(p.tokens[:0], text, spoken)
		q.readStops(p.tokens)
	}
	for _, r := range readings(spoken) {
		p.tokens = p.analyzer.Append(p.tokens[:0], text, r.lang)
		q.read(p.tokens, r.weight)
		if r.lang == "en" && w.synonyms == FinanceSynonyms {
			for _, other := range p.thesaurus.Expand(p.tokens) {
				q.add(other, synonymWeight*r.weight)
			}
		}
	}
	return q.terms()
}

// question is what is gathered of one.
type question struct {
	weights map[string]float64
	stops   map[string]bool // the stop words of the language in which it is asked
	idle    []string        // all stop words, in order: they count where there is nothing else
}

// readStops takes the stop words of the question in the language in which it is asked:
// they are none of its words in any other.
func (q *question) readStops(tokens []language.Token) {
	for _, t := range tokens {
		if t.Stop {
			q.stops[t.Text] = true
			q.idle = append(q.idle, t.Text)
		}
	}
}

// read takes the tokens of the question in one language, and how much they count.
func (q *question) read(tokens []language.Token, factor float64) {
	counts := make(map[string]int, len(tokens))
	kinds := make(map[string]language.Kind, len(tokens))
	paired := false
	var order []string
	for _, t := range tokens {
		switch {
		case t.Stop:
			q.idle = append(q.idle, t.Text)
			continue
		case q.stops[t.Text]:
			continue
		}
		paired = paired || t.Kind == language.Piece
		if counts[t.Text]++; counts[t.Text] == 1 {
			kinds[t.Text] = t.Kind
			order = append(order, t.Text)
		}
	}
	list := make([]term, 0, len(order))
	for _, text := range order {
		weight := 1.0
		switch kinds[text] {
		case language.Joined:
			weight = joinedWeight
		case language.Single:
			if paired {
				weight = singleWeight
			}
		case language.Word, language.Number, language.Piece:
		}
		list = append(list, term{text, weight * (1 + math.Log(float64(counts[text])))})
	}
	for _, t := range mostTelling(list, mostTerms) {
		q.add(t.text, factor*t.weight)
	}
}

func (q *question) add(text string, weight float64) {
	if weight > q.weights[text] {
		q.weights[text] = weight
	}
}

// terms are the terms that are looked for, stop words only where there are no others.
func (q *question) terms() []term {
	if len(q.weights) == 0 {
		for _, text := range q.idle[:min(len(q.idle), mostTerms)] {
			q.add(text, 1)
		}
	}
	list := make([]term, 0, len(q.weights))
	for text, weight := range q.weights {
		list = append(list, term{text, weight})
	}
	slices.SortFunc(list, func(a, b term) int { return strings.Compare(a.text, b.text) })
	return mostTelling(list, mostAll)
}

// mostTelling keeps the n terms that tell most: those that are said often, and long ones
// and numbers, which are rare.
func mostTelling(list []term, n int) []term {
	if len(list) <= n {
		return list
	}
	tells := func(t term) float64 {
		const longest = 12
		length := min(utf8.RuneCountInString(t.text), longest)
		if strings.ContainsAny(t.text, "0123456789") {
			length = max(length, longest/2)
		}
		return t.weight * float64(length)
	}
	slices.SortStableFunc(list, func(a, b term) int { return cmp.Compare(tells(b), tells(a)) })
	return list[:n]
}
