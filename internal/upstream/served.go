package upstream

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/upstream/restraint"
)

const (
	// breakerWindow is the time over which a breaker judges, mostOpen for how
	// long it is open at most, and mostProbes how many calls test at once
	// whether the trouble is over.
	breakerWindow = 30 * time.Second
	mostOpen      = time.Minute
	mostProbes    = 3
	// shunFor is for how long a deployment whose account was refused is the last
	// choice.
	shunFor = 30 * time.Second
	// mostServed bounds the models of a provider of which anything is kept, since
	// callers name them. One that was not used for forgetAfter makes room.
	mostServed  = 256
	forgetAfter = 10 * time.Minute
	// otherModels stands for those for which there is no room.
	otherModels = "*"
	// shortestFirst is the shortest time to a first byte that is told from
	// shorter ones, in seconds.
	shortestFirst = 1e-3
)

// deployment is a way to a provider, with its share and what it has to do.
type deployment struct {
	number  int // from 1
	model   fairlead.Model
	weight  int
	mark    string
	running int // guarded by the provider's picking
}

// served is what is known of one model at a provider.
type served struct {
	provider *provider
	model    string
	lines    []*line // one for each deployment
	used     time.Time
	// firsts are the times to the first byte: of whole answers, and of streams.
	firsts [2]*estimate.Quantile
}

// line is one model at one deployment. Providers count each model, and each key,
// on its own, so one that is refused says nothing of the others.
type line struct {
	deployment *deployment
	breaker    *restraint.Breaker

	mu sync.Mutex
	// rests is until when the provider asked to be left alone, shunned until when
	// it is the last choice.
	rests, shunned time.Time
	lastFailure    string // the code of an error
}

// of returns what is known of a model.
func (p *provider) of(model string, now time.Time) *served {
	p.picking.Lock()
	defer p.picking.Unlock()
	s := p.served[model]
	if s == nil {
		s = p.addServed(model, now)
	}
	s.used = now
	return s
}

// addServed makes room for a model, if there is none, by forgetting those that
// nobody has used for long.
func (p *provider) addServed(model string, now time.Time) *served {
	if len(p.served) >= mostServed {
		for name, s := range p.served {
			if now.Sub(s.used) > forgetAfter {
				delete(p.served, name)
			}
		}
	}
	if len(p.served) >= mostServed {
		model = otherModels
		if s := p.served[model]; s != nil {
			return s
		}
	}
	s := &served{provider: p, model: model}
	for _, d := range p.deployments {
		s.lines = append(s.lines, &line{deployment: d, breaker: restraint.NewBreaker(restraint.BreakerConfig{
			Window: breakerWindow, MinCalls: p.Breaker.MinCalls, FailureRate: p.Breaker.FailureRate,
			OpenFor: p.Breaker.OpenFor, MaxOpen: mostOpen, Probes: mostProbes,
		})})
	}
	if p.Hedge.UseP95 {
		s.firsts = [...]*estimate.Quantile{estimate.NewQuantile(shortestFirst), estimate.NewQuantile(shortestFirst)}
	}
	p.served[model] = s
	return s
}

// firstsOf are the times to the first byte of requests like this one; nil where
// nobody wants to know.
func (s *served) firstsOf(req *fairlead.Request) *estimate.Quantile {
	if req.Envelope.Stream {
		return s.firsts[1]
	}
	return s.firsts[0]
}

// absence is for how long something can't be used, and why.
type absence struct {
	wait time.Duration // 0: it can be used
	// rests says that the provider asked for it: it is worth waiting for. Else
	// its calls have failed, with lastFailure.
	rests       bool
	provider    string
	lastFailure string
}

// never is an absence without an end.
func never() absence { return absence{wait: math.MaxInt64} }

func (a absence) isOver() bool { return a.wait <= 0 }

// absence tells when the app can use the model, by any of its deployments but those
// to skip.
func (s *served) absence(now time.Time, app string, skip []*line) absence {
	soonest := never()
	for _, l := range s.lines {
		if slices.Contains(skip, l) {
			continue
		}
		if a := l.absence(now, app); a.wait < soonest.wait {
			soonest = a
		}
	}
	soonest.provider = s.provider.Name
	return soonest
}

func (l *line) absence(now time.Time, app string) absence {
	open := l.breaker.Wait(now, app)
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.rests.Sub(now)
	if rest > open {
		return absence{wait: rest, rests: true}
	}
	return absence{wait: max(open, 0), lastFailure: l.lastFailure}
}

// take chooses a deployment for the app, if one can be used now: not one to skip if there is
// another. The caller must leave it and settle the permit.
func (s *served) take(now time.Time, app string, skip []*line) (*line, restraint.Permit) {
	var refused []*line
	for {
		l := s.choose(now, app, refused, skip)
		if l == nil {
			return nil, restraint.Permit{}
		}
		if permit, ok := l.breaker.Enter(now, app); ok {
			return l, permit
		}
		s.leave(l)
		refused = append(refused, l)
	}
}

// choose picks the deployment with the least to do for its weight, among those
// that can be used, and counts it as busy. Where several are equal, chance
// decides, by weight.
func (s *served) choose(now time.Time, app string, refused, skip []*line) *line {
	var best *line
	rank, load, tied := 0, 0.0, 0
	s.provider.picking.Lock()
	defer s.provider.picking.Unlock()
	for _, l := range s.lines {
		if slices.Contains(refused, l) || !l.absence(now, app).isOver() {
			continue
		}
		r := l.rank(now, skip)
		d := l.deployment
		n := float64(d.running) / float64(d.weight)
		switch {
		case best == nil || r < rank || r == rank && n < load:
			best, rank, load, tied = l, r, n, d.weight
		case r == rank && n == load:
			if tied += d.weight; drawn(d.weight, tied) {
				best = l
			}
		}
	}
	if best != nil {
		best.deployment.running++
	}
	return best
}

// drawn reports whether the lot falls on one of so many shares.
func drawn(shares, of int) bool {
	return rand.IntN(of) < shares //nolint:gosec // nothing secret, only unlike
}

// rank is the order in which deployments are chosen: those that the call has
// tried come late, those whose account is refused last.
func (l *line) rank(now time.Time, skip []*line) int {
	const triedRank, shunnedRank = 1, 2
	rank := 0
	if slices.Contains(skip, l) {
		rank = triedRank
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.shunned) {
		rank = shunnedRank
	}
	return rank
}

// leave ends what take began.
func (s *served) leave(l *line) {
	s.provider.picking.Lock()
	defer s.provider.picking.Unlock()
	l.deployment.running--
}

// rest leaves the line alone until then, or for longer if that was said before.
func (l *line) rest(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.rests) {
		l.rests = until
	}
}

// noteFailure keeps why the last call failed.
func (l *line) noteFailure(now time.Time, f verdict, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastFailure = code
	if f.account {
		l.shunned = now.Add(shunFor)
	}
}

func (l *line) restsUntil() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rests
}
