package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// hopeMargin is how much longer than predicted a wait is taken to be, before it
// is called hopeless: a quarter.
const hopeMargin = 1.25

// beatEvery is the longest time between two signs of life to a caller who waits.
const beatEvery = 10 * time.Second

// Enter implements fairlead.Gate.
func (c *Controller) Enter(ctx context.Context, call *fairlead.Call, name string) (fairlead.Lease, error) {
	pool, ok := c.pools[name]
	if !ok {
		return fairlead.Lease{}, &fairlead.Error{
			Kind: fairlead.Internal, Code: "unknown_pool", Message: "The service failed to handle the request",
			Err: fmt.Errorf("no pool is called %q", name),
		}
	}
	p := c.partyOf(call)
	at := place{party: p, flow: p.flow(call.Class), pool: pool.Pool}
	if err := ctx.Err(); err != nil {
		return fairlead.Lease{}, c.notGranted(ctx, err, at)
	}
	e := call.Estimate()
	width := c.fit(e.Width, p.app, pool.slots)
	ticket, w, err := c.queue.EnterFor(&fairqueue.Request{
		Flow: at.flow, Pool: pool.Pool, Arrival: call.Arrived.Sub(c.start), Width: width, Cost: e.Input + e.Output, MostCost: e.Most,
		StartBy: c.enforced(c.startBy(ctx, call)),
	})
	wait := fairlead.LeaseWait{}
	if w != nil {
		w.Until(ctx.Done())
		c.noteWaiting(p)
		began := time.Now()
		if o := w.Outlook(); o.Known {
			wait.Predicted = o.Wait
		}
		ticket, err = c.wait(ctx, call, w)
		wait.Actual = time.Since(began)
	}
	if err != nil {
		call.NoteWait(wait.Actual, fairlead.NotGranted)
		return fairlead.Lease{}, c.notGranted(ctx, err, at)
	}
	call.NoteWait(wait.Actual, fairlead.Granted)
	tellEntered(call)
	c.noteInUse(ticket.Width(), p)
	if pool.slots > 0 && c.shadow.has(LimitProviderSlots) && pool.Usage().InUse > pool.slots {
		c.shadow.note(LimitProviderSlots)
	}
	slot, generation := ticket.Slot()
	return fairlead.NewLease(call, slot, generation, wait), nil
}

// fit is how many slots a call of that width takes: no more than there are, nor
// than its provider has or its app may hold.
func (c *Controller) fit(width int, app *fairlead.App, provider int) int {
	if width <= 1 {
		return 1
	}
	slots, own := c.shadow.limit(LimitSlots, c.config.Slots), c.shadow.limit(LimitAppSlots, app.MaxConcurrent)
	for _, most := range [...]int{slots, own, provider} {
		if most > 0 {
			width = min(width, most)
		}
	}
	return width
}

// startBy is the latest time, on the queue's clock, at which a slot is of use to
// the call: a tenth of the calls of its operation are answered in the time that
// is left then. 0 = any time is.
func (c *Controller) startBy(ctx context.Context, call *fairlead.Call) time.Duration {
	if !c.queue.Contended() {
		return 0
	}
	end := deadline(ctx, call)
	if after := c.config.HeartbeatAfter; call.Waiting != nil && after > 0 && after < call.Patience {
		end, _ = ctx.Deadline() // by then its stream has begun, which was all that its client waited for
	}
	if end.IsZero() {
		return 0
	}
	if call.Estimate().Stream { // it may begin at once
		return max(end.Sub(c.start), 1)
	}
	return max(end.Sub(c.start)-c.shortest(call, end.Sub(call.Arrived)), 1)
}

// enforced is a limit of the call's time, unless such limits are in shadow.
func (c *Controller) enforced(startBy time.Duration) time.Duration {
	if c.shadow.has(LimitDeadline) {
		return 0
	}
	return startBy
}

// isHopeless reports whether a wait is known to outlast the time that is left.
// What a provider's rates say is exact; what grants say has a margin.
func isHopeless(o fairqueue.Outlook, left time.Duration) bool {
	return o.Opens > left || o.Known && float64(o.Wait) > float64(left)/hopeMargin
}

