package gateway

import (
	"context"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// Task is what a call does that is not answered by one call of a model. It may make
// calls of models by Inner, and enter the gate for work of its own.
type Task = func(ctx context.Context) error

// Run does task for call, which is of that operation: it has the operation's time,
// passes the entry gates, and ends in one Record, as every call. It holds no slot: what
// task asks of models does, one by one. Run blocks until task has returned; every error
// is a *fairlead.Error. A call that fails before anything was done for it in a slot
// costs its app nothing.
func (g *Gateway) Run(ctx context.Context, call *fairlead.Call, op fairlead.Operation, task Task) (err error) {
	call.Operation = op
	r := newRun(call)
	worked := ctx
	defer func() { err = g.conclude(worked, r, err, recover()) }()
	if err := g.Ready(); err != nil {
		g.admission.NoteWindows(ctx, call)
		return err
	}
	r.limit = g.end(call)
	if r.pass, err = g.admission.Admit(r, call); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			call.NoteServed()
		}
		g.settleCost(worked, r)
	}()
	worked = r //nolint:contextcheck // it ends with ctx
	if err := g.enter(ctx, r); err != nil {
		return err
	}
	call.OnStream(func() {
		r.patience.end()
		r.account.record.Stream = true
		r.account.record.FirstContent = time.Since(r.account.record.Arrived)
	})
	return r.do(task)
}

// Errand is Run for work that the service does for app on its own account, such as what
// remains to be done for a document: nobody waits for it. It passes no entry gate and
// costs no request, but its models' calls cost tokens, and it ends in one Record. It is
// of the class batch.
func (g *Gateway) Errand(ctx context.Context, app *fairlead.App, op fairlead.Operation, task func(ctx context.Context, call *fairlead.Call) error) (err error) {
	now := time.Now()
	call := &fairlead.Call{
		ID:  "errand_" + strconv.FormatUint(g.errands.Add(1), 10) + "_" + strconv.FormatInt(now.Unix(), 10),
		App: app, Operation: op, Face: "service", Arrived: now, Class: fairlead.Batch,
	}
	r := newRun(call)
	worked := ctx
	defer func() { err = g.conclude(worked, r, err, recover()) }()
	r.limit = g.end(call)
	worked = r //nolint:contextcheck // it ends with ctx
	if err := g.enter(ctx, r); err != nil {
		return err
	}
	return r.do(func(ctx context.Context) error { return task(ctx, call) })
}

// do runs the task, and notes what it has used.
func (r *run) do(task Task) error {
	defer func() {
		r.account.record.BytesIn = r.call.Received()
		attempts := r.call.Attempts()
		for i := range attempts {
			r.account.tasks.Input += attempts[i].Usage.Input
			r.account.tasks.Output += attempts[i].Usage.Output
		}
	}()
	return task(r)
}

// Inner is a Model for calls that are made for another one, by its Task: the call that
// Answer is given is that other one. The inner call is an attempt of it, of its app and
// class, in what is left of its time and in its place in the queue; it costs tokens, and
// no request. The operation is that of the request's dialect. Answer may be called from
// several goroutines at once.
func (g *Gateway) Inner() *Inner { return &Inner{gateway: g} }

// Inner makes calls for other calls; see Gateway.Inner.
type Inner struct{ gateway *Gateway }

// Answer implements fairlead.Model.
func (i *Inner) Answer(ctx context.Context, outer *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) (err error) {
	g := i.gateway
	call := &fairlead.Call{
		ID: outer.ID, App: outer.App, Operation: operation(req.Dialect), Face: outer.Face,
		Arrived: outer.Arrived, Class: outer.Class, Memory: outer.Memory,
	}
	defer func() { outer.Absorb(call) }()
	targets, err := g.upstream.Route(call.App, req.Envelope.Model)
	if err != nil {
		return err
	}
	call.SetTargets(targets)
	var pass admission.Pass
	if err := g.admission.Reserve(ctx, call, &pass, req); err != nil {
		return err
	}
	account := account{record: fairlead.Record{Arrived: time.Now(), Stream: req.Envelope.Stream}}
	defer func() { g.settleInner(ctx, call, pass, &account) }()
	if err := g.upstream.Answer(ctx, call, req, account.watch(emit)); err != nil {
		return err
	}
	return emit(fairlead.Event{End: &account.end})
}

// settleInner charges an inner call what it has used.
func (g *Gateway) settleInner(ctx context.Context, call *fairlead.Call, pass admission.Pass, acc *account) {
	outcome := admission.Outcome{Usage: acc.end.Usage, Seen: acc.frames, Answered: acc.record.BytesOut > 0, Abandoned: ctx.Err() != nil}
	if err := g.admission.Settle(context.WithoutCancel(ctx), call, pass, outcome); err != nil {
		g.logger.Warn("cost not settled", "request_id", call.ID, "error", err)
	}
}

// operation is what a request in that dialect asks for.
func operation(d fairlead.Dialect) fairlead.Operation {
	switch d {
	case fairlead.OpenAIEmbeddings:
		return fairlead.Embed
	case fairlead.RerankRequests:
		return fairlead.Rerank
	case fairlead.OpenAIChat, fairlead.OpenAIResponses, fairlead.AnthropicMessages:
	}
	return fairlead.Chat
}
