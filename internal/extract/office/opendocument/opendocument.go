// Package opendocument reads the documents of OpenDocument: text (ODT), presentations
// (ODP) and spreadsheets (ODS). They are one format: a list of styles, then the body.
// Pages of text begin where a style asks for it, or where the program that saved it
// noted that they do; slides and sheets are pages. Footnotes and comments come at the
// end of the text, or of the sheet.
//
// Start with Extractor.
package opendocument

import (
	"context"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/flow"
	"github.com/fairleadhq/fairlead/internal/extract/office/parts"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// Extractor reads ODT, ODP and ODS files. It has no state.
type Extractor struct{}

const (
	contentPart  = "content.xml"
	stylesPart   = "styles.xml"
	metaPart     = "meta.xml"
	manifestPart = "META-INF/manifest.xml"
)

// Extract implements extract.Extractor.
func (Extractor) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	out := outlet.New(ctx, src, emit)
	p, err := parts.Open(src, out)
	if err != nil {
		return fairlead.About{}, err
	}
	if err := checkEncryption(p); err != nil {
		return fairlead.About{}, err
	}
	about, err := p.AboutIn(metaPart)
	if err != nil {
		return about, err
	}
	d := &document{out: out, flow: flow.New(out), styles: make(styles)}
	if p.Has(stylesPart) {
		if err := p.Walk(stylesPart, d.look); err != nil {
			return about, err
		}
	}
	if err := p.Walk(contentPart, d.look); err != nil {
		return about, err
	}
	if err := d.flow.Close(); err != nil {
		return about, err
	}
	if about.Title == "" {
		about.Title = parts.Title(d.title)
	}
	return about, out.Close()
}

// checkEncryption returns extract.ErrEncrypted if the manifest says how parts are to be
// decrypted.
func checkEncryption(p *parts.Package) error {
	if !p.Has(manifestPart) {
		return nil
	}
	return p.Walk(manifestPart, func(_ *xmlstream.Reader, t xmlstream.Token) error {
		if t.Kind == xmlstream.Start && t.Name == "encryption-data" {
			return extract.ErrEncrypted
		}
		return nil
	})
}

// document reads the parts of a document.
type document struct {
	out    *outlet.Outlet
	flow   *flow.Flow
	styles styles
	title  string

	begun  bool   // a page has begun
	slides bool   // pages are slides
	role   string // what the open frame of a slide is for, such as "title"
	notes  bool   // of a slide
	lists  int    // that are open
	heads  bool   // the rows head their table
	// boxes has an entry for each open shape: whether it is a box of its own.
	boxes []bool
	// naming says that the open paragraph is the title of the document.
	naming bool
}

// look handles a token.
func (d *document) look(r *xmlstream.Reader, t xmlstream.Token) error {
	switch t.Kind {
	case xmlstream.Start:
		return d.start(r, t)
	case xmlstream.End:
		return d.end(t)
	case xmlstream.Text:
	}
	if !d.flow.InParagraph() {
		return nil
	}
	if d.naming {
		d.title += string(t.Text)
	}
	return d.flow.Collapsed(t.Text)
}

// skipped reports whether an element holds nothing that is shown in its place.
func skipped(t xmlstream.Token) bool {
	switch t.Name {
	case "tracked-changes", "note-citation", "ruby-text", "forms", "scripts", "event-listeners", "font-face-decls", "master-styles",
		"binary-data", "sequence-decls", "hidden-text", "table-of-content-source", "illustration-index-source", "alphabetical-index-source",
		"bibliography-source", "user-index-source", "table-index-source", "object-index-source", "settings", "page-thumbnail":
		return true
	case "title", "desc":
		return strings.HasSuffix(t.Space, ":svg-compatible:1.0")
	case "creator", "date":
		return strings.HasPrefix(t.Space, "http://purl.org/dc/")
	case "section":
		return t.Attr("display") == "none"
	}
	return false
}

// start handles the beginning of an element.
func (d *document) start(r *xmlstream.Reader, t xmlstream.Token) error {
	if skipped(t) {
		return r.Skip()
	}
	switch t.Name {
	case "style":
		return d.styles.read(r, t)
	case "text":
		if strings.HasSuffix(t.Space, ":office:1.0") {
			return d.nextPage()
		}
	case "spreadsheet":
		d.begun = true
		return readSheets(r, d.out)
	case "page":
		return d.slide()
	case "notes":
		d.notes = true
	case "h", "p":
		return d.paragraph(t)
	case "table", "table-header-rows", "table-row", "table-cell", "covered-table-cell":
		return d.startTable(t)
	case "list":
		d.lists++
	case "frame", "custom-shape", "rect", "ellipse", "circle", "polygon", "path", "line", "connector", "caption":
		return d.shape(t)
	case "note-body", "annotation":
		d.flow.Aside()
	default:
		return d.sign(t)
	}
	return nil
}

