package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/fairleadhq/fairlead/internal/buffer"
	"github.com/fairleadhq/fairlead/internal/http1/message"
	"github.com/fairleadhq/fairlead/internal/http1/wire"
	"github.com/fairleadhq/fairlead/internal/life"
)

const (
	// maxInterim is the most informational answers before the answer.
	maxInterim = 8
	// earlyAnswer is how long an answer is waited for after the request could
	// not be written: it is there, or the connection is broken.
	earlyAnswer = 100 * time.Millisecond
	// farewell is the longest that TLS may take to say that it closes.
	farewell = 100 * time.Millisecond
	// maxEmptyReads is how many reads in a row may bring nothing.
	maxEmptyReads = 100
)

// conn is an open connection. One goroutine at a time uses it.
type conn struct {
	wire *wire.Conn
	top  net.Conn // the wire itself, or TLS over it
	pool *buffer.Buffers
	one  [1]byte // what a single byte is read into
	// kept says that a request before the one under way was answered on it,
	// idleSince since when it is idle.
	kept      bool
	idleSince time.Time

	// Of the request under way:

	unwatch  func() bool    // ends the watch over its context
	sending  *buffer.Buffer // what is being sent, or nil
	sent     func()         // c.giveBack, made once
	unread   *buffer.Buffer // bytes that came and were not taken yet, or nil
	answered bool           // bytes of an answer came
}

// begin makes the end of ctx cut the connection, until end is called.
func (c *conn) begin(ctx context.Context) {
	c.wire.Unsend()
	c.answered = false
	c.unwatch = life.AfterFunc(ctx, func() { c.wire.Cut(ended(ctx)) })
}

// end ends what begin began, and reports whether the connection was not cut.
func (c *conn) end() bool {
	c.dropUnread()
	if c.unwatch() {
		return true
	}
	c.wire.AwaitCut()
	return false
}

// alive reports whether a kept connection can be used again: the other side
// has not closed it, nor sent what nobody asked for. Of one that asks, send finds that
// out.
func (c *conn) alive() bool { return c.asks() || c.wire.Quiet(c.top, c.one[:]) }

// asks reports whether the request is written by the wire's Ask. On a new connection
// there may be something to read: a server that can't serve says so at once.
func (c *conn) asks() bool { return c.kept && c.plain() && c.wire.CanFill() }

// hangUp closes the connection in good order: TLS is told.
func (c *conn) hangUp() {
	c.wire.LimitWrites(farewell)
	_ = c.top.Close()
}

// drop closes the connection at once.
func (c *conn) drop() { _ = c.wire.Close() }

// plain reports whether there is no TLS.
func (c *conn) plain() bool { return c.top == net.Conn(c.wire) }

// send writes the request: in one piece if it is short, and without copying a
// long body to a plain socket. It fails with wire.ErrLoud if the connection has died
// while it was kept. The answer's head is to be there by until.
func (c *conn) send(r *message.Request, version string, until time.Time) error {
	b := c.pool.Get()
	c.sending = b
	defer c.giveBack()
	head, body := r.AppendHead(b.Bytes(), version), r.Body
	vector := c.wire.Socket() && c.plain() && len(head)+len(body) > buffer.Kept
	if !vector {
		n := max(0, min(len(body), buffer.Kept-len(head)))
		head, body = append(head, body[:n]...), body[n:]
	}
	b.Set(head)
	switch {
	case c.asks():
		c.wire.ReadBy(until)
		return c.wire.Ask(head, body, c.sent)
	case vector:
		return c.wire.WriteBoth(head, body)
	}
	if _, err := c.top.Write(head); err != nil || len(body) == 0 {
		return err
	}
	_, err := c.top.Write(body)
	return err
}

// giveBack gives back the buffer of what was sent: while the answer is waited for, there
// is none.
func (c *conn) giveBack() {
	if c.sending != nil {
		c.pool.Put(c.sending)
		c.sending = nil
	}
}

