package remote

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

type refusalCase struct {
	status  int
	body    string
	kind    fairlead.Kind
	code    string
	message string // what the caller must be told; "" = anything but the upstream's words
	param   string
}

// check judges the error that the answer became.
func (c *refusalCase) check(t *testing.T, got *fairlead.Error) {
	t.Helper()
	if got.Status != c.status {
		t.Errorf("got the status %d, want %d", got.Status, c.status)
	}
	told := got.Message + got.Detail + got.Param
	if c.message == "" && strings.Contains(told, "words of the upstream") {
		t.Errorf("the caller is told the upstream's words: %q", told)
	}
	if c.message != "" && got.Message != c.message {
		t.Errorf("got the message %q, want %q", got.Message, c.message)
	}
	if got.Param != c.param {
		t.Errorf("got the param %q, want %q", got.Param, c.param)
	}
	if busy := c.kind == fairlead.Busy; busy != (got.RetryAfter > 0) {
		t.Errorf("got the wait %v for %v", got.RetryAfter, c.kind)
	}
	if log := got.Err.Error(); strings.Contains(log, "words") {
		t.Errorf("the log is told the upstream's words: %q", log)
	}
}

func TestRefusals(t *testing.T) { each(t, testRefusals) }

func testRefusals(t *testing.T, v via) {
	t.Helper()
	const key = "sk-canary-77d1"
	const plain = `{"error":{"message":"words of the upstream","type":"t","param":"temperature","code":"too_hot"}}`
	for _, c := range []refusalCase{
		{400, plain, fairlead.Invalid, "too_hot", "words of the upstream", "temperature"},
		{422, plain, fairlead.Invalid, "too_hot", "words of the upstream", "temperature"},
		{400, `{"error":{"message":"m","code":"no name, but words"}}`, fairlead.Invalid, "upstream_invalid_request", "m", ""},
		{400, `{"error":{"message":"key ` + key + ` is fine"}}`, fairlead.Invalid, "upstream_invalid_request", "The provider found the request invalid", ""},
		{400, `<html>`, fairlead.Invalid, "upstream_invalid_request", "The provider found the request invalid", ""},
		{404, plain, fairlead.NotFound, "upstream_not_found", "words of the upstream", "temperature"},
		{413, plain, fairlead.TooLarge, "upstream_too_large", "words of the upstream", "temperature"},
		{401, plain, fairlead.Upstream, "upstream_auth", "", ""},
		{402, plain, fairlead.Upstream, "upstream_auth", "", ""},
		{403, plain, fairlead.Upstream, "upstream_auth", "", ""},
		{429, plain, fairlead.Busy, "provider_rate_limited", "", ""},
		{503, plain, fairlead.Busy, "provider_unavailable", "", ""},
		{529, plain, fairlead.Busy, "provider_unavailable", "", ""},
		{500, plain, fairlead.Upstream, "upstream_error", "", ""},
		{502, plain, fairlead.Upstream, "upstream_error", "", ""},
		{504, plain, fairlead.Upstream, "upstream_error", "", ""},
		{405, plain, fairlead.Upstream, "upstream_error", "", ""},
		{301, plain, fairlead.Upstream, "upstream_redirect", "", ""},
		{304, "", fairlead.Upstream, "upstream_redirect", "", ""},
		{201, chatAnswer, fairlead.Upstream, "upstream_invalid_answer", "", ""},
		{204, "", fairlead.Upstream, "upstream_invalid_answer", "", ""},
	} {
		t.Run(strconv.Itoa(c.status)+" "+c.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, Config{APIKey: key}, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", "http://elsewhere/")
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				})
				g := w.ask(t.Context(), chatRequest(), nil)
				g.wantCode(t, c.kind, c.code)
				c.check(t, g.err)
				if dials, open, _ := w.conns(); dials != 1 || open != 1 {
					t.Errorf("got %d connections, %d still open; want one, kept", dials, open)
				}
			})
		})
	}
}

func TestEndlessErrorBody(t *testing.T) { each(t, testEndlessErrorBody) }

func testEndlessErrorBody(t *testing.T, v via) {
	t.Helper()
	for name, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		},
		"silent": hang,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(http.StatusInternalServerError)
					_ = http.NewResponseController(w).Flush()
					serve(w, r)
				})
				g := w.ask(t.Context(), chatRequest(), nil)
				g.wantCode(t, fairlead.Upstream, "upstream_error")
				if g.took > errorBodyTime {
					t.Errorf("took %v, want at most %v", g.took, errorBodyTime)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		headers map[string]string
		want    time.Duration
	}{
		{"none", nil, 5 * time.Second},
		{"seconds", map[string]string{"Retry-After": "30"}, 30 * time.Second},
		{"a fraction", map[string]string{"Retry-After": "1.5"}, 1500 * time.Millisecond},
		{"milliseconds go first", map[string]string{"Retry-After-Ms": "2500", "Retry-After": "30"}, 2500 * time.Millisecond},
		{"broken milliseconds do not", map[string]string{"Retry-After-Ms": "soon", "Retry-After": "30"}, 30 * time.Second},
		{"zero", map[string]string{"Retry-After": "0"}, time.Second},
		{"negative", map[string]string{"Retry-After": "-5"}, time.Second},
		{"not a number", map[string]string{"Retry-After": "NaN"}, time.Second},
		{"infinite", map[string]string{"Retry-After": "Inf"}, time.Hour},
		{"huge", map[string]string{"Retry-After": "1e300"}, time.Hour},
		{"words", map[string]string{"Retry-After": "later"}, 5 * time.Second},
		{"a date", map[string]string{"Retry-After": "Sun, 01 Mar 2026 12:00:20 GMT"}, 20 * time.Second},
		{"a date of their clock", map[string]string{
			"Retry-After": "Sun, 01 Mar 2026 15:00:20 GMT", "Date": "Sun, 01 Mar 2026 15:00:00 GMT",
		}, 20 * time.Second},
		{"a past date", map[string]string{"Retry-After": "Sun, 01 Mar 2020 12:00:20 GMT"}, time.Second},
		{"a far date", map[string]string{"Retry-After": "Sun, 01 Mar 2037 12:00:20 GMT"}, time.Hour},
	} {
		h := http.Header{}
		for name, value := range c.headers {
			h.Set(name, value)
		}
		if got := retryAfter(h, now); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
