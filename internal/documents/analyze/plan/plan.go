// Package plan cuts documents into windows, each of which a language model reads in one
// go, and chooses which of them are worth it where there are too many.
//
// Start with Planner.Windows.
package plan

import (
	"cmp"
	"context"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/extractive"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/source"
)

// Window is a part of a document that the model reads in one go.
type Window struct {
	Source *source.Source
	// Document is the document's index among those that are read.
	Document int
	Span     fairlead.TextSpan
	// Worth is how well it fits what is looked for: 0 to 1.
	Worth float64
	// Number is which of Of parts of the document it is, from 1.
	Number, Of int
}

// Planner cuts documents for one model and task. It is immutable.
type Planner struct {
	Chunks fairlead.DocumentChunks
	Tokens fairlead.TokenCounter
	// Fits is how many tokens of text a window has.
	Fits int
	// Topics and Question are what is looked for.
	Topics   []extractive.Topic
	Question string
}

// stretch is what is kept of a chunk: the bytes that it adds to those before.
type stretch struct {
	start, end int64
	tokens     int
	worth      float64
}

// chunkPage is how many chunks are read at a time.
const chunkPage = 256

// Windows cuts a document, the one with that index, and chooses what is read: at most so
// many windows, those that are worth most first. It blocks on storage.
func (p *Planner) Windows(ctx context.Context, src *source.Source, doc, most int) ([]Window, error) {
	parts, err := p.stretches(ctx, src)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, part := range parts {
		total += part.tokens
	}
	n := max((total+p.Fits-1)/p.Fits, 1)
	target := min(total/n+total/(n*20)+1, p.Fits) // windows of about one length
	var all []Window
	for i := 0; i < len(parts); {
		w := Window{Source: src, Document: doc, Span: fairlead.TextSpan{Start: parts[i].start, End: parts[i].end}}
		tokens := 0
		for first := i; i < len(parts) && (i == first || tokens+parts[i].tokens <= target); i++ {
			tokens += parts[i].tokens
			w.Span.End = parts[i].end
			w.Worth = max(w.Worth, parts[i].worth)
		}
		all = append(all, w)
	}
	for i := range all {
		all[i].Number, all[i].Of = i+1, len(all)
	}
	return choose(all, max(most, 1)), nil
}

// stretches reads where the document's chunks are.
func (p *Planner) stretches(ctx context.Context, src *source.Source) ([]stretch, error) {
	worth := extractive.Worth(p.Topics, p.Question)
	asked := make(map[uint32]bool)
	for _, t := range extractive.Terms(p.Question, nil) {
		asked[t] = true
	}
	var parts []stretch
	end, sections := int64(0), make(map[string]float64)
	for {
		chunks, err := p.Chunks.Chunks(ctx, src.Document.App, src.Document.ID, len(parts), chunkPage)
		if err != nil {
			return nil, err
		}
		for i := range chunks {
			c := &chunks[i]
			w, ok := sections[c.Section]
			if !ok {
				w = worth(c.Section)
				sections[c.Section] = w
			}
			parts = append(parts, p.stretch(c, max(end, 0), max(w, matched(c.Text, asked))))
			end = max(end, c.End)
		}
		if len(chunks) < chunkPage {
			break
		}
	}
	if len(parts) == 0 { // a text without chunks is read all the same
		parts = blind(src.Length())
	}
	return parts, nil
}

// stretch is what a chunk adds to the text up to end. Chunks overlap, and leave out white
// space between them.
func (p *Planner) stretch(c *fairlead.Chunk, end int64, worth float64) stretch {
	tokens := c.Tokens
	if tokens <= 0 {
		tokens = p.Tokens.Count(c.Text)
	}
	start := max(c.Start, end)
	if c.End <= start {
		return stretch{start: end, end: end, worth: worth}
	}
	return stretch{start: start, end: c.End, tokens: int(int64(tokens)*(c.End-start)/(c.End-c.Start)) + 1, worth: worth}
}

// matched is how many of the words of a question a text has: 0 to 1.
func matched(text string, asked map[uint32]bool) float64 {
	if len(asked) == 0 {
		return 0
	}
	has := make(map[uint32]bool, len(asked))
	for _, t := range extractive.Terms(text, nil) {
		if asked[t] {
			has[t] = true
		}
	}
	return float64(len(has)) / float64(len(asked))
}

// blind cuts a text that has no chunks, by its length.
func blind(length int64) []stretch {
	const size, bytesPerToken = 2000, 3
	var parts []stretch
	for at := int64(0); at < length; at += size {
		end := min(at+size, length)
		parts = append(parts, stretch{start: at, end: end, tokens: int(end-at)/bytesPerToken + 1})
	}
	return parts
}

// choose takes at most so many windows: the first, half of them for what they are worth,
// and the rest from all over. They come in the order in which they should be read.
func choose(all []Window, most int) []Window {
	if len(all) > most {
		taken := make([]bool, len(all))
		taken[0] = true
		left := most - 1
		byWorth := make([]int, len(all))
		for i := range byWorth {
			byWorth[i] = i
		}
		slices.SortStableFunc(byWorth, func(a, b int) int { return cmp.Compare(all[b].Worth, all[a].Worth) })
		for _, i := range byWorth {
			if left > (most-1)/2 && !taken[i] && all[i].Worth > 0 {
				taken[i] = true
				left--
			}
		}
		for i, n := 0, left; i < n; i++ {
			at := i * len(all) / n
			for taken[at%len(all)] {
				at++
			}
			taken[at%len(all)] = true
		}
		var some []Window
		for i, w := range all {
			if taken[i] {
				some = append(some, w)
			}
		}
		all = some
	}
	slices.SortStableFunc(all, func(a, b Window) int { return cmp.Compare(b.Worth, a.Worth) })
	return all
}
