//go:build linux

package front

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/life"
)

// mostLeft is how much of a body that its handler left is read for the sake of the
// connection: as much as net/http reads.
const mostLeft = 256 << 10

// leftGrace bounds that if the handler has set no deadline.
const leftGrace = 10 * time.Second

// exchange is all that one request needs, in one piece.
type exchange struct {
	request http.Request
	url     url.URL
	context life.Context
	body    body
	answer  answer
}

// body is the body of a request, of declared length. It behaves like that of
// net/http.
type body struct {
	conn    *conn
	open    bool // there is one
	closing bool // the client wants the connection closed after the answer

	mu     sync.Mutex
	left   int64
	ended  bool // its end was read
	closed bool
	early  bool // Close left bytes on the connection
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.read(p)
}

// read is Read while the mutex is held.
func (b *body) read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.conn.readBody(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil {
		b.conn.fail()
		if err == io.EOF { //nolint:errorlint // readBody's own
			b.ended = true
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	if b.left == 0 {
		b.ended = true
		b.conn.bodyEnded()
		err = io.EOF
	}
	return n, err
}

// readBody reads what was read with the head, then from the connection.
func (c *conn) readBody(p []byte) (int, error) {
	if c.rest != nil {
		n := copy(p, c.rest.Bytes())
		c.take(n)
		return n, nil
	}
	return c.Read(p)
}

// Buffered is how many of the next bytes are here: Read returns them without
// waiting.
func (b *body) Buffered() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.conn.rest == nil {
		return 0
	}
	return min(int64(len(b.conn.rest.Bytes())), b.left)
}

// fail ends the context of the request, because the connection failed.
func (c *conn) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.End(context.Canceled)
	}
}

// Close implements io.Closer. It reads what is left, up to a limit, so that the
// connection can be used again.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	var err error
	switch {
	case b.ended, b.closing:
	case b.left > mostLeft:
		b.early = true
	default:
		var n int64
		n, err = b.discard(mostLeft)
		if err == io.EOF { //nolint:errorlint // read's own
			err = nil
		}
		b.early = n == mostLeft
	}
	b.closed = true
	return err
}

// discard reads until an error, or most bytes. The caller holds the mutex.
func (b *body) discard(most int64) (n int64, err error) {
	b.conn.In.AtMost(leftGrace)
	scratch := b.conn.Buffers.Get()
	defer b.conn.Buffers.Put(scratch)
	room := scratch.Room()
	for n < most && err == nil {
		var m int
		m, err = b.read(room[:min(int64(len(room)), most-n)])
		n += int64(m)
	}
	return n, err
}

// remains is what is to be done about a body when the head of the answer goes out.
type remains int

const (
	nothing remains = iota // it was read to its end
	unfit                  // the connection can't be used again
	tooMuch                // and too much is left to read
)

// settle reads what is left of the body before the head of the answer goes out:
// many clients send all before they read.
func (b *body) settle() remains {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed && !b.ended:
		return unfit
	case b.closed:
		return nothing
	case b.left >= mostLeft:
		return tooMuch
	case !b.ended:
		if _, err := b.discard(mostLeft + 1); err != io.EOF { //nolint:errorlint // read's own
			return unfit
		}
	}
	b.closed = true
	return nothing
}

// leftEarly reports whether Close left bytes on the connection.
func (b *body) leftEarly() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.early
}