// nextPage begins a page.
func (d *document) nextPage() error {
	d.begun = true
	return d.out.NextPage()
}

func (d *document) slide() error {
	if err := d.flow.Close(); err != nil {
		return err
	}
	d.slides, d.notes, d.role, d.lists, d.boxes = true, false, "", 0, nil
	return d.nextPage()
}

// shape begins a shape. One that stands in a paragraph is a box beside it.
func (d *document) shape(t xmlstream.Token) error {
	d.role = t.Attr("class")
	boxed := d.flow.InParagraph()
	if boxed {
		d.flow.Box()
	}
	d.boxes = append(d.boxes, boxed)
	return nil
}

// beside reports whether the open frame holds nothing of the slide itself.
func (d *document) beside() bool {
	switch d.role {
	case "header", "footer", "date-time", "page-number", "page":
		return true
	}
	return false
}

// paragraph begins a paragraph or a heading.
func (d *document) paragraph(t xmlstream.Token) error {
	s := d.styles.of(t.Attr("style-name"))
	if err := d.breakBefore(s); err != nil {
		return err
	}
	if d.slides && d.beside() {
		return nil
	}
	err := d.flow.Paragraph()
	switch {
	case t.Name == "h":
		d.flow.Heading(number(t.Attr("outline-level")))
	case d.slides && d.role == "title" && !d.notes:
		d.flow.Heading(1)
	case s.title && !d.slides:
		d.flow.Heading(1)
		d.naming = d.title == ""
	case d.lists > 0:
		d.flow.Item(d.lists - 1)
	}
	return err
}

// breakBefore begins a page if the style of a paragraph or table asks for it, and it is
// not the first.
func (d *document) breakBefore(s style) error {
	if !s.breaks || d.slides || !d.begun || d.out.PageIsBlank() && !d.flow.InTable() {
		return nil
	}
	return d.flow.Page()
}

// sign handles elements that stand for characters, and for breaks.
func (d *document) sign(t xmlstream.Token) error {
	switch t.Name {
	case "s":
		const most = 1000 // spaces in a row
		return d.written(strings.Repeat(" ", min(number(t.Attr("c")), most)))
	case "tab":
		return d.written("\t")
	case "line-break":
		return d.written("\n")
	case "soft-page-break":
		if d.slides || !d.begun {
			return nil
		}
		return d.flow.PageShown()
	}
	return nil
}

func (d *document) written(text string) error {
	if !d.flow.InParagraph() {
		return nil
	}
	return d.flow.Text(text)
}

// startTable handles the beginning of a table, or of a part of one.
func (d *document) startTable(t xmlstream.Token) error {
	switch t.Name {
	case "table":
		d.heads = false
		if err := d.breakBefore(d.styles.of(t.Attr("style-name"))); err != nil {
			return err
		}
		return d.flow.Table()
	case "table-header-rows":
		d.heads = true
	case "table-row":
		err := d.flow.Row()
		if d.heads {
			d.flow.HeadsPages()
		}
		return err
	default:
		// What a cell stretches over has cells of its own that are covered.
		return d.flow.Cell(flow.Span{Columns: number(t.Attr("number-columns-repeated"))})
	}
	return nil
}

// end handles the end of an element.
func (d *document) end(t xmlstream.Token) error {
	switch t.Name {
	case "h", "p":
		d.naming = false
		return d.flow.EndParagraph()
	case "table-cell", "covered-table-cell":
		return d.flow.EndCell()
	case "table-row":
		return d.flow.EndRow()
	case "table-header-rows":
		d.heads = false
	case "table":
		return d.flow.EndTable()
	case "list":
		d.lists--
	case "notes":
		d.notes = false
	case "note-body", "annotation":
		return d.flow.EndBox()
	case "frame", "custom-shape", "rect", "ellipse", "circle", "polygon", "path", "line", "connector", "caption":
		return d.endShape()
	}
	return nil
}

func (d *document) endShape() error {
	if len(d.boxes) == 0 {
		return nil
	}
	boxed := d.boxes[len(d.boxes)-1]
	d.boxes = d.boxes[:len(d.boxes)-1]
	d.role = ""
	if !boxed {
		return nil
	}
	return d.flow.EndBox()
}
