package remote

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
)

const (
	// maxErrorBody is how much of an error's body is read, and errorBodyTime
	// how long the upstream may be silent in it.
	maxErrorBody  = 64 << 10
	errorBodyTime = 2 * time.Second
	// A wait that the upstream asks for is kept within these bounds; it is
	// retryDefault when it asks for none.
	retryMin     = time.Second
	retryMax     = time.Hour
	retryDefault = 5 * time.Second
	// statusOverloaded is not of RFC 9110; some providers use it for 503.
	statusOverloaded = 529
)

// refused is the error of an answer with a status that says only that the
// upstream failed.
func (p *Provider) refused(status int) *fairlead.Error {
	return &fairlead.Error{
		Kind:    fairlead.Upstream,
		Code:    "upstream_error",
		Message: "The provider failed to answer",
		Detail:  p.detail(),
		Status:  status,
		Err:     fmt.Errorf("provider %s answered %d", p.name, status),
	}
}

// refusal names an answer that is not a 200. The upstream's own words reach
// the caller only where the request is at fault: elsewhere they speak of the
// operator's account.
func (p *Provider) refusal(resp received) *fairlead.Error {
	resp.Hurry(errorBodyTime)
	said, _ := io.ReadAll(io.LimitReader(resp, maxErrorBody)) // half a body has half a message
	refused := p.refused(resp.Status)
	words := p.language.ReadError(said)
	switch status := p.language.meant(resp.Status, words.Code); {
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		refused.Kind = fairlead.Invalid
		quote(refused, words)
	case status == http.StatusNotFound:
		refused.Kind = fairlead.NotFound
		quote(refused, words)
	case status == http.StatusRequestEntityTooLarge:
		refused.Kind = fairlead.TooLarge
		quote(refused, words)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusPaymentRequired:
		refused.Code = "upstream_auth"
		refused.Message = "The provider did not accept this service's account"
	case status == http.StatusTooManyRequests:
		refused.Kind, refused.Code = fairlead.Busy, "provider_rate_limited"
		refused.Message = "The provider's rate limit is reached"
		refused.RetryAfter, refused.Hold = retryAfter(resp.Header, time.Now()), refusedHold(resp.Header, time.Now())
	case status == http.StatusServiceUnavailable, status == statusOverloaded:
		refused.Kind, refused.Code = fairlead.Busy, "provider_unavailable"
		refused.Message = "The provider is busy"
		refused.RetryAfter, refused.Hold = retryAfter(resp.Header, time.Now()), refusedHold(resp.Header, time.Now())
	case status >= 300 && status < 400:
		refused.Code = "upstream_redirect"
		refused.Message = "The provider answered with a redirect, which is not followed"
	case status < 300:
		refused.Code = "upstream_invalid_answer"
		refused.Message = "The provider's answer is not one that can be understood"
	}
	return refused
}

// quote gives the error, whose Kind is set, the upstream's own message, code
// and param, as far as it has them.
func quote(e *fairlead.Error, words dialect.Words) {
	ours := generic(e.Kind)
	e.Code, e.Message, e.Param = ours.Code, ours.Message, words.Param
	if words.Message != "" {
		e.Message, e.Detail = words.Message, ""
	}
	if e.Kind == fairlead.Invalid && isName(words.Code) {
		e.Code = words.Code
	}
}

// generic is what an error of a request at fault is called without the
// upstream's words.
func generic(kind fairlead.Kind) *fairlead.Error {
	if kind == fairlead.NotFound {
		return &fairlead.Error{Code: "upstream_not_found", Message: "The provider does not know what was asked for"}
	}
	if kind == fairlead.TooLarge {
		return &fairlead.Error{Code: "upstream_too_large", Message: "The request is too large for the provider"}
	}
	return &fairlead.Error{Code: "upstream_invalid_request", Message: "The provider found the request invalid"}
}

// isName reports whether an upstream's code can stand for one of ours.
func isName(code string) bool {
	const longest = 64
	return code != "" && len(code) <= longest && !strings.ContainsFunc(code, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// retryAfter is how long to stay away after an answer with these headers.
func retryAfter(h header, now time.Time) time.Duration {
	if d, ok := namedWait(h, now); ok {
		return d
	}
	return retryDefault
}

// namedWait is the wait that the headers ask for: retry-after-ms, or Retry-After
// in seconds or as a date, which is compared with the upstream's own clock if it
// tells it. It is not ok if they ask for none.
func namedWait(h header, now time.Time) (d time.Duration, ok bool) {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return clampRetry(scale(ms, time.Millisecond)), true
	}
	if seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil {
		return clampRetry(scale(seconds, time.Second)), true
	}
	at, err := http.ParseTime(h.Get("Retry-After"))
	if err != nil {
		return 0, false
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	return clampRetry(at.Sub(now)), true
}

// scale is n units as a duration, at most retryMax; not a number gives 0.
func scale(n float64, unit time.Duration) time.Duration {
	if n >= float64(retryMax/unit) {
		return retryMax
	}
	if n > 0 {
		return time.Duration(n * float64(unit))
	}
	return 0
}

func clampRetry(d time.Duration) time.Duration { return min(max(d, retryMin), retryMax) }
