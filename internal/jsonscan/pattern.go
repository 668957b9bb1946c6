package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

const (
	// maxFree is how many free values a Pattern knows, and maxPattern how long
	// a text may be that it keeps.
	maxFree    = 16
	maxPattern = 2 << 10
)

// Pattern is a text that was read and found in order, kept to know others by
// that say the same in other words: where they differ, if at all, only in
// strings and numbers that the reader skipped unread, a scan of them would come to
// the same end. So they are compared instead, and scanned only where they differ. The
// chunks of a streamed answer are such texts.
//
// The zero Pattern knows no text. It is used by one goroutine.
type Pattern struct {
	// text is the text, with what is around it; the scanned part begins at base.
	text []byte
	base int
	// free[:known] are the values that may differ, in order, as offsets from
	// base: the inside of a string, or a number.
	free  [maxFree]place
	known int
}

// place is the half-open range of bytes [start, end).
type place struct{ start, end uint16 }

// Note has p forget its text and note which strings and numbers are skipped
// from now on. Those that a callback reads by Skip are not free, so the
// callbacks must look at the others' Kind alone. Once the scan has succeeded,
// Keep completes the pattern.
func (s *Scanner) Note(p *Pattern) {
	p.text, p.known = p.text[:0], 0
	s.noted = p
}

func (p *Pattern) note(start, end int) {
	if p.known < maxFree && end < maxPattern {
		p.free[p.known] = place{start: uint16(start), end: uint16(end)} //nolint:gosec // less than maxPattern
		p.known++
	}
}

// Keep completes the pattern by a copy of text, in which what was scanned
// stands at the offset at: what is around it must be the same in other texts. One of
// more than 2 KiB is not kept.
func (p *Pattern) Keep(text []byte, at int) {
	if len(text) <= maxPattern {
		p.text, p.base = append(p.text[:0], text...), at
	}
}

// Match returns how long the text is that data begins with, if it differs from
// the pattern's in free values alone; 0 if it does not. Then nothing is said.
func (p *Pattern) Match(data []byte) (length int) {
	at, from, next := 0, -p.base, 0 // data[at:] is compared with the text from base+from on
	for len(p.text) > 0 {
		same := common(data[at:], p.text[p.base+from:])
		at, from = at+same, from+same
		if p.base+from == len(p.text) {
			return at
		}
		for next < p.known && int(p.free[next].end) < from {
			next++
		}
		if next == p.known || from < int(p.free[next].start) {
			break
		}
		differs := p.free[next]
		next++
		at -= from - int(differs.start)
		from = int(differs.end)
		if at = p.passFree(data, at, differs); at < 0 {
			break
		}
	}
	return 0
}

// passFree passes the value at at, of the kind of the pattern's; -1 if it is no such.
func (p *Pattern) passFree(data []byte, at int, f place) int {
	if p.text[p.base+int(f.start)-1] == '"' {
		if at = passUnits(data, at); at < len(data) && data[at] == '"' {
			return at
		}
		return -1
	}
	s := Scanner{data: data, at: at}
	if s.number() != nil {
		return -1
	}
	return s.at
}

// common is how many bytes a and b begin with in common.
func common(a, b []byte) int {
	n := 0
	for len(a)-n >= stride && len(b)-n >= stride {
		p, q := (*[stride]byte)(a[n:]), (*[stride]byte)(b[n:])
		if differ(p[0:], q[0:])|differ(p[wordSize:], q[wordSize:])|
			differ(p[2*wordSize:], q[2*wordSize:])|differ(p[3*wordSize:], q[3*wordSize:]) != 0 {
			break
		}
		n += stride
	}
	for len(a)-n >= wordSize && len(b)-n >= wordSize {
		if bit := differ(a[n:], b[n:]); bit != 0 {
			return n + bits.TrailingZeros64(bit)/wordSize
		}
		n += wordSize
	}
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// differ has a bit set in each of the first eight bytes in which a and b differ.
func differ(a, b []byte) uint64 {
	return binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b)
}
