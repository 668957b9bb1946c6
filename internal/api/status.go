package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
)

// statusClientLeft is never sent: nobody is there to read it.
const statusClientLeft = 499

// Codes of errors that HTTP has a status of its own for.
const (
	codeURLTooLong      = "url_too_long"
	codeHeadersTooLarge = "headers_too_large"
	codeBodyTimeout     = "body_timeout"
)

// Status is what an error is called in HTTP.
func Status(e *fairlead.Error) int {
	switch e.Code {
	case codeURLTooLong:
		return http.StatusRequestURITooLong
	case codeHeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case codeBodyTimeout:
		return http.StatusRequestTimeout
	}
	switch e.Kind {
	case fairlead.Invalid, fairlead.Unsupported:
		return http.StatusBadRequest
	case fairlead.Unauthenticated:
		return http.StatusUnauthorized
	case fairlead.Forbidden:
		return http.StatusForbidden
	case fairlead.NotFound:
		return http.StatusNotFound
	case fairlead.NotAllowed:
		return http.StatusMethodNotAllowed
	case fairlead.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fairlead.WrongType:
		return http.StatusUnsupportedMediaType
	case fairlead.Limited:
		return http.StatusTooManyRequests
	case fairlead.Busy:
		return http.StatusServiceUnavailable
	case fairlead.Late:
		return http.StatusGatewayTimeout
	case fairlead.Upstream:
		return http.StatusBadGateway
	case fairlead.Canceled:
		return statusClientLeft
	case fairlead.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// longestRetry is the longest wait that clients which try again on their own
// are told to sit out; they ignore a longer one and come back at once.
const longestRetry = time.Minute

// setRetry says when to come back.
func setRetry(h http.Header, e *fairlead.Error) {
	if e.NoRetry {
		h.Set("X-Should-Retry", "false")
	}
	if e.RetryAfter <= 0 {
		return
	}
	h.Set("Retry-After", strconv.Itoa(RetrySeconds(e.RetryAfter)))
	h.Set("Retry-After-Ms", strconv.FormatInt(max(ceilMillis(e.RetryAfter), 1), 10))
	if !e.NoRetry {
		h.Set("X-Should-Retry", strconv.FormatBool(e.RetryAfter <= longestRetry))
	}
}

// RetrySeconds is a wait in whole seconds, rounded up, at least 1.
func RetrySeconds(wait time.Duration) int {
	return max(int(math.Ceil(wait.Seconds())), 1)
}

func ceilMillis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// setWindow tells how the app's request window stands.
func setWindow(h http.Header, w fairlead.WindowState) {
	if w.Limit <= 0 {
		return
	}
	h.Set("X-Ratelimit-Limit-Requests", strconv.Itoa(w.Limit))
	h.Set("X-Ratelimit-Remaining-Requests", strconv.Itoa(w.Remaining))
	h.Set("X-Ratelimit-Reset-Requests", (time.Duration(ceilMillis(w.Reset)) * time.Millisecond).String())
}