// receive reads the head of the answer, which is to be there by until; the
// zero time is never. Informational answers before it are dropped, and each
// moves until to patience from then, unless that is 0.
func (c *conn) receive(h *message.Header, until time.Time, patience time.Duration) (message.StatusLine, error) {
	left := message.MaxHead
	for range maxInterim + 1 {
		head, err := c.readHead(until, left)
		if err != nil {
			return message.StatusLine{}, err
		}
		left -= len(head)
		line, reason := h.Parse(head)
		switch {
		case reason != "":
			return line, malformed(reason)
		case line.Status == http.StatusSwitchingProtocols:
			return line, malformed(message.Switched)
		case line.Status >= 200:
			return line, nil
		}
		if patience > 0 {
			until = time.Now().Add(patience)
		}
	}
	return message.StatusLine{}, malformed(message.ManyInterim)
}

// readHead reads a head of at most limit bytes. What came behind it is left
// unread.
func (c *conn) readHead(until time.Time, limit int) (string, error) {
	c.wire.ReadBy(until)
	if c.unread == nil {
		if err := c.fill(); err != nil {
			return "", err
		}
		c.answered = true
	}
	for from := 0; ; {
		data := c.unread.Bytes()
		next, end, reason := message.HeadEnd(data, from)
		switch {
		case reason != "":
			return "", malformed(reason)
		case end > limit, end == 0 && len(data) >= limit:
			return "", malformed(message.LongHead)
		case end > 0:
			head := string(data[:end])
			c.take(end)
			return head, nil
		}
		from = next
		n, err := c.top.Read(c.unread.Room())
		c.unread.Fill(n)
		if n == 0 && err != nil {
			return "", err
		}
	}
}

// fill waits for the first bytes with no buffer in hand.
func (c *conn) fill() (err error) {
	if c.plain() && c.wire.CanFill() {
		c.unread, err = c.wire.Fill()
		return err
	}
	for range maxEmptyReads {
		n, err := c.top.Read(c.one[:])
		if n > 0 {
			c.unread = c.pool.Get()
			c.unread.Set(append(c.unread.Bytes(), c.one[0]))
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// read reads what comes next, until until; the zero time is never.
func (c *conn) read(p []byte, until time.Time) (int, error) {
	if c.unread != nil {
		n := copy(p, c.unread.Bytes())
		c.take(n)
		return n, nil
	}
	c.wire.ReadBy(until)
	return c.top.Read(p)
}

// take says that the first n unread bytes are taken.
func (c *conn) take(n int) {
	if !c.unread.Take(n) {
		c.dropUnread()
	}
}

func (c *conn) dropUnread() {
	if c.unread != nil {
		c.pool.Put(c.unread)
		c.unread = nil
	}
}

// failure names err, with which a read or write failed. timeout is what it
// means if it ran out of time, where how far the answer was.
func (c *conn) failure(err, timeout error, where Where) *Error {
	failed := &Error{Sent: c.wire.Sent(), Answered: c.answered, Err: err}
	if !c.answered {
		where = BeforeAnswer
	}
	_, refused := errors.AsType[*MalformedError](err)
	cause := c.wire.CutBy()
	switch {
	case cause != nil:
		failed.Err = cause
	case refused:
	case errors.Is(err, os.ErrDeadlineExceeded):
		failed.Err = timeout
	default:
		failed.Err = &CutError{where, noEOF(err)}
	}
	return failed
}

// unheard says that what came is no answer to the request, which the server has not
// received (RFC 9110, section 15.5.9), and returns the error of that.
func (c *conn) unheard() error {
	c.answered = false
	return io.ErrUnexpectedEOF
}

// truncated reports whether the end that was read is one that TLS does not
// vouch for: anybody on the way can make it.
func (c *conn) truncated() bool { return !c.plain() && c.wire.Ended() }
