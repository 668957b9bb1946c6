package upstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The back-off before an attempt at a deployment that has just failed is
// anything from 0 to a bound that is backoffBase at first and doubles each time
// up to backoffCap ("full jitter": M. Brooker, Exponential Backoff And Jitter,
// 2015), so that calls that failed together do not come back together.
const (
	backoffBase = 250 * time.Millisecond
	backoffCap  = 5 * time.Second
	// longestPause is the longest pause asked for by the provider after which a
	// call that it has refused tries again.
	longestPause = 30 * time.Second
)

// run is a call on its way through its candidates.
type run struct {
	*Upstream

	call *fairlead.Call
	req  *fairlead.Request
	emit fairlead.Emit
	// chain has the groups of candidates, and at is the one whose turn it is.
	// Within a group all are as good.
	chain [][]candidate
	at    int
	// sifted is how many of the groups have lost those that don't take the request;
	// refused is why the first of them does not.
	sifted  int
	refused error
	// tried are the deployments of that group that have failed, failed is how the
	// last one did; nil before.
	tried   []*line
	failed  *result
	from    candidate // that failed
	retries int
	// moved says that nothing of the group was tried yet.
	moved bool
	// counted says that the candidate taken is counted as busy already.
	counted bool

	// What a call to one target needs is kept here, so that it is one allocation.
	alone      [1]candidate
	aloneChain [1][]candidate
	sent       fairlead.Request
}

// Answer sends the call to its targets, one after the other, until one answers
// or what went wrong is final. req.Envelope.Model is replaced by the target's
// name for the model. It blocks while the call waits for a slot, for a
// provider's pause to end or for a back-off, never past its deadline, and
// returns at once when ctx ends. A request that no target takes (see
// fairlead.Preparer) is refused before it waits for anything. Of Kind Busy, with
// code provider_unavailable or provider_rate_limited, are the errors of a call that
// was not sent because everyone who could answer is left alone.
func (u *Upstream) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	r := run{Upstream: u, call: call, req: req, emit: emit, moved: true}
	now := time.Now()
	if err := r.plan(now); err != nil {
		return err
	}
	for ; ; now = time.Now() {
		to, err := r.next(ctx, now)
		if err != nil {
			return err
		}
		res := r.try(ctx, to)
		switch {
		case res.shut: // look again: others were quicker
			r.moved = true
		case res.err == nil, res.emitted, res.attempt == nil, ctx.Err() != nil, !res.verdict.elsewhere:
			return res.err
		default:
			r.failed, r.from, r.moved = &res, to, false
			r.tried = append(r.tried, res.line)
		}
	}
}

// plan makes the chain of the call's targets: providers with a weight that serve
// the same model are one group, at the place of the first.
func (r *run) plan(now time.Time) error {
	targets := r.call.Targets()
	if len(targets) == 0 {
		return errors.New("the call was not routed")
	}
	r.chain = r.aloneChain[:0]
	if r.req.Past.Maker != (fairlead.Maker{}) {
		if done, err := r.planMaker(now); done || err != nil {
			return err
		}
	}
	for _, target := range targets {
		p := r.provider(target.Provider)
		if p == nil {
			return fmt.Errorf("no provider is called %q", target.Provider)
		}
		c := candidate{served: p.of(target.Model, now), target: target}
		if at := r.groupOf(c); at >= 0 {
			r.chain[at] = append(r.chain[at], c)
			continue
		}
		if len(targets) == 1 {
			r.alone[0] = c
			r.chain = append(r.chain, r.alone[:])
			return nil
		}
		r.chain = append(r.chain, []candidate{c})
	}
	return nil
}

// groupOf is the group that c belongs to; -1 if it begins one.
func (r *run) groupOf(c candidate) int {
	if c.provider.Weight <= 0 {
		return -1
	}
	for i, group := range r.chain {
		if first := group[0]; first.provider.Weight > 0 && first.target.Model == c.target.Model {
			return i
		}
	}
	return -1
}

