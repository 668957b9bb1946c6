package rtf_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/plain/rtf"
)

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de", "ja", "ar", "ru"} {
		name := "testdata/report-" + lang + ".rtf"
		if _, err := os.Stat(name); err != nil {
			t.Fatal(err)
		}
		extracttest.SameText(t, rtf.Extractor{}, name, "../../office/testdata/report-"+lang+".txt")
	}
}

func TestRTF(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{`{\rtf1\ansi one\par two \b bold\b0\par}`, "one\ntwo bold\n"},
		{`{\rtf1\ansi\ansicpg1252 Gr\'f6\'dfe \{x\} \~y\_z\line w\tab v}`, "Größe {x} \u00A0y-z\nw\tv\n"},
		{`{\rtf1\ansi\uc1 \u26085?\u26412 ?\u-10179?\u-8704? {\uc0\u233}!}`, "日本😀 é!\n"},
		{`{\rtf1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}\f1 \'cf\'f0\'e8\'e2\'e5\'f2 {\f2 \'93\'fa\'96\'7b} \f0 \'e9}`, "Привет 日本 é\n"},
		{`{\rtf1{\stylesheet{\s1 no;}}{\info{\title T}{\author no}}{\*\generator no;}{\header no}{\pict 00ff}yes{\v no}}`, "yes\n"},
		{`{\rtf1\pard\outlinelevel1 Head\par\pard text\page next}`, "## Head\ntext\n== 2\nnext\n"},
		{`{\rtf1\trowd\pard\intbl a\cell b\cell\row\trowd\intbl 1\par x\cell 2\cell\row\pard after}`, "! a | b\n1\nx | 2\nafter\n"},
		{`{\rtf1 text{\footnote note\par more} goes on\par end}`, "text goes on\nend\nnote\nmore\n"},
		{"{\\rtf1 a\\bin3 }}}b}", "ab\n"},
	} {
		if got := extracttest.Shown(t, rtf.Extractor{}, "a.rtf", []byte(tt.text)); got != "== 1\n"+tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.text, got, tt.want)
		}
	}
	_, about, err := extracttest.Read(t.Context(), rtf.Extractor{}, extracttest.Source("a", []byte(`{\rtf1{\info{\title A  title}}x}`)))
	if err != nil || about.Title != "A title" {
		t.Errorf("title %q, %v", about.Title, err)
	}
	if _, _, err := extracttest.Read(t.Context(), rtf.Extractor{}, extracttest.Source("a", []byte(`{\rtf1 cut`))); !errors.Is(err, extract.ErrBroken) {
		t.Errorf("a cut file: %v", err)
	}
	extracttest.Limited(t, rtf.Extractor{}, "deep", []byte(strings.Repeat("{", 10_000)), "depth")
	extracttest.Limited(t, rtf.Extractor{}, "text", []byte(`{\rtf1 `+strings.Repeat("word ", 1<<18)), "text")
	extracttest.Limited(t, rtf.Extractor{}, "many notes", []byte(`{\rtf1 `+strings.Repeat(`{\footnote x}`, 150_000)), "notes")
	extracttest.Limited(t, rtf.Extractor{}, "notes", []byte(`{\rtf1 `+strings.Repeat(`{\footnote `+strings.Repeat("x", 1000)+"}", 1500)), "text")
}

// FuzzRTF: any bytes are read, with all that every reader promises.
func FuzzRTF(f *testing.F) {
	f.Add([]byte(`{\rtf1{\fonttbl{\f1\fcharset204 B;}}\f1 \'cf{\footnote a\cell}\u55357?\trowd\intbl b\cell\row\page}`))
	f.Add([]byte(`}{\*\x\bin99999999999 \'`))
	f.Fuzz(func(t *testing.T, text []byte) { extracttest.Hold(t, rtf.Extractor{}, "a.rtf", text) })
}
