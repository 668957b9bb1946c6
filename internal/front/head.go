//go:build linux

package front

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/front/lines"
)

const lineEnd = "\r\n"

// facts are what the headers of an answer say that framing needs.
type facts struct {
	hasLength, hasType, hasDate bool
	length, connection          string
	encoded                     bool // it has a Content-Encoding
}

// note keeps what framing needs of a header, of which this is the first value.
func (f *facts) note(name, first string) {
	switch name {
	case "Content-Length":
		f.hasLength, f.length = true, first
	case "Content-Type":
		f.hasType = true
	case "Content-Encoding":
		f.encoded = first != ""
	case "Connection":
		f.connection = first
	case "Date":
		f.hasDate = true
	}
}

// hasBody reports whether an answer of that status may have one.
func hasBody(status int) bool {
	return status >= http.StatusOK && status != http.StatusNoContent && status != http.StatusNotModified
}

// extra are the headers that the lane adds.
type extra struct {
	length           int64 // -1 for none
	kind, connection string
	dropConnection   bool // of the handler's
	dropLength       bool
	dropKind         bool
}

// writeHead puts the head on its way. p is the first piece of the body, and all of
// it if the handler has returned. What it decides, and in which order, is what
// net/http does.
func (a *answer) writeHead(p []byte) {
	a.sent = true
	bodied := hasBody(a.status)
	e := extra{length: -1}
	if a.done && bodied && !a.facts.hasLength && (!a.isHead || len(p) > 0) {
		e.length = int64(len(p))
		a.declared = e.length
	}
	keep := !a.conn.server.closing.Load()
	if a.x.request.Close || a.x.body.closing || a.facts.connection == "close" || !keep {
		a.closing = true
	}
	a.settle(&e)
	if bodied {
		if !a.facts.encoded && !a.facts.hasType && len(p) > 0 {
			e.kind = http.DetectContentType(p)
		}
	} else {
		e.dropLength, e.dropKind = true, a.status == http.StatusNotModified
	}
	if bodied && !a.isHead && a.declared < 0 {
		a.chunked, e.dropLength = true, true
	}
	if a.closing && (!keep || !hasToken(a.facts.connection, "close")) {
		e.dropConnection, e.connection = true, "close"
	}
	a.append(&e)
}

// settle sees to what is left of the request's body.
func (a *answer) settle(e *extra) {
	if !a.x.body.open || a.closing {
		return
	}
	switch a.x.body.settle() {
	case nothing:
	case unfit:
		a.closing = true
	case tooMuch:
		a.closing, a.tooMuch = true, true
		e.dropConnection, e.connection = true, "close"
	}
}

// append adds the head to what is ready.
func (a *answer) append(e *extra) {
	o := a.buffered()
	b := o.ready
	if text := http.StatusText(a.status); text != "" {
		b = strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(a.status), 10)
		b = append(append(append(b, ' '), text...), lineEnd...)
	} else {
		b = fmt.Appendf(b, "HTTP/1.1 %03d status code %d\r\n", a.status, a.status)
	}
	for _, l := range a.lines {
		if !e.drops(l.Name) {
			b = lines.Append(b, l.Name, l.Value)
		}
	}
	if !a.facts.hasDate {
		b = lines.Append(b, "Date", a.conn.server.date.text())
	}
	if e.length >= 0 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), e.length, 10), lineEnd...)
	}
	if e.kind != "" {
		b = lines.Append(b, "Content-Type", e.kind)
	}
	if e.connection != "" {
		b = lines.Append(b, "Connection", e.connection)
	}
	if a.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	o.ready = append(b, lineEnd...)
	a.conn.sorter.Forget()
}

// drops reports whether a header of the handler's is left out.
func (e *extra) drops(name string) bool {
	switch name {
	case "Connection":
		return e.dropConnection
	case "Content-Length":
		return e.dropLength
	case "Content-Type":
		return e.dropKind
	case "Transfer-Encoding":
		return true
	}
	return false
}

// hasToken reports whether a list has a token, in any case.
func hasToken(list, token string) bool {
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		if strings.EqualFold(part, token) {
			return true
		}
	}
	return false
}
