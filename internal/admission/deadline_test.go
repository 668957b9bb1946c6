package admission

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// learn lets the controller see 20 chats that took as long as is said, in turn.
func (b *bed) learn(took ...time.Duration) {
	b.t.Helper()
	b.learnOf(&fairlead.App{ID: "teacher"}, took...)
}

// learnOf is learn for calls of app.
func (b *bed) learnOf(app *fairlead.App, took ...time.Duration) {
	b.t.Helper()
	for i := range 20 {
		call := callOf(app)
		b.hold(call).Release()
		call.AddAttempt(fairlead.Attempt{Target: target(), Duration: took[i%len(took)]})
		call.AddAttempt(fairlead.Attempt{Target: target(), Duration: 1, Err: &fairlead.Error{Kind: fairlead.Upstream}})
		b.settle(call, Pass{}, Outcome{})
	}
}

func target() fairlead.Target { return fairlead.Target{Provider: "p", Model: "m"} }

// timeLeft is the test's context with that much time left.
func (b *bed) timeLeft(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	b.t.Cleanup(cancel)
	return ctx
}

// crowd has app call from 100 clients, which are served 4 calls a second, for
// long enough that this is known.
func (b *bed) crowd(app *fairlead.App) {
	b.t.Helper()
	b.run(b.t.Context(), load{app: app, clients: 100, holds: time.Second})
	wait(20*time.Second + 500*time.Millisecond)
}

// TestHopelessCallIsRefusedOnArrival: with 96 calls of its app before it, which
// takes about 24 s, times 1.25 for the doubt.
func TestHopelessCallIsRefusedOnArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4})
		app := &fairlead.App{ID: "a", RateLimitPerMinute: 10, TokensPerMinute: 1000}
		b.crowd(app)
		for _, c := range []struct {
			left time.Duration
			code string
		}{{time.Second, "queue_hopeless"}, {28 * time.Second, "queue_hopeless"}, {33 * time.Second, ""}} {
			call := callOf(app)
			pass, err := b.Admit(b.timeLeft(c.left), call)
			if _, code := kindAndCode(err); code != c.code {
				t.Errorf("with %v left: %v, want %q", c.left, err, c.code)
			}
			if err != nil {
				wantUncharged(t, call, fairlead.AsError(err))
			}
			b.settle(call, pass, Outcome{})
		}
		if _, err := b.Admit(t.Context(), callOf(app)); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
		if _, err := b.Admit(b.timeLeft(time.Second), callOf(&fairlead.App{ID: "b"})); err != nil {
			t.Errorf("another app: %v", err)
		}
	})
}

// wantUncharged checks the refusal of a call for want of slots.
func wantUncharged(t *testing.T, call *fairlead.Call, e *fairlead.Error) {
	t.Helper()
	if e.Kind != fairlead.Busy || e.RetryAfter < time.Second || e.NoRetry {
		t.Errorf("refusal %+v", e)
	}
	if call.Requests().Remaining != call.App.RateLimitPerMinute || call.Tokens().Remaining != call.App.TokensPerMinute {
		t.Errorf("the windows were charged: %+v, %+v", call.Requests(), call.Tokens())
	}
}

// TestTheTimeThatACallTakesCounts: what is left must do for the wait and for the
// work of half of the calls. Attempts that failed tell nothing.
func TestTheTimeThatACallTakesCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4})
		app := &fairlead.App{ID: "a"}
		b.learn(time.Second, 20*time.Second, 20*time.Second, 20*time.Second)
		b.crowd(app)
		ctx := b.timeLeft(40 * time.Second)
		if _, code := kindAndCode(second(b.Admit(ctx, callOf(app)))); code != "queue_hopeless" {
			t.Errorf("a chat, which takes 20 s: %q, want queue_hopeless", code)
		}
		embed := callOf(app)
		embed.Operation = fairlead.Embed
		if _, err := b.Admit(ctx, embed); err != nil {
			t.Errorf("an operation that takes no time as far as is known: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestHopelessCallIsRefusedAtTheGate at once, and charged nothing.
func TestHopelessCallIsRefusedAtTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4})
		app := &fairlead.App{ID: "a", RateLimitPerMinute: 10, TokensPerMinute: 10_000}
		b.crowd(app)
		call := callOf(app)
		pass := b.mustPass(call, request(100, 100)) // by one who has no deadline yet
		before := b.Slots()
		began := b.now()
		v := b.enter(b.timeLeft(28*time.Second), call)
		v.want(t, "queue_hopeless")
		if v.at != began || call.Slotted() || call.Waited() != 0 || b.Slots() != before {
			t.Errorf("refused at %v, want %v; waited %v, slots %+v, want %+v", v.at, began, call.Waited(), b.Slots(), before)
		}
		b.settle(call, pass, Outcome{})
		if call.Requests().Remaining != 10 || call.Tokens().Remaining != 10_000 {
			t.Errorf("charged: %+v, %+v", call.Requests(), call.Tokens())
		}
		if v := b.enter(b.timeLeft(33*time.Second), callOf(app)); v.over() {
			t.Errorf("with 33 s left: %v", v.err)
		}
	})
}

// TestNobodyIsRefusedWhileNothingIsKnown: then a call waits for as long as it
// can.
func TestNobodyIsRefusedWhileNothingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1})
		app := &fairlead.App{ID: "a"}
		b.hold(callOf(app))
		for range 50 {
			b.enter(t.Context(), callOf(app))
		}
		ctx := b.timeLeft(time.Second)
		call := callOf(app)
		if _, err := b.Admit(ctx, call); err != nil {
			t.Errorf("on arrival: %v", err)
		}
		v := b.enter(ctx, call)
		if v.over() {
			t.Fatalf("at the gate: %v", v.err)
		}
		wait(time.Second)
		synctest.Wait()
		v.want(t, "queue_timeout")
		if call.Waited() != time.Second {
			t.Errorf("waited for %v, want a second", call.Waited())
		}
	})
}

