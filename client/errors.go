package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxErrorBody bounds how much of an error's body is read.
const maxErrorBody = 64 << 10

// APIError is an error that the service answered with.
type APIError struct {
	// Status is the HTTP status; 0 if the error came in a stream.
	Status int
	// Code is a stable name of the error, such as rate_limit_requests or
	// queue_full; "" if what answered was not Fairlead.
	Code string
	// Message is one sentence, Detail adds figures or names to it.
	Message, Detail string
	// RetryAfter is how long to wait before trying again; 0 if the service did
	// not say.
	RetryAfter time.Duration
	// Queued is how long the call stood in the service's queue.
	Queued time.Duration
	// RequestID is the service's name of the call: quote it when asking its
	// operator.
	RequestID string

	// shouldRetry is the header x-should-retry: "true", "false" or "".
	shouldRetry string
}

// Error describes the error.
func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString("fairlead: ")
	b.WriteString(e.Message)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", try again after %s", e.RetryAfter)
	}
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	return b.String()
}

// temporary says whether the same call may succeed later.
func (e *APIError) temporary() bool {
	switch {
	case e.RetryAfter > maxWait, e.shouldRetry == "false":
		return false
	case e.shouldRetry == "true":
		return true
	}
	switch e.Status {
	case 0:
		return e.RetryAfter > 0 || isFault(e.Code)
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isFault reports whether an error in a stream, which has no status, is a fault
// of the service or of a provider that may be over.
func isFault(code string) bool {
	switch code {
	case "internal_error", "deadline_exceeded", "provider_unreachable", "upstream_error", "upstream_timeout", "upstream_truncated",
		"upstream_invalid_answer", "upstream_malformed_event":
		return true
	}
	return false
}

// BrokenError says that an answer began and did not end. What came of it is
// not the whole answer, and it was not asked for again. Err is an *APIError if
// the service said why.
type BrokenError struct {
	RequestID string
	Err       error
}

// Error describes the error.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("client: the answer to request %s broke off: %v", e.RequestID, e.Err)
}

// Unwrap returns the cause.
func (e *BrokenError) Unwrap() error { return e.Err }

// badRequestError is a request that cannot even be sent.
type badRequestError struct{ err error }

func (e *badRequestError) Error() string { return "client: " + e.err.Error() }
func (e *badRequestError) Unwrap() error { return e.err }

// errorBody is the native error body. In OpenAI's shape, which /v1 has, error
// is an object.
type errorBody struct {
	Error      json.RawMessage `json:"error"`
	Message    string          `json:"message"`
	Code       string          `json:"code"`
	RequestID  string          `json:"request_id"`
	RetryAfter float64         `json:"retry_after"`
}

// parseAPIError reads an error's body; a body that is none gives an empty
// Message.
func parseAPIError(body []byte) *APIError {
	var b errorBody
	if err := json.Unmarshal(body, &b); err != nil {
		return &APIError{}
	}
	e := &APIError{Code: b.Code, Detail: b.Message, RequestID: b.RequestID, RetryAfter: seconds(b.RetryAfter)}
	var object struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	}
	if json.Unmarshal(b.Error, &e.Message) != nil && json.Unmarshal(b.Error, &object) == nil {
		e.Message, e.Code = object.Message, object.Code
	}
	return e
}

// readAPIError reads an answer that is an error.
func readAPIError(answer *http.Response) *APIError {
	// A body that breaks off still has its status and its headers.
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorBody))
	e := parseAPIError(body)
	e.Status = answer.StatusCode
	if e.Message == "" {
		e.Message = "unexpected answer: " + answer.Status
	}
	if id := answer.Header.Get("X-Request-Id"); id != "" {
		e.RequestID = id
	}
	if wait := retryAfter(answer.Header, time.Now()); wait > 0 {
		e.RetryAfter = wait
	}
	e.Queued = queued(answer.Header)
	e.shouldRetry = strings.ToLower(answer.Header.Get("X-Should-Retry"))
	return e
}

// retryAfter reads retry-after-ms, or else Retry-After, which is seconds or a
// date; 0 if there is neither.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return seconds(ms / 1000)
	}
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return seconds(s)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// seconds turns a number of seconds into a Duration of 0 to a day.
func seconds(s float64) time.Duration {
	if !(s > 0) { // NaN too
		return 0
	}
	const day = 24 * time.Hour
	return time.Duration(min(s, day.Seconds()) * float64(time.Second))
}
