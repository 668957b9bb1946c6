package markup

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/fairleadhq/fairlead/internal/extract/flow"
)

// page reads the tokens of a page.
type page struct {
	tokens *html.Tokenizer
	flow   *flow.Flow
	title  string

	skip   string // the element that is left out, "" if none is
	nested int    // how many of that name are open in it
	naming bool   // the text is the page's title
	lists  int    // that are open
	pre    int    // elements that are open in which white space counts
	tables []rows // that are open, the innermost last
}

// rows is the state of a table that is open.
type rows struct {
	head    bool // the rows are in its head
	inRow   bool
	cells   int // of the row
	headers int // of those, cells that are headers
}

// maxTables is of how many tables in one another the state is kept.
const maxTables = 64

// look handles a token.
func (p *page) look(kind html.TokenType) error {
	switch kind {
	case html.TextToken:
		return p.text()
	case html.StartTagToken, html.SelfClosingTagToken:
		name, _ := p.tokens.TagName()
		if tag := string(name); p.skip == "" {
			return p.start(tag)
		} else if tag == p.skip && kind == html.StartTagToken {
			p.nested++
		}
	case html.EndTagToken:
		name, _ := p.tokens.TagName()
		tag := string(name)
		if p.skip == "" {
			return p.end(tag)
		}
		if tag == p.skip {
			if p.nested--; p.nested == 0 {
				p.skip = ""
			}
		}
	case html.ErrorToken, html.CommentToken, html.DoctypeToken:
	}
	return nil
}

func (p *page) text() error {
	switch {
	case p.skip != "":
		return nil
	case p.naming:
		if p.title == "" {
			p.title = titleOf(string(p.tokens.Text()))
		}
		return nil
	case p.pre > 0:
		return p.flow.Text(strings.ReplaceAll(string(p.tokens.Text()), "\r\n", "\n"))
	}
	return p.flow.Collapsed(p.tokens.Text())
}

// titleOf is text in one line, and not too long.
func titleOf(text string) string {
	const longest = 300 // characters
	title := []rune(strings.Join(strings.Fields(text), " "))
	return string(title[:min(len(title), longest)])
}

// isLeftOut reports whether what is in an element is no text of the page.
func isLeftOut(tag string) bool {
	switch tag {
	case "script", "style", "template", "noscript", "iframe", "noembed", "noframes", "canvas", "audio", "video", "object":
		return true
	}
	return false
}

// isBlock reports whether an element stands on lines of its own.
func isBlock(tag string) bool {
	switch tag {
	case "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset",
		"figcaption", "figure", "footer", "form", "frameset", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol",
		"optgroup", "option", "p", "pre", "section", "select", "summary", "table", "ul", "caption", "h1", "h2", "h3", "h4", "h5", "h6", "listing",
		"textarea", "text":
		return true
	}
	return false
}

// start handles a start tag.
func (p *page) start(tag string) error {
	if isLeftOut(tag) {
		p.skip, p.nested = tag, 1
		return nil
	}
	if isBlock(tag) && !p.flow.IsBlank() {
		if err := p.flow.EndParagraph(); err != nil {
			return err
		}
	}
	switch tag {
	case "title":
		p.naming = true
	case "br":
		return p.lineBreak()
	case "h1", "h2", "h3", "h4", "h5", "h6":
		err := p.open()
		p.flow.Heading(int(tag[1] - '0'))
		return err
	case "ul", "ol", "menu", "dir":
		p.lists++
	case "li":
		err := p.flow.Paragraph()
		p.flow.Item(max(p.lists-1, 0))
		return err
	case "pre", "listing", "textarea":
		p.pre++
	default:
		return p.startTable(tag)
	}
	return nil
}

// open opens a paragraph, if none is open that has no text yet.
func (p *page) open() error {
	if p.flow.IsBlank() {
		return nil
	}
	return p.flow.Paragraph()
}

func (p *page) lineBreak() error {
	if !p.flow.InParagraph() {
		return nil
	}
	return p.flow.Text("\n")
}

// end handles an end tag.
func (p *page) end(tag string) error {
	switch tag {
	case "title":
		p.naming = false
	case "ul", "ol", "menu", "dir":
		p.lists = max(p.lists-1, 0)
	case "pre", "listing", "textarea":
		p.pre = max(p.pre-1, 0)
	case "br", "html", "body":
		return nil
	case "table", "thead", "tbody", "tfoot", "tr", "td", "th":
		return p.endTable(tag)
	}
	if isBlock(tag) {
		return p.flow.EndParagraph()
	}
	return nil
}

// table is the innermost table that is open, or nil.
func (p *page) table() *rows {
	if len(p.tables) == 0 {
		return nil
	}
	return &p.tables[len(p.tables)-1]
}

// startTable handles the start tags of tables and their parts.
func (p *page) startTable(tag string) error {
	if tag == "table" {
		if len(p.tables) >= maxTables {
			return nil
		}
		p.tables = append(p.tables, rows{})
		return p.flow.Table()
	}
	t := p.table()
	if t == nil {
		if tag == "tr" || tag == "td" || tag == "th" {
			return p.flow.EndParagraph()
		}
		return nil
	}
	switch tag {
	case "thead", "tbody", "tfoot":
		err := p.endRow()
		t.head = tag == "thead"
		return err
	case "tr":
		return p.startRow()
	case "td", "th":
		if !t.inRow {
			if err := p.startRow(); err != nil {
				return err
			}
		}
		t.cells++
		if tag == "th" {
			t.headers++
		}
		return p.flow.Cell(p.span())
	}
	return nil
}

func (p *page) startRow() error {
	if err := p.endRow(); err != nil {
		return err
	}
	*p.table() = rows{head: p.table().head, inRow: true}
	return p.flow.Row()
}

// span is over how much the cell stretches of which the start tag was read.
func (p *page) span() flow.Span {
	var span flow.Span
	for more := true; more; {
		var key, value []byte
		key, value, more = p.tokens.TagAttr()
		n, err := strconv.Atoi(strings.TrimSpace(string(value)))
		switch {
		case err != nil:
		case string(key) == "colspan":
			span.Columns = n
		case string(key) == "rowspan":
			span.Rows = n
		}
	}
	return span
}

// endTable handles the end tags of tables and their parts.
func (p *page) endTable(tag string) error {
	t := p.table()
	if t == nil {
		return p.flow.EndParagraph()
	}
	switch tag {
	case "td", "th":
		return p.flow.EndCell()
	case "tr":
		return p.endRow()
	case "thead", "tbody", "tfoot":
		err := p.endRow()
		t.head = false
		return err
	}
	if err := p.endRow(); err != nil {
		return err
	}
	p.tables = p.tables[:len(p.tables)-1]
	return p.flow.EndTable()
}

// endRow ends the row that is open. One in the head, or of headers alone, heads its
// table.
func (p *page) endRow() error {
	t := p.table()
	if t == nil || !t.inRow {
		return nil
	}
	if t.head || t.cells > 0 && t.cells == t.headers {
		p.flow.HeadsTable()
	}
	t.inRow = false
	return p.flow.EndRow()
}
