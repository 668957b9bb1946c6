package corpus

import "testing"

// TestChunks: chunks and queries are always the same, and no two chunks are.
func TestChunks(t *testing.T) {
	t.Parallel()
	text, err := Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for n := range 1000 {
		chunk := text.Chunk(n)
		if seen[chunk] || chunk != text.Chunk(n) || len(chunk) < ChunkBytes || len(Terms(chunk)) < 50 {
			t.Fatalf("chunk %d is %q", n, chunk)
		}
		seen[chunk] = true
		if query := text.Query(n, 12); query != text.Query(n, 12) || len(Terms(query)) < 9 {
			t.Fatalf("query %d is %q", n, query)
		}
	}
}
