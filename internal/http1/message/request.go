package message

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ErrRequest says that a request cannot be written without harm.
var ErrRequest = errors.New("http1: the request cannot be sent")

// Request is what a client is asked to send. It is only read, so one may be
// sent several times, also at the same time.
type Request struct {
	Method string
	// Target is the path, which begins with a slash, and the query.
	Target string
	// Header is the part of the header lines that stays the same from request
	// to request, More what belongs to this one. The client adds Host and
	// Content-Length.
	Header Lines
	More   Lines
	Body   []byte
}

// Lines are header lines, checked and ready to be written. The zero Lines are
// none. They may hold secrets and don't print themselves.
type Lines struct{ text *string } // a pointer, so that fmt prints none of it from within another struct

// With returns the lines and one more. It fails, naming neither, when name is
// not a token or is one that the client writes or decides on itself, or when
// value has control characters or spaces around it.
func (l Lines) With(name, value string) (Lines, error) {
	if !isToken(name) || slices.ContainsFunc(ours(), func(own string) bool { return sameName(own, name) }) {
		return l, fmt.Errorf("%w: a header's name is not allowed", ErrRequest)
	}
	if !isValue(value) || strings.Trim(value, " \t") != value {
		return l, fmt.Errorf("%w: a header's value is not allowed", ErrRequest)
	}
	text := l.block() + name + ": " + value + "\r\n"
	return Lines{&text}, nil
}

// All yields name and value of every line, in order.
func (l Lines) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for line := range strings.SplitSeq(l.block(), "\r\n") {
			name, value, ok := strings.Cut(line, ": ")
			if ok && !yield(name, value) {
				return
			}
		}
	}
}

// String tells how long the lines are, and no more.
func (l Lines) String() string { return "header lines of " + strconv.Itoa(len(l.block())) + " bytes" }

// GoString is String.
func (l Lines) GoString() string { return l.String() }

func (l Lines) block() string {
	if l.text == nil {
		return ""
	}
	return *l.text
}

// ours are the names that decide on framing and connections.
func ours() []string {
	return []string{
		"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection",
		"Upgrade", "Expect", "TE", "Trailer",
	}
}

// Check finds what would break the framing of the request: its errors wrap
// ErrRequest.
func (r *Request) Check() error {
	if !isToken(r.Method) || r.Method == http.MethodConnect {
		return fmt.Errorf("%w: the method is not allowed", ErrRequest)
	}
	if !strings.HasPrefix(r.Target, "/") {
		return fmt.Errorf("%w: the target does not begin with a slash", ErrRequest)
	}
	for i := range len(r.Target) {
		if c := r.Target[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return fmt.Errorf("%w: the target has a character that is not allowed", ErrRequest)
		}
	}
	return nil
}

// AppendHead appends the head of the request, which Check let pass. version is
// the end of the first line and the Host line.
func (r *Request) AppendHead(dst []byte, version string) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.Target...)
	dst = append(dst, version...)
	dst = append(dst, r.Header.block()...)
	dst = append(dst, r.More.block()...)
	if len(r.Body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
