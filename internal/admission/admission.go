// Package admission decides who may start work now, who waits and who is
// refused.
//
// A call passes its gates in the order of their cost. Before its body is read:
// the block that an earlier burst brought, the burst guard, the shed of a full
// queue or of a hopeless wait, the app's request window. Once its body is known:
// the app's token window, by an estimate that is corrected at the end. Then each
// attempt upstream enters through Gate: it waits in the fair queue for slots of
// the service and of its provider, within the app's cap and the provider's
// rates, and holds them only while upstream works. A refused call costs its app
// nothing.
//
// Any limit can be in shadow: then it decides and counts, but refuses nobody.
//
// Start with Controller. The order of waiting is package fairqueue's, the exact
// windows are a fairlead.Quota's, what a call will cost is package estimate's.
package admission

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/quota/charge"
	"github.com/fairleadhq/fairlead/internal/window"
)

// Config says what the limits are. 0 turns a limit off.
type Config struct {
	Slots          int
	MaxQueue       int
	MaxQueuePerApp int
	// Headroom is how many slots are kept for apps that hold none.
	Headroom int
	// TokensPerSlot is how many tokens of a prompt one slot is for; 0 means that
	// every call takes one slot.
	TokensPerSlot int
	// HeartbeatAfter is how long a call stands in the queue before its caller is
	// told that it does; 0 = never.
	HeartbeatAfter time.Duration
	// Pools are what each provider bears, by name.
	Pools    map[string]Pool
	Burst    Burst
	Timeouts map[fairlead.Operation]time.Duration
	Tokens   estimate.Mode
	// Clock is what calls arrive by; nil = the machine's. Timers and the deadlines of
	// contexts go by the machine's.
	Clock func() time.Time
	// Shadow are the limits that decide and count, but refuse nobody.
	Shadow []Limit
}

// pool is a provider's slots, and how many there are; 0 = no limit.
type pool struct {
	*fairqueue.Pool

	slots int
}

// Pool is what a provider bears. 0 means no limit.
type Pool struct {
	Slots             int
	RequestsPerMinute int
	TokensPerMinute   int
}

// Burst blocks an app that has more than PerSecond arrivals within a second.
type Burst struct {
	PerSecond int
	Block     time.Duration
}

// Weights of the classes, beside each other and between apps.
const (
	interactiveWeight = 8
	batchWeight       = 1
)

// backfill is for how long calls that take one slot may go before one that takes
// several.
const backfill = 2 * time.Second

// Controller decides. It is safe for concurrent use and implements
// fairlead.Gate.
type Controller struct {
	config   Config
	shadow   shadows
	quota    fairlead.Quota
	queue    *fairqueue.Queue
	pools    map[string]pool
	several  bool // there is more than one provider
	start    time.Time
	clock    func() time.Time
	tokens   *estimate.Tokens
	service  *estimate.Service
	stranger *fairqueue.Flow // stands for one who has not called yet

	inUse     atomic.Int64
	mostInUse atomic.Int64

	apps parties
	jain jain
}

// parties is what is kept of each app that has called.
type parties struct {
	mu sync.Mutex // to be held by whoever adds one
	// byID and byApp are read without it: they are never changed, but replaced. byApp
	// has each app as it was when it first called: an address is found faster than a
	// name.
	byID  atomic.Pointer[map[fairlead.AppID]*party]
	byApp atomic.Pointer[map[*fairlead.App]*party]
}

func (p *parties) all() map[fairlead.AppID]*party { return *p.byID.Load() }

func (p *parties) add(id fairlead.AppID, added *party) {
	grown := maps.Clone(p.all())
	grown[id] = added
	p.byID.Store(&grown)
	apps := maps.Clone(*p.byApp.Load())
	apps[added.app] = added
	p.byApp.Store(&apps)
}

// party is what the controller keeps of an app. What every call needs of it is kept
// by value, in the order in which it is needed: with a thousand apps, fetching it is
// much of the cost.
type party struct {
	// limits are those of app that every call asks for.
	limits  limits
	flows   [2]*fairqueue.Flow // by class
	returns returns
	// caller is what its latest calls cost; nil before the first.
	caller  atomic.Pointer[estimate.Caller]
	served  atomic.Uint64 // calls that had a slot; no more than learnFirst need be counted
	guard   window.Guard
	app     *fairlead.App // as it was when it first called
	refused refusals
	// requests and tokens are its windows.
	requests charge.Window
	tokens   charge.Tokens
	tenant   *fairqueue.Tenant
}

