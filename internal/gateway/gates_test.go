package gateway

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/estimate"
)

// metered is an app with windows of both kinds.
func metered() *fairlead.App {
	return &fairlead.App{ID: "crm", RateLimitPerMinute: 10, TokensPerMinute: 10_000}
}

// limits are those of a service with one slot, where a call has 40 s.
func limits() admission.Config {
	return admission.Config{
		Slots: 1, MaxQueue: 5, Pools: map[string]admission.Pool{"p": {}},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: 40 * time.Second},
	}
}

// frames has the model stream so many frames, one a second, and then go on as
// rest says.
func frames(n int, rest answer) answer {
	return func(ctx context.Context, emit fairlead.Emit) error {
		err := emit(fairlead.Event{Head: &fairlead.Head{Stream: true}})
		for range n {
			if err != nil {
				return err
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
			err = emit(fairlead.Event{Data: []byte("data: {}\n\n")})
		}
		if err != nil {
			return err
		}
		return rest(ctx, emit)
	}
}

func fails(context.Context, fairlead.Emit) error {
	return &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}
}

func panics(context.Context, fairlead.Emit) error { panic("boom") }

func readStream(context.Context) (*fairlead.Request, error) {
	return &fairlead.Request{Body: []byte(`{}`), Envelope: fairlead.Envelope{Model: "m", Stream: true, MaxTokens: 100}}, nil
}

// TestEveryWayOutSettlesTheWindows: what a call used is charged, whichever way
// it ends, and nothing of it is left.
func TestEveryWayOutSettlesTheWindows(t *testing.T) {
	brokenBody := func(context.Context) (*fairlead.Request, error) {
		return nil, &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_json"}
	}
	for _, c := range []struct {
		name     string
		model    answer
		read     Read
		emit     fairlead.Emit
		requests int // charged
		output   int // tokens charged; -1 is as many as were estimated
		input    int // the same
	}{
		{"answered", whole, readStream, discard, 1, 2, 1},
		{"answered as a stream", frames(5, whole), readStream, discard, 1, 2, 1},
		{"body broken", whole, brokenBody, discard, 0, 0, 0},
		{"panic in the body", whole, func(context.Context) (*fairlead.Request, error) { panic("boom") }, discard, 0, 0, 0},
		{"provider fails", fails, readStream, discard, 1, 0, 0},
		{"provider panics", panics, readStream, discard, 1, 0, 0},
		{"provider fails after three frames", frames(3, fails), readStream, discard, 1, 3, -1},
		{"provider panics after three frames", frames(3, panics), readStream, discard, 1, 3, -1},
		{"time is over after three frames", frames(3, hang), readStream, discard, 1, 3, -1},
		{"time is over before the first byte", hang, readStream, discard, 1, 0, -1},
		{"caller leaves after two frames", frames(9, whole), readStream, leaveAfter(3), 1, 3, -1},
		{"a whole answer broken off", frames(3, fails), readFine, discard, 1, -1, -1}, // nobody knows what it used
		{"panic of the face", frames(9, whole), readStream, func(fairlead.Event) error { panic("boom") }, 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := benchOf(limits(), c.model)
				call := b.call("req_1")
				call.App = metered()
				err := b.Chat(t.Context(), call, c.read, c.emit)
				b.checkOver(t, fairlead.AsError(err))
				e := call.Estimate()
				b.wantLeft(t, 10-c.requests, 10_000-orElse(c.output, e.Output)-orElse(c.input, e.Input))
				if call.Holding() != 0 {
					t.Errorf("the call holds %d slots", call.Holding())
				}
			})
		})
	}
}

