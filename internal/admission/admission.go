// Package admission decides who may start work now, who waits and who is
// refused.
//
// A call passes its gates in the order of their cost, before its body is read:
// the block that an earlier burst brought, the burst guard, the shed of a full
// queue, the app's request window. Then each attempt upstream enters through
// Gate: it waits in the fair queue for a slot of the service and one of its
// provider, and holds both only while upstream works. A refused call costs its
// app nothing.
//
// Start with Controller. The order of waiting is package fairqueue's, the exact
// windows are a fairlead.Quota's.
package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/window"
)

// Config says what the limits are. 0 turns a limit off.
type Config struct {
	Slots          int
	MaxQueue       int
	MaxQueuePerApp int
	// Pools are the slots of each provider by name.
	Pools    map[string]int
	Burst    Burst
	Timeouts map[fairlead.Operation]time.Duration
}

// Burst blocks an app that has more than PerSecond arrivals within a second.
type Burst struct {
	PerSecond int
	Block     time.Duration
}

// Controller decides. It is safe for concurrent use and implements
// fairlead.Gate and fairlead.Lessor.
type Controller struct {
	config Config
	quota  fairlead.Quota
	queue  *fairqueue.Queue
	pools  map[string]*fairqueue.Pool
	start  time.Time

	mu   sync.RWMutex
	apps map[fairlead.AppID]*party
}

// party is what the controller keeps of an app.
type party struct {
	flow  *fairqueue.Flow
	guard *window.Guard
}

// New returns a controller that counts its windows in quota.
func New(config Config, quota fairlead.Quota) *Controller {
	c := &Controller{
		config: config,
		quota:  quota,
		queue:  fairqueue.New(config.Slots, config.MaxQueue),
		pools:  make(map[string]*fairqueue.Pool, len(config.Pools)),
		start:  time.Now(),
		apps:   make(map[fairlead.AppID]*party),
	}
	for name, slots := range config.Pools {
		c.pools[name] = c.queue.Pool(slots)
	}
	return c
}

// Timeout is the most time that an operation may take.
func (c *Controller) Timeout(op fairlead.Operation) time.Duration { return c.config.Timeouts[op] }

// Pass is what a call got at the entry gates, to be given back if it never
// gets a slot.
type Pass struct {
	window fairlead.Window
	entry  uint64
}

// Arrive counts a request of app in the burst guard. It returns an error of
// Kind Limited while the app is blocked.
func (c *Controller) Arrive(app *fairlead.App) error {
	left := c.party(app.ID).guard.Arrive(time.Since(c.start))
	if left <= 0 {
		return nil
	}
	return c.blocked(left)
}

// Admit takes the call through the entry gates: block, burst guard, shed,
// request window. It does not wait. Errors are of Kind Limited where the app
// is over a limit of its own and Busy where the queue is full; then nothing was
// charged.
func (c *Controller) Admit(ctx context.Context, call *fairlead.Call) (Pass, error) {
	p := c.party(call.App.ID)
	if left := p.guard.Arrive(time.Since(c.start)); left > 0 {
		c.NoteWindow(ctx, call)
		return Pass{}, c.blocked(left)
	}
	if err := c.queue.Full(p.flow, nil); err != nil {
		c.NoteWindow(ctx, call)
		return Pass{}, c.full(err, p.flow, nil)
	}
	w := requestWindow(call.App)
	take, err := c.quota.Take(ctx, w)
	if err != nil {
		return Pass{}, fmt.Errorf("count the request: %w", err)
	}
	call.SetWindow(take.State)
	if !take.OK {
		return Pass{}, &fairlead.Error{
			Kind: fairlead.Limited, Code: "rate_limit_requests", Message: "Rate limit exceeded",
			Detail: fmt.Sprintf("Rate limit: %d requests per minute", w.Limit), RetryAfter: take.Wait,
		}
	}
	return Pass{window: w, entry: take.Entry}, nil
}

// NoteWindow tells a call how its app's window stands now, where its own
// admission does not: it was refused before its window, or gave its entry back.
func (c *Controller) NoteWindow(ctx context.Context, call *fairlead.Call) {
	if state, err := c.quota.Look(ctx, requestWindow(call.App)); err == nil {
		call.SetWindow(state)
	}
}

