package window_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/window"
)

const (
	perMinute = 200
	minute    = time.Minute
	total     = 10 * minute
)

// admitting asks a window for one admission.
type admitting func(now time.Duration) (wait time.Duration, ok bool)

// limiters returns an empty window of each kind.
func limiters() map[string]admitting {
	ring, buckets := window.New(perMinute, minute), window.NewBuckets(perMinute, minute)
	return map[string]admitting{
		"Ring": func(now time.Duration) (time.Duration, bool) {
			_, wait, ok := ring.Admit(now)
			return wait, ok
		},
		"Buckets": func(now time.Duration) (time.Duration, bool) {
			_, wait, ok := buckets.Take(now, 1)
			return wait, ok
		},
	}
}

func flood(from, to, step time.Duration) (arrivals []time.Duration) {
	for now := from; now < to; now += step {
		arrivals = append(arrivals, now)
	}
	return arrivals
}

// adversaries returns the arrivals that make other limiters admit about twice
// the limit in some minute.
func adversaries() map[string][]time.Duration {
	var edges, pauses []time.Duration
	for start := time.Duration(0); start < total; start += minute {
		// all at the end of a minute, and all again at the start of the next
		edges = append(edges, flood(start+minute-time.Second, start+minute+time.Second, 4*time.Millisecond)...)
		// a burst every 40 s: a minute holds one and touches another
		pauses = append(pauses, flood(start*2/3, start*2/3+perMinute*time.Millisecond, time.Millisecond)...)
	}
	return map[string][]time.Duration{
		"burst at the edge of the minute": edges,
		"steady flood":                    flood(0, total, 20*time.Millisecond),
		"burst, pause, burst":             pauses,
	}
}

// TestWorstWindowOverLimit also holds what one-sidedness may cost: Buckets admit
// hardly less than a Ring.
func TestWorstWindowOverLimit(t *testing.T) {
	for pattern, arrivals := range adversaries() {
		admissions := make(map[string]int)
		for name, admit := range limiters() {
			var admitted []time.Duration
			for _, now := range arrivals {
				if _, ok := admit(now); ok {
					admitted = append(admitted, now)
				}
			}
			worst := float64(mostInAnyWindow(admitted, minute)) / perMinute
			t.Logf("%s, %s: worst window / limit = %.3f, %d admitted", pattern, name, worst, len(admitted))
			if worst != 1 {
				t.Errorf("%s, %s: got worst window / limit %.3f, want 1.000", pattern, name, worst)
			}
			admissions[name] = len(admitted)
		}
		if got, least := admissions["Buckets"], admissions["Ring"]*99/100; got < least {
			t.Errorf("%s: Buckets admitted %d, want at least %d", pattern, got, least)
		}
	}
}

// mostInAnyWindow is the most of the ascending times in any half-open span.
func mostInAnyWindow(times []time.Duration, per time.Duration) int {
	most, from := 0, 0
	for i, at := range times {
		for at-times[from] >= per {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// TestAWaveThatObeysIsAdmittedOnReturn sends more than twice the limit in one
// wave. All who are refused stay away for just as long as they were told.
func TestAWaveThatObeysIsAdmittedOnReturn(t *testing.T) {
	const callers = 500
	for pattern, step := range map[string]time.Duration{
		"at once":         0,
		"within a second": 2 * time.Millisecond,
		"within a minute": 100 * time.Millisecond,
	} {
		for name, admit := range limiters() {
			returns := wave(admit, callers, step)
			if got, want := len(returns), callers-perMinute; got != want {
				t.Fatalf("%s, %s: got %d refused, want %d", name, pattern, got, want)
			}
			if got := admittedOnReturn(admit, returns); got != perMinute {
				t.Errorf("%s, %s: got %d of the first %d refused admitted on return, want all", name, pattern, got, perMinute)
			}
		}
	}
}

// wave lets callers arrive, each a step after the one before, and returns when
// those that were refused come back, in the order of their refusal.
func wave(admit admitting, callers int, step time.Duration) (returns []time.Duration) {
	for i := range callers {
		now := time.Duration(i) * step
		if wait, ok := admit(now); !ok {
			returns = append(returns, now+wait)
		}
	}
	return returns
}

// admittedOnReturn lets them all return, and counts those that are admitted of
// the first that were refused, as many as the limit.
func admittedOnReturn(admit admitting, returns []time.Duration) (admitted int) {
	callers := make([]int, len(returns))
	for i := range callers {
		callers[i] = i
	}
	slices.SortStableFunc(callers, func(a, b int) int { return cmp.Compare(returns[a], returns[b]) })
	for _, caller := range callers {
		if _, ok := admit(returns[caller]); ok && caller < perMinute {
			admitted++
		}
	}
	return admitted
}