// TestWhoLeavesBeforeTheFirstByte is charged what the provider has worked on: the
// prompt, and in mode hard also what it may have written.
func TestWhoLeavesBeforeTheFirstByte(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  estimate.Mode
		model answer
		read  Read
		want  func(e fairlead.Estimate) int // tokens charged
	}{
		{"estimate, stream", estimate.Expected, hang, readStream, func(e fairlead.Estimate) int { return e.Input }},
		{"estimate, whole answer", estimate.Expected, hang, readFine, func(e fairlead.Estimate) int { return e.Input }},
		{"hard", estimate.Hard, hang, readStream, func(e fairlead.Estimate) int { return e.Input + e.Output }},
		{"hard, provider fails", estimate.Hard, fails, readStream, func(fairlead.Estimate) int { return 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := limits()
				config.Tokens = c.mode
				b := benchOf(config, c.model)
				ctx, leave := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, leave)
				call := b.of(metered())
				err := b.Chat(ctx, call, c.read, discard)
				b.checkOver(t, fairlead.AsError(err))
				if e := call.Estimate(); err == nil || e.Input == 0 || e.Output == 0 {
					t.Errorf("error %v, estimate %+v", err, e)
				}
				b.wantLeft(t, 9, 10_000-c.want(call.Estimate()))
			})
		})
	}
}

func orElse(n, other int) int {
	if n < 0 {
		return other
	}
	return n
}

// leaveAfter is a caller who takes so many events and then leaves.
func leaveAfter(events int) fairlead.Emit {
	return func(fairlead.Event) error {
		if events--; events < 0 {
			return fairlead.NewCanceled(errors.New("gone"))
		}
		return nil
	}
}

// wantLeft checks what the windows of metered have room for.
func (b *bench) wantLeft(t *testing.T, requests, tokens int) {
	t.Helper()
	s, err := b.Standing(t.Context(), metered())
	if err != nil || s.Requests.Remaining != requests || s.Tokens.Remaining != tokens {
		t.Errorf("left %+v, %+v, %v; want %d requests and %d tokens", s.Requests, s.Tokens, err, requests, tokens)
	}
}

// TestRefusedCallsCostNothing, whichever gate refuses them; each is told how its
// windows stand, and counted by its reason.
func TestRefusedCallsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := limits()
		config.MaxQueue = 1
		b := benchOf(config, answer(hang))
		var group sync.WaitGroup
		for range 2 { // one works, one waits
			group.Go(func() { _ = b.Chat(t.Context(), b.of(metered()), readStream, discard) })
			synctest.Wait()
			<-time.After(time.Second)
		}
		s, err := b.Standing(t.Context(), metered())
		if err != nil || s.Requests.Remaining != 8 {
			t.Fatalf("standing %+v, %v", s.Requests, err)
		}
		for range 2 {
			call := b.of(metered())
			err := b.Chat(t.Context(), call, readStream, discard)
			if e := fairlead.AsError(err); e == nil || e.Code != "queue_full" || call.Requests() != s.Requests || call.Tokens() != s.Tokens {
				t.Errorf("refusal %+v, told %+v and %+v; want %+v and %+v", e, call.Requests(), call.Tokens(), s.Requests, s.Tokens)
			}
			b.wantLeft(t, s.Requests.Remaining, s.Tokens.Remaining)
		}
		group.Wait() // both got the slot in the end, and took too long
		s, err = b.Standing(t.Context(), metered())
		if err != nil || len(s.Refused) != 1 || s.Refused[0].Code != "queue_full" || s.Refused[0].Count != 2 {
			t.Errorf("refused %+v, %v; want two for the full queue", s.Refused, err)
		}
		if len(b.records) != 4 {
			t.Errorf("%d records of 4 calls", len(b.records))
		}
	})
}

// of is a call of app.
func (b *bench) of(app *fairlead.App) *fairlead.Call {
	call := b.call("req_1")
	call.App = app
	return call
}

// TestLimitedCallsAreCounted, and those that failed are not: they were not
// refused.
func TestLimitedCallsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchOf(limits(), answer(fails))
		app := &fairlead.App{ID: "crm", RateLimitPerMinute: 1}
		for range 3 {
			_ = b.Chat(t.Context(), b.of(app), readFine, discard)
		}
		s, err := b.Standing(t.Context(), app)
		if err != nil || len(s.Refused) != 1 || s.Refused[0].Code != "rate_limit_requests" || s.Refused[0].Count != 2 {
			t.Errorf("refused %+v, %v; want 2 for their rate", s.Refused, err)
		}
	})
}

func TestRecordTellsTheClassAndTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchOf(limits(), frames(3, whole))
		var group sync.WaitGroup
		for _, class := range []fairlead.Class{fairlead.Interactive, fairlead.Batch} {
			call := b.of(metered())
			call.Class = class
			group.Go(func() { _ = b.Chat(t.Context(), call, readStream, discard) })
			synctest.Wait()
		}
		group.Wait()
		if len(b.records) != 2 {
			t.Fatalf("%d records, want 2", len(b.records))
		}
		for i, want := range []struct {
			class  fairlead.Class
			waited time.Duration
		}{{fairlead.Interactive, 0}, {fairlead.Batch, 3 * time.Second}} {
			r := b.records[i]
			if r.Class != want.class || r.Waited != want.waited || len(r.Attempts) != 1 || r.Attempts[0].Waited != want.waited {
				t.Errorf("record %d: %+v, want class %v and a wait of %v", i, r, want.class, want.waited)
			}
		}
		if first, second := b.records[0].Attempts[0], b.records[1].Attempts[0]; first.Predicted != 0 || second.Predicted != 0 {
			t.Errorf("predicted waits of %v and %v: nothing was known yet", first.Predicted, second.Predicted)
		}
	})
}

// occupy has another call hold the slot for a while.
func (b *bench) occupy(t *testing.T, d time.Duration) {
	t.Helper()
	lease, err := b.control.Enter(t.Context(), b.of(metered()), "p")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(d, lease.Release)
}

// TestPatience: a client's own time is over before the operation's, or after it.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		name     string
		patience time.Duration
		before   time.Duration // for how long the call was on its way already
		waits    bool          // for a slot
		kind     fairlead.Kind
		code     string
		after    time.Duration
	}{
		{"in the queue", 10 * time.Second, 0, true, fairlead.Busy, "queue_timeout", 10 * time.Second},
		{"in the queue, from its arrival", 10 * time.Second, 4 * time.Second, true, fairlead.Busy, "queue_timeout", 6 * time.Second},
		{"at work", 10 * time.Second, 0, false, fairlead.Late, "deadline_exceeded", 10 * time.Second},
		{"at work, from its arrival", 10 * time.Second, 4 * time.Second, false, fairlead.Late, "deadline_exceeded", 6 * time.Second},
		{"longer than the operation's, in the queue", time.Hour, 0, true, fairlead.Busy, "queue_timeout", 40 * time.Second},
		{"longer than the operation's, at work", time.Hour, 0, false, fairlead.Late, "deadline_exceeded", 40 * time.Second},
		{"none, at work", 0, 0, false, fairlead.Late, "deadline_exceeded", 40 * time.Second},
		{"none, from its arrival", 0, 4 * time.Second, false, fairlead.Late, "deadline_exceeded", 36 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := benchOf(limits(), answer(hang))
				if c.waits {
					b.occupy(t, time.Hour)
				}
				<-time.After(c.before)
				call := b.of(metered())
				call.Arrived, call.Patience = call.Arrived.Add(-c.before), c.patience
				began := time.Now()
				err := b.Chat(t.Context(), call, readFine, discard)
				e := fairlead.AsError(err)
				if e == nil || e.Kind != c.kind || e.Code != c.code || e.Kind == fairlead.Busy && e.RetryAfter < time.Second {
					t.Errorf("error %+v, want %v %s", e, c.kind, c.code)
				}
				if took := time.Since(began); took != c.after || b.last(t).Err != e {
					t.Errorf("it took %v, want %v; record %+v", took, c.after, b.last(t).Err)
				}
			})
		})
	}
}

// TestPatienceIsOverWhereAStreamBegins: with its first event, or with the first
// sign of life in the queue. A whole answer must come in time.
func TestPatienceIsOverWhereAStreamBegins(t *testing.T) {
	for _, c := range []struct {
		name  string
		read  Read
		beats bool
		held  time.Duration // the slot, by another call
		want  string
	}{
		{"stream", readStream, false, 0, ""},
		{"whole answer", readFine, false, 0, "deadline_exceeded"},
		{"stream that waits for its slot", readStream, true, 20 * time.Second, ""},
		{"stream that can't be told", readStream, false, 20 * time.Second, "queue_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := limits()
				config.HeartbeatAfter = 5 * time.Second
				b := benchOf(config, frames(15, whole))
				if c.held > 0 {
					b.occupy(t, c.held)
				}
				call := b.of(metered())
				call.Patience = 10 * time.Second
				if c.beats {
					call.Waiting = func() error { return nil }
				}
				err := b.Chat(t.Context(), call, c.read, discard)
				if e := fairlead.AsError(err); e == nil && c.want != "" || e != nil && e.Code != c.want {
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		})
	}
}

