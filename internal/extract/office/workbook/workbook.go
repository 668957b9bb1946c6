// Package workbook reads workbooks of Excel (XLSX). Each sheet is a page under its
// name, its rows are a table. Cells are shown as their formats say (numberformat); a
// formula is shown as the value that it last had. Comments stand at the end of a sheet.
//
// Sheets are read as streams. What stays in memory is the table of the texts that cells
// share, which can't be more than the text of the whole workbook may be.
//
// Start with Extractor.
package workbook

import (
	"context"
	"path"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/office/numberformat"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/office/sheet"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// Extractor reads XLSX files. It has no state.
type Extractor struct{}

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	p, err := parts.Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	about, err := p.About()
	if err != nil {
		return about, err
	}
	b := &book{parts: p, out: out}
	if err := b.read(src.Limits.Text); err != nil {
		return about, err
	}
	return about, out.Close()
}

// book is a workbook that is being read.
type book struct {
	parts   *parts.Package
	out     *outlet.Outlet
	sheets  []sheetPart
	epoch   numberformat.Epoch
	strings sharedStrings
	formats []numberformat.Format // by the styles of cells
}

// sheetPart is a sheet's name and where it is.
type sheetPart struct{ name, part string }

// maxSheets is how many sheets a workbook may list.
const maxSheets = 10_000

func (b *book) read(mostText int64) error {
	main, err := b.parts.Main("xl/workbook.xml")
	if err != nil {
		return err
	}
	relations, err := b.parts.Relations(main)
	if err != nil {
		return err
	}
	if err := b.list(main, relations); err != nil {
		return err
	}
	if err := b.out.Pages(len(b.sheets)); err != nil {
		return err
	}
	for _, r := range relations {
		switch {
		case !b.parts.Has(r.Part):
		case r.Kind == "styles":
			b.formats, err = readFormats(b.parts, r.Part)
		case r.Kind == "sharedStrings":
			err = b.strings.read(b.parts, r.Part, mostText)
		}
		if err != nil {
			return err
		}
	}
	for _, s := range b.sheets {
		if err := b.readSheet(s); err != nil {
			return err
		}
	}
	return nil
}

// list lists the sheets, in the order of their tabs. Those that are charts have no part
// that is read.
func (b *book) list(main string, relations []parts.Relation) error {
	byID := make(map[string]string, len(relations))
	for _, r := range relations {
		if r.Kind == "worksheet" {
			byID[r.ID] = r.Part
		}
	}
	return b.parts.Walk(main, func(_ *xmlstream.Reader, t xmlstream.Token) error {
		switch {
		case t.Kind != xmlstream.Start:
		case t.Name == "workbookPr" && t.On("date1904", "0"):
			b.epoch = numberformat.Since1904
		case t.Name == "sheet":
			part := byID[t.AttrIn("/relationships", "id")]
			if part == "" {
				return nil
			}
			if len(b.sheets) >= maxSheets {
				return &extract.LimitError{Limit: "pages", Most: maxSheets}
			}
			b.sheets = append(b.sheets, sheetPart{name: t.Attr("name"), part: part})
		}
		return nil
	})
}

func (b *book) readSheet(s sheetPart) error {
	rows, err := sheet.Begin(b.out, s.name)
	if err != nil {
		return err
	}
	g := &grid{book: b, rows: rows}
	if err := b.parts.Walk(s.part, g.look); err != nil {
		return err
	}
	if err := rows.End(); err != nil {
		return err
	}
	relations, err := b.parts.Relations(s.part)
	if err != nil {
		return err
	}
	for _, r := range relations {
		if r.Kind == "comments" && b.parts.Has(r.Part) && path.Ext(r.Part) == ".xml" {
			if err := b.readComments(r.Part); err != nil {
				return err
			}
		}
	}
	return nil
}

// readComments emits the comments of a sheet.
func (b *book) readComments(part string) error {
	return b.parts.Walk(part, func(r *xmlstream.Reader, t xmlstream.Token) error {
		if t.Kind != xmlstream.Start || t.Name != "text" {
			return nil
		}
		text, err := richText(r)
		if err != nil {
			return err
		}
		return b.out.Paragraph(text)
	})
}
