package admission

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/quota/charge"
)

// Pass is what a call got at the entry gates, to be settled at its end.
type Pass struct {
	// requests and tokens are the entries in the app's windows; 0 is none.
	requests, tokens uint64
	caller           *estimate.Caller
	bytes            int
	open             estimate.Entry
	reserved         time.Duration // when the tokens were
}

// Arrive counts a request of app in the burst guard. It returns an error of
// Kind Limited while the app is blocked.
func (c *Controller) Arrive(app *fairlead.App) error {
	left := c.party(app).guard.Arrive(c.now())
	if left <= 0 || c.inShadow(LimitBurst) {
		return nil
	}
	return c.blocked(left)
}

// inShadow reports whether the limit that would have refused a call is in
// shadow, and counts it then.
func (c *Controller) inShadow(l Limit) bool {
	if !c.shadow.has(l) {
		return false
	}
	c.shadow.note(l)
	return true
}

// Admit takes the call through the gates before its body: block, burst guard,
// shed, request window. It does not wait. Errors are of Kind Limited where the
// app is over a limit of its own, and Busy where the queue is full or the call's
// turn would come too late; then nothing was charged.
//
// The call counts from its arrival: it comes here at once.
func (c *Controller) Admit(ctx context.Context, call *fairlead.Call) (Pass, error) {
	p, now := c.partyOf(call), call.Arrived
	if left := p.guard.Arrive(now.Sub(c.start)); left > 0 && !c.inShadow(LimitBurst) {
		c.NoteWindows(ctx, call)
		return Pass{}, c.blocked(left)
	}
	if end := deadline(ctx, call); !end.IsZero() && !now.Before(end) {
		c.NoteWindows(ctx, call)
		return Pass{}, c.busy(codeTimeout, detailTimeout, place{party: p, flow: p.flow(call.Class)})
	}
	if flow := p.flow(call.Class); !c.queue.Contended() || call.Operation == fairlead.Upload { // which takes no slot
		p.returns.reset()
	} else {
		err := c.queue.Shed(flow, c.patience(ctx, call, now))
		if err != nil && !c.shadowed(err) {
			c.NoteWindows(ctx, call)
			return Pass{}, c.noPlace(err, place{party: p, flow: flow})
		}
	}
	if p.limits.requests <= 0 {
		return Pass{}, nil
	}
	took, state, err := p.requests.One(ctx, now)
	if err != nil {
		return Pass{}, fmt.Errorf("count the request: %w", err)
	}
	call.SetRequests(state)
	if took.Wait > 0 && !c.inShadow(LimitRequests) {
		c.noteTokens(ctx, call, now)
		return Pass{}, &fairlead.Error{
			Kind: fairlead.Limited, Code: "rate_limit_requests", Message: "Rate limit exceeded",
			Detail: "Rate limit: " + strconv.Itoa(p.limits.requests) + " requests per minute", RetryAfter: took.Wait,
		}
	}
	return Pass{requests: took.Entry}, nil
}

// patience is how long a call may wait for its slot and still be answered in
// time, as calls of its operation usually take; 0 = for ever, or where there are
// several providers: before the call's body is read it is not known for which it
// would wait.
func (c *Controller) patience(ctx context.Context, call *fairlead.Call, now time.Time) time.Duration {
	end := deadline(ctx, call)
	if end.IsZero() || c.several {
		return 0
	}
	left := end.Sub(now)
	return max(left-c.usual(call, left), 1)
}

// The largest part of its time that a call is taken to need for its answer: of
// what its app's calls took, and of what those of all apps took.
const (
	mostOwn    = 0.75
	mostCommon = 0.5
)

// allApps stands for all apps in what was learned of service times.
const allApps = ""

// usual is how long half of the calls like this one take: those of its app, or
// before there were enough those of all.
func (c *Controller) usual(call *fairlead.Call, left time.Duration) time.Duration {
	op := call.Operation.String()
	if own, ok := c.service.P50(string(call.App.ID), op); ok {
		return min(own, part(left, mostOwn))
	}
	common, _ := c.service.P50(allApps, op)
	return min(common, part(left, mostCommon))
}

// shortest is how long a tenth of the calls like this one take at most.
func (c *Controller) shortest(call *fairlead.Call, left time.Duration) time.Duration {
	op := call.Operation.String()
	if own, ok := c.service.P10(string(call.App.ID), op); ok {
		return min(own, part(left, mostOwn))
	}
	common, _ := c.service.P10(allApps, op)
	return min(common, part(left, mostCommon))
}

func part(d time.Duration, share float64) time.Duration { return time.Duration(float64(d) * share) }

// deadline is when the call's time, or its client's patience, is over; zero if
// neither ends.
func deadline(ctx context.Context, call *fairlead.Call) time.Time {
	end, _ := ctx.Deadline()
	if call.Patience <= 0 {
		return end
	}
	if given := call.Arrived.Add(call.Patience); end.IsZero() || given.Before(end) {
		return given
	}
	return end
}

