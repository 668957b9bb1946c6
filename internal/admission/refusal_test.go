package admission

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// wave is a crowd of callers of one app who come at once, and what becomes of
// those that are refused.
type wave struct {
	slots, callers int
	holds          time.Duration
}

// came is what became of a wave.
type came struct {
	mu sync.Mutex

	refused, admitted int // at the first try, and on return
	shortest, longest time.Duration
}

// call is one caller of a wave: it obeys the wait that it is told.
func (w wave) call(b *bed, app *fairlead.App, all *came) {
	run := func() error {
		call := callOf(app)
		if _, err := b.Admit(b.t.Context(), call); err != nil {
			return err
		}
		lease, err := b.Enter(b.t.Context(), call, "p")
		if err == nil {
			<-time.After(w.holds)
			lease.Release()
		}
		return err
	}
	err := run()
	if err == nil {
		return
	}
	away := fairlead.AsError(err).RetryAfter
	all.mu.Lock()
	all.refused++
	if all.shortest == 0 {
		all.shortest = away
	}
	all.shortest, all.longest = min(all.shortest, away), max(all.longest, away)
	all.mu.Unlock()
	<-time.After(away)
	if run() == nil {
		all.mu.Lock()
		all.admitted++
		all.mu.Unlock()
	}
}

// TestWhoObeysIsAdmittedOnReturn: callers that are refused together are told
// waits at which the queue has room for them, one after the other.
func TestWhoObeysIsAdmittedOnReturn(t *testing.T) {
	for _, w := range []wave{
		{20, 500, time.Second},
		{20, 500, 10 * time.Second},
		{5, 500, 2 * time.Second},
		{100, 500, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, Config{Slots: w.slots, MaxQueue: 500, MaxQueuePerApp: 125})
			app := &fairlead.App{ID: "a"}
			b.during(20*time.Second, load{app: app, clients: w.slots + 20, holds: w.holds}) // so that it is known how long calls take
			all := &came{}
			began := b.now()
			for range w.slots + 125 + w.callers {
				b.group.Go(func() { w.call(b, app, all) })
			}
			b.group.Wait()
			if all.refused != w.callers || all.admitted < w.callers*9/10 {
				t.Errorf("%+v: of %d that were refused %d were admitted on return", w, all.refused, all.admitted)
			}
			if all.shortest < time.Second || all.longest > mostAway {
				t.Errorf("%+v: they were told %v to %v, want a second to five minutes", w, all.shortest, all.longest)
			}
			// The slots are not left idle meanwhile: else any wait would do.
			least := time.Duration(w.slots+125+w.callers) * w.holds / time.Duration(w.slots)
			if took := b.now() - began; took > least*5/4+2*time.Second {
				t.Errorf("%+v: all took %v, want about %v", w, took, least)
			}
			b.wantIdle()
		})
	}
}

// TestNobodyIsSentAwayForLongerThanFiveMinutes, however many are refused.
func TestNobodyIsSentAwayForLongerThanFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1, MaxQueue: 1})
		app := &fairlead.App{ID: "a"}
		b.run(t.Context(), load{app: app, clients: 2, holds: 2 * time.Minute})
		synctest.Wait()
		last := time.Duration(0)
		for range 500 {
			_, err := b.Admit(t.Context(), callOf(app))
			e := fairlead.AsError(err)
			if e == nil || e.Code != "queue_full" || e.RetryAfter < time.Second || e.RetryAfter > mostAway {
				t.Fatalf("refusal %+v", e)
			}
			last = e.RetryAfter
		}
		if last < mostAway*3/4 {
			t.Errorf("after 500 refusals: a wait of %v", last)
		}
		wait(mostAway + 10*time.Second) // they have come and gone
		_, err := b.Admit(t.Context(), callOf(app))
		if e := fairlead.AsError(err); e == nil || e.RetryAfter > mostAway*3/4 {
			t.Errorf("one who comes later: %+v", e)
		}
	})
}

// TestRefusedByTheWindow: the k-th is told the k-th free time, the last one for
// all that are beyond the limit.
func TestRefusedByTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{})
		app := &fairlead.App{ID: "a", RateLimitPerMinute: 3, TokensPerMinute: 100}
		for range 3 { // at 0, 10 and 20 s
			b.serve(app, 0)
			wait(10 * time.Second)
		}
		for k, want := range []time.Duration{30 * time.Second, 40 * time.Second, 50 * time.Second, 50 * time.Second} {
			call := callOf(app)
			_, err := b.Admit(t.Context(), call)
			if e := fairlead.AsError(err); e == nil || e.Code != "rate_limit_requests" || e.RetryAfter != want {
				t.Errorf("refusal %d: %+v, want a wait of %v", k, e, want)
			}
			if w := call.Requests(); w != (fairlead.WindowState{Limit: 3, Reset: 50 * time.Second}) || call.Tokens().Remaining != 100 {
				t.Errorf("refusal %d was told %+v, %+v", k, w, call.Tokens())
			}
		}
		wait(30*time.Second - 1)
		if _, err := b.Admit(t.Context(), callOf(app)); err == nil {
			t.Error("admitted a nanosecond too early")
		}
		wait(1)
		if _, err := b.Admit(t.Context(), callOf(app)); err != nil {
			t.Errorf("at the time that was told: %v", err)
		}
	})
}

