package fairqueue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// desk is a queue in a world, entered by hand.
type desk struct {
	*world
	t     *testing.T
	queue *fairqueue.Queue
	pool  *fairqueue.Pool
	ended []*visit
}

// visit is one acquisition.
type visit struct {
	waiter *fairqueue.Waiter // nil when it does not wait
	ticket fairqueue.Ticket
	err    error
}

func newDesk(t *testing.T, config fairqueue.Config) *desk {
	t.Helper()
	w := &world{}
	config.Clock = w.clock()
	q := fairqueue.New(config)
	return &desk{world: w, t: t, queue: q, pool: q.Pool(fairqueue.PoolConfig{})}
}

// flow returns the flow of a new tenant.
func (d *desk) flow(weight int) *fairqueue.Flow {
	return d.queue.Tenant(fairqueue.TenantConfig{}).Flow(weight)
}

// enter asks for what r says, from the desk's own pool if it names none.
func (d *desk) enter(r fairqueue.Request) *visit {
	v := &visit{}
	if r.Pool == nil {
		r.Pool = d.pool
	}
	if r.Arrival == 0 {
		r.Arrival = d.now
	}
	r.Notify = func(w *fairqueue.Waiter) {
		d.soon = append(d.soon, func() {
			<-w.Ready()
			v.ticket, v.err = w.Result()
			v.waiter = nil
			d.ended = append(d.ended, v)
		})
	}
	v.ticket, v.waiter, v.err = d.queue.Enter(r)
	d.settle()
	return v
}

// fill takes that many slots.
func (d *desk) fill(f *fairqueue.Flow, n int) (all []*visit) {
	d.t.Helper()
	for range n {
		v := d.enter(fairqueue.Request{Flow: f})
		d.want(v, "granted")
		all = append(all, v)
	}
	return all
}

func (d *desk) release(v *visit) {
	d.t.Helper()
	if !v.ticket.Release() {
		d.t.Error("Release = false, want true: it is the first")
	}
	d.settle()
}

// want says where an acquisition stands: "waiting", "granted", or an error.
func (d *desk) want(v *visit, want string) {
	d.t.Helper()
	got := "granted"
	switch {
	case v.waiter != nil:
		got = "waiting"
	case v.err != nil:
		got = v.err.Error()
	}
	if got != want {
		d.t.Errorf("got %s, want %s", got, want)
	}
}

func TestReleasingTwiceGivesBackOnce(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1})
	flow := d.flow(1)
	first := d.fill(flow, 1)[0]
	d.release(first)
	second := d.fill(flow, 1)[0] // the same slot, another generation
	if first.ticket.Release() {
		t.Error("a second release gave something back")
	}
	first.ticket.Correct(1000)
	if u := d.queue.Snapshot(); u.InUse != 1 || d.queue.DoubleReleases() != 1 {
		t.Errorf("%+v and %d double releases, want 1 in use and 1", u, d.queue.DoubleReleases())
	}
	d.release(second)
	if (fairqueue.Ticket{}).Release() || d.queue.DoubleReleases() != 1 {
		t.Error("the zero Ticket had something to give back, or was counted")
	}
	if u := d.queue.Snapshot(); u.InUse != 0 {
		t.Errorf("%+v, want nothing in use", u)
	}
}

func TestReleasedIsToldOfEachReleaseOnce(t *testing.T) {
	released := 0
	d := newDesk(t, fairqueue.Config{Slots: 3, Released: func(width int) { released += width }})
	wide := d.enter(fairqueue.Request{Flow: d.flow(1), Width: 2})
	narrow := d.fill(d.flow(1), 1)[0]
	d.release(wide)
	d.release(narrow)
	narrow.ticket.Release()
	if released != 3 {
		t.Errorf("%d slots were said to be released, want 3", released)
	}
}

func TestLongestNormalisedQueueLosesItsNewest(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1, MaxWaiting: 5})
	heavy, light, small := d.flow(4), d.flow(1), d.flow(1)
	d.fill(small, 1)
	var waiting []*visit
	for i, f := range []*fairqueue.Flow{heavy, heavy, light, light, heavy} {
		waiting = append(waiting, d.enter(fairqueue.Request{Flow: f, Arrival: time.Duration(i + 1)}))
	}
	// Per unit of weight three of heavy are fewer than two of light.
	for _, f := range []*fairqueue.Flow{light, small} {
		want := error(nil)
		if f == light {
			want = fairqueue.ErrFull
		}
		if got := d.queue.Shed(f, 0); !errors.Is(got, want) {
			t.Errorf("Shed = %v, want %v", got, want)
		}
	}
	d.want(d.enter(fairqueue.Request{Flow: light}), fairqueue.ErrFull.Error())
	d.want(d.enter(fairqueue.Request{Flow: small}), "waiting")
	for i, v := range waiting {
		want := "waiting"
		if i == 3 {
			want = fairqueue.ErrDropped.Error()
		}
		d.want(v, want)
	}
	d.want(d.enter(fairqueue.Request{Flow: small}), fairqueue.ErrFull.Error()) // nobody has two any more
}

