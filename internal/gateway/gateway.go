// Package gateway is the one way through the service. Every operation of every
// face goes through do: deadline, entry gates, read, route, work, account. What
// a call took is given back and its Record is written by defer, whichever way
// it ends, a panic included.
//
// Work that outlives whoever asked for it, such as an answer that can be resumed,
// is the gateway's own: see Work. A drain waits for it as for any call.
//
// Start with Gateway.Chat and do.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// Read takes the request's body off the wire and scans its envelope. do calls
// it once, when the call has passed the entry gates.
type Read func(ctx context.Context) (*fairlead.Request, error)

// Config names what the gateway composes.
type Config struct {
	Admission *admission.Controller
	Upstream  *upstream.Upstream
	// Recorder reads each call's Record.
	Recorder fairlead.Recorder
	Logger   *slog.Logger
}

// Gateway runs operations. It is safe for concurrent use.
type Gateway struct {
	admission *admission.Controller
	upstream  *upstream.Upstream
	recorder  fairlead.Recorder
	logger    *slog.Logger

	errands atomic.Uint64 // how many there have been

	mu       sync.Mutex
	lanes    []*run // the running calls, by their numbers; nil where there is none
	free     []int  // the numbers that are free
	draining bool
	drainEnd time.Time
	jobs     map[*Work]struct{} // that run
	idle     chan struct{}      // closed when draining and nothing runs
}

// run is a call between its arrival and its Record. Its context is in which the
// call works.
type run struct {
	working

	account  account
	call     *fairlead.Call
	lane     int // its number; 0 if it is not among the running
	patience patience
	pass     admission.Pass
}

// New returns a gateway.
func New(config Config) *Gateway {
	return &Gateway{
		admission: config.Admission, upstream: config.Upstream, recorder: config.Recorder, logger: config.Logger,
		jobs: make(map[*Work]struct{}), idle: make(chan struct{}),
	}
}

// Chat answers a chat request. It blocks until the answer is emitted whole or
// has failed; every error is a *fairlead.Error.
func (g *Gateway) Chat(ctx context.Context, call *fairlead.Call, read Read, emit fairlead.Emit) error {
	call.Operation = fairlead.Chat
	return g.do(ctx, nil, call, read, emit)
}

// Embed answers an embeddings request, like Chat.
func (g *Gateway) Embed(ctx context.Context, call *fairlead.Call, read Read, emit fairlead.Emit) error {
	call.Operation = fairlead.Embed
	return g.do(ctx, nil, call, read, emit)
}

// CountTokens answers how many tokens a prompt has, like Chat. It costs a request
// of the app's, and a slot while it is asked, but no tokens.
func (g *Gateway) CountTokens(ctx context.Context, call *fairlead.Call, read Read, emit fairlead.Emit) error {
	call.Operation = fairlead.CountTokens
	return g.do(ctx, nil, call, read, emit)
}

// Look counts a request that reads only the service's own state: it costs no
// window and no slot, but a blocked app is refused.
func (g *Gateway) Look(app *fairlead.App) error { return g.admission.Arrive(app) }

// Standing tells how app stands with its limits.
func (g *Gateway) Standing(ctx context.Context, app *fairlead.App) (admission.Standing, error) {
	return g.admission.Standing(ctx, app)
}

// Lift ends the block that a burst brought app. It reports whether there was one.
func (g *Gateway) Lift(app fairlead.AppID) bool { return g.admission.Lift(app) }

// Models lists what app may name.
func (g *Gateway) Models(app *fairlead.App) []upstream.Listed { return g.upstream.Models(app) }

// Resolve finds what the model called name is for app; see upstream.Route.
func (g *Gateway) Resolve(app *fairlead.App, name string) (fairlead.Target, error) {
	targets, err := g.upstream.Route(app, name)
	if err != nil {
		return fairlead.Target{}, err
	}
	return targets[0], nil
}

// do is the one way through. job is nil where the call can't outlive its caller.
func (g *Gateway) do(ctx context.Context, job *Work, call *fairlead.Call, read Read, emit fairlead.Emit) (err error) {
	r := newRun(call)
	worked, apart := ctx, false
	defer func() { // the account's frame encloses all others
		if !apart {
			err = g.conclude(worked, r, err, recover())
		}
	}()

	// What is refused here has needed no timer yet, and no place among the running
	// calls: to refuse must be cheap.
	if err := g.Ready(); err != nil {
		g.admission.NoteWindows(ctx, call)
		return err
	}
	r.limit = g.end(call)
	if r.pass, err = g.admission.Admit(r, call); err != nil {
		return err
	}
	defer func() {
		if !apart {
			g.settleCost(worked, r)
		}
	}()
	worked = r //nolint:contextcheck // it ends with ctx
	if err := g.enter(ctx, r); err != nil {
		return err
	}

	req, err := read(worked)
	if err != nil {
		return err
	}
	r.account.noteRequest(req)
	if job == nil || job.finish == nil {
		return g.work(r, req, emit)
	}
	r.adopt(&job.life)
	r.patience.end() // how long the caller would wait is nothing to a call that it need not wait for
	call.Patience = 0
	err = g.Start(job, call.ID, func(context.Context) error { return g.goOn(r, req, emit) }) //nolint:contextcheck // r ends with it
	apart = err == nil
	return err
}

// goOn is what is left of do for a call that has left its caller.
func (g *Gateway) goOn(r *run, req *fairlead.Request, emit fairlead.Emit) (err error) {
	defer func() { err = g.conclude(r, r, err, recover()) }()
	defer g.settleCost(r, r)
	return g.work(r, req, emit)
}

