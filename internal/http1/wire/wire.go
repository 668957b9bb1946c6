package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/buffer"
)

// maxWrite is the most bytes that one write hands to the system, so that a
// long body that moves is not taken for a stuck one.
const maxWrite = 64 << 10

// Conn is a connection with its deadlines. One goroutine at a time uses it; Cut
// may be called by any.
//
// A read or write that ran out of time fails with os.ErrDeadlineExceeded.
type Conn struct {
	net.Conn
	in, out      clock
	writeTimeout time.Duration
	ended        bool
	sent         bool
	glancing     bool
	socket       bool        // Conn is a socket and nothing more
	descriptor   *descriptor // of the socket; nil where it cannot be had
	// vector is what is being written from two places.
	vector net.Buffers
	pair   [2][]byte

	isCut chan struct{} // closed when Cut has done its work
	mu    sync.Mutex
	cause error // why the connection was cut, nil if it wasn't
}

// clock is the deadline of reads or of writes. set is what the connection has,
// want what the operation under way is to have, zero for none.
type clock struct {
	set, want time.Time
	put       func(time.Time) error
}

// nothingError is the error of a glance when there is nothing to read. TLS
// takes it for one that passes.
type nothingError struct{}

func (nothingError) Error() string   { return "nothing to read" }
func (nothingError) Timeout() bool   { return true }
func (nothingError) Temporary() bool { return true }

// ErrLoud is the error of an Ask on a connection that is not quiet.
var ErrLoud = errors.New("there is something to read, or an end, before anything was asked")

// New wraps a connection. Fill takes its buffers from pool.
func New(conn net.Conn, pool *buffer.Buffers) *Conn {
	c := &Conn{Conn: conn, isCut: make(chan struct{})}
	c.in.put, c.out.put = conn.SetReadDeadline, conn.SetWriteDeadline
	if socket, ok := conn.(*net.TCPConn); ok {
		c.socket, c.descriptor = true, describe(socket, pool)
	}
	return c
}

// Cut ends every operation under way and to come, and makes CutBy return cause.
// It is called once at most, and never blocks.
func (c *Conn) Cut(cause error) {
	c.mu.Lock()
	c.cause = cause
	_ = c.Conn.SetDeadline(time.Unix(1, 0)) // within the lock: no later deadline may follow
	c.mu.Unlock()
	close(c.isCut)
}

// CutBy returns why the connection was cut, nil if it wasn't.
func (c *Conn) CutBy() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// AwaitCut waits until a Cut that was begun has returned.
func (c *Conn) AwaitCut() { <-c.isCut }

// ReadBy sets when the reads that follow are to end; the zero time is never.
func (c *Conn) ReadBy(until time.Time) { c.in.want = until }

// LimitWrites sets how long each write of at most 64 KiB may block; 0 is any
// time.
func (c *Conn) LimitWrites(d time.Duration) { c.writeTimeout = d }

// Socket reports whether the connection is a socket and nothing more, which
// WriteBoth makes the best of.
func (c *Conn) Socket() bool { return c.socket }

// Ended reports whether the other side closed the bare connection.
func (c *Conn) Ended() bool { return c.ended }

// Sent reports whether any byte was written since Unsend.
func (c *Conn) Sent() bool { return c.sent }

// Unsend makes Sent false.
func (c *Conn) Unsend() { c.sent = false }

// arm sets the deadline that k wants, unless the connection was cut.
func (c *Conn) arm(k *clock) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	k.set = k.want
	return k.put(k.want)
}

// ready makes sure that the next operation ends at the deadline wanted, or
// before.
func (c *Conn) ready(k *clock) error {
	if k.want.IsZero() || !k.set.IsZero() && !k.set.After(k.want) {
		return nil
	}
	return c.arm(k)
}

// again reports whether an operation that failed with err is to go on, because
// its deadline was that of an older one.
func (c *Conn) again(k *clock, err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !k.set.Equal(k.want) && c.arm(k) == nil
}

// Read reads what is there, or waits for it.
func (c *Conn) Read(p []byte) (int, error) {
	if c.glancing {
		return c.descriptor.glance(p)
	}
	if err := c.ready(&c.in); err != nil {
		return 0, err
	}
	for {
		n, err := c.Conn.Read(p)
		if n == 0 && err != nil && c.again(&c.in, err) {
			continue
		}
		c.ended = c.ended || errors.Is(err, io.EOF)
		return n, err
	}
}

// CanFill reports whether Fill works here.
func (c *Conn) CanFill() bool { return c.descriptor != nil }

