package local

import (
	"context"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxQuotes is how many sentences a reply quotes.
	maxQuotes = 3
	// maxQuoteBytes is how much of a long sentence it quotes.
	maxQuoteBytes = 500
	// maxAskedWords is how many different words of the last message are looked
	// for.
	maxAskedWords = 200
	// wordsBetweenChecks is how many words of a text are read before ctx is
	// looked at again.
	wordsBetweenChecks = 4096
	// sentencesBetweenChecks is the same for sentences.
	sentencesBetweenChecks = 256
)

// quote is a sentence with who said it.
type quote struct {
	role, text string
	source     int
	place      string
}

// quotes returns the sentences of the conversation, without the last message of
// the user, that share most with it, best first: each shared word counts once,
// and the less the more sentences hold it. The conversation is read twice
// rather than kept in pieces. The error is that of ctx.
func (c *conversation) quotes(ctx context.Context) ([]quote, error) {
	asked := map[string]int{}
	for word := range words(ctx, c.messages[c.lastUser()].text) {
		if _, known := asked[word]; !known && len(asked) < maxAskedWords {
			asked[word] = len(asked)
		}
	}
	holders := make([]int, len(asked))
	for q := range c.otherSentences(ctx) {
		for _, word := range sharedWords(ctx, q.text, asked) {
			holders[word]++
		}
	}
	var best ranking
	for q := range c.otherSentences(ctx) {
		score := 0.0
		for _, word := range sharedWords(ctx, q.text, asked) {
			score += 1 / float64(holders[word])
		}
		best.add(q, score)
	}
	return best.quotes, ended(ctx)
}

// firsts are the first sentences of the first sources: what was found for a question
// need not share a word with it.
func (c *conversation) firsts() []quote {
	var found []quote
	for _, m := range c.messages {
		if m.source == 0 || len(found) == maxQuotes {
			continue
		}
		for sentence := range sentences(m.text) {
			found = append(found, quote{m.role, sentence, m.source, m.place})
			break
		}
	}
	return found
}

// otherSentences returns the sentences of all messages but the user's last, or where
// documents were searched those of the sources. It stops early when ctx ends.
func (c *conversation) otherSentences(ctx context.Context) iter.Seq[quote] {
	return func(yield func(quote) bool) {
		last, n := c.lastUser(), 0
		for i, m := range c.messages {
			if i == last || c.grounded && m.source == 0 {
				continue
			}
			for sentence := range sentences(m.text) {
				if n++; n%sentencesBetweenChecks == 0 && ctx.Err() != nil {
					return
				}
				if !yield(quote{m.role, sentence, m.source, m.place}) {
					return
				}
			}
		}
	}
}

// ranking keeps the few best quotes, best first.
type ranking struct {
	quotes []quote
	scores []float64
}

// add takes the quote in if its score is above 0 and among the best, and its
// text is not there yet.
func (r *ranking) add(q quote, score float64) {
	at := len(r.scores)
	for at > 0 && score > r.scores[at-1] {
		at--
	}
	same := func(other quote) bool { return other.text == q.text }
	if score <= 0 || at == maxQuotes || slices.ContainsFunc(r.quotes, same) {
		return
	}
	r.quotes = slices.Insert(r.quotes, at, q)
	r.scores = slices.Insert(r.scores, at, score)
	n := min(len(r.quotes), maxQuotes)
	r.quotes, r.scores = r.quotes[:n], r.scores[:n]
}

// sharedWords returns the numbers of the asked words that the sentence holds,
// each once.
func sharedWords(ctx context.Context, sentence string, asked map[string]int) []int {
	var shared []int
	for word := range words(ctx, sentence) {
		if n, ok := asked[word]; ok && !slices.Contains(shared, n) {
			shared = append(shared, n)
		}
	}
	return shared
}

// words returns the words of a text in lower case: runs of letters, marks and
// digits. It stops early when ctx ends.
func words(ctx context.Context, text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		n := 0
		for word := range strings.FieldsFuncSeq(text, isNoWord) {
			if n++; n%wordsBetweenChecks == 0 && ctx.Err() != nil {
				return
			}
			if !yield(strings.ToLower(word)) {
				return
			}
		}
	}
}

func isNoWord(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }

func countWords(text string) int {
	n := 0
	for range strings.FieldsSeq(text) {
		n++
	}
	return n
}

// sentences returns the sentences of a text, trimmed: they end at a line's end, or
// at a mark that ends sentences and is followed by white space or nothing.
func sentences(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			n := sentenceLen(text)
			if sentence := strings.TrimSpace(text[:n]); sentence != "" && !yield(sentence) {
				return
			}
			text = text[n:]
		}
	}
}

func sentenceLen(text string) int {
	for at, r := range text {
		after := at + utf8.RuneLen(r)
		if r == utf8.RuneError {
			continue
		}
		switch r {
		case '\n', '。', '！', '？':
			return after
		case '.', '!', '?':
			if next, _ := utf8.DecodeRuneInString(text[after:]); after == len(text) || unicode.IsSpace(next) {
				return after
			}
		}
	}
	return len(text)
}

// shorten cuts a text that is too long to quote, at a word if there is one.
func shorten(text string) string {
	if len(text) <= maxQuoteBytes {
		return text
	}
	cut := text[:maxQuoteBytes]
	for !utf8.RuneStart(text[len(cut)]) {
		cut = cut[:len(cut)-1]
	}
	if at := strings.LastIndexFunc(cut, unicode.IsSpace); at > 0 {
		cut = cut[:at]
	}
	return strings.TrimSpace(cut) + " …"
}
