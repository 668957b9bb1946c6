package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/wish"
)

func TestWishes(t *testing.T) {
	const (
		timeout, stainless, class = "X-Request-Timeout", "X-Stainless-Timeout", "X-Fairlead-Class"
		ms, s                     = time.Millisecond, time.Second
	)
	for _, c := range []struct {
		own      fairlead.Class
		header   []string
		patience time.Duration
		class    fairlead.Class
		wrong    string // the header that is refused
	}{
		{fairlead.Interactive, nil, 0, fairlead.Interactive, ""},
		{fairlead.Batch, nil, 0, fairlead.Batch, ""},
		{0, []string{timeout, "30"}, 30 * s, 0, ""},
		{0, []string{timeout, "1.5"}, 1500 * ms, 0, ""},
		{0, []string{timeout, "500ms"}, 500 * ms, 0, ""},
		{0, []string{timeout, "5m"}, 300 * s, 0, ""},
		{0, []string{timeout, "2m30s"}, 150 * s, 0, ""},
		{0, []string{timeout, "0"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "-5"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "soon"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "NaN"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "inf"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "1e300"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "s"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, ""}, 0, 0, ""},
		{0, []string{timeout, "30", timeout, "20"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "30", timeout, "30"}, 0, 0, "x-request-timeout"},
		{0, []string{timeout, "", timeout, "30"}, 0, 0, "x-request-timeout"},
		// what JavaScript, Go and Python send
		{0, []string{stainless, "600"}, 600 * s, 0, ""},
		{0, []string{stainless, "600.0"}, 600 * s, 0, ""},
		{0, []string{stainless, "0"}, 0, 0, ""},
		{0, []string{stainless, "NOT_GIVEN"}, 0, 0, ""},
		{0, []string{stainless, "-1"}, 0, 0, ""},
		{0, []string{"X-Stainless-Read-Timeout", "5"}, 0, 0, ""},
		{0, []string{stainless, "20", timeout, "30"}, 20 * s, 0, ""},
		{0, []string{stainless, "30", timeout, "20"}, 20 * s, 0, ""},
		{0, []string{stainless, "?", timeout, "20"}, 20 * s, 0, ""},
		{fairlead.Interactive, []string{class, "batch"}, 0, fairlead.Batch, ""},
		{fairlead.Interactive, []string{class, "Batch"}, 0, fairlead.Batch, ""},
		{fairlead.Interactive, []string{class, "interactive"}, 0, fairlead.Interactive, ""},
		{fairlead.Batch, []string{class, "interactive"}, 0, fairlead.Batch, ""},
		{fairlead.Batch, []string{class, "batch"}, 0, fairlead.Batch, ""},
		{fairlead.Interactive, []string{class, "urgent"}, 0, fairlead.Interactive, "x-fairlead-class"},
		{fairlead.Interactive, []string{class, "interactive", class, "batch"}, 0, fairlead.Interactive, "x-fairlead-class"},
	} {
		h := http.Header{}
		for i := 0; i < len(c.header); i += 2 {
			h.Add(c.header[i], c.header[i+1])
		}
		call := &fairlead.Call{Class: c.own}
		wrong := ""
		if e := fairlead.AsError(wish.Apply(call, h)); e != nil {
			wrong = e.Param
			if e.Kind != fairlead.Invalid || e.Code != "invalid_value" || !strings.Contains(e.Message, e.Param) {
				t.Errorf("%v: error %+v", c.header, e)
			}
		}
		if wrong != c.wrong || wrong == "" && (call.Patience != c.patience || call.Class != c.class) {
			t.Errorf("%v of an app of class %v: patience %v, class %v, wrong %q; want %v, %v, %q",
				c.header, c.own, call.Patience, call.Class, wrong, c.patience, c.class, c.wrong)
		}
	}
}

