package charset

import (
	"encoding/binary"
	"unicode"
	"unicode/utf16"
)

// wide tells texts of two or four bytes a character that have no byte order mark. Such
// a text has zero bytes as no other has, or else is of a script whose characters have
// one upper byte between them.
func wide(head []byte) (c Charset, ok bool) {
	if len(head) >= 8 {
		units := head[:len(head)&^3]
		if isUTF32(units, binary.LittleEndian) {
			return named(nameUTF32LE), true
		}
		if isUTF32(units, binary.BigEndian) {
			return named(nameUTF32BE), true
		}
	}
	const few = 4 // characters that are not enough to tell
	if len(head) < 2*few {
		return Charset{}, false
	}
	units := head[:len(head)&^1]
	little, big := utf16Score(units, binary.LittleEndian), utf16Score(units, binary.BigEndian)
	const sure = 0.7
	switch {
	case little >= big && little > sure:
		return named(nameUTF16LE), true
	case big > little && big > sure:
		return named(nameUTF16BE), true
	}
	return Charset{}, false
}

// isUTF32 reports whether units are characters, with hardly a control among them.
func isUTF32(units []byte, order binary.ByteOrder) bool {
	odd := 0
	for i := 0; i < len(units); i += 4 {
		u := order.Uint32(units[i:])
		if u > unicode.MaxRune || utf16.IsSurrogate(rune(u)) {
			return false
		}
		if r := rune(u); unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			odd++
		}
	}
	return odd*100 <= len(units)/4
}

// utf16Score is the share of characters that are of those scripts which are written in
// two bytes, if the text has what gives it away: zero bytes, as ASCII characters have
// them, or kana; 0 if it has not.
func utf16Score(units []byte, order binary.ByteOrder) float64 {
	likely, unlikely, ascii, kana := 0, 0, 0, 0
	for i := 0; i < len(units); i += 2 {
		switch r := rune(order.Uint16(units[i:])); {
		case r == '\n' || r == '\r' || r == '\t' || r >= ' ' && r < 0x7F:
			ascii++
			likely++
		case r >= 0x3000 && r <= 0x30FF:
			kana++
			likely++
		case r == 0, r < ' ', r >= 0x7F && r < 0xA0, r >= 0xE000 && r <= 0xF8FF, r == 0xFFFE, r == 0xFFFF:
			unlikely += 4
		case utf16.IsSurrogate(r):
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsPunct(r), unicode.IsDigit(r), unicode.IsSpace(r):
			likely++
		default:
			unlikely++
		}
	}
	total := len(units) / 2
	// Single bytes, read in twos, give many CJK characters, but no ASCII among them.
	if ascii*50 < total && kana*4 < total {
		return 0
	}
	return float64(likely-unlikely) / float64(total)
}
