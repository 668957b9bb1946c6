package chunk_test

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/chunk"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// made is what a builder gave out, put together.
type made struct {
	text    []byte
	content fairlead.DocumentContent
	totals  chunk.Totals
}

// build makes a document of blocks.
func build(config chunk.Config, blocks ...extract.Block) (made, error) {
	var m made
	b := chunk.New(config, func(p fairlead.DocumentContent) error {
		if p.Offset != int64(len(m.text)) {
			return fmt.Errorf("a part is at %d behind %d bytes", p.Offset, len(m.text))
		}
		m.text = append(m.text, p.Text...)
		m.content.Pages = append(m.content.Pages, p.Pages...)
		m.content.Sections = append(m.content.Sections, p.Sections...)
		m.content.Tables = append(m.content.Tables, p.Tables...)
		m.content.Chunks = append(m.content.Chunks, p.Chunks...)
		return nil
	})
	for _, block := range blocks {
		if err := b.Add(block); err != nil {
			return m, err
		}
	}
	totals, err := b.Close()
	m.totals = totals
	return m, err
}

// check holds chunks to what they must be, by looking at the whole text.
func (m *made) check(config chunk.Config) error {
	most := config.Tokens
	if most == 0 {
		most = chunk.DefaultTokens
	}
	most = max(most, 16)
	covered, last := int64(0), int64(-1)
	for i, c := range m.content.Chunks {
		switch {
		case c.Seq != i:
			return fmt.Errorf("chunk %d has Seq %d", i, c.Seq)
		case c.Start < 0 || c.End > int64(len(m.text)) || c.Start >= c.End:
			return fmt.Errorf("chunk %d is [%d, %d) of %d", i, c.Start, c.End, len(m.text))
		case c.Start <= last:
			return fmt.Errorf("chunk %d begins at %d, the one before at %d", i, c.Start, last)
		case c.End <= covered:
			return fmt.Errorf("chunk %d has nothing new", i)
		case c.Start > covered && len(bytes.TrimSpace(m.text[covered:c.Start])) > 0:
			return fmt.Errorf("%q is in no chunk", m.text[covered:c.Start])
		case c.Page != m.page(c.Start) || c.LastPage != m.page(c.End-1):
			return fmt.Errorf("chunk %d is on pages %d to %d, the text on %d to %d", i, c.Page, c.LastPage, m.page(c.Start), m.page(c.End-1))
		case c.Text != "" || c.Document != "":
			return fmt.Errorf("chunk %d has a text", i)
		}
		if err := m.checkText(c, config, most); err != nil {
			return fmt.Errorf("chunk %d: %w", i, err)
		}
		if c.Start < covered {
			if err := m.checkOverlap(c, covered); err != nil {
				return fmt.Errorf("chunk %d: %w", i, err)
			}
		}
		covered, last = c.End, c.Start
	}
	if rest := bytes.TrimSpace(m.text[covered:]); len(rest) > 0 {
		return fmt.Errorf("%d bytes at the end are in no chunk", len(rest))
	}
	if m.totals.Chunks != len(m.content.Chunks) || m.totals.TextBytes != int64(len(m.text)) || m.totals.Pages != len(m.content.Pages) {
		return fmt.Errorf("the totals are %+v of %d chunks, %d bytes, %d pages", m.totals, len(m.content.Chunks), len(m.text), len(m.content.Pages))
	}
	return nil
}

func (m *made) checkText(c fairlead.Chunk, config chunk.Config, most int) error {
	text := m.text[c.Start:c.End]
	switch {
	case !utf8.Valid(text):
		return fmt.Errorf("a rune is parted")
	case len(bytes.TrimSpace(text)) != len(text) && !bytes.HasPrefix(text, []byte(" |")): // an empty cell
		return fmt.Errorf("white space at an end of %q", text)
	case len(text) > 16*most && utf8.RuneCount(text) > 1:
		return fmt.Errorf("%d bytes", len(text))
	case len(c.Section) > 480 || len(c.Context) > 1100:
		return fmt.Errorf("a section of %d bytes, a context of %d", len(c.Section), len(c.Context))
	}
	if config.Counter == nil {
		if c.Tokens < 1 || c.Tokens > most+1 && utf8.RuneCount(text) > 1 {
			return fmt.Errorf("%d tokens by estimate", c.Tokens)
		}
		return nil
	}
	if n := config.Counter.Count(string(text)); c.Tokens != max(n, 1) || n > most && utf8.RuneCount(text) > 1 {
		return fmt.Errorf("%d tokens are told of, %d counted, of %q", c.Tokens, n, text)
	}
	return nil
}

// checkOverlap holds what two chunks have in common to its section and page, and out of
// tables.
func (m *made) checkOverlap(c fairlead.Chunk, to int64) error {
	for _, s := range m.content.Sections {
		if s.Start > c.Start && s.Start < to {
			return fmt.Errorf("overlap goes across the section at %d", s.Start)
		}
	}
	for _, p := range m.content.Pages {
		if p.Start > c.Start && p.Start < to {
			return fmt.Errorf("overlap goes across the page at %d", p.Start)
		}
	}
	for _, t := range m.content.Tables {
		if t.Start < to && t.End > c.Start {
			return fmt.Errorf("the table at %d is in two chunks", t.Start)
		}
	}
	return nil
}

func (m *made) page(at int64) int {
	for _, p := range m.content.Pages {
		if p.Start <= at && at < p.End {
			return p.Number
		}
	}
	return -1
}

// texts are the chunks' texts.
func (m *made) texts() []string {
	var texts []string
	for _, c := range m.content.Chunks {
		texts = append(texts, string(m.text[c.Start:c.End]))
	}
	return texts
}

// byWords counts a token for each word, and each four bytes of a long one.
type byWords struct{}

func (byWords) Count(text string) int {
	n := 0
	for w := range strings.FieldsSeq(text) {
		n += 1 + len(w)/8
	}
	return n
}

// byBytes counts each byte.
type byBytes struct{}

func (byBytes) Count(text string) int { return len(text) }
