// Package markdown reads Markdown by its lines: headings, pipe tables, fenced code, the
// title in its front matter. Everything else stays as it is written, since it is meant
// to be read so; marks of emphasis and links are part of the text.
//
// Start with Extractor.
package markdown

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/lines"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/plain"
)

// Extractor reads Markdown files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	text, err := plain.Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	d := &document{out: out}
	r := lines.New(text)
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = d.look(line)
		}
		if err != nil {
			return fairlead.About{Title: d.title}, err
		}
	}
	about := fairlead.About{Title: d.title}
	if err := d.endParagraph(); err != nil {
		return about, err
	}
	return about, out.Close()
}

// state is what the lines are part of.
type state uint8

const (
	beginning state = iota
	frontMatter
	prose
	code
	table
)

// maxParagraph is how much of a paragraph is gathered, in bytes.
const maxParagraph = 256 << 10

// document reads lines.
type document struct {
	out   *outlet.Outlet
	state state
	title string

	paragraph []string
	size      int
	within    bool   // the line goes on
	fence     string // that ends the code
}

// look handles a line, or a piece of one: a line that comes in pieces is prose.
func (d *document) look(line lines.Line) error {
	goesOn := d.within
	d.within = line.More
	if goesOn {
		return d.add(line.Text)
	}
	text := strings.TrimRight(line.Text, " \t")
	switch d.state {
	case beginning:
		d.state = prose
		if text == "---" {
			d.state = frontMatter
			return nil
		}
	case frontMatter:
		d.meta(text)
		return nil
	case code:
		return d.inCode(line.Text)
	case table:
		if strings.Contains(text, "|") {
			return d.out.Row(cellsOf(text))
		}
		d.state = prose
		if err := d.out.EndTable(); err != nil {
			return err
		}
	case prose:
	}
	return d.inProse(line.Text, text)
}

// meta handles a line of the front matter.
func (d *document) meta(text string) {
	if text == "---" || text == "..." {
		d.state = prose
		return
	}
	if title, ok := strings.CutPrefix(text, "title:"); ok && d.title == "" {
		d.title = titleOf(strings.Trim(strings.TrimSpace(title), `"'`))
	}
}

// titleOf is text as a title: not too long.
func titleOf(text string) string {
	const longest = 300 // characters
	title := []rune(strings.Join(strings.Fields(text), " "))
	return string(title[:min(len(title), longest)])
}

// inCode handles a line of fenced code.
func (d *document) inCode(line string) error {
	if text := strings.TrimSpace(line); strings.HasPrefix(text, d.fence) && strings.Trim(text, d.fence[:1]) == "" {
		d.state = prose
		return d.endParagraph()
	}
	return d.add(line)
}

// inProse handles a line that is in nothing in particular.
func (d *document) inProse(line, text string) error {
	trimmed := strings.TrimLeft(text, " ")
	indent := len(text) - len(trimmed)
	const code4 = 4 // spaces that make a line code
	if indent >= code4 || trimmed == "" {
		if trimmed == "" {
			return d.endParagraph()
		}
		return d.add(line)
	}
	if level := atxLevel(trimmed); level > 0 {
		if err := d.endParagraph(); err != nil {
			return err
		}
		return d.heading(level, strings.TrimRight(strings.TrimRight(trimmed[level:], "#"), " \t"))
	}
	if level := setextLevel(trimmed); level > 0 && len(d.paragraph) > 0 {
		heading := strings.Join(d.paragraph, " ")
		d.paragraph, d.size = nil, 0
		return d.heading(level, heading)
	}
	if fence := fenceOf(trimmed); fence != "" {
		d.state, d.fence = code, fence
		return d.endParagraph()
	}
	if isDelimiterRow(trimmed) && d.headsTable(trimmed) {
		return d.startTable()
	}
	return d.add(line)
}

func (d *document) heading(level int, text string) error {
	text = strings.TrimSpace(text)
	if d.title == "" && level == 1 {
		d.title = titleOf(text)
	}
	return d.out.Heading(level, text)
}

// add adds a line to the paragraph.
func (d *document) add(line string) error {
	d.paragraph, d.size = append(d.paragraph, line), d.size+len(line)+1
	if d.size > maxParagraph {
		return d.endParagraph()
	}
	return nil
}

func (d *document) endParagraph() error {
	text := strings.Join(d.paragraph, "\n")
	d.paragraph, d.size = nil, 0
	return d.out.Paragraph(text)
}

// headsTable reports whether the last line of the paragraph has as many cells as the
// delimiter row below it.
func (d *document) headsTable(row string) bool {
	if len(d.paragraph) == 0 {
		return false
	}
	head := d.paragraph[len(d.paragraph)-1]
	return strings.Contains(head, "|") && len(cellsOf(head)) == len(cellsOf(row))
}

// startTable begins a table with the last line of the paragraph as its head.
func (d *document) startTable() error {
	head := d.paragraph[len(d.paragraph)-1]
	d.paragraph = d.paragraph[:len(d.paragraph)-1]
	if err := d.endParagraph(); err != nil {
		return err
	}
	d.state = table
	return d.out.HeaderRow(cellsOf(head))
}
