package admission

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
)

// send is an attempt at a provider with a limited rate.
type send struct {
	arrives time.Duration
	tokens  int
}

// sendAll makes the attempts at the pool paced, each when it arrives, and tells
// when each was sent. An attempt ends at once.
func sendAll(b *bed, sends []send) []time.Duration {
	b.t.Helper()
	began := b.now()
	visits := make([]*visit, len(sends))
	for i, s := range sends {
		wait(began + s.arrives - b.now())
		visits[i] = b.enterPool(b.t.Context(), costing(&fairlead.App{ID: "a"}, s.tokens), "paced")
	}
	b.group.Wait()
	var sent []time.Duration
	for _, v := range visits {
		v.want(b.t, "")
		v.lease.Release()
		sent = append(sent, v.at-began)
	}
	b.wantIdle()
	return sent
}

// costing is a call that is estimated to cost so many tokens.
func costing(app *fairlead.App, tokens int) *fairlead.Call {
	call := callOf(app)
	call.SetEstimate(fairlead.Estimate{Input: tokens / 2, Output: tokens - tokens/2})
	return call
}

// naiveSends tells when each of the attempts goes out, one after the other, if
// never more than so many requests and tokens may go in any minute.
func naiveSends(sends []send, pool Pool) []time.Duration {
	var sent []time.Duration
	for i, s := range sends {
		at := s.arrives
		if i > 0 {
			at = max(at, sent[i-1])
		}
		for requests, tokens := lastMinute(sends, sent, at); tooMany(requests+1, pool.RequestsPerMinute) ||
			tooMany(tokens+s.tokens, pool.TokensPerMinute); requests, tokens = lastMinute(sends, sent, at) {
			at++ // to the next moment at which one leaves the minute
			for _, t := range sent {
				if t+time.Minute >= at {
					at = t + time.Minute
					break
				}
			}
		}
		sent = append(sent, at)
	}
	return sent
}

func tooMany(n, limit int) bool { return limit > 0 && n > limit }

// lastMinute counts what was sent in the minute up to at.
func lastMinute(sends []send, sent []time.Duration, at time.Duration) (requests, tokens int) {
	for i, t := range sent {
		if t > at-time.Minute {
			requests++
			tokens += sends[i].tokens
		}
	}
	return requests, tokens
}

// TestProviderRates goes by random attempts, which must go out exactly when a
// log of all that was sent allows it: not sooner, and not later.
func TestProviderRates(t *testing.T) {
	for name, pool := range map[string]Pool{
		"requests": {RequestsPerMinute: 5},
		"tokens":   {TokensPerMinute: 1000},
		"both":     {RequestsPerMinute: 6, TokensPerMinute: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 1))
					b := newBed(t, Config{Pools: map[string]Pool{"paced": pool}})
					var sends []send
					at := time.Duration(0)
					for range 40 {
						at += time.Duration(random.ExpFloat64() * float64(8*time.Second)).Truncate(time.Second)
						sends = append(sends, send{arrives: at, tokens: 1 + random.IntN(300)})
					}
					if got, want := sendAll(b, sends), naiveSends(sends, pool); !slices.Equal(got, want) {
						t.Errorf("seed %d: sent at %v, want %v", seed, got, want)
					}
				})
			}
		})
	}
}

// TestCorrectionsMoveTheProvidersWindow: what an attempt used counts, and not
// what it was estimated to use.
func TestCorrectionsMoveTheProvidersWindow(t *testing.T) {
	for _, c := range []struct {
		name string
		used fairlead.Usage
		sent time.Duration // the second attempt, which arrives at 1s and needs 400 of 1000
	}{
		{"less", fairlead.Usage{Input: 500, Output: 100}, 10 * time.Second},
		{"not less enough", fairlead.Usage{Input: 500, Output: 101}, time.Minute},
		{"more", fairlead.Usage{Input: 900, Output: 600}, time.Minute},
		{"not told", fairlead.Usage{}, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Pools: map[string]Pool{"paced": {TokensPerMinute: 1000}}})
				app := &fairlead.App{ID: "a"}
				first := b.enterPool(t.Context(), costing(app, 700), "paced")
				first.want(t, "")
				wait(time.Second)
				second := b.enterPool(t.Context(), costing(app, 400), "paced")
				wait(9 * time.Second)
				first.lease.Correct(c.used)
				first.lease.Release()
				b.group.Wait()
				second.want(t, "")
				if second.at != c.sent {
					t.Errorf("sent at %v, want %v", second.at, c.sent)
				}
				second.lease.Release()
			})
		})
	}
}

