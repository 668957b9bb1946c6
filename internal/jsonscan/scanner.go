package jsonscan

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
	// noted is told of strings and numbers that nobody reads, unless it is nil.
	noted *Pattern
}

// NewScanner returns a Scanner at the start of data, which must not change
// while it is read.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// Deepen has the text count as one that stands so many levels deep in another. It is
// called before anything is read.
func (s *Scanner) Deepen(levels int) { s.depth += levels }

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
	noted := s.noted
	s.noted = nil
	err := s.value()
	s.noted = noted
	if err != nil {
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
	if err := s.nameText(); err != nil {
		return nil, err
	}
	name := s.data[start : s.at-1]
	if isEscaped(name) {
		name = unescape(make([]byte, 0, len(name)), name)
	}
	return name, s.colon()
}

func (s *Scanner) nameText() error {
	if s.at == len(s.data) || s.data[s.at] != '"' {
		return s.fail(reasonName)
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
