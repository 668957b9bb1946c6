package socket

import (
	"encoding/binary"
	"unicode/utf8"
)

// wrongError says that a client broke the protocol.
type wrongError struct {
	code int
	text string
}

// Error implements error.
func (e *wrongError) Error() string { return e.text }

const (
	// longestHead is a frame's head with a length of eight bytes and a mask.
	longestHead = 2 + 8 + maskSize
	maskSize    = 4
	// longestControl is the longest payload of a control frame.
	longestControl = 125
)

// inspector follows the client's frames as their bytes come. The library reads them
// too, and refuses most of what is wrong. The inspector refuses the rest: lengths
// that are not told in the shortest way, close frames whose reason is no text, and
// frames without a mask, for which the library has no code. It knows how long a frame
// is going to be.
type inspector struct {
	head   [longestHead]byte
	have   int   // bytes of the head
	left   int64 // bytes of the payload that are to come
	length int64 // the payload of the last data frame
	last   bool  // that frame ends its message

	reason []byte // of a close frame, as far as it has come, masked
}

// look takes the next bytes. It returns how many of them come before what is wrong,
// if something is.
func (i *inspector) look(p []byte) (passed int, wrong *wrongError) {
	for at := 0; at < len(p); {
		if i.left > 0 {
			n := int(min(i.left, int64(len(p)-at)))
			if wrong := i.payload(p[at : at+n]); wrong != nil {
				return passed, wrong
			}
			at += n
			passed = at
			continue
		}
		i.head[i.have] = p[at]
		i.have++
		at++
		if i.have < headSize(i.head[:i.have]) {
			continue
		}
		if wrong := i.begin(); wrong != nil {
			return passed, wrong
		}
		passed = at
	}
	return len(p), nil
}

// isWhole reports whether what has come ends with the end of a message.
func (i *inspector) isWhole() bool { return i.last && i.left == 0 && i.have == 0 }

// headSize is how long a head is, as far as its first bytes tell.
func headSize(head []byte) int {
	if len(head) < 2 {
		return 2
	}
	size := 2
	switch head[1] &^ 0x80 {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if head[1]&0x80 != 0 {
		size += maskSize
	}
	return size
}

// begin judges a head that is complete.
func (i *inspector) begin() *wrongError {
	const lastOfSeven, lastOfSixteen, control = 125, 1<<16 - 1, 0x08
	i.have = 0
	if i.head[1]&0x80 == 0 {
		return &wrongError{Protocol, "a frame without a mask"}
	}
	length := uint64(i.head[1] &^ 0x80)
	shortest := uint64(0)
	switch length {
	case 126:
		length, shortest = uint64(binary.BigEndian.Uint16(i.head[2:])), lastOfSeven+1
	case 127:
		length, shortest = binary.BigEndian.Uint64(i.head[2:]), lastOfSixteen+1
	}
	if length < shortest || length >= 1<<63 {
		return &wrongError{Protocol, "a length that is not told in the shortest way"}
	}
	i.left = int64(length) //nolint:gosec // see above
	if i.head[0]&control == 0 {
		i.length, i.last = i.left, i.head[0]&0x80 != 0
	}
	return nil
}

// payload looks at a part of a payload, which is that of a close frame if it matters.
func (i *inspector) payload(p []byte) *wrongError {
	i.left -= int64(len(p))
	if i.head[0] != opClose || len(i.reason)+len(p) > longestControl {
		return nil
	}
	i.reason = append(i.reason, p...)
	if i.left > 0 {
		return nil
	}
	mask := i.head[2 : 2+maskSize]
	for at := range i.reason {
		i.reason[at] ^= mask[at%maskSize]
	}
	if len(i.reason) > 2 && !utf8.Valid(i.reason[2:]) {
		return &wrongError{NotUTF8, "a close frame whose reason is not UTF-8"}
	}
	return nil
}
