package message

import (
	"bytes"
	"iter"
	"strings"
)

// MaxHead is the longest head of an answer in bytes. Places in it fit 16 bits.
const MaxHead = 64 << 10

// Header is the headers of an answer, as they came. It is read by name without
// decoding or allocating; what it returns is part of one string that holds the
// whole head.
type Header struct {
	head   string
	fields []field
	few    [24]field // where fields begin, before there are more
}

// field is where a header is in the head.
type field struct{ name, nameEnd, value, valueEnd uint16 }

// Get returns the value of the first header called name, upper or lower case,
// and "" if there is none.
func (h *Header) Get(name string) string {
	for i := range h.fields {
		if h.is(i, name) {
			return h.valueAt(i)
		}
	}
	return ""
}

// Values yields the values of all headers called name, in order.
func (h *Header) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range h.fields {
			if h.is(i, name) && !yield(h.valueAt(i)) {
				return
			}
		}
	}
}

// All yields name and value of every header, in order, as they came.
func (h *Header) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range h.fields {
			if !yield(h.nameAt(i), h.valueAt(i)) {
				return
			}
		}
	}
}

// Len is the number of headers.
func (h *Header) Len() int { return len(h.fields) }

func (h *Header) nameAt(i int) string  { return h.head[h.fields[i].name:h.fields[i].nameEnd] }
func (h *Header) valueAt(i int) string { return h.head[h.fields[i].value:h.fields[i].valueEnd] }

func (h *Header) is(i int, name string) bool {
	f := &h.fields[i]
	return int(f.nameEnd-f.name) == len(name) && sameName(h.nameAt(i), name)
}

// StatusLine is what the first line of an answer says.
type StatusLine struct {
	Minor  int // of the version: 1.Minor
	Status int
}

// HeadEnd looks for the end of the head that data begins with. from is where
// the line begins in which to go on, the next of the call before, and 0 at
// first. The head ends before end, which is 0 as long as it is not all there.
func HeadEnd(data []byte, from int) (next, end int, reason Reason) {
	const version = "HTTP/1."
	if n := min(len(data), len(version)); string(data[:n]) != version[:n] {
		return 0, 0, BadVersion // say so now: a line of another protocol may never end
	}
	for {
		i := bytes.IndexByte(data[from:], '\n')
		if i < 0 {
			return from, 0, ""
		}
		if i == 0 || data[from+i-1] != '\r' {
			return from, 0, BadLineEnd
		}
		from += i + 1
		if i == 1 {
			return from, from, ""
		}
	}
}

// Parse reads a whole head, as HeadEnd found it, of at most MaxHead bytes.
func (h *Header) Parse(head string) (StatusLine, Reason) {
	h.head, h.fields = head, h.few[:0]
	end := strings.Index(head, "\r\n")
	first, reason := parseStatus(head[:end])
	if reason != "" {
		return first, reason
	}
	for at := end + 2; ; {
		length := strings.Index(head[at:], "\r\n")
		if length == 0 {
			return first, ""
		}
		if reason := h.add(at, at+length); reason != "" {
			return first, reason
		}
		at += length + 2
	}
}

// parseStatus reads a status line: RFC 9112, section 4. The space after the
// status may be missing with the phrase.
func parseStatus(line string) (s StatusLine, reason Reason) {
	const after = len("HTTP/1.1")
	if len(line) < after || line[after-1] != '0' && line[after-1] != '1' {
		return s, BadVersion
	}
	s.Minor = int(line[after-1] - '0')
	rest := line[after:]
	if len(rest) < len(" 200") || rest[0] != ' ' || len(rest) > 4 && rest[4] != ' ' {
		return s, BadStatus
	}
	for _, c := range []byte(rest[1:4]) {
		if c < '0' || c > '9' {
			return s, BadStatus
		}
		s.Status = s.Status*10 + int(c-'0')
	}
	if s.Status < 100 || !isValue(rest[4:]) {
		return s, BadStatus
	}
	return s, ""
}

// add reads the header line from start to end in the head.
func (h *Header) add(start, end int) Reason {
	line := h.head[start:end]
	if line[0] == ' ' || line[0] == '\t' {
		return FoldedLine
	}
	colon := strings.IndexByte(line, ':')
	if colon < 0 || !isToken(line[:colon]) {
		return BadName
	}
	value := colon + 1
	for value < len(line) && isSpace(line[value]) {
		value++
	}
	last := len(line)
	for last > value && isSpace(line[last-1]) {
		last--
	}
	if !isValue(line[value:last]) {
		return BadValue
	}
	h.fields = append(h.fields, field{place(start), place(start + colon), place(start + value), place(start + last)})
	return ""
}

// place is an index into a head. The line end at the head's end is never
// pointed at, so all others fit.
func place(i int) uint16 { return uint16(i) } //nolint:gosec // a head has at most 64 KiB

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// isToken reports whether s is a token: RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		return true
	}
	return c != 0 && strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0
}

// isValue reports whether s has no control character but tabs.
func isValue(s string) bool {
	for i := range len(s) {
		if !isValueByte(s[i]) {
			return false
		}
	}
	return true
}

func isValueByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// sameName compares without regard to upper and lower case of ASCII letters
// alone: strings.EqualFold would take a Kelvin sign for a k.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
