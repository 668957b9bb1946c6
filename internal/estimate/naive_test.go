package estimate_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/estimate"
)

// naive is an Outstanding that keeps all that ever happened and works the
// margin out anew each time.
type naive struct {
	now     time.Duration
	open    []*naiveCall // in the order of arrival
	events  [naiveIntervals][]naiveEvent
	actuals []float64
}

const naiveIntervals = 20

type naiveCall struct {
	opened   time.Duration
	cost     estimate.Cost
	interval int
}

// naiveEvent is a call that left an interval: it ended there or grew older.
type naiveEvent struct {
	ended bool
	error float64
}

// naiveInterval is the interval of an age.
func naiveInterval(age time.Duration) int {
	for i := range naiveIntervals - 1 {
		end := 500 * time.Millisecond << (i / 2)
		if i%2 == 1 {
			end = end * 99 / 70
		}
		if age < end {
			return i
		}
	}
	return naiveIntervals - 1
}

func (n *naive) age(now time.Duration) {
	n.now = max(n.now, now)
	for _, c := range n.open {
		for ; c.interval < naiveInterval(n.now-c.opened); c.interval++ {
			n.events[c.interval] = append(n.events[c.interval], naiveEvent{})
		}
	}
}

func (n *naive) close(c *naiveCall, actual int) {
	actual = min(actual, c.cost.Most)
	n.actuals = append(n.actuals, float64(actual))
	n.events[c.interval] = append(n.events[c.interval], naiveEvent{true, float64(actual - c.cost.Prior)})
	n.drop(c)
}

func (n *naive) drop(c *naiveCall) {
	n.open = slices.DeleteFunc(n.open, func(other *naiveCall) bool { return other == c })
}

// chance is what part of those that left an interval ended in it, if half of
// those that are in it go on.
func (n *naive) chance(interval int) float64 {
	ended, all := 0.0, 3.0
	for _, c := range n.open {
		if c.interval == interval {
			all += 0.5
		}
	}
	events := n.events[interval]
	for i, e := range events {
		weight := math.Pow(1-1.0/512, float64(len(events)-1-i))
		all += weight
		if e.ended {
			ended += weight
		}
	}
	return ended / all
}

// moments are the mean error of those that ended in an interval and the mean of
// its square. There are too few for anything to be forgotten.
func moments(events []naiveEvent) (mean, square float64) {
	n := 0.0
	for _, e := range events {
		if e.ended {
			n++
			mean += e.error
			square += e.error * e.error
		}
	}
	return mean / max(1, n), square / max(1, n)
}

func (n *naive) margin(cost estimate.Cost) float64 {
	if len(n.open) == 0 {
		return 0
	}
	all := append(slices.Clone(n.open), &naiveCall{opened: n.now, cost: cost})
	ceiling := math.Inf(1)
	if len(n.actuals) >= 16 {
		ceiling = slices.Max(n.actuals[max(0, (len(n.actuals)-1)/256*256-256):])
	}
	sum, variance := 0.0, 0.0
	for interval := range naiveIntervals {
		calls, room := 0.0, 0.0
		for _, c := range all {
			if c.interval == interval {
				calls++
				room += float64(c.cost.Most - c.cost.Prior)
				sum += float64(c.cost.Prior - c.cost.Tokens())
			}
		}
		if calls == 0 {
			continue
		}
		// The sum over the intervals in which it may end, and over ending in none.
		reaches, mean, square := 1.0, 0.0, 0.0
		for later := interval; later < naiveIntervals; later++ {
			m, s := moments(n.events[later])
			ends := n.chance(later)
			mean += reaches * ends * m
			square += reaches * ends * s
			reaches *= 1 - ends
		}
		worst := min(ceiling, room/calls)
		mean += reaches * worst
		square += reaches * worst * worst
		sum += calls * mean
		variance += calls * max(0, square-mean*mean)
	}
	variance *= 1 + float64(len(all))/float64(max(1, len(n.actuals)))
	return max(0, sum+3.8*math.Sqrt(variance))
}

// pair is an Outstanding and its naive double.
type pair struct {
	real    *estimate.Outstanding
	naive   naive
	entries map[*naiveCall]estimate.Entry
	clock   time.Duration
}

func (p *pair) step(t *rapid.T) {
	p.clock += time.Duration(rapid.IntRange(-100, 3000).Draw(t, "ms")) * time.Millisecond
	if rapid.IntRange(0, 50).Draw(t, "long") == 0 {
		p.clock += 10 * time.Minute
	}
	action := rapid.SampledFrom([]string{"open", "open", "close", "close", "drop", "look"}).Draw(t, "action")
	if action == "open" {
		p.open(t)
	} else if len(p.naive.open) > 0 && action != "look" {
		p.end(t, action)
	}
	cost := drawCost(t)
	p.naive.age(p.clock)
	got, want := margin(p.real, p.clock, cost), p.naive.margin(cost)
	if math.Abs(float64(got)-want) > 1.001 {
		t.Fatalf("margin is %d at %v, want %v", got, p.clock, want)
	}
}

func (p *pair) open(t *rapid.T) {
	cost := drawCost(t)
	p.naive.age(p.clock)
	c := &naiveCall{opened: p.naive.now, cost: cost}
	p.naive.open = append(p.naive.open, c)
	p.entries[c] = opened(p.real, p.clock, cost)
}

func (p *pair) end(t *rapid.T, how string) {
	p.naive.age(p.clock)
	c := p.naive.open[rapid.IntRange(0, len(p.naive.open)-1).Draw(t, "which")]
	actual := rapid.IntRange(0, 5000).Draw(t, "actual")
	if how == "close" {
		p.naive.close(c, actual)
		p.real.Close(p.clock, p.entries[c], actual)
	} else {
		p.naive.drop(c)
		margin(p.real, p.clock, c.cost) // a Drop has no time of its own
		p.real.Drop(p.entries[c])
	}
	// Once more changes nothing.
	p.real.Close(p.clock, p.entries[c], actual)
	p.real.Drop(p.entries[c])
}

func drawCost(t *rapid.T) estimate.Cost {
	c := estimate.Cost{Input: rapid.IntRange(0, 1000).Draw(t, "input"), Output: rapid.IntRange(0, 1000).Draw(t, "output")}
	c.Prior = c.Input + rapid.IntRange(0, 512).Draw(t, "prior")
	c.Most = c.Prior + rapid.IntRange(0, 4096).Draw(t, "room")
	return c
}

func TestMarginIsTheNaiveOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := pair{real: estimate.NewOutstanding(estimate.Expected), entries: make(map[*naiveCall]estimate.Entry)}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			p.step(t)
		}
	})
}