// TestDebtAtAProvider: an attempt that used more than the limit keeps others out
// until it has left the minute, and what is corrected after the release counts
// for nothing.
func TestDebtAtAProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Pools: map[string]Pool{"paced": {TokensPerMinute: 1000}}})
		app := &fairlead.App{ID: "a"}
		first := b.enterPool(t.Context(), costing(app, 100), "paced")
		first.lease.Correct(fairlead.Usage{Output: 2000})
		first.lease.Release()
		first.lease.Correct(fairlead.Usage{Output: 10})
		wait(time.Second)
		second := b.enterPool(t.Context(), costing(app, 1), "paced")
		b.group.Wait()
		if second.want(t, ""); second.at != time.Minute {
			t.Errorf("sent at %v, want a minute", second.at)
		}
		second.lease.Release()
	})
}

// TestRateThatOpensTooLate: who waits for a provider's window is refused when
// the time is over, and not before, and takes nothing from the window.
func TestRateThatOpensTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Pools: map[string]Pool{"paced": {RequestsPerMinute: 1}}})
		app := &fairlead.App{ID: "a"}
		first := b.enterPool(t.Context(), callOf(app), "paced")
		first.lease.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		late := callOf(app)
		second := b.enterPool(ctx, late, "paced")
		other := b.enter(t.Context(), callOf(app)) // another provider
		other.want(t, "")
		other.lease.Release()
		wait(5 * time.Second)
		third := b.enterPool(t.Context(), callOf(app), "paced")
		b.group.Wait()
		if second.want(t, "queue_timeout"); second.at != 50*time.Second || late.Slotted() {
			t.Errorf("refused at %v, want 50s", second.at)
		}
		if third.want(t, ""); third.at != time.Minute {
			t.Errorf("the one behind was sent at %v, want a minute", third.at)
		}
		third.lease.Release()
		b.wantIdle()
	})
}

// TestWhoIsBehindALargeCallGoesWhenThatLeaves, and not when it would have gone.
func TestWhoIsBehindALargeCallGoesWhenThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Pools: map[string]Pool{"paced": {TokensPerMinute: 1000}}})
		app := &fairlead.App{ID: "a"}
		first := b.enterPool(t.Context(), costing(app, 900), "paced")
		first.lease.Release()
		ctx, leave := context.WithCancel(t.Context())
		b.enterPool(ctx, costing(app, 500), "paced")
		wait(time.Second)
		small := b.enterPool(t.Context(), costing(app, 50), "paced")
		if small.over() {
			t.Fatal("the small call went before the large one")
		}
		wait(time.Second)
		leave()
		b.group.Wait()
		if small.want(t, ""); small.at != 2*time.Second {
			t.Errorf("sent at %v, want 2s", small.at)
		}
		small.lease.Release()
		b.wantIdle()
	})
}

// TestProviderIsSharedFairly: an app that asks for little is the next to be sent,
// whoever has filled the queue before it.
func TestProviderIsSharedFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Pools: map[string]Pool{"paced": {RequestsPerMinute: 2}}})
		flooder, polite := &fairlead.App{ID: "flooder"}, &fairlead.App{ID: "polite"}
		for range 10 {
			b.enterPool(t.Context(), callOf(flooder), "paced")
		}
		v := b.enterPool(t.Context(), callOf(polite), "paced")
		wait(time.Minute)
		synctest.Wait()
		if v.want(t, ""); v.at != time.Minute {
			t.Errorf("the polite app's call was sent at %v, want a minute", v.at)
		}
	})
}

// consumers are closed-loop clients of one app at the pool paced, with prompts of
// 500 tokens and lognormal answers, whose length is the time that they take.
type consumers struct {
	mu sync.Mutex

	random *rand.Rand
	log    []used
}

func (l *consumers) answer() int {
	const mean, most = 400, 4000
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(min(most, mean*math.Exp(l.random.NormFloat64()-0.5)))
}

func (l *consumers) note(u used) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = append(l.log, u)
}

// call makes one call. It returns once that has ended.
func (l *consumers) call(ctx context.Context, b *bed, app *fairlead.App) {
	call := callOf(app)
	pass, err := b.pass(ctx, call, request(1750, 4000))
	if err != nil {
		b.t.Errorf("refused: %v", err)
		return
	}
	lease, err := b.Enter(ctx, call, "paced")
	if err != nil {
		b.settle(call, pass, Outcome{})
		return
	}
	at, output := b.now(), l.answer()
	wait(time.Duration(output) * 5 * time.Millisecond)
	usage := fairlead.Usage{Input: 500, Output: output}
	lease.Correct(usage)
	lease.Release()
	b.settle(call, pass, Outcome{Usage: usage})
	l.note(used{at, usage.Input + usage.Output})
}

