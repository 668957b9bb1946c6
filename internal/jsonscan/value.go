package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// value reads and checks the value at which the scanner stands.
func (s *Scanner) value() error {
	if s.at == len(s.data) {
		return s.fail(reasonEnd)
	}
	switch kindAt(s.data[s.at]) {
	case StringKind:
		_, err := s.text()
		return err
	case ObjectKind:
		return s.skipObject()
	case ArrayKind:
		return s.skipArray()
	case NumberKind:
		return s.number()
	case TrueKind:
		return s.literal("true")
	case FalseKind:
		return s.literal("false")
	case NullKind:
		return s.literal("null")
	}
	return s.fail(reasonValue)
}

func (s *Scanner) skipObject() error {
	_, more, err := s.enter('{', '}', reasonObject)
	for more && err == nil {
		if _, err = s.nameText(); err != nil {
			return err
		}
		if err = s.colon(); err != nil {
			return err
		}
		if err = s.value(); err != nil {
			return err
		}
		more, err = s.next('}')
	}
	return err
}

func (s *Scanner) skipArray() error {
	_, more, err := s.enter('[', ']', reasonArray)
	for more && err == nil {
		if err = s.value(); err != nil {
			return err
		}
		more, err = s.next(']')
	}
	return err
}

func (s *Scanner) literal(word string) error {
	rest := s.data[s.at:]
	if len(rest) < len(word) || string(rest[:len(word)]) != word {
		return s.fail(reasonValue)
	}
	s.at += len(word)
	return nil
}

func (s *Scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return s.fail(reasonNumber)
	}
	if s.take('.') && !s.digits() {
		return s.fail(reasonNumber)
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return s.fail(reasonNumber)
		}
	}
	return nil
}

// digits reads a run of digits and reports whether there was one.
func (s *Scanner) digits() bool {
	start := s.at
	for s.at < len(s.data) && isDigit(s.data[s.at]) {
		s.at++
	}
	return s.at > start
}

// text reads a string literal; the scanner stands at its opening quote.
func (s *Scanner) text() (escaped bool, err error) {
	s.at++
	for {
		s.at = plainEnd(s.data, s.at)
		if s.at == len(s.data) {
			return false, s.fail(reasonEnd)
		}
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return false, err
			}
		case c < ' ':
			return false, s.fail(reasonControl)
		default:
			if err := s.runes(); err != nil {
				return false, err
			}
		}
	}
}

// runes reads a run of characters outside ASCII.
func (s *Scanner) runes() error {
	for s.at < len(s.data) && s.data[s.at] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(s.data[s.at:])
		if r == utf8.RuneError && size == 1 {
			return s.fail(reasonUTF8)
		}
		s.at += size
	}
	return nil
}

func (s *Scanner) escape() error {
	rest := s.data[s.at:]
	if len(rest) < 2 {
		return s.fail(reasonEscape)
	}
	switch rest[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return nil
	case 'u':
		if _, ok := hex4(rest[2:]); ok {
			s.at += 6
			return nil
		}
	}
	return s.fail(reasonEscape)
}

func (s *Scanner) space() {
	for s.at < len(s.data) && IsSpace(s.data[s.at]) {
		s.at++
	}
}

func (s *Scanner) take(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *Scanner) fail(reason string) error {
	if s.at == len(s.data) {
		reason = reasonEnd
	}
	return &Error{Offset: s.at, Reason: reason}
}

// IsSpace reports whether c is white space to JSON.
func IsSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// plainEnd returns the offset at or after at of the first byte that is a
// quote, a backslash, a control character or outside ASCII, or the end.
//
// It looks at eight bytes at a time, in each of which the top bit comes to say
// yes. A byte outside ASCII has it set; for the others, subtracting sets it
// where the byte is smaller than what is taken away. A borrow can make a byte
// above a hit say yes falsely, never one below, and only the lowest is used.
func plainEnd(data []byte, at int) int {
	const (
		ones   = 0x0101010101010101
		tops   = 0x80 * ones
		spaces = ' ' * ones
	)
	for ; at+8 <= len(data); at += 8 {
		word := binary.LittleEndian.Uint64(data[at:])
		quotes := word ^ '"'*ones
		slashes := word ^ '\\'*ones
		if hits := (word | (word - spaces) | (quotes - ones) | (slashes - ones)) & tops; hits != 0 {
			return at + bits.TrailingZeros64(hits)/8
		}
	}
	for at < len(data) {
		if c := data[at]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
		at++
	}
	return at
}
