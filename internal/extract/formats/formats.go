// Package formats knows which reader reads what. It brings all readers together but the
// one for PDF, which is heavy and is given by whoever has it.
//
// Start with Readers.For.
package formats

import (
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/mail"
	"github.com/fairleadhq/fairlead/internal/extract/markup"
	"github.com/fairleadhq/fairlead/internal/extract/markup/xmltext"
	"github.com/fairleadhq/fairlead/internal/extract/office/opendocument"
	"github.com/fairleadhq/fairlead/internal/extract/office/slides"
	"github.com/fairleadhq/fairlead/internal/extract/office/word"
	"github.com/fairleadhq/fairlead/internal/extract/office/workbook"
	"github.com/fairleadhq/fairlead/internal/extract/plain"
	"github.com/fairleadhq/fairlead/internal/extract/plain/delimited"
	"github.com/fairleadhq/fairlead/internal/extract/plain/jsondoc"
	"github.com/fairleadhq/fairlead/internal/extract/plain/markdown"
	"github.com/fairleadhq/fairlead/internal/extract/plain/rtf"
	"github.com/fairleadhq/fairlead/internal/extract/sniff"
)

// Readers are the readers of all formats.
type Readers struct {
	// PDF reads PDF files; nil if they are not read.
	PDF extract.Extractor
}

// Format is what a file is, and who reads it.
type Format struct {
	Kind      sniff.Kind
	MediaType string
	Extractor extract.Extractor
}

// For returns what src is, by its bytes, and its reader. Errors are those of
// sniff.Sniff, also for a kind that has no reader; what is known of the format is
// returned with them.
func (r Readers) For(src *extract.Source) (Format, error) {
	found, err := sniff.Sniff(src)
	f := Format{Kind: found.Kind, MediaType: found.MediaType}
	if err != nil {
		return f, err
	}
	if f.Extractor = r.of(found.Kind); f.Extractor == nil {
		return f, extract.ErrUnsupported
	}
	return f, nil
}

// of is the reader of a kind, nil if it has none.
func (r Readers) of(kind sniff.Kind) extract.Extractor { //nolint:ireturn // readers are what it chooses from
	switch kind {
	case sniff.PDF:
		return r.PDF
	case sniff.Word:
		return word.Extractor{}
	case sniff.Slides:
		return slides.Extractor{}
	case sniff.Workbook:
		return workbook.Extractor{}
	case sniff.OpenDocument:
		return opendocument.Extractor{}
	case sniff.HTML:
		return markup.Extractor{}
	case sniff.XML:
		return xmltext.Extractor{}
	case sniff.Mail:
		return mail.Extractor{}
	case sniff.Markdown:
		return markdown.Extractor{}
	case sniff.Delimited:
		return delimited.Extractor{}
	case sniff.JSON:
		return jsondoc.Extractor{}
	case sniff.Text:
		return plain.Extractor{}
	case sniff.RTF:
		return rtf.Extractor{}
	}
	return nil
}
