package fairqueue_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestSlotsForTheWeightStayTogether is bound B3: once each slot has been handed
// over, no flow that always waits is ahead of another by more than one slot of
// the lightest and one of its own, at any time; where its weight is a multiple
// of the lightest, by no more than one of the lightest.
func TestSlotsForTheWeightStayTogether(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		slots := rapid.IntRange(2, 24).Draw(rt, "slots")
		weights := rapid.SliceOfN(rapid.IntRange(1, 10), 2, 5).Draw(rt, "weights")
		s := newSite(t, fairqueue.Config{Slots: slots})
		s.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		grants, turned := 0, time.Duration(0)
		apps := make([]*app, len(weights))
		for i, weight := range weights {
			mean := time.Duration(rapid.IntRange(1, 20).Draw(rt, "mean")) * time.Second
			service := s.exponential(mean)
			apps[i] = s.app(weight, func() time.Duration {
				d := service()
				if grants++; grants <= slots { // those of who came first
					turned = max(turned, s.now+d)
				}
				return d
			}).clients(slots + 2)
		}
		checked := 0
		s.onGrant = func(*app) {
			if grants > slots && s.now > turned {
				checked++
				holdTogether(rt, apps, weights)
			}
		}
		s.run(2 * time.Minute)
		if turned < time.Minute && checked < slots {
			rt.Fatalf("only %d moments were checked", checked)
		}
	})
}

func holdTogether(t *rapid.T, apps []*app, weights []int) {
	lightest := weights[0]
	for _, w := range weights {
		lightest = min(lightest, w)
	}
	for i, a := range apps {
		for j, b := range apps {
			ahead := float64(a.held.value)/float64(weights[i]) - float64(b.held.value)/float64(weights[j])
			most := 1 / float64(lightest)
			if weights[i]%lightest != 0 {
				most += 1 / float64(weights[i])
			}
			if ahead > most+1e-9 {
				t.Fatalf("weight %d holds %d, weight %d holds %d: %.3f apart for the weight, want at most %.3f",
					weights[i], a.held.value, weights[j], b.held.value, ahead, most)
			}
		}
	}
}

// TestWaitOfWhoHoldsNothing is bound B4: the number of releases for which a flow
// that holds nothing waits depends on how many other flows wait, and on their
// weights, but not on how much they have queued. Slots are held equally long
// here: the bound on being ahead is one of time.
func TestWaitOfWhoHoldsNothing(t *testing.T) {
	const lead = 4 // in mean holding times: K
	nearest := 0.0
	rapid.Check(t, func(rt *rapid.T) {
		s := newSite(t, fairqueue.Config{Slots: rapid.IntRange(1, 6).Draw(rt, "slots")})
		s.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		weight := rapid.SampledFrom([]int{1, 1, 1, 2, 8})
		own, bound := weight.Draw(rt, "own weight"), 1
		for range rapid.IntRange(1, 12).Draw(rt, "others") {
			w := weight.Draw(rt, "weight")
			bound += (1 + lead) * max(1, w/own)
			a := s.app(w, constant(time.Second))
			clients := rapid.IntRange(1, 100).Draw(rt, "clients")
			s.after(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "comes"))*time.Millisecond, func() { a.clients(clients) })
		}
		releases, entered, worst := 0, 0, 0
		one := s.app(own, constant(time.Second))
		s.onRelease = func(a *app) {
			if releases++; a == one {
				entered = releases // it comes again right afterwards
			}
		}
		s.onGrant = func(a *app) {
			if a == one {
				worst = max(worst, releases-entered)
			}
		}
		one.clients(1)
		s.run(30 * time.Second)
		nearest = max(nearest, float64(worst)/float64(bound))
		if worst > bound {
			rt.Fatalf("waited for %d releases, want at most %d", worst, bound)
		}
	})
	t.Logf("the longest wait was %.2f of the bound", nearest)
}

// TestEqualNewcomerIsServedAtTheNextRelease has flows of one weight fill the
// slots and queue any number of waiters. Whoever comes and holds nothing is
// served at the very next release.
func TestEqualNewcomerIsServedAtTheNextRelease(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		slots := rapid.IntRange(1, 20).Draw(rt, "slots")
		s := newSite(t, fairqueue.Config{Slots: slots})
		s.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		weight := rapid.IntRange(1, 8).Draw(rt, "weight")
		var others []*app
		for range rapid.IntRange(1, slots).Draw(rt, "others") {
			mean := time.Duration(rapid.IntRange(1, 60).Draw(rt, "service")) * time.Second
			others = append(others, s.app(weight, s.exponential(mean)).clients(rapid.IntRange(slots, 300).Draw(rt, "clients")))
		}
		newcomer := s.app(weight, s.exponential(time.Second))
		releases := 0
		s.run(time.Duration(rapid.IntRange(1, 100).Draw(rt, "after")) * time.Second)
		if slices.ContainsFunc(others, func(a *app) bool { return a.held.value == 0 }) {
			rt.Skip("another one holds nothing too")
		}
		s.onRelease = func(*app) { releases++ }
		s.onGrant = func(a *app) {
			if a == newcomer && a.served == 1 && releases > 1 {
				rt.Fatalf("served at release %d", releases)
			}
		}
		newcomer.enter()
		for began := s.now; newcomer.served == 0; {
			if s.run(s.now + time.Second); s.now-began > time.Hour {
				rt.Fatal("never served")
			}
		}
	})
}

