package admission

import (
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// How often the shares are looked at, and for how long they are remembered.
const (
	jainEvery = 5 * time.Second
	jainSpan  = time.Minute
	// jainLeast is how long a flow must have waited to be compared.
	jainLeast = time.Second
)

// jain is Jain's index of fairness over the last minute: 1 when every flow that
// waited had slots in proportion to its weight for as long as it waited, 1/n
// when one of n had all (R. Jain, D. Chiu, W. Hawe, 1984).
type jain struct {
	mu      sync.Mutex
	samples []jainSample // oldest first
}

type jainSample struct {
	at     time.Duration
	shares map[*fairqueue.Flow]fairqueue.Share
}

// shares is what each flow has had so far.
func (c *Controller) shares() map[*fairqueue.Flow]fairqueue.Share {
	all := make(map[*fairqueue.Flow]fairqueue.Share)
	for _, p := range c.parties() {
		for _, f := range p.flows {
			if s := f.Share(); s.Backlogged > 0 {
				all[f] = s
			}
		}
	}
	return all
}

// sample remembers the shares.
func (j *jain) sample(now time.Duration, shares map[*fairqueue.Flow]fairqueue.Share) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.samples) > 0 && now-j.samples[0].at > jainSpan {
		j.samples = j.samples[1:]
	}
	j.samples = append(j.samples, jainSample{at: now, shares: shares})
}

// Jain is Jain's index over the last minute, of the slots that each flow that
// waited had for its weight; 1 if fewer than two did.
func (c *Controller) Jain() float64 {
	return c.jain.index(c.shares())
}

func (j *jain) index(now map[*fairqueue.Flow]fairqueue.Share) float64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	var before map[*fairqueue.Flow]fairqueue.Share
	if len(j.samples) > 0 {
		before = j.samples[0].shares
	}
	sum, squares, n := 0.0, 0.0, 0
	for f, share := range now {
		waited := share.Backlogged - before[f].Backlogged
		if waited < jainLeast {
			continue
		}
		x := (share.Received - before[f].Received) / waited.Seconds()
		sum += x
		squares += x * x
		n++
	}
	if n < 2 || squares == 0 { //nolint:mnd // one alone is treated as it should be
		return 1
	}
	return sum * sum / (float64(n) * squares)
}
