// Package flow puts the text of markup where it belongs: a reader tells it what begins
// and what ends, and blocks come out in order. Paragraphs stand in the body, in cells
// of tables, or in boxes, as those for text that stands beside the body; what is in a
// box goes out behind the paragraph that it is tied to.
//
// A table that others, headings, or much text stand in is there for the layout: its
// cells go out as paragraphs.
//
// Begins and ends need not match: what is not open is not ended, and the end of
// something ends what is open in it.
//
// Start with New.
package flow

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/outlet"
)

// maxNotes is how many asides are kept for the end.
const maxNotes = 100_000

// kind is what a frame is.
type kind uint8

const (
	body kind = iota + 1
	table
	cell
	box
)

// frame is something that holds paragraphs, or rows.
type frame struct {
	kind   kind
	inside []*paragraph // of a cell or box
	size   int          // bytes of their text
	paras  int          // how many paragraphs were open when it began
	grid   *grid        // of a table
	aside  bool         // a box of which the text comes at the end
}

// lines is the text of what is inside, a line for each paragraph.
func (at *frame) lines() string {
	var text strings.Builder
	for i, p := range at.inside {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(p.text.String())
	}
	return text.String()
}

// paragraph is one that is open, or inside of a frame.
type paragraph struct {
	text  strings.Builder
	level int // of a heading
	depth int // of an item in a list, from 1
	after []string
}

func plain(text string) *paragraph {
	p := &paragraph{}
	p.text.WriteString(text)
	return p
}

// Flow takes text. Its methods return the outlet's errors.
type Flow struct {
	out    *outlet.Outlet
	frames []*frame
	paras  []*paragraph
	notes  []string // of asides
	held   int      // bytes of text that are in paragraphs, cells, boxes and notes
}

// New returns a Flow into out, which the caller closes.
func New(out *outlet.Outlet) *Flow {
	return &Flow{out: out, frames: []*frame{{kind: body}}}
}

func (f *Flow) top() *frame { return f.frames[len(f.frames)-1] }

// open is the paragraph that is open in the innermost frame, or nil.
func (f *Flow) open() *paragraph {
	if len(f.paras) == f.top().paras {
		return nil
	}
	return f.paras[len(f.paras)-1]
}

// InParagraph reports whether a paragraph is open.
func (f *Flow) InParagraph() bool { return f.open() != nil }

// IsBlank reports whether a paragraph is open that has no text yet.
func (f *Flow) IsBlank() bool {
	p := f.open()
	return p != nil && strings.TrimSpace(p.text.String()) == ""
}

// hold notes that n more bytes are being gathered.
func (f *Flow) hold(n int) error {
	f.held += n
	return f.out.Fits(max(f.held, 0))
}

// Paragraph begins a paragraph, and ends the one that is open.
func (f *Flow) Paragraph() error {
	err := f.EndParagraph()
	f.paras = append(f.paras, &paragraph{})
	return err
}

// Heading makes the open paragraph a heading of that level, from 1.
func (f *Flow) Heading(level int) {
	if p := f.open(); p != nil {
		p.level = max(level, 1)
	}
}

// Item makes the open paragraph an item of a list; depth is 0 for those that are in no
// other item.
func (f *Flow) Item(depth int) {
	if p := f.open(); p != nil {
		p.depth = max(depth, 0) + 1
	}
}

// Text adds text to the open paragraph, and opens one if none is.
func (f *Flow) Text(text string) error {
	if text == "" {
		return nil
	}
	p := f.open()
	if p == nil {
		p = &paragraph{}
		f.paras = append(f.paras, p)
	}
	p.text.WriteString(text)
	return f.hold(len(text))
}

// Collapsed adds text in which white space only parts words. White space alone opens
// no paragraph.
func (f *Flow) Collapsed(text []byte) error {
	p := f.open()
	var plain strings.Builder
	last := byte(' ')
	if p != nil && p.text.Len() > 0 {
		last = p.text.String()[p.text.Len()-1]
	}
	for _, b := range text {
		if b == '\n' || b == '\t' || b == '\r' || b == '\f' {
			b = ' '
		}
		if b == ' ' && (last == ' ' || last == '\n') {
			continue
		}
		plain.WriteByte(b)
		last = b
	}
	if p == nil && strings.TrimSpace(plain.String()) == "" {
		return nil
	}
	return f.Text(plain.String())
}

