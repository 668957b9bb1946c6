package fairqueue_test

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestOthersGoBeforeAWideOneForAWhile: who needs more slots than are free lets
// others pass until it has waited for Backfill. From then on, what comes free is
// kept for it.
func TestOthersGoBeforeAWideOneForAWhile(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 3, Backfill: 10 * time.Second})
	holder := d.flow(1)
	held := d.fill(holder, 3)
	wide := d.enter(fairqueue.Request{Flow: d.flow(1), Width: 3})
	var narrow []*visit
	for range 3 {
		narrow = append(narrow, d.enter(fairqueue.Request{Flow: d.flow(1)}))
	}
	d.run(9 * time.Second)
	d.release(held[0])
	d.want(narrow[0], "granted")
	d.run(11 * time.Second)
	d.release(held[1])
	d.want(narrow[1], "waiting")
	d.want(d.enter(fairqueue.Request{Flow: d.flow(1)}), "waiting")
	d.release(held[2])
	d.want(wide, "waiting")
	d.release(narrow[0])
	d.want(wide, "granted")
	d.want(narrow[1], "waiting")
	d.release(wide)
	d.want(narrow[1], "granted")
	d.want(narrow[2], "granted")
}

// TestWideOneWaitsOnlyForItsPool: while slots of a pool are kept for a wide one,
// other pools go on.
func TestWideOneWaitsOnlyForItsPool(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 10})
	pool := d.queue.Pool(fairqueue.PoolConfig{Slots: 2})
	held := d.enter(fairqueue.Request{Flow: d.flow(1), Pool: pool})
	wide := d.enter(fairqueue.Request{Flow: d.flow(1), Pool: pool, Width: 2})
	d.want(d.enter(fairqueue.Request{Flow: d.flow(1), Pool: pool}), "waiting")
	d.want(d.enter(fairqueue.Request{Flow: d.flow(1)}), "granted")
	d.release(held)
	d.want(wide, "granted")
}

// TestWideOneGetsItsTenantsSlots: who needs all that its tenant may hold is not
// passed over for ever by the tenant's other flow, of eight times its weight.
func TestWideOneGetsItsTenantsSlots(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 20, Backfill: time.Second})
	tenant := s.queue.Tenant(fairqueue.TenantConfig{Max: 2})
	narrow := s.appOf(tenant, 8, s.lognormal(2*time.Second)).clients(5)
	wide := s.appOf(tenant, 1, s.lognormal(2*time.Second))
	wide.width = 2
	wide.clients(1)
	s.run(10 * time.Minute)
	if wide.served < 15 || narrow.served < 200 {
		t.Errorf("%d wide and %d narrow were served in 10 minutes, want at least 15 and 200", wide.served, narrow.served)
	}
}

// TestWideOneTakesWhatThereIs: when a limit becomes lower than what somebody
// waits for, it waits for less, and nobody behind it is stuck.
func TestWideOneTakesWhatThereIs(t *testing.T) {
	tenant := func(d *desk) *fairqueue.Tenant { return d.queue.Tenant(fairqueue.TenantConfig{}) }
	for name, shrink := range map[string]func(*desk, *fairqueue.Pool, *fairqueue.Tenant){
		"queue":  func(d *desk, _ *fairqueue.Pool, _ *fairqueue.Tenant) { d.queue.Resize(2) },
		"pool":   func(_ *desk, p *fairqueue.Pool, _ *fairqueue.Tenant) { p.Resize(2) },
		"tenant": func(_ *desk, _ *fairqueue.Pool, t *fairqueue.Tenant) { t.Change(fairqueue.TenantConfig{Max: 2}) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, fairqueue.Config{Slots: 4})
			pool, owner := d.queue.Pool(fairqueue.PoolConfig{Slots: 4}), tenant(d)
			held := d.enter(fairqueue.Request{Flow: d.flow(1), Pool: pool, Width: 4})
			wide := d.enter(fairqueue.Request{Flow: owner.Flow(1), Pool: pool, Width: 4})
			d.run(time.Second)
			behind := d.enter(fairqueue.Request{Flow: d.flow(1), Pool: pool})
			shrink(d, pool, owner)
			d.release(held)
			d.want(wide, "granted")
			if in := owner.Usage().InUse; in != 2 {
				t.Errorf("it holds %d slots, want 2", in)
			}
			d.release(wide)
			d.want(behind, "granted")
		})
	}
}

// TestWideAcquisitionsAreCountedInSlots has an app with acquisitions of four
// slots beside two of one slot. Its fair share, three of twelve slots, is not a
// whole number of acquisitions: it gets one, which is the next above, the others
// share the rest by weight, and no slot is idle.
func TestWideAcquisitionsAreCountedInSlots(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 12, Backfill: time.Second})
	service := s.lognormal(2 * time.Second)
	apps := []*app{s.app(1, service), s.app(1, service), s.app(2, service)}
	apps[0].width = 4
	for _, a := range apps {
		a.clients(30)
	}
	s.run(time.Minute)
	held := make([]float64, len(apps))
	for i, a := range apps {
		held[i] = -a.held.total(s.now)
	}
	const d = 40 * time.Minute
	s.run(s.now + d)
	total := 0.0
	for i, a := range apps {
		held[i] = (held[i] + a.held.total(s.now)) / d.Seconds()
		total += held[i]
	}
	t.Logf("%.2f slots held on average, %.2f in all", held, total)
	for i, want := range []float64{4, 8. / 3, 16. / 3} {
		if held[i] < want*0.97 || held[i] > want*1.03 {
			t.Errorf("app %d held %.2f slots on average, want %.2f within 3 %%", i, held[i], want)
		}
	}
}
