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
	all := make([]Active, 0, g.count())
	for _, r := range g.lanes {
		if r != nil {
			all = append(all, Active{ID: r.call.ID, Arrived: r.call.Arrived, Lane: r.lane})
		}
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
	for _, r := range g.lanes {
		if r != nil && !r.limit.IsZero() && now.After(r.limit.Add(staleAfter)) && r.call.Holding() > 0 {
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

// Drain refuses new calls and new work from now on and blocks until all that run
// have ended. Those that still run when ctx ends are ended with an error of Kind
// Busy.
func (g *Gateway) Drain(ctx context.Context) {
	g.mu.Lock()
	if !g.draining {
		g.draining = true
		g.drainEnd, _ = ctx.Deadline()
		g.noteIdle()
	}
	g.mu.Unlock()
	select {
	case <-g.idle:
		return
	case <-ctx.Done():
	}
	g.mu.Lock()
	// Those that wait go first, so that none gets the slot of one that worked. What
	// is left then is ended whatever it does: it may have given its slot back.
	for _, all := range []bool{false, true} {
		for _, r := range g.lanes {
			if r != nil && (all || !r.call.Slotted()) {
				r.cancel(g.stopping())
			}
		}
	}
	for job := range g.jobs { // between two calls, or after its last
		job.Cancel(g.stopping())
	}
	g.mu.Unlock()
	<-g.idle // each call returns when its context ends, and its face's writes are interrupted
}

// enter starts the clocks of a call, which end with leave, and notes that it is on
// its way, unless the service is draining.
func (g *Gateway) enter(ctx context.Context, r *run) error {
	r.begin(ctx, r.call.Interrupt)
	r.patience = newPatience(r, g.admission.BusyWait)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return g.stopping()
	}
	if n := len(g.free); n > 0 { // a number that was in use before
		r.lane, g.free = g.free[n-1], g.free[:n-1]
		g.lanes[r.lane-1] = r
		return nil
	}
	g.lanes = append(g.lanes, r)
	r.lane = len(g.lanes)
	return nil
}

// leave ends the clocks of a call, which may not have entered.
func (g *Gateway) leave(r *run) {
	r.patience.end()
	r.release()
	if r.lane == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lanes[r.lane-1] = nil
	g.free = append(g.free, r.lane)
	g.noteIdle()
}

// noteIdle ends the drain if nothing runs any more. The caller holds the mutex.
func (g *Gateway) noteIdle() {
	if g.draining && g.count() == 0 && len(g.jobs) == 0 {
		close(g.idle)
	}
}

// count is how many calls are running. The caller holds the mutex.
func (g *Gateway) count() int { return len(g.lanes) - len(g.free) }

// stopping is the refusal of a service about to stop: the caller should be back
// when it is gone and its successor is there.
func (g *Gateway) stopping() *fairlead.Error {
	return fairlead.NewBusy("draining", "The service is about to stop", max(time.Until(g.drainEnd), time.Second))
}
