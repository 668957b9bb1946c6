package admission

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
)

// TestLimitsInShadow runs, for each limit, into it: without shadow somebody is
// refused or waits, in shadow nobody, and it is counted as often.
func TestLimitsInShadow(t *testing.T) {
	for _, c := range []struct {
		limit  Limit
		config Config
		app    fairlead.App
		try    func(b *bed, app *fairlead.App) int // how many were refused, or had to wait
		counts int64
	}{
		{LimitRequests, Config{}, fairlead.App{RateLimitPerMinute: 2}, enterGates(request(0, 1)), 3},
		{LimitTokens, Config{}, fairlead.App{TokensPerMinute: 2}, enterGates(request(0, 1)), 3},
		{LimitTokens, Config{Tokens: estimate.Hard}, fairlead.App{TokensPerMinute: 2}, enterGates(request(0, 3)), 5},
		{LimitBurst, Config{Burst: Burst{PerSecond: 2, Block: time.Minute}}, fairlead.App{}, enterGates(request(0, 1)), 3},
		{LimitBurst, Config{Burst: Burst{PerSecond: 2, Block: time.Minute}}, fairlead.App{}, lookAround, 3},
		{LimitSlots, Config{Slots: 2}, fairlead.App{}, enterAtOnce, 3},
		{LimitAppSlots, Config{}, fairlead.App{MaxConcurrent: 2}, enterAtOnce, 3},
		{LimitQueue, Config{Slots: 1, MaxQueue: 2}, fairlead.App{}, queueUp, 2},
		{LimitAppQueue, Config{Slots: 1, MaxQueuePerApp: 2}, fairlead.App{}, queueUp, 2},
		{LimitDeadline, Config{Slots: 4}, fairlead.App{}, arriveTooLate, 2},
		{LimitProviderSlots, Config{Pools: map[string]Pool{"p": {Slots: 2}}}, fairlead.App{}, enterAtOnce, 3},
		{LimitProviderRequests, Config{Pools: map[string]Pool{"p": {RequestsPerMinute: 2}}}, fairlead.App{}, enterAtOnce, 3},
		{LimitProviderTokens, Config{Pools: map[string]Pool{"p": {TokensPerMinute: 2}}}, fairlead.App{}, enterAtOnce, 3},
	} {
		t.Run(string(c.limit), func(t *testing.T) {
			app := c.app
			app.ID = "a"
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, c.config)
				if refused := c.try(b, &app); refused != int(c.counts) || len(b.Shadowed()) != 0 {
					t.Errorf("not in shadow: %d refused, want %d; counted %v", refused, c.counts, b.Shadowed())
				}
			})
			synctest.Test(t, func(t *testing.T) {
				config, other := c.config, otherThan(c.limit)
				config.Shadow = []Limit{c.limit, other, c.limit} // a name that is given twice is one limit
				b := newBed(t, config)
				if refused := c.try(b, &app); refused != 0 {
					t.Errorf("in shadow: %d refused", refused)
				}
				want := map[Limit]int64{c.limit: c.counts, other: 0}
				if c.limit == LimitDeadline {
					want[c.limit] = 1 // on arrival it is not counted: the gate will
				}
				if got := b.Shadowed(); !maps.Equal(got, want) {
					t.Errorf("counted %v, want %v", got, want)
				}
			})
		})
	}
}

func otherThan(l Limit) Limit {
	if l == LimitBurst {
		return LimitRequests
	}
	return LimitBurst
}

// enterGates takes five calls through the gates before and behind the body.
func enterGates(req *fairlead.Request) func(b *bed, app *fairlead.App) int {
	return func(b *bed, app *fairlead.App) (refused int) {
		for range 5 {
			call := callOf(app)
			pass, err := b.pass(b.t.Context(), call, req)
			if err != nil {
				refused++
				continue
			}
			b.hold(call).Release()
			b.settle(call, pass, Outcome{Usage: fairlead.Usage{Output: 1}})
		}
		return refused
	}
}

// lookAround asks five times for what costs neither window nor slot.
func lookAround(b *bed, app *fairlead.App) (refused int) {
	for range 5 {
		if b.Arrive(app) != nil {
			refused++
		}
	}
	return refused
}

// enterAtOnce has five calls ask for a slot, and counts those that wait.
func enterAtOnce(b *bed, app *fairlead.App) (waiting int) {
	for range 5 {
		if v := b.enter(b.t.Context(), costing(app, 1)); !v.over() {
			waiting++
		}
	}
	return waiting
}

// queueUp has five calls ask for the only slot, and counts those for whom there
// is no place in the queue. One after the other they are served.
func queueUp(b *bed, app *fairlead.App) (refused int) {
	var all []*visit
	for range 5 {
		call := callOf(app)
		if _, err := b.Admit(b.t.Context(), call); err != nil {
			refused++
			continue
		}
		all = append(all, b.enter(b.t.Context(), call))
	}
	for _, v := range all {
		synctest.Wait()
		v.want(b.t, "")
		v.lease.Release()
	}
	return refused
}

// arriveTooLate has calls come that can't be served in time, one to the gates and
// one to the slots.
func arriveTooLate(b *bed, app *fairlead.App) (refused int) {
	b.crowd(app)
	ctx := b.timeLeft(5 * time.Second)
	if _, err := b.Admit(ctx, callOf(app)); err != nil {
		refused++
	}
	if v := b.enter(ctx, callOf(app)); v.over() {
		refused++
	}
	return refused
}

// TestSlotsInShadowAreToldAllTheSame, as they are configured.
func TestSlotsInShadowAreToldAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, Config{Slots: 2, Shadow: []Limit{LimitSlots}})
		enterAtOnce(b, &fairlead.App{ID: "a"})
		if s := b.Slots(); s.Slots != 2 || s.InUse != 5 || s.MostInUse != 5 {
			t.Errorf("slots %+v, want 5 in use of 2", s)
		}
	})
}

func TestEveryLimitHasItsShadow(t *testing.T) {
	all := []Limit{
		LimitRequests, LimitTokens, LimitBurst, LimitSlots, LimitAppSlots, LimitQueue, LimitAppQueue, LimitDeadline,
		LimitProviderSlots, LimitProviderRequests, LimitProviderTokens,
	}
	b := newBed(t, Config{Shadow: append(all, all...)})
	if counts := b.Shadowed(); len(counts) != len(all) {
		t.Errorf("counts %v, want one for each", counts)
	}
}
