package admission

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// beats has call note when it is told that it waits, since the controller's
// start.
func (b *bed) beats(call *fairlead.Call) *[]time.Duration {
	var at []time.Duration
	call.Waiting = func() error {
		at = append(at, b.now())
		return nil
	}
	return &at
}

// TestSignsOfLife: the first comes so long after the arrival as is said, then
// one as often, but every ten seconds at least; none after the wait.
func TestSignsOfLife(t *testing.T) {
	seconds := func(all ...int) []time.Duration {
		var times []time.Duration
		for _, s := range all {
			times = append(times, time.Duration(s)*time.Second)
		}
		return times
	}
	for _, c := range []struct {
		name   string
		after  time.Duration
		enters time.Duration // after the arrival
		want   []time.Duration
	}{
		{"often", 7 * time.Second, 0, seconds(7, 14, 21, 28, 35, 42)},
		{"every ten seconds at least", 25 * time.Second, 0, seconds(25, 35, 45)},
		{"from the arrival on", 25 * time.Second, 12 * time.Second, seconds(25, 35, 45)},
		{"at once", 5 * time.Second, 12 * time.Second, seconds(12, 17, 22, 27, 32, 37, 42)},
		{"never", 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: 1, HeartbeatAfter: c.after})
				lease := b.hold(callOf(&fairlead.App{ID: "a"}))
				time.AfterFunc(46*time.Second, lease.Release)
				call := callOf(&fairlead.App{ID: "b"})
				got := b.beats(call)
				wait(c.enters)
				v := b.enter(t.Context(), call)
				wait(2 * time.Minute)
				if v.want(t, ""); !slices.Equal(*got, c.want) {
					t.Errorf("told at %v, want %v", *got, c.want)
				}
			})
		})
	}
}

// TestEntered: a call is told of its place in the queue before it waits, of a slot that
// is free at once, and of a refusal not at all.
func TestEntered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1, MaxQueue: 1})
		entered := func() (*visit, *int) {
			n := new(int)
			call := callOf(&fairlead.App{ID: "a"})
			call.Entered = func() { *n++ }
			v := b.enter(t.Context(), call)
			return v, n
		}
		_, first := entered()
		second, waits := entered()
		third, refused := entered()
		if *first != 1 || *waits != 1 || *refused != 0 || second.err != nil || third.err == nil || second.over() {
			t.Errorf("entered %d, %d and %d times, errors %v and %v", *first, *waits, *refused, second.err, third.err)
		}
	})
}

func TestNoSignOfLifeWhereASlotIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 1, HeartbeatAfter: 1})
		call := callOf(&fairlead.App{ID: "a"})
		got := b.beats(call)
		wait(time.Second) // long since it arrived
		b.hold(call).Release()
		wait(time.Minute)
		if len(*got) > 0 {
			t.Errorf("told at %v", *got)
		}
	})
}

// TestCallerWhoCanNotBeTold has left: its place goes to whoever is next.
func TestCallerWhoCanNotBeTold(t *testing.T) {
	for name, broken := range map[string]error{
		"typed": fairlead.NewCanceled(errors.New("reset by peer")), "plain": errors.New("reset by peer"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: 1, MaxQueue: 1, HeartbeatAfter: time.Second})
				app := &fairlead.App{ID: "a"}
				lease := b.hold(callOf(app))
				call, told := callOf(app), 0
				call.Waiting = func() error { told++; return broken }
				gone := b.enter(t.Context(), call)
				wait(999 * time.Millisecond)
				if gone.over() {
					t.Fatalf("over too early: %v", gone.err)
				}
				wait(time.Second)
				gone.want(t, "client_left")
				if told != 1 || call.Waited() != time.Second || call.Slotted() || b.Slots().Waiting != 0 {
					t.Errorf("told %d times, waited %v, slotted %t, %+v", told, call.Waited(), call.Slotted(), b.Slots())
				}
				next := b.enter(t.Context(), callOf(app)) // there is one place in the queue
				if next.over() {
					t.Errorf("the place was not given back: %v", next.err)
				}
				lease.Release()
				synctest.Wait()
				next.want(t, "")
			})
		})
	}
}

// TestCallerWhoLeavesWhileItIsTold is known to have left, though the queue has
// seen it first: it was to be served in the same moment.
func TestCallerWhoLeavesWhileItIsTold(t *testing.T) {
	for range 20 { // what the goroutine sees first is left to chance
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, Config{Slots: 1, HeartbeatAfter: time.Second})
			app := &fairlead.App{ID: "a"}
			lease := b.hold(callOf(app))
			ctx, leave := context.WithCancel(t.Context())
			call := callOf(app)
			call.Waiting = func() error {
				leave()
				lease.Release()
				return nil
			}
			v := b.enter(ctx, call)
			wait(time.Second)
			synctest.Wait()
			v.want(t, "client_left")
			b.wantIdle()
		})
	}
}

// TestPatienceEndsWhereAStreamBegins: who is told that its call waits has what it
// waited for, and is served however late.
func TestPatienceEndsWhereAStreamBegins(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration // the first sign of life
		code  string
		at    time.Duration
	}{
		{"told in time", 5 * time.Second, "", 20 * time.Second},
		{"told too late", 15 * time.Second, "queue_timeout", 10 * time.Second},
		{"never told", 0, "queue_timeout", 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, Config{Slots: 1, HeartbeatAfter: c.after})
				lease := b.hold(callOf(&fairlead.App{ID: "a"}))
				time.AfterFunc(20*time.Second, lease.Release)
				call := callOf(&fairlead.App{ID: "b"})
				call.Patience = 10 * time.Second
				b.beats(call)
				first := b.enter(t.Context(), callOf(&fairlead.App{ID: "a"})) // the queue is one already
				v := b.enter(b.timeLeft(time.Minute), call)
				wait(30 * time.Second)
				synctest.Wait()
				if v.want(t, c.code); v.at != c.at {
					t.Errorf("the wait ended at %v, want %v", v.at, c.at)
				}
				v.lease.Release()
				synctest.Wait()
				first.want(t, "")
			})
		})
	}
}
