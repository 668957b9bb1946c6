package workbook

import (
	"fmt"
	"math"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/office/numberformat"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// sharedStrings are the texts that cells share, one behind the other.
type sharedStrings struct {
	text []byte
	ends []uint32 // where each ends in text
}

// maxStrings is how many texts cells may share.
const maxStrings = 16 << 20

// read reads the part that has them. most is how many bytes of text there may be; 0 is
// as many as can be numbered.
func (s *sharedStrings) read(p *parts.Package, part string, most int64) error {
	if most <= 0 || most > math.MaxUint32 {
		most = math.MaxUint32
	}
	return p.Walk(part, func(r *xmlstream.Reader, t xmlstream.Token) error {
		if t.Kind != xmlstream.Start || t.Name != "si" {
			return nil
		}
		text, err := richText(r)
		switch {
		case err != nil:
			return err
		case int64(len(s.text))+int64(len(text)) > most:
			return &extract.LimitError{Limit: "text", Most: most}
		case len(s.ends) >= maxStrings:
			return &extract.LimitError{Limit: "shared_strings", Most: maxStrings}
		}
		s.text = append(s.text, text...)
		s.ends = append(s.ends, uint32(len(s.text))) //nolint:gosec // it is checked just before
		return nil
	})
}

// at returns the text with that number, from 0.
func (s *sharedStrings) at(i int) (string, error) {
	if i < 0 || i >= len(s.ends) {
		return "", fmt.Errorf("%w: a cell has a text that is not there", extract.ErrBroken)
	}
	start := uint32(0)
	if i > 0 {
		start = s.ends[i-1]
	}
	return string(s.text[start:s.ends[i]]), nil
}

// richText is the text of an element that has it in runs, without how it is read
// aloud.
func richText(r *xmlstream.Reader) (string, error) {
	var text strings.Builder
	for depth := 1; depth > 0; {
		t, err := r.Next()
		if err != nil {
			return "", err
		}
		switch {
		case t.Kind == xmlstream.End:
			depth--
		case t.Kind != xmlstream.Start:
		case t.Name == "t":
			piece, err := r.Text()
			if err != nil {
				return "", err
			}
			text.WriteString(piece)
			if err := bounded(&text); err != nil {
				return "", err
			}
		case t.Name == "rPh":
			if err := r.Skip(); err != nil {
				return "", err
			}
		default:
			depth++
		}
	}
	return text.String(), nil
}

// bounded fails if a text is longer than any cell's.
func bounded(text *strings.Builder) error {
	const longest = 16 << 20 // bytes
	if text.Len() > longest {
		return &extract.LimitError{Limit: "token_bytes", Most: longest}
	}
	return nil
}

// maxFormats is how many styles and formats of cells a workbook may have.
const maxFormats = 100_000

// readFormats returns the formats of numbers, by the styles of cells.
func readFormats(p *parts.Package, part string) ([]numberformat.Format, error) {
	var formats []numberformat.Format
	written := make(map[string]numberformat.Format)
	ofCells := false
	err := p.Walk(part, func(_ *xmlstream.Reader, t xmlstream.Token) error {
		if len(formats)+len(written) > maxFormats {
			return &extract.LimitError{Limit: "styles", Most: maxFormats}
		}
		switch {
		case t.Name == "cellXfs":
			ofCells = t.Kind == xmlstream.Start
		case t.Kind != xmlstream.Start:
		case t.Name == "numFmt":
			if id := t.Attr("numFmtId"); id != "" {
				written[id] = numberformat.Parse(t.Attr("formatCode"))
			}
		case t.Name == "xf" && ofCells:
			id := t.Attr("numFmtId")
			format, ok := written[id]
			if !ok {
				format = numberformat.Builtin(number(id))
			}
			formats = append(formats, format)
		}
		return nil
	})
	return formats, err
}