// Reserve takes the call through the gate behind its body: the app's token
// window, which is charged with what the call is expected to use. It does not
// wait. Errors are of Kind Limited; then nothing more was charged.
func (c *Controller) Reserve(ctx context.Context, call *fairlead.Call, pass *Pass, req *fairlead.Request) error {
	model := req.Envelope.Model
	if targets := call.Targets(); len(targets) > 0 {
		model = targets[0].Model // whoever serves it: it writes alike, and its name needs no allocation
	}
	if call.Operation == fairlead.CountTokens { // it uses none
		call.SetEstimate(fairlead.Estimate{Width: 1})
		c.noteTokens(ctx, call, c.clock())
		return nil
	}
	pass.caller = c.partyOf(call).callerOf(c.tokens, model)
	pass.bytes = promptBytes(req, c.config.Tokens)
	if req.Dialect == fairlead.AnthropicMessages && c.config.Tokens != estimate.Hard {
		pass.bytes -= estimate.BlockExcess(req.Body)
	}
	asked := req.Envelope
	if call.Operation != fairlead.Chat {
		asked.MaxTokens, asked.Choices = 1, 0 // no operation but a chat has an output
	}
	cost := c.cost(pass, asked)
	if call.Operation != fairlead.Chat {
		cost.Most -= cost.Output
		cost.Output = 0
	}
	call.SetEstimate(fairlead.Estimate{
		Input: cost.Input, Output: cost.Output, Most: cost.Most, Stream: req.Envelope.Stream, Width: c.width(call, cost.Input),
	})
	return c.reserveTokens(ctx, call, pass, cost)
}

func promptBytes(req *fairlead.Request, mode estimate.Mode) int {
	if req.Envelope.Flat {
		return estimate.TextBytes(req.Body, mode)
	}
	return estimate.PromptBytes(req.Body, mode)
}

// roomWait is how long a call should stay away where only the room that is left for
// the calls under way is in its way: that comes free as they end. most is how long
// until it does if none ends.
func (c *Controller) roomWait(call *fairlead.Call, most time.Duration) time.Duration {
	return min(max(c.usual(call, most), time.Second), most)
}

// mostTokens bounds what a call is taken to cost, so that sums don't overflow.
const mostTokens = 1 << 40

// cost is what a call is expected to cost: all of its choices.
func (c *Controller) cost(pass *Pass, e fairlead.Envelope) estimate.Cost {
	one := pass.caller.Estimate(pass.bytes, min(e.MaxTokens, mostTokens))
	if e.Choices <= 1 {
		return one
	}
	choices := min(e.Choices, mostTokens/max(one.Most, 1))
	longest := one.Most - one.Input
	one.Output *= choices
	one.Most = one.Input + longest*choices
	return one
}

// reserveTokens charges the app's token window with cost.
func (c *Controller) reserveTokens(ctx context.Context, call *fairlead.Call, pass *Pass, cost estimate.Cost) error {
	p := c.partyOf(call)
	limit := p.limits.tokens
	if limit <= 0 {
		return nil
	}
	n := max(cost.Tokens(), 1)
	if c.config.Tokens == estimate.Hard && n > limit {
		if c.inShadow(LimitTokens) {
			return nil
		}
		return &fairlead.Error{
			Kind: fairlead.Limited, Code: "tokens_over_limit", Message: "Rate limit exceeded", NoRetry: true,
			Detail: fmt.Sprintf("The request may use %d tokens; the app's limit is %d tokens per minute", n, limit),
		}
	}
	now := c.clock() // its body may have taken its time
	at := now.Sub(c.start)
	took, state, err := p.tokens.Reserve(ctx, now, at, cost)
	if err != nil {
		return fmt.Errorf("count the tokens: %w", err)
	}
	call.SetTokens(state)
	if took.Wait > 0 {
		if c.inShadow(LimitTokens) {
			return nil
		}
		wait := took.Wait
		if state.Remaining >= n {
			wait = c.roomWait(call, wait)
		}
		return &fairlead.Error{
			Kind: fairlead.Limited, Code: "rate_limit_tokens", Message: "Rate limit exceeded",
			Detail: fmt.Sprintf("Rate limit: %d tokens per minute", limit), RetryAfter: wait,
		}
	}
	pass.tokens, pass.open, pass.reserved = took.Entry, took.Open, at
	return nil
}

// callerOf is what is known of the app's calls of a model.
func (p *party) callerOf(tokens *estimate.Tokens, model string) *estimate.Caller {
	if last := p.caller.Load(); last != nil && last.Key().Model == model {
		return last
	}
	caller := tokens.Of(estimate.Key{App: string(p.app.ID), Model: model})
	p.caller.Store(caller)
	return caller
}

// mostWidth is the largest part of the slots, or where they have no limit of its
// provider's, that one call takes: one in so many.
const mostWidth = 4

// width is how many slots a prompt of that many tokens takes.
func (c *Controller) width(call *fairlead.Call, tokens int) int {
	per, slots := c.config.TokensPerSlot, c.config.Slots
	if per <= 0 {
		return 1
	}
	if targets := call.Targets(); slots <= 0 && len(targets) > 0 {
		slots = c.config.Pools[targets[0].Provider].Slots
	}
	return max(min((tokens+per-1)/per, slots/mostWidth), 1)
}

