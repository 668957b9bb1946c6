package admission

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/window"
)

// pacer keeps the calls to a provider within its requests and tokens per minute:
// they wait in the queue. It is a fairqueue.Pacer, used under the queue's mutex.
type pacer struct {
	shadow      *shadows
	requests    *window.Ring
	tokens      *window.Buckets
	limit       int
	outstanding *estimate.Outstanding
}

// poolConfig is what a pool is to the queue. It has a pacer only where the
// provider may not be called at any rate.
func (c *Controller) poolConfig(pool Pool) fairqueue.PoolConfig {
	config := fairqueue.PoolConfig{Slots: c.shadow.limit(LimitProviderSlots, pool.Slots)}
	if pool.RequestsPerMinute > 0 || pool.TokensPerMinute > 0 {
		config.Pacer = &pacer{
			shadow:      &c.shadow,
			requests:    window.New(pool.RequestsPerMinute, time.Minute),
			tokens:      window.NewBuckets(pool.TokensPerMinute, time.Minute),
			limit:       pool.TokensPerMinute,
			outstanding: estimate.NewOutstanding(c.config.Tokens),
		}
	}
	return config
}

// soon is how long to wait where only the room that is left for the calls under
// way is in the way: it comes free as they end, and then the queue asks again.
const soon = time.Second

// Take implements fairqueue.Pacer. The entry is those of the requests, of the
// tokens and of the outstanding calls.
func (p *pacer) Take(now time.Duration, cost fairqueue.Cost) (fairqueue.PaceEntry, time.Duration) {
	request, wait, ok := p.requests.Try(now)
	if !ok && !p.inShadow(LimitProviderRequests) {
		return fairqueue.PaceEntry{}, wait
	}
	if p.limit <= 0 {
		return fairqueue.PaceEntry{uint64(request)}, 0
	}
	n := max(cost.Expected, 1)
	expected := estimate.Cost{Output: n, Most: max(cost.Most, n)}
	open, margin := p.outstanding.Open(now, expected)
	tokens, wait, ok := p.tokens.Try(now, min(n+margin, max(n, p.limit)))
	if !ok && !p.inShadow(LimitProviderTokens) {
		p.requests.Undo(request)
		p.outstanding.Drop(open)
		if used, _ := p.tokens.State(now); used+n <= p.limit {
			wait = min(wait, soon)
		}
		return fairqueue.PaceEntry{}, wait
	}
	p.tokens.Correct(tokens, n)
	return fairqueue.PaceEntry{uint64(request), uint64(tokens), uint64(open)}, 0
}

func (p *pacer) inShadow(l Limit) bool {
	if !p.shadow.has(l) {
		return false
	}
	p.shadow.note(l)
	return true
}

// Correct implements fairqueue.Pacer.
func (p *pacer) Correct(now time.Duration, entry fairqueue.PaceEntry, cost int) {
	p.tokens.Correct(window.Entry(entry[1]), cost)
	p.outstanding.Close(now, estimate.Entry(entry[2]), cost)
}

// Done implements fairqueue.Pacer: what the call cost stays unknown if nobody has
// said it by now.
func (p *pacer) Done(entry fairqueue.PaceEntry) { p.outstanding.Drop(estimate.Entry(entry[2])) }

// Undo implements fairqueue.Pacer.
func (p *pacer) Undo(entry fairqueue.PaceEntry) {
	p.requests.Undo(window.Entry(entry[0]))
	p.tokens.Undo(window.Entry(entry[1]))
	p.Done(entry)
}
