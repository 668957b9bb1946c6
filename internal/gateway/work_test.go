package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// apart is a Read that has the call go on without its caller.
func apart(w *Work, finish func(error)) Read {
	return func(ctx context.Context) (*fairlead.Request, error) {
		w.Detach(finish)
		return readStream(ctx)
	}
}

// lasting is work that takes so long.
func lasting(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// codeOf is the code of an error; "" of none.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fairlead.AsError(err).Code
}

func TestWorkIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		takes   time.Duration
		drained time.Duration
		want    string // the code of its error
	}{
		{"it ends in time", 3 * time.Second, 3 * time.Second, ""},
		{"it does not", time.Hour, 20 * time.Second, "draining"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, w, began := newBench(whole), NewWork(), time.Now()
				if err := b.Start(w, "work", lasting(c.takes)); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				b.Drain(ctx)
				if took := time.Since(began); took != c.drained {
					t.Errorf("drained after %v, want %v", took, c.drained)
				}
				<-w.Done()
				if code := codeOf(w.Err()); code != c.want {
					t.Errorf("it ended with %v, want %q", w.Err(), c.want)
				}
				late := NewWork()
				err := b.Start(late, "late", func(context.Context) error { t.Error("work began in a service that stops"); return nil })
				if !fairlead.IsKind(err, fairlead.Busy) {
					t.Errorf("work in a service that stops: %v", err)
				}
			})
		})
	}
}

func TestWorkIsCanceled(t *testing.T) {
	cause := &fairlead.Error{Kind: fairlead.Canceled, Code: "canceled"}
	for _, early := range []bool{true, false} { // before it begins, or after
		b, w := newBench(whole), NewWork()
		if early {
			w.Cancel(cause)
		}
		if err := b.Start(w, "work", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); err != nil {
			t.Fatal(err)
		}
		w.Cancel(cause)
		<-w.Done()
		if e, ok := errors.AsType[*fairlead.Error](w.Err()); !ok || e != cause || !errors.Is(w.Err(), context.Canceled) {
			t.Errorf("early %t: %v", early, w.Err())
		}
	}
}

func TestPanicInWork(t *testing.T) {
	b, w, finished := newBench(whole), NewWork(), make(chan error, 1)
	w.Detach(func(err error) { finished <- err; panic("another secret") })
	if err := b.Start(w, "work_9", func(context.Context) error { panic("a secret") }); err != nil {
		t.Fatal(err)
	}
	<-w.Done()
	if err := <-finished; err == nil || w.Err() == nil {
		t.Errorf("it ended with %v and %v", err, w.Err())
	}
	text := b.log.String() + w.Err().Error()
	if strings.Contains(text, "secret") || strings.Count(text, "request_id=work_9") != 2 || !strings.Contains(text, "work_test.go") {
		t.Errorf("the log: %s", text)
	}
	b.Drain(t.Context())
}

// TestCallThatOutlivesItsCaller: its caller leaves a second after it has begun. It
// ends in one Record and leaves no slot, whichever way out, and finish is told last.
func TestCallThatOutlivesItsCaller(t *testing.T) {
	canceled := &fairlead.Error{Kind: fairlead.Canceled, Code: "canceled"}
	for _, c := range []struct {
		name   string
		model  answer
		cancel time.Duration // 0: never
		want   string        // the code of its error
		took   time.Duration
	}{
		{"answered", frames(5, whole), 0, "", 5 * time.Second},
		{"provider fails", frames(3, fails), 0, "upstream_error", 3 * time.Second},
		{"provider panics", frames(3, panics), 0, "internal_error", 3 * time.Second},
		{"time is over", hang, 0, "deadline_exceeded", 40 * time.Second},
		{"canceled", hang, 7 * time.Second, "canceled", 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, w, began := newBench(c.model), NewWork(), time.Now()
				ends := b.leaveEarly(t, w)
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, func() { w.Cancel(canceled) })
				}
				<-w.Done()
				if len(*ends) != 1 || codeOf((*ends)[0]) != c.want || time.Since(began) != c.took {
					t.Errorf("it ended with %v after %v; want %q after %v", *ends, time.Since(began), c.want, c.took)
				}
				if r := b.last(t); r.Duration != c.took || !r.Stream {
					t.Errorf("record %+v", r)
				}
				synctest.Wait()
			})
		})
	}
}

