// Package header gathers the headers of an answer: what every one has, how the
// windows of its app stand, and when a refused caller may come back.
//
// Start with Fields.
package header

import (
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The codes of refusals by a window of the app.
const (
	codeRateRequests = "rate_limit_requests"
	codeRateTokens   = "rate_limit_tokens"
)

// windowSeconds is the length of an app's windows.
const windowSeconds = 60

// longestRetry is the longest wait that clients which try again on their own
// are told to sit out; they ignore a longer one and come back at once.
const longestRetry = time.Minute

// Fields gathers headers of an answer, under canonical names. A refusal must be
// cheap, so they are set all at once, and their values are parts of one string.
type Fields struct {
	text  []byte
	names []string
	ends  []int // where the value of each name ends in text

	room struct { // what the headers of one answer seldom exceed
		text   [512]byte
		names  [20]string
		values [20]string
		ends   [20]int
	}
}

// Reset must be called before the first header is gathered.
func (f *Fields) Reset() {
	f.text, f.names, f.ends = f.room.text[:0], f.room.names[:0], f.room.ends[:0]
}

// end makes what was appended to text since the last end the value of name.
func (f *Fields) end(name string) {
	f.names, f.ends = append(f.names, name), append(f.ends, len(f.text))
}

// Add gathers a header; its name is canonical.
func (f *Fields) Add(name, value string) {
	f.text = append(f.text, value...)
	f.end(name)
}

// AddInt gathers a header that is a number.
func (f *Fields) AddInt(name string, n int64) {
	f.text = strconv.AppendInt(f.text, n, 10)
	f.end(name)
}

// Set sets the headers, and forgets them.
func (f *Fields) Set(h http.Header) {
	values := f.appendValues(make([]string, 0, len(f.names)))
	for i, name := range f.names {
		h[name] = values[i : i+1 : i+1]
	}
	f.forget()
}

// writer takes the headers of an answer as they were gathered: the n-th name has the
// n-th value, and a name that comes again replaces the one before. It keeps neither
// slice.
type writer interface {
	WriteHead(status int, names, values []string)
}

// WriteHead writes the head of an answer, and forgets the headers. To put them into
// the map of a ResponseWriter that can do without is too dear.
func (f *Fields) WriteHead(w http.ResponseWriter, status int) {
	able, ok := w.(writer)
	if !ok {
		f.Set(w.Header())
		w.WriteHeader(status)
		return
	}
	values := f.appendValues(f.room.values[:0])
	able.WriteHead(status, f.names, values)
	clear(values) // they would keep the text
	f.forget()
}

// appendValues appends the values to dst: parts of one string.
func (f *Fields) appendValues(dst []string) []string {
	text, start := string(f.text), 0
	for _, end := range f.ends {
		dst = append(dst, text[start:end])
		start = end
	}
	return dst
}

func (f *Fields) forget() { f.text, f.names, f.ends = f.text[:0], f.names[:0], f.ends[:0] }

// AddRetry says when to come back.
func (f *Fields) AddRetry(e *fairlead.Error) {
	if e.RetryAfter > 0 {
		f.AddInt("Retry-After", int64(RetrySeconds(e.RetryAfter)))
		f.AddInt("Retry-After-Ms", max(ceilMillis(e.RetryAfter), 1))
	}
	switch {
	case e.NoRetry:
		f.Add("X-Should-Retry", "false")
	case e.RetryAfter > 0:
		f.Add("X-Should-Retry", strconv.FormatBool(e.RetryAfter <= longestRetry))
	}
}

// RetrySeconds is a wait in whole seconds, rounded up, at least 1.
func RetrySeconds(wait time.Duration) int { return int(max(ceilSeconds(wait), 1)) }

func ceilSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func ceilMillis(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// Windows is how the app's windows stand.
type Windows struct {
	Requests, Tokens fairlead.WindowState
	// Refusal is why the call was refused, if it was.
	Refusal *fairlead.Error
}

// AddWindows tells how the windows stand, those of them that are limits: in the
// way of OpenAI, and in that of draft-ietf-httpapi-ratelimit-headers-10.
func (f *Fields) AddWindows(w Windows) {
	hasRequests, hasTokens := w.Requests.Limit > 0, w.Tokens.Limit > 0
	if hasRequests {
		f.AddInt("X-Ratelimit-Limit-Requests", int64(w.Requests.Limit))
		f.AddInt("X-Ratelimit-Remaining-Requests", remaining(w.Requests))
		f.Add("X-Ratelimit-Reset-Requests", resetTime(w.Requests))
	}
	if hasTokens {
		f.AddInt("X-Ratelimit-Limit-Tokens", int64(w.Tokens.Limit))
		f.AddInt("X-Ratelimit-Remaining-Tokens", remaining(w.Tokens))
		f.Add("X-Ratelimit-Reset-Tokens", resetTime(w.Tokens))
	}
	if !hasRequests && !hasTokens {
		return
	}
	start := len(f.text)
	if hasRequests {
		f.policy(start, "requests", w.Requests)
	}
	if hasTokens {
		f.policy(start, "tokens", w.Tokens)
	}
	f.end("Ratelimit-Policy")
	start = len(f.text)
	if hasRequests {
		f.quota(start, "requests", w.Requests, w.waitFor(codeRateRequests))
	}
	if hasTokens {
		f.quota(start, "tokens", w.Tokens, w.waitFor(codeRateTokens))
	}
	f.end("Ratelimit")
}

// policy appends an item of RateLimit-Policy, whose list began at start: the
// quota and its window.
func (f *Fields) policy(start int, name string, w fairlead.WindowState) {
	f.item(start, name, ";q=", int64(w.Limit))
	f.text = strconv.AppendInt(append(f.text, ";w="...), windowSeconds, 10)
}

// quota appends an item of RateLimit, whose list began at start: what is left,
// and the time until the quota is there again. For the window that refused the
// call that is when to come back, else when all of it is.
func (f *Fields) quota(start int, name string, w fairlead.WindowState, wait time.Duration) {
	if wait <= 0 {
		wait = max(w.Reset, 0)
	}
	f.item(start, name, ";r=", remaining(w))
	f.text = strconv.AppendInt(append(f.text, ";t="...), ceilSeconds(wait), 10)
}

// item appends the name of a quota and its first parameter.
func (f *Fields) item(start int, name, parameter string, n int64) {
	if len(f.text) > start {
		f.text = append(f.text, ", "...)
	}
	f.text = append(append(append(append(f.text, '"'), name...), '"'), parameter...)
	f.text = strconv.AppendInt(f.text, n, 10)
}

// waitFor is how long the window whose code this is sends the caller away.
func (w Windows) waitFor(code string) time.Duration {
	if w.Refusal == nil || w.Refusal.Code != code {
		return 0
	}
	return w.Refusal.RetryAfter
}

// remaining is what is left of a window: nothing if it has debts.
func remaining(w fairlead.WindowState) int64 { return int64(max(w.Remaining, 0)) }

// resetTime is when the window would be empty, such as 42.5s or 1m3s.
func resetTime(w fairlead.WindowState) string {
	return (time.Duration(ceilMillis(max(w.Reset, 0))) * time.Millisecond).String()
}
