package sim

import (
	"errors"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/sim/report"
	"github.com/fairleadhq/fairlead/internal/window"
)

// scheduler shares the slots out. It tells a run by granted and drop what became
// of the calls that wait.
type scheduler interface {
	// shed refuses a call that would find no place in the queue, before anything
	// is charged.
	shed(c *call) refusal
	// enter takes slots for a call, or a place in the queue, or refuses it.
	enter(c *call) (granted bool, why refusal)
	// leave takes a call that waits out of the queue, and says for how long it
	// should stay away.
	leave(c *call) (away time.Duration)
	// release gives the slots of a call back.
	release(c *call)
}

// backfill is for how long calls that take one slot may go before one that takes
// several, as in package admission.
const backfill = 2 * time.Second

// fair is the service's own scheduler, in virtual time.
type fair struct {
	run   *run
	queue *fairqueue.Queue
	flows []*fairqueue.Flow // by the lane's number
	pools []*fairqueue.Pool // by the pool's number
}

func newFair(r *run) *fair {
	s := &r.scenario.Service
	f := &fair{run: r}
	f.queue = fairqueue.New(fairqueue.Config{
		Slots: s.Slots, MaxWaiting: s.MaxQueue, Headroom: s.Headroom, Backfill: backfill,
		Clock: fairqueue.Clock{Now: r.Now, AfterFunc: r.After},
	})
	for _, p := range r.pools {
		config := fairqueue.PoolConfig{Slots: p.provider.Slots}
		if requests, tokens := p.provider.RequestsPerMinute, p.provider.TokensPerMinute; requests > 0 || tokens > 0 {
			config.Pacer = &pacer{requests: window.New(requests, time.Minute), tokens: window.NewBuckets(tokens, time.Minute)}
		}
		f.pools = append(f.pools, f.queue.Pool(config))
	}
	tenants := make(map[*app]*fairqueue.Tenant)
	flows := make(map[*app]map[string]*fairqueue.Flow)
	for _, l := range r.lanes {
		if tenants[l.app] == nil {
			tenants[l.app] = f.queue.Tenant(fairqueue.TenantConfig{
				Min: l.app.limits.MinSlots, Max: l.app.limits.MaxSlots, MaxWaiting: s.MaxQueuePerApp,
			})
			flows[l.app] = make(map[string]*fairqueue.Flow)
		}
		if flows[l.app][l.class] == nil {
			flows[l.app][l.class] = tenants[l.app].Flow(l.weight)
		}
		f.flows = append(f.flows, flows[l.app][l.class])
	}
	return f
}

func (f *fair) shed(c *call) refusal {
	if !f.queue.Contended() {
		c.party.lane.app.back = 0
		return refusal{}
	}
	patience := time.Duration(0)
	if c.deadline > 0 && !f.run.scenario.Service.Hopeful {
		patience = max(c.deadline-f.run.Now()-f.run.usual(c), 1)
	}
	return f.refusal(c, f.queue.Shed(f.flows[c.party.lane.number], patience))
}

// hopeMargin is how much longer than predicted a wait is taken to be, before it
// is called hopeless, as in package admission.
const hopeMargin = 1.25

// isHopeless reports whether a wait is known to outlast the time that is left.
func isHopeless(o fairqueue.Outlook, left time.Duration) bool {
	return o.Opens > left || (o.Known && float64(o.Wait) > float64(left)/hopeMargin)
}

func (f *fair) enter(c *call) (granted bool, why refusal) {
	l := c.party.lane
	request := fairqueue.Request{
		Flow: f.flows[l.number], Pool: f.pools[l.pool.number], Arrival: c.arrived, Width: c.width,
		Cost: c.tokens.Prompt + c.tokens.Answer,
		// The queue is in the midst of something then: settle comes after it.
		Notify: func(*fairqueue.Waiter) { f.run.Soon(func() { f.settle(c) }) },
	}
	if c.deadline > 0 {
		request.StartBy = f.run.startBy(c)
	}
	ticket, w, err := f.queue.Enter(request)
	switch {
	case err != nil:
		return false, f.refusal(c, err)
	case w == nil:
		c.ticket = ticket
		return true, refusal{}
	}
	o := w.Outlook()
	if c.deadline > 0 && !f.run.scenario.Service.Hopeful && isHopeless(o, request.StartBy-f.run.Now()) {
		w.Cancel()
		return false, f.refusal(c, fairqueue.ErrHopeless)
	}
	if o.Known {
		c.predicted = o.Wait
	}
	c.waiter = w
	return false, refusal{}
}