// EndParagraph ends the paragraph that is open in the innermost cell, box or body, if
// one is.
func (f *Flow) EndParagraph() error {
	p := f.open()
	if p == nil {
		return nil
	}
	f.paras = f.paras[:len(f.paras)-1]
	if err := f.place(p); err != nil {
		return err
	}
	for _, text := range p.after {
		if err := f.place(plain(text)); err != nil {
			return err
		}
	}
	return nil
}

// place puts a paragraph, the text of which is held, where the innermost frame says.
func (f *Flow) place(p *paragraph) error { return f.placeAt(len(f.frames)-1, p) }

func (f *Flow) placeAt(i int, p *paragraph) error {
	for {
		switch at := f.frames[i]; {
		case at.kind == cell && f.frames[i-1].grid.layout:
			i -= 2
		case at.kind == table:
			i-- // it stands between cells
		case at.kind == body:
			return f.emit(p)
		default:
			return f.keep(i, p)
		}
	}
}

// emit lets a paragraph go.
func (f *Flow) emit(p *paragraph) error {
	text := p.text.String()
	f.held -= len(text)
	switch {
	case p.level > 0:
		return f.out.Heading(p.level, text)
	case p.depth > 0:
		return f.out.Item(p.depth-1, text)
	}
	return f.out.Paragraph(text)
}

// keep puts a paragraph into a cell or a box. A cell that has become too much for one
// shows that its table is for the layout.
func (f *Flow) keep(i int, p *paragraph) error {
	const (
		muchText       = 2000 // bytes
		manyParagraphs = 4
	)
	text := strings.TrimSpace(p.text.String())
	f.held -= p.text.Len()
	if text == "" {
		return nil
	}
	kept := plain(text)
	kept.level, kept.depth = p.level, p.depth
	at := f.frames[i]
	at.inside, at.size = append(at.inside, kept), at.size+len(text)
	if err := f.hold(len(text)); err != nil {
		return err
	}
	structured := len(at.inside) > 1 && (at.inside[0].level > 0 || kept.level > 0)
	if at.kind == cell && (structured || len(at.inside) >= manyParagraphs && at.size > muchText) {
		return f.unfold(i - 1)
	}
	return nil
}

// Box begins a box. The paragraph that is open goes on behind it.
func (f *Flow) Box() {
	f.frames = append(f.frames, &frame{kind: box, paras: len(f.paras)})
}

// Aside begins a box of which the text comes at the end of all, as that of footnotes.
func (f *Flow) Aside() {
	f.Box()
	f.top().aside = true
}

// EndBox ends the innermost box, if one is open.
func (f *Flow) EndBox() error {
	if !f.has(box) {
		return nil
	}
	if err := f.closeTo(box); err != nil {
		return err
	}
	at := f.top()
	f.frames = f.frames[:len(f.frames)-1]
	text := at.lines()
	f.held += len(text) - at.size
	if at.aside {
		if len(f.notes) >= maxNotes {
			return &extract.LimitError{Limit: "notes", Most: maxNotes}
		}
		f.notes = append(f.notes, text)
		return nil
	}
	if p := f.open(); p != nil {
		p.after = append(p.after, text)
		return nil
	}
	return f.place(plain(text))
}

// has reports whether a frame of that kind is open.
func (f *Flow) has(k kind) bool {
	for i := len(f.frames) - 1; i > 0; i-- {
		switch at := f.frames[i]; {
		case at.kind == k:
			return true
		case at.kind == box, at.kind == table && k == cell:
			return false // what is outside of a box is not ended in it
		}
	}
	return false
}

// closeTo ends what is open within the innermost frame of that kind, which there is.
func (f *Flow) closeTo(k kind) error {
	for {
		if err := f.EndParagraph(); err != nil {
			return err
		}
		var err error
		switch f.top().kind {
		case k, body, box:
			return nil
		case cell:
			err = f.EndCell()
		case table:
			err = f.EndTable()
		}
		if err != nil {
			return err
		}
	}
}

// Close ends all that is open, and lets the text of asides go.
func (f *Flow) Close() error {
	for len(f.frames) > 1 {
		var err error
		switch f.top().kind {
		case box:
			err = f.EndBox()
		case cell:
			err = f.EndCell()
		case table, body:
			err = f.EndTable()
		}
		if err != nil {
			return err
		}
	}
	for f.open() != nil {
		if err := f.EndParagraph(); err != nil {
			return err
		}
	}
	notes := f.notes
	f.notes = nil
	for _, text := range notes {
		if err := f.place(plain(text)); err != nil {
			return err
		}
	}
	return nil
}
