package jsonscan

import "unicode/utf8"

// maxWatched is the longest member name that a Checker can look for, and
// maxRawName how long that can be with each of its bytes escaped.
const (
	maxWatched = 16
	maxRawName = maxWatched * len(`\u0000`)
)

// Checker checks a JSON text that comes in pieces, for texts too long to be
// kept. It accepts exactly what encoding/json.Valid does, nested at most
// MaxDepth deep; unlike a Scanner it lets bytes pass that are not UTF-8, where
// they stand in a string, and names that come twice. It keeps no part of the
// text and allocates nothing but its error.
type Checker struct {
	state  checkState
	broken *Error
	// offset is how much was written before the piece at hand.
	offset int
	// objects has a bit for each open bracket: set for an object's.
	objects [MaxDepth / 64]uint64
	depth   int
	// isName says that the string at hand is a member's name.
	isName bool
	// rest is what is missing of a literal, and digits how many hexadecimal
	// digits of an escape.
	rest   string
	digits int

	watched string
	// name[:named] is the raw name of the top-level member at hand; named is
	// more than fits when it is too long to be the one that is looked for.
	name  [maxRawName]byte
	named int
	// atWatched says that the next value is the watched member's.
	atWatched, found bool
}

// checkState says what may come next.
type checkState uint8

const (
	wantValue checkState = iota
	wantFirstElement
	wantFirstName
	wantName
	wantColon
	wantNext
	wantNothing
	inText
	inEscape
	inHex
	inWord
	// The states of a number, by what was read last.
	afterMinus
	afterZero
	inInteger
	afterPoint
	inFraction
	afterE
	afterSign
	inExponent
)

// NewChecker returns a Checker of one text, which looks for the top-level
// member called watched, at most 16 bytes; "" looks for none.
func NewChecker(watched string) *Checker { return &Checker{watched: watched} }

// Write checks the next piece of the text. The error is an *Error, with the
// offset in the whole text, and for good; n then is how much of the piece was
// still in order.
func (c *Checker) Write(piece []byte) (n int, err error) {
	if c.broken != nil {
		return 0, c.broken
	}
	for at := 0; at < len(piece); {
		next, reason := c.step(piece, at)
		if reason != "" {
			c.broken = &Error{Offset: c.offset + next, Reason: reason}
			return next, c.broken
		}
		at = next
	}
	c.offset += len(piece)
	return len(piece), nil
}

// Whole returns nil if what was written is one whole JSON text, and else an
// *Error.
func (c *Checker) Whole() error {
	switch {
	case c.broken != nil:
		return c.broken
	case c.depth == 0 && (c.state == wantNothing || c.state.endsNumber()):
		return nil
	}
	return &Error{Offset: c.offset, Reason: reasonEnd}
}

// Found reports whether the watched member has begun to come, with a value
// other than null.
func (c *Checker) Found() bool { return c.found }

// step reads on at an offset within p and returns where it came to, and what
// is wrong there.
func (c *Checker) step(p []byte, at int) (next int, reason string) {
	switch {
	case c.state >= afterMinus:
		return c.number(p, at)
	case c.state == inText:
		return c.text(p, at)
	case c.state > inText:
		return c.inside(p, at)
	case IsSpace(p[at]):
		return at + 1, ""
	}
	if reason := c.mark(p[at]); reason != "" {
		return at, reason
	}
	return at + 1, ""
}

// mark reads a byte outside strings, numbers and literals.
func (c *Checker) mark(b byte) (reason string) {
	switch c.state {
	case wantFirstElement:
		if b == ']' {
			c.close()
			return ""
		}
		return c.value(b)
	case wantFirstName, wantName:
		return c.nameOrEnd(b)
	case wantColon:
		if b != ':' {
			return reasonColon
		}
		c.state = wantValue
		return ""
	case wantNext:
		return c.next(b)
	case wantNothing:
		return reasonAfter
	}
	return c.value(b)
}

func (c *Checker) nameOrEnd(b byte) (reason string) {
	switch {
	case b == '"':
		c.state, c.isName, c.named = inText, true, 0
	case b == '}' && c.state == wantFirstName:
		c.close()
	default:
		return reasonName
	}
	return ""
}

// value reads the first byte of a value.
func (c *Checker) value(b byte) (reason string) {
	kind := kindAt(b)
	if c.atWatched {
		c.atWatched = false
		c.found = c.found || kind != NullKind
	}
	switch kind {
	case ObjectKind:
		return c.open(wantFirstName)
	case ArrayKind:
		return c.open(wantFirstElement)
	case StringKind:
		c.state, c.isName = inText, false
	case TrueKind:
		c.state, c.rest = inWord, "true"[1:]
	case FalseKind:
		c.state, c.rest = inWord, "false"[1:]
	case NullKind:
		c.state, c.rest = inWord, "null"[1:]
	case NumberKind:
		c.state = inInteger
		switch b {
		case '-':
			c.state = afterMinus
		case '0':
			c.state = afterZero
		}
	default:
		return reasonValue
	}
	return ""
}