func TestTenantsPartOfTheQueueIsBounded(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1, MaxWaiting: 100})
	greedy := d.queue.Tenant(fairqueue.TenantConfig{MaxWaiting: 2})
	chat, batch, other := greedy.Flow(8), greedy.Flow(1), d.flow(1)
	d.fill(other, 1)
	d.want(d.enter(fairqueue.Request{Flow: chat}), "waiting")
	d.want(d.enter(fairqueue.Request{Flow: batch}), "waiting")
	for _, f := range []*fairqueue.Flow{chat, batch} {
		if err := d.queue.Shed(f, 0); !errors.Is(err, fairqueue.ErrTenantFull) {
			t.Errorf("Shed = %v, want ErrTenantFull", err)
		}
		d.want(d.enter(fairqueue.Request{Flow: f}), fairqueue.ErrTenantFull.Error())
	}
	d.want(d.enter(fairqueue.Request{Flow: other}), "waiting")
}

func TestWaitingForABusyPoolKeepsNothingFromOthers(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 3, MaxWaiting: 5})
	busy, flow, other := d.queue.Pool(fairqueue.PoolConfig{Slots: 1}), d.flow(1), d.flow(1)
	d.want(d.enter(fairqueue.Request{Flow: flow, Pool: busy}), "granted")
	for range 5 {
		d.want(d.enter(fairqueue.Request{Flow: flow, Pool: busy}), "waiting")
	}
	// Both remaining slots are there for who can use them, though no more may wait.
	d.want(d.enter(fairqueue.Request{Flow: flow}), "granted")
	d.want(d.enter(fairqueue.Request{Flow: other}), "granted")
}

func TestEarlierArrivalGoesFirst(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1})
	flow := d.flow(1)
	held := d.fill(flow, 1)[0]
	arrivals := []time.Duration{5, 9, 1, 7, 3, 5}
	visits := make(map[*visit]time.Duration)
	for _, at := range arrivals {
		visits[d.enter(fairqueue.Request{Flow: flow, Arrival: at})] = at
	}
	var order []time.Duration
	for d.release(held); len(d.ended) > 0; d.release(held) {
		held = d.ended[0]
		d.ended = nil
		order = append(order, visits[held])
	}
	if want := slices.Sorted(slices.Values(arrivals)); !slices.Equal(order, want) {
		t.Errorf("served in the order %v, want %v", order, want)
	}
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := fairqueue.New(fairqueue.Config{Slots: 1})
		r := fairqueue.Request{Flow: flowOf(q), Pool: q.Pool(fairqueue.PoolConfig{})}
		held, err := q.Acquire(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := q.Acquire(ctx, r); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("Acquire = %v after %v, want the deadline's error after 3s", err, time.Since(began))
		}
		if n := q.Waiting(); n != 0 {
			t.Errorf("%d still wait", n)
		}
		held.Release()
	})
}

// TestWhoIsTooLateIsPassedOver: one whose time is over, or whose caller has
// gone, gets no slot, and the next one does.
func TestWhoIsTooLateIsPassedOver(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1})
	flow := d.flow(1)
	held := d.fill(flow, 1)[0]
	gone := make(chan struct{})
	late := d.enter(fairqueue.Request{Flow: flow, StartBy: 5 * time.Second})
	left := d.enter(fairqueue.Request{Flow: flow, Done: gone})
	told := d.enter(fairqueue.Request{Flow: flow})
	told.waiter.Until(gone)
	just := d.enter(fairqueue.Request{Flow: flow, StartBy: 6 * time.Second})
	d.run(6 * time.Second)
	close(gone)
	d.release(held)
	d.want(late, fairqueue.ErrLate.Error())
	d.want(left, fairqueue.ErrLate.Error())
	d.want(told, fairqueue.ErrLate.Error())
	d.want(just, "granted")
}

func TestCancelGivesBackWhatWasJustGranted(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1})
	flow := d.flow(1)
	held := d.fill(flow, 1)[0]
	_, first, _ := d.queue.Enter(fairqueue.Request{Flow: flow, Pool: d.pool})
	second := d.enter(fairqueue.Request{Flow: flow, Arrival: time.Second})
	d.release(held)
	d.want(second, "waiting")
	first.Cancel()
	d.settle()
	d.want(second, "granted")
}

