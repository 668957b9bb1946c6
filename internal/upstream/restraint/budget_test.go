package restraint

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBudgetHoldsInEverySlidingWindow holds a budget to the naive count of the
// exact window that ends with each extra attempt.
func TestBudgetHoldsInEverySlidingWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.SampledFrom([]float64{0.05, 0.1, 0.5, 1}).Draw(t, "share")
		floor := rapid.IntRange(0, 3).Draw(t, "floor")
		window := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second}).Draw(t, "window")
		b := NewBudget(share, floor, window)
		now := time.Unix(1_000_000, 0)
		var requests, extras []time.Time
		in := func(times []time.Time) (n int) {
			for _, at := range times {
				if now.Sub(at) < window {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(window/20)).Draw(t, "pause")))
			switch rapid.SampledFrom([]string{"request", "request", "extra", "extra", "pause"}).Draw(t, "what") {
			case "request":
				b.Request(now)
				requests = append(requests, now)
			case "extra":
				if !b.Extra(now) {
					continue
				}
				extras = append(extras, now)
				if got, most := in(extras), max(float64(floor), share*float64(in(requests))); float64(got) > most {
					t.Fatalf("%d extra attempts within %v, of %d requests; at most %v may be", got, window, in(requests), most)
				}
			case "pause":
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*window)).Draw(t, "long")))
			}
		}
	})
}

// TestBudgetIsUsable: of a steady stream of failures the whole share is tried
// again, but for what the spans at the ends of the window lose.
func TestBudgetIsUsable(t *testing.T) {
	b := NewBudget(0.1, 2, 10*time.Second)
	now := time.Unix(0, 0)
	extras := 0
	for range 60 * 100 {
		now = now.Add(10 * time.Millisecond)
		b.Request(now)
		if b.Extra(now) {
			extras++
		}
	}
	if extras < 450 || extras > 600 {
		t.Errorf("%d extra attempts for 6000 requests, want 450 to 600", extras)
	}
}

func TestBudgetIsThereAgainAfterTheWindow(t *testing.T) {
	b := NewBudget(0.1, 2, 10*time.Second)
	now := time.Unix(0, 0)
	for i, want := range []bool{true, true, false} {
		if b.Extra(now) != want {
			t.Errorf("extra attempt %d: want %t, as the floor is 2", i+1, want)
		}
	}
	if b.Extra(now.Add(9999 * time.Millisecond)) {
		t.Error("there again before the window is over")
	}
	if !b.Extra(now.Add(11 * time.Second)) {
		t.Error("not there again after the window")
	}
	var none Budget
	if none.Request(now); none.Extra(now) {
		t.Error("the zero Budget allows one")
	}
}
