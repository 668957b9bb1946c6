//go:build unix

package pdf

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// realFiles are of packages of the distribution: gnuplot-doc, installation-guide-amd64,
// r-doc-pdf, debian-policy, developers-reference, debian-refcard. FAIRLEAD_PDFS may name
// others, parted by ":".
var realFiles = []string{
	"/usr/share/doc/gnuplot/gnuplot.pdf",
	"/usr/share/R/doc/manual/R-exts.pdf",
	"/usr/share/R/doc/manual/fullrefman.pdf",
	"/usr/share/developers-reference/developers-reference.pdf",
	"/usr/share/doc/debian-policy/policy.pdf.gz",
	"/usr/share/doc/debian-policy/fhs/fhs-3.0.pdf.gz",
	"/usr/share/doc/debian-refcard/refcard-en-a4.pdf.gz",
	"/usr/share/doc/debian-refcard/refcard-de-a4.pdf.gz",
	"/usr/share/doc/installation-guide-amd64/en/install.en.pdf.gz",
	"/usr/share/doc/installation-guide-amd64/de/install.de.pdf.gz",
	"/usr/share/doc/installation-guide-amd64/ja/install.ja.pdf.gz",
	"/usr/share/doc/installation-guide-amd64/ko/install.ko.pdf.gz",
	"/usr/share/doc/installation-guide-amd64/ru/install.ru.pdf.gz",
	"/usr/share/doc/installation-guide-amd64/zh_CN/install.zh_CN.pdf.gz",
}

// leastWords is how well the words must agree with those that pdftotext finds.
const leastWords = 0.98

// TestProofRealFiles compares what is read of real files with what pdftotext reads.
func TestProofRealFiles(t *testing.T) {
	if os.Getenv("FAIRLEAD_PROOF") == "" {
		t.Skip("FAIRLEAD_PROOF is not set")
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("left out: no pdftotext (apt install poppler-utils)")
	}
	files := realFiles
	if others := os.Getenv("FAIRLEAD_PDFS"); others != "" {
		files = strings.Split(others, ":")
	}
	x := New(Options{CacheDir: t.TempDir()})
	if err := x.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%-28s %5s %6s %6s %9s %9s %8s %6s %6s", "file", "pages", "words", "order", "worst page", "bad pages", "pages/s", "heads", "tables")
	for _, path := range files {
		data, err := realFile(path)
		if err != nil {
			t.Logf("left out: %v", err)
			continue
		}
		compare(t, x, filepath.Base(path), data)
	}
}

func realFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func compare(t *testing.T, x *Extractor, name string, data []byte) {
	t.Helper()
	want := reference(t, data)
	before := processorTime(t)
	got, kinds := readPages(t, x, data)
	spent := processorTime(t) - before
	if len(got) != len(want) {
		t.Errorf("%s: %d pages, want %d", name, len(got), len(want))
		return
	}
	worst, at, bad := 1.0, 0, 0
	for i := range got {
		f := agreement(words(got[i]), words(want[i]))
		if f < worst {
			worst, at = f, i+1
		}
		if f < 0.9 {
			bad++
		}
	}
	all, reference := words(strings.Join(got, "\n")), words(strings.Join(want, "\n"))
	f, order := agreement(all, reference), agreement(trigrams(all), trigrams(reference))
	t.Logf("%-28s %5d %6.3f %6.3f %5.2f@%-4d %9d %8.0f %6d %6d", name, len(got), f, order, worst, at, bad,
		float64(len(got))/spent.Seconds(), kinds[extract.Heading], kinds[extract.Table])
	if f < leastWords {
		t.Errorf("%s: words agree to %.3f, want %.2f", name, f, leastWords)
	}
}

// reference is what pdftotext reads, by pages.
func reference(t *testing.T, data []byte) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, "pdftotext", "-enc", "UTF-8", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
}

// readPages is the text of each page, and how many blocks there are of each kind.
func readPages(t *testing.T, x *Extractor, data []byte) (pages []string, kinds map[extract.Kind]int) {
	t.Helper()
	kinds = map[extract.Kind]int{}
	src := &extract.Source{ReaderAt: bytes.NewReader(data), Size: int64(len(data))}
	_, err := x.Extract(t.Context(), src, func(b extract.Block) error {
		kinds[b.Kind]++
		if b.Kind == extract.PageStart {
			pages = append(pages, "")
		}
		text := b.Text
		for _, row := range b.Rows {
			text += strings.Join(row, " ") + "\n"
		}
		pages[len(pages)-1] += text + "\n\n"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages, kinds
}

// words are runs of letters and digits; a letter of a script without spaces is a word.
func words(text string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai):
			end()
			out = append(out, string(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			word.WriteRune(unicode.ToLower(r))
		default:
			end()
		}
	}
	end()
	return out
}

func trigrams(words []string) []string {
	var out []string
	for i := range max(0, len(words)-2) {
		out = append(out, strings.Join(words[i:i+3], " "))
	}
	return out
}

// agreement is the F1 of two bags.
func agreement(a, b []string) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	counts := map[string]int{}
	for _, w := range a {
		counts[w]++
	}
	both := 0
	for _, w := range b {
		if counts[w] > 0 {
			counts[w]--
			both++
		}
	}
	return 2 * float64(both) / float64(len(a)+len(b))
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
