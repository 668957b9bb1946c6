// Package mail reads messages as they are sent (EML): who wrote to whom, when and about
// what, then the text. Of a text that comes in several forms the plain one is read.
// Messages within are read too; of other attachments only the names are told.
//
// Messages are read as a stream. A message that ends too early is read as far as it
// goes: many are stored so.
//
// Start with Extractor.
package mail

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// Extractor reads EML files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	text := &tracked{r: out.Reader(io.NewSectionReader(src, 0, src.Size))}
	m := &message{source: text}
	err := m.read(out, bufio.NewReader(text), 0)
	about := fairlead.About{Title: m.title}
	if err != nil {
		return about, err
	}
	if len(m.attachments) > 0 {
		if err := out.Paragraph("Attachments: " + strings.Join(m.attachments, ", ")); err != nil {
			return about, err
		}
	}
	return about, out.Close()
}

// tracked keeps the error that ended the reading, which decoders hide in their own.
type tracked struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	return n, err
}

// The bounds of a message.
const (
	maxDepth       = 32 // parts in one another
	maxMessages    = 4  // messages in one another that are read
	maxParts       = 10_000
	maxAttachments = 1000    // of which the names are told
	maxBlocks      = 100_000 // of one form of a text
)

// message reads one file.
type message struct {
	source      *tracked
	title       string
	attachments []string
	parts       int
	messages    int // that are open
}

// read reads a message: its header, and its body.
func (m *message) read(out *outlet.Outlet, r *bufio.Reader, depth int) error {
	head, err := readHeader(r)
	if err != nil {
		return err
	}
	m.messages++
	defer func() { m.messages-- }()
	subject := head.text("Subject")
	if m.title == "" && m.messages == 1 {
		m.title = titleOf(subject)
	}
	var about strings.Builder
	for _, name := range []string{"From", "To", "Cc", "Date", "Subject"} {
		if value := head.text(name); value != "" {
			about.WriteString(name + ": " + value + "\n")
		}
	}
	if err := out.Paragraph(about.String()); err != nil {
		return err
	}
	return m.entity(out, part{head: head, body: r, depth: depth})
}

// titleOf is text as a title: not too long.
func titleOf(text string) string {
	const longest = 300 // characters
	title := []rune(text)
	return string(title[:min(len(title), longest)])
}
