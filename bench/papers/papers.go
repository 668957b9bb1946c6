// Package papers makes documents of any number and size from text that a machine
// has at hand: the comments of Go's standard library, the manual pages, and the
// common licences, as plain text, Markdown and HTML.
//
// A document is made of sections of a few kilobytes from anywhere in that text, so
// that words are as frequent, and stand together, as in prose, and no two documents
// are the same. Each paragraph has two made-up words (see package corpus), because
// a real collection goes on to bring new words while it grows.
//
// Start with Read.
package papers

import (
	"compress/gzip"
	"context"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/fairleadhq/fairlead/bench/corpus"
)

// Format is what a document is written in.
type Format string

// The formats.
const (
	Text     Format = "txt"
	Markdown Format = "md"
	HTML     Format = "html"
)

const (
	// ofCorpus is how many of ten paragraphs are of Go's comments.
	ofCorpus = 5
	// manualBytes is how much of the manual pages is read at most.
	manualBytes = 24 << 20
	// paragraphBytes is about how long a paragraph of them is.
	paragraphBytes = 700
	// paragraphs is how many a section has.
	paragraphs = 5
)

// Papers is text from which documents are made.
type Papers struct {
	comments *corpus.Text
	// others are the manual pages and the licences.
	others string
}

// Read reads the text. Without manual pages there is less of it.
func Read(ctx context.Context) (*Papers, error) {
	comments, err := corpus.Read(ctx)
	if err != nil {
		return nil, err
	}
	var others strings.Builder
	licences, _ := filepath.Glob("/usr/share/common-licenses/*") // the pattern is right
	for _, name := range licences {
		if text, err := os.ReadFile(name); err == nil { //nolint:gosec // G304: a licence
			others.Write(text)
		}
	}
	pages, _ := filepath.Glob("/usr/share/man/man*/*.gz") // the pattern is right
	for _, name := range pages {
		if others.Len() > manualBytes {
			break
		}
		manual(name, &others)
	}
	if others.Len() < 100*paragraphBytes {
		others.WriteString(strings.Repeat("No manual pages are here, so this stands for them.\n", 2*paragraphBytes))
	}
	return &Papers{comments, others.String()}, nil
}

// manual adds the text of a manual page, without the lines and the marks that only
// lay it out. A page that can't be read adds nothing.
func manual(name string, to *strings.Builder) {
	file, err := os.Open(name) //nolint:gosec // G304: a manual page
	if err != nil {
		return
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, 1<<20))
	if err != nil {
		return
	}
	marks := strings.NewReplacer(`\fB`, "", `\fI`, "", `\fR`, "", `\fP`, "", `\-`, "-", `\&`, "", `\e`, `\`, `\(aq`, "'", `\(bu`, "*")
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, ".") && !strings.HasPrefix(line, "'") {
			to.WriteString(marks.Replace(line))
		}
	}
}

// Document returns document number n in a format, of about so many bytes, always the
// same.
func (p *Papers) Document(n int, format Format, bytes int) []byte {
	r := random(1, n)
	var b strings.Builder
	if format == HTML {
		fmt.Fprintf(&b, "<!doctype html>\n<html><head><title>Paper %d</title></head><body>\n<h1>Paper %d</h1>\n", n, n)
	} else {
		b.WriteString(heading(format, "#", fmt.Sprintf("Paper %d", n)))
	}
	for b.Len() < bytes {
		title := p.other(r, 60)
		b.WriteString(heading(format, "##", strings.Join(strings.Fields(title), " ")))
		for range paragraphs {
			b.WriteString(block(format, p.paragraph(r)))
		}
	}
	if format == HTML {
		b.WriteString("</body></html>\n")
	}
	return []byte(b.String())
}

// paragraph is one from anywhere.
func (p *Papers) paragraph(r *rand.Rand) string {
	if r.IntN(10) < ofCorpus {
		return p.comments.Chunk(int(r.Uint32()))
	}
	return p.other(r, paragraphBytes) + fmt.Sprintf(" x%x y%x", r.Uint32N(1<<20), r.Uint64())
}

// other is a run of whole lines of the other text.
func (p *Papers) other(r *rand.Rand, bytes int) string {
	from := r.IntN(len(p.others) - 3*paragraphBytes)
	from += strings.IndexByte(p.others[from:], '\n') + 1
	from = min(from, len(p.others)-2*paragraphBytes)
	to := from + bytes
	if end := strings.IndexByte(p.others[to:min(to+paragraphBytes/2, len(p.others))], '\n'); end >= 0 {
		to += end
	}
	return strings.ToValidUTF8(strings.TrimSpace(p.others[from:to]), "")
}

// Question returns question number n, of about so many words: some that stand
// together, of which every third is from elsewhere.
func (p *Papers) Question(n, words int) string { return p.comments.Query(n, words) }

func heading(format Format, level, text string) string {
	switch format {
	case HTML:
		return "<h2>" + html.EscapeString(text) + "</h2>\n"
	case Markdown:
		return level + " " + text + "\n\n"
	case Text:
	}
	return strings.ToUpper(text) + "\n\n"
}

func block(format Format, text string) string {
	if format == HTML {
		return "<p>" + html.EscapeString(text) + "</p>\n"
	}
	return text + "\n\n"
}

func random(stream uint64, n int) *rand.Rand {
	return rand.New(rand.NewPCG(stream, uint64(n))) //nolint:gosec // G404, G115: nothing secret
}
