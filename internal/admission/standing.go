package admission

import (
	"context"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// Standing is how one app stands with its limits.
type Standing struct {
	Requests fairlead.WindowState
	// InUse and Waiting count calls that hold a slot and that wait for one.
	InUse, Waiting int
	// NextWait is about how long a call would wait for a slot if it came now.
	NextWait time.Duration
	// BlockedFor is what is left of a block; 0 if there is none.
	BlockedFor time.Duration
}

// Standing tells how app stands, charging nothing.
func (c *Controller) Standing(ctx context.Context, app *fairlead.App) (Standing, error) {
	state, err := c.quota.Look(ctx, requestWindow(app))
	if err != nil {
		return Standing{}, err
	}
	p := c.party(app.ID)
	usage := p.flow.Usage()
	s := Standing{
		Requests: state, InUse: usage.InUse, Waiting: usage.Waiting,
		BlockedFor: p.guard.Blocked(time.Since(c.start)),
	}
	if c.queue.Full(p.flow, nil) != nil || c.queue.Snapshot().Waiting > 0 {
		s.NextWait = c.queue.Estimate(p.flow, nil)
	}
	return s, nil
}

// Slots tells how the service's slots stand.
func (c *Controller) Slots() fairqueue.Snapshot { return c.queue.Snapshot() }

// Pools tells how each provider's slots stand.
func (c *Controller) Pools() map[string]fairqueue.Usage {
	all := make(map[string]fairqueue.Usage, len(c.pools))
	for name, p := range c.pools {
		all[name] = p.Usage()
	}
	return all
}

// Apps tells what each app that has called holds and waits for.
func (c *Controller) Apps() map[fairlead.AppID]fairqueue.Usage {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make(map[fairlead.AppID]fairqueue.Usage, len(c.apps))
	for id, p := range c.apps {
		all[id] = p.flow.Usage()
	}
	return all
}
