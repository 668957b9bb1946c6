// Package extractive finds the most telling sentences of a document without a language
// model. It is honest: it says nothing of its own, and every sentence is a quote.
//
// The idea: a sentence tells much if it has the words that the whole text is about
// (centrality), the words of the topic (cues), stands in a section of the topic, or
// early in one. The best are ranked against one another, and of those that say the same
// only one is kept. In a summary of a text whose language has no cues here,
// centrality and place decide.
//
// A sentence that fits several topics belongs to the one that it fits best, so that a risk
// is not told as a strength; where none fits a topic, there is nothing to tell of it.
//
// Start with Collect, then Reading.Best for each topic.
package extractive

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/figures"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/quote"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
)

const (
	// maxSentences is how many sentences are looked at.
	maxSentences = 30_000
	// maxTerms is how many different words of a sentence count.
	maxTerms = 48
	// ranked is how many are ranked against one another, by rounds.
	ranked, rounds = 250, 12
	// leastMatch is how much of a question's weight a sentence must have to be told: a
	// word such as "the" is not enough.
	leastMatch = 0.25
	// damping is that of PageRank.
	damping = 0.85
	// alike is from when on two sentences say the same: the cosine of their words.
	alike = 0.5
)

// Reading is the sentences of a document, or of a part of it.
type Reading struct {
	src       *source.Source
	sentences []sentence
	// weights are those of words: the rarer, the more.
	weights map[uint32]float64
	// texts has the pieces that the sentences stand in.
	pieces []source.Piece
}

// Finding is a sentence.
type Finding struct {
	// Title is that of its section; "" if there is none.
	Title    string
	Citation fairlead.Citation
	Score    float64
}