func newRun(call *fairlead.Call) *run {
	return &run{call: call, account: account{record: fairlead.Record{
		ID: call.ID, App: call.App.ID, Operation: call.Operation, Face: call.Face, Arrived: call.Arrived, Class: call.Class,
	}}}
}

// work makes the call.
func (g *Gateway) work(r *run, req *fairlead.Request, emit fairlead.Emit) error {
	call := r.call
	targets, err := g.upstream.Route(call.App, req.Envelope.Model)
	if err != nil {
		return err
	}
	call.SetTargets(targets)
	r.account.record.Target = targets[0]
	if err := g.admission.Reserve(r, call, &r.pass, req); err != nil {
		return err
	}
	if err := g.upstream.Answer(r, call, req, r.account.watch(r.patience.watch(r, emit))); err != nil {
		return err
	}
	// The slot is given back: a caller that reads a whole answer slowly holds none.
	return emit(fairlead.Event{End: &r.account.end})
}

// conclude ends a call: what it returns is what became of it, which its Record
// tells too. panic is what the call has panicked with, or nil.
func (g *Gateway) conclude(worked context.Context, r *run, err error, value any) error {
	call := r.call
	if value != nil {
		err = panicked(value)
		g.logger.Error("panic in a call", "request_id", call.ID, "stack", string(debug.Stack()))
	}
	err = g.settle(worked, call, err)
	if fairlead.IsKind(err, fairlead.Limited) || fairlead.IsKind(err, fairlead.Busy) {
		g.admission.NoteRefused(call.App, fairlead.AsError(err).Code)
	}
	g.recorder.Record(r.account.close(call, err))
	g.leave(r)
	return err
}

// panicked is what a panic is called. Only what the runtime itself says is told:
// another value might hold anything.
func panicked(value any) error {
	if told, ok := value.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", told)
	}
	return fmt.Errorf("panic with a value of type %T", value)
}

// end is when the time of the call's operation is over; zero if it has no limit.
func (g *Gateway) end(call *fairlead.Call) time.Time {
	limit := g.admission.Timeout(call.Operation)
	if limit <= 0 {
		return time.Time{}
	}
	return call.Arrived.Add(limit)
}

// patience ends a call when its client has waited for as long as it said that it
// would: for a whole answer, or for a stream to begin.
type patience struct{ timer *time.Timer }

func newPatience(r *run, busyWait func() time.Duration) patience {
	call := r.call
	if call.Patience <= 0 {
		return patience{}
	}
	return patience{timer: time.AfterFunc(time.Until(call.Arrived.Add(call.Patience)), func() {
		if call.Slotted() {
			r.cancel(fairlead.NewLate(nil))
			return
		}
		r.cancel(fairlead.NewBusy("deadline_exceeded", "The request ran past its client's time", busyWait()))
	})}
}

// end ends it: the answer is there, or has begun.
func (p patience) end() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// watch ends it when a stream begins: with its first event, or with the first
// sign of life to a client that waits in the queue.
func (p patience) watch(r *run, emit fairlead.Emit) fairlead.Emit {
	if p.timer == nil || !r.account.record.Stream {
		return emit
	}
	if alive := r.call.Waiting; alive != nil {
		r.call.Waiting = func() error {
			p.end()
			return alive()
		}
	}
	return func(e fairlead.Event) error {
		p.end()
		return emit(e)
	}
}

// settleCost charges the call what it has used, which is nothing if it never
// held a slot. It must work for calls whose context has ended too.
func (g *Gateway) settleCost(ctx context.Context, r *run) {
	acc := &r.account
	outcome := admission.Outcome{Usage: acc.end.Usage, Seen: acc.frames, Answered: acc.record.BytesOut > 0, Abandoned: ctx.Err() != nil}
	if err := g.admission.Settle(context.WithoutCancel(ctx), r.call, r.pass, outcome); err != nil {
		g.logger.Warn("cost not settled", "request_id", r.call.ID, "error", err)
	}
}

// settle makes err what the call's caller should be told, given how its
// context ended.
func (g *Gateway) settle(ctx context.Context, call *fairlead.Call, err error) error {
	if err == nil {
		return nil
	}
	typed, isTyped := errors.AsType[*fairlead.Error](err)
	cause, isCaused := errors.AsType[*fairlead.Error](context.Cause(ctx))
	switch {
	case isCaused && isTyped && typed.Kind == fairlead.Busy && cause.Kind == fairlead.Busy:
		return typed // refused where it waited, by who knows for how long
	case isCaused: // the service ended it
		return cause
	case isTyped && (!errors.Is(ctx.Err(), context.Canceled) || isCallers(typed.Kind)):
		return typed // by who knows what went wrong
	case errors.Is(err, context.DeadlineExceeded) && !call.Slotted():
		return fairlead.NewBusy("deadline_exceeded", "The operation ran past its time", g.admission.BusyWait())
	case errors.Is(err, context.DeadlineExceeded):
		return fairlead.NewLate(err)
	case errors.Is(ctx.Err(), context.Canceled):
		return fairlead.NewCanceled(err)
	}
	return fairlead.AsError(err)
}

// isCallers reports whether an error of that kind is the caller's own doing, and
// so stands although its context has ended: a body that does not come ends it, and
// so does an answer that is not taken.
func isCallers(k fairlead.Kind) bool {
	switch k {
	case fairlead.Invalid, fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported, fairlead.NotFound, fairlead.Gone, fairlead.Forbidden,
		fairlead.Limited, fairlead.Unauthenticated, fairlead.NotAllowed, fairlead.Canceled:
		return true
	case fairlead.Internal, fairlead.Busy, fairlead.Late, fairlead.Upstream:
	}
	return false
}
