package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// step is one answer of a scripted service.
type step struct {
	status int
	header map[string]string
	stream string // the body of an event stream
	err    error
}

// script is a transport that answers step by step, the last step again and
// again, and notes when it was asked. It runs in a bubble: time is virtual.
type script struct {
	steps []step
	start time.Time
	asked []time.Duration
	sent  []http.Header
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, time.Since(s.start))
	s.sent = append(s.sent, r.Header)
	next := s.steps[min(len(s.asked), len(s.steps))-1]
	if next.err != nil {
		return nil, next.err
	}
	body := `{"success":true,"content":"yes"}`
	if next.status != http.StatusOK {
		body = `{"success":false,"error":"no","code":"some_code"}`
	}
	header := http.Header{}
	for name, value := range next.header {
		header.Set(name, value)
	}
	if next.stream != "" {
		body = next.stream
		header.Set("Content-Type", "text/event-stream")
	}
	return &http.Response{
		StatusCode: next.status, Status: fmt.Sprint(next.status), Header: header,
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// most takes the longest wait that the jitter may pick.
func most(bound time.Duration) time.Duration { return bound }

// ask calls a service that answers by steps, and returns when it was asked.
func ask(ctx context.Context, steps []step, options ...Option) (asked []time.Duration, err error) {
	s := &script{steps: steps, start: time.Now()}
	c := New("http://service", "fl_test", append([]Option{WithTransport(s)}, options...)...)
	c.backoff.jitter = most
	_, err = c.Chat(ctx, ChatRequest{Messages: []Message{User("?")}})
	return s.asked, err
}

func header(pairs ...string) map[string]string {
	h := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return h
}

func TestWaits(t *testing.T) {
	const ms = time.Millisecond
	cut := errors.New("connection reset")
	ok := step{status: 200}
	tests := map[string]struct {
		steps []step
		want  []time.Duration
		fails bool
	}{
		"Retry-After is obeyed exactly": {
			[]step{{status: 429, header: header("Retry-After", "45")}, ok}, []time.Duration{0, 45000 * ms}, false,
		},
		"retry-after-ms is more exact": {
			[]step{{status: 503, header: header("Retry-After", "2", "Retry-After-Ms", "1250")}, ok}, []time.Duration{0, 1250 * ms}, false,
		},
		"each wait is the service's": {
			[]step{{status: 429, header: header("Retry-After", "1")}, {status: 503, header: header("Retry-After", "3")}, ok},
			[]time.Duration{0, 1000 * ms, 4000 * ms},
			false,
		},
		"a date": {
			// The bubble's clock starts at 2000-01-01 00:00:00 UTC.
			[]step{{status: 503, header: header("Retry-After", "Sat, 01 Jan 2000 00:00:07 GMT")}, ok}, []time.Duration{0, 7000 * ms}, false,
		},
		"no wait named: exponential back-off": {
			[]step{{status: 502}, {status: 504}, {status: 500}, ok}, []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms}, false,
		},
		"a wait of nothing is no licence to hammer": {
			[]step{{status: 503, header: header("Retry-After", "0")}, ok}, []time.Duration{0, 500 * ms}, false,
		},
		"nonsense is no wait": {
			[]step{{status: 503, header: header("Retry-After", "soon", "Retry-After-Ms", "-5")}, ok}, []time.Duration{0, 500 * ms}, false,
		},
		"a connection that fails": {[]step{{err: cut}, ok}, []time.Duration{0, 500 * ms}, false},
		"attempts are bounded":    {[]step{{status: 503}}, []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms}, true},
		"told not to": {
			[]step{{status: 429, header: header("Retry-After", "5", "X-Should-Retry", "false")}}, []time.Duration{0}, true,
		},
		"told to": {
			[]step{{status: 409, header: header("Retry-After", "5", "X-Should-Retry", "true")}, ok}, []time.Duration{0, 5000 * ms}, false,
		},
		"a wait too long":      {[]step{{status: 429, header: header("Retry-After", "61")}}, []time.Duration{0}, true},
		"the caller's mistake": {[]step{{status: 400}}, []time.Duration{0}, true},
		"a bad key":            {[]step{{status: 401}}, []time.Duration{0}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, err := ask(t.Context(), test.steps)
				if (err != nil) != test.fails {
					t.Errorf("error = %v", err)
				}
				if !slices.Equal(asked, test.want) {
					t.Errorf("asked at %v, want %v", asked, test.want)
				}
			})
		})
	}
}

func TestBackoffIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, err := ask(t.Context(), []step{{status: 503}}, WithMaxAttempts(6), WithBackoff(time.Second, 4*time.Second))
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 11 * time.Second, 15 * time.Second}
		if err == nil || !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v; error %v", asked, want, err)
		}
	})
}

func TestJitterIsFull(t *testing.T) {
	const bound, draws, quarters = 400 * time.Millisecond, 1000, 4
	var seen [quarters]int
	for range draws {
		wait := fullJitter(bound)
		if wait < 0 || wait > bound {
			t.Fatalf("wait %v is not within 0 and %v", wait, bound)
		}
		seen[min(int(wait*quarters/bound), quarters-1)]++
	}
	for quarter, n := range seen {
		if n < draws/quarters/4 {
			t.Errorf("quarter %d of the waits was drawn %d times of %d", quarter, n, draws)
		}
	}
}

