package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// TestWorkingEnds is how a call's context may end, and what is to be seen of it.
func TestWorkingEnds(t *testing.T) {
	drained := fairlead.NewBusy("draining", "The service is about to stop", time.Second)
	gone := errors.New("the client is gone")
	for _, test := range []struct {
		name        string
		end         func(w *working, caller context.CancelCauseFunc)
		after       time.Duration
		err, cause  error
		interrupted bool
	}{
		{"its time", func(*working, context.CancelCauseFunc) {}, time.Minute, context.DeadlineExceeded, context.DeadlineExceeded, true},
		{"its caller's", func(_ *working, caller context.CancelCauseFunc) { caller(nil) }, 0, context.Canceled, context.Canceled, true},
		{"its caller's, with a cause", func(_ *working, caller context.CancelCauseFunc) { caller(gone) }, 0, context.Canceled, gone, true},
		{"a cause", func(w *working, _ context.CancelCauseFunc) { w.cancel(drained) }, 0, context.Canceled, drained, true},
		{"its release", func(w *working, _ context.CancelCauseFunc) { w.release() }, 0, context.Canceled, context.Canceled, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				caller, leave := context.WithCancelCause(t.Context())
				defer leave(nil)
				interrupted := false
				var w working
				began := time.Now()
				w.limit = began.Add(time.Minute)
				w.begin(caller, func() { interrupted = true })
				defer w.release()
				child, cancel := context.WithTimeout(&w, time.Hour)
				defer cancel()
				test.end(&w, leave)
				<-w.Done()
				synctest.Wait()
				if after := time.Since(began); after != test.after || interrupted != test.interrupted {
					t.Errorf("ended after %v, interrupted %v; want %v, %v", after, interrupted, test.after, test.interrupted)
				}
				for _, ctx := range []context.Context{&w, child} {
					if err, cause := ctx.Err(), context.Cause(ctx); !errors.Is(err, test.err) || !errors.Is(cause, test.cause) {
						t.Errorf("ended with %v because of %v; want %v, %v", err, cause, test.err, test.cause)
					}
				}
			})
		})
	}
}

// TestWorkingCallsOnce hangs functions in: each is called when the context ends,
// unless it was taken out before.
func TestWorkingCallsOnce(t *testing.T) {
	var w working
	w.begin(t.Context(), nil)
	called, late := make(chan struct{}), make(chan struct{})
	w.AfterFunc(func() { close(called) })
	stop := w.AfterFunc(func() { t.Error("called though it was taken out") })
	if !stop() || stop() {
		t.Error("a function is taken out once")
	}
	w.release()
	<-called
	if w.AfterFunc(func() { close(late) })() {
		t.Error("a function was taken out after the end")
	}
	<-late
}

// TestWorkingIsUsedByMany ends a context while others hang functions in and take
// them out: each runs or is taken out, and never both.
func TestWorkingIsUsedByMany(t *testing.T) {
	for range 200 {
		var w working
		w.begin(t.Context(), nil)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 20 {
					ran := make(chan struct{})
					if stop := w.AfterFunc(func() { close(ran) }); !stop() {
						<-ran
						return
					}
					select {
					case <-ran:
						t.Error("a function ran that was taken out")
					default:
					}
				}
			})
		}
		group.Go(func() { w.cancel(fairlead.NewLate(nil)) })
		group.Wait()
	}
}

// TestReleaseWaitsForInterrupt: when release has returned, nobody interrupts any
// more: who writes may be gone by then.
func TestReleaseWaitsForInterrupt(t *testing.T) {
	for range 2000 {
		var w working
		var released, late atomic.Bool
		over := make(chan struct{})
		w.begin(t.Context(), func() { late.Store(released.Load()) })
		go func() {
			defer close(over)
			w.cancel(fairlead.NewLate(nil))
		}()
		<-w.Done()
		w.release()
		released.Store(true)
		<-over
		if late.Load() {
			t.Fatal("the call was interrupted after release")
		}
	}
}