// Undo gives back what Admit charged.
func (c *Controller) Undo(ctx context.Context, p Pass) error {
	if p.window.Limit <= 0 {
		return nil
	}
	return c.quota.Undo(ctx, p.window, p.entry)
}

// Enter implements fairlead.Gate.
func (c *Controller) Enter(ctx context.Context, call *fairlead.Call, pool string) (fairlead.Lease, error) {
	slots, ok := c.pools[pool]
	if !ok {
		return fairlead.Lease{}, &fairlead.Error{
			Kind: fairlead.Internal, Code: "unknown_pool", Message: "The service failed to handle the request",
			Err: fmt.Errorf("no pool is called %q", pool),
		}
	}
	flow := c.party(call.App.ID).flow
	began := time.Now()
	ticket, err := c.queue.Acquire(ctx, flow, slots, call.Arrived)
	waited := time.Since(began)
	if err != nil {
		call.NoteWait(waited, fairlead.NotGranted)
		return fairlead.Lease{}, c.notGranted(ctx, err, flow, slots)
	}
	call.NoteWait(waited, fairlead.Granted)
	return fairlead.NewLease(c, uint64(ticket), waited), nil
}

// Release implements fairlead.Lessor.
func (c *Controller) Release(ticket uint64) { c.queue.Release(fairqueue.Ticket(ticket)) }

// BusyWait is how long a caller whose work the service has no room for should
// stay away: about as long as a newcomer would wait for a slot.
func (c *Controller) BusyWait() time.Duration {
	return atLeastSecond(c.queue.Estimate(c.queue.Flow(0), nil))
}

func (c *Controller) notGranted(ctx context.Context, err error, flow *fairqueue.Flow, pool *fairqueue.Pool) error {
	switch {
	case errors.Is(err, fairqueue.ErrFull), errors.Is(err, fairqueue.ErrFlowFull):
		return c.full(err, flow, pool)
	case errors.Is(err, context.DeadlineExceeded):
		return c.busy("queue_timeout", "No slot came free within the operation's time", flow, pool)
	}
	if cause, ok := errors.AsType[*fairlead.Error](context.Cause(ctx)); ok {
		return cause
	}
	return fairlead.NewCanceled(err)
}

func (c *Controller) full(err error, flow *fairqueue.Flow, pool *fairqueue.Pool) error {
	if errors.Is(err, fairqueue.ErrFlowFull) {
		return c.busy("queue_full_app", fmt.Sprintf("%d requests of this app are waiting already", c.config.MaxQueuePerApp), flow, pool)
	}
	return c.busy("queue_full", fmt.Sprintf("%d requests are waiting already", c.config.MaxQueue), flow, pool)
}

func (c *Controller) busy(code, detail string, flow *fairqueue.Flow, pool *fairqueue.Pool) *fairlead.Error {
	return fairlead.NewBusy(code, detail, atLeastSecond(c.queue.Estimate(flow, pool)))
}

func (c *Controller) blocked(left time.Duration) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Limited, Code: "blocked_burst", Message: "Rate limit exceeded",
		Detail:     fmt.Sprintf("Blocked for bursting: more than %d requests within one second", c.config.Burst.PerSecond),
		RetryAfter: left, NoRetry: true,
	}
}

func atLeastSecond(d time.Duration) time.Duration { return max(d, time.Second) }

func requestWindow(app *fairlead.App) fairlead.Window {
	return fairlead.Window{App: app.ID, Name: "requests", Limit: app.RateLimitPerMinute, Per: time.Minute}
}

// party returns what is kept of an app, made on first use. Only apps that
// authenticated come here, so there are few.
func (c *Controller) party(id fairlead.AppID) *party {
	c.mu.RLock()
	p := c.apps[id]
	c.mu.RUnlock()
	if p != nil {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.apps[id]; p != nil {
		return p
	}
	p = &party{
		flow:  c.queue.Flow(c.config.MaxQueuePerApp),
		guard: window.NewGuard(c.config.Burst.PerSecond, time.Second, c.config.Burst.Block),
	}
	c.apps[id] = p
	return p
}