// try makes one attempt, or one and another beside it.
func (r *run) try(ctx context.Context, to candidate) result {
	lead(r.call, to.target)
	t := try{to: to, skip: r.tried, emit: r.emit, again: r.failed != nil && !r.moved, counted: r.counted}
	r.counted = false
	if after, ok := r.hedgeAfter(to); ok {
		return r.race(ctx, t, after)
	}
	r.sent = r.asking(to)
	res := r.attempt(ctx, r.call, &r.sent, t)
	if res.attempt != nil {
		r.call.AddAttempt(*res.attempt)
	}
	return res
}

// asking is the request under the candidate's name for the model.
func (r *run) asking(to candidate) fairlead.Request {
	sent := *r.req
	sent.Envelope.Model, sent.Prepared = to.target.Model, to.prepared
	return sent
}

// next finds the candidate for the next attempt, and waits until it is time for
// it.
func (r *run) next(ctx context.Context, now time.Time) (candidate, error) {
	if r.moved {
		return r.first(ctx, now)
	}
	if c, wait, ok := r.again(ctx, now); ok {
		return c, r.pause(ctx, wait)
	}
	r.at++
	r.moved, r.tried = true, nil
	return r.first(ctx, now)
}

// first finds the first group of those that are left of which someone can be
// asked. A call that was not sent anywhere yet waits until one can, if all that
// is in the way is that a provider asked for a pause.
func (r *run) first(ctx context.Context, now time.Time) (candidate, error) {
	for ; ; now = time.Now() {
		soonest, rest := never(), never()
		for i := r.at; i < len(r.chain); i++ {
			r.sift(i)
			c, a := r.take(i, now)
			if a.isOver() {
				r.at = i
				return c, nil
			}
			if a.wait < soonest.wait {
				soonest = a
			}
			if a.rests && a.wait < rest.wait {
				rest = a
			}
		}
		switch {
		case r.failed != nil:
			return candidate{}, r.failed.err
		case r.refused != nil && soonest == never():
			return candidate{}, r.refused // nobody would take it
		}
		if rest.wait >= r.left(ctx, now) { // or there is none to wait for
			return candidate{}, leftAlone(soonest)
		}
		if err := r.park(ctx, soonest); err != nil {
			return candidate{}, err
		}
	}
}

// sift leaves in a group those that take the request, when it is first looked at.
func (r *run) sift(group int) {
	if group < r.sifted {
		return
	}
	r.sifted = group + 1
	kept := r.chain[group][:0]
	for _, c := range r.chain[group] {
		err := r.prepare(&c)
		switch {
		case err == nil:
			kept = append(kept, c)
		case r.refused == nil:
			r.refused = err
		}
	}
	r.chain[group] = kept
}

// prepare lets the candidate's model look at the request before the call waits for
// its turn.
func (r *run) prepare(c *candidate) error {
	if c.provider.preparer == nil {
		return nil
	}
	r.sent = r.asking(*c)
	err := c.provider.preparer.Prepare(r.call, &r.sent)
	c.prepared = r.sent.Prepared
	return err
}

// take picks a candidate of a group and counts it as busy, at once: those who come
// at the same time see each other.
func (r *run) take(group int, now time.Time) (candidate, absence) {
	if len(r.chain[group]) == 1 {
		return r.pick(group, now, nil)
	}
	r.choosing.Lock()
	defer r.choosing.Unlock()
	c, a := r.pick(group, now, nil)
	if a.isOver() {
		c.provider.busy.Add(1)
		r.counted = true
	}
	return c, a
}

// pick chooses among the candidates of a group the one with the least to do for
// its weight; where several are equal chance decides, by weight. Where none can
// be used by a deployment but those to skip, it tells when the first can.
func (r *run) pick(group int, now time.Time, skip []*line) (candidate, absence) {
	var best candidate
	soonest := never()
	load, tied := 0.0, 0
	for _, c := range r.chain[group] {
		a := c.absence(now, string(r.call.App.ID), skip)
		weight := max(c.provider.Weight, 1)
		n := float64(c.provider.busy.Load()) / float64(weight)
		switch {
		case a.wait > soonest.wait || !a.isOver() && a.wait == soonest.wait:
		case a.wait < soonest.wait || n < load:
			best, soonest, load, tied = c, a, n, weight
		case n == load:
			if tied += weight; drawn(weight, tied) {
				best, soonest = c, a
			}
		}
	}
	return best, soonest
}

