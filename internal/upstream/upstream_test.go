package upstream

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// gate counts what is held.
type gate struct {
	held, entered int
	undone        int // of those that were given back, unused
	pool          string
	refuse        error
	corrected     []int // what the leases were said to have used
}

func (g *gate) Enter(_ context.Context, call *fairlead.Call, pool string) (fairlead.Lease, error) {
	if g.refuse != nil {
		return fairlead.Lease{}, g.refuse
	}
	g.held++
	g.entered++
	g.pool = pool
	call.NoteWait(time.Second, fairlead.Granted)
	return fairlead.NewLease(call, g, 1, fairlead.LeaseWait{Actual: time.Second, Predicted: 2 * time.Second}), nil
}

func (g *gate) Release(uint64) bool {
	g.held--
	return true
}

func (g *gate) Undo(uint64) bool {
	g.held--
	g.undone++
	return true
}

func (g *gate) Correct(_ uint64, tokens int) {
	if g.held > 0 {
		g.corrected = append(g.corrected, tokens)
	}
}

// model answers by a function.
type model func(req *fairlead.Request, emit fairlead.Emit) error

func (m model) Answer(_ context.Context, _ *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	return m(req, emit)
}

func TestAttemptHoldsASlotExactlyWhileTheProviderWorks(t *testing.T) {
	fine := func(_ *fairlead.Request, emit fairlead.Emit) error {
		if err := emit(fairlead.Event{Head: &fairlead.Head{Status: 200}}); err != nil {
			return err
		}
		return emit(fairlead.Event{End: &fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 4}}})
	}
	attempts := attemptOnce(t, fine, 7)
	if len(attempts) != 1 || attempts[0].Status != 200 || attempts[0].Usage.Output != 4 ||
		attempts[0].Waited != time.Second || attempts[0].Predicted != 2*time.Second {
		t.Errorf("attempts %+v", attempts)
	}
	attemptOnce(t, func(_ *fairlead.Request, emit fairlead.Emit) error {
		return emit(fairlead.Event{End: &fairlead.End{}}) // it does not say what it used
	})
	attempts = attemptOnce(t, func(*fairlead.Request, fairlead.Emit) error {
		return &fairlead.Error{Kind: fairlead.Upstream, Status: 500}
	})
	if len(attempts) != 1 || attempts[0].Status != 500 || attempts[0].Err == nil {
		t.Errorf("attempts %+v", attempts)
	}
	attemptOnce(t, func(*fairlead.Request, fairlead.Emit) error { panic("boom") })
}

// attemptOnce lets the provider answer by a function, and holds that the slot
// is held just while it does, and that the gate is told what was used.
func attemptOnce(t *testing.T, answer model, used ...int) []fairlead.Attempt {
	t.Helper()
	g := &gate{}
	u := New(Config{Gate: g, Providers: []Provider{{Name: "p", Model: model(func(req *fairlead.Request, emit fairlead.Emit) error {
		if g.held != 1 || g.pool != "p" {
			t.Errorf("while the provider works: %d held of pool %q", g.held, g.pool)
		}
		if req.Envelope.Model != "theirs" {
			t.Errorf("the provider was asked for %q", req.Envelope.Model)
		}
		return answer(req, emit)
	})}}})
	call := &fairlead.Call{App: &fairlead.App{}}
	call.SetTargets([]fairlead.Target{{Provider: "p", Model: "theirs"}})
	func() {
		defer func() { _ = recover() }()
		_ = u.Answer(t.Context(), call, &fairlead.Request{}, func(fairlead.Event) error { return nil })
	}()
	if g.held != 0 || g.entered != 1 || g.undone != 0 || call.Holding() != 0 {
		t.Errorf("%d slots held afterwards, %d by the call, %d entered", g.held, call.Holding(), g.entered)
	}
	if !slices.Equal(g.corrected, used) {
		t.Errorf("the gate was told of %v tokens, want %v", g.corrected, used)
	}
	return call.Attempts()
}

func TestRefusedAtTheGateIsNoAttempt(t *testing.T) {
	u := New(Config{Gate: &gate{refuse: &fairlead.Error{Kind: fairlead.Busy}}, Providers: []Provider{{Name: "p"}}})
	call := &fairlead.Call{App: &fairlead.App{}}
	call.SetTargets([]fairlead.Target{{Provider: "p", Model: "m"}})
	err := u.Answer(t.Context(), call, &fairlead.Request{}, nil)
	if !fairlead.IsKind(err, fairlead.Busy) || len(call.Attempts()) != 0 || call.Slotted() {
		t.Errorf("error %v, attempts %v, slotted %t", err, call.Attempts(), call.Slotted())
	}
}
