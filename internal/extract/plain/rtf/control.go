package rtf

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// word is a control word, with its number if it has one.
type word struct {
	name   string
	number int
	with   bool // a number
}

// control handles what stands behind a backslash.
func (d *document) control() error {
	b, err := d.r.ReadByte()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if b|0x20 >= 'a' && b|0x20 <= 'z' {
		w, err := d.word(b)
		if err != nil {
			return err
		}
		first := d.first
		d.first = false
		if err := d.flush(); err != nil {
			return err
		}
		if w.name == "u" {
			return d.unicode(w.number)
		}
		if first {
			d.begin(w.name)
		}
		return d.act(w)
	}
	return d.symbol(b)
}

// word reads a control word that begins with b.
func (d *document) word(b byte) (word, error) {
	const longest = 32 // characters of a name or a number
	name, number := []byte{b}, []byte(nil)
	for {
		next, err := d.r.ReadByte()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return word{}, err
		}
		letter := next|0x20 >= 'a' && next|0x20 <= 'z'
		digit := next >= '0' && next <= '9' || next == '-' && len(number) == 0
		switch {
		case letter && number == nil && len(name) < longest:
			name = append(name, next)
			continue
		case digit && len(number) < longest:
			number = append(number, next)
			continue
		case next == ' ':
		default:
			if err := d.r.UnreadByte(); err != nil {
				return word{}, err
			}
		}
		break
	}
	n, err := strconv.Atoi(string(number))
	return word{name: string(name), number: n, with: err == nil}, nil
}

// symbol handles a control symbol.
func (d *document) symbol(b byte) error {
	first := d.first
	d.first = false
	switch b {
	case '\'':
		code := make([]byte, 2)
		if _, err := io.ReadFull(d.r, code); err != nil {
			return nil //nolint:nilerr // the end is met by whoever reads on
		}
		value, err := strconv.ParseUint(string(code), 16, 8)
		if err != nil {
			return nil //nolint:nilerr // it stands for no character
		}
		return d.char(byte(value))
	case '\\', '{', '}':
		return d.char(b)
	case '*':
		if first {
			d.at.to = nowhere // unless a word that is known follows
			d.first = true
		}
		return nil
	case '\r', '\n':
		return d.act(word{name: "par"})
	}
	if err := d.flush(); err != nil {
		return err
	}
	switch b {
	case '~':
		return d.text("\u00A0")
	case '_':
		return d.text("-")
	}
	return nil
}

// unicode adds a character by its number, and skips those for readers that know none.
func (d *document) unicode(number int) error {
	unit := uint16(number) //nolint:gosec // numbers over 32767 are written as negative ones
	d.skip = d.at.skipped
	switch r := rune(unit); {
	case utf16.IsSurrogate(r) && d.high != 0:
		r = utf16.DecodeRune(rune(d.high), r)
		d.high = 0
		return d.text(string(r))
	case utf16.IsSurrogate(r):
		d.high = unit
		return nil
	default:
		d.high = 0
		return d.text(string(r))
	}
}

// act does what a control word says.
func (d *document) act(w word) error {
	switch w.name {
	case "bin":
		_, err := d.r.Discard(max(w.number, 0))
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	case "uc":
		d.at.skipped = min(max(w.number, 0), 16)
	case "ansicpg":
		if c, ok := charset.Lookup(codePage(w.number)); ok {
			d.charset = c
		}
	case "f":
		d.at.font = w.number
	case "fcharset":
		return d.fontCharset(w.number)
	case "v":
		d.at.hidden = !w.with || w.number != 0
	case "plain":
		d.at.hidden = false
	}
	if d.at.to != body {
		return nil
	}
	return d.place(w)
}

// begin notes where the text of a group goes that begins with that word.
func (d *document) begin(name string) {
	switch name {
	case "fonttbl":
		d.at.to = fontTable
	case "title":
		if d.at.to == nowhere {
			d.at.to = titleText
		}
	case "footnote":
		if d.at.to == body && len(d.groups) > 0 && d.outside == "" {
			d.at.aside = true
			d.outside = d.line.String()
			d.held += len(d.outside)
			d.line.Reset()
		}
	case "colortbl", "stylesheet", "info", "pict", "object", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf",
		"fldinst", "listtable", "listoverridetable", "revtbl", "rsidtbl", "generator", "themedata", "datastore", "xmlnstbl", "bkmkstart", "bkmkend",
		"atnid", "atnauthor", "filetbl", "shptxt", "nonshppict":
		d.at.to = nowhere
	}
}

