// Package upstream sends a call to the providers that serve its model, and keeps
// it alive while some of them fail.
//
// One attempt is one function: enter the gate for the provider's pool, leave it
// by defer, and let the provider answer in between. So a slot is held exactly
// while a provider works, whatever way the attempt ends, and never while a call
// waits to try again.
//
// A call has a chain of groups to try, in order: who serves its model, then who
// stands by for it, then the fallbacks. Within a group it goes to the deployment
// (a provider by one of its keys) with the least to do. As long as nothing of an
// answer was emitted, a failure that may pass is tried again: within a budget,
// after a back-off, and then further down the chain. A deployment that fails
// most calls of a model is left alone by a breaker; one that asks for a pause
// gets it, and calls wait for its end here rather than be refused there.
//
// Start with Upstream.Answer in answer.go. What an error means for all of this is
// in verdict.go, what is known of a deployment in served.go, a second attempt
// beside a slow one in hedge.go, a call that only one deployment can answer in
// maker.go. Which provider serves which name is package
// catalog's.
package upstream

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/upstream/catalog"
	"github.com/fairleadhq/fairlead/internal/upstream/restraint"
)

// Provider is one upstream. Its name is also its pool's. The zero value of each of
// its policies turns that off.
type Provider struct {
	Name string
	// Patterns, Default and List say what it serves; see catalog.Provider.
	Patterns []string
	Default  string
	List     func(ctx context.Context) ([]string, error)
	// Model answers, where Deployments is empty.
	Model fairlead.Model
	// Deployments are the ways to it, such as several keys; calls are spread over
	// them. If they are Preparers, one prepares for all.
	Deployments []Deployment
	// Weight is its share of the calls for a model that others with a weight
	// serve too; 0 means that it stands by for those before it.
	Weight  int
	Retry   Retry
	Breaker Breaker
	Hedge   Hedge
	// Slots is how many slots its pool has, where that number is to be lowered
	// while the provider refuses calls as too many; 0 = it is left alone.
	Slots int
}

// Deployment is one way to a provider.
type Deployment struct {
	Model fairlead.Model
	// Weight is its share of the provider's calls; 0 means 1.
	Weight int
	// Mark is the Key by which it is called the Maker of an answer.
	Mark string
}

// Retry says how often a call is tried again at a provider.
type Retry struct {
	// MaxAttempts is the most attempts of one call, fallbacks aside; 0 means 1.
	MaxAttempts int
	// Budget is how many attempts beyond the first there may be for each request
	// of the last 10 s.
	Budget float64
}

// Breaker says when a deployment is left alone for a model.
type Breaker struct {
	// FailureRate is the part of its last calls that must have failed, of at
	// least MinCalls within 30 s; 0 = never.
	FailureRate float64
	MinCalls    int
	// OpenFor is for how long it is left alone at first.
	OpenFor time.Duration
}

// Hedge says when a call is sent to a second deployment beside a slow one.
type Hedge struct {
	// After is how long the first may be silent. UseP95 means the time in which
	// 95 % of the calls had their first byte instead, once there were a few.
	After  time.Duration
	UseP95 bool
	// Budget is the part of the calls that may be sent twice.
	Budget float64
}

// Pools changes how many slots a provider's pool has.
type Pools interface {
	Resize(pool string, slots int)
}

// Config says what there is to route to.
type Config struct {
	// Providers are in order of preference.
	Providers []Provider
	// DefaultModel, Aliases and Fallbacks are as in catalog.Config.
	DefaultModel string
	Aliases      map[string]string
	Fallbacks    map[string][]string
	Gate         fairlead.Gate
	Logger       *slog.Logger
	// Pools may be nil: then no pool is resized.
	Pools Pools
	// MaxParked is the most calls that wait for the end of a provider's pause;
	// 0 = no limit. They hold no slot and are in no other queue.
	MaxParked int
	// HeartbeatAfter is how long such a call waits before its caller is told that
	// it does; 0 = never.
	HeartbeatAfter time.Duration
}

// Listed is a model that a request may name.
type Listed = catalog.Listed

// Upstream is a fairlead.Model over all providers. It is safe for concurrent
// use.
type Upstream struct {
	*catalog.Catalog

	config    Config
	providers []*provider
	parked    atomic.Int64
	choosing  sync.Mutex // held while one of several providers is chosen
}

// provider is a Provider with what is known of it.
type provider struct {
	Provider

	deployments []*deployment
	preparer    fairlead.Preparer // the first deployment, for all; nil if it is none
	retries     *restraint.Budget
	hedges      *restraint.Budget
	limit       *restraint.Limit // nil if its pool is left alone
	// busy counts the calls that wait for a slot of its pool or hold one,
	// running the latter alone.
	busy, running atomic.Int64

	picking sync.Mutex // guards the choice of a deployment, and what follows
	served  map[string]*served
}

// Windows and floors of the budgets: with little traffic a share of it would be
// nothing at all.
const (
	retryWindow = 10 * time.Second
	retryFloor  = 2
	hedgeWindow = time.Minute
	hedgeFloor  = 1
)

// New returns an Upstream. Run keeps its lists of models fresh.
func New(config Config) *Upstream {
	u := &Upstream{config: config}
	names := catalog.Config{
		DefaultModel: config.DefaultModel, Aliases: config.Aliases, Fallbacks: config.Fallbacks, Logger: config.Logger,
	}
	for _, p := range config.Providers {
		u.providers = append(u.providers, newProvider(p))
		names.Providers = append(names.Providers, catalog.Provider{Name: p.Name, Patterns: p.Patterns, Default: p.Default, List: p.List})
	}
	u.Catalog = catalog.New(names)
	return u
}

func newProvider(config Provider) *provider {
	p := &provider{
		Provider: config, served: make(map[string]*served),
		retries: restraint.NewBudget(config.Retry.Budget, retryFloor, retryWindow),
		hedges:  restraint.NewBudget(config.Hedge.Budget, hedgeFloor, hedgeWindow),
	}
	if config.Slots > 0 {
		p.limit = restraint.NewLimit(config.Slots)
	}
	ways := config.Deployments
	if len(ways) == 0 {
		ways = []Deployment{{Model: config.Model}}
	}
	for i, way := range ways {
		p.deployments = append(p.deployments, &deployment{number: i + 1, model: way.Model, weight: max(way.Weight, 1), mark: way.Mark})
	}
	p.preparer, _ = p.deployments[0].model.(fairlead.Preparer)
	return p
}

func (u *Upstream) provider(name string) *provider {
	for _, p := range u.providers {
		if p.Name == name {
			return p
		}
	}
	return nil
}
