package upstream

import (
	"context"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/upstream/restraint"
)

// candidate is a model at a provider that a call may be sent to.
type candidate struct {
	*served

	target fairlead.Target
	// prepared is what its Preparer keeps of the request.
	prepared any
}

// try is one attempt in the making.
type try struct {
	to   candidate
	skip []*line // deployments to avoid
	emit fairlead.Emit
	// counted says that the provider is counted as busy by it already.
	counted bool
	// again says that the call was sent upstream before.
	again bool
	// sent, if not nil, is called when the attempt begins at that deployment.
	sent func(*line)
}

// result is what came of a try.
type result struct {
	err error
	// attempt is what is told of it in the Record, line where it was made; nil if
	// none was made.
	attempt *fairlead.Attempt
	line    *line
	verdict verdict
	// emitted says that something of an answer has gone to the caller.
	emitted bool
	// shut says that nobody could be asked any more when the slot came.
	shut bool
}

// attempt holds a slot exactly while the provider works.
func (u *Upstream) attempt(ctx context.Context, call *fairlead.Call, req *fairlead.Request, t try) (res result) {
	p := t.to.provider
	if !t.counted {
		p.busy.Add(1)
	}
	defer p.busy.Add(-1)
	lease, err := u.config.Gate.Enter(ctx, call, p.Name)
	if err != nil {
		return result{err: err}
	}
	used := false
	defer func() {
		if used {
			lease.Release()
		} else {
			lease.Undo()
		}
	}()
	now := time.Now()
	line, permit := t.to.take(now, string(call.App.ID), t.skip)
	if line == nil {
		return result{shut: true}
	}
	used = true
	defer t.to.leave(line)
	running := p.running.Add(1)
	defer p.running.Add(-1)

	s := sending{
		try: t, call: call, line: line, permit: permit, lease: lease, began: now, ended: now,
		full: p.limit != nil && int(running) >= p.limit.Now(), firsts: t.to.firstsOf(req),
	}
	wait := lease.Wait()
	s.attempt = fairlead.Attempt{Target: t.to.target, Waited: wait.Actual, Predicted: wait.Predicted}
	defer func() { s.permit.Done(s.ended, string(call.App.ID), s.verdict.outcome) }() // a panic says nothing
	if !t.again {
		p.retries.Request(now)
		if p.Hedge.isOn() {
			p.hedges.Request(now)
		}
	}
	if t.sent != nil {
		t.sent(line)
	}
	err = line.deployment.model.Answer(ctx, call, req, s.take)
	u.learn(&s, err)
	return result{err: err, attempt: &s.attempt, line: line, verdict: s.verdict, emitted: s.emitted}
}

// sending is an attempt on its way.
type sending struct {
	try

	call    *fairlead.Call
	line    *line
	permit  restraint.Permit
	lease   fairlead.Lease
	began   time.Time
	ended   time.Time
	full    bool // the provider's slots are used up by it
	firsts  *estimate.Quantile
	attempt fairlead.Attempt
	emitted bool
	verdict verdict
}

// take passes an event of the answer on.
func (s *sending) take(e fairlead.Event) error {
	if !s.emitted {
		s.begin(e)
	}
	switch {
	case e.Head != nil:
		s.attempt.Status = e.Head.Status
	case e.End != nil:
		s.attempt.Usage = e.End.Usage
		s.lease.Correct(s.attempt.Usage)
	case s.attempt.FirstContent == 0:
		s.attempt.FirstContent = time.Since(s.began)
	}
	return s.emit(e)
}

// longestAhead bounds the pause that is made because a provider's window is used
// up, before it has refused anything: some tell when it is full again rather
// than when it has room.
const longestAhead = 10 * time.Second

// begin notes that the answer begins.
func (s *sending) begin(e fairlead.Event) {
	now := time.Now()
	s.emitted = true
	s.permit.Alive(now)
	if s.firsts != nil {
		s.firsts.Add(now.Sub(s.began).Seconds())
	}
	if e.Head != nil && e.Head.Hold > 0 {
		s.line.rest(now.Add(min(e.Head.Hold, longestAhead)))
	}
}

// learn draws the conclusions from how an attempt ended.
func (u *Upstream) learn(s *sending, err error) {
	now := time.Now()
	s.ended = now
	a, p := &s.attempt, s.to.provider
	a.Duration = now.Sub(s.began)
	a.Err = fairlead.AsError(err)
	if a.Err != nil && a.Err.Status != 0 {
		a.Status = a.Err.Status
	}
	silent := a.Duration
	if s.emitted {
		silent = 0
	}
	s.verdict = judge(a.Err, silent)
	if a.Err != nil && a.Err.Hold > 0 {
		s.line.rest(now.Add(a.Err.Hold))
	}
	sample := restraint.Sample{Began: s.began, Ended: now, Party: string(s.call.App.ID), Full: s.full}
	switch {
	case s.verdict.crowded:
		sample.Verdict = restraint.Refused
		u.adapt(p, sample)
	case err == nil:
		u.adapt(p, sample)
	}
	if a.Err != nil && a.Err.Status == statusTooMany && (p.limit == nil || p.limit.IsLowest()) {
		s.verdict.outcome = restraint.Failure // fewer calls at a time won't help
	}
	if s.verdict.outcome == restraint.Failure || s.verdict.account {
		s.line.noteFailure(now, s.verdict, a.Err.Code)
	}
}

// adapt fits the provider's pool to what it takes.
func (u *Upstream) adapt(p *provider, s restraint.Sample) {
	if p.limit == nil || u.config.Pools == nil {
		return
	}
	limit, changed := p.limit.Note(s)
	for changed { // until it is what the last of those who do so at once has said
		u.config.Pools.Resize(p.Name, limit)
		now := p.limit.Now()
		limit, changed = now, now != limit
	}
}

// lead puts the target that answers before the call's others: its face tells of
// it in the head of the answer.
func lead(call *fairlead.Call, target fairlead.Target) {
	targets := call.Targets()
	if len(targets) == 0 || targets[0] == target {
		return
	}
	led := append(make([]fairlead.Target, 0, len(targets)), target)
	for _, t := range targets {
		if t != target {
			led = append(led, t)
		}
	}
	call.SetTargets(slices.Clip(led))
}
