package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// hedged is a provider whose calls are sent to the second deployment after 2 s.
// All calls may be.
func hedged(first, second *fake) Provider {
	p := usual("p", first, second)
	p.Hedge = Hedge{After: 2 * time.Second, Budget: 1}
	p.Deployments[0].Weight = 1_000_000
	return p
}

// after answers whole after d, or fails then if err is not nil.
func after(d time.Duration, err error) *fake {
	return &fake{answer: func(ctx context.Context, _ int, emit fairlead.Emit) error {
		if err == nil {
			return well(ctx, d, emit)
		}
		if left := wait(ctx, d); left != nil {
			return left
		}
		return err
	}}
}

// slowly answers after d, with a second between one event and the next.
func slowly(d time.Duration) *fake {
	return &fake{answer: func(ctx context.Context, _ int, emit fairlead.Emit) error {
		return well(ctx, d, func(e fairlead.Event) error {
			if err := emit(e); err != nil || e.End != nil {
				return err
			}
			return wait(ctx, time.Second)
		})
	}}
}

func TestHedge(t *testing.T) {
	broken := upstreamError("upstream_truncated", 0)
	for _, c := range []struct {
		name          string
		first, second *fake
		took          time.Duration
		want          string   // code
		outcomes      []string // of the attempts: code or ""
	}{
		{"quick", after(time.Second, nil), fine(), time.Second, "", []string{""}},
		{"just in time", after(1999*time.Millisecond, nil), fine(), 1999 * time.Millisecond, "", []string{""}},
		{"the second wins", after(time.Minute, nil), after(3*time.Second, nil), 5 * time.Second, "", []string{"canceled", ""}},
		{"the second wins, and is not ended by that", after(time.Minute, nil), slowly(3 * time.Second), 7 * time.Second, "", []string{"canceled", ""}},
		{"the first wins after all", after(4*time.Second, nil), after(3*time.Second, nil), 4 * time.Second, "", []string{"canceled", ""}},
		{"the first fails, the second answers", after(3*time.Second, broken), after(3*time.Second, nil), 5 * time.Second, "", []string{"upstream_truncated", ""}},
		{"the second fails, the first answers", after(6*time.Second, nil), after(time.Second, broken), 6 * time.Second, "", []string{"upstream_truncated", ""}},
		{"the first is refused for good", after(3*time.Second, status(400)), after(9*time.Second, nil), 3 * time.Second, "upstream_error", []string{"upstream_error", "canceled"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(hedged(c.first, c.second))
				call := newCall("a", to("p"))
				began := time.Now()
				events, err := b.ask(t.Context(), call)
				if took := time.Since(began); codeOf(err) != c.want || took != c.took || (err == nil) != (events == "hde") {
					t.Errorf("after %v: %v, events %q; want %q after %v", took, err, events, c.want, c.took)
				}
				var got []string
				for _, a := range call.Attempts() {
					code := ""
					if a.Err != nil {
						code = a.Err.Code
					}
					got = append(got, code)
				}
				if fmt.Sprint(got) != fmt.Sprint(c.outcomes) {
					t.Errorf("attempts %q, want %q", got, c.outcomes)
				}
				b.checkIdle(t)
			})
		})
	}
}

// TestBothFail: then the call goes on as after any failure.
func TestBothFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(hedged(after(3*time.Second, status(500)), after(4*time.Second, status(502))), usual("q", fine()))
		call := newCall("a", to("p"), fairlead.Target{Provider: "q", Model: "other"})
		if events, err := b.ask(t.Context(), call); err != nil || events != "hde" {
			t.Errorf("error %v, events %q", err, events)
		}
		if n := len(call.Attempts()); n < 3 || call.Targets()[0].Provider != "q" {
			t.Errorf("%d attempts, targets %v", n, call.Targets())
		}
		b.checkIdle(t)
	})
}

