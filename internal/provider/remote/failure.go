package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/reach"
)

// brokenError says that the body of an answer ended before it was whole.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return fmt.Sprintf("reading the answer: %v", e.err) }
func (e *brokenError) Unwrap() error { return e.err }

func brokenOff(err error) error { return &brokenError{err} }

func invalidAnswer(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: "upstream_invalid_answer", Status: http.StatusOK,
		Message: "The provider's answer is not one that can be understood", Err: err,
	}
}

func malformedEvent(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: "upstream_malformed_event", Status: http.StatusOK,
		Message: "The provider's stream has an event that cannot be understood", Err: err,
	}
}

// saidError is the error of a long answer that turned out to be an error
// object, or to have one. What that says is not kept.
func saidError() error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: "upstream_error", Status: http.StatusOK, Message: "The provider reported an error",
	}
}

func errTooLong() error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: "upstream_answer_too_long", Status: http.StatusOK,
		Message: "The provider's answer is longer than this service passes on",
		Err:     fmt.Errorf("the answer has more than %d bytes", maxAnswer),
	}
}

// failure names err, with which a flight failed. ctx is the caller's context
// and cause why the flight was cut short, if it was: a cut connection shows
// itself in many errors, so the cause goes first.
//
// Whatever the upstream said, no piece of the key gets past here: not to the
// caller in Code, Message, Detail or Param, and not to the log in Err.
func (p *Provider) failure(ctx context.Context, cause, err error) *fairlead.Error {
	var known *fairlead.Error
	var gone *goneError
	failed := &fairlead.Error{Kind: fairlead.Upstream, Detail: p.detail(), Err: loggable(err)}
	if _, ok := errors.AsType[*brokenError](err); ok {
		failed.Status = http.StatusOK
	}
	switch {
	case errors.As(err, &gone):
		return p.left(ctx, err)
	case errors.As(err, &known):
		answered := *known
		if answered.Status == 0 && (answered.Kind == fairlead.Upstream || answered.Kind == fairlead.Busy) {
			answered.Status = http.StatusOK // of package dialect, which read a 200
		}
		p.withhold(&answered)
		return &answered
	case errors.Is(cause, errTotal):
		failed.Code, failed.Err = "upstream_timeout", cause
		failed.Message = "The provider took too long to answer"
	case errors.Is(cause, errNoContent), errors.Is(err, errNoContent):
		failed.Code, failed.Err = "upstream_timeout", errNoContent
		failed.Message = "The provider took too long to begin its answer"
	case errors.Is(err, http1.ErrSilence):
		failed.Code = "upstream_timeout"
		failed.Message = "The provider took too long to answer"
	case errors.Is(err, http1.ErrPoolTimeout), errors.Is(err, http1.ErrPoolFull):
		failed.Kind, failed.Code = fairlead.Busy, "provider_pool_timeout"
		failed.Message = "All connections to the provider are in use"
		failed.RetryAfter = clampRetry(p.limits.PoolTimeout)
	case ctx.Err() != nil:
		return p.left(ctx, err)
	default:
		p.broken(failed, err)
	}
	return failed
}

// detail tells whose failure it is.
func (p *Provider) detail() string { return "provider " + p.name }

// withhold takes out of e each of the upstream's words that hold a piece of
// the key. Of Message and Code only those of a request at fault are the
// upstream's; the others are constants.
func (p *Provider) withhold(e *fairlead.Error) {
	if e.Detail != p.detail() && p.key.in(e.Detail) {
		e.Detail = ""
	}
	if p.key.in(e.Param) {
		e.Param = ""
	}
	if e.Kind != fairlead.Invalid && e.Kind != fairlead.NotFound && e.Kind != fairlead.TooLarge {
		return
	}
	ours := generic(e.Kind)
	if p.key.in(e.Message) {
		e.Message, e.Detail = ours.Message, "its own words are withheld"
	}
	if p.key.in(e.Code) {
		e.Code = ours.Code
	}
}

// left names the error of a call whose caller is not there any more: its
// context ended, or emit failed.
func (p *Provider) left(ctx context.Context, err error) *fairlead.Error {
	var named *fairlead.Error
	if errors.As(context.Cause(ctx), &named) || ctx.Err() == nil && errors.As(err, &named) {
		return named
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fairlead.NewLate(loggable(err))
	}
	return fairlead.NewCanceled(loggable(err))
}

// broken names what went wrong with a connection.
func (p *Provider) broken(failed *fairlead.Error, err error) {
	var dial *http1.DialError
	var malformed *http1.MalformedError
	switch {
	case errors.Is(err, reach.ErrRefused):
		failed.Code = "provider_address_refused"
		failed.Message = "The provider's address is one that this service does not connect to"
	case errors.As(err, &dial):
		failed.Code = "provider_unreachable"
		failed.Message = "The provider cannot be reached"
	case errors.Is(err, http1.ErrWriteTimeout):
		failed.Code = "upstream_timeout"
		failed.Message = "The provider took too long to take the request"
	case failed.Status == 0 && errors.As(err, &malformed):
		failed.Code = "upstream_invalid_answer"
		failed.Message = "The provider's answer is not one that can be understood"
	default:
		failed.Code = "upstream_truncated"
		failed.Message = "The provider's connection broke before the answer was whole"
	}
}