// again finds where in its group a call that has just failed may be tried again,
// and after which wait. It counts against the budget.
func (r *run) again(ctx context.Context, now time.Time) (to candidate, wait time.Duration, ok bool) {
	if r.retries+1 >= r.from.provider.Retry.MaxAttempts {
		return candidate{}, 0, false
	}
	to, a := r.pick(r.at, now, r.tried)
	if !a.isOver() { // all that are left have failed this call
		if to, wait, ok = r.afterBackoff(now); !ok {
			return candidate{}, 0, false
		}
	}
	if wait >= r.left(ctx, now) || !to.provider.retries.Extra(now) {
		return candidate{}, 0, false
	}
	r.retries++
	return to, wait, true
}

// afterBackoff is for a call whose group has nobody else to ask. If a provider
// asked for a pause, it is obeyed, unless it is long or somebody down the chain
// can answer now.
func (r *run) afterBackoff(now time.Time) (to candidate, wait time.Duration, ok bool) {
	to, a := r.pick(r.at, now, nil)
	bound := min(backoffBase<<r.retries, backoffCap)
	wait = max(a.wait, 0) + rand.N(bound) //nolint:gosec // nothing secret, only unlike
	switch {
	case !r.failed.verdict.again, !a.isOver() && !a.rests, a.wait > longestPause:
		return candidate{}, 0, false
	case a.isOver():
		return to, wait, true
	}
	for i := r.at + 1; i < len(r.chain); i++ {
		if _, down := r.pick(i, now, nil); down.isOver() {
			return candidate{}, 0, false
		}
	}
	return to, wait, true
}

// left is how much of the call's time is left.
func (r *run) left(ctx context.Context, now time.Time) time.Duration {
	left := time.Duration(math.MaxInt64)
	if end, ok := ctx.Deadline(); ok {
		left = end.Sub(now)
	}
	after := r.config.HeartbeatAfter
	begins := r.call.Waiting != nil && after > 0 && after < r.call.Patience // which is all that its client waits for
	if r.call.Patience > 0 && !begins {
		left = min(left, r.call.Arrived.Add(r.call.Patience).Sub(now))
	}
	return left
}

// leftAlone is the refusal of a call that nobody can be asked to answer now.
func leftAlone(a absence) *fairlead.Error {
	wait := max(a.wait, time.Second)
	told := wait.Round(time.Second)
	if a.rests {
		return fairlead.NewBusy("provider_rate_limited", fmt.Sprintf("provider %s asked not to be called for %s", a.provider, told), wait)
	}
	return fairlead.NewBusy("provider_unavailable",
		fmt.Sprintf("provider %s fails (%s) and is not called for %s", a.provider, a.lastFailure, told), wait)
}

// park waits, holding nothing, until the provider's pause is over.
func (r *run) park(ctx context.Context, a absence) error {
	defer r.parked.Add(-1)
	if n := r.parked.Add(1); r.config.MaxParked > 0 && n > int64(r.config.MaxParked) {
		refusal := leftAlone(a)
		refusal.Detail += fmt.Sprintf("; %d requests are waiting for that already", r.config.MaxParked)
		return refusal
	}
	return r.pause(ctx, a.wait)
}

// pause waits, holding nothing. The caller is told now and then that the call is
// alive. An error says that the call has ended meanwhile.
func (r *run) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	began := time.Now()
	defer func() { r.call.NoteWait(time.Since(began), fairlead.NotGranted) }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	var beat <-chan time.Time
	if after := r.config.HeartbeatAfter; after > 0 && r.call.Waiting != nil {
		first := time.NewTimer(max(time.Until(r.call.Arrived.Add(after)), 0))
		defer first.Stop()
		beat = first.C
	}
	for {
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ended(ctx)
		case <-beat:
			if err := r.call.Waiting(); err != nil {
				return fairlead.AsError(err)
			}
			beat = time.After(min(r.config.HeartbeatAfter, beatEvery))
		}
	}
}

// beatEvery is the longest time between two signs of life to a caller who waits.
const beatEvery = 10 * time.Second

// ended is what a call is told whose context has ended.
func ended(ctx context.Context) *fairlead.Error {
	if cause, ok := errors.AsType[*fairlead.Error](context.Cause(ctx)); ok {
		return cause
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fairlead.NewLate(ctx.Err())
	}
	return fairlead.NewCanceled(ctx.Err())
}
