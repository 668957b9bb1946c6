package upstream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

// fake is a provider's adapter made of a function, which counts its calls.
type fake struct {
	answer  func(ctx context.Context, n int, emit fairlead.Emit) error
	calls   atomic.Int64
	running atomic.Int64
}

// Answer counts the call, from 1, and has the function answer.
func (f *fake) Answer(ctx context.Context, _ *fairlead.Call, _ *fairlead.Request, emit fairlead.Emit) error {
	f.running.Add(1)
	defer f.running.Add(-1)
	return f.answer(ctx, int(f.calls.Add(1)), emit)
}

func (f *fake) count() int { return int(f.calls.Load()) }

// well answers whole, after d.
func well(ctx context.Context, d time.Duration, emit fairlead.Emit) error {
	if err := wait(ctx, d); err != nil {
		return err
	}
	return errors.Join(
		emit(fairlead.Event{Head: &fairlead.Head{Status: 200}}), emit(fairlead.Event{Data: []byte("text")}),
		emit(fairlead.Event{End: &fairlead.End{Usage: fairlead.Usage{Input: 1, Output: 2}}}),
	)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// fine is a provider that is well, and takes a second.
func fine() *fake {
	return &fake{answer: func(ctx context.Context, _ int, emit fairlead.Emit) error { return well(ctx, time.Second, emit) }}
}

// failing is a provider that fails with err the first times, and is well then;
// times < 0 is for ever.
func failing(err error, times int) *fake {
	return &fake{answer: func(ctx context.Context, n int, emit fairlead.Emit) error {
		if times < 0 || n <= times {
			return err
		}
		return well(ctx, time.Second, emit)
	}}
}

func status(status int) *fairlead.Error {
	e := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error", Status: status}
	switch status {
	case 429:
		e.Kind, e.Code, e.RetryAfter = fairlead.Busy, "provider_rate_limited", 5*time.Second
	case 503:
		e.Kind, e.Code, e.RetryAfter = fairlead.Busy, "provider_unavailable", 5*time.Second
	case 400:
		e.Kind = fairlead.Invalid
	case 404:
		e.Kind = fairlead.NotFound
	}
	return e
}

// holding is a refusal that asks for a pause.
func holding(code int, d time.Duration) *fairlead.Error {
	e := status(code)
	e.RetryAfter, e.Hold = d, d
	return e
}

// bed is an Upstream behind a real gate.
type bed struct {
	*Upstream
	control *admission.Controller
}

// usual is a provider with the policies of the default configuration.
func usual(name string, ways ...*fake) Provider {
	p := Provider{
		Name: name, Patterns: []string{"*"}, Retry: Retry{MaxAttempts: 3, Budget: 0.1},
		Breaker: Breaker{FailureRate: 0.5, MinCalls: 10, OpenFor: 5 * time.Second},
	}
	for _, way := range ways {
		p.Deployments = append(p.Deployments, Deployment{Model: way})
	}
	return p
}

func newBed(providers ...Provider) *bed {
	return bedOf(Config{Providers: providers}, admission.Config{Slots: 100})
}

// bedOf makes a bed with a pool for each provider, which has the slots that are
// to be adapted, if they are.
func bedOf(config Config, limits admission.Config) *bed {
	if limits.Pools == nil {
		limits.Pools = make(map[string]admission.Pool)
	}
	for _, p := range config.Providers {
		if _, ok := limits.Pools[p.Name]; !ok {
			limits.Pools[p.Name] = admission.Pool{Slots: p.Slots}
		}
	}
	b := &bed{control: admission.New(limits, memory.New())}
	config.Gate, config.Pools = b.control, b.control
	b.Upstream = New(config)
	return b
}

func newCall(app fairlead.AppID, targets ...fairlead.Target) *fairlead.Call {
	call := &fairlead.Call{App: &fairlead.App{ID: app}, Operation: fairlead.Chat, Arrived: time.Now()}
	call.SetTargets(targets)
	return call
}

func to(provider string) fairlead.Target { return fairlead.Target{Provider: provider, Model: "m"} }

// sink takes an answer, and holds it to the order of events.
type sink struct {
	mu     sync.Mutex
	events string // h, d and e
}

func (s *sink) emit(e fairlead.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Head != nil:
		s.events += "h"
	case e.End != nil:
		s.events += "e"
	default:
		s.events += "d"
	}
	return nil
}

// ask makes one call.
func (b *bed) ask(ctx context.Context, call *fairlead.Call) (events string, err error) {
	var s sink
	err = b.Answer(ctx, call, &fairlead.Request{}, s.emit)
	return s.events, err
}

// checkIdle holds that nothing is held or counted any more.
func (b *bed) checkIdle(t *testing.T) {
	t.Helper()
	if n := b.control.Slots().InUse; n != 0 {
		t.Errorf("%d slots are in use at the end", n)
	}
	if n := b.Parked(); n != 0 {
		t.Errorf("%d calls are parked at the end", n)
	}
	for _, p := range b.providers {
		if p.busy.Load() != 0 || p.running.Load() != 0 {
			t.Errorf("%s: %d busy, %d running at the end", p.Name, p.busy.Load(), p.running.Load())
		}
		for _, d := range p.deployments {
			if d.running != 0 {
				t.Errorf("%s: deployment %d has %d running at the end", p.Name, d.number, d.running)
			}
		}
	}
	if n := b.control.Slots().DoubleReleases; n != 0 {
		t.Errorf("%d slots were released twice", n)
	}
}

// codeOf is the code of an error; "" for nil.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fairlead.AsError(err).Code
}
