//go:build linux

package front

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/internal/front/lines"
)

// answer is the writer of an answer. Like that of net/http it holds the body back
// until 2 KiB are there, or the handler flushes or returns, and decides then how
// the body is framed; all that is ready then goes out in one write.
type answer struct {
	conn   *conn
	x      *exchange
	header http.Header
	isHead bool // the method is HEAD

	status   int // 0 until the handler has said it
	declared int64
	written  int64
	facts    facts
	lines    []lines.Line // of the head, until it is on its way
	out      *out         // nil between flushes
	err      error

	sent    bool // the head is on its way
	chunked bool
	done    bool // the handler has returned
	closing bool // the connection ends with the answer
	tooMuch bool // since too much of the request is left
}

func (a *answer) init(c *conn, x *exchange) {
	if c.answered == nil || len(c.answered) > keptFields {
		c.answered = make(http.Header)
	}
	clear(c.answered)
	a.conn, a.x, a.header, a.declared = c, x, c.answered, -1
	a.isHead = x.request.Method == http.MethodHead
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// SetReadDeadline is for http.ResponseController.
func (a *answer) SetReadDeadline(t time.Time) error {
	a.conn.In.UntilFor(a, t)
	return nil
}

// SetWriteDeadline is for http.ResponseController.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.conn.Out.UntilFor(a, t)
	return nil
}

// WriteHeader implements http.ResponseWriter. The headers are those of now. A
// status 1xx is passed over.
func (a *answer) WriteHeader(status int) {
	if a.takes(status) {
		a.lines = a.conn.sorter.Map(a.header, a.facts.note)
		a.declare()
	}
}

// WriteHead is WriteHeader with further headers, which replace those of Header: the
// n-th name is canonical and has the n-th value. To put them into a map, and to take
// them out again, is dearer than all else that is done with a head.
func (a *answer) WriteHead(status int, names, values []string) {
	if len(a.header) > 0 {
		for i, name := range names {
			a.header[name] = []string{values[i]}
		}
		a.WriteHeader(status)
		return
	}
	if a.takes(status) {
		a.lines = a.conn.sorter.List(names, values, a.facts.note)
		a.declare()
	}
}

// takes reports whether the head begins, and is one with that status.
func (a *answer) takes(status int) bool {
	if a.status != 0 {
		a.conn.server.logf("http: superfluous response.WriteHeader call")
		return false
	}
	const least, most = 100, 999
	if status < least || status > most {
		panic("invalid WriteHeader code " + strconv.Itoa(status))
	}
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		return false
	}
	a.status = status
	return true
}

// declare notes the length that the headers declare.
func (a *answer) declare() {
	if a.facts.length != "" {
		if n, err := strconv.ParseInt(a.facts.length, 10, 64); err == nil && n >= 0 {
			a.declared = n
		} else {
			a.conn.server.logf("http: invalid Content-Length of %q", a.facts.length)
		}
	}
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !hasBody(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.written += int64(len(p))
	if a.declared >= 0 && a.written > a.declared {
		return 0, http.ErrContentLength
	}
	if a.err != nil {
		return 0, a.err
	}
	return a.hold(p)
}

// hold fills what is held back, and lets go of whole rooms of it; what is longer
// and finds the room empty goes as it is.
func (a *answer) hold(p []byte) (n int, err error) {
	for {
		o := a.buffered()
		room := bodyRoom - len(o.body)
		if len(p) <= room {
			o.body = append(o.body, p...)
			return n + len(p), nil
		}
		if len(o.body) == 0 {
			err = a.emit(p)
			if err == nil {
				n += len(p)
			}
			return n, err
		}
		o.body = append(o.body, p[:room]...)
		n += room
		p = p[room:]
		if err := a.letGo(); err != nil {
			return n, err
		}
	}
}

func (a *answer) buffered() *out {
	if a.out == nil {
		a.out = a.conn.server.outs.get()
	}
	return a.out
}

// letGo emits what is held back.
func (a *answer) letGo() error {
	if a.out == nil || len(a.out.body) == 0 {
		return a.err
	}
	body := a.out.body
	err := a.emit(body)
	a.out.body = body[:0]
	return err
}

// emit puts a piece of the body on its way, behind the head.
func (a *answer) emit(p []byte) error {
	if !a.sent {
		a.writeHead(p)
	}
	if a.err != nil || a.isHead {
		return a.err
	}
	o := a.buffered()
	var end []byte
	if a.chunked {
		o.ready = append(strconv.AppendInt(o.ready, int64(len(p)), 16), lineEnd...) //nolint:mnd // hexadecimal
		end = o.end
	}
	if len(o.ready)+len(p)+len(end) <= outRoom {
		o.ready = append(append(o.ready, p...), end...)
		return nil
	}
	a.failed(a.conn.WriteParts(o.ready, p, end))
	o.ready = o.ready[:0]
	return a.err
}

// push writes what is ready.
func (a *answer) push() {
	if a.out == nil {
		return
	}
	if len(a.out.ready) > 0 && a.err == nil {
		a.failed(a.conn.Write(a.out.ready))
	}
	a.out.ready = a.out.ready[:0]
	a.conn.server.outs.put(a.out)
	a.out = nil
}

// failed notes the first failure of the connection, which ends the request's
// context.
func (a *answer) failed(err error) {
	if err != nil && a.err == nil {
		a.err = err
		a.x.context.End(context.Canceled)
	}
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() } // who asks so does not want to know

// FlushError is for http.ResponseController.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	_ = a.letGo() // kept in err
	if !a.sent {
		a.writeHead(nil)
	}
	a.push()
	return a.err
}

// finish ends the answer of a handler that has returned, and reports whether the
// connection may be used again.
func (a *answer) finish() (again bool) {
	a.done = true
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	_ = a.letGo() // kept in err
	if !a.sent {
		a.writeHead(nil)
	}
	if a.chunked {
		o := a.buffered()
		o.ready = append(o.ready, "0"+lineEnd+lineEnd...)
	}
	a.push()
	early := a.closeBody()
	if a.tooMuch || early {
		a.conn.lingerOn()
		return false
	}
	whole := a.isHead || a.declared < 0 || !hasBody(a.status) || a.declared == a.written
	return whole && !a.closing && a.err == nil
}

// closeBody reports whether bytes of it are left on the connection.
func (a *answer) closeBody() (early bool) {
	if !a.x.body.open {
		return false
	}
	_ = a.x.body.Close() // the connection tells by itself
	return a.x.body.leftEarly()
}

// abort ends the answer of a handler that panicked.
func (a *answer) abort() {
	a.closeBody()
	if a.out != nil {
		a.out.body = a.out.body[:0]
		a.push()
	}
}
