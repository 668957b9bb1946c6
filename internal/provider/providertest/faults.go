package providertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// failure is what must come of an upstream that behaves badly.
type failure struct {
	behaviour Behaviour
	asks      []question
	kind      fairlead.Kind
	// status is the Status that the error must have.
	status int
	// retryAfter is the RetryAfter that it must have; 0 means that any will do.
	retryAfter time.Duration
	// message is what the caller must be told, if it is not empty.
	message string
	// begun says that the answer breaks off after its head.
	begun bool
}

func (s *suite) failures() []failure {
	every := s.all()
	whole := s.wholes()
	streamed := []question{s.stream()}
	return []failure{
		{behaviour: RateLimits, asks: every, kind: fairlead.Busy, status: 429, retryAfter: 7 * time.Second},
		{behaviour: Unavailable, asks: every, kind: fairlead.Busy, status: 503},
		{behaviour: Fails, asks: every, kind: fairlead.Upstream, status: 500},
		{behaviour: Denies, asks: every, kind: fairlead.Upstream, status: 401},
		{behaviour: Rejects, asks: every, kind: fairlead.Invalid, status: 400, message: "temperature is too high"},
		{behaviour: TellsKey, asks: every, kind: fairlead.Invalid, status: 400},
		{behaviour: TellsKeyInError, asks: whole, kind: fairlead.Upstream, status: 200},
		{behaviour: TellsKeyInError, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
		{behaviour: TellsKeyInHead, asks: every, kind: fairlead.Upstream},
		{behaviour: Switches, asks: every, kind: fairlead.Upstream, status: 101},
		{behaviour: KnowsNot, asks: every, kind: fairlead.NotFound, status: 404, message: "no such model"},
		{behaviour: Redirects, asks: every, kind: fairlead.Upstream, status: 307},
		{behaviour: AnswersHTML, asks: every, kind: fairlead.Upstream, status: 200},
		{behaviour: AnswersNothing, asks: every, kind: fairlead.Upstream, status: 200},
		{behaviour: AnswersPlainJSON, asks: streamed, kind: fairlead.Upstream, status: 200},
		{behaviour: BreaksJSON, asks: whole, kind: fairlead.Upstream, status: 200},
		{behaviour: CutsOff, asks: whole, kind: fairlead.Upstream, status: 200},
		{behaviour: HangsUp, asks: every, kind: fairlead.Upstream},
		{behaviour: Unreachable, asks: every, kind: fairlead.Upstream},
		{behaviour: CutsOff, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
		{behaviour: NoEndMarker, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
		{behaviour: NoFinish, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
		{behaviour: HalfFrame, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
		{behaviour: ErrorEvent, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
		{behaviour: MalformedEvent, asks: streamed, kind: fairlead.Upstream, status: 200, begun: true},
	}
}

// check judges the error that came of it.
func (c *failure) check(t *testing.T, got *fairlead.Error) {
	t.Helper()
	if got == nil {
		t.Fatal("got no error")
	}
	if got.Status != c.status {
		t.Errorf("got the status %d, want %d", got.Status, c.status)
	}
	if c.retryAfter > 0 && got.RetryAfter != c.retryAfter {
		t.Errorf("got the wait %v, want %v", got.RetryAfter, c.retryAfter)
	}
	if c.message != "" && got.Message != c.message {
		t.Errorf("got the message %q, want %q", got.Message, c.message)
	}
}

func (s *suite) testFailure(t *testing.T, c failure) {
	for _, r := range c.asks {
		t.Run(r.name(), func(t *testing.T) {
			s.with(t, c.behaviour, func(t *testing.T, model fairlead.Model, up *canned) {
				tr := ask(t.Context(), model, r, nil)
				tr.check(t)
				tr.wantKind(t, c.kind)
				if begun := len(tr.heads) > 0; begun != c.begun {
					t.Errorf("emitted anything: %v, want %v", begun, c.begun)
				}
				c.check(t, fairlead.AsError(tr.err))
				if n := up.strays.Load(); n > 0 {
					t.Errorf("%d requests went to where the upstream pointed to", n)
				}
			})
		})
	}
}

func (s *suite) testUnsupported(t *testing.T) {
	s.with(t, Answers, func(t *testing.T, model fairlead.Model, _ *canned) {
		r := s.chat()
		r.operation = fairlead.Operation(200)
		tr := ask(t.Context(), model, r, nil)
		tr.check(t)
		tr.wantKind(t, fairlead.Unsupported)
		if len(tr.heads) > 0 {
			t.Error("something was emitted")
		}
	})
}

func (s *suite) testLeftBefore(t *testing.T) {
	s.with(t, Answers, func(t *testing.T, model fairlead.Model, _ *canned) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, r := range s.all() {
			tr := ask(ctx, model, r, nil)
			tr.check(t)
			tr.wantKind(t, fairlead.Canceled)
			if len(tr.heads) > 0 {
				t.Errorf("%s: something was emitted", r.name())
			}
		}
	})
}

func (s *suite) testEmitFails(t *testing.T) {
	errGone := errors.New("the caller is gone")
	at := map[string]func(fairlead.Event) bool{
		"at the head": func(e fairlead.Event) bool { return e.Head != nil },
		"at data":     func(e fairlead.Event) bool { return e.Data != nil },
		"at the end":  func(e fairlead.Event) bool { return e.End != nil },
	}
	for name, fails := range at {
		for _, r := range s.all() {
			t.Run(name+" of "+r.name(), func(t *testing.T) {
				s.with(t, Answers, func(t *testing.T, model fairlead.Model, _ *canned) {
					tr := ask(t.Context(), model, r, func(e fairlead.Event) error {
						if fails(e) {
							return errGone
						}
						return nil
					})
					if tr.disorder != "" {
						t.Errorf("got %s", tr.disorder)
					}
					tr.wantKind(t, fairlead.Canceled)
				})
			})
		}
	}
	t.Run("and the upstream is told", func(t *testing.T) {
		s.with(t, NeverEnds, func(t *testing.T, model fairlead.Model, up *canned) {
			stopsSoon(t, up, func(leave func()) {
				tr := ask(t.Context(), model, s.stream(), func(e fairlead.Event) error {
					if e.Data == nil {
						return nil
					}
					leave()
					return errGone
				})
				tr.wantKind(t, fairlead.Canceled)
			})
		})
	})
}

func (s *suite) testCallerLeaves(t *testing.T) {
	t.Run("before the head", func(t *testing.T) {
		s.with(t, NeverAnswers, func(t *testing.T, model fairlead.Model, up *canned) {
			stopsSoon(t, up, func(leave func()) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop := up.onRequest(func() { leave(); cancel() })
				defer stop()
				tr := ask(ctx, model, s.chat(), nil)
				tr.check(t)
				tr.wantKind(t, fairlead.Canceled)
			})
		})
	})
	for _, behaviour := range []Behaviour{Stalls, NeverEnds} {
		t.Run("mid-stream, upstream "+string(behaviour), func(t *testing.T) {
			s.with(t, behaviour, func(t *testing.T, model fairlead.Model, up *canned) {
				stopsSoon(t, up, func(leave func()) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					left := false
					tr := ask(ctx, model, s.stream(), func(e fairlead.Event) error {
						if e.Data != nil && !left {
							left = true
							leave()
							cancel()
						}
						return nil
					})
					tr.check(t)
					tr.wantKind(t, fairlead.Canceled)
				})
			})
		})
	}
}

// stopsSoon runs try, which calls leave at the moment at which its caller
// leaves, and returns with the answer's end. Both that end and the upstream's
// seeing it must come within stopTime.
func stopsSoon(t *testing.T, up *canned, try func(leave func())) {
	t.Helper()
	best := patience
	for range stopTries {
		var left time.Time
		try(func() { left = time.Now() })
		returned := time.Since(left)
		if left.IsZero() {
			t.Fatal("the answer ended before the caller left")
		}
		seen, ok := up.nextGone()
		if !ok {
			t.Fatal("the upstream never saw that the caller left")
		}
		best = min(best, max(returned, seen.Sub(left)))
		if best <= stopTime {
			return
		}
	}
	t.Errorf("the call stopped %v after its caller left, want within %v", best, stopTime)
}

func (s *suite) testDeadline(t *testing.T) {
	const soon = 50 * time.Millisecond
	for behaviour, r := range map[Behaviour]question{NeverAnswers: s.chat(), Stalls: s.stream(), NeverEnds: s.stream()} {
		t.Run("upstream "+string(behaviour), func(t *testing.T) {
			s.with(t, behaviour, func(t *testing.T, model fairlead.Model, _ *canned) {
				ctx, cancel := context.WithTimeout(t.Context(), soon)
				defer cancel()
				tr := ask(ctx, model, r, nil)
				tr.check(t)
				tr.wantKind(t, fairlead.Late)
			})
		})
	}
}
