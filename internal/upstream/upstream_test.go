package upstream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// gate counts what is held.
type gate struct {
	held, entered int
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

func routed() *Upstream {
	return New(Config{
		Providers: []Provider{
			{Name: "openai", Default: "gpt-4o-mini", Patterns: []string{"gpt-*"}},
			{Name: "router", Patterns: []string{"openai/gpt-4o", "gpt-4o-mini", "meta/*"}},
			{Name: "vllm"},
		},
		Aliases: map[string]string{"fast": "router/meta/llama", "cheap": "gpt-4o-mini"},
		Logger:  slog.New(slog.DiscardHandler),
	})
}

func TestRoute(t *testing.T) {
	u := routed()
	everyone := &fairlead.App{ID: "everyone"}
	narrow := &fairlead.App{ID: "narrow", Models: []string{"router/meta/*", "gpt-4o-mini"}}
	for _, c := range []struct {
		app   *fairlead.App
		model string
		want  string // provider:model of each target, or the error's kind
	}{
		{everyone, "gpt-4o-mini", "openai:gpt-4o-mini router:gpt-4o-mini"},
		{everyone, "", "openai:gpt-4o-mini"},
		{everyone, "openai/gpt-4.1", "openai:gpt-4.1"},
		{everyone, "router/openai/gpt-4o", "router:openai/gpt-4o"},
		{everyone, "openai/gpt-4o", "openai:gpt-4o"},
		{everyone, "meta/llama", "router:meta/llama"},
		{everyone, "fast", "router:meta/llama"},
		{everyone, "cheap", "openai:gpt-4o-mini router:gpt-4o-mini"},
		{everyone, "vllm/anything", "vllm:anything"},
		{everyone, "anything", "not_found"},
		{everyone, "openai/o3", "not_found"},
		{everyone, "nobody/gpt-4o", "not_found"},
		{everyone, "openai/", "not_found"},
		{everyone, "vllm/", "not_found"},
		{&fairlead.App{Models: []string{"openai/*"}}, "router/openai/gpt-4o", "forbidden"},
		{&fairlead.App{Models: []string{"openai/*"}}, "openai/gpt-4o", "openai:gpt-4o"},
		{&fairlead.App{Models: []string{"*"}}, "router/openai/gpt-4o", "router:openai/gpt-4o"},
		{narrow, "gpt-4o-mini", "openai:gpt-4o-mini router:gpt-4o-mini"},
		{narrow, "fast", "router:meta/llama"},
		{narrow, "gpt-4o", "forbidden"},
		{narrow, "nothing", "not_found"},
	} {
		targets, err := u.Route(c.app, c.model)
		var got []string
		for _, target := range targets {
			got = append(got, target.Provider+":"+target.Model)
		}
		if err != nil {
			got = []string{fairlead.AsError(err).Kind.String()}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s asks for %q: %v, want %s", c.app.ID, c.model, got, c.want)
		}
	}
}

func TestUnknownModelOffersWhatTheAppMayUse(t *testing.T) {
	_, err := routed().Route(&fairlead.App{ID: "narrow", Models: []string{"router/*"}}, "nope")
	e := fairlead.AsError(err)
	if want := "this app may use router/openai/gpt-4o, router/gpt-4o-mini, cheap, fast"; e.Detail != want || e.Param != "model" {
		t.Errorf("detail %q, param %q; want %q, model", e.Detail, e.Param, want)
	}
}

func TestLongNamesAreCut(t *testing.T) {
	_, err := routed().Route(&fairlead.App{}, strings.Repeat("x", 10_000))
	if e := fairlead.AsError(err); len(e.Message) > 300 {
		t.Errorf("the message has %d characters", len(e.Message))
	}
}

func TestModelsAreListedFromTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		u := New(Config{
			Providers: []Provider{{Name: "p", Patterns: nil, List: func(context.Context) ([]string, error) {
				calls++
				if calls == 1 {
					return nil, errors.New("not yet")
				}
				return []string{"b", "a", "family-*"}, nil
			}}},
			Logger: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- u.Run(ctx) }()
		synctest.Wait()
		if _, err := u.Route(&fairlead.App{}, "a"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("before the list came: %v, want not found", err)
		}
		if targets, err := u.Route(&fairlead.App{}, "p/a"); err != nil || targets[0].Model != "a" {
			t.Errorf("provider/model must work before the list came: %v, %v", targets, err)
		}
		<-time.After(listRetry + time.Second)
		if _, err := u.Route(&fairlead.App{}, "a"); err != nil {
			t.Errorf("after the list came: %v", err)
		}
		if _, err := u.Route(&fairlead.App{}, "p/c"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("a model that is not in the list: %v, want not found", err)
		}
		if _, err := u.Route(&fairlead.App{}, "p/family-c"); err != nil {
			t.Errorf("a model of a listed family: %v", err)
		}
		var ids []string
		for _, m := range u.Models(&fairlead.App{}) {
			ids = append(ids, m.ID)
		}
		if want := []string{"p/b", "p/a"}; !slices.Equal(ids, want) {
			t.Errorf("models %v, want %v", ids, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
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
	if g.held != 0 || g.entered != 1 || call.Holding() != 0 {
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
