package header

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestWindowHeaders(t *testing.T) {
	requests := fairlead.WindowState{Limit: 200, Remaining: 12, Reset: 30400 * time.Millisecond}
	tokens := fairlead.WindowState{Limit: 200000, Remaining: -7, Reset: 59*time.Second + 1}
	for _, c := range []struct {
		name string
		w    Windows
		want map[string]string
	}{
		{"no limits", Windows{}, map[string]string{}},
		{"requests", Windows{Requests: requests}, map[string]string{
			"X-Ratelimit-Limit-Requests": "200", "X-Ratelimit-Remaining-Requests": "12", "X-Ratelimit-Reset-Requests": "30.4s",
			"Ratelimit-Policy": `"requests";q=200;w=60`, "Ratelimit": `"requests";r=12;t=31`,
		}},
		{"tokens, in debt", Windows{Tokens: tokens}, map[string]string{
			"X-Ratelimit-Limit-Tokens": "200000", "X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "59.001s",
			"Ratelimit-Policy": `"tokens";q=200000;w=60`, "Ratelimit": `"tokens";r=0;t=60`,
		}},
		{"refused by one of both", Windows{requests, tokens, &fairlead.Error{Code: codeRateTokens, RetryAfter: 2500 * time.Millisecond}}, map[string]string{
			"X-Ratelimit-Limit-Requests": "200", "X-Ratelimit-Remaining-Requests": "12", "X-Ratelimit-Reset-Requests": "30.4s",
			"X-Ratelimit-Limit-Tokens": "200000", "X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "59.001s",
			"Ratelimit-Policy": `"requests";q=200;w=60, "tokens";q=200000;w=60`, "Ratelimit": `"requests";r=12;t=31, "tokens";r=0;t=3`,
		}},
		{"refused by something else", Windows{Requests: requests, Refusal: &fairlead.Error{Code: "queue_full", RetryAfter: time.Second}}, map[string]string{
			"X-Ratelimit-Limit-Requests": "200", "X-Ratelimit-Remaining-Requests": "12", "X-Ratelimit-Reset-Requests": "30.4s",
			"Ratelimit-Policy": `"requests";q=200;w=60`, "Ratelimit": `"requests";r=12;t=31`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, f := http.Header{}, &Fields{}
			f.Reset()
			f.AddWindows(c.w)
			f.Set(h)
			for name := range h {
				if http.CanonicalHeaderKey(name) != name || len(h[name]) != 1 {
					t.Errorf("header %q has the values %q", name, h[name])
				}
				if h.Get(name) != c.want[name] {
					t.Errorf("%s: %s, want %q", name, h.Get(name), c.want[name])
				}
			}
			if len(h) != len(c.want) {
				t.Errorf("headers %v, want %v", h, c.want)
			}
		})
	}
}

func TestRetryHeaders(t *testing.T) {
	for _, c := range []struct {
		wait                   time.Duration
		noRetry                bool
		seconds, millis, again string
	}{
		{0, false, "", "", ""},
		{1, false, "1", "1", "true"},
		{1500 * time.Millisecond, false, "2", "1500", "true"},
		{60 * time.Second, false, "60", "60000", "true"},
		{60*time.Second + 1, false, "61", "60001", "false"},
		{300 * time.Second, true, "300", "300000", "false"},
		{0, true, "", "", "false"},
	} {
		h, f := http.Header{}, &Fields{}
		f.Reset()
		f.AddRetry(&fairlead.Error{RetryAfter: c.wait, NoRetry: c.noRetry})
		f.Set(h)
		got := fmt.Sprint(h.Get("Retry-After"), "|", h.Get("Retry-After-Ms"), "|", h.Get("X-Should-Retry"))
		if want := c.seconds + "|" + c.millis + "|" + c.again; got != want {
			t.Errorf("%v: %s, want %s", c.wait, got, want)
		}
	}
}

// listed is a ResponseWriter that makes a map of what it is given.
type listed struct {
	http.ResponseWriter

	status int
	header http.Header
}

func (l *listed) WriteHead(status int, names, values []string) {
	l.status, l.header = status, http.Header{}
	for i, name := range names {
		l.header[name] = []string{values[i]}
	}
}

// TestWriteHead: what is gathered reaches whoever takes it as it would a map, however
// much it is, and is forgotten.
func TestWriteHead(t *testing.T) {
	var f Fields
	f.Reset()
	for n := range 30 {
		gather := func() {
			for i := range n {
				f.Add(fmt.Sprintf("X-%d", i), strconv.Itoa(n*i))
			}
		}
		gather()
		want := http.Header{}
		f.Set(want)
		gather()
		got := &listed{}
		f.WriteHead(got, http.StatusAccepted)
		if got.status != http.StatusAccepted || !maps.EqualFunc(got.header, want, slices.Equal) {
			t.Errorf("%d headers: got %d %v, want %v", n, got.status, got.header, want)
		}
		gather()
		usual := httptest.NewRecorder()
		f.WriteHead(usual, http.StatusAccepted)
		if usual.Code != http.StatusAccepted || !maps.EqualFunc(usual.Header(), want, slices.Equal) {
			t.Errorf("%d headers: a map has %d %v, want %v", n, usual.Code, usual.Header(), want)
		}
		after := http.Header{}
		if f.Set(after); len(after) > 0 {
			t.Errorf("%v is left", after)
		}
	}
}
