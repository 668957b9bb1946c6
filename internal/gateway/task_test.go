package gateway

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// taskBench has two slots, and time for analyses.
func taskBench(model fairlead.Model) *bench {
	return benchOf(admission.Config{
		Slots: 2, MaxQueue: 50, MaxQueuePerApp: 50, Pools: map[string]admission.Pool{"p": {}, fairlead.LocalPool: {}},
		Burst:    admission.Burst{PerSecond: 50, Block: 5 * time.Minute},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Analyze: 40 * time.Second, fairlead.Upload: 30 * time.Second},
	}, model)
}

func chatRequest() *fairlead.Request {
	return &fairlead.Request{
		Dialect: fairlead.OpenAIChat, Body: []byte(`{"model":"m","messages":[]}`), Envelope: fairlead.Envelope{Model: "m"},
	}
}

// crowd is a model that takes a second, and counts who asks it at the same time.
type crowd struct {
	mu        sync.Mutex
	most, now int
}

func (c *crowd) answer(ctx context.Context, emit fairlead.Emit) error {
	c.add(1)
	<-time.After(time.Second)
	c.add(-1)
	return whole(ctx, emit)
}

func (c *crowd) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

// asking is a task that makes n inner calls at once.
func asking(model fairlead.Model, call *fairlead.Call, n int) Task {
	return func(ctx context.Context) error {
		errs := make([]error, n)
		var calls sync.WaitGroup
		for i := range n {
			calls.Go(func() { errs[i] = model.Answer(ctx, call, chatRequest(), discard) })
		}
		calls.Wait()
		return errors.Join(errs...)
	}
}

// TestTaskHoldsNoSlotOfItsOwn: more inner calls than slots, of several tasks at once,
// all come through; each is an attempt of its task's one Record, and costs no request.
func TestTaskHoldsNoSlotOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tasks, inner = 3, 8
		var upstream crowd
		b := taskBench(answer(upstream.answer))
		model := b.Inner()
		shared := app() // the calls have one window
		var group sync.WaitGroup
		for range tasks {
			group.Go(func() {
				call := b.call("analysis")
				call.App = shared
				if err := b.Run(t.Context(), call, fairlead.Analyze, asking(model, call, inner)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if upstream.most != 2 {
			t.Errorf("%d calls were upstream at once, want the 2 slots", upstream.most)
		}
		if len(b.records) != tasks {
			t.Fatalf("%d Records, want %d", len(b.records), tasks)
		}
		one := b.last(t)
		if one.Operation != fairlead.Analyze || len(one.Attempts) != inner {
			t.Errorf("Record of %v with %d attempts", one.Operation, len(one.Attempts))
		}
		if want := (fairlead.Usage{Input: inner, Output: 2 * inner}); one.Usage != want {
			t.Errorf("usage %+v, want the sum %+v", one.Usage, want)
		}
		if got := b.remaining(t); got != 10-tasks {
			t.Errorf("%d requests left of 10, want %d", got, 10-tasks)
		}
		if slots := b.control.Slots(); slots.InUse != 0 || slots.Waiting != 0 {
			t.Errorf("left over: %+v", slots)
		}
	})
}

// TestWhatATaskCosts: one that did its work without a slot is charged, one that failed
// before it had any is not.
func TestWhatATaskCosts(t *testing.T) {
	b := taskBench(answer(whole))
	served := func(context.Context) error { return nil }
	refused := func(context.Context) error {
		return &fairlead.Error{Kind: fairlead.TooLarge, Code: "body_too_large", Message: "no"}
	}
	for _, tt := range []struct {
		name string
		task Task
		left int
	}{{"served", served, 9}, {"failed", refused, 9}, {"served again", served, 8}} {
		_ = b.Run(t.Context(), b.call(tt.name), fairlead.Upload, tt.task)
		if got := b.remaining(t); got != tt.left {
			t.Errorf("%s: %d requests left, want %d", tt.name, got, tt.left)
		}
	}
	if len(b.records) != 3 {
		t.Errorf("%d Records, want 3", len(b.records))
	}
}

// TestTaskEndsWithItsTime: what it asks of a model ends with the operation's time.
func TestTaskEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := taskBench(answer(hang))
		began := time.Now()
		call := b.call("late")
		err := b.Run(t.Context(), call, fairlead.Analyze, func(ctx context.Context) error {
			return b.Inner().Answer(ctx, call, chatRequest(), discard)
		})
		if took := time.Since(began); took != 40*time.Second || !fairlead.IsKind(err, fairlead.Late) {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestPanicInATask ends in a Record and an error, as every call.
func TestPanicInATask(t *testing.T) {
	b := taskBench(answer(whole))
	err := b.Run(t.Context(), b.call("boom"), fairlead.Upload, func(context.Context) error { panic("secret") })
	if !fairlead.IsKind(err, fairlead.Internal) || b.last(t).Err == nil {
		t.Errorf("got %v", err)
	}
}

// TestErrandCostsNoRequest: it has a Record and its attempts, and no window knows of it.
func TestErrandCostsNoRequest(t *testing.T) {
	b := taskBench(answer(whole))
	err := b.Errand(t.Context(), app(), fairlead.Embed, func(ctx context.Context, call *fairlead.Call) error {
		return b.Inner().Answer(ctx, call, chatRequest(), discard)
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := b.last(t); r.Class != fairlead.Batch || len(r.Attempts) != 1 || r.App != "crm" {
		t.Errorf("Record %+v", r)
	}
	if got := b.remaining(t); got != 10 {
		t.Errorf("%d requests left of 10", got)
	}
	b.Drain(t.Context())
	if err := b.Errand(t.Context(), app(), fairlead.Embed, nil); !fairlead.IsKind(err, fairlead.Busy) {
		t.Errorf("while draining: %v", err)
	}
}

// TestPatienceEndsWhereATasksStreamBegins: a client that said how long it would wait for
// an answer has it when that begins.
func TestPatienceEndsWhereATasksStreamBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, streams := range []bool{false, true} {
			b := taskBench(answer(whole))
			call := b.call("patient")
			call.Patience = 2 * time.Second
			err := b.Run(t.Context(), call, fairlead.Analyze, func(ctx context.Context) error {
				if streams {
					call.NoteStream()
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(10 * time.Second):
					return nil
				}
			})
			if (err == nil) != streams || b.last(t).Stream != streams {
				t.Errorf("streams %v: %v, the Record says %v", streams, err, b.last(t).Stream)
			}
		}
	})
}

// TestUploadIsNotShed: whoever takes no slot is not refused for those that wait for one.
func TestUploadIsNotShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(hang)
		var group sync.WaitGroup
		for range 3 { // one works, two wait: the queue is full
			group.Go(func() { _ = b.Chat(t.Context(), b.call("chat"), readFine, discard) })
			synctest.Wait()
		}
		for op, want := range map[fairlead.Operation]bool{fairlead.Upload: true, fairlead.Search: false} {
			err := b.Run(t.Context(), b.call("task"), op, func(context.Context) error { return nil })
			if (err == nil) != want {
				t.Errorf("%v: %v", op, err)
			}
		}
		group.Wait()
	})
}
