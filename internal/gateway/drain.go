package gateway

import (
	"context"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Active is a call that is on its way.
type Active struct {
	ID      string
	Arrived time.Time
	// Lane is a small number, unique among the active.
	Lane int
}

// Active lists the calls that are on their way, in no order.
func (g *Gateway) Active() []Active {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]Active, 0, len(g.running))
	for r := range g.running {
		all = append(all, Active{ID: r.call.ID, Arrived: r.call.Arrived, Lane: r.lane})
	}
	return all
}

// staleAfter is how long past its end a call may hold a slot before something
// must be wrong.
const staleAfter = 2 * time.Second

// StaleSlots counts the calls that hold a slot although their time is over. It
// must be 0.
func (g *Gateway) StaleSlots() int {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	stale := 0
	for r := range g.running {
		if !r.end.IsZero() && now.After(r.end.Add(staleAfter)) && r.call.Holding() > 0 {
			stale++
		}
	}
	return stale
}

// Ready reports whether new calls are taken: nil, or the refusal of a service
// about to stop.
func (g *Gateway) Ready() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return g.stopping()
	}
	return nil
}

// Drain refuses new calls from now on and blocks until all running ones have
// ended. Those that still run when ctx ends are ended with an error of Kind
// Busy.
func (g *Gateway) Drain(ctx context.Context) {
	g.mu.Lock()
	if !g.draining {
		g.draining = true
		g.drainEnd, _ = ctx.Deadline()
		if len(g.running) == 0 {
			close(g.idle)
		}
	}
	g.mu.Unlock()
	select {
	case <-g.idle:
		return
	case <-ctx.Done():
	}
	g.mu.Lock()
	// Those that wait go first, so that none gets the slot of one that worked.
	for _, worked := range []bool{false, true} {
		for r := range g.running {
			if r.call.Slotted() == worked {
				r.cancel(g.stopping())
			}
		}
	}
	g.mu.Unlock()
	<-g.idle // each call returns when its context ends, and its face's writes are interrupted
}

// enter notes that a call is on its way, unless the service is draining.
func (g *Gateway) enter(ctx context.Context, call *fairlead.Call, cancel context.CancelCauseFunc) (*run, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return nil, g.stopping()
	}
	r := &run{call: call, lane: g.takeLane(), cancel: cancel}
	r.end, _ = ctx.Deadline()
	g.running[r] = struct{}{}
	return r, nil
}

// leave notes that a call has ended; nil is one that never entered.
func (g *Gateway) leave(r *run) {
	if r == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, r)
	g.lanes[r.lane-1] = false
	if g.draining && len(g.running) == 0 {
		close(g.idle)
	}
}

// takeLane returns the smallest number that no running call has.
func (g *Gateway) takeLane() int {
	for i, taken := range g.lanes {
		if !taken {
			g.lanes[i] = true
			return i + 1
		}
	}
	g.lanes = append(g.lanes, true)
	return len(g.lanes)
}

// stopping is the refusal of a service about to stop: the caller should be back
// when it is gone and its successor is there.
func (g *Gateway) stopping() *fairlead.Error {
	return fairlead.NewBusy("draining", "The service is about to stop", max(time.Until(g.drainEnd), time.Second))
}
