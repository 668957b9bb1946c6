package jsonscan

// value reads and checks the value at which the scanner stands.
func (s *Scanner) value() error {
	if s.at == len(s.data) {
		return s.fail(reasonEnd)
	}
	start := s.at
	switch kindAt(s.data[start]) {
	case StringKind:
		err := s.text()
		if s.noted != nil {
			s.noted.note(start+1, s.at-1)
		}
		return err
	case ObjectKind:
		return s.skipObject()
	case ArrayKind:
		return s.skipArray()
	case NumberKind:
		err := s.number()
		if s.noted != nil {
			s.noted.note(start, s.at)
		}
		return err
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
		if err = s.nameText(); err != nil {
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
func (s *Scanner) text() error {
	s.at = passUnits(s.data, s.at+1)
	switch {
	case s.at == len(s.data):
		return s.fail(reasonEnd)
	case s.data[s.at] == '"':
		s.at++
		return nil
	case s.data[s.at] == '\\':
		return s.fail(reasonEscape)
	case s.data[s.at] < ' ':
		return s.fail(reasonControl)
	}
	return s.fail(reasonUTF8)
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