// A wait that would outlast the context is not begun: the refusal is more use.
func TestDeadlineEndsTheTrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		asked, err := ask(ctx, []step{{status: 503, header: header("Retry-After", "4")}})
		var refusal *APIError
		if !errors.As(err, &refusal) || refusal.Status != 503 {
			t.Errorf("error %v, want the refusal", err)
		}
		if want := []time.Duration{0, 4 * time.Second, 8 * time.Second}; !slices.Equal(asked, want) || time.Since(start) != 8*time.Second {
			t.Errorf("asked at %v, want %v; gave up after %v", asked, want, time.Since(start))
		}
	})
}

func TestCancelEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		asked, err := ask(ctx, []step{{status: 429, header: header("Retry-After", "30")}})
		var refusal *APIError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &refusal) {
			t.Errorf("error %v, want context.Canceled and the refusal", err)
		}
		if len(asked) != 1 || time.Since(start) != 3*time.Second {
			t.Errorf("asked %d times, returned after %v", len(asked), time.Since(start))
		}
	})
}

func TestStreamIsRetriedBeforeItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: 429, header: header("Retry-After", "2")}, {status: 400}}, start: time.Now()}
		c := New("http://service", "fl_test", WithTransport(s))
		err := c.Stream(t.Context(), ChatRequest{}, func(Delta) error { return nil })
		var refusal *APIError
		if !errors.As(err, &refusal) || refusal.Status != 400 {
			t.Errorf("error %v, want the second answer's", err)
		}
		if want := []time.Duration{0, 2 * time.Second}; !slices.Equal(s.asked, want) {
			t.Errorf("asked at %v, want %v", s.asked, want)
		}
	})
}

// TestRefusedInTheStream: a call that waited may be refused by the first event of
// a stream, which is a refusal like one with a status: it is tried again if that
// is of use, and only while nothing of an answer has come.
func TestRefusedInTheStream(t *testing.T) {
	const (
		beats = ": queued\n\n: queued\n\n"
		word  = "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"}}]}\n\n"
		whole = beats + word + "data: [DONE]\n\n"
	)
	failure := func(code, more string) string {
		return "event: error\ndata: {\"success\":false,\"error\":\"no\",\"code\":\"" + code + "\"" + more + "}\n\n"
	}
	busy := beats + failure("queue_dropped", `,"retry_after":7,"request_id":"req_9_9"`)
	for name, c := range map[string]struct {
		stream string
		asked  []time.Duration
		heard  string
		code   string // of the error, if there is one in the end
		broken bool
	}{
		"a wait is named":        {busy, []time.Duration{0, 7 * time.Second}, "yes", "", false},
		"a fault":                {beats + failure("upstream_error", ""), []time.Duration{0, 500 * time.Millisecond}, "yes", "", false},
		"the caller's mistake":   {beats + failure("upstream_invalid_request", ""), []time.Duration{0}, "", "upstream_invalid_request", false},
		"a wait too long":        {beats + failure("queue_full", `,"retry_after":61`), []time.Duration{0}, "", "queue_full", false},
		"something came before":  {beats + word + failure("upstream_error", `,"retry_after":7`), []time.Duration{0}, "yes", "upstream_error", true},
		"it ends while it waits": {beats, []time.Duration{0}, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []step{{status: 200, stream: c.stream}, {status: 200, stream: whole}}, start: time.Now()}
				client := New("http://service", "fl_test", WithTransport(s))
				client.backoff.jitter = most
				heard := ""
				err := client.Stream(t.Context(), ChatRequest{}, func(d Delta) error { heard += d.Content; return nil })
				code := ""
				if refusal, refused := errors.AsType[*APIError](err); refused {
					code = refusal.Code
				}
				if heard != c.heard || code != c.code || isBroken(err) != c.broken || (err != nil) != (c.code != "" || c.broken) {
					t.Errorf("heard %q, error %v; want %q, code %q, broken %t", heard, err, c.heard, c.code, c.broken)
				}
				if !slices.Equal(s.asked, c.asked) {
					t.Errorf("asked at %v, want %v", s.asked, c.asked)
				}
			})
		})
	}
}

// TestWhatTheServiceIsTold: the time that is left, anew with each attempt, and
// the class.
func TestWhatTheServiceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: 503, header: header("Retry-After", "4")}, {status: 200}}, start: time.Now()}
		c := New("http://service", "fl_test", WithTransport(s), WithClass(Batch))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, class := range []Class{"", Interactive} {
			if _, err := c.Chat(ctx, ChatRequest{Class: class}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Chat(t.Context(), ChatRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Me(ctx); err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, h := range s.sent {
			told = append(told, h.Get("X-Request-Timeout")+" "+h.Get("X-Fairlead-Class"))
		}
		if want := []string{"10.000 batch", "6.000 batch", "6.000 interactive", " batch", " "}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

func TestBadBaseURLIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, err := New("http://[", "fl_test").Me(t.Context()); err == nil {
			t.Error("no error")
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestErrorsTellNoKey(t *testing.T) {
	const key = "fl_CANARY"
	s := &script{steps: []step{{err: errors.New("connection refused")}}}
	_, err := New("http://service", key, WithTransport(s), WithMaxAttempts(1)).Me(t.Context())
	if err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("error = %v", err)
	}
}
