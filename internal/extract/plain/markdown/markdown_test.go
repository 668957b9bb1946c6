package markdown_test

import (
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/plain/markdown"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"headings", "# A\ntext\n## B ##\n\nSet\n===\nmore\nlines\n---\n#no\n####### no", "# A\ntext\n## B\n# Set\n## more lines\n#no\n####### no\n"},
		{"code", "a\n```go\n# no\n\n| a | b |\n|---|---|\n```\nb\n~~~\nopen", "a\n# no\n\n| a | b |\n|---|---|\nb\nopen\n"},
		{"table", "text\n| a | b\\|c |\n|:--|--:|\n| 1 | 2 |\n3 | `4`\n\nend", "text\n! a | b|c\n1 | 2\n3 | `4`\nend\n"},
		{"no table", "a | b\nc | d\n", "a | b\nc | d\n"},
		{"list", "- a\n  - b\n\n1. c\n", "- a\n  - b\n1. c\n"},
		{"rule", "a\n\n---\n\nb", "a\n---\nb\n"},
		{"front matter", "---\ntitle: \"A title\"\ndate: x\n---\ntext", "text\n"},
		{"indented", "    # code", "# code\n"},
	} {
		if got := extracttest.Shown(t, markdown.Extractor{}, tt.name+".md", []byte(tt.text)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
	for text, want := range map[string]string{"---\ntitle: 'T'\n---\n# H": "T", "## x\n# H\n# I": "H", "x": ""} {
		_, about, err := extracttest.Read(t.Context(), markdown.Extractor{}, extracttest.Source("a.md", []byte(text)))
		if err != nil || about.Title != want {
			t.Errorf("%q: title %q (%v), want %q", text, about.Title, err, want)
		}
	}
}

// FuzzMarkdown: any bytes are read, with all that every reader promises.
func FuzzMarkdown(f *testing.F) {
	for _, seed := range []string{"# a\n|b|\n|-|\n|c|\n```\nx\n", "---\ntitle: x\n---\na\n==", "|\n|-|\n|\\"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { extracttest.Hold(t, markdown.Extractor{}, "a.md", text) })
}
