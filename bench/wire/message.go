package wire

import (
	"bytes"
	"errors"
	"math"
)

// Limits of what is read.
const (
	maxHead      = 64 << 10
	maxStartLine = 128
	maxChunkLine = 1 << 10
)

// Kind says which side of an exchange a message is.
type Kind int

// The kinds of messages.
const (
	Request Kind = iota
	Response
)

type phase int

const (
	inHead phase = iota
	inBody
	inChunkSize
	inChunk
	afterChunk
	inTrailer
	done
)

// Message is the state of one message that is being read. Its zero value reads
// a request.
type Message struct {
	kind  Kind
	phase phase
	// part is what has come of a head or a line that is not whole.
	part []byte
	// left is what is to come of the body or of the chunk.
	left int64
	line []byte
	// Status is a response's, once its head is read.
	Status int
	// Events says that a response is a stream of server-sent events.
	Events bool
	// Closing says that the sender closes the connection after the message.
	Closing bool
}

// Reset begins the next message.
func (m *Message) Reset(kind Kind) {
	*m = Message{kind: kind, part: m.part[:0], line: m.line[:0]}
}

// Done reports whether the message is whole.
func (m *Message) Done() bool { return m.phase == done }

// Left is how many bytes of the body are to come; ok is false if the message
// does not say, as with chunks.
func (m *Message) Left() (n int64, ok bool) {
	return m.left, m.phase == done || m.phase == inBody && m.left != math.MaxInt64
}

// StartLine is the first line, or as much of it as is kept; valid until Reset.
func (m *Message) StartLine() []byte { return m.line }

// Next reads from data. It returns how much of it was used, and the piece of
// the body that was in that, which may be empty; call it again with the rest
// until all is used or the message is Done.
func (m *Message) Next(data []byte) (used int, body []byte, err error) {
	switch m.phase {
	case inHead:
		used, err = m.head(data)
	case inBody:
		used, body = m.take(data, done)
	case inChunk:
		used, body = m.take(data, afterChunk)
	case inChunkSize, afterChunk, inTrailer:
		used, err = m.chunkLine(data)
	case done:
	}
	return used, body, err
}

// End tells that the connection has ended, and reports whether the message is
// whole by that.
func (m *Message) End() bool {
	if m.phase == inBody && m.left == math.MaxInt64 {
		m.phase = done
	}
	return m.phase == done
}

// take reads from the body or a chunk; then is what comes after it.
func (m *Message) take(data []byte, then phase) (used int, body []byte) {
	if m.left == math.MaxInt64 {
		return len(data), data
	}
	if int64(len(data)) < m.left {
		m.left -= int64(len(data))
		return len(data), data
	}
	used, m.left, m.phase = int(m.left), 0, then
	return used, data[:used]
}

// head reads until the empty line.
func (m *Message) head(data []byte) (used int, err error) {
	if len(m.part) == 0 {
		if i := bytes.Index(data, []byte("\r\n\r\n")); i >= 0 {
			return i + 4, m.parse(data[:i+2])
		}
	}
	before := len(m.part)
	m.part = append(m.part, data...)
	i := bytes.Index(m.part[max(0, before-3):], []byte("\r\n\r\n"))
	if i < 0 {
		if len(m.part) > maxHead {
			return 0, errors.New("the head is too long")
		}
		return len(data), nil
	}
	end := max(0, before-3) + i + 4
	err = m.parse(m.part[:end-2])
	m.part = m.part[:0]
	return end - before, err
}

// parse reads the lines of a head, each with its line end.
func (m *Message) parse(head []byte) error {
	first := bytes.IndexByte(head, '\n')
	line, ok := bytes.CutSuffix(head[:first], []byte{'\r'})
	if !ok {
		return errors.New("a line of the head has no end")
	}
	m.line = append(m.line[:0], line[:min(len(line), maxStartLine)]...)
	if m.kind == Response && !m.readStatus() {
		return errors.New("not a status line")
	}
	length, chunked := int64(-1), false
	for rest := head[first+1:]; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 1 || rest[i-1] != '\r' {
			return errors.New("a line of the head has no end")
		}
		if err := m.header(rest[:i], &length, &chunked); err != nil {
			return err
		}
		rest = rest[i+1:]
	}
	return m.begin(length, chunked)
}

func (m *Message) readStatus() bool {
	if len(m.line) < len("HTTP/1.1 200") || !bytes.HasPrefix(m.line, []byte("HTTP/1.")) {
		return false
	}
	status, ok := decimal(m.line[9:12])
	m.Status = int(status)
	return ok
}

// header reads one of the lines on which something depends.
func (m *Message) header(line []byte, length *int64, chunked *bool) error {
	switch {
	case is(line, "content-length:"):
		n, ok := decimal(value(line))
		if !ok {
			return errors.New("a bad content-length")
		}
		*length = n
	case is(line, "transfer-encoding:"):
		*chunked = is(value(line), "chunked")
	case is(line, "content-type:"):
		m.Events = is(value(line), "text/event-stream")
	case is(line, "connection:"):
		m.Closing = is(value(line), "close")
	}
	return nil
}

// begin decides how the body is framed.
func (m *Message) begin(length int64, chunked bool) error {
	switch {
	case m.kind == Response && m.Status < 200:
		m.Reset(Response)
	case m.kind == Response && (m.Status == 204 || m.Status == 304):
		m.phase = done
	case chunked && length >= 0:
		return errors.New("a length and chunks")
	case chunked:
		m.phase = inChunkSize
	case length > 0:
		m.phase, m.left = inBody, length
	case length == 0 || m.kind == Request:
		m.phase = done
	default:
		m.phase, m.left, m.Closing = inBody, math.MaxInt64, true
	}
	return nil
}

// chunkLine reads the size of a chunk, the line end after one, or a trailer.
func (m *Message) chunkLine(data []byte) (used int, err error) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		m.part = append(m.part, data...)
		if len(m.part) > maxChunkLine {
			return 0, errors.New("a chunk's line is too long")
		}
		return len(data), nil
	}
	line := data[:i]
	if len(m.part) > 0 {
		m.part = append(m.part, line...)
		line = m.part
		m.part = m.part[:0]
	}
	line, ok := bytes.CutSuffix(line, []byte{'\r'})
	if !ok {
		return 0, errors.New("a chunk's line has no end")
	}
	switch {
	case m.phase == inTrailer && len(line) == 0:
		m.phase = done
	case m.phase == inTrailer:
	case m.phase == afterChunk && len(line) > 0:
		return 0, errors.New("a chunk is longer than it says")
	case m.phase == afterChunk:
		m.phase = inChunkSize
	default:
		return i + 1, m.chunkSize(line)
	}
	return i + 1, nil
}

func (m *Message) chunkSize(line []byte) error {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	size, ok := hexadecimal(bytes.TrimSpace(line))
	if !ok {
		return errors.New("a bad chunk size")
	}
	m.left, m.phase = size, inChunk
	if size == 0 {
		m.phase = inTrailer
	}
	return nil
}

// is reports whether text begins with a lower case word, in any case.
func is(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// value is what stands after a header's name.
func value(line []byte) []byte {
	return bytes.TrimSpace(line[bytes.IndexByte(line, ':')+1:])
}

func decimal(text []byte) (n int64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(text) > 0 && len(text) <= 18
}

func hexadecimal(text []byte) (n int64, ok bool) {
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, len(text) > 0 && len(text) <= 15
}