// TestStaleSlots: a slot is stale when its call's time has been over for two
// seconds, and only where a model ignores that.
func TestStaleSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := benchOf(limits(), answer(func(context.Context, fairlead.Emit) error {
			<-release
			return errors.New("at last")
		}))
		var group sync.WaitGroup
		for range 3 { // one works, the others wait
			group.Go(func() { _ = b.Chat(t.Context(), b.of(metered()), readFine, discard) })
			synctest.Wait()
		}
		for _, want := range []struct {
			after time.Duration // the one before
			stale int
		}{{30 * time.Second, 0}, {10 * time.Second, 0}, {2 * time.Second, 0}, {1, 1}, {time.Hour, 1}} {
			<-time.After(want.after)
			synctest.Wait()
			if got := b.StaleSlots(); got != want.stale {
				t.Errorf("after %v more: %d stale slots, want %d", want.after, got, want.stale)
			}
		}
		close(release)
		group.Wait()
		if got := b.StaleSlots(); got != 0 || len(b.Active()) != 0 {
			t.Errorf("%d stale slots, active %v after all have ended", got, b.Active())
		}
	})
}

// TestSlowReaderHoldsNoStaleSlot, though its call goes on beyond its time.
func TestSlowReaderHoldsNoStaleSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchOf(limits(), answer(whole))
		var group sync.WaitGroup
		group.Go(func() {
			_ = b.Chat(t.Context(), b.of(metered()), readFine, func(e fairlead.Event) error {
				if e.End != nil {
					<-time.After(time.Minute)
				}
				return nil
			})
		})
		<-time.After(50 * time.Second)
		if s := b.control.Slots(); b.StaleSlots() != 0 || s.InUse != 0 || len(b.Active()) != 1 {
			t.Errorf("%d stale slots, %+v, active %v; want a call without a slot", b.StaleSlots(), s, b.Active())
		}
		group.Wait()
	})
}

// TestSignOfLifeThatFails ends the call, which was not refused.
func TestSignOfLifeThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := limits()
		config.HeartbeatAfter = time.Second
		b := benchOf(config, answer(hang))
		b.occupy(t, time.Minute)
		call := b.of(metered())
		call.Waiting = func() error { return errors.New("a broken pipe") }
		if err := b.Chat(t.Context(), call, readStream, discard); !fairlead.IsKind(err, fairlead.Canceled) {
			t.Errorf("error %v, want the client to have left", err)
		}
		s, err := b.Standing(t.Context(), metered())
		if err != nil || len(s.Refused) != 0 || s.Requests.Remaining != 10 || s.Tokens.Remaining != 10_000 {
			t.Errorf("standing %+v, %v", s, err)
		}
		if strings.Contains(b.log.String(), "ERROR") {
			t.Errorf("log %s", b.log)
		}
	})
}

func TestDrainEndsThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchOf(limits(), answer(hang))
		results := make(chan error, 3)
		for range 3 {
			go func() { results <- b.Chat(t.Context(), b.of(metered()), readStream, discard) }()
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		b.Drain(ctx)
		for range 3 {
			if e := fairlead.AsError(<-results); e == nil || e.Kind != fairlead.Busy || e.Code != "draining" {
				t.Errorf("error %+v, want draining", e)
			}
		}
		// One had a slot and was ended while the provider worked: its prompt counts.
		// The others never worked.
		b.wantLeft(t, 9, 9_999)
		if s := b.control.Slots(); s.InUse != 0 || s.Waiting != 0 || s.DoubleReleases != 0 {
			t.Errorf("slots %+v", s)
		}
	})
}
