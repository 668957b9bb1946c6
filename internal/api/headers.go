package api

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

// fields gathers headers of an answer, under canonical names. A refusal must be
// cheap, so they are set all at once, and their values are parts of one string.
type fields struct {
	text  []byte
	names []string
	ends  []int // where the value of each name ends in text

	room struct { // what the headers of one answer seldom exceed
		text  [512]byte
		names [20]string
		ends  [20]int
	}
}

// reset must be called before the first header is gathered.
func (f *fields) reset() {
	f.text, f.names, f.ends = f.room.text[:0], f.room.names[:0], f.room.ends[:0]
}

// end makes what was appended to text since the last end the value of name.
func (f *fields) end(name string) {
	f.names, f.ends = append(f.names, name), append(f.ends, len(f.text))
}

func (f *fields) add(name, value string) {
	f.text = append(f.text, value...)
	f.end(name)
}

func (f *fields) addInt(name string, n int64) {
	f.text = strconv.AppendInt(f.text, n, 10)
	f.end(name)
}

// set sets the headers, and forgets them.
func (f *fields) set(h http.Header) {
	text, start := string(f.text), 0
	values := make([]string, len(f.names))
	for i, name := range f.names {
		values[i] = text[start:f.ends[i]]
		h[name] = values[i : i+1 : i+1]
		start = f.ends[i]
	}
	f.text, f.names, f.ends = f.text[:0], f.names[:0], f.ends[:0]
}

// addRetry says when to come back.
func (f *fields) addRetry(e *fairlead.Error) {
	if e.RetryAfter > 0 {
		f.addInt("Retry-After", int64(RetrySeconds(e.RetryAfter)))
		f.addInt("Retry-After-Ms", max(ceilMillis(e.RetryAfter), 1))
	}
	switch {
	case e.NoRetry:
		f.add("X-Should-Retry", "false")
	case e.RetryAfter > 0:
		f.add("X-Should-Retry", strconv.FormatBool(e.RetryAfter <= longestRetry))
	}
}

// RetrySeconds is a wait in whole seconds, rounded up, at least 1.
func RetrySeconds(wait time.Duration) int { return int(max(ceilSeconds(wait), 1)) }

func ceilSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func ceilMillis(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// windows is how the app's windows stand.
type windows struct {
	requests, tokens fairlead.WindowState
	// refusal is why the call was refused, if it was.
	refusal *fairlead.Error
}

// addWindows tells how the windows stand, those of them that are limits: in the
// way of OpenAI, and in that of draft-ietf-httpapi-ratelimit-headers-10.
func (f *fields) addWindows(w windows) {
	hasRequests, hasTokens := w.requests.Limit > 0, w.tokens.Limit > 0
	if hasRequests {
		f.addInt("X-Ratelimit-Limit-Requests", int64(w.requests.Limit))
		f.addInt("X-Ratelimit-Remaining-Requests", remaining(w.requests))
		f.add("X-Ratelimit-Reset-Requests", resetTime(w.requests))
	}
	if hasTokens {
		f.addInt("X-Ratelimit-Limit-Tokens", int64(w.tokens.Limit))
		f.addInt("X-Ratelimit-Remaining-Tokens", remaining(w.tokens))
		f.add("X-Ratelimit-Reset-Tokens", resetTime(w.tokens))
	}
	if !hasRequests && !hasTokens {
		return
	}
	start := len(f.text)
	if hasRequests {
		f.policy(start, "requests", w.requests)
	}
	if hasTokens {
		f.policy(start, "tokens", w.tokens)
	}
	f.end("Ratelimit-Policy")
	start = len(f.text)
	if hasRequests {
		f.quota(start, "requests", w.requests, w.waitFor(codeRateRequests))
	}
	if hasTokens {
		f.quota(start, "tokens", w.tokens, w.waitFor(codeRateTokens))
	}
	f.end("Ratelimit")
}

// policy appends an item of RateLimit-Policy, whose list began at start: the
// quota and its window.
func (f *fields) policy(start int, name string, w fairlead.WindowState) {
	f.item(start, name, ";q=", int64(w.Limit))
	f.text = strconv.AppendInt(append(f.text, ";w="...), windowSeconds, 10)
}

// quota appends an item of RateLimit, whose list began at start: what is left,
// and the time until the quota is there again. For the window that refused the
// call that is when to come back, else when all of it is.
func (f *fields) quota(start int, name string, w fairlead.WindowState, wait time.Duration) {
	if wait <= 0 {
		wait = max(w.Reset, 0)
	}
	f.item(start, name, ";r=", remaining(w))
	f.text = strconv.AppendInt(append(f.text, ";t="...), ceilSeconds(wait), 10)
}

// item appends the name of a quota and its first parameter.
func (f *fields) item(start int, name, parameter string, n int64) {
	if len(f.text) > start {
		f.text = append(f.text, ", "...)
	}
	f.text = append(append(append(append(f.text, '"'), name...), '"'), parameter...)
	f.text = strconv.AppendInt(f.text, n, 10)
}

// waitFor is how long the window whose code this is sends the caller away.
func (w windows) waitFor(code string) time.Duration {
	if w.refusal == nil || w.refusal.Code != code {
		return 0
	}
	return w.refusal.RetryAfter
}

// remaining is what is left of a window: nothing if it has debts.
func remaining(w fairlead.WindowState) int64 { return int64(max(w.Remaining, 0)) }

// resetTime is when the window would be empty, such as 42.5s or 1m3s.
func resetTime(w fairlead.WindowState) string {
	return (time.Duration(ceilMillis(max(w.Reset, 0))) * time.Millisecond).String()
}

// note gathers the headers that tell what became of the call, and if it was
// refused, why.
func (x *Exchange) note(call *fairlead.Call, refusal *fairlead.Error) {
	f := &x.fields
	f.addWindows(windows{requests: call.Requests(), tokens: call.Tokens(), refusal: refusal})
	f.addInt("X-Fairlead-Queue-Ms", call.Waited().Milliseconds())
	f.addProvider(call)
}

// noteWait gathers the same of a call that still waits: for how long is not known
// yet.
func (x *Exchange) noteWait(call *fairlead.Call) {
	x.fields.addWindows(windows{requests: call.Requests(), tokens: call.Tokens()})
	x.fields.addProvider(call)
}

func (f *fields) addProvider(call *fairlead.Call) {
	if targets := call.Targets(); len(targets) > 0 {
		f.add("X-Fairlead-Provider", targets[0].Provider)
	}
}

// NoteWindows has the answer tell how the app's windows stand; one without a
// limit is left out.
func (x *Exchange) NoteWindows(requests, tokens fairlead.WindowState) {
	x.fields.addWindows(windows{requests: requests, tokens: tokens})
}

// writeHead sends the head, with the headers that were gathered.
func (x *Exchange) writeHead(status int) {
	x.fields.set(x.W.Header())
	x.began = true
	x.W.WriteHeader(status)
}
