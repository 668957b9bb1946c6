package gateway

import (
	"context"
	"runtime/debug"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/life"
)

// Work is something that outlives whoever asked for it. It runs in a goroutine of
// the gateway's, with a context of its own, until it is done or Cancel ends it;
// Drain waits for it. It is for one use.
type Work struct {
	life   life.Context
	done   chan struct{}
	err    error           // how it ended; written before done is closed
	finish func(err error) // see Detach
}

// NewWork returns work that has not begun.
func NewWork() *Work { return &Work{done: make(chan struct{})} }

// Cancel ends its context, with what the calls that it makes are to be told. It does
// not block, and may be called at any time, from any goroutine: work that begins
// later has ended then.
func (w *Work) Cancel(cause *fairlead.Error) { w.life.End(&endedError{context.Canceled, cause}) }

// Done is closed when the work has ended. It stays open if Start refused it.
func (w *Work) Done() <-chan struct{} { return w.done }

// Err is how it ended: what it returned, or an error in place of its panic. It is
// known when Done is closed.
func (w *Work) Err() error { return w.err }

// Detach is for a Read of StartChat: the call goes on without its caller. finish is
// called with how it ended, when its Record is written; it must not block for long.
// What the call has of its caller's (Interrupt, Waiting, Memory, the body) the Read
// replaces by what stays. Its Patience ends.
func (w *Work) Detach(finish func(err error)) { w.finish = finish }

// Start runs f in a goroutine of the gateway's; id names the work in the log. An
// error, of Kind Busy, says that the service is about to stop: f is not called then.
// What f returns is told by w alone. A panic in f ends nothing but the work.
func (g *Gateway) Start(w *Work, id string, f func(ctx context.Context) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return g.stopping()
	}
	g.jobs[w] = struct{}{}
	go g.run(w, id, f)
	return nil
}

func (g *Gateway) run(w *Work, id string, f func(ctx context.Context) error) {
	defer func() {
		close(w.done)
		w.life.End(context.Canceled) // what was derived from it and is left over ends
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.jobs, w)
		g.noteIdle()
	}()
	w.err = g.contain(id, func() error { return f(&w.life) })
	if w.finish == nil {
		return
	}
	_ = g.contain(id, func() error { w.finish(w.err); return nil }) // it is logged
}

// contain calls f, and makes an error of its panic.
func (g *Gateway) contain(id string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
			g.logger.Error("panic in work", "request_id", id, "stack", string(debug.Stack()))
		}
	}()
	return f()
}

// StartChat is Chat whose call may go on without its caller: if read calls w.Detach,
// StartChat returns nil as soon as read has returned its request, and the rest is
// done in a goroutine of the gateway's until it is done or w.Cancel ends it. emit is
// called from there then. Otherwise, and if the service is about to stop, it is Chat
// and no more: finish is not called.
func (g *Gateway) StartChat(ctx context.Context, w *Work, call *fairlead.Call, read Read, emit fairlead.Emit) error {
	call.Operation = fairlead.Chat
	return g.do(ctx, w, call, read, emit)
}
