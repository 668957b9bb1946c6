// Package extracttest is what the tests of readers have in common: reading bytes,
// showing the blocks that came of them, and holding any reader to what all of them
// promise, whatever the bytes are.
//
// Start with Read, and with Hold for fuzz tests.
package extracttest

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// Limits returns limits as a service would have them, but small.
func Limits() extract.Limits {
	return extract.Limits{Pages: 1000, Text: 1 << 20, Unfolded: 64 << 20, Ratio: 100, Entries: 1000}
}

// Source is a file of that name and content, under Limits.
func Source(name string, content []byte) *extract.Source {
	return &extract.Source{ReaderAt: bytes.NewReader(content), Size: int64(len(content)), Name: name, Limits: Limits()}
}

// Read returns the blocks that e makes of src.
func Read(ctx context.Context, e extract.Extractor, src *extract.Source) ([]extract.Block, fairlead.About, error) {
	var blocks []extract.Block
	about, err := e.Extract(ctx, src, func(b extract.Block) error {
		blocks = append(blocks, b)
		return nil
	})
	return blocks, about, err
}

// Shown reads a file and shows its blocks; reading must not fail.
func Shown(t *testing.T, e extract.Extractor, name string, content []byte) string {
	t.Helper()
	blocks, _, err := Read(t.Context(), e, Source(name, content))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return Show(blocks)
}

// Show writes blocks down: headings with as many # as their level, pages as "== n",
// rows with their cells parted by " | " and those that head a table with "! " before.
func Show(blocks []extract.Block) string {
	var text strings.Builder
	for _, b := range blocks {
		switch b.Kind {
		case extract.Paragraph:
			text.WriteString(b.Text + "\n")
		case extract.Heading:
			text.WriteString(strings.Repeat("#", b.Level) + " " + b.Text + "\n")
		case extract.PageStart:
			fmt.Fprintf(&text, "== %d\n", b.Page)
		case extract.Table:
			for i, row := range b.Rows {
				head := ""
				if i < b.Header {
					head = "! "
				}
				text.WriteString(head + strings.Join(row, " | ") + "\n")
			}
			if b.More {
				text.WriteString("...\n")
			}
		}
	}
	return text.String()
}

// F1 is how far the words of blocks and those of want are the same: the harmonic mean
// of precision and recall, each word as often as it comes. Characters of scripts without
// spaces are words.
func F1(blocks []extract.Block, want string) float64 {
	var got strings.Builder
	for _, b := range blocks {
		got.WriteString(b.Text + "\n")
		for _, row := range b.Rows {
			got.WriteString(strings.Join(row, " | ") + "\n")
		}
	}
	return overlap(got.String(), want)
}

func overlap(got, want string) float64 {
	count := make(map[string]int)
	wanted, found := 0, 0
	for _, w := range words(want) {
		count[w]++
		wanted++
	}
	gotten := words(got)
	for _, w := range gotten {
		if count[w] > 0 {
			count[w]--
			found++
		}
	}
	if found == 0 {
		return 0
	}
	precision, recall := float64(found)/float64(len(gotten)), float64(found)/float64(wanted)
	return 2 * precision * recall / (precision + recall)
}

func words(text string) []string {
	var spaced strings.Builder
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			spaced.WriteString(" " + string(r) + " ")
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			spaced.WriteRune(r)
		default:
			spaced.WriteByte(' ')
		}
	}
	return strings.Fields(spaced.String())
}

// Hold reads content with e and checks what every reader promises: errors are of the
// known ones, blocks are well-formed, limits hold.
func Hold(t *testing.T, e extract.Extractor, name string, content []byte) {
	t.Helper()
	src := Source(name, content)
	src.Limits.Text, src.Limits.Pages = 64<<10, 50
	blocks, about, err := Read(t.Context(), e, src)
	if err != nil && !known(err) {
		t.Errorf("an error of no known kind: %v", err)
	}
	if !utf8.ValidString(about.Title) {
		t.Errorf("the title %q is not UTF-8", about.Title)
	}
	text, page, more := 0, 0, false
	for i, b := range blocks {
		if more && b.Kind != extract.Table {
			t.Errorf("block %d: the table before does not go on", i)
		}
		more = b.More
		if b.Kind == extract.PageStart {
			if page++; b.Page != page || page > src.Limits.Pages {
				t.Errorf("block %d: page %d, want %d of at most %d", i, b.Page, page, src.Limits.Pages)
			}
		}
		text += checkBlock(t, i, b)
	}
	if more && err == nil {
		t.Error("the last table does not go on")
	}
	if int64(text) > src.Limits.Text {
		t.Errorf("%d bytes of text, want at most %d", text, src.Limits.Text)
	}
}

func known(err error) bool {
	_, limit := errors.AsType[*extract.LimitError](err)
	return limit || errors.Is(err, extract.ErrBroken) || errors.Is(err, extract.ErrEncrypted) || errors.Is(err, extract.ErrUnsupported)
}

// checkBlock checks a block by itself, and returns how much text it has.
func checkBlock(t *testing.T, i int, b extract.Block) int {
	t.Helper()
	text := len(b.Text)
	valid := utf8.ValidString(b.Text)
	for _, row := range b.Rows {
		for _, cell := range row {
			text += len(cell)
			valid = valid && utf8.ValidString(cell)
		}
	}
	switch {
	case !valid:
		t.Errorf("block %d is not UTF-8", i)
	case b.Kind == extract.Table && (len(b.Rows) == 0 || b.Header > len(b.Rows)):
		t.Errorf("block %d: %d rows, %d of them heads", i, len(b.Rows), b.Header)
	case b.Kind == extract.Heading && (b.Level < 1 || b.Text == ""):
		t.Errorf("block %d: a heading of level %d: %q", i, b.Level, b.Text)
	case b.Kind == extract.Paragraph && strings.TrimSpace(b.Text) == "":
		t.Errorf("block %d: a blank paragraph", i)
	}
	return text
}

// Zip makes a ZIP file of members, given as name, content, name, content.
func Zip(t testing.TB, members ...string) []byte {
	t.Helper()
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for i := 0; i+1 < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// SameText checks that what e reads from a file has exactly the words of a text file.
func SameText(t *testing.T, e extract.Extractor, file, text string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	blocks, _, err := Read(t.Context(), e, Source(file, content))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	f1 := F1(blocks, string(want))
	t.Logf("%s: words F1 %.3f", file, f1)
	if f1 < 1 {
		t.Errorf("%s: words F1 %.3f, want 1: %s", file, f1, Show(blocks))
	}
}

// Limited checks that reading a file ends at the named limit.
func Limited(t *testing.T, e extract.Extractor, name string, content []byte, limit string) {
	t.Helper()
	_, _, err := Read(t.Context(), e, Source(name, content))
	if got, ok := errors.AsType[*extract.LimitError](err); !ok || got.Limit != limit {
		t.Errorf("%s: %v, want the limit of %s", name, err, limit)
	}
}

// SameBlocks checks that what e reads from a file is, as Show shows it, a text file.
func SameBlocks(t *testing.T, e extract.Extractor, file, text string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := Shown(t, e, file, content); got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", file, got, want)
	}
}