// TestWhoCanNotMakeItAnyMoreIsDropped: a tenth of the calls take less than 5 s,
// so who has less than that left waits in vain.
func TestWhoCanNotMakeItAnyMoreIsDropped(t *testing.T) {
	for _, c := range []struct {
		name   string
		stream bool
		freed  time.Duration // when the slot comes free
		code   string
		at, by time.Duration // when the wait of a call with 20 s ends
	}{
		{"in time", false, 14 * time.Second, "", 14 * time.Second, 14 * time.Second},
		{"late", false, 17 * time.Second, "queue_timeout", 14700 * time.Millisecond, 15300 * time.Millisecond},
		{"late, but a stream begins at once", true, 17 * time.Second, "", 17 * time.Second, 17 * time.Second},
		{"too late for a stream", true, 21 * time.Second, "queue_timeout", 20 * time.Second, 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: 1})
				b.learn(5*time.Second, 12*time.Second, 12*time.Second, 12*time.Second)
				lease := b.hold(callOf(&fairlead.App{ID: "a"}))
				time.AfterFunc(c.freed, lease.Release)
				began := b.now()
				call := callOf(&fairlead.App{ID: "b"})
				call.SetTargets([]fairlead.Target{target()})
				call.SetEstimate(fairlead.Estimate{Stream: c.stream})
				v := b.enter(b.timeLeft(20*time.Second), call)
				wait(time.Minute)
				synctest.Wait()
				v.want(t, c.code)
				if at := v.at - began; at < c.at || at > c.by {
					t.Errorf("the wait ended after %v, want %v to %v", at, c.at, c.by)
				}
				v.lease.Release()
				b.wantIdle()
			})
		})
	}
}

// TestSlotsAreNotGivenToWhoIsLate: one slot after the other goes past those that
// can't use it any more.
func TestSlotsAreNotGivenToWhoIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1})
		app := &fairlead.App{ID: "a"}
		b.learn(5 * time.Second)
		lease := b.hold(callOf(app))
		ctx := b.timeLeft(20 * time.Second)
		var late []*visit
		for range 5 {
			call := callOf(app)
			call.SetTargets([]fairlead.Target{target()})
			late = append(late, b.enter(ctx, call))
		}
		patient := b.enter(t.Context(), callOf(app))
		wait(16 * time.Second)
		lease.Release()
		synctest.Wait()
		patient.want(t, "")
		for _, v := range late {
			v.want(t, "queue_timeout")
		}
		patient.lease.Release()
		b.wantIdle()
	})
}

// TestWhoLeavesIsNotServed, and is told that it left.
func TestWhoLeavesIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1})
		app := &fairlead.App{ID: "a"}
		lease := b.hold(callOf(app))
		ctx, leave := context.WithCancel(t.Context())
		gone := b.enter(ctx, callOf(app))
		patient := b.enter(t.Context(), callOf(app))
		leave()
		lease.Release() // in the same moment
		synctest.Wait()
		patient.want(t, "")
		if gone.want(t, "client_left"); gone.call.Holding() != 0 {
			t.Errorf("the one that left holds %d", gone.call.Holding())
		}
		patient.lease.Release()
		if v := b.enter(ctx, callOf(app)); !errors.Is(v.err, context.Canceled) {
			t.Errorf("one that had left before: %v", v.err)
		}
		b.wantIdle()
	})
}

// TestIdleProviderIsNotHopeless: that an app's calls wait long for one provider
// says nothing of another, which is idle.
func TestIdleProviderIsNotHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 50, Pools: map[string]Pool{"slow": {Slots: 4}}})
		app := &fairlead.App{ID: "a"}
		b.run(t.Context(), load{app: app, pool: "slow", clients: 100, holds: 2 * time.Second})
		wait(20*time.Second + 500*time.Millisecond)
		ctx := b.timeLeft(20 * time.Second)
		if _, err := b.Admit(ctx, callOf(app)); err != nil {
			t.Errorf("on arrival: %v", err)
		}
		v := b.enter(ctx, callOf(app))
		v.want(t, "")
		v.lease.Release()
		b.enterPool(ctx, callOf(app), "slow").want(t, "queue_hopeless") // about 48 s
	})
}

// TestItsOwnCallsDecideWhatIsHopeless: an app that waits for about 15 s, and has
// 30, is refused if its own calls take long, and not because those of others do.
func TestItsOwnCallsDecideWhatIsHopeless(t *testing.T) {
	for _, c := range []struct {
		own  time.Duration
		code string
	}{{time.Second, ""}, {time.Minute, "queue_hopeless"}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, Config{Slots: 4})
			app := &fairlead.App{ID: "a"}
			b.learn(time.Minute)
			b.learnOf(app, c.own)
			b.run(t.Context(), load{app: app, clients: 60, holds: time.Second})
			wait(30*time.Second + 500*time.Millisecond)
			call := callOf(app)
			call.Patience = 30 * time.Second
			if _, code := kindAndCode(second(b.Admit(t.Context(), call))); code != c.code {
				t.Errorf("on arrival, with calls of %v: %q, want %q", c.own, code, c.code)
			}
			v := b.enter(t.Context(), call)
			wait(25 * time.Second)
			synctest.Wait()
			if c.code == "" {
				v.want(t, "")
				v.lease.Release()
			}
		})
	}
}
