package estimate

import (
	"strings"
	"testing"
)

// BenchmarkPromptBytes is what the bytes of a prompt of 100 KB cost to count, and
// of the files in it.
func BenchmarkPromptBytes(b *testing.B) {
	body := []byte(strings.Repeat(`The \"quick\" brown fox jumps over the lazy dog, and 42 more of them follow it.\n`, 100<<10/81))
	b.Run("prompt", func(b *testing.B) {
		for b.Loop() {
			PromptBytes(body, Expected)
		}
	})
	b.Run("blocks", func(b *testing.B) {
		for b.Loop() {
			BlockExcess(body)
		}
	})
}
