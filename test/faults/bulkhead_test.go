package faults_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	// brokenSlots is the cap of a provider that is broken, and crowd how many call
	// it at the same time: three times as many.
	brokenSlots, crowd = 10, 30
	// goodTime is how long the good provider takes, goodCallers how many call it.
	goodTime, goodCallers = 50 * time.Millisecond, 8
	// backOff is what callers wait after an error, on average.
	backOff = 100 * time.Millisecond
)

// load is what callers of one provider got.
type load struct {
	mu       sync.Mutex
	took     []time.Duration // of whole answers
	outcomes map[string]int
	wrong    error // an answer that no client can read
}

// run lets n callers of an app call until ctx ends, each one call after the other.
func (l *load) run(ctx context.Context, s *service, q question, n int) {
	l.outcomes = make(map[string]int)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				if !l.call(context.WithoutCancel(ctx), s, q) {
					l.rest(ctx)
				}
			}
		})
	}
	all.Wait()
}

// call makes one and tells whether it got a whole answer.
func (l *load) call(ctx context.Context, s *service, q question) bool {
	a := s.ask(ctx, q)
	o, err := q.judge(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.wrong = err
		return false
	}
	l.outcomes[o.String()]++
	if o.String() != whole {
		return false
	}
	l.took = append(l.took, a.ended.Sub(a.began))
	return true
}

func (l *load) rest(ctx context.Context) {
	timer := time.NewTimer(rand.N(2 * backOff))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// calls is how many ended.
func (l *load) calls() (n int) {
	for _, c := range l.outcomes {
		n += c
	}
	return n
}

// p99 is the 99th percentile of the whole answers' times.
func (l *load) p99() time.Duration {
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	return l.took[len(l.took)*99/100]
}

// TestBulkhead is R2: whatever is wrong with one provider, offered three times as
// many calls as it may have, those of another are answered as fast as ever.
func TestBulkhead(t *testing.T) {
	rounds, long := 1, 500*time.Millisecond
	if proof() {
		rounds, long = 5, 2500*time.Millisecond
	}
	up := startRaw(t)
	slots := "read_timeout: 60s, concurrent_requests: " + strconv.Itoa(brokenSlots)
	good := fault{play: func(x *exchange) {
		<-time.After(goodTime)
		x.well()
	}}
	broken := []upstream{
		{name: "hung", address: up.add("hung", silences()[0])},
		{name: "slow", address: up.add("slow", fault{play: func(x *exchange) {
			x.needHead()
			x.drip(x.rest())
		}})},
		{name: "resetting", address: up.add("resetting", fault{play: func(x *exchange) { x.reset() }})},
		{name: "dead", address: "http://" + closedPort(t)},
	}
	upstreams := []upstream{{name: "good", address: up.add("good", good), dialect: dialectOpenAI, http: "concurrent_requests: 25"}}
	for _, b := range broken {
		b.dialect, b.http = dialectOpenAI, slots
		// Without the breaker, which would leave it alone, its slots are really taken.
		b.more = ", breaker: {failure_rate: 0}"
		upstreams = append(upstreams, b)
	}
	s := serve(t, "max_concurrent_requests: 40", upstreams)
	if proof() {
		beside(t, s, "", long) // not counted: connections are opened
	}
	ratios := make(map[string][]float64)
	for range rounds {
		alone := beside(t, s, "", long)
		for _, b := range broken {
			with := beside(t, s, b.name, long)
			ratios[b.name] = append(ratios[b.name], float64(with.p99())/float64(alone.p99()))
			ratios[b.name+" throughput"] = append(ratios[b.name+" throughput"], float64(len(with.took))/float64(len(alone.took)))
		}
	}
	for _, b := range broken {
		p99, throughput := median(ratios[b.name]), median(ratios[b.name+" throughput"])
		t.Logf("beside a provider that is %s: p99 x %.3f, throughput x %.3f (medians of %d)", b.name, p99, throughput, rounds)
		if most := 1.1; proof() && p99 > most {
			t.Errorf("beside a provider that is %s the other's p99 is %.3f times that without it, at most %.1f may be", b.name, p99, most)
		}
	}
	s.emptied(t, "", func() int { return 0 })
}

// beside measures the good provider's callers while a broken one, if any is named,
// is offered its crowd.
func beside(t *testing.T, s *service, broken string, long time.Duration) *load {
	t.Helper()
	ctx, over := context.WithTimeout(t.Context(), long)
	defer over()
	var good, bad load
	var both sync.WaitGroup
	if broken != "" {
		both.Go(func() { bad.run(ctx, s, question{face: faceOpenAI, app: broken, model: "before"}, crowd) })
	}
	both.Go(func() { good.run(ctx, s, question{face: faceOpenAI, app: "good", model: "paced"}, goodCallers) })
	both.Wait()
	if good.wrong != nil || bad.wrong != nil {
		t.Errorf("beside %q: %v, %v", broken, good.wrong, bad.wrong)
	}
	if len(good.took) == 0 || len(good.outcomes) != 1 {
		t.Fatalf("the good provider's calls ended as %v", good.outcomes)
	}
	if n := bad.outcomes[whole]; n > 0 || broken != "" && bad.calls() < crowd {
		t.Errorf("the provider that is %s: %v, want errors, of %d callers", broken, bad.outcomes, crowd)
	}
	p99 := good.p99() // sorts
	t.Logf("beside %-11q %4d calls, p50 %v, p99 %v; %v", broken, len(good.took), good.took[len(good.took)/2].Round(time.Millisecond/100),
		p99.Round(time.Millisecond/100), bad.outcomes)
	return &good
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
