package restraint

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func usual() BreakerConfig {
	return BreakerConfig{
		Window: 10 * time.Second, MinCalls: 4, FailureRate: 0.5, OpenFor: 2 * time.Second, MaxOpen: 10 * time.Second, Probes: 2,
	}
}

// bench is a breaker with a clock.
type bench struct {
	*Breaker
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T, config BreakerConfig) *bench {
	t.Helper()
	return &bench{NewBreaker(config), t, time.Unix(1000, 0)}
}

func (b *bench) after(d time.Duration) { b.now = b.now.Add(d) }

// ends makes calls that end at once.
func (b *bench) ends(party string, outcomes ...Outcome) {
	b.t.Helper()
	for _, outcome := range outcomes {
		p, ok := b.Enter(b.now, party)
		if !ok {
			b.t.Fatal("not let in")
		}
		p.Done(b.now, party, outcome)
	}
}

func (b *bench) want(state State, wait time.Duration) {
	b.t.Helper()
	if got := b.State(); got != state {
		b.t.Errorf("state %v, want %v", got, state)
	}
	if got := b.Wait(b.now, "a"); got != wait {
		b.t.Errorf("wait %v, want %v", got, wait)
	}
}

func TestBreakerOpensAndCloses(t *testing.T) {
	b := newBench(t, usual())
	b.ends("a", Failure, Failure, Failure)
	b.want(Closed, 0) // too few
	b.after(time.Second)
	b.ends("a", Failure)
	b.want(Open, 2*time.Second)
	if _, ok := b.Enter(b.now.Add(1999*time.Millisecond), "a"); ok {
		t.Error("let in while open")
	}
	b.after(2 * time.Second)
	b.want(Open, 0)
	probe, ok := b.Enter(b.now, "a")
	if !ok {
		t.Fatal("no probe let in")
	}
	b.want(HalfOpen, 2*time.Second) // one at a time
	b.after(2 * time.Second)
	second, ok := b.Enter(b.now, "a") // the first takes long
	if !ok {
		t.Fatal("no second probe let in")
	}
	if _, ok := b.Enter(b.now.Add(time.Hour), "a"); ok {
		t.Error("a third probe was let in")
	}
	probe.Done(b.now, "a", Failure)
	b.want(Open, 4*time.Second) // twice as long
	second.Done(b.now, "a", Success)
	b.want(Open, 4*time.Second) // it says nothing of now
	b.after(4 * time.Second)
	b.ends("a", Success)
	b.want(Closed, 0)
}

func TestBreakerWaitsLongerAndLongerUpToABound(t *testing.T) {
	b := newBench(t, usual())
	b.ends("a", Failure, Failure, Failure, Failure)
	for _, seconds := range []int{2, 4, 8, 10, 10} {
		want := time.Duration(seconds) * time.Second
		b.want(Open, want)
		b.after(want)
		b.ends("a", Failure)
	}
	b.after(10 * time.Second)
	b.ends("a", Success)
	b.ends("a", Failure, Failure, Failure, Failure)
	b.want(Open, 10*time.Second) // it was closed only just now
	b.after(10 * time.Second)
	b.ends("a", Success)
	b.after(10 * time.Second)
	b.ends("a", Failure, Failure, Failure, Failure)
	b.want(Open, 2*time.Second) // it was well for a time
}

func TestProbeThatBeginsToAnswerCloses(t *testing.T) {
	b := newBench(t, usual())
	b.ends("a", Failure, Failure, Failure, Failure)
	b.after(2 * time.Second)
	p, _ := b.Enter(b.now, "a")
	p.Alive(b.now)
	b.want(Closed, 0)
	p.Done(b.now, "a", Failure) // later, like any other
	b.ends("a", Failure, Failure)
	b.want(Closed, 0)
	b.ends("a", Failure)
	b.want(Open, 4*time.Second)
}

func TestProbeThatSaysNothingLetsTheNextIn(t *testing.T) {
	b := newBench(t, usual())
	b.ends("a", Failure, Failure, Failure, Failure)
	b.after(2 * time.Second)
	b.ends("a", Neutral)
	b.want(HalfOpen, 0)
	b.ends("a", Neutral, Neutral)
	b.want(HalfOpen, 0)
}

func TestBreakerStaysClosed(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls func(b *bench)
	}{
		{"few failures", func(b *bench) { b.ends("a", Success, Success, Success, Failure, Failure) }},
		{"neutral ends", func(b *bench) { b.ends("a", Neutral, Neutral, Neutral, Neutral, Failure, Failure, Failure) }},
		{"failures long ago", func(b *bench) {
			b.ends("a", Failure, Failure, Failure)
			b.after(10 * time.Second)
			b.ends("a", Failure)
		}},
		{"one party's failures beside another's successes", func(b *bench) {
			b.ends("b", Success)
			b.ends("a", Failure, Failure, Failure, Failure, Failure, Failure)
		}},
		{"one party's failures while another waits", func(b *bench) {
			b.Enter(b.now, "b")
			b.ends("a", Failure, Failure, Failure, Failure, Failure, Failure)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, usual())
			c.calls(b)
			b.want(Closed, 0)
		})
	}
	off := newBench(t, BreakerConfig{Window: time.Second})
	for range 100 {
		off.ends("a", Failure)
	}
	off.want(Closed, 0)
}

func TestBreakerOpensWhereOthersAreNotServedEither(t *testing.T) {
	b := newBench(t, usual())
	b.ends("b", Success)
	b.after(5 * time.Second) // b's success is too old to speak for the upstream
	b.ends("a", Failure, Failure, Failure)
	b.want(Open, 2*time.Second)

	b = newBench(t, usual())
	b.ends("b", Success, Failure)
	b.ends("a", Failure, Failure)
	b.want(Open, 2*time.Second) // b fails too
}

