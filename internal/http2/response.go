package http2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
)

const (
	// maxEmptyReads is how many reads in a row may bring nothing.
	maxEmptyReads = 100
	// scratch is how many bytes of a rest are dropped at once.
	scratch = 4 << 10
)

// Header is the headers of an answer.
type Header http.Header

// Get returns the value of the first header called name, upper or lower case,
// and "" if there is none.
func (h Header) Get(name string) string { return http.Header(h).Get(name) }

// Response is an answer whose head has come. It is used by one goroutine.
type Response struct {
	Status int
	Header Header
	// Length is the declared length of the body, -1 if only its end will tell.
	Length int64

	client   *Client
	held     *link // nil when the answer is done with
	flight   *flight
	body     io.ReadCloser // nil before the head
	cut      context.CancelCauseFunc
	ended    func() error  // why the request was cut off, nil if it wasn't
	patience time.Duration // the longest silence in a read; 0 for any
	until    time.Time     // when Finish gives up; zero without it
	err      error         // what further reads return
}

// Read reads the next bytes of the body, as they come: it waits for some, not
// until p is full.
//
// It returns io.EOF when the body is whole. Any other error but http1.ErrClosed is
// of type *http1.Error, and the server is told to stop.
func (r *Response) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if why := r.ended(); why != nil { // else what came before could still be read
		r.fail(why)
		return 0, r.err
	}
	for range maxEmptyReads {
		why := http1.ErrSilence
		if !r.until.IsZero() {
			why = http1.ErrClosed
		}
		r.flight.clock.start(r.patience, r.until, why)
		n, err := r.body.Read(p)
		r.flight.clock.pause()
		switch {
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			r.settle()
		case err != nil:
			r.fail(err)
		case n == 0:
			continue
		}
		return n, r.err
	}
	r.fail(io.ErrNoProgress)
	return 0, r.err
}

// Hurry lowers the longest silence in a read of this answer to at most d.
func (r *Response) Hurry(d time.Duration) {
	if r.patience <= 0 || r.patience > d {
		r.patience = d
	}
}

// Finish reads and drops the rest of the body, so that the server need not be
// told to stop. It stops it when the rest does not come within maxTime, or is
// longer than maxBytes. It returns nil when the body was whole.
func (r *Response) Finish(maxBytes int, maxTime time.Duration) error {
	if r.held != nil && maxTime > 0 {
		r.until = time.Now().Add(maxTime)
		p := make([]byte, scratch)
		for left := maxBytes; r.err == nil && left >= 0; {
			n, _ := r.Read(p) // its error is kept
			left -= n
		}
	}
	if r.err == nil {
		r.fail(http1.ErrClosed)
	}
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

// Close ends the use of the response; the server is told to stop unless the body
// was read to its end. It may be called several times, and always returns nil.
func (r *Response) Close() error {
	_ = r.Finish(0, 0)
	return nil
}

// settle lets go of the connection: the body is whole.
func (r *Response) settle() {
	r.err = io.EOF
	r.release(nil)
	r.client.pool.done(r.held)
	r.held = nil
}

// fail ends the response with err, which reading the body gave.
func (r *Response) fail(err error) {
	failed := r.failure(err, http1.InBody)
	r.err = failed
	if errors.Is(err, http1.ErrClosed) || errors.Is(failed.Err, http1.ErrClosed) {
		r.err = http1.ErrClosed
	}
	r.release(failed)
	r.client.pool.done(r.held)
	r.held = nil
}

// release ends the request at the transport. A connection on which it ran into
// silence is not trusted any more.
func (r *Response) release(failed *http1.Error) {
	if failed != nil && (errors.Is(failed.Err, http1.ErrSilence) || errors.Is(failed.Err, http1.ErrWriteTimeout)) {
		r.client.pool.spend(r.held)
	}
	r.flight.clock.stop()
	r.cut(nil)
	if r.body != nil {
		_ = r.body.Close()
	}
	if r.flight.upload != nil {
		r.flight.upload.end()
	}
}
