package upstream

import (
	"cmp"
	"slices"
	"time"
)

// Standing is how one deployment stands with one model.
type Standing struct {
	Provider, Model string
	// Deployment is its number at the provider, from 1.
	Deployment int
	// State is its breaker's: closed (all is well), open, half_open.
	State string
	// Running counts the attempts at the deployment, of all models.
	Running int
	// RestsUntil is until when it is left alone because the provider asked for
	// it; in the past, or zero, if it is not.
	RestsUntil time.Time
	// Limit is how many slots the provider's pool has for now; 0 where that is
	// not adapted.
	Limit int
}

// Stats tells how every deployment stands with the models that were asked of it
// lately, sorted by provider, model and deployment.
func (u *Upstream) Stats() []Standing {
	var all []Standing
	for _, p := range u.providers {
		limit := 0
		if p.limit != nil {
			limit = p.limit.Now()
		}
		for _, l := range p.allLines() {
			all = append(all, Standing{
				Provider: p.Name, Model: l.model, Deployment: l.deployment.number, Running: l.running, Limit: limit,
				State: l.breaker.State().String(), RestsUntil: l.restsUntil(),
			})
		}
	}
	slices.SortFunc(all, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Deployment, b.Deployment))
	})
	return all
}

// Parked is how many calls wait for the end of a provider's pause.
func (u *Upstream) Parked() int { return int(u.parked.Load()) }

// lineNow is a line with what it has to do.
type lineNow struct {
	*line

	model   string
	running int
}

// allLines lists the lines of the provider.
func (p *provider) allLines() []lineNow {
	p.picking.Lock()
	defer p.picking.Unlock()
	var all []lineNow
	for _, s := range p.served {
		for _, l := range s.lines {
			all = append(all, lineNow{l, s.model, l.deployment.running})
		}
	}
	return all
}