// Fill waits until there is something to read, and only then takes a buffer
// for it. A buffer comes without an error.
func (c *Conn) Fill() (*buffer.Buffer, error) {
	if err := c.ready(&c.in); err != nil {
		return nil, err
	}
	for {
		b, err := c.descriptor.fill()
		if err != nil && c.again(&c.in, err) {
			continue
		}
		c.ended = c.ended || errors.Is(err, io.EOF)
		return b, err
	}
}

// Quiet looks at the connection without waiting: it reports whether there is
// nothing to read from over, which is c or TLS over it, and no end either.
// Where that cannot be known it reports true.
func (c *Conn) Quiet(over net.Conn, scratch []byte) bool {
	if c.descriptor == nil {
		return true
	}
	c.glancing = true
	n, err := over.Read(scratch)
	c.glancing = false
	_, nothing := errors.AsType[nothingError](err)
	return n == 0 && nothing
}

// Write writes p: what the socket takes at once, and the rest in pieces of at most
// 64 KiB, each within its limit.
func (c *Conn) Write(p []byte) (int, error) {
	now, err := c.writeNow(p, nil)
	if err != nil || now == len(p) && now > 0 {
		return now, err
	}
	later, err := c.writeRest(p[now:])
	return now + later, err
}

// writeRest writes p in pieces.
func (c *Conn) writeRest(p []byte) (int, error) {
	written := 0
	for {
		n, err := c.writePiece(p[written:min(len(p), written+maxWrite)])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

func (c *Conn) writePiece(p []byte) (int, error) {
	if err := c.readyToWrite(); err != nil {
		return 0, err
	}
	written := 0
	for {
		n, err := c.Conn.Write(p[written:])
		written += n
		c.sent = c.sent || n > 0
		if err == nil || !c.again(&c.out, err) {
			return written, err
		}
	}
}

// writeNow writes what the socket takes of head and body without waiting, so no
// deadline is needed for it; nothing if it is no socket.
func (c *Conn) writeNow(head, body []byte) (int, error) {
	if c.descriptor == nil {
		return 0, nil
	}
	if cause := c.CutBy(); cause != nil {
		return 0, cause
	}
	n, err := c.descriptor.put(head, body)
	c.sent = c.sent || n > 0
	return n, err
}

// WriteBoth writes head and body as Write would if they were one.
func (c *Conn) WriteBoth(head, body []byte) error {
	n, err := c.writeNow(head, body)
	if err != nil {
		return err
	}
	return c.writeFrom(n, head, body)
}

// Ask writes head and body like WriteBoth, if the connection is quiet, as Quiet tells;
// if it is not, it writes nothing and fails with ErrLoud. It may wait for the answer
// too: Fill comes next, and tells how that ended. It works where Fill does. Where it
// waits, it calls written before, and does not use head and body any more.
func (c *Conn) Ask(head, body []byte, written func()) error {
	for {
		if err := c.ready(&c.in); err != nil {
			return err
		}
		n, err := c.descriptor.ask(head, body, written)
		c.sent = c.sent || n > 0
		switch {
		case err == nil:
			return c.writeFrom(n, head, body)
		case n > 0 || !c.again(&c.in, err):
			return err
		}
	}
}

// Asked reports whether an Ask has written all at once, and Fill has not told yet what
// it has waited for.
func (c *Conn) Asked() bool { return c.descriptor != nil && c.descriptor.asked() }

// writeFrom writes what is left of head and body when n bytes are written.
func (c *Conn) writeFrom(n int, head, body []byte) error {
	switch {
	case n == len(head)+len(body):
		return nil
	case n >= len(head):
		_, err := c.writeRest(body[n-len(head):])
		return err
	}
	head = head[n:]
	first := max(0, min(len(body), maxWrite-len(head)))
	if err := c.writePair(head, body[:first]); err != nil || first == len(body) {
		return err
	}
	_, err := c.writeRest(body[first:])
	return err
}

func (c *Conn) writePair(a, b []byte) error {
	if err := c.readyToWrite(); err != nil {
		return err
	}
	c.pair = [2][]byte{a, b}
	c.vector = c.pair[:]
	defer func() { c.pair, c.vector = [2][]byte{}, nil }()
	for {
		n, err := c.vector.WriteTo(c.Conn)
		c.sent = c.sent || n > 0
		if err == nil || !c.again(&c.out, err) {
			return err
		}
	}
}

func (c *Conn) readyToWrite() error {
	c.out.want = time.Time{}
	if c.writeTimeout > 0 {
		c.out.want = time.Now().Add(c.writeTimeout)
	}
	return c.ready(&c.out)
}

// SetDeadline does nothing, like the next two: the deadlines are the Conn's
// own, and TLS over it would set one only to close.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