// leaveEarly begins a call that outlives its caller, who leaves after a second. It
// returns how it ends, each time that it does.
func (b *bench) leaveEarly(t *testing.T, w *Work) *[]error {
	t.Helper()
	ends, began := new([]error), time.Now()
	call := b.call("req_1")
	call.Interrupt = func() { t.Error("its caller's writes are interrupted") }
	caller, leave := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, leave)
	err := b.StartChat(caller, w, call, apart(w, func(err error) {
		*ends = append(*ends, err)
		b.checkOver(t, fairlead.AsError(err))
	}), discard)
	if err != nil || time.Since(began) != 0 {
		t.Fatalf("it returned %v after %v", err, time.Since(began))
	}
	return ends
}

// TestCallThatStaysWithItsCaller: what does not come so far as to be detached, or
// does not ask for it, is as Chat has it.
func TestCallThatStaysWithItsCaller(t *testing.T) {
	for _, c := range []struct {
		name  string
		model answer
		read  func(w *Work) Read
		want  fairlead.Kind
	}{
		{"not detached, the caller leaves", hang, func(*Work) Read { return readStream }, fairlead.Canceled},
		{"not detached, answered", whole, func(*Work) Read { return readStream }, 0},
		{"detached, but the body is bad", whole, func(w *Work) Read {
			return func(ctx context.Context) (*fairlead.Request, error) {
				_, _ = apart(w, nil)(ctx)
				return nil, &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_json"}
			}
		}, fairlead.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, w := newBench(c.model), NewWork()
				caller, leave := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, leave)
				err := b.StartChat(caller, w, b.call("req_1"), c.read(w), discard)
				if e := fairlead.AsError(err); c.want == 0 && e != nil || c.want != 0 && (e == nil || e.Kind != c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				b.checkOver(t, fairlead.AsError(err))
			})
		})
	}
}

// TestPatienceEndsWithTheCaller: how long its caller would wait is nothing to a call
// that goes on without it.
func TestPatienceEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, w, began := newBench(hang), NewWork(), time.Now()
		call := b.call("req_1")
		call.Patience = 3 * time.Second
		if err := b.StartChat(t.Context(), w, call, apart(w, func(error) {}), discard); err != nil {
			t.Fatal(err)
		}
		<-w.Done()
		if took := time.Since(began); took != 40*time.Second || codeOf(w.Err()) != "deadline_exceeded" {
			t.Errorf("it ended with %v after %v, want its operation's time", w.Err(), took)
		}
		synctest.Wait()
	})
}

// TestDetachedCallInADrain: it is ended like any other; one that would begin is
// refused, with its Record.
func TestDetachedCallInADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, w := newBench(hang), NewWork()
		finished := make(chan error, 1)
		if err := b.StartChat(t.Context(), w, b.call("req_1"), apart(w, func(err error) { finished <- err }), discard); err != nil {
			t.Fatal(err)
		}
		late := NewWork()
		go func() {
			err := b.StartChat(t.Context(), late, b.call("req_2"), func(ctx context.Context) (*fairlead.Request, error) {
				<-time.After(5 * time.Second) // the drain begins while it is read
				return apart(late, func(error) { t.Error("it was finished") })(ctx)
			}, discard)
			if e := fairlead.AsError(err); e == nil || e.Code != "draining" {
				t.Errorf("a call that would be detached during a drain: %v", err)
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		b.Drain(ctx)
		if e := fairlead.AsError(<-finished); e == nil || e.Code != "draining" {
			t.Errorf("it ended with %+v", e)
		}
		if len(b.records) != 2 || len(b.Active()) != 0 {
			t.Errorf("records %+v", b.records)
		}
	})
}