// Collect reads the sentences of the spans, which together are of bounded length and are
// kept. topics are those that Best will be asked for: each sentence is told of one of them
// only, but for Summary and Question, which may tell any. It takes about a second of CPU
// for 4 MiB, and ends with the error of ctx.
func Collect(ctx context.Context, src *source.Source, spans []fairlead.TextSpan, topics ...Topic) (*Reading, error) {
	r := &Reading{src: src, weights: make(map[uint32]float64)}
	seen := make(map[uint64]bool)
	section, nth := -2, 0
	err := src.Read(ctx, spans, func(p source.Piece) error {
		r.pieces = append(r.pieces, p)
		paragraphs(p, func(at int, text string) {
			split(at, text, func(start, end int) {
				if len(r.sentences) >= maxSentences {
					return
				}
				s := sentence{start: p.Base + int64(start), end: p.Base + int64(end)}
				if s.section = src.SectionAt(s.start); s.section != section {
					section, nth = s.section, 0
				}
				s.nth = nth
				nth++
				if r.fill(&s, p.Text[start:end], seen) {
					r.sentences = append(r.sentences, s)
				}
			})
		})
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	r.weigh()
	return r, r.deal(ctx, topics)
}

// fill reads the words of a sentence, and reports whether it was not there before:
// headers and footers come again on each page.
func (r *Reading) fill(s *sentence, text string, seen map[uint64]bool) bool {
	s.terms = Terms(text, nil)
	sum := uint64(len(s.terms))
	for _, t := range s.terms {
		sum = sum*0x9e3779b97f4a7c15 + uint64(t)
	}
	if seen[sum] {
		return false
	}
	seen[sum] = true
	slices.Sort(s.terms)
	s.terms = slices.Compact(s.terms)
	if len(s.terms) > maxTerms {
		s.terms = s.terms[:maxTerms]
	}
	for _, t := range s.terms {
		r.weights[t]++
	}
	s.money = figures.Amounts(text)
	return true
}

// weigh turns the counts of words into weights: words of every second sentence weigh
// nearly nothing.
func (r *Reading) weigh() {
	n := float64(len(r.sentences))
	for t, df := range r.weights {
		r.weights[t] = math.Log(1 + (n-df)/(df+0.5))
	}
	for i := range r.sentences {
		s := &r.sentences[i]
		for _, t := range s.terms {
			s.norm += r.weights[t] * r.weights[t]
		}
		s.norm = math.Sqrt(s.norm)
	}
}

// Ask is what Best looks for.
type Ask struct {
	Topic    Topic
	Question string // of the topic Question, or to prefer what speaks of it
	Limit    int
}

// Best returns the most telling sentences of a topic, the best first, and at most Limit.
// Of the topics Risks, Strengths, Outlook and Financial it returns only such as have a
// cue or stand in a section of the topic, and fit no other topic better; of a Question
// only such as have a good part of its words.
func (r *Reading) Best(ctx context.Context, ask Ask) ([]Finding, error) {
	central := r.centrality()
	j := judge{Ask: ask, fitting: newFitting(ask.Topic), asked: r.askedWords(ask.Question)}
	var fit []int
	for i := range r.sentences {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r.judge(&j, i, central[i]) {
			fit = append(fit, i)
		}
	}
	slices.SortStableFunc(fit, func(a, b int) int { return cmp.Compare(r.sentences[b].score, r.sentences[a].score) })
	if len(fit) > ranked {
		fit = fit[:ranked]
	}
	if err := r.rank(ctx, fit); err != nil {
		return nil, err
	}
	return r.pick(fit, ask.Limit), nil
}

// judge is what sentences are judged by.
type judge struct {
	Ask
	fitting

	asked []askedWord
}

// judge gives a sentence its score, and reports whether it fits the topic.
func (r *Reading) judge(j *judge, i int, central float64) (fits bool) {
	s := &r.sentences[i]
	fit := r.fit(&j.fitting, s, " "+strings.ToLower(r.text(s)))
	match := r.match(s, j.asked)
	s.score = central + fit + 0.6/float64(1+s.nth) + 3*match
	switch j.Topic {
	case Financial, Strengths:
		s.score += 0.3 * math.Min(float64(s.money), 3)
	case Summary:
		s.score += 0.8 * math.Exp(-20*float64(i)/float64(len(r.sentences)))
		return true
	case Question:
		return match >= leastMatch
	case Risks, Outlook:
	}
	return fit > 0 && (s.topic == "" || s.topic == j.Topic)
}

// centrality is how near each sentence is to what the whole text is about: 0 to 1.
func (r *Reading) centrality() []float64 {
	sum := make(map[uint32]float64, len(r.weights))
	for i := range r.sentences {
		for _, t := range r.sentences[i].terms {
			sum[t] += r.weights[t]
		}
	}
	out, most := make([]float64, len(r.sentences)), 0.0
	for i := range r.sentences {
		s := &r.sentences[i]
		for _, t := range s.terms {
			out[i] += r.weights[t] * sum[t]
		}
		if s.norm > 0 {
			out[i] /= s.norm
		}
		most = math.Max(most, out[i])
	}
	for i := range out {
		if most > 0 {
			out[i] /= most
		}
	}
	return out
}

// askedWord is a word of a question that the text has.
type askedWord struct {
	term   uint32
	weight float64
}

// askedWords are the words of a question, each once.
func (r *Reading) askedWords(question string) []askedWord {
	terms := Terms(question, nil)
	slices.Sort(terms)
	var words []askedWord
	for _, t := range slices.Compact(terms) {
		if w, ok := r.weights[t]; ok {
			words = append(words, askedWord{t, w})
		}
	}
	return words
}

// match is how much of a question's weight a sentence has: 0 to 1.
func (r *Reading) match(s *sentence, asked []askedWord) float64 {
	all, has := 0.0, 0.0
	for _, w := range asked {
		all += w.weight
		if _, ok := slices.BinarySearch(s.terms, w.term); ok {
			has += w.weight
		}
	}
	if all == 0 {
		return 0
	}
	return has / all
}

// rank adds to the scores what the sentences think of one another: PageRank on how alike
// they are, as TextRank has it (Mihalcea and Tarau, 2004).
func (r *Reading) rank(ctx context.Context, chosen []int) error {
	n := len(chosen)
	if n < 3 {
		return nil
	}
	like, sums, err := r.likeness(ctx, chosen)
	if err != nil {
		return err
	}
	rank, next := make([]float64, n), make([]float64, n)
	for i := range rank {
		rank[i] = 1
	}
	for range rounds {
		for i := range next {
			next[i] = 1 - damping
			for j := range n {
				if sums[j] > 0 {
					next[i] += damping * rank[j] * like[j][i] / sums[j]
				}
			}
		}
		rank, next = next, rank
	}
	most := slices.Max(rank)
	for i, c := range chosen {
		r.sentences[c].score += 0.7 * rank[i] / most
	}
	return nil
}

// likeness is how alike the sentences are, each with each, and the sums of that.
func (r *Reading) likeness(ctx context.Context, chosen []int) (like [][]float64, sums []float64, err error) {
	n := len(chosen)
	like, sums = make([][]float64, n), make([]float64, n)
	for i := range like {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		like[i] = make([]float64, n)
		for j := range like[i] {
			if i != j {
				like[i][j] = r.cosine(chosen[i], chosen[j])
				sums[i] += like[i][j]
			}
		}
	}
	return like, sums, nil
}

// cosine is how alike two sentences are.
func (r *Reading) cosine(a, b int) (sum float64) {
	x, y := &r.sentences[a], &r.sentences[b]
	for i, j := 0, 0; i < len(x.terms) && j < len(y.terms); {
		switch cmp.Compare(x.terms[i], y.terms[j]) {
		case 0:
			sum += r.weights[x.terms[i]] * r.weights[x.terms[i]]
			i, j = i+1, j+1
		case -1:
			i++
		default:
			j++
		}
	}
	if sum == 0 {
		return 0
	}
	return sum / (x.norm * y.norm)
}

// pick takes the best that don't say the same, and not all of one section.
func (r *Reading) pick(chosen []int, limit int) []Finding {
	slices.SortStableFunc(chosen, func(a, b int) int { return cmp.Compare(r.sentences[b].score, r.sentences[a].score) })
	perSection, taken := make(map[int]int), []int(nil)
	most := max(2, limit/2)
	for _, strict := range []int{most, limit} {
		for _, c := range chosen {
			s := &r.sentences[c]
			if len(taken) >= limit {
				break
			}
			if s.section >= 0 && perSection[s.section] >= strict ||
				slices.ContainsFunc(taken, func(t int) bool { return t == c || r.cosine(t, c) > alike }) {
				continue
			}
			perSection[s.section]++
			taken = append(taken, c)
		}
	}
	out := make([]Finding, 0, len(taken))
	for _, c := range taken {
		s := &r.sentences[c]
		out = append(out, Finding{
			Title: r.src.Title(s.section), Score: s.score,
			Citation: fairlead.Citation{
				Document: r.src.Document.ID, Page: quote.PageAt(r.src.Outline.Pages, s.start), Start: s.start, End: s.end, Quote: strings.Clone(r.text(s)),
			},
		})
	}
	return out
}

// text is the sentence itself.
func (r *Reading) text(s *sentence) string {
	i, found := slices.BinarySearchFunc(r.pieces, s.start, func(p source.Piece, at int64) int { return cmp.Compare(p.Base, at) })
	if !found {
		i--
	}
	p := &r.pieces[i]
	return p.Text[s.start-p.Base : s.end-p.Base]
}