// Outcome is what became of a call.
type Outcome struct {
	Usage fairlead.Usage
	// Seen is how many tokens of output passed, as far as it is known, where the
	// provider did not say in the end.
	Seen int
	// Answered says that something of an answer came, Abandoned that the client
	// left, or the call's time was over, before it was whole.
	Answered, Abandoned bool
}

// Settle ends what Admit and Reserve began: a call that never held a slot gets
// everything back, another one is charged what it has used.
func (c *Controller) Settle(ctx context.Context, call *fairlead.Call, pass Pass, out Outcome) error {
	if !call.Slotted() {
		return c.undo(ctx, call, pass)
	}
	used := out.Usage.Input + out.Usage.Output
	if used > 0 && pass.caller != nil {
		pass.caller.Learn(pass.bytes, out.Usage.Input, out.Usage.Output)
	}
	p := c.partyOf(call)
	c.noteService(call, p, pass)
	if pass.tokens == 0 {
		return nil
	}
	if used > 0 {
		return p.tokens.Settle(ctx, charge.Taken{Entry: pass.tokens, Open: pass.open}, pass.reserved+worked(call), used)
	}
	err := c.settleUnknown(ctx, call, p.tokens.Counter, pass.tokens, out)
	p.tokens.Drop(pass.open)
	return err
}

// worked is how long a call has waited for its slots and held them.
func worked(call *fairlead.Call) time.Duration {
	all := call.Waited()
	attempts := call.Attempts()
	for i := range attempts {
		all += attempts[i].Duration
	}
	return all
}

// settleUnknown charges a call of which nobody says what it used.
func (c *Controller) settleUnknown(ctx context.Context, call *fairlead.Call, tokens fairlead.Counter, entry uint64, out Outcome) error {
	switch {
	case out.Seen > 0:
		return tokens.Correct(ctx, entry, call.Estimate().Input+out.Seen)
	case out.Answered, out.Abandoned && c.config.Tokens == estimate.Hard:
		return nil // the estimate stands
	case out.Abandoned: // the provider has worked, and counts it
		return tokens.Correct(ctx, entry, call.Estimate().Input)
	}
	return tokens.Undo(ctx, entry) // it gave no answer: there is nothing that it would charge
}

// undo gives back what the call was charged.
func (c *Controller) undo(ctx context.Context, call *fairlead.Call, pass Pass) error {
	p := c.partyOf(call)
	if pass.tokens != 0 {
		p.tokens.Drop(pass.open)
		if err := p.tokens.Undo(ctx, pass.tokens); err != nil {
			return err
		}
	}
	if pass.requests != 0 {
		if err := p.requests.Undo(ctx, pass.requests); err != nil {
			return err
		}
	}
	c.NoteWindows(ctx, call)
	return nil
}

// Of the times that an app's attempts take, the first so many are learned from, then
// one in so many: they change slowly.
const (
	learnFirst = 64
	learnEvery = 16
)

// noteService learns how long attempts of the app that succeeded took.
func (c *Controller) noteService(call *fairlead.Call, p *party, pass Pass) {
	if !p.learnsFrom(pass) {
		return
	}
	attempts := call.Attempts()
	for i := range attempts {
		if a := &attempts[i]; a.Err == nil {
			c.service.Add(string(call.App.ID), call.Operation.String(), a.Duration)
			c.service.Add(allApps, call.Operation.String(), a.Duration)
		}
	}
}

// learnsFrom reports whether the times of a call are learned from. The calls of an
// app that has a token window are numbered there: counting them here again is dear.
func (p *party) learnsFrom(pass Pass) bool {
	if pass.open != 0 && p.served.Load() >= learnFirst {
		return pass.open.Number()%learnEvery == 0
	}
	n := p.served.Add(1)
	return n <= learnFirst || n%learnEvery == 0
}

// NoteWindows tells a call how its app's windows stand now, where its own
// admission does not: it was refused before, or gave its entries back.
func (c *Controller) NoteWindows(ctx context.Context, call *fairlead.Call) {
	now := c.clock()
	if p := c.partyOf(call); p.limits.requests > 0 {
		if state, err := p.requests.Look(ctx, now); err == nil {
			call.SetRequests(state)
		}
	}
	c.noteTokens(ctx, call, now)
}

func (c *Controller) noteTokens(ctx context.Context, call *fairlead.Call, now time.Time) {
	p := c.partyOf(call)
	if p.limits.tokens <= 0 {
		return
	}
	if state, err := p.tokens.Look(ctx, now); err == nil {
		call.SetTokens(state)
	}
}

func requestWindow(app *fairlead.App) fairlead.Window {
	return fairlead.Window{App: app.ID, Name: "requests", Limit: app.RateLimitPerMinute, Per: time.Minute}
}

func tokenWindow(app *fairlead.App) fairlead.Window {
	return fairlead.Window{App: app.ID, Name: "tokens", Limit: app.TokensPerMinute, Per: time.Minute, Weighted: true}
}
