package gateway

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// bench is a gateway around a model made for the test.
type bench struct {
	*Gateway
	control *admission.Controller
	log     *bytes.Buffer

	mu      sync.Mutex
	records []*fairlead.Record
}

func (b *bench) Record(r *fairlead.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, r)
}

func (b *bench) last(t *testing.T) *fairlead.Record {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.records) == 0 {
		t.Fatal("no Record was written")
	}
	return b.records[len(b.records)-1]
}

type answer func(ctx context.Context, emit fairlead.Emit) error

func (a answer) Answer(ctx context.Context, _ *fairlead.Call, _ *fairlead.Request, emit fairlead.Emit) error {
	return a(ctx, emit)
}

func newBench(model answer) *bench {
	return benchOf(admission.Config{
		Slots: 1, MaxQueue: 2, MaxQueuePerApp: 2, Pools: map[string]admission.Pool{"p": {}},
		Burst:    admission.Burst{PerSecond: 50, Block: 5 * time.Minute},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: 40 * time.Second, fairlead.Embed: 30 * time.Second},
	}, model)
}

// benchOf is a bench with these limits, which have a pool "p".
func benchOf(config admission.Config, model fairlead.Model) *bench {
	b := &bench{log: &bytes.Buffer{}, control: admission.New(config, memory.New())}
	logger := slog.New(slog.NewTextHandler(b.log, nil))
	b.Gateway = New(Config{
		Admission: b.control, Recorder: b, Logger: logger,
		Upstream: upstream.New(upstream.Config{
			Providers: []upstream.Provider{{Name: "p", Model: model, Patterns: []string{"m"}}}, Gate: b.control, Logger: logger,
		}),
	})
	return b
}

func (b *bench) call(id string) *fairlead.Call {
	return &fairlead.Call{ID: id, App: app(), Face: "test", Arrived: time.Now()}
}

func app() *fairlead.App { return &fairlead.App{ID: "crm", RateLimitPerMinute: 10} }

func (b *bench) remaining(t *testing.T) int {
	t.Helper()
	s, err := b.Standing(t.Context(), app())
	if err != nil {
		t.Fatal(err)
	}
	return s.Requests.Remaining
}

func readFine(context.Context) (*fairlead.Request, error) {
	return &fairlead.Request{Body: []byte(`{}`), Envelope: fairlead.Envelope{Model: "m"}}, nil
}

func readForever(ctx context.Context) (*fairlead.Request, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func discard(fairlead.Event) error { return nil }

func whole(_ context.Context, emit fairlead.Emit) error {
	return errors.Join(
		emit(fairlead.Event{Head: &fairlead.Head{}}),
		emit(fairlead.Event{Data: []byte("four")}),
		emit(fairlead.Event{End: &fairlead.End{Usage: fairlead.Usage{Input: 1, Output: 2}}}),
	)
}

func hang(ctx context.Context, _ fairlead.Emit) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestEveryWayOutEndsInOneRecordAndNoSlot(t *testing.T) {
	refusal := &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_json"}
	for _, c := range []struct {
		name      string
		model     answer
		read      Read
		want      fairlead.Kind // 0: success
		code      string
		remaining int // of 10
	}{
		{"success", whole, readFine, 0, "", 9},
		{"bad body", whole, func(context.Context) (*fairlead.Request, error) { return nil, refusal }, fairlead.Invalid, "invalid_json", 10},
		{"panic while reading", whole, func(context.Context) (*fairlead.Request, error) { panic("boom") }, fairlead.Internal, "internal_error", 10},
		{"unknown model", whole, func(context.Context) (*fairlead.Request, error) {
			return &fairlead.Request{Envelope: fairlead.Envelope{Model: "?"}}, nil
		}, fairlead.NotFound, "model_not_found", 10},
		{"provider fails", func(context.Context, fairlead.Emit) error {
			return &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}
		}, readFine, fairlead.Upstream, "upstream_error", 9},
		{"provider panics", func(context.Context, fairlead.Emit) error { panic("boom") }, readFine, fairlead.Internal, "internal_error", 9},
		{"untyped error", func(context.Context, fairlead.Emit) error { return errors.New("odd") }, readFine, fairlead.Internal, "internal_error", 9},
		{"runs past its time", hang, readFine, fairlead.Late, "deadline_exceeded", 9},
		{"body past its time", whole, readForever, fairlead.Busy, "deadline_exceeded", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(c.model)
				err := b.Chat(t.Context(), b.call("req_1"), c.read, discard)
				got := fairlead.AsError(err)
				kind, code := fairlead.Kind(0), ""
				if got != nil {
					kind, code = got.Kind, got.Code
				}
				if kind != c.want || code != c.code {
					t.Errorf("error %v, want %v %s", err, c.want, c.code)
				}
				b.checkOver(t, got)
				if left := b.remaining(t); left != c.remaining {
					t.Errorf("%d of 10 remaining, want %d", left, c.remaining)
				}
			})
		})
	}
}

// checkOver holds that the only call has ended in one Record with this error,
// and left nothing.
func (b *bench) checkOver(t *testing.T, want *fairlead.Error) {
	t.Helper()
	if len(b.records) != 1 || b.last(t).Err != want {
		t.Errorf("records %+v, want one with the error that was returned", b.records)
	}
	if s := b.control.Slots(); s.InUse != 0 || s.Waiting != 0 || len(b.Active()) != 0 {
		t.Errorf("left over: %+v, %v", s, b.Active())
	}
}

