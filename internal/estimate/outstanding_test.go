package estimate_test

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/estimate"
)

// margin is that of a call that is not admitted.
func margin(o *estimate.Outstanding, now time.Duration, cost estimate.Cost) int {
	entry, tokens := o.Open(now, cost)
	o.Drop(entry)
	return tokens
}

// opened is the entry of a call that is admitted.
func opened(o *estimate.Outstanding, now time.Duration, cost estimate.Cost) estimate.Entry {
	entry, _ := o.Open(now, cost)
	return entry
}

func someCost() estimate.Cost {
	return estimate.Cost{Input: 500, Output: 500, Prior: 1000, Most: 3000}
}

func TestMarginOfWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	o := estimate.NewOutstanding(estimate.Expected)
	if got := margin(o, 0, someCost()); got != 0 {
		t.Errorf("with nothing open the margin is %d, want 0", got)
	}
	for n := 1; n <= 5; n++ {
		o.Open(0, someCost())
		if got, want := margin(o, time.Second, someCost()), (n+1)*2000; got != want {
			t.Errorf("with %d open the margin is %d, want %d: all that they can cost more", n, got, want)
		}
	}
}

// TestTheLongAreNotJudgedByTheShort is the reason for the life table: half of
// the calls are over in a second and cost little, the others run on.
func TestTheLongAreNotJudgedByTheShort(t *testing.T) {
	t.Parallel()
	o := estimate.NewOutstanding(estimate.Expected)
	openMany := func(now time.Duration, n int) (entries []estimate.Entry) {
		for range n {
			entries = append(entries, opened(o, now, someCost()))
		}
		return entries
	}
	closeMany := func(now time.Duration, entries []estimate.Entry, actual int) {
		for _, entry := range entries {
			o.Close(now, entry, actual)
		}
	}
	entries := openMany(0, 200)
	closeMany(time.Second, entries[:100], 900)
	// What the others cost beyond their prior is not known: as much as the largest
	// did altogether, 900.
	if got := margin(o, 2*time.Second, someCost()); got < 100*900 {
		t.Errorf("with 100 calls that outlived all others the margin is %d, want at least 90000", got)
	}
	closeMany(10*time.Second, entries[100:], 2500)

	// Young ones are of both kinds, old ones are all long.
	openMany(time.Minute, 100)
	if got := margin(o, time.Minute, someCost()); got < 50*1500-50*100 || got > 125_000 {
		t.Errorf("with 100 young calls the margin is %d, want 70000 and 3.8 deviations", got)
	}
	if got := margin(o, time.Minute+5*time.Second, someCost()); got < 100*1500 {
		t.Errorf("with 100 old calls the margin is %d, want at least 150000", got)
	}
}

func TestMarginOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	o := estimate.NewOutstanding(estimate.Expected)
	// Every call costs 100 more than reserved.
	for i := range 5000 {
		now := time.Duration(i) * time.Second
		o.Close(now+time.Millisecond, opened(o, now, someCost()), 1100)
	}
	for range 9 {
		o.Open(5000*time.Second, someCost())
	}
	// 1000 for ten calls, and the doubt that a few in 500 might cost twice as much.
	if got := margin(o, 5000*time.Second, someCost()); got < 1000 || got > 4500 {
		t.Errorf("margin is %d, want 1000 to 4500", got)
	}
}

func TestMarginForgets(t *testing.T) {
	t.Parallel()
	o := estimate.NewOutstanding(estimate.Expected)
	now := time.Duration(0)
	for i := range 7000 {
		actual := 1000
		if i >= 5000 {
			actual = 2000
		}
		now += time.Second
		o.Close(now+time.Millisecond, opened(o, now, someCost()), actual)
	}
	for range 99 {
		o.Open(now, someCost())
	}
	// The error's mean is 980 by then, its deviation 140.
	if got := margin(o, now, someCost()); got < 95_000 || got > 130_000 {
		t.Errorf("after 2000 calls that cost 1000 more the margin of a hundred is %d, want about 100000", got)
	}
}

func TestOneThatCostMoreThanItCouldIsNoMeasure(t *testing.T) {
	t.Parallel()
	margin := func(actual int) int {
		o := estimate.NewOutstanding(estimate.Expected)
		o.Close(time.Second, opened(o, 0, someCost()), actual)
		o.Open(time.Second, someCost())
		return margin(o, time.Second, someCost())
	}
	if got, want := margin(1_000_000), margin(3000); got != want {
		t.Errorf("margin is %d, want %d as of a call that cost its most", got, want)
	}
}

func TestHardNeedsNoMargin(t *testing.T) {
	t.Parallel()
	o := estimate.NewOutstanding(estimate.Hard)
	for range 5 {
		o.Close(time.Second, opened(o, 0, someCost()), 100_000)
		o.Open(0, someCost())
	}
	o.Drop(0)
	if got := margin(o, time.Minute, someCost()); got != 0 {
		t.Errorf("margin is %d, want 0", got)
	}
}

func TestForeignEntriesAreIgnored(t *testing.T) {
	t.Parallel()
	o := estimate.NewOutstanding(estimate.Expected)
	first := opened(o, 0, someCost())
	o.Drop(first)
	second := opened(o, 0, someCost()) // in the same place
	for _, entry := range []estimate.Entry{0, first, 1 << 40, 99, first + 1} {
		o.Close(time.Second, entry, 0)
		o.Drop(entry)
	}
	if got := margin(o, time.Second, someCost()); got != 4000 {
		t.Errorf("margin is %d, want 4000: a foreign entry closed a call", got)
	}
	o.Drop(second)
	if got := margin(o, time.Second, someCost()); got != 0 {
		t.Errorf("margin is %d with nothing open", got)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	caller, o := estimate.NewTokens(estimate.Expected).Of(app), estimate.NewOutstanding(estimate.Expected)
	q, s := estimate.NewQuantile(1), new(estimate.Service)
	now := time.Duration(0)
	once := func() {
		now += time.Second
		cost := caller.Estimate(2000, 1000)
		margin(o, now, cost)
		o.Close(now+time.Second, opened(o, now, cost), 700)
		caller.Learn(2000, 500, 200)
		q.Add(5)
		q.Quantile(0.5)
		s.Add("chat", "m", time.Second)
		s.P10("chat", "m")
	}
	once()
	if got := testing.AllocsPerRun(1000, once); got != 0 {
		t.Errorf("%v allocations for each call, want 0", got)
	}
}

// BenchmarkCallOfAWindow is a call among 20 that run.
func BenchmarkCallOfAWindow(b *testing.B) {
	o := estimate.NewOutstanding(estimate.Expected)
	var open [20]estimate.Entry
	now := time.Duration(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now += 500 * time.Millisecond
		o.Close(now, open[i%20], 900+i%200)
		margin(o, now, someCost())
		open[i%20] = opened(o, now, someCost())
	}
}

// BenchmarkMarginOfARefused is what a call pays that finds no room.
func BenchmarkMarginOfARefused(b *testing.B) {
	o := estimate.NewOutstanding(estimate.Expected)
	for i := range 1000 {
		now := time.Duration(i) * time.Second / 2
		entry := opened(o, now, someCost())
		if i < 980 {
			o.Close(now+time.Duration(i%20)*time.Second, entry, 100*(i%20))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		margin(o, 500*time.Second, someCost())
	}
}
