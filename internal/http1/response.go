package http1

import (
	"errors"
	"io"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1/message"
)

// restOnClose is the most bytes that Close drops of what has come already.
const restOnClose = 4 << 10

// Response is an answer whose head has come. It is used by one goroutine.
type Response struct {
	Status int
	Header message.Header
	// Length is the declared length of the body, -1 if only its end will tell.
	Length int64

	client   *Client
	conn     *conn // nil when the answer is done with
	body     message.Framing
	keep     bool          // the connection can be used again when the body is whole
	patience time.Duration // the longest silence in a read; 0 for any
	until    time.Time     // when Finish gives up; zero without it
	err      error         // what further reads return
}

// Read reads the next bytes of the body, as they come: it waits for one read
// of the connection, not until p is full. All of p may be written to. The
// framing of the body is read into p as well, so a p of some KiB is best.
//
// It returns io.EOF, with the last bytes if possible, when the body is whole;
// from then on the connection may serve others. Any other error but ErrClosed
// is of type *Error, and the connection is closed.
func (r *Response) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	for empty := 0; empty < maxEmptyReads; {
		came, err := r.conn.read(p, r.deadline())
		n, reason := r.body.Take(p[:came])
		switch {
		case reason != "":
			r.fail(malformed(reason))
		case r.body.Done():
			r.settle()
		case err != nil:
			r.fail(err)
		case n == 0: // nothing but framing, if anything
			if came == 0 {
				empty++
			}
			continue
		}
		return n, r.err
	}
	r.fail(io.ErrNoProgress)
	return 0, r.err
}

// Await waits until more of the body has come, or its end, and holds no buffer
// meanwhile; over TLS it does not wait. It is for who wants no buffer of his own
// while there is nothing to be read. What went wrong, the next Read tells.
func (r *Response) Await() {
	if r.err != nil || r.conn.unread != nil || !r.conn.plain() || !r.conn.wire.CanFill() {
		return
	}
	r.conn.wire.ReadBy(r.deadline())
	came, err := r.conn.wire.Fill()
	if err != nil {
		r.fail(err)
		return
	}
	r.conn.unread = came
}

// deadline is when a read that begins now is to end; the zero time is never.
func (r *Response) deadline() time.Time {
	if r.conn.unread != nil {
		return time.Time{} // it does not wait
	}
	until := deadline(r.patience)
	if !r.until.IsZero() && (until.IsZero() || r.until.Before(until)) {
		return r.until
	}
	return until
}

// Hurry lowers the longest silence in a read of this answer to at most d.
func (r *Response) Hurry(d time.Duration) {
	if r.patience <= 0 || r.patience > d {
		r.patience = d
	}
}

// Finish reads and drops the rest of the body, so that the connection can be
// used again. It closes the connection instead when the rest does not come
// within maxTime, or when maxBytes of it have come and the last 4 KiB did not
// bring the end. With no maxTime it reads only what has come already with
// earlier reads. It returns nil when the body was whole.
func (r *Response) Finish(maxBytes int, maxTime time.Duration) error {
	if r.conn != nil {
		r.finish(maxBytes, maxTime)
	}
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

// Close ends the use of the response, and closes its connection unless the
// whole body has come. It does not block and may be called several times. It
// always returns nil.
func (r *Response) Close() error {
	_ = r.Finish(restOnClose, 0)
	return nil
}

func (r *Response) finish(maxBytes int, maxTime time.Duration) {
	r.until = time.Now().Add(maxTime)
	scratch := r.client.buffers.Get()
	defer r.client.buffers.Put(scratch)
	room := scratch.Room()
	for left := maxBytes; r.err == nil; {
		if r.conn.unread == nil && maxTime <= 0 {
			break
		}
		n, _ := r.Read(room) // its error is kept
		if left -= n; left < 0 {
			break
		}
	}
	if r.err == nil {
		r.fail(ErrClosed)
	}
}

// settle lets go of the connection: the body is whole.
func (r *Response) settle() {
	r.err = io.EOF
	held := r.conn
	r.conn = nil
	whole := held.unread == nil && !r.body.Surplus()
	if held.end() && whole && r.keep {
		held.kept = true
		r.client.pool.put(held)
		return
	}
	held.hangUp()
	r.client.pool.free()
}

// fail ends the response with err, which reading the body gave.
func (r *Response) fail(err error) {
	if r.body.UntilClose() && errors.Is(err, io.EOF) && !r.conn.truncated() {
		r.settle()
		return
	}
	r.err = ErrClosed
	if !errors.Is(err, ErrClosed) {
		r.err = r.conn.failure(err, ErrSilence, InBody)
	}
	held := r.conn
	r.conn = nil
	held.end()
	held.drop()
	r.client.pool.free()
}
