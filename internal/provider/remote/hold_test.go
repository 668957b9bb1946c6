package remote

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestUsedUp(t *testing.T) {
	for _, c := range []struct {
		left, reset string
		want        time.Duration
	}{
		{"0", "6m0s", 6 * time.Minute},
		{"0", "20ms", 20 * time.Millisecond},
		{"0", "7.66s", 7660 * time.Millisecond},
		{"0", "12", 12 * time.Second},
		{"0", "0.5", 500 * time.Millisecond},
		{"0", "99999h", retryMax},
		{"0", "1e300", retryMax},
		{"0", "-3s", 0},
		{"0", "-3", 0},
		{"0", "soon", 0},
		{"0", "NaN", 0},
		{"0", "", 0},
		{"1", "6m0s", 0},
		{"", "6m0s", 0},
		{"none", "6m0s", 0},
	} {
		h := http.Header{}
		h.Set("x-ratelimit-remaining-requests", c.left)
		h.Set("x-ratelimit-reset-requests", c.reset)
		if got := usedUp(h); got != c.want {
			t.Errorf("%s left, reset %s: %v, want %v", c.left, c.reset, got, c.want)
		}
	}
}

// TestHoldIsWhatTheUpstreamSays, and never our own idea of a wait.
func TestHoldIsWhatTheUpstreamSays(t *testing.T) { each(t, testHoldIsWhatTheUpstreamSays) }

func testHoldIsWhatTheUpstreamSays(t *testing.T, v via) {
	t.Helper()
	for _, c := range []struct {
		header, value    string
		hold, retryAfter time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second, 7 * time.Second},
		{"Retry-After", "later", 0, retryDefault},
		{"Retry-After-Ms", "2500", 2500 * time.Millisecond, 2500 * time.Millisecond},
		{"X-Request-Id", "x", 0, retryDefault},
		{"X-Ratelimit-Reset-Requests", "9s", 9 * time.Second, retryDefault},
	} {
		for _, status := range []int{429, 503, 529, 200} {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set(c.header, c.value)
					w.Header().Set("X-Ratelimit-Remaining-Requests", "0")
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(status)
					_, _ = io.WriteString(w, chatAnswer)
				})
				g := w.ask(t.Context(), chatRequest(), nil)
				if status == 200 {
					if want := usedUp(http.Header{"X-Ratelimit-Remaining-Requests": {"0"}, c.header: {c.value}}); g.head == nil || g.head.Hold != want {
						t.Errorf("%s: %s: head %+v, want a hold of %v", c.header, c.value, g.head, want)
					}
					return
				}
				if g.err.Hold != c.hold || g.err.RetryAfter != c.retryAfter {
					t.Errorf("%d with %s: %s: hold %v, retry after %v; want %v, %v", status, c.header, c.value, g.err.Hold, g.err.RetryAfter, c.hold, c.retryAfter)
				}
			})
		}
	}
}
