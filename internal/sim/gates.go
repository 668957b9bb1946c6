package sim

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/report"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
	"github.com/fairleadhq/fairlead/internal/window"
)

// refusal says why a call is refused and how long to stay away; the zero refusal
// is none.
type refusal struct {
	reason string
	wait   time.Duration
}

// arrive takes a call through the gates, in the order of package admission.
func (r *run) arrive(c *call) {
	r.came++
	if r.came > maxRequests {
		r.Stop() // Run tells of it
		return
	}
	g, a := c.party.group, c.party.lane.app
	g.offered++
	c.arrived = r.Now()
	c.deadline, c.patience = r.until(c)
	if left := a.guard.Arrive(r.Now()); left > 0 {
		r.refuse(c, refusal{reason: report.BlockedBurst, wait: left})
		return
	}
	if why := r.schedule.shed(c); why.reason != "" {
		r.refuse(c, why)
		return
	}
	if why := r.charge(c); why.reason != "" {
		r.refuse(c, why)
		return
	}
	granted, why := r.schedule.enter(c)
	if why.reason != "" {
		r.giveBack(c)
		r.refuse(c, why)
		return
	}
	if c.tries > 0 {
		g.welcome++
	}
	if !granted {
		r.wait(c)
		return
	}
	g.waits = append(g.waits, 0)
	r.start(c)
}

// until is by when the call must be over and until when its client stays.
func (r *run) until(c *call) (deadline, patience time.Duration) {
	s := c.party.source
	timeout := r.scenario.Service.Timeout
	if s.Timeout > 0 && (timeout == 0 || s.Timeout.Std() < timeout) {
		timeout = s.Timeout.Std()
	}
	if timeout > 0 {
		deadline = r.Now() + timeout
	}
	if s.LeavesAfter > 0 {
		patience = r.Now() + s.LeavesAfter.Std()
	}
	return deadline, patience
}

// charge takes the call through its app's windows.
func (r *run) charge(c *call) refusal {
	a := c.party.lane.app
	entry, wait, ok := a.requests.Admit(r.Now())
	if !ok {
		return refusal{reason: report.RateLimitRequests, wait: wait}
	}
	c.request = entry
	if n := c.tokens.Prompt + c.tokens.Answer; n > 0 {
		if c.tokenUse, wait, ok = a.tokens.Take(r.Now(), n); !ok {
			a.requests.Undo(entry)
			return refusal{reason: report.RateLimitTokens, wait: wait}
		}
	}
	if a.limits.RequestsPerMinute > 0 {
		c.passed = len(a.passed)
		a.passed = append(a.passed, r.Now())
	}
	return refusal{}
}

// giveBack takes the charge back of a call that never got a slot.
func (r *run) giveBack(c *call) {
	a := c.party.lane.app
	a.requests.Undo(c.request)
	if c.tokenUse != window.Entry(0) {
		a.tokens.Undo(c.tokenUse)
	}
	if a.limits.RequestsPerMinute > 0 {
		a.voided[c.passed] = true
	}
}

// wait lets the call stand in the queue.
func (r *run) wait(c *call) {
	c.waiting = true
	r.countWaiting(c, c.width)
	if c.deadline > 0 {
		r.At(max(r.startBy(c), r.Now()), func() {
			if c.waiting {
				r.drop(c, refusal{reason: report.QueueTimeout, wait: r.schedule.leave(c)})
			}
		})
	}
	if c.patience > 0 {
		r.At(c.patience, func() {
			if c.waiting {
				r.schedule.leave(c)
				r.endWait(c)
				r.giveBack(c)
				c.party.group.left++
				r.over(c)
			}
		})
	}
}

// How long calls take is learned for each app and for all of them, as package
// admission learns it. All calls are of one operation here.
const (
	operation = "chat"
	allApps   = ""
	// mostOwn and mostCommon are the largest part of its time that a call is taken
	// to need: of what its app's calls took, and of what those of all apps took.
	mostOwn    = 0.75
	mostCommon = 0.5
)

// usual is how long half of the calls like this one take.
func (r *run) usual(c *call) time.Duration { return r.typical(c, r.lasted.P50) }

// startBy is the latest time at which a slot is of use to a call that has a
// deadline: a tenth of the calls like this one take less than what is left then.
func (r *run) startBy(c *call) time.Duration {
	if r.scenario.Service.Hopeful {
		return c.deadline
	}
	return max(c.deadline-r.typical(c, r.lasted.P10), c.arrived+1)
}

// typical is a quantile of what calls like this one take, within what it has.
func (r *run) typical(c *call, quantile func(app, op string) (time.Duration, bool)) time.Duration {
	left := float64(c.deadline - c.arrived)
	if own, ok := quantile(c.party.lane.app.limits.Name, operation); ok {
		return min(own, time.Duration(left*mostOwn))
	}
	common, _ := quantile(allApps, operation)
	return min(common, time.Duration(left*mostCommon))
}

// endWait ends the call's wait, however.
func (r *run) endWait(c *call) {
	c.waiting = false
	r.countWaiting(c, -c.width)
	c.party.group.waits = append(c.party.group.waits, r.Now()-c.arrived)
}

// drop ends the wait of a call that the service will not serve.
func (r *run) drop(c *call, why refusal) {
	r.endWait(c)
	r.giveBack(c)
	r.refuse(c, why)
}

// granted ends the wait of a call by a slot.
func (r *run) granted(c *call) {
	r.endWait(c)
	c.party.group.foretold(c.predicted, r.Now()-c.arrived)
	r.start(c)
}

// start lets the provider work on a call that holds its slots.
func (r *run) start(c *call) {
	r.countHeld(c, c.width)
	work := c.work
	if c.deadline > 0 {
		work = min(work, c.deadline-r.Now())
	}
	r.After(work, func() {
		r.countHeld(c, -c.width)
		r.schedule.release(c)
		if work < c.work {
			c.party.group.cut++
		} else {
			c.party.group.served++
			r.lasted.Add(c.party.lane.app.limits.Name, operation, work)
			r.lasted.Add(allApps, operation, work)
		}
		r.over(c)
	})
}

// roundTrip is the least time from an answer to the same client's next request.
const roundTrip = 100 * time.Millisecond

// refuse tells the caller, who comes back or not.
func (r *run) refuse(c *call, why refusal) {
	g, s := c.party.group, c.party.source
	g.refused[why.reason]++
	if c.tries > 0 {
		g.refusedAgain++
	}
	again := s.Retries == 0 || c.tries < s.Retries
	switch {
	case s.Retry == traffic.Obey && again:
		r.After(why.wait.Truncate(time.Millisecond)+time.Millisecond, func() { r.arrive(c.again()) })
	case s.Retry == traffic.Hammer && again:
		r.After(s.RetryEvery.Std(), func() { r.arrive(c.again()) })
	default:
		r.After(roundTrip, func() { r.over(c) })
	}
}

// again is the same work in another request.
func (c *call) again() *call {
	return &call{party: c.party, work: c.work, tokens: c.tokens, width: c.width, tries: c.tries + 1}
}
