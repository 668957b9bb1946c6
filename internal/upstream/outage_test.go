package upstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// clients call in a loop of their own until the time is over, and count.
type clients struct {
	mu    sync.Mutex
	calls int
	codes map[string]int
}

// run lets n clients call, each again after about pause. app names the client's.
func (c *clients) run(b *bed, n int, pause, long time.Duration, app func(i int) fairlead.AppID) {
	c.codes = make(map[string]int)
	end := time.Now().Add(long)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			for time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				_, err := b.ask(ctx, newCall(app(i), to("p")))
				cancel()
				c.mu.Lock()
				c.calls++
				c.codes[codeOf(err)]++
				c.mu.Unlock()
				<-time.After(rand.N(2*pause) + 1)
			}
		})
	}
	group.Wait()
}

func oneApp(int) fairlead.AppID { return "a" }

// TestAnOutageIsNotMetByMoreLoad is R3: whatever fails, and however many clients
// call, there are at most 1.2 attempts for each of their requests.
func TestAnOutageIsNotMetByMoreLoad(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  func(ctx context.Context, n int, emit fairlead.Emit) error
		breaker Breaker
	}{
		{"it fails at once", failing(status(500), -1).answer, usual("").Breaker},
		{"it fails at once, no breaker", failing(status(500), -1).answer, Breaker{}},
		{"it is silent for long, no breaker", func(ctx context.Context, _ int, _ fairlead.Emit) error {
			if err := wait(ctx, 10*time.Second); err != nil {
				return err
			}
			return upstreamError("upstream_timeout", 0)
		}, Breaker{}},
		{"half of it fails, no breaker", func(ctx context.Context, n int, emit fairlead.Emit) error {
			if n%2 == 0 {
				return well(ctx, time.Second, emit)
			}
			return upstreamError("provider_unreachable", 0)
		}, Breaker{}},
		{"it is full", failing(status(429), -1).answer, usual("").Breaker},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fake{answer: c.answer}
				config := usual("p", p)
				config.Breaker = c.breaker
				b := newBed(config)
				var all clients
				all.run(b, 200, 2*time.Second, time.Minute, oneApp)
				ratio := float64(p.count()) / float64(all.calls)
				if ratio > 1.2 || all.calls < 1000 {
					t.Errorf("%d attempts for %d requests: %.2f, at most 1.2 may be", p.count(), all.calls, ratio)
				}
				t.Logf("%d attempts for %d requests: %.3f; %v", p.count(), all.calls, ratio, all.codes)
				b.checkIdle(t)
			})
		})
	}
}

// TestTheBudgetIsUsed: where a tenth of the attempts fails, nearly no request
// does.
func TestTheBudgetIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{answer: func(ctx context.Context, n int, emit fairlead.Emit) error {
			if n%20 == 0 {
				return status(502)
			}
			return well(ctx, time.Second, emit)
		}}
		b := newBed(usual("p", p))
		var all clients
		all.run(b, 100, time.Second, time.Minute, oneApp)
		if failed := all.calls - all.codes[""]; failed*200 > all.calls {
			t.Errorf("%d of %d requests failed", failed, all.calls)
		}
		b.checkIdle(t)
	})
}

func TestTheBreakerOpensAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := failing(status(500), 10)
		config := usual("p", p)
		config.Retry.MaxAttempts = 1
		b := newBed(config)
		b.codesOf(t, 10)
		<-time.After(2 * time.Second)
		_, err := b.ask(t.Context(), newCall("a", to("p")))
		e := fairlead.AsError(err)
		if e.Kind != fairlead.Busy || e.Code != "provider_unavailable" || e.RetryAfter != 3*time.Second ||
			!strings.Contains(e.Detail, "provider p fails (upstream_error)") {
			t.Errorf("told %+v, want when the breaker lets the first through: in 3s", e)
		}
		if p.count() != 10 {
			t.Errorf("%d attempts, want none while it is open", p.count())
		}
		// Another model of the same provider is not affected.
		other := fairlead.Target{Provider: "p", Model: "other"}
		if _, err := b.ask(t.Context(), newCall("a", other)); err != nil {
			t.Errorf("another model: %v", err)
		}
		stats := b.Stats()
		if len(stats) != 2 || stats[0].State != "open" || stats[0].Model != "m" || stats[1].State != "closed" {
			t.Errorf("stats %+v", stats)
		}
		<-time.After(2 * time.Second)
		// Half open: one of many is let through, and then all.
		const busy = "provider_unavailable"
		if got, want := b.codesOf(t, 5), []string{"", busy, busy, busy, busy}; !slices.Equal(got, want) {
			t.Errorf("half open: %q", got)
		}
		if got := b.codesOf(t, 5); !slices.Equal(got, []string{"", "", "", "", ""}) {
			t.Errorf("closed again: %q", got)
		}
		b.checkIdle(t)
	})
}

