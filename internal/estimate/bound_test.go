package estimate_test

import (
	"testing"
	"time"
)

// result is what many runs of one traffic came to.
type result struct {
	worst float64 // minute of all runs, by the limit
	over  int     // runs whose worst minute is more than 1.02 of the limit
	use   float64 // mean
}

// repeat runs the traffic once with each of so many seeds.
func repeat(t traffic, r reserve, seeds int, length time.Duration) result {
	var sum result
	for seed := range seeds {
		worst, use := newSimulation(t, r, uint64(seed)).run(length)
		sum.worst = max(sum.worst, worst)
		sum.use += use / float64(seeds)
		if worst > 1.02 {
			sum.over++
		}
	}
	return sum
}

const (
	runs       = 2
	halfAnHour = 30 * time.Minute
	quarter    = 15 * time.Minute
)

// crowds are what the goals are held to: several times what the window admits,
// from clients that come back when they were told to.
func crowds() []traffic {
	return []traffic{
		crowd(5, exponential, byLength, returns),
		crowd(5, lognormal, byLength, returns),
		crowd(10, exponential, byLength, returns),
		crowd(10, lognormal, byLength, returns),
	}
}

// TestEstimatesHoldTheWindow is a sample of BenchmarkTokenWindow. Of many such
// half hours, about one in thirty has a minute of more than 1.02 of the limit.
func TestEstimatesHoldTheWindow(t *testing.T) {
	t.Parallel()
	over, use := 0, 0.0
	for _, traffic := range crowds() {
		got := repeat(traffic, withMargin, runs, halfAnHour)
		t.Logf("%v: worst minute %.3f, mean use %.3f, %d of %d runs over 1.02", traffic, got.worst, got.use, got.over, runs)
		if got.use < 0.945 || got.worst > 1.04 {
			t.Errorf("%v: mean use %.4f, worst minute %.4f, want at least 0.945, at most 1.04", traffic, got.use, got.worst)
		}
		use += got.use / float64(len(crowds()))
		over += got.over
	}
	if use < 0.95 {
		t.Errorf("mean use of all %.4f, want at least 0.95", use)
	}
	if over > 1 {
		t.Errorf("%d of %d runs have a minute over 1.02, want at most one", over, runs*len(crowds()))
	}
}

// TestOtherCrowds are those whose use must be less: where refused clients leave,
// there is not always one when there is room; and where the time says nothing of
// the length, twice as many calls are open, each as uncertain to its end.
func TestOtherCrowds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		traffic traffic
		use     float64
	}{
		{crowd(5, exponential, byLength, leaves), 0.93},
		{crowd(10, lognormal, byLength, leaves), 0.94},
		{crowd(5, lognormal, byChance, returns), 0.9},
		{crowd(10, exponential, byChance, leaves), 0.9},
	} {
		got := repeat(tt.traffic, withMargin, 1, quarter)
		t.Logf("%v: worst minute %.3f, mean use %.3f", tt.traffic, got.worst, got.use)
		if got.use < tt.use || got.worst > 1.03 {
			t.Errorf("%v: mean use %.4f, worst minute %.4f, want at least %v, at most 1.03", tt.traffic, got.use, got.worst, tt.use)
		}
	}
}

func TestHardNeverPassesTheLimit(t *testing.T) {
	t.Parallel()
	for _, traffic := range append(crowds(), crowd(10, exponential, byChance, leaves)) {
		got := repeat(traffic, hard, 1, quarter)
		t.Logf("%v: worst minute %.3f, mean use %.3f", traffic, got.worst, got.use)
		if got.worst > 1 || got.use < 0.65 {
			t.Errorf("%v: worst minute %.4f, mean use %.4f, want at most 1, at least 0.65", traffic, got.worst, got.use)
		}
	}
}

// TestWithoutMarginTheLimitIsPassed shows that the tests above would see it.
func TestWithoutMarginTheLimitIsPassed(t *testing.T) {
	t.Parallel()
	for _, traffic := range crowds() {
		got := repeat(traffic, withoutMargin, 1, quarter)
		t.Logf("%v: worst minute %.3f, mean use %.3f", traffic, got.worst, got.use)
		if got.worst < 1.1 {
			t.Errorf("%v: worst minute %.4f without any margin, want more than 1.1", traffic, got.worst)
		}
	}
}

func TestSurprises(t *testing.T) {
	t.Parallel()
	usual := crowd(10, exponential, byLength, returns)
	for _, tt := range []struct {
		name       string
		surprise   func(t *traffic)
		worst, use float64
	}{
		{"answers three times as long as without experience", func(t *traffic) {
			t.mean, t.later, t.cut, t.maxTokens = 1500, 1500, 8000, 8000
		}, 1.08, 0.83},
		{"answers become three times as long", func(t *traffic) {
			t.later, t.cut, t.maxTokens = 3*t.mean, 6000, 6000
		}, 1.35, 0.93},
		{"clients allow far more than they use", func(t *traffic) { t.maxTokens = 128_000 }, 1.03, 0.92},
		{"clients do not say what they allow", func(t *traffic) { t.maxTokens = 0 }, 1.03, 0.92},
		{"answers of a few tokens", func(t *traffic) { t.mean, t.later, t.cut = 10, 10, 100 }, 1.01, 0.97},
		{"a window of eleven calls", func(t *traffic) { t.limit, t.maxTokens = 10_000, 0 }, 1.2, 0.85},
	} {
		traffic := usual
		tt.surprise(&traffic)
		got := repeat(traffic, withMargin, 1, quarter)
		t.Logf("%s: worst minute %.3f, mean use %.3f", tt.name, got.worst, got.use)
		if got.worst > tt.worst || got.use < tt.use {
			t.Errorf("%s: worst minute %.4f, mean use %.4f, want at most %v, at least %v", tt.name, got.worst, got.use, tt.worst, tt.use)
		}
	}
}

// BenchmarkTokenWindow simulates half an hour with a seed of its own in each
// round: -benchtime 200x is a hundred hours. It reports the worst minute, how
// many of a hundred runs have one over 1.02, and the mean use.
func BenchmarkTokenWindow(b *testing.B) {
	for _, traffic := range crowds() {
		for _, r := range []reserve{withMargin, withoutMargin, hard} {
			b.Run(traffic.String()+"/"+string(r), func(b *testing.B) {
				got := repeat(traffic, r, b.N, halfAnHour)
				b.ReportMetric(got.worst, "worst/limit")
				b.ReportMetric(100*float64(got.over)/float64(b.N), "%runs>1.02")
				b.ReportMetric(got.use, "use")
			})
		}
	}
}
