package pdf

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// box is where letters stand, as the page is looked at: x to the right, y upwards, in
// points.
type box struct{ left, top, right, bottom float64 }

func (b box) height() float64 { return b.top - b.bottom }

// cell is a part of a line that a wide gap parts from the rest.
type cell struct {
	text        string
	left, right float64
}

// line is a line of a page.
type line struct {
	text  string
	box   box // from its first letter to its last
	cells []cell
	bold  bool
}

// mostMeasured is the most letters of a page of which the places are asked for.
const mostMeasured = 60_000

// wideGap is how wide a gap between words must be to part cells, in heights of a letter's
// box. Spaces are a quarter of it, in justified lines up to a half.
const wideGap = 0.9

// muchMemory is which part of PDFium's memory a page without text does not take, unless
// its content was left out because it needs yet more.
const muchMemory = 4

// page reads a page, counted from 0. One that can't be loaded is ErrBroken.
func (d *document) page(ctx context.Context, n int) ([]line, error) {
	e := d.e
	before := e.memory.Size()
	page, err := e.call(ctx, "FPDF_LoadPage", d.handle, uint64(n)) //nolint:gosec // not below 0
	if err != nil {
		return nil, err
	}
	if page == 0 {
		return nil, fmt.Errorf("%w: page %d can't be loaded", extract.ErrBroken, n+1)
	}
	text, err := e.call(ctx, "FPDFText_LoadPage", page)
	if err != nil {
		return nil, err
	}
	if text == 0 {
		return nil, fmt.Errorf("%w: the text of page %d can't be loaded", extract.ErrBroken, n+1)
	}
	rotation, err := e.count(ctx, "FPDFPage_GetRotation", page)
	if err != nil {
		return nil, err
	}
	p := &pageText{e: e, handle: text, rotation: rotation}
	lines, err := p.lines(ctx)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 && int64(e.memory.Size()-before) > e.limit/muchMemory {
		return nil, e.outOfMemory()
	}
	if _, err := e.call(ctx, "FPDFText_ClosePage", text); err != nil {
		return nil, err
	}
	_, err = e.call(ctx, "FPDF_ClosePage", page)
	return lines, err
}

// pageText is the text of a page that is being read.
type pageText struct {
	e        *engine
	handle   uint64
	rotation int // quarters of a turn, clockwise
	units    []uint16
	// letters is how many PDFium counts; where it is not the number of units, the two are
	// numbered differently.
	letters int
}

func (p *pageText) lines(ctx context.Context) ([]line, error) {
	var err error
	if p.letters, err = p.e.count(ctx, "FPDFText_CountChars", p.handle); err != nil || p.letters == 0 {
		return nil, err
	}
	// A letter is at most two units; a 0 stands behind them.
	room := 2 * uint64(2*p.letters+1) //nolint:gosec // not below 0
	at, err := p.e.room(ctx, room)
	if err != nil {
		return nil, err
	}
	n, err := p.e.count(ctx, "FPDFText_GetText", p.handle, 0, uint64(p.letters), at) //nolint:gosec // not below 0
	if err != nil || n == 0 {
		return nil, err
	}
	if p.units, err = p.e.utf16(at, min(n, 2*p.letters+1)); err != nil {
		return nil, err
	}
	var lines []line
	for start := 0; start < len(p.units); {
		end := start
		for end < len(p.units) && !isBreak(p.units[end]) {
			end++
		}
		if lines, err = p.add(ctx, lines, start, end); err != nil {
			return nil, err
		}
		start = end + 1
	}
	return lines, nil
}

func isBreak(unit uint16) bool { return unit == '\n' || unit == '\r' || unit == 0 }

func isSpace(unit uint16) bool { return unit == ' ' || unit == '\t' || unit == 0xA0 }

// hyphens are what PDFium gives for a hyphen that parts a word at a line's end.
const hyphens = "\u0002\uFFFE"

