package papers

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// TestDocuments: documents are always the same, no two are, and they have the size
// that was asked for.
func TestDocuments(t *testing.T) {
	t.Parallel()
	p, err := Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []Format{Text, Markdown, HTML} {
		const size = 100_000
		one, again, other := p.Document(1, format, size), p.Document(1, format, size), p.Document(2, format, size)
		if !bytes.Equal(one, again) || bytes.Equal(one, other) {
			t.Errorf("%s: documents are not always the same, or two are", format)
		}
		if len(one) < size || len(one) > 2*size || !utf8.Valid(one) {
			t.Errorf("%s: got %d bytes, and valid text: %v", format, len(one), utf8.Valid(one))
		}
	}
}