// limits are an app's limits of requests and of tokens per minute.
type limits struct{ requests, tokens int }

// New returns a controller that counts its windows in quota.
func New(config Config, quota fairlead.Quota) *Controller {
	c := &Controller{
		config: config, quota: quota, clock: config.Clock, shadow: newShadows(config.Shadow),
		tokens: estimate.NewTokens(config.Tokens), service: &estimate.Service{},
		pools: make(map[string]pool, len(config.Pools)),
	}
	if c.clock == nil {
		// Reading the monotonic clock alone is half as dear as time.Now.
		start := time.Now()
		c.clock = func() time.Time { return start.Add(time.Since(start)) }
	}
	c.start = c.clock()
	c.apps.byID.Store(&map[fairlead.AppID]*party{})
	c.apps.byApp.Store(&map[*fairlead.App]*party{})
	c.queue = fairqueue.New(fairqueue.Config{
		Slots: c.shadow.limit(LimitSlots, config.Slots), MaxWaiting: c.shadow.limit(LimitQueue, config.MaxQueue),
		Headroom: config.Headroom, Backfill: backfill,
		Clock:    fairqueue.Clock{Now: c.now, AfterFunc: func(d time.Duration, f func()) { time.AfterFunc(d, f) }},
		Released: func(width int) { c.inUse.Add(-int64(width)) },
	})
	providers := 0
	for name, p := range config.Pools {
		if name != fairlead.LocalPool {
			providers++
		}
		c.pools[name] = pool{c.queue.Pool(c.poolConfig(p)), p.Slots}
	}
	c.several = providers > 1
	c.stranger = c.queue.Tenant(fairqueue.TenantConfig{}).Flow(interactiveWeight)
	return c
}

// now is the time that windows and queue run by.
func (c *Controller) now() time.Duration { return c.clock().Sub(c.start) }

// Timeout is the most time that an operation may take.
func (c *Controller) Timeout(op fairlead.Operation) time.Duration { return c.config.Timeouts[op] }

// Run does what has to be done now and then, until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	ticker := time.NewTicker(jainEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			c.jain.sample(c.now(), c.shares())
		}
	}
}

// party returns what is kept of an app, made on first use. Only apps that
// authenticated come here, so there are few.
func (c *Controller) party(app *fairlead.App) *party {
	if p := (*c.apps.byApp.Load())[app]; p != nil {
		return p
	}
	if p := c.apps.all()[app.ID]; p != nil {
		return p
	}
	c.apps.mu.Lock()
	defer c.apps.mu.Unlock()
	if p := c.apps.all()[app.ID]; p != nil {
		return p
	}
	p := c.newParty(app)
	c.apps.add(app.ID, p)
	return p
}

func (c *Controller) newParty(app *fairlead.App) *party {
	t := c.queue.Tenant(fairqueue.TenantConfig{
		Min: app.MinConcurrent, Max: c.shadow.limit(LimitAppSlots, app.MaxConcurrent),
		MaxWaiting: c.shadow.limit(LimitAppQueue, c.config.MaxQueuePerApp),
	})
	weight := max(app.Weight, 1)
	p := &party{
		app: app, limits: limits{app.RateLimitPerMinute, app.TokensPerMinute}, tenant: t, requests: charge.Of(c.quota.Open(requestWindow(app))),
	}
	p.guard.Init(c.config.Burst.PerSecond, time.Second, c.config.Burst.Block)
	p.tokens.Init(c.quota.Open(tokenWindow(app)), c.config.Tokens)
	p.flows[fairlead.Interactive] = t.Flow(weight * interactiveWeight)
	p.flows[fairlead.Batch] = t.Flow(weight * batchWeight)
	return p
}

// partyOf returns what is kept of the call's app, and keeps it with the call.
func (c *Controller) partyOf(call *fairlead.Call) *party {
	if p, ok := call.Party.(*party); ok {
		return p
	}
	return c.findParty(call)
}

func (c *Controller) findParty(call *fairlead.Call) *party {
	p := c.party(call.App)
	call.Party = p
	return p
}

// flow is the flow of a call.
func (p *party) flow(class fairlead.Class) *fairqueue.Flow {
	if class == fairlead.Batch {
		return p.flows[fairlead.Batch]
	}
	return p.flows[fairlead.Interactive]
}

// Lift ends the block of an app. It reports whether there was one.
func (c *Controller) Lift(id fairlead.AppID) bool {
	p := c.apps.all()[id]
	if p == nil || p.guard.Blocked(c.now()) <= 0 {
		return false
	}
	p.guard.Lift()
	return true
}