// naive is a breaker that keeps every outcome, and counts those in the spans of
// the window when it has to.
type naive struct {
	config   BreakerConfig
	state    State
	start    time.Time
	outcomes []naiveOutcome
	until    time.Time
	length   time.Duration
	closed   time.Time
	culprit  string
	witness  bool // the call under way is one
	here     []naiveOutcome
}

type naiveOutcome struct {
	span    int64
	party   string
	failure bool
}

func (n *naive) span(now time.Time) int64 { return int64(now.Sub(n.start) / (n.config.Window / spans)) }

func (n *naive) enter(now time.Time, party string) {
	if n.start.IsZero() {
		n.start = now
	}
	switch {
	case n.isWitness(party):
		n.witness = true
	case n.state == Open:
		n.state = HalfOpen
	case n.state == Closed:
		n.here = append(n.here, naiveOutcome{span: n.span(now), party: party})
	}
}

func (n *naive) isWitness(party string) bool {
	return n.state != Closed && n.culprit != "" && party != n.culprit
}

func (n *naive) end(now time.Time, party string, outcome Outcome) {
	if n.witness {
		n.witness = false
		switch outcome {
		case Neutral:
		case Success:
			n.state, n.closed, n.outcomes, n.here = Closed, now, nil, nil
		case Failure:
			n.culprit = ""
		}
		return
	}
	if outcome == Neutral {
		return
	}
	if n.state == HalfOpen {
		n.outcomes, n.here = nil, nil
		if outcome == Success {
			n.state, n.closed = Closed, now
			return
		}
		n.length = min(2*n.length, n.config.MaxOpen)
		n.state, n.until = Open, now.Add(n.length)
		return
	}
	n.outcomes = append(n.outcomes, naiveOutcome{n.span(now), party, outcome == Failure})
	total, bad := n.count(n.span(now))
	failing, here := n.parties(n.span(now))
	if outcome != Failure || total < n.config.MinCalls || float64(bad) < n.config.FailureRate*float64(total) {
		return
	}
	if len(failing) == 1 && (len(here) > 1 || len(here) == 1 && !failing[one(here)]) {
		return
	}
	if n.length > 0 && now.Sub(n.closed) < n.length {
		n.length = min(2*n.length, n.config.MaxOpen)
	} else {
		n.length = n.config.OpenFor
	}
	n.culprit = ""
	if len(failing) == 1 {
		n.culprit = one(failing)
	}
	n.state, n.until, n.outcomes, n.here = Open, now.Add(n.length), nil, nil
}

// count is how many calls the window holds, and how many of them failed.
func (n *naive) count(at int64) (total, bad int) {
	for _, o := range n.outcomes {
		if o.span > at-spans {
			total++
			if o.failure {
				bad++
			}
		}
	}
	return total, bad
}

// parties is whose calls failed in the window, and who was there lately without
// failing.
func (n *naive) parties(at int64) (failing, here map[string]bool) {
	failing, here = map[string]bool{}, map[string]bool{}
	for _, o := range append(slices.Clone(n.outcomes), n.here...) {
		switch {
		case o.failure && o.span > at-spans:
			failing[o.party] = true
		case !o.failure && o.span >= at-1:
			here[o.party] = true
		}
	}
	return failing, here
}

func one(set map[string]bool) string {
	for name := range set {
		return name
	}
	return ""
}

func TestBreakerDoesWhatANaiveOneDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := usual()
		config.FailureRate = rapid.SampledFrom([]float64{0.25, 0.5, 1}).Draw(t, "rate")
		b, n, now := NewBreaker(config), naive{config: config}, time.Unix(1000, 0)
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			party := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "party")
			outcome := rapid.SampledFrom([]Outcome{Neutral, Success, Failure}).Draw(t, "outcome")
			p, ok := b.Enter(now, party)
			want := n.state != Open || !now.Before(n.until) || n.isWitness(party)
			if ok != want {
				t.Fatalf("step %d: let in %t, want %t", i, ok, want)
			}
			if !ok {
				continue
			}
			n.enter(now, party)
			p.Done(now, party, outcome)
			n.end(now, party, outcome)
			if got := b.State(); got != n.state {
				t.Fatalf("step %d: %v, want %v", i, got, n.state)
			}
		}
	})
}

func TestStatesHaveNames(t *testing.T) {
	if got := fmt.Sprint(Closed, Open, HalfOpen, State(9)); got != "closed open half_open unknown" {
		t.Error(got)
	}
}

// TestOnePartysFailuresHoldUpThatPartyAlone, until it turns out that others fare no
// better.
func TestOnePartysFailuresHoldUpThatPartyAlone(t *testing.T) {
	open := func() *bench {
		b := newBench(t, usual())
		b.ends("a", Failure, Failure, Failure, Failure)
		b.want(Open, 2*time.Second)
		return b
	}
	b := open()
	first, _ := b.Enter(b.now, "b")
	second, ok := b.Enter(b.now, "c")
	if !ok {
		t.Error("a third party is held up")
	}
	b.want(Open, 2*time.Second) // for a
	first.Alive(b.now)
	b.want(Closed, 0)
	first.Done(b.now, "b", Success)
	second.Done(b.now, "c", Failure) // it began before
	b.want(Closed, 0)

	b = open()
	b.ends("b", Neutral)
	b.ends("b", Failure)
	b.want(Open, 2*time.Second)
	if got := b.Wait(b.now, "c"); got != 2*time.Second {
		t.Errorf("a third party waits for %v, want as long as all", got)
	}
}
