package admission

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
	"github.com/fairleadhq/fairlead/internal/window"
)

// pacer keeps the calls to a provider within its requests and tokens per minute:
// they wait in the queue. It is a fairqueue.Pacer, used under the queue's mutex.
type pacer struct {
	shadow   *shadows
	requests *window.Ring
	tokens   *window.Buckets
}

// poolConfig is what a pool is to the queue. It has a pacer only where the
// provider may not be called at any rate.
func (c *Controller) poolConfig(pool Pool) fairqueue.PoolConfig {
	config := fairqueue.PoolConfig{Slots: pool.Slots}
	if pool.RequestsPerMinute > 0 || pool.TokensPerMinute > 0 {
		config.Pacer = &pacer{
			shadow:   &c.shadow,
			requests: window.New(pool.RequestsPerMinute, time.Minute),
			tokens:   window.NewBuckets(pool.TokensPerMinute, time.Minute),
		}
	}
	return config
}

// Take implements fairqueue.Pacer. The entry is that of the requests and that of
// the tokens.
func (p *pacer) Take(now time.Duration, cost int) (fairqueue.PaceEntry, time.Duration) {
	request, wait, ok := p.requests.Try(now)
	if !ok && !p.inShadow(LimitProviderRequests) {
		return fairqueue.PaceEntry{}, wait
	}
	tokens, wait, ok := p.tokens.Try(now, max(cost, 1))
	if !ok && !p.inShadow(LimitProviderTokens) {
		p.requests.Undo(request)
		return fairqueue.PaceEntry{}, wait
	}
	return fairqueue.PaceEntry{uint64(request), uint64(tokens)}, 0
}

func (p *pacer) inShadow(l Limit) bool {
	if !p.shadow.has(l) {
		return false
	}
	p.shadow.note(l)
	return true
}

// Correct implements fairqueue.Pacer.
func (p *pacer) Correct(entry fairqueue.PaceEntry, cost int) {
	p.tokens.Correct(window.Entry(entry[1]), cost)
}

// Undo implements fairqueue.Pacer.
func (p *pacer) Undo(entry fairqueue.PaceEntry) {
	p.requests.Undo(window.Entry(entry[0]))
	p.tokens.Undo(window.Entry(entry[1]))
}
