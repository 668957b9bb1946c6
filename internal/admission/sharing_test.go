package admission

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestSlotsAreSharedByWeight(t *testing.T) {
	for _, c := range []struct {
		slots   int
		weights []int
	}{
		{20, []int{2, 1}},
		{10, []int{3, 1}},
		{20, []int{8, 1}},
		{21, []int{10, 10, 1}},
		{20, []int{0, 1}}, // none is 1
	} {
		t.Run(fmt.Sprint(c.slots, c.weights), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: c.slots})
				var loads []load
				sum := 0
				for i, w := range c.weights {
					app := &fairlead.App{ID: fairlead.AppID(fmt.Sprint(i)), Weight: w}
					loads = append(loads, load{app: app, clients: 30, holds: time.Second})
					sum += max(w, 1)
				}
				all := 0
				tallies := b.during(2*time.Minute, loads...)
				for _, a := range tallies {
					all += a.served
				}
				for i, a := range tallies {
					share, want := float64(a.served)/float64(all), float64(max(c.weights[i], 1))/float64(sum)
					if !within(share, want, 0.05) {
						t.Errorf("app %d of weight %d has %.3f of the slots, want %.3f", i, c.weights[i], share, want)
					}
				}
			})
		})
	}
}

// TestBatchHasAnEighth holds within an app and between apps.
func TestBatchHasAnEighth(t *testing.T) {
	one, other := &fairlead.App{ID: "one"}, &fairlead.App{ID: "other"}
	for name, batch := range map[string]*fairlead.App{"same app": one, "another app": other} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: 9})
				tallies := b.during(10*time.Minute,
					load{app: batch, class: fairlead.Batch, clients: 20, holds: time.Second},
					load{app: one, clients: 20, holds: time.Second})
				if ratio := float64(tallies[1].served) / float64(tallies[0].served); !within(ratio, 8, 0.05) {
					t.Errorf("served %d batch calls, %d interactive ones: 1:%.2f, want 1:8", tallies[0].served, tallies[1].served, ratio)
				}
			})
		})
	}
}

// TestBatchHasItsAppsWeightToo: four times an eighth is a half.
func TestBatchHasItsAppsWeightToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 9})
		tallies := b.during(5*time.Minute,
			load{app: &fairlead.App{ID: "heavy", Weight: 4}, class: fairlead.Batch, clients: 20, holds: time.Second},
			load{app: &fairlead.App{ID: "light"}, clients: 20, holds: time.Second})
		if ratio := float64(tallies[1].served) / float64(tallies[0].served); !within(ratio, 2, 0.05) {
			t.Errorf("served %d batch calls, %d interactive ones: 1:%.2f, want 1:2", tallies[0].served, tallies[1].served, ratio)
		}
	})
}

func TestBatchHasEverythingWhenNobodyElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 5})
		all := b.during(time.Minute, load{app: &fairlead.App{ID: "a"}, class: fairlead.Batch, clients: 20, holds: time.Second})
		if want := 5*60 - 5; all[0].served < want {
			t.Errorf("served %d, want %d", all[0].served, want)
		}
	})
}

func TestCapHoldsOverBothClasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 10})
		capped, free := &fairlead.App{ID: "capped", MaxConcurrent: 3}, &fairlead.App{ID: "free"}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, class := range []fairlead.Class{fairlead.Interactive, fairlead.Batch} {
			b.run(ctx, load{app: capped, class: class, clients: 10, holds: time.Second})
		}
		wait(500 * time.Millisecond)
		for range 20 {
			wait(time.Second)
			s, err := b.Standing(t.Context(), capped)
			if err != nil || s.InUse != 3 || s.Waiting != 17 {
				t.Fatalf("the capped app holds %d, %d wait, %v; want 3 and 17", s.InUse, s.Waiting, err)
			}
		}
		// What it may not have, others get at once.
		for range 7 {
			b.hold(callOf(free))
		}
		b.enter(ctx, callOf(free))
		if s := b.Slots(); s.InUse != 10 || s.Waiting != 18 {
			t.Errorf("slots %+v, want 10 in use and 18 waiting", s)
		}
	})
}

func TestGuaranteedSlotsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4})
		small := &fairlead.App{ID: "small", MinConcurrent: 2}
		large := &fairlead.App{ID: "large", Weight: 100}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b.run(ctx, load{app: large, clients: 20, holds: time.Second})
		synctest.Wait()
		b.run(ctx, load{app: small, clients: 20, holds: time.Second})
		wait(2500 * time.Millisecond)
		for range 10 {
			wait(time.Second)
			if s, err := b.Standing(t.Context(), small); err != nil || s.InUse != 2 {
				t.Errorf("the app holds %d, %v; want the 2 that it is guaranteed", s.InUse, err)
			}
		}
	})
}

func TestHeadroomIsKeptForNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4, Headroom: 1})
		flooder, newcomer := &fairlead.App{ID: "flooder"}, &fairlead.App{ID: "newcomer"}
		for range 3 {
			b.hold(callOf(flooder))
		}
		if v := b.enter(t.Context(), callOf(flooder)); v.over() {
			t.Fatal("the headroom was given to an app that holds slots")
		}
		if lease := b.hold(callOf(newcomer)); lease.Wait() != (fairlead.LeaseWait{}) {
			t.Errorf("the newcomer waited: %+v", lease.Wait())
		}
		if v := b.enter(t.Context(), callOf(newcomer)); v.over() {
			t.Error("there was a fifth slot")
		}
	})
}

