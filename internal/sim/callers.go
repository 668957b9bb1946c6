package sim

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// begin has the party begin to call.
func (r *run) begin(p *party) {
	s := p.source
	switch {
	case s.Clients > 0:
		// Clients are in the midst of what they do when the run begins.
		cycle := float64(s.Think + s.Service.Mean)
		for range s.Clients {
			at := s.From.Std() + time.Duration(p.chance.Float64()*cycle)
			r.At(at, func() { r.clientCalls(p) })
		}
	case s.Burst.Size > 0:
		r.burst(p, s.From.Std())
	default:
		first := time.Duration(0)
		if s.Arrivals == traffic.Constant { // like apps do not call in step
			first = -time.Duration(p.chance.Float64() * float64(s.Gap(p.chance)))
		}
		r.nextCall(p, s.From.Std(), first)
	}
}

// newCall is another call of the party.
func (r *run) newCall(p *party) *call {
	return r.callOf(p, p.source.Service.Draw(p.chance), p.source.Tokens)
}

// callOf is a call that takes so long and costs so much. It takes no more slots
// than it may.
func (r *run) callOf(p *party, work time.Duration, tokens traffic.Tokens) *call {
	service, provider := &r.scenario.Service, &p.lane.pool.provider
	width := service.width(tokens.Prompt, provider)
	for _, most := range [...]int{service.Slots, provider.Slots, p.lane.app.limits.MaxSlots} {
		if most > 0 {
			width = min(width, most)
		}
	}
	return &call{party: p, work: work, tokens: tokens, width: width}
}

// nextCall plans the first call after t of a party that calls at a rate, shifted
// by a time.
func (r *run) nextCall(p *party, t, shift time.Duration) {
	s, end := p.source, r.scenario.Duration
	for {
		from, ok := s.Calling(t, end)
		if !ok {
			return
		}
		t = max(from+s.Gap(p.chance)+shift, from)
		if at, ok := s.Calling(t, end); ok && at == t {
			r.At(t, func() {
				r.arrive(r.newCall(p))
				r.nextCall(p, t, 0)
			})
			return
		}
	}
}

// burst plans the first burst at or after t.
func (r *run) burst(p *party, t time.Duration) {
	at, ok := p.source.Calling(t, r.scenario.Duration)
	if !ok {
		return
	}
	r.At(at, func() {
		for range p.source.Burst.Size {
			r.arrive(r.newCall(p))
		}
		if every := p.source.Burst.Every.Std(); every > 0 {
			r.burst(p, at+every)
		}
	})
}

// clientCalls has a client call, or wait until it may.
func (r *run) clientCalls(p *party) {
	at, ok := p.source.Calling(r.Now(), r.scenario.Duration)
	switch {
	case !ok:
	case at == r.Now():
		r.arrive(r.newCall(p))
	default:
		r.At(at, func() { r.clientCalls(p) })
	}
}

// over ends a call. A client thinks, and calls again.
func (r *run) over(c *call) {
	if p := c.party; p.source.Clients > 0 {
		r.After(max(p.source.Think.Std(), 1), func() { r.clientCalls(p) })
	}
}
