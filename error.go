package fairlead

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what the caller can do about an error. Faces turn it into a
// status; nothing else knows status codes.
type Kind uint8

// The kinds.
const (
	// Internal: the service is at fault; there is nothing the caller can do.
	Internal Kind = iota + 1
	// Invalid: the request is wrong and will stay so.
	Invalid
	// Unauthenticated: no key, or one that does not work.
	Unauthenticated
	// Forbidden: the key works but may not do this.
	Forbidden
	// NotFound: the thing named does not exist for this app.
	NotFound
	// NotAllowed: the path exists but not with this method.
	NotAllowed
	// TooLarge: the body or a header is over a limit.
	TooLarge
	// WrongType: the body is not in a content type that is understood.
	WrongType
	// Unsupported: the model does not have this operation or option.
	Unsupported
	// Limited: the app is over a limit of its own; RetryAfter says for how long.
	Limited
	// Busy: shared capacity is short; RetryAfter says when to come back.
	Busy
	// Late: the operation ran past its time after work had begun.
	Late
	// Upstream: a provider failed, or gave an answer that is not one.
	Upstream
	// Canceled: the caller left.
	Canceled
	// Gone: what was there is there no more.
	Gone
)

// String returns the kind's name as metrics and logs spell it.
func (k Kind) String() string {
	names := [...]string{
		"none", "internal", "invalid", "unauthenticated", "forbidden", "not_found", "not_allowed",
		"too_large", "wrong_type", "unsupported", "limited", "busy", "late", "upstream", "canceled", "gone",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Error is an error with what its caller may know. Code, Message, Detail and
// Param go to the caller; Err is for the log and must hold no prompt, key or
// document.
type Error struct {
	Kind Kind
	// Code is a stable name, in snake case, that says which limit or check and
	// whose.
	Code string
	// Message is one sentence for the caller; Detail adds figures or names.
	Message string
	Detail  string
	// Param names the field of the request that is wrong, if one is.
	Param string
	// RetryAfter is how long to wait before trying again; 0 when that is
	// unknown or pointless.
	RetryAfter time.Duration
	// NoRetry tells clients that would try again on their own not to.
	NoRetry bool
	// Hold is for how long the upstream itself asked to be left alone; 0 if it did
	// not say. It is for routing, not for the caller.
	Hold time.Duration
	// Status is what the upstream answered in its own protocol; 0 if nothing.
	// It is for the account, not for the caller.
	Status int
	Err    error
}

// NoDocument is the Message of every error with Code "document_not_found".
const NoDocument = "There is no document with this id"

// Error describes the error for the log.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Kind, e.Code, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Kind, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error, wrapping what is not one as Kind Internal.
// A nil err gives nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Code: "internal_error", Message: "The service failed to handle the request", Err: err}
}

// IsKind reports whether err is an *Error of that kind.
func IsKind(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}

// NewBusy is the refusal of a call that shared capacity has no room for; it
// should come back after wait.
func NewBusy(code, detail string, wait time.Duration) *Error {
	return &Error{
		Kind: Busy, Code: code, Message: "Service is busy, please try again later", Detail: detail, RetryAfter: wait,
	}
}

// NewLate is the error of a call that ran past its time after work had begun.
func NewLate(err error) *Error {
	return &Error{Kind: Late, Code: "deadline_exceeded", Message: "The operation ran past its time", Err: err}
}

// NewCanceled is the error of a call whose caller left.
func NewCanceled(err error) *Error {
	return &Error{Kind: Canceled, Code: "client_left", Message: "The client left", Err: err}
}
