package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The Reasons of errors that are not DuplicateKey.
const (
	reasonEnd       = "unexpected end of the text"
	reasonValue     = "a value was expected"
	reasonObject    = "an object was expected"
	reasonArray     = "an array was expected"
	reasonName      = "a name in quotes was expected"
	reasonColon     = "a colon was expected"
	reasonSeparator = "a comma or the closing bracket was expected"
	reasonAfter     = "there is more text after the value"
	reasonNumber    = "a number is malformed"
	reasonEscape    = "an escape in a string is malformed"
	reasonControl   = "a string holds a control character"
	reasonUTF8      = "a string is not UTF-8"
	reasonDepth     = "values nest too deep"
)

// Scanner reads one JSON text from front to back. Each call reads one value, so a
// value can be looked into in the one pass that validates it. After an error
// it is of no more use. Its errors are *Error, but for those of callbacks.
type Scanner struct {
	data  []byte
	at    int
	depth int
}

// NewScanner returns a Scanner at the start of data, which must not change
// while it is read.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// Offset is how far the text has been read.
func (s *Scanner) Offset() int { return s.at }

// Kind tells the kind of the next value by its first byte.
func (s *Scanner) Kind() Kind {
	s.space()
	if s.at == len(s.data) {
		return NoKind
	}
	return kindAt(s.data[s.at])
}

// Skip reads the next value and returns where it stands.
func (s *Scanner) Skip() (Span, error) {
	s.space()
	start := s.at
	if err := s.value(); err != nil {
		return Span{}, err
	}
	return Span{Start: start, End: s.at}, nil
}

// Object reads the next value, which must be an object. It calls member for
// each member when the scanner stands before that member's value; a value that
// member does not read is skipped. name is unescaped and only valid until
// member returns.
func (s *Scanner) Object(member func(name []byte) error) (Span, error) {
	start, more, err := s.enter('{', '}', reasonObject)
	if err != nil {
		return Span{}, err
	}
	var seen names
	for more {
		nameAt := s.at
		name, err := s.name()
		if err != nil {
			return Span{}, err
		}
		if !seen.add(name) {
			return Span{}, &Error{Offset: nameAt, Reason: DuplicateKey, Name: string(name)}
		}
		before := s.at
		if err := member(name); err != nil {
			return Span{}, err
		}
		if s.at == before {
			if err := s.value(); err != nil {
				return Span{}, err
			}
		}
		if more, err = s.next('}'); err != nil {
			return Span{}, err
		}
	}
	return Span{Start: start, End: s.at}, nil
}

// Array reads the next value, which must be an array. It calls element when
// the scanner stands before each element; an element that it does not read is
// skipped.
func (s *Scanner) Array(element func() error) (Span, error) {
	start, more, err := s.enter('[', ']', reasonArray)
	if err != nil {
		return Span{}, err
	}
	for more {
		before := s.at
		if err := element(); err != nil {
			return Span{}, err
		}
		if s.at == before {
			if err := s.value(); err != nil {
				return Span{}, err
			}
		}
		if more, err = s.next(']'); err != nil {
			return Span{}, err
		}
	}
	return Span{Start: start, End: s.at}, nil
}

// End fails unless nothing but white space is left.
func (s *Scanner) End() error {
	s.space()
	if s.at < len(s.data) {
		return s.fail(reasonAfter)
	}
	return nil
}

// enter reads the opening bracket; more is false when the closing one follows.
func (s *Scanner) enter(opening, closing byte, reason string) (start int, more bool, err error) {
	s.space()
	start = s.at
	if !s.take(opening) {
		return 0, false, s.fail(reason)
	}
	if s.depth++; s.depth > MaxDepth {
		return 0, false, s.fail(reasonDepth)
	}
	s.space()
	if s.take(closing) {
		s.depth--
		return start, false, nil
	}
	return start, true, nil
}

// next reads what stands between two members or after the last.
func (s *Scanner) next(closing byte) (more bool, err error) {
	s.space()
	if s.take(',') {
		s.space()
		return true, nil
	}
	if s.take(closing) {
		s.depth--
		return false, nil
	}
	return false, s.fail(reasonSeparator)
}

// name reads a member's name and colon and returns the name unescaped.
func (s *Scanner) name() ([]byte, error) {
	start := s.at + 1
	escaped, err := s.nameText()
	if err != nil {
		return nil, err
	}
	name := s.data[start : s.at-1]
	if escaped {
		name = unescape(make([]byte, 0, len(name)), name)
	}
	return name, s.colon()
}

func (s *Scanner) nameText() (escaped bool, err error) {
	if s.at == len(s.data) || s.data[s.at] != '"' {
		return false, s.fail(reasonName)
	}
	return s.text()
}

func (s *Scanner) colon() error {
	s.space()
	if !s.take(':') {
		return s.fail(reasonColon)
	}
	s.space()
	return nil
}

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
// It looks at eight bytes at a time: for each of the four questions a word in
// which the top bit of a byte says yes. A borrow can make a byte above a hit
// say yes falsely, never one below, and only the lowest is used.
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
		hits := word | (word-spaces)&^word | (quotes-ones)&^quotes | (slashes-ones)&^slashes
		if hits &= tops; hits != 0 {
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
