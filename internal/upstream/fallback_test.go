package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// chain is a case of a call that may go to p, q and r.
type chain struct {
	name    string
	errs    [3]error // of p, q and r; nil is well
	counts  [3]int
	want    string // code; "" is success
	leading string // who answered, or was asked last
}

// TestFallbackOrder: the chain is followed in order, as long as it may help.
func TestFallbackOrder(t *testing.T) {
	for _, c := range []chain{
		{"well", [3]error{}, [3]int{1, 0, 0}, "", "p"},
		{"p fails", [3]error{status(500)}, [3]int{3, 1, 0}, "", "q"},
		{"p and q fail", [3]error{status(500), status(502)}, [3]int{3, 1, 1}, "", "r"},
		{"all fail", [3]error{status(500), status(500), upstreamError("upstream_timeout", 0)}, [3]int{3, 1, 1}, "upstream_timeout", "r"},
		{"p is not allowed", [3]error{status(401)}, [3]int{1, 1, 0}, "", "q"},
		{"p is set up wrongly", [3]error{status(307)}, [3]int{1, 1, 0}, "", "q"},
		{"p asks for a pause", [3]error{holding(429, 2*time.Second)}, [3]int{1, 1, 0}, "", "q"},
		{"the request is invalid", [3]error{status(400)}, [3]int{1, 0, 0}, "upstream_error", "p"},
		{"q finds the request invalid", [3]error{status(500), status(400)}, [3]int{3, 1, 0}, "upstream_error", "q"},
	} {
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, c.follow) })
	}
}

func (c chain) follow(t *testing.T) {
	var fakes [3]*fake
	var providers []Provider
	for i, name := range []string{"p", "q", "r"} {
		fakes[i] = fine()
		if c.errs[i] != nil {
			fakes[i] = failing(c.errs[i], -1)
		}
		providers = append(providers, usual(name, fakes[i]))
	}
	b := newBed(providers...)
	call := newCall("a", to("p"), to("q"), fairlead.Target{Provider: "r", Model: "small"})
	events, err := b.ask(t.Context(), call)
	if codeOf(err) != c.want || (err == nil) != (events == "hde") {
		t.Errorf("error %v, events %q; want %q", err, events, c.want)
	}
	for i, f := range fakes {
		if f.count() != c.counts[i] {
			t.Errorf("provider %d had %d attempts, want %d", i, f.count(), c.counts[i])
		}
	}
	if got := call.Targets(); got[0].Provider != c.leading || len(got) != 3 {
		t.Errorf("targets %v, want %s first", got, c.leading)
	}
	b.checkIdle(t)
}

// TestFallbackNeedsNoBudget: in an outage every call goes to the fallback, and
// soon none is tried at the first any more.
func TestFallbackNeedsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := failing(status(500), -1), fine()
		b := newBed(usual("p", bad), usual("q", good))
		for range 100 {
			if _, err := b.ask(t.Context(), newCall("a", to("p"), to("q"))); err != nil {
				t.Fatal(err)
			}
		}
		if bad.count() > 25 || good.count() != 100 {
			t.Errorf("%d attempts at the one that fails, %d at its fallback", bad.count(), good.count())
		}
		b.checkIdle(t)
	})
}

func TestAllLeftAloneIsBusyUntilTheFirstIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(usual("p", failing(status(500), -1)), usual("q", failing(status(500), -1)))
		for range 30 {
			_, _ = b.ask(t.Context(), newCall("a", to("p")))
		}
		<-time.After(2 * time.Second)
		for range 30 {
			_, _ = b.ask(t.Context(), newCall("a", to("q")))
		}
		stats := b.Stats()
		if stats[0].State != "open" || stats[1].State != "open" {
			t.Fatalf("stats %+v", stats)
		}
		_, first := b.ask(t.Context(), newCall("a", to("p")))
		_, both := b.ask(t.Context(), newCall("a", to("q"), to("p")))
		if got, want := fairlead.AsError(both).RetryAfter, fairlead.AsError(first).RetryAfter; got != want || !fairlead.IsKind(both, fairlead.Busy) {
			t.Errorf("told %v after %v, want busy after %v", both, got, want)
		}
	})
}

// TestBalance: calls are spread by weight, whether there are many at a time or
// one after the other, over keys and over providers.
func TestBalance(t *testing.T) {
	for _, c := range []struct {
		weights []int
		clients int
	}{
		{[]int{1, 1}, 1}, {[]int{1, 1}, 30}, {[]int{2, 1}, 1}, {[]int{2, 1}, 30}, {[]int{1, 1, 1}, 40}, {[]int{1, 2, 3}, 60},
	} {
		for name, spread := range map[string]func(weights []int, fakes []*fake) []Provider{"keys": asKeys, "providers": asProviders} {
			t.Run(fmt.Sprint(c.weights, c.clients, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var fakes []*fake
					for range c.weights {
						fakes = append(fakes, fine())
					}
					checkBalance(t, c.weights, fakes, newBed(spread(c.weights, fakes)...), c.clients)
				})
			})
		}
	}
}

