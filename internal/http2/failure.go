package http2

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/http1/message"
)

// The codes of RFC 9113, section 7, that mean something here.
const (
	codeProtocol = 1
	codeRefused  = 7
)

// badHead is why an answer's head was refused.
const badHead message.Reason = "head"

// cutError is why this package itself cut a request off.
type cutError struct{ why error }

func (e *cutError) Error() string { return e.why.Error() }
func (e *cutError) Unwrap() error { return e.why }

// streamError is the transport's error of one stream, whose type is not exported:
// it copies itself into any struct with these fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return fmt.Sprintf("stream error %d", e.Code) }
func (e streamError) Unwrap() error { return e.Cause }

// fromPeer reports whether the server sent the error.
func (e streamError) fromPeer() bool {
	return e.Cause != nil && e.Cause.Error() == "received from peer"
}

// refused reports whether the server says that it has not looked at the request.
func refused(failed *http1.Error) bool {
	reset, ok := errors.AsType[streamError](failed.Err)
	return ok && reset.Code == codeRefused && reset.fromPeer()
}

// malformed is the error of an answer that the transport did not take, nil if err
// is another.
func malformed(err error) *http1.MalformedError {
	reset, ok := errors.AsType[streamError](err)
	if !ok || reset.Code != codeProtocol || reset.fromPeer() {
		return nil
	}
	if known, ok := errors.AsType[*http1.MalformedError](reset.Cause); ok {
		return known
	}
	return &http1.MalformedError{Reason: badHead}
}

// whyCut names the end of flying, the context of a request of ctx; nil if it has
// not ended.
func whyCut(ctx, flying context.Context) error {
	cause := context.Cause(flying)
	if cause == nil {
		return nil
	}
	if ours, ok := errors.AsType[*cutError](cause); ok {
		return ours.why
	}
	return ended(ctx)
}

// ended names the end of ctx, which has ended: the error, and the cause if it has
// one of its own.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || cause == err { //nolint:errorlint // without a cause, Cause is Err itself
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// failure names err, with which the transport failed. where is how far the answer
// was.
func (r *Response) failure(err error, where http1.Where) *http1.Error {
	f := r.flight
	f.mu.Lock()
	failed := &http1.Error{Sent: f.sent, Answered: f.answered, Err: err}
	f.mu.Unlock()
	if !failed.Answered {
		where = http1.BeforeAnswer
	}
	bad := malformed(err)
	switch why := r.ended(); {
	case why != nil:
		failed.Err = why
	case bad != nil:
		failed.Err = bad
	case errors.Is(err, io.EOF):
		failed.Err = &http1.CutError{Where: where, Err: io.ErrUnexpectedEOF}
	default:
		failed.Err = &http1.CutError{Where: where, Err: err}
	}
	return failed
}
