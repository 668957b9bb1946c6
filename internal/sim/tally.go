package sim

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/measure"
	"github.com/fairleadhq/fairlead/internal/sim/report"
)

// group is what is counted of an entry of the traffic.
type group struct {
	name string
	apps int

	offered, served, cut, left int
	refused                    map[string]int
	// welcome and refusedAgain are requests of callers that came back.
	welcome, refusedAgain int
	waits                 []time.Duration
	ratios                []float64 // actual wait to predicted wait
	held                  measure.Level

	// Samples: of the slots it held, of those that it was entitled to, and of
	// what held its calls back.
	got, entitled float64
	backlog       report.Backlog
	timeline      []moment
}

// moment is how a group stood on the average over a short time.
type moment struct{ held, waiting float64 }

// foretold compares a wait with what was predicted when it began. Callers are
// told whole seconds, so only predictions of one or more count.
func (g *group) foretold(predicted, actual time.Duration) {
	if predicted >= time.Second {
		g.ratios = append(g.ratios, actual.Seconds()/predicted.Seconds())
	}
}

// fairness is how a lane stands beside the others.
type fairness struct {
	entitled float64 // slots, at the last look
	// For Jain's index:
	rested bool // it did not wait at some moment of the present interval
	before int64
}

// How often and how finely a run is looked at.
const (
	// leastStep is no multiple of what services usually take.
	leastStep = 251 * time.Millisecond
	mostSteps = 2400
	// momentsKept is how many points a timeline has.
	momentsKept = 240
	usualJain   = 30 * time.Second
)

// tally is what a run knows of itself as a whole.
type tally struct {
	inUse  measure.Level
	full   measure.Level // 1 while every slot is in use
	looks  []int         // how many in each moment of the timelines
	step   time.Duration
	jains  []float64
	judged time.Duration // up to when Jain's index was reckoned
	claims []measure.Claim
}

// beginTally plans the looks at the run.
func (r *run) beginTally() {
	r.step = max(leastStep, r.scenario.Duration/mostSteps)
	for _, g := range r.groups {
		g.refused = make(map[string]int)
	}
	r.After(r.step, r.look)
}

func (r *run) countHeld(c *call, n int) {
	p := c.party
	p.held += n
	p.lane.app.held += n
	p.group.held.Add(r.Now(), n)
	p.lane.held.Add(r.Now(), n)
	r.count(&r.inUse, &r.full, n, r.scenario.Service.Slots)
	r.count(&p.lane.pool.inUse, &p.lane.pool.full, n, p.lane.pool.provider.Slots)
}

// count adds n to what is in use of a limit.
func (r *run) count(inUse, full *measure.Level, n, most int) {
	inUse.Add(r.Now(), n)
	now := 0
	if most > 0 && inUse.N >= most {
		now = 1
	}
	if now != full.N {
		full.Add(r.Now(), now-full.N)
	}
}

func (r *run) countWaiting(c *call, n int) {
	c.party.waiting += n
	c.party.lane.waiting += n
	c.party.lane.pool.waiting += n
}

// look takes a sample of how everyone stands.
func (r *run) look() {
	r.entitleAll()
	slot := int(r.Now() * momentsKept / max(r.scenario.Duration, 1))
	for len(r.looks) <= slot {
		r.looks = append(r.looks, 0)
	}
	r.looks[slot]++
	for _, p := range r.parties {
		if p.held == 0 && p.waiting == 0 {
			continue
		}
		p.group.note(slot, p.held, p.waiting)
		if p.waiting > 0 {
			p.group.backlog.Add(r.holdsBack(p.lane))
		}
	}
	r.compare()
	if r.Now()+r.step <= r.scenario.Duration {
		r.After(r.step, r.look)
	}
}

// note adds a party's sample to the timeline.
func (g *group) note(slot, held, waiting int) {
	for len(g.timeline) <= slot {
		g.timeline = append(g.timeline, moment{})
	}
	g.timeline[slot].held += float64(held)
	g.timeline[slot].waiting += float64(waiting)
}

// holdsBack tells why a lane waits.
func (r *run) holdsBack(l *lane) report.Backlog {
	service := &r.scenario.Service
	free := service.Slots - r.inUse.N
	if l.app.held > 0 {
		free -= service.Headroom
	}
	switch {
	case l.app.limits.MaxSlots > 0 && l.app.held >= l.app.limits.MaxSlots:
		return report.Backlog{Looks: 1, Cap: 1}
	case l.pool.provider.Slots > 0 && l.pool.inUse.N >= l.pool.provider.Slots:
		return report.Backlog{Looks: 1, Provider: 1}
	case service.Slots > 0 && free <= 0:
		return report.Backlog{Looks: 1, Slots: 1}
	}
	return report.Backlog{Looks: 1, Rates: 1}
}

// entitleAll shares the slots out by weight among those who hold or want some at
// this moment, and notes what each had and what it should have had.
func (r *run) entitleAll() {
	r.claims = r.claims[:0]
	pools := make([]int, len(r.pools))
	for i, p := range r.pools {
		pools[i] = p.provider.Slots
	}
	for i, l := range r.lanes {
		demand := l.held.N + l.waiting
		if most := l.app.limits.MaxSlots; most > 0 {
			demand = min(demand, most)
		}
		if demand > 0 {
			r.claims = append(r.claims, measure.Claim{ID: i, Demand: demand, Weight: l.weight, Pool: l.pool.number})
		}
	}
	measure.Entitle(r.claims, r.scenario.Service.Slots, pools)
	for i := range r.claims {
		r.lanes[r.claims[i].ID].entitled = r.claims[i].Share
	}
	for _, p := range r.parties {
		if wants := p.held + p.waiting; wants > 0 {
			p.group.got += float64(p.held)
			p.group.entitled += p.lane.entitled * float64(wants) / float64(p.lane.held.N+p.lane.waiting)
		}
	}
}

// compare reckons Jain's index at the end of each interval, over the lanes that
// waited at every look: of the slot-seconds that each had for its weight.
func (r *run) compare() {
	every := r.scenario.JainOver
	if every == 0 {
		every = usualJain
	}
	over := r.Now()-r.judged >= every
	var shares []float64
	for _, l := range r.lanes {
		l.rested = l.rested || l.waiting == 0
		if !over {
			continue
		}
		area := l.held.Area(r.Now())
		if !l.rested {
			shares = append(shares, float64(area-l.before)/float64(l.weight))
		}
		l.before, l.rested = area, false
	}
	if !over {
		return
	}
	r.judged = r.Now()
	if len(shares) > 1 {
		r.jains = append(r.jains, measure.Jain(shares))
	}
}
