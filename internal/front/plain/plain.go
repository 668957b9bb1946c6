// Package plain reads the heads of the plainest HTTP/1.1 requests, and tells them
// from all others. It is strict where net/http is kind: what it takes, net/http takes
// too and understands in the same way; what it does not take is not wrong, only not
// its business.
//
// Start with Head.Scan.
package plain

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

const (
	// Longest is the longest head that is plain, in bytes.
	Longest = 16 << 10
	// maxFields is the most header lines of a plain request.
	maxFields = 64
)

// Verdict is what can be said of the bytes that have come.
type Verdict int

// What they are.
const (
	Incomplete Verdict = iota // plain so far
	Complete                  // a plain head
	Odd                       // for others to judge
)

// Head reads the head of a plain request, as its bytes come: each line once.
// Offsets are of the bytes since the request's first.
type Head struct {
	at      int // where the next line begins
	started bool
	method  string
	target  span
	fields  [maxFields]field
	count   int
	host    span
	hosts   int
	length  int64 // of the body; -1 if none was declared
	conns   int   // lines Connection
	close   bool  // the client asks for the connection's end
}

// span is a part of the head.
type span struct{ from, to uint16 }

func (s span) of(head string) string { return head[s.from:s.to] }

// field is a header line.
type field struct{ name, value span }

// Reset makes it ready for another head.
func (h *Head) Reset() {
	h.at, h.started, h.count, h.hosts, h.length, h.conns, h.close = 0, false, 0, 0, -1, 0, false
}

// Scan goes on with data, which are all bytes since the request's first.
func (h *Head) Scan(data []byte) Verdict {
	for {
		end := bytes.IndexByte(data[h.at:], '\n')
		if end < 0 {
			if len(data) >= Longest {
				return Odd
			}
			return Incomplete
		}
		end += h.at
		if end == h.at || data[end-1] != '\r' || end >= Longest {
			return Odd
		}
		line := data[h.at : end-1]
		switch {
		case !h.started:
			h.started = true
			if !h.first(line) {
				return Odd
			}
		case len(line) == 0:
			h.at = end + 1
			if h.hosts != 1 {
				return Odd
			}
			return Complete
		case !h.field(line):
			return Odd
		}
		h.at = end + 1
	}
}

// first reads the request's line.
func (h *Head) first(line []byte) bool {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return false
	}
	switch string(method) {
	case http.MethodPost:
		h.method = http.MethodPost
	case http.MethodGet:
		h.method = http.MethodGet
	case http.MethodHead:
		h.method = http.MethodHead
	case http.MethodDelete:
		h.method = http.MethodDelete
	default:
		return false
	}
	target, ok := bytes.CutSuffix(rest, []byte(" HTTP/1.1"))
	if !ok || !plainTarget(target) {
		return false
	}
	from := len(method) + 1
	h.target = spanOf(from, from+len(target))
	return true
}

// spanOf is a span within Longest.
func spanOf(from, to int) span { return span{uint16(from), uint16(to)} } //nolint:gosec // see above