// add adds the line of units [start, end) to lines, if there is anything in it.
func (p *pageText) add(ctx context.Context, lines []line, start, end int) ([]line, error) {
	for start < end && isSpace(p.units[start]) {
		start++
	}
	for end > start && isSpace(p.units[end-1]) {
		end--
	}
	if start == end {
		return lines, nil
	}
	l := line{text: string(utf16.Decode(p.units[start:end]))}
	if p.letters <= mostMeasured {
		if err := p.measure(ctx, &l, start, end); err != nil {
			return nil, err
		}
	}
	return append(lines, l), nil
}

// measure finds where the line stands, and its cells.
func (p *pageText) measure(ctx context.Context, l *line, start, end int) error {
	first, err := p.place(ctx, start)
	if err != nil {
		return err
	}
	l.box = first
	part, left := start, first
	add := func(to int, right box) {
		text := string(utf16.Decode(p.units[part:to]))
		l.cells = append(l.cells, cell{text: strings.TrimSpace(text), left: min(left.left, right.left), right: max(left.right, right.right)})
	}
	for i := start + 1; i < end-1; i++ {
		if !isSpace(p.units[i]) || isSpace(p.units[i+1]) {
			continue
		}
		before := i - 1
		for before > start && isSpace(p.units[before]) {
			before--
		}
		last, err := p.place(ctx, before)
		if err != nil {
			return err
		}
		next, err := p.place(ctx, i+1)
		if err != nil {
			return err
		}
		if gap := max(next.left-last.right, last.left-next.right); gap > wideGap*max(first.height(), 1) {
			add(i, last)
			part, left = i+1, next
		}
	}
	last, err := p.place(ctx, end-1)
	if err != nil {
		return err
	}
	add(end, last)
	for _, c := range l.cells {
		l.box.left, l.box.right = min(l.box.left, c.left), max(l.box.right, c.right)
	}
	if len(l.cells) == 1 && len(l.text) <= longestHeading {
		l.bold, err = p.bold(ctx, start)
	}
	return err
}

// letter is PDFium's number of the letter of a unit.
func (p *pageText) letter(ctx context.Context, unit int) (uint64, error) {
	if len(p.units) == p.letters {
		return uint64(unit), nil //nolint:gosec // not below 0
	}
	n, err := p.e.count(ctx, "FPDFText_GetCharIndexFromTextIndex", p.handle, uint64(unit)) //nolint:gosec // not below 0
	return uint64(n), err                                                                  //nolint:gosec // not below 0
}

// place is where the letter of a unit stands, with the room that its font takes for it.
func (p *pageText) place(ctx context.Context, unit int) (box, error) {
	n, err := p.letter(ctx, unit)
	if err != nil {
		return box{}, err
	}
	if ok, err := p.e.count(ctx, "FPDFText_GetLooseCharBox", p.handle, n, p.e.scratch); err != nil || ok == 0 {
		return box{}, err
	}
	f, err := p.e.floats()
	left, top, right, bottom := f[0], f[1], f[2], f[3]
	switch p.rotation {
	case 1:
		return box{left: bottom, top: -left, right: top, bottom: -right}, err
	case 2:
		return box{left: -right, top: -bottom, right: -left, bottom: -top}, err
	case 3:
		return box{left: -top, top: right, right: -bottom, bottom: left}, err
	}
	return box{left: left, top: top, right: right, bottom: bottom}, err
}

// boldWeight is that of bold fonts and heavier ones.
const boldWeight = 600

// bold reports whether the letter of a unit is of a bold font, by the font's name or
// weight.
func (p *pageText) bold(ctx context.Context, unit int) (bool, error) {
	n, err := p.letter(ctx, unit)
	if err != nil {
		return false, err
	}
	const flags = 256 // behind the name
	size, err := p.e.count(ctx, "FPDFText_GetFontInfo", p.handle, n, p.e.scratch, flags, p.e.scratch+flags)
	if err != nil {
		return false, err
	}
	if size > 1 && size <= flags {
		name, err := p.e.bytes(p.e.scratch, uint64(size)-1)
		if err != nil {
			return false, err
		}
		lower := strings.ToLower(string(name))
		if strings.Contains(lower, "bold") || strings.Contains(lower, "black") || strings.Contains(lower, "heavy") {
			return true, nil
		}
	}
	weight, err := p.e.count(ctx, "FPDFText_GetFontWeight", p.handle, n)
	return weight >= boldWeight, err
}
