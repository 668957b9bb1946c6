package chunk_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/chunk"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/tokens/tiktoken"
)

func bench(b *testing.B, counter fairlead.TokenCounter) {
	b.Helper()
	text := strings.Repeat(sentence, 20)
	for b.Loop() {
		c := chunk.New(chunk.Config{Counter: counter}, func(fairlead.DocumentContent) error { return nil })
		for i := range 500 {
			if i%5 == 0 {
				if err := c.Add(extract.Block{Kind: extract.Heading, Level: 1, Text: "Results of operations"}); err != nil {
					b.Fatal(err)
				}
			}
			if err := c.Add(extract.Block{Kind: extract.Paragraph, Text: text}); err != nil {
				b.Fatal(err)
			}
		}
		totals, err := c.Close()
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(totals.TextBytes)
	}
}

func BenchmarkEstimated(b *testing.B) { b.ReportAllocs(); bench(b, nil) }

func BenchmarkCounted(b *testing.B) { b.ReportAllocs(); bench(b, &tiktoken.Counter{}) }
