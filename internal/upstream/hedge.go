package upstream

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// A hedge is a second attempt beside a first one that has been silent for long
// (J. Dean and L. Barroso, The Tail at Scale, 2013). It goes to another
// deployment that serves the same model, and holds a slot of its own. The first
// of the two that emits anything is let through, and the other is ended.

// slowest is the part of the calls that begin to answer sooner than a hedge is
// due, where it is due by what is usual.
const slowest = 0.95

func (h Hedge) isOn() bool { return h.After > 0 || h.UseP95 }

// hedgeAfter is how long an attempt at the candidate may be silent; not ok if
// there is to be no second one.
func (r *run) hedgeAfter(to candidate) (after time.Duration, ok bool) {
	hedge := to.provider.Hedge
	switch {
	case !hedge.isOn(), !r.hasTwo(to.target.Model):
		return 0, false
	case !hedge.UseP95:
		return hedge.After, true
	}
	seconds, ok := to.firstsOf(r.req).Quantile(slowest)
	return time.Duration(seconds * float64(time.Second)), ok
}

// hasTwo reports whether more than one deployment serves the model.
func (r *run) hasTwo(model string) bool {
	n := 0
	for _, group := range r.chain {
		for _, c := range group {
			if c.target.Model == model {
				n += len(c.lines)
			}
		}
	}
	return n > 1
}

// other finds another deployment that serves the model now.
func (r *run) other(model string, but []*line) (candidate, bool) {
	now := time.Now()
	for i, group := range r.chain {
		if c, a := r.pick(i, now, but); a.isOver() && group[0].target.Model == model {
			return c, true
		}
	}
	return candidate{}, false
}

// race is two attempts of one call.
type race struct {
	run *run

	mu     sync.Mutex
	winner *racer // the one that has emitted
	// firstEnded says that the first has ended: no second one begins any more.
	firstEnded bool
	// over says that nothing of the second goes out any more.
	over     bool
	second   racer
	panicked any // the value of a panic in the second, which ended it
}

// racer is one of them.
type racer struct {
	to     candidate
	end    context.CancelCauseFunc // set before it starts
	result result
	rival  *racer
	raced  bool
}

// lost is why the slower of two attempts ended.
func lost() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Canceled, Code: "canceled", Message: "Another attempt was quicker"}
}

// claim reports whether what one of the two emits may go out.
func (x *race) claim(one *racer) bool {
	x.mu.Lock()
	won := x.winner == one || x.winner == nil && (!x.over || one != &x.second)
	isNew := x.winner == nil
	if won {
		x.winner = one
	}
	x.mu.Unlock()
	if won && isNew {
		one.rival.end(lost())
		lead(x.run.call, one.to.target)
	}
	return won
}

// emitFor is the emit of one of the two.
func (x *race) emitFor(one *racer) fairlead.Emit {
	return func(e fairlead.Event) error {
		if !x.claim(one) {
			return lost()
		}
		return x.run.emit(e)
	}
}

// race makes the attempt t, and a second one if it is silent for that long. When
// it returns both have ended, and the call has their attempts.
func (r *run) race(ctx context.Context, t try, after time.Duration) result {
	x := &race{run: r}
	first := racer{to: t.to, rival: &x.second}
	x.second.rival = &first
	firstCtx, endFirst := context.WithCancelCause(ctx)
	secondCtx, endSecond := context.WithCancelCause(ctx)
	first.end, x.second.end = endFirst, endSecond
	var group sync.WaitGroup
	defer group.Wait() // a panic included
	defer endFirst(nil)
	defer endSecond(nil)

	t.emit = x.emitFor(&first)
	t.sent = func(l *line) { group.Go(func() { x.runSecond(secondCtx, l, after) }) }
	r.sent = r.asking(t.to)
	first.result = r.attempt(firstCtx, r.call, &r.sent, t)
	silent := &first.result
	if x.noteFirstEnded(!silent.emitted && silent.err != nil && silent.verdict.elsewhere) {
		group.Wait() // it answers, or may yet
	}
	endSecond(lost())
	group.Wait()
	if x.panicked != nil {
		panic(x.panicked) // on the goroutine of the call, where it is told
	}
	x.account(&first)
	return x.outcome(&first)
}

// account tells the call of both attempts, the one that answered last: it is
// where the call has ended.
func (x *race) account(first *racer) {
	order := [...]*racer{first, &x.second}
	if x.winner == first {
		order[0], order[1] = order[1], order[0]
	}
	for _, one := range order {
		if one.result.attempt != nil {
			x.run.call.AddAttempt(*one.result.attempt)
		}
	}
}

// noteFirstEnded reports whether the second attempt is to be waited for: it is the
// one that answers, or it has begun and may yet.
func (x *race) noteFirstEnded(open bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.firstEnded = true
	wait := x.winner == &x.second || open && x.winner == nil && x.second.raced
	x.over = !wait
	return wait
}

// outcome is what came of both.
func (x *race) outcome(first *racer) result {
	switch {
	case x.winner == &x.second:
		return x.second.result
	case x.winner == nil && x.second.result.line != nil && first.result.line != nil:
		x.run.tried = append(x.run.tried, x.second.result.line)
	}
	return first.result
}

// runSecond waits until the second attempt is due, and makes it.
func (x *race) runSecond(ctx context.Context, first *line, after time.Duration) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	defer func() { x.panicked = recover() }()
	r := x.run
	skip := append([]*line{first}, r.tried...)
	to, ok := r.other(x.second.rival.to.target.Model, skip)
	if !ok || !x.beginSecond(to) {
		return
	}
	// A call of its own, as the first attempt has the other: it comes late to the
	// queue, and tells nobody that it waits there.
	call := &fairlead.Call{
		ID: r.call.ID, App: r.call.App, Operation: r.call.Operation, Face: r.call.Face, Arrived: time.Now(), Class: r.call.Class,
		Memory: r.call.Memory,
	}
	call.SetEstimate(r.call.Estimate())
	call.SetTargets([]fairlead.Target{to.target})
	sent := r.asking(to)
	x.second.result = r.attempt(ctx, call, &sent, try{to: to, skip: skip, emit: x.emitFor(&x.second), again: true})
}

// beginSecond reports whether the second attempt may be made: the first is still
// silent, and the budget has room.
func (x *race) beginSecond(to candidate) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.winner != nil || x.firstEnded || !x.second.rival.to.provider.hedges.Extra(time.Now()) {
		return false
	}
	x.second.to, x.second.raced = to, true
	return true
}
