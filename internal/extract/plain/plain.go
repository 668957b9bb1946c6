// Package plain reads plain text, in whatever encoding it is: blank lines part its
// paragraphs, form feeds its pages.
//
// Start with Extractor, or with Read for text that is part of something else.
package plain

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
	"github.com/fairleadhq/fairlead/internal/extract/lines"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// Extractor reads files of plain text. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	text, err := Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	if err := out.NextPage(); err != nil {
		return fairlead.About{}, err
	}
	if err := read(out, text, out.NextPage); err != nil {
		return fairlead.About{}, err
	}
	return fairlead.About{}, out.Close()
}

// Open returns the text in src as UTF-8. It reads all of src to find out in which
// encoding it is; so does whoever reads the text.
func Open(src *extract.Source, out *outlet.Outlet) (io.Reader, error) {
	encoding, err := charset.Of(out.Reader(io.NewSectionReader(src, 0, src.Size)))
	if err != nil {
		return nil, err
	}
	return encoding.Reader(out.Reader(io.NewSectionReader(src, 0, src.Size))), nil
}

// Read emits the paragraphs of text, which is UTF-8. Form feeds part them too. The
// caller closes out.
func Read(out *outlet.Outlet, text io.Reader) error {
	return read(out, text, func() error { return nil })
}

// maxParagraph is how much of a paragraph is gathered, in bytes.
const maxParagraph = 256 << 10

// read calls turn at each form feed.
func read(out *outlet.Outlet, text io.Reader, turn func() error) error {
	r := lines.New(text)
	p := &paragraph{out: out, turn: turn}
	for begins := true; ; {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return p.end()
		}
		if err != nil {
			return err
		}
		blank := begins && !line.More && strings.TrimSpace(line.Text) == ""
		begins = !line.More
		if err := p.add(line); err != nil {
			return err
		}
		if blank || p.text.Len() > maxParagraph {
			if err := p.end(); err != nil {
				return err
			}
		}
	}
}

// paragraph gathers the lines of a paragraph.
type paragraph struct {
	out  *outlet.Outlet
	turn func() error
	text strings.Builder
}

// add adds a line, or a piece of one. Form feeds end the paragraph.
func (p *paragraph) add(line lines.Line) error {
	for i, piece := range strings.Split(line.Text, "\f") {
		if i > 0 {
			if err := p.end(); err != nil {
				return err
			}
			if err := p.turn(); err != nil {
				return err
			}
		}
		p.text.WriteString(piece)
	}
	if !line.More {
		p.text.WriteByte('\n')
	}
	return nil
}

func (p *paragraph) end() error {
	text := p.text.String()
	p.text.Reset()
	return p.out.Paragraph(text)
}
