package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/jsonscan/block"
)

// What is inside a string is a row of units: a plain character of ASCII, an
// escape, or a rune outside ASCII. Most are plain, so that four words of eight
// bytes are looked at together, and only what is marked in them is looked into. Where
// the processor has wider ones, package block goes ahead and leaves the rest.
const (
	wordSize = 8
	stride   = 4 * wordSize
	// window is a stride with the rest of an escape or a rune that begins in
	// its last byte.
	window = stride + len(`u0000`)

	ones = 0x0101010101010101 // one in each byte of a word
	tops = 0x80 * ones        // the top bit of each byte
)

// passUnits returns the offset at or after at of the first byte that begins no
// unit: the closing quote, or what is wrong, or the end of data.
func passUnits(data []byte, at int) int {
	at, ended := passShort(data, at)
	if ended {
		return at
	}
	if at += block.Pass(data[at:]); at < len(data) && data[at] == '"' {
		return at
	}
	for {
		at = passPairs(data, at)
		if len(data)-at < window {
			return passTail(data, at)
		}
		next := passOdd(data, at)
		if next == at {
			return at
		}
		at = next
	}
}

// passShort looks for the closing quote of a short string without escapes. It
// passes plain characters alone.
func passShort(data []byte, at int) (next int, ended bool) {
	for range 2 {
		if len(data)-at < wordSize {
			break
		}
		if marked := marks(data[at:]) & tops; marked != 0 {
			at += bits.TrailingZeros64(marked) / wordSize
			return at, data[at] == '"'
		}
		at += wordSize
	}
	return at, false
}

// passPairs passes plain characters and units of two bytes, up to the first
// other byte, or until less than a window is left.
func passPairs(data []byte, at int) int {
	for len(data)-at >= window {
		p := (*[window]byte)(data[at:])
		a, b := marks(p[0:]), marks(p[wordSize:])
		c, d := marks(p[2*wordSize:]), marks(p[3*wordSize:])
		if (a|b|c|d)&tops == 0 {
			at += stride
			continue
		}
		marked := gather(a) | gather(b)<<wordSize | gather(c)<<(2*wordSize) | gather(d)<<(3*wordSize)
		next := stride
		for marked != 0 {
			i := bits.TrailingZeros64(marked) & (stride - 1)
			if !isPair(p[i], p[i+1]) {
				return at + i
			}
			marked &^= 3 << i
			if i == stride-1 {
				next++
			}
		}
		at += next
	}
	return at
}

// passOdd passes a unit that is no pair, or as many as there are likely to be
// when there is one.
func passOdd(data []byte, at int) int {
	switch c := data[at]; {
	case c >= utf8.RuneSelf:
		return passRunes(data, at)
	case c == '\\':
		for n := escape(data[at:]); n > 0; n = escape(data[at:]) {
			at += n
		}
		return at
	}
	return at + unit(data[at:]) // it may be plain: see marks
}

// passRunes passes runes outside ASCII. In most scripts they have three bytes,
// so two of three are tried at once.
func passRunes(data []byte, at int) int {
	const (
		threes   = 0xc0c0f0_c0c0f0 // the bits that say that a byte begins a rune of three, or goes on with one
		twoRunes = 0x8080e0_8080e0
		// simple has a bit for each first byte, by its low half, that any two
		// others may follow: not for e0 and ed.
		simple = 0xffff &^ (1<<0x0 | 1<<0xd)
	)
	for at < len(data) && data[at] >= utf8.RuneSelf {
		if len(data)-at >= wordSize {
			word := binary.LittleEndian.Uint64(data[at:])
			if word&threes == twoRunes && simple>>(word&15)&(simple>>(word>>24&15))&1 != 0 {
				at += 6
				continue
			}
		}
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// passTail is passUnits for the last bytes of data.
func passTail(data []byte, at int) int {
	for at < len(data) {
		n := unit(data[at:])
		if n == 0 {
			break
		}
		at += n
	}
	return at
}

// unit is how long the unit is that text begins with; 0 if it begins with none.
func unit(text []byte) int {
	c := text[0]
	switch {
	case c >= utf8.RuneSelf:
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			return 0
		}
		return size
	case c == '\\':
		return escape(text)
	case c == '"' || c < ' ':
		return 0
	}
	return 1
}

// escape is how long the escape is that text begins with; 0 if it begins with
// none.
func escape(text []byte) int {
	if len(text) < 2 || text[0] != '\\' {
		return 0
	}
	if isEscape(text[1]) {
		return len(`\n`)
	}
	if text[1] == 'u' {
		if _, ok := hex4(text[2:]); ok {
			return len(`\u0000`)
		}
	}
	return 0
}

// marks returns a word whose top bits mark those of the eight bytes that text
// begins with that are a quote, a backslash, a control character or outside ASCII.
// A byte right after such a one may be marked too. The other bits mean nothing.
//
// Taking away a number sets the top bit of the bytes that are smaller. To turn
// over bit 1 makes the quote a space and leaves control characters what they
// are, so that one number finds both. A byte outside ASCII has its top bit set,
// and at least one of the differences keeps it. A borrow goes upwards, to the
// byte after one that is marked.
func marks(text []byte) uint64 {
	word := binary.LittleEndian.Uint64(text)
	return ((word ^ ('"'^' ')*ones) - (' '+1)*ones) | ((word ^ '\\'*ones) - ones)
}

// gather moves the top bits of the bytes of a word together, into eight bits:
// the factor moves each to a place of its own in the highest byte.
func gather(word uint64) uint64 { return (word & tops) * 0x0002040810204081 >> 56 }

// isPair reports whether two bytes are an escape or a rune.
func isPair(c, d byte) bool {
	if c == '\\' {
		return isEscape(d)
	}
	return c >= 0xc2 && c <= 0xdf && d&0xc0 == 0x80
}

// escapes has each of the characters that may follow a backslash, but for the
// u, at its own place in ASCII, sixteen to a piece. One of them fills the rest.
const escapes = `""""""""""""""""` + `""""""""""""""""` +
	`"""""""""""""""/` + `""""""""""""""""` +
	`""""""""""""""""` + `""""""""""""\"""` +
	`""b"""f"""""""n"` + `""r"t"""""""""""`

func isEscape(c byte) bool { return escapes[c%utf8.RuneSelf] == c }
