package fairqueue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// paced adds a pool that lets a cost of ten pass in ten seconds.
func (d *desk) paced() *fairqueue.Pool {
	return d.queue.Pool(fairqueue.PoolConfig{Pacer: &pacer{most: 10, per: 10 * time.Second}})
}

// TestPacedPool: who would exceed the rate waits for exactly as long as it must,
// and keeps no slot from others meanwhile.
func TestPacedPool(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 2})
	pool, flow := d.paced(), d.flow(1)
	d.release(d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 6}))
	d.run(2 * time.Second)
	d.release(d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 4}))
	first := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 5})
	second := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 5})
	if got := d.queue.Predict(d.flow(1), pool).Wait; got < 8*time.Second {
		t.Errorf("a third one is told to wait %v, want at least the 8s until the pool opens", got)
	}
	for range 2 {
		d.want(d.enter(fairqueue.Request{Flow: flow}), "granted")
	}
	d.queue.Resize(4)
	d.run(10*time.Second - 1)
	d.want(first, "waiting")
	d.run(10 * time.Second)
	d.want(first, "granted")
	d.want(second, "waiting")
	d.run(12 * time.Second)
	d.want(second, "granted")
}

// TestPacedPoolOpensWhenItCan: when one turns out cheaper, or the expensive one
// that was next gives up, the others are not made to wait for its sake.
func TestPacedPoolOpensWhenItCan(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 5})
	pool, flow := d.paced(), d.flow(1)
	dear := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 9})
	next := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 5})
	d.want(next, "waiting")
	dear.ticket.Correct(5)
	d.settle()
	d.want(next, "granted")

	d.run(time.Minute)
	d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 9})
	expensive := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 10})
	cheap := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 1})
	d.want(cheap, "waiting")
	expensive.waiter.Cancel()
	d.settle()
	d.want(cheap, "granted")
}

// TestUndoneTakesNoPlace: what was given back unused counts against no rate, and
// who waits for the rate has its place.
func TestUndoneTakesNoPlace(t *testing.T) {
	released := 0
	d := newDesk(t, fairqueue.Config{Slots: 5, Released: func(width int) { released += width }})
	pool, flow := d.paced(), d.flow(1)
	unused := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 9})
	next := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 9})
	d.want(next, "waiting")
	if !undo(unused) {
		t.Error("there was nothing to give back")
	}
	d.settle()
	d.want(next, "granted")
	last := d.enter(fairqueue.Request{Flow: flow, Pool: pool, Cost: 9})
	if undo(unused) || d.queue.DoubleReleases() != 1 || released != 1 {
		t.Errorf("given back twice: %d double releases, %d slots released", d.queue.DoubleReleases(), released)
	}
	d.want(last, "waiting")
	plain := d.enter(fairqueue.Request{Flow: flow})
	if !undo(plain) || released != 2 {
		t.Errorf("%d slots released of a pool without a pacer, want 2", released)
	}
}

func undo(v *visit) bool {
	slot, generation := v.ticket.Slot()
	return slot.Undo(generation)
}

// TestShedSeesHopelessWaits: who has less patience than the wait of its flow's
// next one is predicted to be is told so at once, with a quarter to spare.
func TestShedSeesHopelessWaits(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 2})
	busy := s.app(1, constant(time.Second)).clients(22)
	s.run(20 * time.Second)
	// Twenty wait for two slots of a second each: the next waits for 10.5s.
	if got := s.queue.Predict(busy.flow, s.pool); !got.Known || got.Wait < 10*time.Second || got.Wait > 11*time.Second {
		t.Errorf("Predict = %+v, want about 10.5s, known", got)
	}
	for patience, want := range map[time.Duration]error{
		0: nil, 12 * time.Second: fairqueue.ErrHopeless, 14 * time.Second: nil,
	} {
		if got := s.queue.Shed(busy.flow, patience); !errors.Is(got, want) {
			t.Errorf("Shed with a patience of %v = %v, want %v", patience, got, want)
		}
	}
	if got := s.queue.Shed(s.app(1, nil).flow, time.Second); got != nil {
		t.Errorf("Shed of a newcomer = %v, want nil: it is served at the next release", got)
	}
}

// TestPredictKnowsOtherFlowsWeights: a weight that changes while its flow waits
// counts as it is.
func TestPredictKnowsOtherFlowsWeights(t *testing.T) {
	pace := func(first, then int) time.Duration {
		s := newSite(t, fairqueue.Config{Slots: 4})
		other := s.app(first, constant(time.Second)).clients(30)
		s.run(10 * time.Second)
		other.flow.SetWeight(then)
		s.run(100 * time.Second)
		return s.queue.Predict(s.app(1, nil).flow, s.pool).Pace
	}
	// Four slots of a second each, of which it would have a tenth.
	if want, got := pace(9, 9), pace(1, 9); got != want || got < 2*time.Second || got > 3*time.Second {
		t.Errorf("beside a weight of 9 a newcomer's pace is %v, or %v if the weight was 1 first; want about 2.5s", want, got)
	}
}

// TestPredictDoesNotCountWhatIsParked: slots that somebody gave back are free,
// whoever comes.
func TestPredictDoesNotCountWhatIsParked(t *testing.T) {
	d := newDesk(t, fairqueue.Config{Slots: 2})
	for _, v := range d.fill(d.flow(1), 2) {
		d.release(v)
	}
	if got := d.queue.Predict(d.flow(1), d.pool).Wait; got != 0 {
		t.Errorf("Predict = %v, want 0: both slots are free", got)
	}
}
