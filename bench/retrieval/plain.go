package retrieval

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Plain is BM25 over words in lower case, with nothing beside: every word counts, title
// and text are one, and every document that has a word is scored.
type Plain struct {
	ids     []string
	lengths []float64
	mean    float64
	lists   map[string][]posting
}

type posting struct{ document, count int }

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Add adds documents.
func (p *Plain) Add(_ context.Context, documents []Document) error {
	p.lists = make(map[string][]posting)
	for i, d := range documents {
		counts := make(map[string]int)
		all := words(d.Title + " " + d.Text)
		for _, word := range all {
			counts[word]++
		}
		for word, n := range counts {
			p.lists[word] = append(p.lists[word], posting{i, n})
		}
		p.ids = append(p.ids, d.ID)
		p.lengths = append(p.lengths, float64(len(all)))
		p.mean += float64(len(all)) / float64(len(documents))
	}
	return nil
}

// Find finds documents.
func (p *Plain) Find(_ context.Context, question string, most int) ([]string, error) {
	const k1, b = 1.2, .75
	scores := make(map[int]float64)
	for _, word := range words(question) {
		list := p.lists[word]
		idf := math.Log1p((float64(len(p.ids)-len(list)) + .5) / (float64(len(list)) + .5))
		for _, x := range list {
			n := float64(x.count)
			scores[x.document] += idf * n * (k1 + 1) / (n + k1*(1-b+b*p.lengths[x.document]/p.mean))
		}
	}
	found := make([]int, 0, len(scores))
	for document := range scores {
		found = append(found, document)
	}
	slices.SortFunc(found, func(x, y int) int { return cmp.Or(cmp.Compare(scores[y], scores[x]), cmp.Compare(x, y)) })
	ids := make([]string, 0, most)
	for _, document := range found[:min(len(found), most)] {
		ids = append(ids, p.ids[document])
	}
	return ids, nil
}