// codesOf lists how so many calls at once end, sorted.
func (b *bed) codesOf(t *testing.T, n int) []string {
	t.Helper()
	codes := make([]string, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			_, err := b.ask(t.Context(), newCall("a", to("p")))
			codes[i] = codeOf(err)
		})
	}
	group.Wait()
	slices.Sort(codes)
	return codes
}

// TestWhoQueuesForAProviderThatFailsIsToldAtOnce: those that wait for a slot do
// not stand there for a provider that is left alone. What was not sent takes no
// place in the provider's rate, so that keeps none of them either.
func TestWhoQueuesForAProviderThatFailsIsToldAtOnce(t *testing.T) {
	for _, pool := range []admission.Pool{{}, {RequestsPerMinute: 25}, {TokensPerMinute: 25}} {
		t.Run(fmt.Sprint(pool), func(t *testing.T) { testQueueOfAFailingProvider(t, pool) })
	}
}

func testQueueOfAFailingProvider(t *testing.T, pool admission.Pool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &fake{answer: func(ctx context.Context, _ int, _ fairlead.Emit) error {
			if err := wait(ctx, 10*time.Second); err != nil {
				return err
			}
			return upstreamError("provider_unreachable", 0)
		}}
		config := usual("p", p)
		config.Retry.MaxAttempts = 1
		b := bedOf(Config{Providers: []Provider{config}}, admission.Config{Slots: 10, Pools: map[string]admission.Pool{"p": pool}})
		var group sync.WaitGroup
		began := time.Now()
		for range 200 {
			group.Go(func() {
				call := newCall("a", to("p"))
				_, err := b.ask(t.Context(), call)
				if code := codeOf(err); code != "provider_unreachable" && code != "provider_unavailable" {
					t.Errorf("told %q", code)
				}
				if call.Slotted() != (len(call.Attempts()) > 0) || call.Holding() != 0 {
					t.Errorf("slotted %t after %d attempts, holding %d", call.Slotted(), len(call.Attempts()), call.Holding())
				}
			})
		}
		group.Wait()
		if took := time.Since(began); took > 21*time.Second {
			t.Errorf("the last was told after %v; ten failed after 10 s", took)
		}
		b.checkIdle(t)
	})
}

func TestCallersAtFaultOpenNoBreaker(t *testing.T) {
	for _, err := range []error{
		status(400), status(404), status(401), status(403), status(409), &fairlead.Error{Kind: fairlead.Canceled}, fairlead.NewLate(nil),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(usual("p", failing(err, -1)))
			for range 50 {
				_, _ = b.ask(t.Context(), newCall("a", to("p")))
			}
			if got := b.Stats()[0].State; got != "closed" {
				t.Errorf("after %v the breaker is %s", err, got)
			}
		})
	}
}

// TestOneAppsFailuresDoNotHurtTheOthers: what one app sends makes the provider
// fail, and the others go on.
func TestOneAppsFailuresDoNotHurtTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{answer: fine().answer}
		poison := failing(status(500), -1)
		byApp := &fake{}
		byApp.answer = func(ctx context.Context, n int, emit fairlead.Emit) error {
			if ctx.Value(poisonKey{}) != nil {
				return poison.answer(ctx, n, emit)
			}
			return p.answer(ctx, n, emit)
		}
		b := newBed(usual("p", byApp))
		end := time.Now().Add(time.Minute)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for time.Now().Before(end) {
					_, _ = b.ask(context.WithValue(t.Context(), poisonKey{}, true), newCall("bad", to("p")))
					<-time.After(100 * time.Millisecond)
				}
			})
		}
		for i := range 3 {
			group.Go(func() {
				for time.Now().Before(end) {
					if _, err := b.ask(t.Context(), newCall(fairlead.AppID(fmt.Sprint(i)), to("p"))); err != nil {
						t.Errorf("another app is told %v", err)
						return
					}
				}
			})
		}
		group.Wait()
		b.checkIdle(t)
	})
}

type poisonKey struct{}

func TestAHungProviderOpensTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{answer: func(ctx context.Context, _ int, _ fairlead.Emit) error {
			<-ctx.Done()
			return fairlead.NewLate(ctx.Err())
		}}
		b := newBed(usual("p", p))
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
				defer cancel()
				_, _ = b.ask(ctx, newCall("a", to("p")))
			})
		}
		group.Wait()
		if got := b.Stats()[0].State; got != "open" {
			t.Errorf("the breaker is %s", got)
		}
	})
}
