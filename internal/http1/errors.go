package http1

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairleadhq/fairlead/internal/http1/message"
)

var (
	// ErrPoolTimeout says that no connection became free within PoolTimeout.
	ErrPoolTimeout = errors.New("http1: no connection became free in time")
	// ErrPoolFull says that MaxWaiting requests were waiting for a connection.
	ErrPoolFull = errors.New("http1: too many requests wait for a connection")
	// ErrConnectTimeout is the cause in a DialError when ConnectTimeout passed.
	ErrConnectTimeout = errors.New("http1: connecting took too long")
	// ErrWriteTimeout says that a write blocked for WriteTimeout.
	ErrWriteTimeout = errors.New("http1: the server took too long to take the request")
	// ErrSilence says that the server sent nothing for ReadTimeout.
	ErrSilence = errors.New("http1: the server was silent for too long")
	// ErrClosed says that the response was closed before it was read to its end.
	ErrClosed = errors.New("http1: the response was closed")
	// ErrRequest says that a request, or one of its header lines, cannot be
	// written without harm. Nothing of it was.
	ErrRequest = message.ErrRequest
)

// Error is every error of Client.Do, and every error of a Response's reads but
// io.EOF and ErrClosed. Err is, or wraps, one of the Err values above, a
// *DialError, a *CutError, a *MalformedError, or both the error and the cause
// of the context.
type Error struct {
	// Sent says that bytes of the request may have reached the server: it may
	// have acted on it.
	Sent bool
	// Answered says that bytes of an answer came.
	Answered bool
	Err      error
}

// Error tells Err. It holds no byte of request or answer.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// DialError says that no connection could be opened. Err is the dialer's error,
// that of the TLS handshake, or ErrConnectTimeout.
type DialError struct{ Err error }

// Error tells Err.
func (e *DialError) Error() string { return "http1: connecting: " + e.Err.Error() }

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }

// Where is how far an answer had come when the connection broke.
type Where uint8

// The places where a connection may break. InBody includes trailers.
const (
	BeforeAnswer Where = iota
	InHead
	InBody
)

// String tells the place in words.
func (w Where) String() string {
	switch w {
	case BeforeAnswer:
		return "before any byte of the answer"
	case InHead:
		return "in the head of the answer"
	case InBody:
		return "in the body of the answer"
	}
	return "somewhere"
}

// CutError says that the connection broke before the answer was whole. Err is
// the error of the connection, never io.EOF: that is io.ErrUnexpectedEOF here.
type CutError struct {
	Where Where
	Err   error
}

// Error tells where, and Err.
func (e *CutError) Error() string {
	return fmt.Sprintf("http1: the connection broke %v: %v", e.Where, e.Err)
}

// Unwrap returns Err.
func (e *CutError) Unwrap() error { return e.Err }

// MalformedError says that what came is not an answer that this client takes.
// Nothing of what came is in it.
type MalformedError struct{ Reason message.Reason }

// Error tells the reason.
func (e *MalformedError) Error() string { return "http1: malformed answer: " + string(e.Reason) }

// malformed is a MalformedError for the reason, and nil for none.
func malformed(reason message.Reason) error {
	if reason == "" {
		return nil
	}
	return &MalformedError{reason}
}

// contextError is the end of a context that has a cause of its own: it is both.
type contextError struct{ err, cause error }

func (e *contextError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *contextError) Unwrap() []error { return []error{e.err, e.cause} }

// ended names the end of ctx, which has ended.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || cause == err { //nolint:errorlint // without a cause, Cause is Err itself
		return err
	}
	return &contextError{err, cause}
}

// noEOF is err, or io.ErrUnexpectedEOF for io.EOF, which callers take for the
// good end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
