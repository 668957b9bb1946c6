// Package jsonscan reads a JSON text once, from front to back, and edits it in
// place of re-encoding it: a body that passes through the service is scanned
// for the few members that matter, and changed, if at all, by splices between
// its own bytes. Nothing is decoded that nobody asks for, and nothing is
// allocated for a member.
//
// What is accepted is RFC 8259 as encoding/json.Valid judges it, with two
// differences: bytes that are not UTF-8 are refused anywhere, and values nest
// at most MaxDepth deep. A lone surrogate escape such as "\ud800" is accepted
// and stands for U+FFFD.
//
// An object that is read member by member must not name a member twice; names
// are compared unescaped, so that "mod\u0065l" is "model". Objects inside
// values that are skipped are not looked into for that.
//
// Start with Object for one look at a body; Scanner is the same without a
// second pass over values that have to be looked into. Checker is for texts that
// come in pieces, Pattern for many that are nearly the same.
package jsonscan

import "math"

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 512

// Span is the half-open range of bytes [Start, End) of a text.
type Span struct{ Start, End int }

// Error says where a text is not what was asked for. Neither Reason nor
// Error() ever quotes the text.
type Error struct {
	// Offset is where in the text the trouble was seen.
	Offset int
	// Reason is one of a few constant phrases.
	Reason string
	// Name is the repeated name, unescaped, when Reason is DuplicateKey. It is
	// the sender's text: Error() leaves it out.
	Name string
}

// DuplicateKey is the Reason of an object that names a member twice.
const DuplicateKey = "duplicate key"

// Error describes the error without quoting the text.
func (e *Error) Error() string { return e.Reason }

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds. NoKind is what does not start a value.
const (
	NoKind Kind = iota
	ObjectKind
	ArrayKind
	StringKind
	NumberKind
	TrueKind
	FalseKind
	NullKind
)

// KindOf tells the kind of the value that raw starts with, white space
// skipped, by its first byte alone.
func KindOf(raw []byte) Kind {
	for _, c := range raw {
		if !IsSpace(c) {
			return kindAt(c)
		}
	}
	return NoKind
}

func kindAt(c byte) Kind {
	switch c {
	case '{':
		return ObjectKind
	case '[':
		return ArrayKind
	case '"':
		return StringKind
	case 't':
		return TrueKind
	case 'f':
		return FalseKind
	case 'n':
		return NullKind
	}
	if c == '-' || isDigit(c) {
		return NumberKind
	}
	return NoKind
}

// Object reads data, which must be exactly one JSON object with nothing but
// white space around it, and calls member for each of its members in order.
// name is unescaped and only valid until member returns. What member saw counts only once
// Object has returned nil: the rest of the text may still be broken. closeAt is
// the offset of the closing brace. An error of member is returned as it is;
// every other error is an *Error.
func Object(data []byte, member func(name []byte, value Span) error) (closeAt int, err error) {
	s := NewScanner(data)
	all, err := s.Object(func(name []byte) error {
		value, err := s.Skip()
		if err != nil {
			return err
		}
		return member(name, value)
	})
	if err != nil {
		return 0, err
	}
	if err := s.End(); err != nil {
		return 0, err
	}
	return all.End - 1, nil
}

// Array is Object for an array: it calls element for each element in order.
func Array(data []byte, element func(value Span) error) error {
	s := NewScanner(data)
	_, err := s.Array(func() error {
		value, err := s.Skip()
		if err != nil {
			return err
		}
		return element(value)
	})
	if err != nil {
		return err
	}
	return s.End()
}

// Int reads raw as an integer written without fraction or exponent; ok is
// false when it is anything else or does not fit an int.
func Int(raw []byte) (n int, ok bool) {
	digits := raw
	negative := len(raw) > 0 && raw[0] == '-'
	if negative {
		digits = raw[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || (digits[0] == '0' && len(digits) > 1) {
		return 0, false
	}
	// The sum is kept negative, where there is room for one more.
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
		d := int(c - '0')
		if n < (math.MinInt+d)/10 {
			return 0, false
		}
		n = n*10 - d
	}
	if negative {
		return n, true
	}
	return -n, n != math.MinInt
}