// TestFullQueueDropsTheFlooder: a polite app finds a place in a full queue, and
// the flooder's newest call loses its own.
func TestFullQueueDropsTheFlooder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1, MaxQueue: 4})
		flooder, polite := &fairlead.App{ID: "flooder", RateLimitPerMinute: 10}, &fairlead.App{ID: "polite"}
		lease := b.hold(callOf(flooder))
		var queue []*visit
		for range 4 {
			queue = append(queue, b.enter(t.Context(), callOf(flooder)))
			wait(time.Millisecond)
		}
		call := callOf(flooder)
		if _, err := b.Admit(t.Context(), call); fairlead.AsError(err) == nil || fairlead.AsError(err).Code != "queue_full" {
			t.Errorf("one more of the flooder: %v", err)
		}
		if call.Requests().Remaining != 10 {
			t.Errorf("the refusal was charged: %+v", call.Requests())
		}
		if v := b.enter(t.Context(), callOf(flooder)); fairlead.AsError(v.err) == nil || fairlead.AsError(v.err).Code != "queue_full" {
			t.Errorf("one more of the flooder at the gate: %v", v.err)
		}
		if _, err := b.Admit(t.Context(), callOf(polite)); err != nil {
			t.Errorf("the polite app is refused: %v", err)
		}
		v := b.enter(t.Context(), callOf(polite))
		queue[3].want(t, "queue_dropped")
		if e := fairlead.AsError(queue[3].err); e == nil || e.Kind != fairlead.Busy || e.RetryAfter < time.Second {
			t.Errorf("the dropped one was told %+v", e)
		}
		for i, q := range queue[:3] {
			if q.over() {
				t.Errorf("waiter %d of the flooder has lost its place: %v", i, q.err)
			}
		}
		wait(time.Millisecond)
		lease.Release()
		synctest.Wait()
		v.want(t, "") // it holds nothing and had nothing, so it is next
		v.lease.Release()
	})
}

// TestBusyWait is what those are told for whose work there is no room elsewhere.
func TestBusyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1})
		if got := b.BusyWait(); got != time.Second {
			t.Errorf("with nobody there: %v, want a second", got)
		}
		for i := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			t.Cleanup(cancel)
			b.run(ctx, load{app: &fairlead.App{ID: fairlead.AppID(rune('a' + i))}, clients: 10, holds: 5 * time.Second})
		}
		wait(time.Minute)
		if got := b.BusyWait(); got < 2*time.Second || got > mostAway {
			t.Errorf("in a crowd: %v", got)
		}
	})
}

// filled is an app with ten calls in the queue and four at work, for each of
// which the next follows, until it is stopped.
type filled struct {
	*bed
	app  *fairlead.App
	stop context.CancelFunc
}

func fill(b *bed, app *fairlead.App) *filled {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.run(ctx, load{app: app, clients: 14, holds: time.Second})
	synctest.Wait()
	return &filled{bed: b, app: app, stop: cancel}
}

// refuse has so many calls refused, and returns the wait that the last is told.
func (f *filled) refuse(n int) time.Duration {
	f.t.Helper()
	last := time.Duration(0)
	for range n {
		_, err := f.Admit(f.t.Context(), callOf(f.app))
		e := fairlead.AsError(err)
		if e == nil || e.Code != "queue_full_app" {
			f.t.Fatalf("refusal %+v, want that the app's queue is full", e)
		}
		last = e.RetryAfter
	}
	return last
}

// TestWaitsComeDownAgain: however many were refused, nobody is told longer than
// about four queues of the app take; and when nobody waits any more, it starts
// again.
func TestWaitsComeDownAgain(t *testing.T) {
	const queue, pace = 10, 250 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 4, MaxQueue: 40, MaxQueuePerApp: queue})
		app := &fairlead.App{ID: "a"}
		f := fill(b, app)
		wait(20*time.Second + 500*time.Millisecond) // so that the pace is known
		first, last := f.refuse(1), f.refuse(1499)
		most := (mostQueues + 1) * queue * pace
		if first > 3*time.Second || last < most/2 || last > most+2*time.Second {
			t.Errorf("the first is told %v, the last %v; want about %v and %v", first, last, queue*pace/2, mostQueues*queue*pace)
		}
		f.stop()
		wait(5 * time.Second) // all have been served
		b.wantIdle()
		b.settle(callOf(app), b.mustPass(callOf(app), request(0, 0)), Outcome{}) // one who sees the empty queue
		again := fill(b, app)
		if told := again.refuse(1); told > 3*time.Second {
			t.Errorf("in a new crowd the first is told %v, want about %v", told, queue*pace/2)
		}
		again.stop()
		wait(30 * time.Second)
		later := fill(b, app)
		if told := later.refuse(1); told > 3*time.Second {
			t.Errorf("half a minute later one is told %v, want about %v", told, queue*pace/2)
		}
		later.stop()
	})
}
