package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/sim/measure"
	"github.com/fairleadhq/fairlead/internal/sim/report"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
	"github.com/fairleadhq/fairlead/internal/sim/virtual"
	"github.com/fairleadhq/fairlead/internal/window"
)

// run is one simulation under way.
type run struct {
	virtual.World
	scenario *Scenario
	schedule scheduler
	chance   *rand.Rand       // of what the service does
	lasted   estimate.Service // how long calls took
	tally

	apps    map[string]*app
	pools   []*pool
	lanes   []*lane
	groups  []*group
	parties []*party
	came    int // requests so far
}

// app is an app as the service knows it.
type app struct {
	limits   App
	guard    *window.Guard
	requests *window.Ring
	tokens   *window.Buckets
	held     int
	lanes    []*lane
	// back is when the one of its callers comes back that was told last.
	back time.Duration
	// passed are the times at which it was admitted to its window; voided those
	// that were given back.
	passed []time.Duration
	voided map[int]bool
}

// pool is a provider.
type pool struct {
	provider Provider
	number   int
	inUse    measure.Level
	full     measure.Level // 1 while every slot is in use
	waiting  int           // slots that are waited for
}

// lane is what waits and works for one app, class and provider.
type lane struct {
	number  int
	app     *app
	class   string
	weight  int
	pool    *pool
	held    measure.Level
	waiting int // slots that are waited for
	fairness
}

// party is one app as one entry of the traffic has it.
type party struct {
	source  *traffic.Source
	group   *group
	lane    *lane
	chance  *rand.Rand
	held    int
	waiting int
}

// call is a request of a caller. One that comes back is another call.
type call struct {
	party   *party
	arrived time.Duration
	// deadline is by when it must be over, and patience until when its client
	// stays; 0 = there is no such time.
	deadline, patience time.Duration
	work               time.Duration
	tokens             traffic.Tokens
	width              int
	tries              int // before this one
	request, tokenUse  window.Entry
	passed             int // its place in the app's passed
	predicted          time.Duration
	waiting            bool

	// What follows is the schedulers'.
	waiter    *fairqueue.Waiter
	ticket    fairqueue.Ticket
	estimated time.Duration
}

// maxRequests bounds a run: what has more would take hours.
const maxRequests = 20_000_000

// newRun prepares a run.
func newRun(s *Scenario) *run {
	r := &run{
		scenario: s, apps: make(map[string]*app),
		chance: rand.New(rand.NewPCG(s.Seed, 0)), //nolint:gosec // G404: chance that can be repeated
	}
	for i, p := range s.Service.Providers {
		r.pools = append(r.pools, &pool{provider: p, number: i})
	}
	if len(r.pools) == 0 {
		r.pools = []*pool{{provider: Provider{Name: LocalProvider}}}
	}
	for i := range s.Sources {
		r.addSource(&s.Sources[i])
	}
	r.addRecorded(s.Recorded)
	if s.Policy == Fair {
		r.schedule = newFair(r)
	} else {
		r.schedule = newContrast(r, s.Policy)
	}
	r.beginTally()
	return r
}

// addSource adds the apps of an entry of the traffic.
func (r *run) addSource(s *traffic.Source) {
	g := r.group(s.Name, s.Count)
	for i := range s.Count {
		name := s.Name
		if s.Count > 1 {
			name = fmt.Sprintf("%s-%d", s.Name, i+1)
		}
		p := r.party(s, g, name)
		r.begin(p)
	}
}

// addRecorded adds the apps of a log, in the order in which they first called.
func (r *run) addRecorded(calls []traffic.Recorded) {
	parties := make(map[[2]string]*party)
	ordered := make([]*party, len(calls))
	groups := make(map[string]*group)
	for i, c := range calls {
		key := [2]string{c.App, c.Provider}
		if parties[key] == nil {
			if groups[c.App] == nil {
				groups[c.App] = r.group(c.App, 1)
			}
			source := traffic.NewSource(c.App)
			source.Provider = c.Provider
			parties[key] = r.party(&source, groups[c.App], c.App)
		}
		ordered[i] = parties[key]
	}
	r.replay(calls, ordered)
}

// replay has the calls arrive when they did.
func (r *run) replay(calls []traffic.Recorded, parties []*party) {
	if len(calls) == 0 {
		return
	}
	r.At(calls[0].Arrived, func() {
		p := parties[0]
		r.arrive(r.callOf(p, calls[0].Work, calls[0].Tokens))
		r.replay(calls[1:], parties[1:])
	})
}

func (r *run) group(name string, apps int) *group {
	g := &group{name: name, apps: apps}
	r.groups = append(r.groups, g)
	return g
}

// party makes the party of an app called name.
func (r *run) party(s *traffic.Source, g *group, name string) *party {
	a := r.apps[name]
	if a == nil {
		service := &r.scenario.Service
		limits := service.LimitsOf(name, s.Name)
		a = &app{
			limits: limits, guard: window.NewGuard(service.BurstPerSecond, time.Second, service.BurstBlock),
			requests: window.New(limits.RequestsPerMinute, time.Minute),
			tokens:   window.NewBuckets(limits.TokensPerMinute, time.Minute),
			voided:   make(map[int]bool),
		}
		r.apps[name] = a
	}
	class := s.Class
	if a.limits.Class == Batch {
		class = Batch
	}
	p := &party{
		source: s, group: g, lane: r.lane(a, class, r.poolOf(s.Provider)),
		chance: rand.New(rand.NewPCG(r.scenario.Seed, uint64(len(r.parties)+1))), //nolint:gosec // G404: chance that can be repeated
	}
	r.parties = append(r.parties, p)
	return p
}

// poolOf returns the provider's pool, the first if none is named. A provider
// that is not configured any more is given one without limits.
func (r *run) poolOf(name string) *pool {
	for _, p := range r.pools {
		if name == "" || p.provider.Name == name {
			return p
		}
	}
	p := &pool{provider: Provider{Name: name}, number: len(r.pools)}
	r.pools = append(r.pools, p)
	return p
}

func (r *run) lane(a *app, class string, p *pool) *lane {
	for _, l := range a.lanes {
		if l.class == class && l.pool == p {
			return l
		}
	}
	l := &lane{number: len(r.lanes), app: a, class: class, weight: a.limits.weight(class), pool: p}
	a.lanes = append(a.lanes, l)
	r.lanes = append(r.lanes, l)
	return l
}

// Run simulates a scenario. It blocks until that is done, or ctx ends.
func Run(ctx context.Context, s Scenario) (*report.Report, error) {
	r := newRun(&s)
	if err := r.Run(ctx, s.Duration); err != nil {
		return nil, err
	}
	if r.came > maxRequests {
		return nil, fmt.Errorf("simulate: the traffic is more than %d requests; choose a shorter duration", maxRequests)
	}
	return r.report(), nil
}
