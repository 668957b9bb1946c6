package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// hopeMargin is by how much a predicted wait must outlast the time that there
// is to be called hopeless: by a quarter.
const hopeMargin = 1.25

// beatEvery is the longest time between two signs of life to a caller who waits.
const beatEvery = 10 * time.Second

// Enter implements fairlead.Gate.
func (c *Controller) Enter(ctx context.Context, call *fairlead.Call, pool string) (fairlead.Lease, error) {
	slots, ok := c.pools[pool]
	if !ok {
		return fairlead.Lease{}, &fairlead.Error{
			Kind: fairlead.Internal, Code: "unknown_pool", Message: "The service failed to handle the request",
			Err: fmt.Errorf("no pool is called %q", pool),
		}
	}
	p := c.party(call.App)
	at := place{party: p, flow: p.flow(call.Class), pool: slots}
	if err := ctx.Err(); err != nil {
		return fairlead.Lease{}, c.notGranted(ctx, err, at)
	}
	e := call.Estimate()
	ticket, w, err := c.queue.Enter(fairqueue.Request{
		Flow: at.flow, Pool: slots, Arrival: call.Arrived.Sub(c.start), Width: e.Width, Cost: e.Input + e.Output,
		StartBy: c.startBy(ctx, call), Done: ctx.Done(),
	})
	wait := fairlead.LeaseWait{}
	if w != nil {
		began := time.Now()
		wait.Predicted = w.Outlook().Wait
		ticket, err = c.wait(ctx, call, w)
		wait.Actual = time.Since(began)
	}
	if err != nil {
		call.NoteWait(wait.Actual, fairlead.NotGranted)
		return fairlead.Lease{}, c.notGranted(ctx, err, at)
	}
	call.NoteWait(wait.Actual, fairlead.Granted)
	c.noteInUse(max(e.Width, 1), p)
	slot, generation := ticket.Slot()
	return fairlead.NewLease(call, slot, generation, wait), nil
}

// startBy is the latest time, on the queue's clock, at which a slot is of use to
// the call: a tenth of the calls of its operation are answered in the time that
// is left then. 0 = any time is.
func (c *Controller) startBy(ctx context.Context, call *fairlead.Call) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return 0
	}
	model := anyModel
	if targets := call.Targets(); len(targets) > 0 {
		model = targets[0].Model
	}
	shortest, _ := c.service.P10(call.Operation.String(), model)
	return max(deadline.Sub(c.start)-shortest, 1)
}

// wait waits in the queue. Where the wait is known to outlast the time that
// there is, it ends at once.
func (c *Controller) wait(ctx context.Context, call *fairlead.Call, w *fairqueue.Waiter) (fairqueue.Ticket, error) {
	if c.shadow.has(LimitQueue) && c.config.MaxQueue > 0 && c.queue.Waiting() > c.config.MaxQueue {
		c.shadow.note(LimitQueue)
	}
	startBy := c.startBy(ctx, call)
	var late, beat <-chan time.Time
	if startBy > 0 {
		left := startBy - c.now()
		if o := w.Outlook(); o.Known && float64(o.Wait) > float64(left)/hopeMargin && !c.inShadow(LimitDeadline) {
			w.Cancel()
			return fairqueue.Ticket{}, fairqueue.ErrHopeless
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		late = timer.C
	}
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
			w.Cancel()
			return fairqueue.Ticket{}, fairqueue.ErrLate
		case <-beat:
			if err := heart.beat(); err != nil {
				w.Cancel()
				return fairqueue.Ticket{}, err
			}
		}
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
	if most := c.config.MaxQueuePerApp; most > 0 && c.shadow.has(LimitAppQueue) && p.tenant.Usage().Waiting > most {
		c.shadow.note(LimitAppQueue)
	}
}

// notGranted is what a call is told that got no slot.
func (c *Controller) notGranted(ctx context.Context, err error, at place) error {
	if typed, ok := errors.AsType[*fairlead.Error](err); ok {
		return typed
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, fairqueue.ErrLate):
		return c.busy("queue_timeout", "No slot came free within the operation's time", at)
	case errors.Is(err, context.Canceled):
		if cause, ok := errors.AsType[*fairlead.Error](context.Cause(ctx)); ok {
			return cause
		}
		return fairlead.NewCanceled(err)
	}
	return c.noPlace(err, at)
}
