// Package events reads event streams as the HTML standard has them. Of what comes it gives
// the events that have data; one that no blank line ended never happened.
//
// Start with NewReader.
package events

import (
	"bufio"
	"bytes"
	"io"
)

// maxLine bounds a line of an event stream, in bytes.
const maxLine = 4 << 20

// Event is one event of a stream; its Data outlives the next.
type Event struct {
	Kind string // "" unless the event names itself
	Data []byte
}

// Reader reads an event stream as the HTML standard has it: lines may end
// in \n, \r\n or \r, comments and unknown fields are skipped, and an event
// that no blank line ended never happened.
type Reader struct{ lines *bufio.Scanner }

// NewReader returns a Reader of a stream.
func NewReader(r io.Reader) *Reader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	lines.Split(newLineSplitter())
	return &Reader{lines}
}

// Next returns the next event that has data. At the end of the stream the
// error is io.ErrUnexpectedEOF: a whole answer says [DONE] before.
func (r *Reader) Next() (Event, error) {
	var e Event
	hasData := false
	for r.lines.Scan() {
		line := r.lines.Bytes()
		if len(line) == 0 {
			if len(e.Data) > 0 {
				return e, nil
			}
			e, hasData = Event{}, false
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) { // "" is a comment
		case "event":
			e.Kind = string(value)
		case "data":
			if hasData {
				e.Data = append(e.Data, '\n')
			}
			e.Data = append(e.Data, value...)
			hasData = true
		}
	}
	if err := r.lines.Err(); err != nil {
		return Event{}, err
	}
	return Event{}, io.ErrUnexpectedEOF
}

// newLineSplitter splits after \n, \r\n and \r. A \r ends its line at once,
// since the byte after it may be long in coming; a \n right behind it is
// dropped then.
func newLineSplitter() bufio.SplitFunc {
	afterCR := false
	return func(data []byte, atEOF bool) (advance int, line []byte, err error) {
		skipped := 0
		if afterCR && len(data) > 0 {
			afterCR = false
			if data[0] == '\n' {
				data, skipped = data[1:], 1
			}
		}
		end := bytes.IndexAny(data, "\r\n")
		switch {
		case end >= 0:
			afterCR = data[end] == '\r'
			return skipped + end + 1, data[:end:end], nil
		case atEOF && len(data) > 0:
			return skipped + len(data), data, nil
		}
		return skipped, nil, nil
	}
}
