package canon

import (
	"unicode/utf8"
)

// lines says what becomes of line ends.
type lines uint8

const (
	keepLines lines = iota // at most one blank line is kept
	joinLines              // they are white space as any other
)

// class is what a rune is to a cleaner.
type class uint8

const (
	printed class = iota
	blank
	tab
	lineEnd
	paragraphEnd
	dropped // it prints nothing
	broken  // it is not UTF-8
)

// mostIndent is how much white space at the start of a line is kept.
const mostIndent = 32

// cleaner puts white space and what does not print in order. White space is written
// with what follows it, so there is none at either end.
type cleaner struct {
	out   []byte
	lines lines
	begun bool // something was written
	// What is between the text so far and what follows.
	ends   int    // lines
	indent []byte // behind the last of them
	wide   byte   // a space or a tab, where there are no line ends
	wasBad bool
	atCR   bool
}

// clean hands the text out as pieces that are made like p.
func (b *Builder) clean(text string, p Piece, l lines) error {
	c := cleaner{lines: l}
	for len(text) > 0 {
		text = c.feed(text)
		if len(text) == 0 || len(c.out) == 0 {
			continue
		}
		// There may be nothing more behind it but white space: the last piece is held
		// until that is known.
		rest := text
		if rest = c.skip(rest); rest == "" {
			break
		}
		text = rest
		p.More = true
		if err := b.put(c.out, p); err != nil {
			return err
		}
		c.out = c.out[:0]
	}
	if len(c.out) == 0 {
		return nil
	}
	p.More = false
	return b.put(c.out, p)
}

// feed writes text until a piece is full, and returns the rest.
func (c *cleaner) feed(text string) string {
	for len(text) > 0 && len(c.out) < pieceBytes {
		if n := plain(text[:min(len(text), pieceBytes)]); n > 0 {
			c.between()
			c.out = append(c.out, text[:n]...)
			text = text[n:]
			continue
		}
		text = text[c.rune(text):]
	}
	return text
}

// skip goes over what prints nothing, and returns the rest.
func (c *cleaner) skip(text string) string {
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if k := classOf(r, n); k == printed || k == broken && !c.wasBad {
			break
		}
		c.rune(text)
		text = text[n:]
	}
	return text
}

// plain is how many bytes of printed ASCII the text begins with.
func plain(text string) int {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return i
		}
	}
	return len(text)
}

// rune takes one rune, and returns its length.
func (c *cleaner) rune(text string) int {
	r, n := utf8.DecodeRuneInString(text)
	k := classOf(r, n)
	wasBad, atCR := c.wasBad, c.atCR
	if c.lines == joinLines && (k == lineEnd || k == paragraphEnd || k == tab) {
		k = blank
	}
	switch k {
	case printed:
		c.between()
		c.out = append(c.out, text[:n]...)
	case broken:
		if !wasBad {
			c.between()
			c.out = utf8.AppendRune(c.out, utf8.RuneError)
		}
	case blank:
		c.white(' ')
	case tab:
		c.white('\t')
	case lineEnd:
		if !atCR || r != '\n' {
			c.ends, c.indent = c.ends+1, c.indent[:0]
		}
	case paragraphEnd:
		c.ends, c.indent = c.ends+2, c.indent[:0]
	case dropped:
		return n
	}
	c.wasBad, c.atCR = k == broken, r == '\r'
	return n
}

func (c *cleaner) white(with byte) {
	switch {
	case c.ends > 0:
		if len(c.indent) < mostIndent {
			c.indent = append(c.indent, with)
		}
	case c.wide != '\t':
		c.wide = with
	}
}

// between writes what stands before the next rune that prints.
func (c *cleaner) between() {
	switch {
	case !c.begun:
	case c.ends > 0:
		c.out = append(c.out, "\n\n"[:min(c.ends, 2)]...)
		c.out = append(c.out, c.indent...)
	case c.wide != 0:
		c.out = append(c.out, c.wide)
	}
	c.begun, c.ends, c.wide, c.indent = true, 0, 0, c.indent[:0]
	c.wasBad, c.atCR = false, false
}

// classOf classifies a rune that took n bytes.
func classOf(r rune, n int) class {
	switch {
	case r == utf8.RuneError && n <= 1:
		return broken
	case r > ' ' && r < 0x7f:
		return printed
	case r <= 0x9f:
		return controlClass(r)
	case r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a, r == 0x202f, r == 0x205f, r == 0x3000:
		return blank
	case r == 0x2028:
		return lineEnd
	case r == 0x2029:
		return paragraphEnd
	case r == 0xad, r == 0xfeff, r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return dropped // soft hyphens, byte order marks, what is no character
	}
	return printed
}

// controlClass classifies a space or a control character.
func controlClass(r rune) class {
	switch r {
	case ' ':
		return blank
	case '\t':
		return tab
	case '\n', '\r', '\v', '\f', 0x85:
		return lineEnd
	}
	return dropped
}

// oneLine is the text on one line, at most that many bytes of it.
func oneLine(text string, most int) string {
	c := cleaner{lines: joinLines}
	c.feed(text)
	return string(Cut(c.out, most))
}

// Cut is the longest beginning of text, in whole runes, that has at most that many bytes.
func Cut(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