// TestWishesOfACall: a call has its app's class and what its client asks for. A
// wish that is malformed is told when the body is asked for, so that the gateway
// accounts for it.
func TestWishesOfACall(t *testing.T) {
	var made *fairlead.Call
	s := newSetting(t, Route{http.MethodPost, "/op", AppKey, func(x *Exchange) error {
		x.App = &fairlead.App{ID: "nightly", Class: fairlead.Batch}
		made = x.Call()
		return echo(x)
	}})
	w := s.do(http.MethodPost, "/op", strings.NewReader("{}"), "X-API-Key", goodKey, "x-request-timeout", "3")
	if w.Code != http.StatusOK || made.Patience != 3*time.Second || made.Class != fairlead.Batch {
		t.Errorf("%d, patience %v, class %v", w.Code, made.Patience, made.Class)
	}
	for _, wrong := range [][]string{{"x-request-timeout", "soon"}, {"x-request-timeout", "3", "x-request-timeout", "30"}} {
		w = s.do(http.MethodPost, "/op", strings.NewReader("{}"), append(wrong, "X-API-Key", goodKey)...)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_value") {
			t.Errorf("%q: %d %s, want a 400", wrong, w.Code, w.Body)
		}
	}
}

// TestHeadersOfARefusal: everything that a refusal tells, at once.
func TestHeadersOfARefusal(t *testing.T) {
	s := newSetting(t, refusing())
	w := s.do(http.MethodPost, "/refuse", strings.NewReader("{}"), "X-API-Key", goodKey)
	for name, want := range map[string]string{
		"Retry-After": "31", "Retry-After-Ms": "30400", "X-Should-Retry": "true", "X-Fairlead-Queue-Ms": "0",
		"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Limit-Tokens": "200000", "Ratelimit": `"requests";r=0;t=31, "tokens";r=5;t=60`,
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "X-Request-Id": "req_1_",
	} {
		if got := w.Header().Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "rate_limit_requests") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// refusing is a route that refuses every call by its app's rate.
func refusing() Route {
	return Route{http.MethodPost, "/refuse", AppKey, func(x *Exchange) error {
		call := x.Call()
		return x.Answer(call, Shape{}, func(fairlead.Emit) error {
			call.SetRequests(fairlead.WindowState{Limit: 200, Reset: time.Minute})
			call.SetTokens(fairlead.WindowState{Limit: 200000, Remaining: 5, Reset: time.Minute})
			return &fairlead.Error{
				Kind: fairlead.Limited, Code: "rate_limit_requests", Message: "Rate limit exceeded", Detail: "Rate limit: 200 requests per minute",
				RetryAfter: 30400 * time.Millisecond,
			}
		})
	}}
}

func TestAdminRoutes(t *testing.T) {
	s := newSetting(t, Route{http.MethodGet, "/admin", Admin, func(x *Exchange) error {
		if x.App != nil {
			t.Errorf("an admin request is of the app %v", x.App)
		}
		return x.Write("text/plain", []byte("secret"))
	}})
	for _, c := range []struct {
		header []string
		status int
		says   string
	}{
		{[]string{"Authorization", "Bearer " + adminKey}, 200, "secret"},
		{[]string{"X-API-Key", adminKey}, 200, "secret"},
		{nil, 401, "invalid_admin_token"},
		{[]string{"Authorization", "Bearer another"}, 401, "invalid_admin_token"},
		{[]string{"X-API-Key", goodKey}, 403, "admin_only"},
		{[]string{"Authorization", "Bearer " + adminKey, "X-API-Key", goodKey}, 400, "conflicting_api_keys"},
	} {
		w := s.do(http.MethodGet, "/admin", nil, c.header...)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%v: %d %s, want %d %s", c.header, w.Code, w.Body, c.status, c.says)
		}
		if (w.Code == http.StatusUnauthorized) != (w.Header().Get("Www-Authenticate") != "") {
			t.Errorf("%v: status %d with Www-Authenticate %q", c.header, w.Code, w.Header().Get("Www-Authenticate"))
		}
	}
	if want := "GET /admin admin_only"; len(s.refused) != 4 || s.refused[2] != want {
		t.Errorf("refused: %q, want four of them, the third %q", s.refused, want)
	}
}
