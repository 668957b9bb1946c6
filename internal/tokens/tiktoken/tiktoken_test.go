package tiktoken_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tiktoken-go/tokenizer/codec"
	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/tokens/tiktoken"
)

var _ fairlead.TokenCounter = (*tiktoken.Counter)(nil)

// TestKnownCounts holds the counter to counts of OpenAI's own library.
func TestKnownCounts(t *testing.T) {
	t.Parallel()
	var c tiktoken.Counter
	for text, want := range map[string]int{
		"": 0, "hello world": 2, "tiktoken is great!": 6, "お誕生日おめでとう": 8, "2 + 2 = 4": 7,
	} {
		if got := c.Count(text); got != want {
			t.Errorf("%q: got %d tokens, want %d", text, got, want)
		}
	}
}

// TestCountIsTheCodecs holds the counter to the library's own way through a text.
func TestCountIsTheCodecs(t *testing.T) {
	t.Parallel()
	var c tiktoken.Counter
	whole := codec.NewO200kBase()
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"sales", " of", "\n", "\n\n", " ", "  ", "1,577", "Müller's", "!", "\t", "I'LL", "we've", "'s", "THE", "iPhone", "的A", "A的", "a\u0301B",
			"\u0301", " \u0301x", "\u0301X", "\u0301\u0301", "//\n", "٣٤٥٦", "½", "\u00a0", "\u2028", "\r\n", "ǅ", "ʰ", "ªB", "(", "((", " (a", "👩\u200d🔬", "\x00", "'",
		}),
		rapid.String(),
		rapid.StringMatching(`[A-Za-z' .,0-9\n]{0,12}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		text = strings.ReplaceAll(text, "\x7f", "") // the library leaves it out
		want, err := whole.Count(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Count(text); got != want {
			t.Fatalf("%q: got %d tokens, want %d", text, got, want)
		}
	})
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	var c tiktoken.Counter
	c.Count("x")
	for name, text := range map[string]string{
		"one letter": strings.Repeat("a", 1<<19), "capitals": strings.Repeat("A", 1<<16), "spaces": strings.Repeat(" ", 1<<16),
		"line feeds": strings.Repeat("\n", 1<<16), "punctuation": strings.Repeat("!", 1<<16), "digits": strings.Repeat("7", 1<<16),
		"Chinese": strings.Repeat("的", 1<<15), "marks": strings.Repeat("\u0301", 1<<15), "not UTF-8": strings.Repeat("\xff", 1<<16),
		"slashes": strings.Repeat("/\n", 1<<15), "mixed": strings.Repeat("aA\u0301", 1<<16),
	} {
		start := time.Now()
		n := c.Count(text)
		took := time.Since(start)
		t.Logf("%s: %d tokens in %v", name, n, took)
		if n == 0 || n > len(text) || took > 20*time.Second {
			t.Errorf("%s: got %d tokens in %v", name, n, took)
		}
	}
}

func TestCounterIsShared(t *testing.T) {
	t.Parallel()
	var c tiktoken.Counter
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := c.Count("hello world"); got != 2 {
				t.Errorf("got %d tokens", got)
			}
		})
	}
	group.Wait()
}

func BenchmarkCount(b *testing.B) {
	var c tiktoken.Counter
	text := strings.Repeat("Net sales rose by 4.5 % to $1,577 million, up from $1,509 million in the year before; margins were flat.\n", 20)
	c.Count(text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Count(text)
	}
}

func BenchmarkOneLetter(b *testing.B) {
	var c tiktoken.Counter
	text := strings.Repeat("a", 1<<19)
	c.Count("x")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Count(text)
	}
}
