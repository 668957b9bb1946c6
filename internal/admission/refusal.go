package admission

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// place is where a call wanted to wait.
type place struct {
	party *party
	flow  *fairqueue.Flow
	pool  *fairqueue.Pool // nil where it is not known yet
}

// shadowed reports whether the limit that err tells of is in shadow.
func (c *Controller) shadowed(err error) bool {
	return errors.Is(err, fairqueue.ErrHopeless) && c.shadow.has(LimitDeadline) // counted at the gate
}

// noPlace is the refusal of a call for which there is no place in the queue, or
// none worth having.
func (c *Controller) noPlace(err error, at place) *fairlead.Error {
	switch {
	case errors.Is(err, fairqueue.ErrTenantFull):
		return c.busy("queue_full_app", fmt.Sprintf("%d requests of this app are waiting already", c.config.MaxQueuePerApp), at)
	case errors.Is(err, fairqueue.ErrDropped):
		return c.busy("queue_dropped", "The queue is full, and this app's part of it was the longest", at)
	case errors.Is(err, fairqueue.ErrHopeless):
		return c.busy("queue_hopeless", "The wait for a slot would be longer than the request has time", at)
	}
	return c.busy("queue_full", fmt.Sprintf("%d requests are waiting already", c.config.MaxQueue), at)
}

// busy is the refusal of a call for want of slots.
func (c *Controller) busy(code, detail string, at place) *fairlead.Error {
	o := c.queue.Predict(at.flow, at.pool)
	return fairlead.NewBusy(code, detail, at.party.returns.next(c.now(), o, c.config.MaxQueuePerApp))
}

// BusyWait is how long a caller whose work the service has no room for should
// stay away: about as long as a newcomer would wait for a slot.
func (c *Controller) BusyWait() time.Duration {
	return max(c.queue.Predict(c.stranger, nil).Wait, time.Second)
}

func (c *Controller) blocked(left time.Duration) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Limited, Code: "blocked_burst", Message: "Rate limit exceeded",
		Detail:     fmt.Sprintf("Blocked for bursting: more than %d requests within one second", c.config.Burst.PerSecond),
		RetryAfter: left, NoRetry: true,
	}
}

// mostAway is the longest that a call refused for want of slots is sent away.
const mostAway = 5 * time.Minute

// jitter is by how much a predicted wait may be lengthened: one in so many.
const jitter = 4

// returns spreads the callers that an app was refused: each is told to come
// back when half of the app's queue is served, and one grant later than the one
// told before. So the queue is fed at the pace at which it is served, and who
// obeys finds a place. It starts again when nobody waits.
type returns struct {
	last atomic.Int64 // when the one told last comes back
}

// mostQueues is how far in the future a caller may be told to come back: the time
// in which so many full queues of the app are served.
const mostQueues = 4

// next is how long the next caller should stay away, where queue calls of the
// app may wait.
func (r *returns) next(now time.Duration, o fairqueue.Outlook, queue int) time.Duration {
	pace := max(o.Pace, time.Millisecond)
	first := now + max(o.Wait/2, time.Second)
	if o.Opens > 0 { // that is known, the rest is not
		first = now + max(o.Opens, time.Second)
	}
	latest := now + mostAway
	if queue > 0 {
		latest = min(latest, first+time.Duration(int64(pace)*int64(mostQueues*queue)))
	}
	for {
		last := r.last.Load()
		back := min(max(first, time.Duration(last)+pace), latest)
		if r.last.CompareAndSwap(last, int64(back)) {
			return min(back-now+rand.N(pace/jitter+1), mostAway) //nolint:gosec // nothing secret, only unlike
		}
	}
}

func (r *returns) reset() {
	if r.last.Load() != 0 {
		r.last.Store(0)
	}
}

// refusals counts why an app was refused.
type refusals struct {
	mu    sync.Mutex
	codes map[string]*Refusal
}

// Refusal is a reason for which an app was refused.
type Refusal struct {
	Code  string
	Count int64
	Last  time.Time
}

// NoteRefused counts that a call of app was refused for that reason.
func (c *Controller) NoteRefused(app *fairlead.App, code string) {
	p := c.party(app)
	p.refused.mu.Lock()
	defer p.refused.mu.Unlock()
	if p.refused.codes == nil {
		p.refused.codes = make(map[string]*Refusal)
	}
	r := p.refused.codes[code]
	if r == nil {
		r = &Refusal{Code: code}
		p.refused.codes[code] = r
	}
	r.Count++
	r.Last = time.Now()
}
