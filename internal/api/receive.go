package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// Receive has take read the request's body from a reader, piece by piece: a body that
// is too long to be held. Of whatever type it is, it must have at most so many bytes; 0
// is no limit, and the limit of other bodies does not apply. A read blocks until there
// is something, the client has been silent for too long or sends too slowly, or ctx's
// deadline comes; after the last byte nothing of that bounds what take does. Errors of
// the reader are of Kind Invalid, TooLarge and Late. What Receive returns is take's
// error, or one of Kind WrongType, TooLarge or Invalid, the last for the headers that
// Call read, before take is called.
func (x *Exchange) Receive(ctx context.Context, limit int64, take func(body io.Reader) error) error {
	if x.wish != nil {
		return x.wish
	}
	if encoding := x.R.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return wrongType("a compressed body is not accepted")
	}
	if limit > 0 && x.R.ContentLength > limit {
		x.closeAfter()
		return tooLarge(limit)
	}
	restore := x.cutReads(ctx)
	ended := false
	end := func() {
		if !ended {
			ended = true
			restore()
		}
	}
	defer end()
	began, had := time.Now(), int64(0)
	err := take(readerFunc(func(p []byte) (int, error) {
		if ended {
			return 0, io.EOF
		}
		_ = x.control.SetReadDeadline(soonest(ctx, due(began, had)))
		if ctx.Err() != nil { // perhaps before the line above, which undid what that set
			return 0, ctx.Err()
		}
		n, err := x.R.Body.Read(p)
		had += int64(n)
		switch {
		case limit > 0 && had > limit:
			return n, tooLarge(limit)
		case errors.Is(err, io.EOF):
			x.bodyRead = true
			end() // or a deadline that passes later would end the request
			return n, io.EOF
		case err != nil:
			return n, unreadable(ctx, err)
		}
		return n, nil
	}))
	if !x.bodyRead && x.R.Body != http.NoBody { // what is left of it is not worth reading
		x.closeAfter()
	}
	return err
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