func TestRecordOfASuccess(t *testing.T) {
	b := newBench(whole)
	if err := b.Chat(t.Context(), b.call("req_7"), readFine, discard); err != nil {
		t.Fatal(err)
	}
	r := b.last(t)
	if r.ID != "req_7" || r.App != "crm" || r.Operation != fairlead.Chat || r.Face != "test" || r.Model != "m" ||
		r.Target != (fairlead.Target{Provider: "p", Model: "m"}) || r.Usage.Output != 2 || r.BytesIn != 2 || r.BytesOut != 4 || len(r.Attempts) != 1 {
		t.Errorf("record %+v", r)
	}
}

func TestTimeOutInTheQueueIsARefusalThatCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(hang)
		var wg sync.WaitGroup
		wg.Go(func() { _ = b.Chat(t.Context(), b.call("req_1"), readFine, discard) })
		synctest.Wait()
		<-time.After(time.Second)
		began := time.Now()
		err := b.Embed(t.Context(), b.call("req_2"), readFine, discard)
		if e := fairlead.AsError(err); e.Kind != fairlead.Busy || e.Code != "queue_timeout" || e.RetryAfter < time.Second {
			t.Errorf("error %+v, want queue_timeout with a wait", e)
		}
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("waited %v, want the operation's 30s", waited)
		}
		if left := b.remaining(t); left != 9 {
			t.Errorf("%d of 10 remaining, want 9: only the call that worked counts", left)
		}
		wg.Wait()
	})
}

func TestCallerThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(hang)
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, leave)
		err := b.Chat(ctx, b.call("req_1"), readFine, discard)
		if !fairlead.IsKind(err, fairlead.Canceled) || b.last(t).Duration != 5*time.Second {
			t.Errorf("error %v after %v", err, b.last(t).Duration)
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := newBench(func(ctx context.Context, emit fairlead.Emit) error {
			select {
			case <-release:
				return whole(ctx, emit)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		results := make(chan error, 2)
		for _, id := range []string{"req_1", "req_2"} { // one works, one waits
			go func() { results <- b.Chat(t.Context(), b.call(id), readFine, discard) }()
			synctest.Wait()
		}
		drained := make(chan struct{})
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			b.Drain(ctx)
			close(drained)
		}()
		synctest.Wait()
		err := b.Chat(t.Context(), b.call("req_3"), readFine, discard)
		if e := fairlead.AsError(err); e.Kind != fairlead.Busy || e.Code != "draining" || e.RetryAfter != 20*time.Second {
			t.Errorf("a new call while draining: %+v", e)
		}
		release <- struct{}{} // the first call ends well
		if err := <-results; err != nil {
			t.Errorf("a call that ended within the drain: %v", err)
		}
		<-drained
		if e := fairlead.AsError(<-results); e == nil || e.Code != "draining" {
			t.Errorf("a call that outlived the drain: %+v", e)
		}
		if b.Ready() == nil || len(b.Active()) != 0 {
			t.Error("not drained")
		}
	})
}

func TestPanicIsLoggedWithoutItsValue(t *testing.T) {
	b := newBench(func(context.Context, fairlead.Emit) error { panic("a secret") })
	_ = b.Chat(t.Context(), b.call("req_9"), readFine, discard)
	if log := b.log.String(); !strings.Contains(log, "request_id=req_9") || !strings.Contains(log, "gateway_test.go") {
		t.Errorf("the log does not tell where the panic was: %s", log)
	}
	if text := b.log.String() + b.last(t).Err.Error(); strings.Contains(text, "a secret") {
		t.Errorf("the panic's value was told: %s", text)
	}
}

func TestLanesAreSmallAndUnique(t *testing.T) {
	b := newBench(whole)
	var runs []*run
	enter := func() *run {
		r := &run{call: b.call("x")}
		if err := b.enter(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
		return r
	}
	for want := 1; want <= 4; want++ {
		if r := enter(); r.lane != want {
			t.Errorf("lane %d, want %d", r.lane, want)
		}
	}
	b.leave(runs[1])
	if r := enter(); r.lane != 2 {
		t.Errorf("lane %d; want the one that was given back, 2", r.lane)
	}
}

// undoing is a lessor that takes everything back.
type undoing struct{}

func (undoing) Release(uint64) bool { return true }
func (undoing) Undo(uint64) bool    { return true }
func (undoing) Correct(uint64, int) {}

// TestDrainMissesNobody: a call that gives its slot back unused while the service
// ends the others is ended too.
func TestDrainMissesNobody(t *testing.T) {
	b := newBench(whole)
	waits, undone := &run{call: b.call("a")}, &run{call: b.call("b")}
	lease := fairlead.NewLease(undone.call, undoing{}, 1, fairlead.LeaseWait{})
	undone.call.NoteWait(0, fairlead.Granted)
	waits.call.Interrupt = lease.Undo
	for _, r := range []*run{undone, waits} {
		if err := b.enter(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		context.AfterFunc(r, func() { b.leave(r) })
	}
	over, end := context.WithCancel(t.Context())
	end()
	b.Drain(over)
	if undone.Err() == nil || waits.Err() == nil {
		t.Errorf("after the drain: %v, %v", undone.Err(), waits.Err())
	}
}
