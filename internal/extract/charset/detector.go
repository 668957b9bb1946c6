package charset

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// sampleSize is how much of a text is judged; of lines that are all ASCII only so much
// as shows whether it is written in two or four bytes a character.
const (
	sampleSize = 16 << 10
	headSize   = 4 << 10
)

// Detector is told a text, in pieces of any size, and says in which encoding it is. It
// keeps a small sample.
type Detector struct {
	head   []byte // how the text begins
	sample []byte // lines that are not all ASCII
	line   []byte // the line that is under way, as far as it is kept
	high   bool   // that line has bytes beyond ASCII

	partial [utf8.UTFMax]byte // a character that is under way, if the text is UTF-8
	pending int               // its bytes so far
	tail    []byte            // the last bytes before, in which an escape may have begun
	escapes bool              // there are those of ISO-2022-JP

	good int // UTF-8 characters beyond ASCII
	bad  int // bytes that are in no UTF-8 character
}

// Write implements io.Writer. It never fails.
func (d *Detector) Write(p []byte) (int, error) {
	if room := headSize - len(d.head); room > 0 {
		d.head = append(d.head, p[:min(room, len(p))]...)
	}
	d.validate(p)
	if !d.escapes {
		d.escape(p)
	}
	if d.bad > 0 || len(d.sample) < sampleSize {
		d.gather(p)
	}
	return len(p), nil
}

// validate counts what p has of UTF-8 characters.
func (d *Detector) validate(p []byte) {
	rest := p
	for d.pending > 0 && len(rest) > 0 {
		d.partial[d.pending] = rest[0]
		d.pending++
		rest = rest[1:]
		if utf8.FullRune(d.partial[:d.pending]) {
			_, size := utf8.DecodeRune(d.partial[:d.pending])
			if size > 1 {
				d.good++
				d.pending = 0
				break
			}
			// Its first byte is wrong; those behind it are looked at again.
			d.bad++
			again := append([]byte(nil), d.partial[1:d.pending]...)
			d.pending = 0
			d.validate(again)
		}
	}
	for len(rest) > 0 {
		if rest[0] < utf8.RuneSelf {
			rest = rest[1:]
			continue
		}
		if !utf8.FullRune(rest) {
			d.pending = copy(d.partial[:], rest)
			return
		}
		_, size := utf8.DecodeRune(rest)
		if size > 1 {
			d.good++
		} else {
			d.bad++
		}
		rest = rest[size:]
	}
}

// gather keeps lines of p that are not all ASCII.
func (d *Detector) gather(p []byte) {
	for len(p) > 0 && len(d.sample) < sampleSize {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		p = rest
		if room := headSize - len(d.line); room > 0 {
			d.line = append(d.line, line[:min(room, len(line))]...)
			d.high = d.high || hasHigh(line[:min(room, len(line))])
		}
		if !ended {
			return
		}
		d.endLine()
	}
}

func (d *Detector) endLine() {
	if d.high {
		d.sample = append(append(d.sample, d.line...), '\n')
	}
	d.line, d.high = d.line[:0], false
}

func hasHigh(p []byte) bool {
	for _, b := range p {
		if b >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// Charset is the encoding of what the Detector was told, as if it ended there.
func (d *Detector) Charset() Charset {
	if c, ok := byMark(d.head); ok {
		return c
	}
	if d.bad > 0 || bytes.IndexByte(d.head, 0) >= 0 {
		if c, ok := wide(d.head); ok {
			return c
		}
	}
	if d.escapes && d.good+d.bad == 0 {
		return named(nameISO2022JP)
	}
	// A text may be cut within a character, or damaged here and there.
	const damaged = 20 // at most one bad byte for so many good characters
	if d.bad == 0 && (d.good > 0 || d.pending == 0) || d.good > damaged*d.bad {
		return Charset{}
	}
	sample := d.sample
	if d.high {
		sample = append(append([]byte(nil), sample...), d.line...)
	}
	return guess(sample)
}

// Declared is the encoding of what the Detector was told, which itself names label as
// its encoding: that is believed where the bytes alone leave a choice.
func (d *Detector) Declared(label string) Charset {
	found := d.Charset()
	named, ok := Lookup(label)
	if !ok || named.enc == nil {
		return found
	}
	switch found.Name() {
	case nameUTF16LE, nameUTF16BE, nameUTF32LE, nameUTF32BE:
		return found
	case nameISO2022JP, "utf-8":
		wide := strings.HasPrefix(named.name, "utf-")
		if d.good > 0 || wide || named.name != nameISO2022JP {
			return found
		}
	}
	return named
}

// ByMark returns the encoding that a byte order mark at the beginning of text names.
func ByMark(text []byte) (c Charset, ok bool) { return byMark(text) }

func byMark(text []byte) (c Charset, ok bool) {
	switch {
	case bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")):
		return Charset{}, true
	case bytes.HasPrefix(text, []byte("\xFF\xFE\x00\x00")):
		return named(nameUTF32LE), true
	case bytes.HasPrefix(text, []byte("\x00\x00\xFE\xFF")):
		return named(nameUTF32BE), true
	case bytes.HasPrefix(text, []byte("\xFF\xFE")):
		return named(nameUTF16LE), true
	case bytes.HasPrefix(text, []byte("\xFE\xFF")):
		return named(nameUTF16BE), true
	case bytes.HasPrefix(text, []byte("\x84\x31\x95\x33")):
		return named(nameGB18030), true
	}
	return Charset{}, false
}

// escape looks for the escapes of ISO-2022-JP, by which a text switches between sets of
// characters.
func (d *Detector) escape(p []byte) {
	const longest = 4
	d.escapes = hasEscapes(append(d.tail, p[:min(len(p), longest)]...)) || hasEscapes(p)
	if len(p) >= longest {
		d.tail = append(d.tail[:0], p[len(p)-longest+1:]...)
		return
	}
	d.tail = append(d.tail, p...)
	d.tail = d.tail[max(0, len(d.tail)-longest+1):]
}

func hasEscapes(text []byte) bool {
	if bytes.IndexByte(text, 0x1b) < 0 {
		return false
	}
	for _, escape := range []string{"\x1b$B", "\x1b$@", "\x1b(J", "\x1b(I", "\x1b$(D"} {
		if bytes.Contains(text, []byte(escape)) {
			return true
		}
	}
	return false
}

// Of returns the encoding of the size bytes of r, all of which it reads.
func Of(r io.Reader) (Charset, error) {
	var d Detector
	if _, err := io.Copy(&d, r); err != nil {
		return Charset{}, err
	}
	return d.Charset(), nil
}

// OfBytes returns the encoding of text, which may be the beginning of a longer one.
func OfBytes(text []byte) Charset {
	var d Detector
	d.Write(text) //nolint:errcheck // it never fails
	return d.Charset()
}