// TestEachHoldsItsOwnSlot while both run, and the one that answers is told of.
func TestEachHoldsItsOwnSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := after(time.Minute, nil), after(3*time.Second, nil)
		p := usual("p", slow)
		p.Hedge = Hedge{After: 2 * time.Second, Budget: 1}
		b := newBed(p, usual("q", quick))
		call := newCall("a", to("p"), to("q"))
		ended := make(chan error, 1)
		go func() {
			_, err := b.ask(t.Context(), call)
			ended <- err
		}()
		<-time.After(time.Second)
		if n := b.control.Slots().InUse; n != 1 {
			t.Errorf("%d slots in use before the hedge", n)
		}
		<-time.After(2 * time.Second)
		pools := b.control.Pools()
		if n := b.control.Slots().InUse; n != 2 || pools["p"].InUse != 1 || pools["q"].InUse != 1 {
			t.Errorf("%d slots in use, of the pools %+v; want one of each", n, pools)
		}
		if err := <-ended; err != nil || call.Targets()[0] != to("q") {
			t.Errorf("error %v, targets %v", err, call.Targets())
		}
		b.checkIdle(t)
	})
}

// TestAHedgeThatWaitsForItsSlotIsGivenUp when the first answers.
func TestAHedgeThatWaitsForItsSlotIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := fine()
		b := bedOf(Config{Providers: []Provider{hedged(after(9*time.Second, nil), second)}}, admission.Config{Slots: 1})
		call := newCall("a", to("p"))
		call.Waiting = func() error {
			t.Error("a hedge must not speak to the caller")
			return nil
		}
		if events, err := b.ask(t.Context(), call); err != nil || events != "hde" || second.count() != 0 || len(call.Attempts()) != 1 {
			t.Errorf("error %v, events %q, %d hedges, %d attempts", err, events, second.count(), len(call.Attempts()))
		}
		b.checkIdle(t)
	})
}

func TestWhoLeavesEndsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(hedged(after(time.Hour, nil), after(time.Hour, nil)))
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, leave)
		began := time.Now()
		_, err := b.ask(ctx, newCall("a", to("p")))
		if !fairlead.IsKind(err, fairlead.Canceled) || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		b.checkIdle(t)
	})
}

func TestHedgesAreBudgeted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := after(5*time.Second, nil), after(5*time.Second, nil)
		p := hedged(first, second)
		p.Hedge.Budget = 0.05
		b := newBed(p)
		var all clients
		all.run(b, 50, time.Second, 5*time.Minute, oneApp)
		share := float64(first.count()+second.count()-all.calls) / float64(all.calls)
		if share > 0.05 || share < 0.03 {
			t.Errorf("%.3f of the calls were sent twice, want nearly 0.05", share)
		}
		b.checkIdle(t)
	})
}

// TestHedgeByWhatIsUsual: nothing is sent twice until it is known how long it
// takes; then the slowest of all.
func TestHedgeByWhatIsUsual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := false
		first := &fake{answer: func(ctx context.Context, _ int, emit fairlead.Emit) error {
			if slow {
				return well(ctx, time.Minute, emit)
			}
			return well(ctx, time.Second, emit)
		}}
		second := fine()
		p := hedged(first, second)
		p.Hedge = Hedge{UseP95: true, Budget: 1}
		b := newBed(p)
		for range 20 {
			_, _ = b.ask(t.Context(), newCall("a", to("p")))
		}
		if second.count() != 0 {
			t.Errorf("%d sent twice though all are alike", second.count())
		}
		slow = true
		began := time.Now()
		_, err := b.ask(t.Context(), newCall("a", to("p")))
		if took := time.Since(began); err != nil || took < 1900*time.Millisecond || took > 2200*time.Millisecond || second.count() != 1 {
			t.Errorf("after %v: %v; want the usual second and the hedge's", took, err)
		}
	})
}

func TestNothingToHedgeWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lone := usual("p", after(10*time.Second, nil))
		lone.Hedge = Hedge{After: time.Second, Budget: 1}
		other := fine()
		b := newBed(lone, usual("q", other))
		// A fallback is another model, and no hedge.
		call := newCall("a", to("p"), fairlead.Target{Provider: "q", Model: "other"})
		if _, err := b.ask(t.Context(), call); err != nil || other.count() != 0 {
			t.Errorf("error %v, %d hedges", err, other.count())
		}
	})
}

