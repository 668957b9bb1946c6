package message

import (
	"math"
	"net/http"
	"strings"
)

// kind is how the end of a body is told.
type kind uint8

const (
	byLength   kind = iota // after a known number of bytes, 0 for no body
	byChunks               // by the last chunk
	untilClose             // by the end of the connection
)

// Framing finds the end of a body, and takes out of it what is not payload.
// Frame comes first, then Take until Done.
type Framing struct {
	kind    kind
	left    int64 // bytes still to come, byLength
	chunks  chunks
	done    bool
	surplus bool
}

// Done reports whether the body is whole.
func (f *Framing) Done() bool { return f.done }

// Surplus reports whether Take was given more than the body.
func (f *Framing) Surplus() bool { return f.surplus }

// UntilClose reports whether the body is whole when the connection ends.
func (f *Framing) UntilClose() bool { return f.kind == untilClose }

// declared is what the headers of an answer say about framing.
type declared struct {
	length    string // "" for none
	coding    string
	codings   int
	close     bool
	keepAlive bool
}

// Frame decides how the body of an answer to method ends, and whether its
// connection may be used again: RFC 9112, sections 6.3 and 9.3. length is the
// declared one, -1 if only the end of the body will tell.
func (f *Framing) Frame(method string, line StatusLine, h *Header) (length int64, keep bool, reason Reason) {
	said, reason := declare(h)
	if reason == "" && said.codings > 0 {
		reason = judgeCoding(said, line.Minor)
	}
	if reason != "" {
		return 0, false, reason
	}
	keep = !said.close && (line.Minor == 1 || said.keepAlive)
	length = -1
	if said.length != "" {
		if length, reason = parseLength(said.length); reason != "" {
			return 0, false, reason
		}
	}
	switch {
	case method == http.MethodHead || line.Status == http.StatusNoContent || line.Status == http.StatusNotModified:
		f.done = true
		return max(length, 0), keep, ""
	case said.codings > 0:
		f.kind = byChunks
	case length < 0:
		f.kind, keep = untilClose, false
	default:
		f.left, f.done = length, length == 0
	}
	return length, keep, ""
}

// declare gathers the headers that framing depends on.
func declare(h *Header) (said declared, reason Reason) {
	for i := range h.fields {
		switch {
		case h.is(i, "Content-Length"):
			value := h.valueAt(i)
			if value == "" {
				return said, BadLength
			}
			if said.length != "" && said.length != value {
				return said, TwoLengths
			}
			said.length = value
		case h.is(i, "Transfer-Encoding"):
			said.coding = h.valueAt(i)
			said.codings++
		case h.is(i, "Connection"):
			for token := range strings.SplitSeq(h.valueAt(i), ",") {
				token = strings.Trim(token, " \t")
				said.close = said.close || sameName(token, "close")
				said.keepAlive = said.keepAlive || sameName(token, "keep-alive")
			}
		}
	}
	return said, ""
}

func judgeCoding(said declared, minor int) Reason {
	switch {
	case said.codings > 1 || minor == 0 || !sameName(said.coding, "chunked"):
		return BadCoding
	case said.length != "":
		return LengthAndCoding
	}
	return ""
}

func parseLength(digits string) (int64, Reason) {
	var n int64
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' || n > (math.MaxInt64-int64(c-'0'))/10 {
			return 0, BadLength
		}
		n = n*10 + int64(c-'0')
	}
	return n, ""
}

// Take is given the next bytes that came. It moves the payload among them to
// the start of p and returns how much that is, also beside a reason.
func (f *Framing) Take(p []byte) (int, Reason) {
	switch f.kind {
	case untilClose:
		return len(p), ""
	case byChunks:
		n, used, reason := f.chunks.strip(p)
		f.done = f.chunks.state == chunksDone
		f.surplus = used < len(p)
		return n, reason
	case byLength:
	}
	n := int(min(f.left, int64(len(p))))
	f.left -= int64(n)
	f.done = f.left == 0
	f.surplus = n < len(p)
	return n, ""
}