// wait waits in the queue. Where the wait is known to outlast the time that
// there is, it ends at once.
func (c *Controller) wait(ctx context.Context, call *fairlead.Call, w *fairqueue.Waiter) (fairqueue.Ticket, error) {
	startBy := c.startBy(ctx, call)
	var late, beat <-chan time.Time
	if startBy > 0 {
		left := startBy - c.now()
		hopeless := isHopeless(w.Outlook(), left)
		if hopeless && !c.inShadow(LimitDeadline) {
			w.Cancel()
			return fairqueue.Ticket{}, fairqueue.ErrHopeless
		}
		if !hopeless { // or it is counted already, in shadow
			timer := time.NewTimer(left)
			defer timer.Stop()
			late = timer.C
		}
	}
	tellEntered(call)
	heart := newHeart(call, c.config.HeartbeatAfter)
	defer heart.stop()
	beat = heart.beats()
	for {
		select {
		case <-w.Ready():
			return w.Result()
		case <-ctx.Done():
			w.Cancel()
			return fairqueue.Ticket{}, ctx.Err()
		case <-late:
			if c.inShadow(LimitDeadline) {
				continue // until the call's time is over indeed
			}
			w.Cancel()
			return fairqueue.Ticket{}, fairqueue.ErrLate
		case <-beat:
			if err := heart.beat(); err != nil {
				w.Cancel()
				return fairqueue.Ticket{}, gone(err)
			}
		}
	}
}

// tellEntered tells the call's face that it was not refused.
func tellEntered(call *fairlead.Call) {
	if call.Entered != nil {
		call.Entered()
	}
}

// heart tells a caller who waits that the call is alive.
type heart struct {
	call  *fairlead.Call
	every time.Duration
	timer *time.Timer
}

func newHeart(call *fairlead.Call, after time.Duration) *heart {
	h := &heart{call: call, every: min(max(after, 1), beatEvery)}
	if call.Waiting != nil && after > 0 {
		h.timer = time.NewTimer(max(time.Until(call.Arrived.Add(after)), 0))
	}
	return h
}

func (h *heart) beats() <-chan time.Time {
	if h.timer == nil {
		return nil
	}
	return h.timer.C
}

func (h *heart) beat() error {
	h.timer.Reset(h.every)
	return h.call.Waiting()
}

func (h *heart) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// noteInUse counts slots that were just granted, and what limits in shadow would
// have said.
func (c *Controller) noteInUse(width int, p *party) {
	inUse := c.inUse.Add(int64(width))
	for most := c.mostInUse.Load(); inUse > most && !c.mostInUse.CompareAndSwap(most, inUse); {
		most = c.mostInUse.Load()
	}
	if len(c.shadow.limits) == 0 {
		return
	}
	if c.config.Slots > 0 && inUse > int64(c.config.Slots) {
		c.shadow.note(LimitSlots)
	}
	if most := p.app.MaxConcurrent; most > 0 && c.shadow.has(LimitAppSlots) && p.tenant.Usage().InUse > most {
		c.shadow.note(LimitAppSlots)
	}
}

// noteWaiting counts what limits in shadow would have said to a call that just
// began to wait.
func (c *Controller) noteWaiting(p *party) {
	if most := c.config.MaxQueue; most > 0 && c.shadow.has(LimitQueue) && c.queue.Waiting() > most {
		c.shadow.note(LimitQueue)
	}
	if most := c.config.MaxQueuePerApp; most > 0 && c.shadow.has(LimitAppQueue) && p.tenant.Usage().Waiting > most {
		c.shadow.note(LimitAppQueue)
	}
}

// gone is what a call is told whose caller could not be reached.
func gone(err error) *fairlead.Error {
	if typed, ok := errors.AsType[*fairlead.Error](err); ok {
		return typed
	}
	return fairlead.NewCanceled(err)
}

// What a call is told whose time is over while it waits.
const (
	codeDeadline  = "deadline_exceeded"
	codeTimeout   = "queue_timeout"
	detailTimeout = "No slot came free within the request's time"
)

// notGranted is what a call is told that got no slot.
func (c *Controller) notGranted(ctx context.Context, err error, at place) error {
	if typed, ok := errors.AsType[*fairlead.Error](err); ok {
		return typed
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // the queue may have seen it first
		cause, ok := errors.AsType[*fairlead.Error](context.Cause(ctx))
		switch {
		case ok && cause.Code == codeDeadline: // its client's time is over, in the queue
			return c.busy(codeTimeout, detailTimeout, at)
		case ok:
			return cause
		}
		return fairlead.NewCanceled(ctx.Err())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, fairqueue.ErrLate):
		return c.busy(codeTimeout, detailTimeout, at)
	}
	return c.noPlace(err, at)
}