// plainTarget reports whether a target is a path, and perhaps a query, of
// characters that mean themselves.
func plainTarget(target []byte) bool {
	if len(target) == 0 || target[0] != '/' || len(target) > 1 && target[1] == '/' {
		return false
	}
	path, query, asked := bytes.Cut(target, []byte("?"))
	for _, c := range path {
		if !alphanumeric(c) && c != '/' && c != '-' && c != '.' && c != '_' && c != '~' && c != ':' {
			return false
		}
	}
	for _, c := range query {
		if !alphanumeric(c) && strings.IndexByte("-._~/:=&%+,", c) < 0 {
			return false
		}
	}
	return !asked || len(query) > 0
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Len is the length of a complete head.
func (h *Head) Len() int { return h.at }

// Fields is the number of its headers but Host.
func (h *Head) Fields() int { return h.count }

// IsToken reports whether name may be that of a header.
func IsToken(name string) bool {
	for i := range len(name) {
		if !tokenChar(name[i]) {
			return false
		}
	}
	return name != ""
}

// tokenChar reports whether c may stand in a header's name.
func tokenChar(c byte) bool {
	return alphanumeric(c) || c == '-' || c == '_' || c > ' ' && c < 0x7f && strings.IndexByte("!#$%&'*+.^`|~", c) >= 0
}

// field reads a header line.
func (h *Head) field(line []byte) bool {
	colon := 0
	for colon < len(line) && tokenChar(line[colon]) {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' || h.count == maxFields {
		return false
	}
	from, to := trimmed(line, colon+1)
	value := line[from:to]
	if !plainValue(value) {
		return false
	}
	f := field{spanOf(h.at, h.at+colon), spanOf(h.at+from, h.at+to)}
	switch special(line[:colon]) {
	case refused:
		return false
	case isHost:
		h.hosts++
		h.host = f.value
		return h.hosts == 1 && plainHost(value)
	case isLength:
		if h.length >= 0 || !h.readLength(value) {
			return false
		}
	case isConnection:
		if h.conns++; h.conns > 1 || !h.readConnection(value) {
			return false
		}
	case usual:
	}
	h.fields[h.count] = f
	h.count++
	return true
}

// trimmed is the part of a line from there on without the white space around it.
func trimmed(line []byte, from int) (start, end int) {
	end = len(line)
	for from < end && (line[from] == ' ' || line[from] == '\t') {
		from++
	}
	for from < end && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	return from, end
}

func plainValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// meaning is what a header is to whoever reads the request.
type meaning int

const (
	usual meaning = iota
	isHost
	isLength
	isConnection
	refused // not plain
)

// special finds headers that mean something here.
func special(name []byte) meaning {
	const fold = 'a' - 'A'
	is := func(wanted string) bool {
		if len(name) != len(wanted) {
			return false
		}
		for i, c := range name {
			if 'A' <= c && c <= 'Z' {
				c += fold
			}
			if c != wanted[i] {
				return false
			}
		}
		return true
	}
	switch name[0] | fold {
	case 'h':
		if is("host") {
			return isHost
		}
		return refuse(is("http2-settings"))
	case 'c':
		if is("content-length") {
			return isLength
		}
		if is("connection") {
			return isConnection
		}
	case 't':
		return refuse(is("transfer-encoding") || is("trailer"))
	case 'u':
		return refuse(is("upgrade"))
	case 'e':
		return refuse(is("expect"))
	case 'p':
		return refuse(is("pragma")) // net/http makes a Cache-Control of it
	}
	return usual
}

func refuse(yes bool) meaning { //nolint:revive // what the name of a header says
	if yes {
		return refused
	}
	return usual
}

func plainHost(value []byte) bool {
	for _, c := range value {
		if !alphanumeric(c) && strings.IndexByte("-._:[]", c) < 0 {
			return false
		}
	}
	return len(value) > 0
}

func (h *Head) readLength(value []byte) bool {
	const most = 15 // digits
	if len(value) == 0 || len(value) > most {
		return false
	}
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int64(c-'0') //nolint:mnd // decimal
	}
	h.length = n
	return true
}

func (h *Head) readConnection(value []byte) bool {
	switch string(value) {
	case "close":
		h.close = true
	case "keep-alive", "Keep-Alive":
	default:
		return false
	}
	return true
}

// Fill makes the request of a complete head, whose text is head: all but its body.
// It fills r.Header, which is made and empty, and sets *u as its URL. values must
// have room for Fields values, of which it makes the slices in the header.
func (h *Head) Fill(r *http.Request, u *url.URL, head string, values []string) {
	target := h.target.of(head)
	path, query, _ := strings.Cut(target, "?")
	*u = url.URL{Path: path, RawQuery: query}
	r.Method, r.URL, r.RequestURI, r.Host = h.method, u, target, h.host.of(head)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.ContentLength, r.Close = max(h.length, 0), h.close
	for i, f := range h.fields[:h.count] {
		name := http.CanonicalHeaderKey(f.name.of(head))
		value := f.value.of(head)
		if old, ok := r.Header[name]; ok {
			r.Header[name] = append(old, value)
			continue
		}
		values[i] = value
		r.Header[name] = values[i : i+1 : i+1]
	}
}
