package plain_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/plain"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "== 1\n"},
		{"paragraphs", "one\ntwo\n\n \t\nthree\r\nfour\r\n\r\nfive\rsix", "== 1\none\ntwo\nthree\nfour\nfive\nsix\n"},
		{"pages", "one\ftwo\n\fthree\n\n\f", "== 1\none\n== 2\ntwo\n== 3\nthree\n== 4\n"},
		{"windows-1252", "Gr\xf6\xdfe der Stra\xdfe", "== 1\nGröße der Straße\n"},
		{"utf-16", "\xff\xfeh\x00i\x00\n\x00", "== 1\nhi\n"},
	} {
		if got := extracttest.Shown(t, plain.Extractor{}, tt.name+".txt", []byte(tt.text)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"word ", "x", "日本"} {
		text := strings.Repeat(piece, 1<<20/len(piece))
		blocks, _, err := extracttest.Read(t.Context(), plain.Extractor{}, extracttest.Source("a.txt", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, b := range blocks {
			if len(b.Text) > 400<<10 {
				t.Errorf("%q: a block of %d bytes", piece, len(b.Text))
			}
			got += b.Text
		}
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(text, " ", "") || len(blocks) < 3 {
			t.Errorf("%q: %d bytes in %d blocks, want %d bytes", piece, len(got), len(blocks), len(text))
		}
	}
}

// FuzzText: any bytes are a text, with all that every reader promises.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"a\n\nb\fc\r\rd", "\xff\xfe\x00", "\x93\xfa\x96{", "\xef\xbb\xbfx", "a\n\n\v\n\n\u00a0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { extracttest.Hold(t, plain.Extractor{}, "a.txt", text) })
}
