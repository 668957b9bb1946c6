package sim

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/measure"
	"github.com/fairleadhq/fairlead/internal/sim/report"
)

// report tells what came of the run, which is over.
func (r *run) report() *report.Report {
	all := &report.Report{
		Policy: r.scenario.Policy.String(), Duration: r.Now().Seconds(), Seed: r.scenario.Seed,
		Slots: r.resource("service", r.scenario.Service.Slots, &r.inUse, &r.full),
		Jain:  report.JainOf(r.jains),
	}
	for _, p := range r.pools {
		all.Providers = append(all.Providers, r.resource(p.provider.Name, p.provider.Slots, &p.inUse, &p.full))
	}
	var waits []time.Duration
	var ratios []float64
	entitled := 0.0
	for _, g := range r.groups {
		waits, ratios = append(waits, g.waits...), append(ratios, g.ratios...)
		entitled += g.entitled
	}
	worst := r.worstWindows()
	for _, g := range r.groups {
		a := r.appReport(g, entitled)
		a.WorstWindow = worst[g]
		all.WorstWindow = max(all.WorstWindow, a.WorstWindow)
		all.Apps = append(all.Apps, a)
		all.Timelines = append(all.Timelines, r.timeline(g))
	}
	all.Wait, all.Predicted = report.WaitsOf(waits), report.RatiosOf(ratios)
	return all
}

func (r *run) resource(name string, limit int, inUse, full *measure.Level) report.Resource {
	return report.Resource{Name: name, Limit: limit, InUse: inUse.Mean(r.Now()), Full: full.Mean(r.Now())}
}

// appReport tells what became of a group, beside what all were entitled to.
func (r *run) appReport(g *group, entitled float64) report.AppReport {
	a := report.AppReport{
		Name: g.name, Count: g.apps, Offered: g.offered, Served: g.served, Cut: g.cut, Left: g.left, Refused: g.refused,
		Returned: g.welcome + g.refusedAgain, Welcome: g.welcome, Wait: report.WaitsOf(g.waits),
		Slots: g.held.Mean(r.Now()), Backlog: g.backlog,
	}
	a.Unfinished = a.Offered - a.Served - a.Cut - a.Left - a.Refusals()
	a.Share = report.Part(float64(g.held.Area(r.Now())), float64(r.inUse.Area(r.Now())))
	a.Entitled = report.Part(g.entitled, entitled)
	a.Satisfied = report.Part(g.got, g.entitled)
	return a
}

func (r *run) timeline(g *group) report.Timeline {
	t := report.Timeline{Name: g.name}
	for i, looks := range r.looks {
		if looks == 0 {
			continue
		}
		var m moment
		if i < len(g.timeline) {
			m = g.timeline[i]
		}
		t.At = append(t.At, (time.Duration(i) * r.scenario.Duration / momentsKept).Seconds())
		t.Held = append(t.Held, m.held/float64(looks))
		t.Waiting = append(t.Waiting, m.waiting/float64(looks))
	}
	return t
}

// worstWindows finds the most admissions of an app of each group in any minute,
// divided by its limit.
func (r *run) worstWindows() map[*group]float64 {
	worst := make(map[*group]float64)
	for _, p := range r.parties {
		a := p.lane.app
		if a.limits.RequestsPerMinute > 0 {
			most := float64(measure.MostIn(a.admissions(), time.Minute)) / float64(a.limits.RequestsPerMinute)
			worst[p.group] = max(worst[p.group], most)
		}
	}
	return worst
}

// admissions are the times at which the app was admitted and kept its place.
func (a *app) admissions() (times []time.Duration) {
	for i, t := range a.passed {
		if !a.voided[i] {
			times = append(times, t)
		}
	}
	return times
}