// settle ends the wait of a call, if it waited: one that was served at once was
// told so by enter.
func (f *fair) settle(c *call) {
	if c.waiter == nil {
		return
	}
	<-c.waiter.Ready() // Notify came, so it is
	ticket, err := c.waiter.Result()
	c.waiter = nil
	if err != nil {
		f.run.drop(c, f.refusal(c, err))
		return
	}
	c.ticket = ticket
	f.run.granted(c)
}

func (f *fair) leave(c *call) (away time.Duration) {
	c.waiter.Cancel()
	c.waiter = nil
	return f.away(c)
}

func (f *fair) release(c *call) { c.ticket.Release() }

// refusal is what a call is told that the queue refuses.
func (f *fair) refusal(c *call, err error) refusal {
	if err == nil {
		return refusal{}
	}
	reason := report.QueueFull
	switch {
	case errors.Is(err, fairqueue.ErrTenantFull):
		reason = report.QueueFullApp
	case errors.Is(err, fairqueue.ErrDropped):
		reason = report.QueueDropped
	case errors.Is(err, fairqueue.ErrHopeless):
		reason = report.QueueHopeless
	case errors.Is(err, fairqueue.ErrLate):
		reason = report.QueueTimeout
	}
	return refusal{reason: reason, wait: f.away(c)}
}

// How long callers are sent away, as in package admission.
const (
	mostAway   = 5 * time.Minute
	mostQueues = 4 // full queues of the app
	jitter     = 4 // one in so many
)

// away sends an app's callers away until half of its queue is served, each for
// one grant longer than the one before, as package admission does.
func (f *fair) away(c *call) time.Duration {
	l, now := c.party.lane, f.run.Now()
	o := f.queue.Predict(f.flows[l.number], f.pools[l.pool.number])
	pace := max(o.Pace, time.Millisecond)
	first, latest := now+max(o.Wait/2, o.Opens, time.Second), now+mostAway
	if queue := f.run.scenario.Service.MaxQueuePerApp; queue > 0 {
		latest = min(latest, first+time.Duration(int64(pace)*int64(mostQueues*queue)))
	}
	back := min(max(first, l.app.back+pace), latest)
	l.app.back = back
	return min(back-now+time.Duration(f.run.chance.Int64N(int64(pace/jitter)+1)), mostAway)
}

// pacer keeps the calls to a provider within its rates, as package admission's
// does.
type pacer struct {
	requests *window.Ring
	tokens   *window.Buckets
}

// Take implements fairqueue.Pacer. The entry is that of the requests and that of
// the tokens.
func (p *pacer) Take(now time.Duration, cost fairqueue.Cost) (entry fairqueue.PaceEntry, wait time.Duration) {
	request, wait, ok := p.requests.Try(now)
	if !ok {
		return fairqueue.PaceEntry{}, wait
	}
	tokens, wait, ok := p.tokens.Try(now, max(cost.Expected, 1))
	if !ok {
		p.requests.Undo(request)
		return fairqueue.PaceEntry{}, wait
	}
	return fairqueue.PaceEntry{uint64(request), uint64(tokens)}, 0
}

// Correct implements fairqueue.Pacer.
func (p *pacer) Correct(_ time.Duration, entry fairqueue.PaceEntry, cost int) {
	p.tokens.Correct(window.Entry(entry[1]), cost)
}

// Done implements fairqueue.Pacer.
func (p *pacer) Done(fairqueue.PaceEntry) {}

// Undo implements fairqueue.Pacer.
func (p *pacer) Undo(entry fairqueue.PaceEntry) {
	p.requests.Undo(window.Entry(entry[0]))
	p.tokens.Undo(window.Entry(entry[1]))
}