func (c *Checker) open(inside checkState) (reason string) {
	if c.depth == MaxDepth {
		return reasonDepth
	}
	word, bit := &c.objects[c.depth/64], uint64(1)<<(c.depth%64)
	if inside == wantFirstName {
		*word |= bit
	} else {
		*word &^= bit
	}
	c.depth++
	c.state = inside
	return ""
}

func (c *Checker) inObject() bool {
	at := c.depth - 1
	return c.objects[at/64]>>(at%64)&1 == 1
}

func (c *Checker) next(b byte) (reason string) {
	isObject := c.inObject()
	switch {
	case b == ',' && isObject:
		c.state = wantName
	case b == ',':
		c.state = wantValue
	case b == '}' && isObject, b == ']' && !isObject:
		c.close()
	default:
		return reasonSeparator
	}
	return ""
}

func (c *Checker) close() {
	c.depth--
	c.endValue()
}

func (c *Checker) endValue() {
	c.state = wantNext
	if c.depth == 0 {
		c.state = wantNothing
	}
}

// text reads on in a string, up to an escape or past its end.
func (c *Checker) text(p []byte, at int) (next int, reason string) {
	start := at
	for at = passUnits(p, at); at < len(p) && p[at] >= utf8.RuneSelf; at = passUnits(p, at) {
		for at < len(p) && p[at] >= utf8.RuneSelf {
			at++ // whatever they are
		}
	}
	c.note(p[start:at])
	if at == len(p) {
		return at, ""
	}
	switch p[at] {
	case '"':
		c.endText()
	case '\\':
		c.note(p[at : at+1])
		c.state = inEscape
	default:
		return at, reasonControl
	}
	return at + 1, ""
}

// note keeps a piece of the name of a top-level member, if there is one to
// look for.
func (c *Checker) note(piece []byte) {
	if !c.isName || c.depth != 1 || c.watched == "" {
		return
	}
	if len(piece) > maxRawName-c.named {
		c.named = maxRawName + 1
		return
	}
	c.named += copy(c.name[c.named:], piece)
}

func (c *Checker) endText() {
	if !c.isName {
		c.endValue()
		return
	}
	c.state = wantColon
	if c.depth == 1 && c.watched != "" && c.named <= maxRawName {
		var plain [maxRawName]byte
		c.atWatched = string(unescape(plain[:0], c.name[:c.named])) == c.watched
	}
}

// inside reads one byte of an escape or of a literal.
func (c *Checker) inside(p []byte, at int) (next int, reason string) {
	b := p[at]
	switch c.state {
	case inEscape:
		switch b {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			c.state = inText
		case 'u':
			c.state, c.digits = inHex, 4
		default:
			return at, reasonEscape
		}
		c.note(p[at : at+1])
	case inHex:
		if !isDigit(b) && (b|0x20 < 'a' || b|0x20 > 'f') {
			return at, reasonEscape
		}
		c.note(p[at : at+1])
		if c.digits--; c.digits == 0 {
			c.state = inText
		}
	default: // inWord
		if b != c.rest[0] {
			return at, reasonValue
		}
		if c.rest = c.rest[1:]; c.rest == "" {
			c.endValue()
		}
	}
	return at + 1, ""
}

// endsNumber reports whether a number may end in the state.
func (s checkState) endsNumber() bool {
	return s == afterZero || s == inInteger || s == inFraction || s == inExponent
}

// number reads on in a number. It leaves the byte that ends it unread.
func (c *Checker) number(p []byte, at int) (next int, reason string) {
	b := p[at]
	switch {
	case isDigit(b) && c.state != afterZero:
		c.digit(b)
		for at < len(p) && isDigit(p[at]) && c.state != afterZero {
			at++
		}
		if c.state == afterZero {
			at++
		}
		return at, ""
	case b == '.' && (c.state == afterZero || c.state == inInteger):
		c.state = afterPoint
	case b|0x20 == 'e' && c.state != inExponent && c.state.endsNumber():
		c.state = afterE
	case (b == '+' || b == '-') && c.state == afterE:
		c.state = afterSign
	case c.state.endsNumber():
		c.endValue()
		return at, ""
	default:
		return at, reasonNumber
	}
	return at + 1, ""
}

// digit moves on by a digit, which may come in every state but afterZero.
func (c *Checker) digit(b byte) {
	switch c.state {
	case afterMinus:
		c.state = inInteger
		if b == '0' {
			c.state = afterZero
		}
	case afterPoint:
		c.state = inFraction
	case afterE, afterSign:
		c.state = inExponent
	}
}
