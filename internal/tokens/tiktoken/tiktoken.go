// Package tiktoken counts tokens as OpenAI's models of the o200k vocabulary do. For other
// models a count is an estimate.
//
// A text is first split into words, roughly, none of which shares a token with another;
// then each is split into tokens. The first is done here, by hand, for it is most of the
// work when a regular expression does it; and how many tokens a word has is remembered,
// for most words come again. The vocabulary is in the program, and is unpacked at the
// first count, which takes some ten milliseconds and tens of megabytes.
//
// Start with Counter.Count.
package tiktoken

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

const (
	// longest is the most bytes that are split into tokens at once. A longer word, which
	// is none, is cut there, and may count a token more by it: the work for it grows
	// faster than its length.
	longest = 2048
	// remembered is how many words are, at a time, and wordBytes how long they may be.
	remembered = 1 << 16
	wordBytes  = 32
	// memories is how many sets of them are kept for the next count.
	memories = 2
)

// Counter is a fairlead.TokenCounter. It is safe for concurrent use; the zero Counter is
// ready.
type Counter struct {
	once  sync.Once
	codec *codec.Codec

	mu   sync.Mutex
	free []map[string]int // words and their tokens; each is one count's at a time
}

// Count is how many tokens the text has. A text that is not UTF-8 is counted too.
func (c *Counter) Count(text string) int {
	c.once.Do(func() { c.codec = codec.NewO200kBase() })
	known := c.take()
	defer c.give(known)
	n := 0
	for len(text) > 0 {
		word := text[:wordEnd(text)]
		text = text[len(word):]
		if tokens, ok := known[word]; ok {
			n += tokens
			continue
		}
		tokens := c.tokens(word)
		n += tokens
		if len(word) > wordBytes {
			continue
		}
		if len(known) >= remembered {
			clear(known)
		}
		known[strings.Clone(word)] = tokens
	}
	return n
}

func (c *Counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := len(c.free) - 1; last >= 0 {
		known := c.free[last]
		c.free = c.free[:last]
		return known
	}
	return make(map[string]int)
}

func (c *Counter) give(known map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.free) < memories {
		c.free = append(c.free, known)
	}
}

// tokens counts those of a word.
func (c *Counter) tokens(word string) int {
	n := 0
	for len(word) > 0 {
		part := word
		if len(part) > longest {
			part = part[:runeStart(part, longest)]
		}
		word = word[len(part):]
		tokens, err := c.codec.Count(part)
		if err != nil {
			tokens = len(part) // more it can't be
		}
		n += tokens
	}
	return n
}

// runeStart is the start of the rune that at is in.
func runeStart(text string, at int) int {
	for back := at; back > at-utf8.UTFMax; back-- {
		if utf8.RuneStart(text[back]) {
			return back
		}
	}
	return at
}