func TestResize(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 1})
	flow := d.flow(1)
	var all []*visit
	for range 4 {
		all = append(all, d.enter(fairqueue.Request{Flow: flow}))
	}
	d.queue.Resize(3)
	d.settle()
	d.want(all[2], "granted")
	d.want(all[3], "waiting")
	d.queue.Resize(1)
	d.release(all[0])
	d.release(all[1])
	d.want(all[3], "waiting")
	d.release(all[2])
	d.want(all[3], "granted")
	d.release(all[3])

	two := d.enter(fairqueue.Request{Flow: flow, Width: 2})
	if u := d.queue.Snapshot(); u.InUse != 1 { // there is only one
		t.Errorf("%+v, want 1 in use", u)
	}
	d.release(two)
}

func TestHeadroomIsForThoseWhoHoldNothing(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 4, Headroom: 1, MaxWaiting: 1})
	greedy := d.flow(1)
	held := d.fill(greedy, 3)
	d.want(d.enter(fairqueue.Request{Flow: greedy}), "waiting")
	if err := d.queue.Shed(greedy, 0); !errors.Is(err, fairqueue.ErrFull) {
		t.Errorf("Shed of who holds slots = %v, want ErrFull: what is free is not for it", err)
	}
	newcomer := d.flow(1)
	if err := d.queue.Shed(newcomer, 0); err != nil {
		t.Errorf("Shed of who holds nothing = %v, want nil", err)
	}
	// Slots that were given back are no way around it.
	d.release(held[0])
	d.want(d.ended[0], "granted")
	v := d.enter(fairqueue.Request{Flow: newcomer, Pool: d.queue.Pool(fairqueue.PoolConfig{})})
	d.want(v, "granted")
}

// TestGuaranteedSlotsComeFirst: a tenant below its minimum goes before one with
// a hundred times the weight that holds nothing.
func TestGuaranteedSlotsComeFirst(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 3})
	sure := d.queue.Tenant(fairqueue.TenantConfig{Min: 2}).Flow(1)
	d.fill(sure, 1)
	held := d.fill(d.flow(1), 2)
	heavy := d.enter(fairqueue.Request{Flow: d.flow(100)})
	second, third := d.enter(fairqueue.Request{Flow: sure}), d.enter(fairqueue.Request{Flow: sure})
	d.release(held[0])
	d.want(second, "granted")
	d.want(heavy, "waiting")
	d.release(held[1])
	d.want(heavy, "granted")
	d.want(third, "waiting")
}

func TestChangeLetsWaitersFeelIt(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 5})
	tenant := d.queue.Tenant(fairqueue.TenantConfig{Max: 1})
	flow := tenant.Flow(1)
	first, second := d.enter(fairqueue.Request{Flow: flow}), d.enter(fairqueue.Request{Flow: flow})
	d.want(second, "waiting")
	tenant.Change(fairqueue.TenantConfig{Max: 2})
	d.settle()
	d.want(second, "granted")
	tenant.Change(fairqueue.TenantConfig{Max: 1})
	d.release(first)
	d.want(d.enter(fairqueue.Request{Flow: flow}), "waiting")
}

// TestWeightCanChangeWhileOneWaits: the flow that became heavy goes first from
// then on.
func TestWeightCanChangeWhileOneWaits(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 4})
	a, b := d.flow(1), d.flow(1)
	held := append(d.fill(a, 2), d.fill(b, 1)...)
	held = append(held, d.fill(d.flow(1), 1)...)
	heavy, light := d.enter(fairqueue.Request{Flow: a}), d.enter(fairqueue.Request{Flow: b})
	a.SetWeight(8) // two of eight are fewer than one of one
	d.release(held[3])
	d.want(heavy, "granted")
	d.want(light, "waiting")
}

// TestQueueStaysBoundedWhenPatienceEnds: a slot that is free when one comes, but
// from this moment on is kept for a wide one, is no reason to let more wait.
func TestQueueStaysBoundedWhenPatienceEnds(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 2, MaxWaiting: 1, Backfill: 5 * time.Second})
	d.fill(d.flow(1), 1)
	wide := d.enter(fairqueue.Request{Flow: d.flow(1), Width: 2})
	d.run(6 * time.Second)
	other := d.queue.Pool(fairqueue.PoolConfig{})
	d.want(d.enter(fairqueue.Request{Flow: d.flow(1), Pool: other}), fairqueue.ErrFull.Error())
	d.want(wide, "waiting")
}