// TestProvidersTokensInAnyMinute: what the answers under way may still cost is
// kept free, so that a crowd hardly passes a provider's limit, and yet uses it.
func TestProvidersTokensInAnyMinute(t *testing.T) {
	const limit, clients = 100_000, 40
	for _, c := range []struct {
		name         string
		mode         estimate.Mode
		worst, least float64 // of the worst minute and the mean one, by limit
	}{{"estimate", estimate.Expected, 1.06, 0.85}, {"hard", estimate.Hard, 1, 0.2}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: 200, Tokens: c.mode, Pools: map[string]Pool{"paced": {TokensPerMinute: limit}}})
				app := &fairlead.App{ID: "a"}
				l := &consumers{random: rand.New(rand.NewPCG(1, 2))}
				ctx, cancel := context.WithCancel(t.Context())
				for range clients {
					b.group.Go(func() {
						for ctx.Err() == nil {
							l.call(ctx, b, app)
						}
					})
				}
				const length = 15 * time.Minute
				wait(length)
				cancel()
				b.group.Wait()
				slices.SortFunc(l.log, func(a, b used) int { return int(a.at - b.at) })
				sum := 0
				for _, u := range l.log {
					sum += u.tokens
				}
				worst, mean := float64(worstMinute(l.log))/limit, float64(sum)/length.Minutes()/limit
				t.Logf("the worst minute has %.3f of the limit, the mean one %.3f", worst, mean)
				if worst > c.worst || mean < c.least {
					t.Errorf("the worst minute has %.3f of the limit, want at most %.2f; the mean one %.3f, want %.2f", worst, c.worst, mean, c.least)
				}
				b.wantIdle()
			})
		})
	}
}

// TestGuessesAtARateRefuseNobody: how long the queue of a provider with a rate
// takes is not known, so a call is given the chance that it has.
func TestGuessesAtARateRefuseNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 20, Pools: map[string]Pool{"paced": {Slots: 25, RequestsPerMinute: 60}}})
		app := &fairlead.App{ID: "a"}
		b.run(t.Context(), load{app: app, pool: "paced", clients: 90, holds: time.Second})
		wait(90*time.Second + 500*time.Millisecond)
		const left = 100 * time.Second
		o := b.queue.Predict(b.party(app).flow(fairlead.Interactive), b.pools["paced"].Pool)
		if o.Known || o.Wait < left || o.Opens > left {
			t.Fatalf("outlook %+v, want a guess beyond %v", o, left)
		}
		v := b.enterPool(b.timeLeft(left), callOf(app), "paced")
		if v.over() {
			t.Errorf("refused at once: %v", v.err)
		}
		wait(left)
		synctest.Wait()
		v.want(t, "")
		if w := v.lease.Wait(); w.Predicted != 0 {
			t.Errorf("%v were predicted, but that was a guess", w.Predicted)
		}
		v.lease.Release()
	})
}

// TestRateThatIsKnownToOpenTooLate: what a provider's window says is exact, and
// nobody is told to come back before it opens.
func TestRateThatIsKnownToOpenTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Pools: map[string]Pool{"paced": {RequestsPerMinute: 1}}})
		app := &fairlead.App{ID: "a"}
		b.enterPool(t.Context(), callOf(app), "paced").lease.Release()
		next := b.enterPool(t.Context(), callOf(app), "paced") // finds it closed
		wait(10 * time.Second)
		for range 3 {
			v := b.enterPool(b.timeLeft(49*time.Second), callOf(app), "paced")
			v.want(t, "queue_hopeless")
			if e := fairlead.AsError(v.err); e == nil || e.RetryAfter < 50*time.Second {
				t.Errorf("refusal %+v, want a wait of at least the 50s until the window opens", e)
			}
		}
		if v := b.enterPool(b.timeLeft(51*time.Second), callOf(app), "paced"); v.over() {
			t.Errorf("with a second to spare: %v", v.err)
		}
		wait(50 * time.Second)
		synctest.Wait()
		next.want(t, "")
		next.lease.Release()
	})
}

// TestGrantThatIsGivenBackUnseen: a slot that was granted in the moment in which
// its call left was never in use, and its provider never sent the call.
func TestGrantThatIsGivenBackUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{HeartbeatAfter: time.Second, Pools: map[string]Pool{"paced": {Slots: 1, RequestsPerMinute: 12}}})
		app := &fairlead.App{ID: "a"}
		for range 10 {
			first := b.enterPool(t.Context(), callOf(app), "paced")
			first.want(t, "")
			call := callOf(app)
			call.Waiting = func() error {
				first.lease.Release() // which grants the slot to call
				return errors.New("the client has left")
			}
			v := b.enterPool(t.Context(), call, "paced")
			wait(time.Second)
			synctest.Wait()
			v.want(t, "client_left")
			if s := b.Slots(); b.inUse.Load() != 0 || s.MostInUse != 1 || call.Slotted() {
				t.Errorf("%d slots are counted as in use, at most %d; want 0 and 1", b.inUse.Load(), s.MostInUse)
			}
		}
		for range 2 { // twelve were sent, not twenty
			next := b.enterPool(t.Context(), callOf(app), "paced")
			next.want(t, "")
			next.lease.Release()
		}
		last := b.enterPool(b.timeLeft(time.Second), callOf(app), "paced")
		if last.over() {
			t.Errorf("a thirteenth was sent: %v", last.err)
		}
		wait(time.Second)
		b.group.Wait()
		b.wantIdle()
	})
}