// asKeys makes the fakes the keys of one provider, asProviders a provider each.
func asKeys(weights []int, fakes []*fake) []Provider {
	p := usual("keyed")
	for i, f := range fakes {
		p.Deployments = append(p.Deployments, Deployment{Model: f, Weight: weights[i]})
	}
	return []Provider{p}
}

func asProviders(weights []int, fakes []*fake) (all []Provider) {
	for i, f := range fakes {
		p := usual(fmt.Sprint("p", i), f)
		p.Weight = weights[i]
		all = append(all, p)
	}
	return all
}

// checkBalance has that many clients call, and counts who was called.
func checkBalance(t *testing.T, weights []int, fakes []*fake, b *bed, clients int) {
	t.Helper()
	calls := 3000
	if clients == 1 { // then chance alone decides: so many that 5 % is five standard deviations
		calls = 20_000
	}
	var targets []fairlead.Target
	for _, p := range b.providers {
		targets = append(targets, to(p.Name))
	}
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range calls / clients {
				if _, err := b.ask(t.Context(), newCall("a", targets...)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	sum := 0
	for _, weight := range weights {
		sum += weight
	}
	for i, f := range fakes {
		want := float64(calls*weights[i]) / float64(sum)
		if got := float64(f.count()); got < 0.95*want || got > 1.05*want {
			t.Errorf("number %d had %v calls, want %v within 5%%", i, got, want)
		}
	}
	b.checkIdle(t)
}

// TestTheLeastBusyGetsTheCall: a deployment that is slow has as many calls as the
// others at any time, and so fewer in the end.
func TestTheLeastBusyGetsTheCall(t *testing.T) {
	for name, spread := range map[string]func(weights []int, fakes []*fake) []Provider{"keys": asKeys, "providers": asProviders} {
		synctest.Test(t, func(t *testing.T) {
			slow, quick := after(10*time.Second, nil), fine()
			b := newBed(spread([]int{1, 1}, []*fake{slow, quick})...)
			var targets []fairlead.Target
			for _, p := range b.providers {
				targets = append(targets, to(p.Name))
			}
			end := time.Now().Add(time.Minute)
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					for time.Now().Before(end) {
						_, _ = b.ask(t.Context(), newCall("a", targets...))
					}
				})
			}
			group.Wait()
			if quick.count() < 8*slow.count() {
				t.Errorf("%s: %d calls to the quick one, %d to the slow one", name, quick.count(), slow.count())
			}
		})
	}
}

// TestProvidersWithoutAWeightStandBy: they serve only what those before them fail
// to.
func TestProvidersWithoutAWeightStandBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := fine(), fine()
		b := newBed(usual("p", first), usual("q", second))
		for range 20 {
			_, _ = b.ask(t.Context(), newCall("a", to("p"), to("q")))
		}
		if first.count() != 20 || second.count() != 0 {
			t.Errorf("%d and %d calls", first.count(), second.count())
		}
	})
}

func TestCallsWaitForTheEndOfAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause = 7 * time.Second
		p := failing(holding(429, pause), 1)
		b := bedOf(Config{Providers: []Provider{usual("p", p)}}, admission.Config{Slots: 5})
		began := time.Now()
		var group sync.WaitGroup
		group.Go(func() { _, _ = b.ask(t.Context(), newCall("a", to("p"))) })
		synctest.Wait()
		for range 20 {
			group.Go(func() { b.parkOnce(t, pause) })
		}
		<-time.After(pause - time.Second)
		if p.count() != 1 || b.control.Slots().InUse != 0 || b.Parked() != 20 {
			t.Errorf("in the pause: %d attempts, %d slots in use, %d parked", p.count(), b.control.Slots().InUse, b.Parked())
		}
		if rests := b.Stats()[0].RestsUntil.Sub(began); rests != pause {
			t.Errorf("it rests for %v", rests)
		}
		group.Wait()
		if p.count() != 22 || time.Since(began) > pause+6*time.Second {
			t.Errorf("%d attempts within %v", p.count(), time.Since(began))
		}
		b.checkIdle(t)
	})
}

// parkOnce makes a call that must wait for that long and then be served.
func (b *bed) parkOnce(t *testing.T, pause time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	call := newCall("a", to("p"))
	if _, err := b.ask(ctx, call); err != nil {
		t.Error(err)
	}
	if call.Waited() < pause || len(call.Attempts()) != 1 {
		t.Errorf("waited for %v and made %d attempts", call.Waited(), len(call.Attempts()))
	}
}

// TestAPauseLongerThanTheCallHasTimeIsToldAtOnce, with what is left of it.
func TestAPauseLongerThanTheCallHasTimeIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(usual("p", failing(holding(429, time.Minute), -1)))
		_, _ = b.ask(t.Context(), newCall("a", to("p")))
		<-time.After(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		began := time.Now()
		_, err := b.ask(ctx, newCall("a", to("p")))
		e := fairlead.AsError(err)
		if e.Kind != fairlead.Busy || e.Code != "provider_rate_limited" || e.RetryAfter != 50*time.Second || time.Since(began) != 0 {
			t.Errorf("told %+v after %v", e, time.Since(began))
		}
	})
}

