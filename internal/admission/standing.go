package admission

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// Standing is how one app stands with its limits.
type Standing struct {
	Requests, Tokens fairlead.WindowState
	// InUse and Waiting count slots that the app holds and calls that wait for
	// one; Classes has the same for each class.
	InUse, Waiting int
	Classes        map[fairlead.Class]fairqueue.Usage
	// NextWait is about how long a call would wait for a slot if it came now.
	NextWait time.Duration
	// BlockedFor is what is left of a block; 0 if there is none.
	BlockedFor time.Duration
	// Refused is why calls were refused since the start, the commonest first.
	Refused []Refusal
}

// Standing tells how app stands, charging nothing.
func (c *Controller) Standing(ctx context.Context, app *fairlead.App) (Standing, error) {
	p, now := c.party(app), time.Now()
	requests, err := p.requests.Look(ctx, now)
	if err != nil {
		return Standing{}, err
	}
	tokens, err := p.tokens.Look(ctx, now)
	if err != nil {
		return Standing{}, err
	}
	usage := p.tenant.Usage()
	return Standing{
		Requests: requests, Tokens: tokens, InUse: usage.InUse, Waiting: usage.Waiting, Classes: p.classes(),
		NextWait:   c.queue.Predict(p.flow(app.Class), nil).Wait,
		BlockedFor: p.guard.Blocked(c.now()), Refused: p.refused.all(),
	}, nil
}

func (p *party) classes() map[fairlead.Class]fairqueue.Usage {
	return map[fairlead.Class]fairqueue.Usage{
		fairlead.Interactive: p.flows[fairlead.Interactive].Usage(), fairlead.Batch: p.flows[fairlead.Batch].Usage(),
	}
}

func (r *refusals) all() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Refusal
	for _, one := range r.codes {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	return all
}

// Slots is how the service's slots stand.
type Slots struct {
	fairqueue.Usage
	MostInUse      int
	DoubleReleases uint64
}

// Slots tells how the service's slots stand.
func (c *Controller) Slots() Slots {
	usage := c.queue.Snapshot()
	usage.Slots = c.config.Slots
	return Slots{Usage: usage, MostInUse: int(c.mostInUse.Load()), DoubleReleases: c.queue.DoubleReleases()}
}

// Pools tells how each provider's slots stand.
func (c *Controller) Pools() map[string]fairqueue.Usage {
	all := make(map[string]fairqueue.Usage, len(c.pools))
	for name, p := range c.pools {
		all[name] = p.Usage()
	}
	return all
}

// AppUse is what an app that has called holds and waits for.
type AppUse struct {
	App *fairlead.App
	// Classes has the slots held and the calls waiting, by class.
	Classes map[fairlead.Class]fairqueue.Usage
	// Requests and Tokens are how its windows stand.
	Requests, Tokens fairlead.WindowState
}

// Apps tells what each app that has called holds and waits for, sorted by name.
func (c *Controller) Apps(ctx context.Context) []AppUse {
	var all []AppUse
	now := time.Now()
	for _, p := range c.parties() {
		use := AppUse{App: p.app, Classes: p.classes()}
		use.Requests, _ = p.requests.Look(ctx, now) // a gauge that can't be read is 0
		use.Tokens, _ = p.tokens.Look(ctx, now)
		all = append(all, use)
	}
	return all
}

// parties lists what is kept of each app, sorted by name.
func (c *Controller) parties() []*party {
	byID := c.apps.all()
	all := make([]*party, 0, len(byID))
	for _, p := range byID {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *party) int { return cmp.Compare(a.app.ID, b.app.ID) })
	return all
}