// TestAHedgeStaysWithTheModel: where its other deployments are in a pause, a
// fallback does not stand in for them.
func TestAHedgeStaysWithTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second, other := fine(), fine()
		b := newBed(hedged(after(10*time.Second, nil), second), usual("q", other))
		b.providers[0].of("m", time.Now()).lines[1].rest(time.Now().Add(time.Hour))
		call := newCall("a", to("p"), fairlead.Target{Provider: "q", Model: "other"})
		if _, err := b.ask(t.Context(), call); err != nil || second.count()+other.count() != 0 {
			t.Errorf("error %v, %d hedges to the pausing one, %d to the fallback", err, second.count(), other.count())
		}
		b.checkIdle(t)
	})
}

func TestAPanicInAHedgeIsTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, one := range []string{"first", "second"} {
			panics := &fake{answer: func(ctx context.Context, _ int, _ fairlead.Emit) error {
				_ = wait(ctx, 3*time.Second)
				panic(one)
			}}
			p := hedged(after(time.Minute, nil), panics)
			if one == "first" {
				p = hedged(panics, after(time.Minute, nil))
			}
			b := newBed(p)
			func() {
				defer func() {
					if got := recover(); got != one {
						t.Errorf("panic %v, want %s", got, one)
					}
				}()
				_, _ = b.ask(t.Context(), newCall("a", to("p")))
			}()
			b.checkIdle(t)
		}
	})
}

// chance is a provider whose answers are made of its name, and often break.
func chance(name string) *fake {
	return &fake{answer: func(ctx context.Context, _ int, emit fairlead.Emit) error {
		for _, e := range []fairlead.Event{
			{Head: &fairlead.Head{ContentType: name}}, {Data: []byte(name)}, {Data: []byte(name)}, {End: &fairlead.End{Finish: name}},
		} {
			// Many take just as long as others, so that they meet.
			if err := wait(ctx, time.Duration(rand.N(4))*time.Second); err != nil {
				return err
			}
			if rand.N(12) == 0 {
				return upstreamError("upstream_truncated", 0)
			}
			if err := emit(e); err != nil {
				return err
			}
		}
		return nil
	}}
}

// TestHedgesNeverMixAnswers lets many calls race, each with faults of its own: an
// answer is one answer, or a beginning of one and an error.
func TestHedgesNeverMixAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := usual("p", chance("one"), chance("two"), chance("three"))
		p.Hedge = Hedge{After: time.Second, Budget: 1}
		p.Breaker = Breaker{}
		b := newBed(p)
		var group sync.WaitGroup
		for range 400 {
			group.Go(func() { b.checkUnmixed(t) })
		}
		group.Wait()
		b.checkIdle(t)
	})
}

// checkUnmixed makes a call and holds its answer to be of one provider.
func (b *bed) checkUnmixed(t *testing.T) {
	t.Helper()
	var from []string
	call := newCall("a", to("p"))
	err := b.Answer(t.Context(), call, &fairlead.Request{}, func(e fairlead.Event) error {
		switch { // unguarded: the race detector sees two who emit at once
		case e.Head != nil:
			from = append(from, e.Head.ContentType)
		case e.End != nil:
			from = append(from, e.End.Finish)
		default:
			from = append(from, string(e.Data))
		}
		return nil
	})
	slices.Sort(from)
	if len(slices.Compact(slices.Clone(from))) > 1 {
		t.Errorf("the answer is of %q", from)
	}
	won := 0
	for _, a := range call.Attempts() {
		if a.Err == nil {
			won++
		}
	}
	if (err == nil) != (len(from) == 4) || won > 1 || (err == nil) != (won == 1) {
		t.Errorf("error %v after %d events, and %d attempts succeeded", err, len(from), won)
	}
}

func TestEmitThatFailsEndsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		second := &fake{answer: func(ctx context.Context, _ int, emit fairlead.Emit) error {
			if err := wait(ctx, time.Second); err != nil {
				return err
			}
			return fairlead.NewCanceled(emit(fairlead.Event{Head: &fairlead.Head{}}))
		}}
		b := newBed(hedged(after(time.Minute, nil), second))
		err := b.Answer(t.Context(), newCall("a", to("p")), &fairlead.Request{}, func(fairlead.Event) error { return gone })
		if !errors.Is(err, gone) {
			t.Errorf("error %v, want %v", err, gone)
		}
		b.checkIdle(t)
	})
}