func TestWhatAHeadSaysOfTheNextRequest(t *testing.T) {
	for _, c := range []struct{ hold, want time.Duration }{{3 * time.Second, 3 * time.Second}, {time.Hour, longestAhead}, {0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			p := &fake{answer: func(_ context.Context, _ int, emit fairlead.Emit) error {
				return errors.Join(emit(fairlead.Event{Head: &fairlead.Head{Hold: c.hold}}), emit(fairlead.Event{End: &fairlead.End{}}))
			}}
			b := newBed(usual("p", p))
			_, _ = b.ask(t.Context(), newCall("a", to("p")))
			began := time.Now()
			if _, err := b.ask(t.Context(), newCall("a", to("p"))); err != nil || time.Since(began) != c.want {
				t.Errorf("held for %v: the next was answered after %v, %v; want %v", c.hold, time.Since(began), err, c.want)
			}
		})
	}
}

func TestWhoParksIsBoundedAndToldThatItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bedOf(Config{
			Providers: []Provider{usual("p", failing(holding(429, 25*time.Second), 1))}, MaxParked: 2, HeartbeatAfter: 4 * time.Second,
		}, admission.Config{Slots: 5})
		go func() { _, _ = b.ask(t.Context(), newCall("a", to("p"))) }()
		synctest.Wait()
		var beats []time.Duration
		began := time.Now()
		waiting := newCall("a", to("p"))
		waiting.Waiting = func() error {
			beats = append(beats, time.Since(began))
			return nil
		}
		gone := newCall("a", to("p"))
		gone.Waiting = func() error { return fairlead.NewCanceled(nil) }
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := b.ask(t.Context(), waiting); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			if _, err := b.ask(t.Context(), gone); !fairlead.IsKind(err, fairlead.Canceled) || time.Since(began) != 4*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
		<-time.After(time.Second)
		_, err := b.ask(t.Context(), newCall("a", to("p")))
		if e := fairlead.AsError(err); e.Kind != fairlead.Busy || e.RetryAfter != 24*time.Second {
			t.Errorf("the third is told %+v", e)
		}
		group.Wait()
		if len(beats) != 6 || beats[0] != 4*time.Second || beats[1] != 8*time.Second {
			t.Errorf("signs of life after %v", beats)
		}
		<-time.After(time.Minute)
		b.checkIdle(t)
	})
}

// TestAdaptive: of 20 slots a provider takes 7, and refuses the rest at once.
// Soon nearly all calls are served, by as many slots.
func TestAdaptive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 7
		p := &fake{}
		p.answer = func(ctx context.Context, _ int, emit fairlead.Emit) error {
			if p.running.Load() > takes {
				return status(429)
			}
			return well(ctx, time.Second, emit)
		}
		config := usual("p", p)
		config.Slots = 20
		b := newBed(config)
		var all clients
		all.run(b, 40, 10*time.Millisecond, time.Minute, oneApp) // to settle
		if limit := b.Stats()[0].Limit; limit < 5 || limit > 8 {
			t.Errorf("the limit is %d, want about %d", limit, takes)
		}
		if got := b.control.Pools()["p"].Slots; got != b.Stats()[0].Limit {
			t.Errorf("the pool has %d slots", got)
		}
		before := p.count()
		all = clients{}
		all.run(b, 40, 10*time.Millisecond, 2*time.Minute, oneApp)
		served, attempts := all.codes[""], p.count()-before
		if perSecond := float64(served) / 120; perSecond < 0.8*takes {
			t.Errorf("%.1f calls served a second, of %d possible", perSecond, takes)
		}
		if float64(attempts) > 1.2*float64(served) {
			t.Errorf("%d attempts for %d calls served", attempts, served)
		}
		t.Logf("%d served of %d calls with %d attempts; limit %d; %v", served, all.calls, attempts, b.Stats()[0].Limit, all.codes)
		b.checkIdle(t)
	})
}

func TestModelsThatNobodyKnowsTakeNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(usual("p", failing(status(404), -1)))
		ask := func(n int) {
			for i := range n {
				_, _ = b.ask(t.Context(), newCall("a", fairlead.Target{Provider: "p", Model: fmt.Sprint(time.Now(), i)}))
			}
		}
		ask(1000)
		if got := len(b.Stats()); got > mostServed+1 {
			t.Errorf("%d models are kept", got)
		}
		<-time.After(forgetAfter + time.Second)
		ask(1)
		if got := len(b.Stats()); got != 1 {
			t.Errorf("%d models are kept long after", got)
		}
	})
}

func TestPanicsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{answer: func(context.Context, int, fairlead.Emit) error { panic("boom") }}
		b := newBed(usual("p", p))
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was lost")
				}
			}()
			_, _ = b.ask(t.Context(), newCall("a", to("p")))
		}()
		b.checkIdle(t)
	})
}
