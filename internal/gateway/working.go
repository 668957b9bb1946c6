package gateway

import (
	"context"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/life"
)

// working is the context of a call at work. It ends with its caller's context,
// when the call's time is over, or with a cause that the gateway names. It carries
// no values.
//
// Its errors are context.Canceled and context.DeadlineExceeded, with the reason
// behind them: context.Cause returns the same, since it knows no more of a context
// that is not its own.
type working struct {
	life.Context

	limit time.Time   // when the call's time is over; zero if it has no limit
	timer *time.Timer // ends it then; nil without a limit
	// unwatch ends the watch over the caller's context.
	unwatch func() bool
}

// endedError is how a context ended, with the reason.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.err.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }

// begin starts to watch the caller's context, and the time if there is a limit.
// interrupt, if not nil, is called if it ends before release; it must not block.
func (w *working) begin(caller context.Context, interrupt func()) {
	w.AtEnd(interrupt)
	if !w.limit.IsZero() {
		w.timer = time.AfterFunc(time.Until(w.limit), func() { w.End(context.DeadlineExceeded) })
	}
	w.unwatch = life.AfterFunc(caller, func() { w.End(reasonOf(caller)) })
}

// adopt has it end with ctx, and no longer with its caller's context.
func (w *working) adopt(ctx *life.Context) {
	w.unwatch()
	w.AtEnd(nil)
	w.unwatch = ctx.AfterFunc(func() { w.End(reasonOf(ctx)) })
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
func (w *working) cancel(cause *fairlead.Error) { w.End(&endedError{context.Canceled, cause}) }

// release gives back what begin took. What was derived from it and is left over
// ends now; when it has returned, nothing is interrupted any more: whoever writes
// may be gone. The zero working has nothing.
func (w *working) release() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.unwatch != nil {
		w.unwatch()
	}
	w.AtEnd(nil)
	w.End(context.Canceled)
}

// Deadline implements context.Context.
func (w *working) Deadline() (time.Time, bool) { return w.limit, !w.limit.IsZero() }
