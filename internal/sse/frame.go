package sse

import (
	"bytes"
	"iter"
	"strings"
)

// Frames returns the frames of a block, each with the blank line that ends it.
// What follows the last blank line is the last frame.
func Frames(block []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(block) > 0 {
			n := FrameLen(block)
			if !yield(block[:n:n]) {
				return
			}
			block = block[n:]
		}
	}
}

// FrameLen is how long the first frame of a block is, with the blank line that
// ends it.
func FrameLen(block []byte) int {
	at := 0
	for at < len(block) {
		line, next := cutLine(block[at:])
		at += next
		if len(line) == 0 {
			break
		}
	}
	return at
}

// cutLine returns the first line of text without its end, and where the next
// begins.
func cutLine(text []byte) (line []byte, next int) {
	lf := bytes.IndexByte(text, '\n')
	if lf < 0 {
		lf = len(text)
	}
	// A \r beyond the \n belongs to a later line.
	end := bytes.IndexByte(text[:lf], '\r')
	switch {
	case end < 0 && lf == len(text):
		return text, len(text)
	case end < 0:
		return text[:lf], lf + 1
	case end+1 == lf && lf < len(text):
		return text[:end], lf + 1
	}
	return text[:end], end + 1
}

// Data returns the data field of a frame: nil if it has none, empty if it has
// an empty one. The payload is part of frame if it is a single line; several
// are joined by \n in buf, which is written from its start and grown where it
// is too small.
func Data(frame, buf []byte) (payload []byte) {
	for lines := 0; len(frame) > 0; {
		line, next := cutLine(frame)
		frame = frame[next:]
		value, ok := field(line, "data")
		if !ok {
			continue
		}
		switch lines++; lines {
		case 1:
			payload = value
		case 2:
			payload = append(append(append(buf[:0], payload...), '\n'), value...)
		default:
			payload = append(append(payload, '\n'), value...)
		}
	}
	return payload
}

// Event returns the event field of a frame, the last if there are several; ""
// if it has none.
func Event(frame []byte) string {
	event := ""
	for len(frame) > 0 {
		line, next := cutLine(frame)
		frame = frame[next:]
		if value, ok := field(line, "event"); ok {
			event = string(value)
		}
	}
	return event
}

// field returns the value of a line that is the named field.
func field(line []byte, name string) (value []byte, ok bool) {
	if len(line) < len(name) || string(line[:len(name)]) != name {
		return nil, false
	}
	rest := line[len(name):]
	if len(rest) == 0 {
		return rest, true
	}
	if rest[0] != ':' {
		return nil, false
	}
	return bytes.TrimPrefix(rest[1:], []byte(" ")), true
}

// AppendData appends a frame that holds payload alone. Each line of the
// payload becomes a data line.
func AppendData(dst, payload []byte) []byte {
	for {
		line, next := cutLine(payload)
		dst = append(dst, "data: "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
		if next == len(line) {
			return append(dst, '\n')
		}
		payload = payload[next:]
	}
}

// AppendEvent appends a frame with its id and event, either left out when it
// is "", and payload as AppendData writes it. Line ends in id and event are
// dropped.
func AppendEvent(dst []byte, id, event string, payload []byte) []byte {
	for _, f := range [...]struct{ name, value string }{{"id: ", id}, {"event: ", event}} {
		if f.value != "" {
			dst = append(dst, f.name...)
			dst = append(dst, oneLine(f.value)...)
			dst = append(dst, '\n')
		}
	}
	return AppendData(dst, payload)
}

func oneLine(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(text)
}
