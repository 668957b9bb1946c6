package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// working is the context of a call at work. It ends with its caller's context,
// when the call's time is over, or with a cause that the gateway names. It does
// what context.WithCancelCause, WithDeadline and AfterFunc would do one over the
// other, in one piece: with them, a call's contexts would cost more than its
// admission. It carries no values.
//
// It implements AfterFunc, as package context asks of a context that is not its
// own, so contexts derived from it need no goroutine.
type working struct {
	limit time.Time   // when the call's time is over; zero if it has no limit
	timer *time.Timer // ends it then; nil without a limit
	// unwatch ends the watch over the caller's context.
	unwatch func() bool

	mu        sync.Mutex
	err       error         // why it ended; nil while it has not
	done      chan struct{} // nil until somebody asks for it
	interrupt func()        // called when it ends, and not at release
	hooks     *hook         // called then too
}

// hook is a function to be called when a working context ends; nil when it was
// taken out.
type hook struct {
	call       func()
	prev, next *hook
}

// endedError is how a context ended, with the reason.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.err.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }

// begin starts to watch the caller's context, and the time if there is a limit.
// interrupt, if not nil, is called if it ends before release; it must not block.
func (w *working) begin(caller context.Context, interrupt func()) {
	w.interrupt = interrupt
	if !w.limit.IsZero() {
		w.timer = time.AfterFunc(time.Until(w.limit), func() { w.finish(context.DeadlineExceeded) })
	}
	over := func() { w.finish(reasonOf(caller)) }
	if able, ok := caller.(interface{ AfterFunc(f func()) func() bool }); ok { // which context.AfterFunc would use, with more around it
		w.unwatch = able.AfterFunc(over)
	} else if caller.Done() != nil {
		w.unwatch = context.AfterFunc(caller, over)
	}
}

// reasonOf is why an ended context did.
func reasonOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == err { //nolint:errorlint // without a cause, Cause is Err itself
		return err
	}
	return &endedError{err, cause}
}

// cancel ends it with what the call is to be told.
func (w *working) cancel(cause *fairlead.Error) { w.finish(&endedError{context.Canceled, cause}) }

// release gives back what begin took. What was derived from it and is left over
// ends now; nothing is interrupted any more. The zero working has nothing.
func (w *working) release() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.unwatch != nil {
		w.unwatch()
	}
	w.mu.Lock()
	w.interrupt = nil
	w.mu.Unlock()
	w.finish(context.Canceled)
}

// finish ends it, unless it has ended.
func (w *working) finish(err error) {
	w.mu.Lock()
	if w.err != nil {
		w.mu.Unlock()
		return
	}
	w.err = err
	if w.done != nil {
		close(w.done)
	}
	hooks := w.hooks
	w.hooks = nil
	if w.interrupt != nil {
		w.interrupt() // within the mutex: when release has returned, whoever writes may be gone
	}
	w.mu.Unlock()
	for h := hooks; h != nil; h = h.next {
		go h.call()
	}
}

// AfterFunc calls f, in a goroutine of its own, when the context has ended. stop
// reports whether it kept f from being called.
func (w *working) AfterFunc(f func()) (stop func() bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		go f()
		return func() bool { return false }
	}
	h := &hook{call: f, next: w.hooks}
	if h.next != nil {
		h.next.prev = h
	}
	w.hooks = h
	return func() bool { return w.unhook(h) }
}

// unhook reports whether it took h out before the end.
func (w *working) unhook(h *hook) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || h.call == nil {
		return false
	}
	h.call = nil
	if h.next != nil {
		h.next.prev = h.prev
	}
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		w.hooks = h.next
	}
	return true
}

// Deadline implements context.Context.
func (w *working) Deadline() (time.Time, bool) { return w.limit, !w.limit.IsZero() }

// Done implements context.Context.
func (w *working) Done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done == nil {
		w.done = make(chan struct{})
		if w.err != nil {
			close(w.done)
		}
	}
	return w.done
}

// Err implements context.Context. Its errors are context.Canceled and
// context.DeadlineExceeded, with the reason behind them: context.Cause returns the
// same, since it knows no more of a context that is not its own.
func (w *working) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Value implements context.Context: there are none.
func (w *working) Value(any) any { return nil }