// TestNewcomerBehindAFlood is the same with real waiting: behind 996 waiters of
// a flooder with four slots, the newcomer is served at the next release.
func TestNewcomerBehindAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fairqueue.New(fairqueue.Config{Slots: 4})
		pool := q.Pool(fairqueue.PoolConfig{})
		flooder, newcomer := q.Tenant(fairqueue.TenantConfig{}).Flow(1), q.Tenant(fairqueue.TenantConfig{}).Flow(1)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				ticket, err := q.Acquire(t.Context(), fairqueue.Request{Flow: flooder, Pool: pool})
				if err != nil {
					t.Errorf("Acquire: %v", err)
				}
				<-time.After(time.Second)
				ticket.Release()
			})
		}
		synctest.Wait()
		if waiting := flooder.Usage().Waiting; waiting != 996 {
			t.Fatalf("%d of the flooder wait, want 996", waiting)
		}
		<-time.After(10 * time.Millisecond)
		began := time.Now()
		ticket, err := q.Acquire(t.Context(), fairqueue.Request{Flow: newcomer, Pool: pool})
		if waited := time.Since(began); err != nil || waited != 990*time.Millisecond {
			t.Errorf("the newcomer waited %v (%v), want 990ms: until the next release", waited, err)
		}
		ticket.Release()
		wg.Wait()
	})
}

// TestCostsStayTogether is bound B5: while two flows tie in slots and
// slot-seconds, here because slots are held for no time at all, their costs for
// their weights differ by at most the largest single cost of the one plus that of
// the other.
func TestCostsStayTogether(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{}
		q := fairqueue.New(fairqueue.Config{Slots: 1, Clock: w.clock()})
		pool := q.Pool(fairqueue.PoolConfig{})
		gate, _, _ := q.Enter(fairqueue.Request{Flow: q.Tenant(fairqueue.TenantConfig{}).Flow(1), Pool: pool})
		var had, largest [2]float64
		var left [2]int
		for i := range had {
			weight := rapid.IntRange(1, 3).Draw(rt, "weight")
			flow := q.Tenant(fairqueue.TenantConfig{}).Flow(weight)
			most := rapid.SampledFrom([]int{3, 1000}).Draw(rt, "largest cost")
			for _, cost := range rapid.SliceOfN(rapid.IntRange(1, most), 5, 30).Draw(rt, "costs") {
				normalised := float64(cost) / float64(weight)
				largest[i] = max(largest[i], normalised)
				left[i]++
				_, _, _ = q.Enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: cost, Notify: func(waiter *fairqueue.Waiter) {
					left[i]--
					had[i] += normalised
					w.soon = append(w.soon, func() {
						<-waiter.Ready()
						ticket, _ := waiter.Result()
						ticket.Release()
					})
					if apart := had[0] - had[1]; left[0] > 0 && left[1] > 0 && max(apart, -apart) > largest[0]+largest[1]+1e-9 {
						rt.Errorf("%.2f and %.2f of cost for the weight, with at most %.2f and %.2f in one piece", had[0], had[1], largest[0], largest[1])
					}
				}})
			}
		}
		gate.Release()
		w.settle()
		if left != [2]int{} {
			rt.Fatalf("%v were not served", left)
		}
	})
}

// TestWhatOthersCouldNotUseIsForgiven has a flow use the slot alone for a long
// time, while another one waits for a pool that lets nobody in. When that opens,
// the other one is ahead for at most K holding times, not for as long as it could
// not be served.
func TestWhatOthersCouldNotUseIsForgiven(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 1})
	first := s.app(1, constant(time.Second)).clients(5)
	second := s.app(1, constant(time.Second))
	second.pool = s.queue.Pool(fairqueue.PoolConfig{Pacer: &pacer{most: 1000, per: time.Minute, log: []pacedCost{{at: time.Hour, cost: 1000}}}})
	second.cost = 1
	second.clients(5)
	s.run(time.Hour + 61*time.Second)
	if second.served > 2 {
		t.Fatalf("%d were served while the pool was closed", second.served)
	}
	served := first.served
	s.run(s.now + 20*time.Second)
	if got := first.served - served; got < 7 || got > 10 {
		t.Errorf("of the next 20 the one that had used the slot alone got %d, want half of those after the first 4 or 5", got)
	}
}

// TestComingBackPaysNothing has a flow come to two that have waited for an hour.
// It is not served for the time in which it did not wait.
func TestComingBackPaysNothing(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 1})
	for range 2 {
		s.app(1, constant(time.Second)).clients(5)
	}
	s.run(time.Hour)
	late := s.app(1, constant(time.Second)).clients(5)
	s.run(s.now + 12*time.Second)
	if late.served < 4 || late.served > 5 {
		t.Errorf("it had %d of the next 12, want a third", late.served)
	}
}

// TestComingLatePaysNoCost is the same for the cost of work that takes no time: a
// flow that comes when another had much is not ahead of it.
func TestComingLatePaysNoCost(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1})
	first, late := d.flow(1), d.flow(1)
	held := d.fill(first, 1)[0]
	enter := func(f *fairqueue.Flow, n int) (all []*visit) {
		for range n {
			all = append(all, d.enter(fairqueue.Request{Flow: f, Cost: 100}))
		}
		return all
	}
	serve := func(n int) {
		for range n {
			d.release(held)
			held = d.ended[len(d.ended)-1]
		}
	}
	enter(first, 40)
	serve(20)
	of := enter(late, 20)
	serve(10)
	served := 0
	for _, v := range of {
		if v.waiter == nil {
			served++
		}
	}
	if served < 4 || served > 6 {
		t.Errorf("of the next 10 the one that came late had %d, want about half", served)
	}
}