func TestWidth(t *testing.T) {
	for _, c := range []struct {
		perSlot, slots, bytes int
		most                  int
	}{
		{0, 20, 1 << 20, 1},      // off
		{1000, 20, 0, 5},         // nothing to read
		{1000, 20, 3000, 5},      // less than one slot is for
		{1000, 20, 7000, 5},      // about two
		{1000, 20, 1 << 20, 5},   // a quarter of the slots
		{1000, 3, 1 << 20, 1},    // of few slots
		{100_000, 0, 1 << 20, 1}, // of no limit on slots, there is no quarter
	} {
		b := newBed(t, Config{Slots: c.slots, TokensPerSlot: c.perSlot})
		call := callOf(&fairlead.App{ID: "a"})
		pass := Pass{}
		if err := b.Reserve(t.Context(), call, &pass, request(c.bytes, 0)); err != nil {
			t.Fatal(err)
		}
		e := call.Estimate()
		want := 1
		if c.perSlot > 0 {
			want = max(min((e.Input+c.perSlot-1)/c.perSlot, c.most), 1)
		}
		if e.Width != want || (c.bytes == 0) != (e.Input == 0) {
			t.Errorf("%+v: %+v, want a width of %d", c, e, want)
		}
	}
}

func request(bytes, maxTokens int) *fairlead.Request {
	return &fairlead.Request{Body: make([]byte, bytes), Envelope: fairlead.Envelope{Model: "m", MaxTokens: maxTokens}}
}

func TestWideCallsTakeSeveralSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 8, Pools: map[string]Pool{"small": {Slots: 1}}})
		app := &fairlead.App{ID: "a"}
		wide := callOf(app)
		wide.SetEstimate(fairlead.Estimate{Width: 2})
		first, second := b.hold(wide), b.hold(callOf(app))
		if s := b.Slots(); s.InUse != 3 || s.MostInUse != 3 || b.Pools()["p"].InUse != 3 {
			t.Errorf("slots %+v, pool %+v; want 3 in use", s, b.Pools()["p"])
		}
		first.Release()
		second.Release()
		b.wantIdle()
		// One that is wider than its pool takes what there is.
		for range 5 {
			v := b.enterPool(t.Context(), wide, "small")
			v.want(t, "")
			if s := b.Slots(); s.InUse != 1 {
				t.Errorf("slots %+v, want 1 in use", s)
			}
			v.lease.Release()
		}
		b.wantIdle()
		if s := b.Slots(); s.MostInUse != 3 {
			t.Errorf("slots %+v, want at most 3 in use ever", s)
		}
	})
}

// TestWideCallIsNotStarved: small calls may go before it for as long as backfill
// says, and no longer.
func TestWideCallIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4})
		all := b.during(time.Minute,
			load{app: &fairlead.App{ID: "narrow"}, clients: 20, holds: 700 * time.Millisecond},
			load{app: &fairlead.App{ID: "wide"}, clients: 1, holds: time.Second, width: 4})
		if all[1].served < 10 || all[1].longest > backfill+2*time.Second {
			t.Errorf("the wide app: %+v", *all[1])
		}
	})
}

func TestWhoWaitsForAProviderKeepsNoSlotFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 2, Pools: map[string]Pool{"narrow": {Slots: 1}}})
		app := &fairlead.App{ID: "a"}
		first := b.enterPool(t.Context(), callOf(app), "narrow")
		first.want(t, "")
		var queue []*visit
		for range 5 {
			queue = append(queue, b.enterPool(t.Context(), callOf(app), "narrow"))
		}
		lease := b.hold(callOf(app)) // of the other provider
		if s, p := b.Slots(), b.Pools(); s.InUse != 2 || s.Waiting != 5 || p["narrow"].Waiting != 5 || p["p"].InUse != 1 {
			t.Errorf("slots %+v, pools %+v", s, p)
		}
		// The provider's slot alone is not enough: the service's must be free too.
		second := b.enter(t.Context(), callOf(&fairlead.App{ID: "b"}))
		first.lease.Release()
		synctest.Wait()
		if !second.over() || queue[0].over() || b.Slots().InUse != 2 {
			t.Errorf("one slot came free: over %t and %t, %+v", second.over(), queue[0].over(), b.Slots())
		}
		lease.Release()
	})
}

func TestSecondAttemptKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1})
		app := &fairlead.App{ID: "a"}
		first := callOf(app)
		lease := b.hold(first)
		wait(time.Second)
		second := b.enter(t.Context(), callOf(app))
		wait(time.Second)
		third := b.enter(t.Context(), callOf(app))
		lease.Release() // the attempt failed: the second call is served meanwhile
		synctest.Wait()
		second.want(t, "")
		again := b.enter(t.Context(), first)
		second.lease.Release()
		synctest.Wait()
		if !again.over() || third.over() {
			t.Errorf("second attempt served: %t, a later call: %t", again.over(), third.over())
		}
		again.lease.Release()
		again.lease.Release() // by defer, say
		synctest.Wait()
		third.want(t, "")
		third.lease.Release()
		if first.Holding() != 0 || b.Slots().DoubleReleases != 1 {
			t.Errorf("the call holds %d, %d double releases", first.Holding(), b.Slots().DoubleReleases)
		}
		b.wantIdle()
	})
}