// endNote puts a footnote aside, and goes on with the paragraph in which it stands.
func (d *document) endNote() error {
	if len(d.notes) >= maxNotes {
		return &extract.LimitError{Limit: "notes", Most: maxNotes}
	}
	note := strings.TrimSpace(d.line.String())
	d.held += len(note) - len(d.outside)
	d.notes = append(d.notes, note)
	d.line.Reset()
	d.line.WriteString(d.outside)
	d.outside = ""
	return nil
}

// place handles words that place text.
func (d *document) place(w word) error {
	switch w.name {
	case "par", "sect":
		if d.inTable || d.at.aside {
			return d.text("\n")
		}
		return d.endParagraph()
	case "pard":
		d.inTable, d.level = false, 0
	case "intbl":
		d.inTable = true
	case "cell":
		d.endCell()
	case "row":
		return d.endRow()
	case "outlinelevel":
		const ofText = 9
		if w.number >= 0 && w.number < ofText {
			d.level = w.number + 1
		}
	case "page":
		if err := d.endParagraph(); err != nil {
			return err
		}
		return d.out.NextPage()
	case "line":
		return d.text("\n")
	}
	return d.text(character(w.name))
}

func (d *document) endParagraph() error {
	text := d.line.String()
	d.line.Reset()
	if strings.TrimSpace(text) == "" {
		return nil
	}
	d.rows = 0
	if d.level > 0 {
		return d.out.Heading(d.level, text)
	}
	return d.out.Paragraph(text)
}

func (d *document) endCell() {
	const most = 1000 // cells of a row
	text := strings.TrimSpace(d.line.String())
	d.line.Reset()
	if len(d.row) < most {
		d.row = append(d.row, text)
		d.held += len(text)
	}
}

func (d *document) endRow() error {
	if strings.TrimSpace(d.line.String()) != "" {
		d.endCell()
	}
	d.line.Reset()
	row := d.row
	d.row = nil
	for _, text := range row {
		d.held -= len(text)
	}
	d.rows++
	if d.rows == 1 && outlet.LooksLikeHeader(row) {
		return d.out.HeaderRow(row)
	}
	return d.out.Row(row)
}

// finish lets out what is left.
func (d *document) finish() error {
	if err := d.flush(); err != nil {
		return err
	}
	if len(d.row) > 0 {
		if err := d.endRow(); err != nil {
			return err
		}
	}
	if err := d.endParagraph(); err != nil {
		return err
	}
	for _, note := range d.notes {
		d.held -= len(note)
		if err := d.out.Paragraph(note); err != nil {
			return err
		}
	}
	return nil
}

// character is the text that a control word stands for, "" if it stands for none.
func character(name string) string {
	switch name {
	case "tab":
		return "\t"
	case "emdash":
		return "—"
	case "endash":
		return "–"
	case "lquote":
		return "‘"
	case "rquote":
		return "’"
	case "ldblquote":
		return "“"
	case "rdblquote":
		return "”"
	case "bullet":
		return "•"
	case "emspace", "enspace":
		return " "
	}
	return ""
}

// codePage is the label of a code page of Windows.
func codePage(number int) string {
	switch number {
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 65001:
		return "utf-8"
	case 10000:
		return "macintosh"
	}
	return "windows-" + strconv.Itoa(number)
}

// fontCharset notes the encoding of the font that is being defined.
func (d *document) fontCharset(number int) error {
	pages := map[int]int{
		128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250,
	}
	page, ok := pages[number]
	if !ok || d.at.to != fontTable {
		return nil
	}
	if len(d.fonts) >= maxFonts {
		return &extract.LimitError{Limit: "fonts", Most: maxFonts}
	}
	if c, ok := charset.Lookup(codePage(page)); ok {
		d.fonts[d.at.font] = c
	}
	return nil
}
