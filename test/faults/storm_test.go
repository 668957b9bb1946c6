package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestRetryStorm is R3 through the whole program: whatever fails, the provider gets
// at most 1.2 requests for each of the clients', however many call.
func TestRetryStorm(t *testing.T) {
	long := 2 * time.Second
	if proof() {
		long = 11 * time.Second
	}
	up := startRaw(t)
	fails := func(status string) func(x *exchange) {
		return func(x *exchange) {
			x.write("HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		}
	}
	const noBreaker = ", breaker: {failure_rate: 0}"
	var upstreams []upstream
	for _, c := range []struct {
		name, more string
		play       func(x *exchange)
	}{
		{"fails", "", fails("500 Oops")},
		{"fails-no-breaker", noBreaker, fails("500 Oops")},
		{"resets-no-breaker", noBreaker, func(x *exchange) { x.reset() }},
		{"hangs-no-breaker", noBreaker, silences()[0].play},
		{"half-fails-no-breaker", noBreaker, func(x *exchange) {
			if x.nth%2 == 0 {
				x.well()
				return
			}
			x.reset()
		}},
		{"full", "", fails("429 Too many")},
		{"overloaded", "", fails("503 Oops\r\nRetry-After: 1")},
	} {
		upstreams = append(upstreams, upstream{
			name: c.name, dialect: dialectOpenAI, http: clocks() + ", max_connections: 50, concurrent_requests: 50",
			more: c.more, address: up.add(c.name, fault{play: c.play}),
		})
	}
	s := serve(t, roomy, upstreams)
	// Two tries are always allowed, and 20 requests on connections that were cut.
	const callers, model, always = 20, "before", 22
	var all sync.WaitGroup
	for _, u := range upstreams {
		all.Go(func() {
			ctx, over := context.WithTimeout(t.Context(), long)
			defer over()
			var l load
			l.run(ctx, s, question{face: faceOpenAI, app: u.name, model: model}, callers)
			tries := up.arrived(u.name, model)
			ratio := float64(tries) / float64(l.calls())
			t.Logf("%-22s %5d requests for %5d calls: %.3f; %v", u.name, tries, l.calls(), ratio, l.outcomes)
			// In a short run what is always allowed weighs more.
			if l.wrong != nil || float64(tries) > 1.2*float64(l.calls())+always || l.calls() < callers {
				t.Errorf("%s: %d requests for %d calls, at most 1.2 for each may be; %v", u.name, tries, l.calls(), l.wrong)
			}
		})
	}
	all.Wait()
	s.emptied(t, "", func() int { return 0 })
}
