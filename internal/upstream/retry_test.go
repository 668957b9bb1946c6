package upstream

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

func upstreamError(code string, status int) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Upstream, Code: code, Status: status}
}

func TestWhatIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int // attempts
	}{
		{"unreachable", upstreamError("provider_unreachable", 0), 3},
		{"cut before the head", upstreamError("upstream_truncated", 0), 3},
		{"cut in a whole answer", upstreamError("upstream_truncated", 200), 3},
		{"silent", upstreamError("upstream_timeout", 0), 3},
		{"an error in a 200", upstreamError("upstream_error", 200), 3},
		{"408", status(408), 3},
		{"409", status(409), 3},
		{"425", status(425), 3},
		{"429", status(429), 3},
		{"500", status(500), 3},
		{"502", status(502), 3},
		{"503", status(503), 3},
		{"504", status(504), 3},
		{"529", status(529), 3},
		{"connections all in use", &fairlead.Error{Kind: fairlead.Busy, Code: "provider_pool_timeout"}, 3},
		{"no room for an answer here", fairlead.NewBusy("memory_pressure", "", time.Second), 1},
		{"400", status(400), 1},
		{"404", status(404), 1},
		{"401", status(401), 1},
		{"403", status(403), 1},
		{"405", status(405), 1},
		{"501", status(501), 1},
		{"redirect", status(307), 1},
		{"address refused", upstreamError("provider_address_refused", 0), 1},
		{"too long", upstreamError("upstream_answer_too_long", 200), 1},
		{"unsupported", &fairlead.Error{Kind: fairlead.Unsupported}, 1},
		{"a bug", errors.New("bug"), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := failing(c.err, -1)
				b := newBed(usual("p", p))
				call := newCall("a", to("p"))
				events, err := b.ask(t.Context(), call)
				if !errors.Is(err, c.err) || events != "" {
					t.Errorf("error %v, events %q; want %v", err, events, c.err)
				}
				if p.count() != c.want || len(call.Attempts()) != c.want {
					t.Errorf("%d attempts, %d in the Record; want %d", p.count(), len(call.Attempts()), c.want)
				}
				b.checkIdle(t)
			})
		})
	}
}

func TestTriedAgainItIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(usual("p", failing(status(500), 2)))
		call := newCall("a", to("p"))
		events, err := b.ask(t.Context(), call)
		if err != nil || events != "hde" {
			t.Errorf("error %v, events %q", err, events)
		}
		var got []int
		for _, a := range call.Attempts() {
			got = append(got, a.Status)
		}
		if want := []int{500, 500, 200}; !slices.Equal(got, want) {
			t.Errorf("attempts ended with %v, want %v", got, want)
		}
		if last := call.Attempts()[2]; last.Usage.Output != 2 || last.Err != nil {
			t.Errorf("the last attempt is %+v", last)
		}
		b.checkIdle(t)
	})
}

// TestNothingIsTriedAgainAfterTheFirstByte: not even where only the head went
// out, nor at another deployment, nor at a fallback.
func TestNothingIsTriedAgainAfterTheFirstByte(t *testing.T) {
	events := []fairlead.Event{{Head: &fairlead.Head{Status: 200}}, {Data: []byte("x")}, {Data: []byte("y")}}
	for n := 1; n <= len(events); n++ {
		synctest.Test(t, func(t *testing.T) {
			p := &fake{answer: func(_ context.Context, _ int, emit fairlead.Emit) error {
				for _, e := range events[:n] {
					if err := emit(e); err != nil {
						return err
					}
				}
				return upstreamError("upstream_truncated", 200)
			}}
			other, last := fine(), fine()
			first := usual("p", p, other)
			first.Deployments[0].Weight = 1_000_000
			b := newBed(first, usual("q", last))
			call := newCall("a", to("p"), to("q"))
			got, err := b.ask(t.Context(), call)
			if codeOf(err) != "upstream_truncated" || len(got) != n {
				t.Errorf("after %d events: error %v, events %q", n, err, got)
			}
			if p.count() != 1 || other.count()+last.count() != 0 || len(call.Attempts()) != 1 {
				t.Errorf("after %d events: %d, %d and %d attempts", n, p.count(), other.count(), last.count())
			}
			b.checkIdle(t)
		})
	}
}

// TestBackOff: the waits are spread over all that full jitter allows, and nothing
// is held in them.
func TestBackOff(t *testing.T) {
	var longest [2]time.Duration
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			var began []time.Time
			p := &fake{answer: func(context.Context, int, fairlead.Emit) error {
				began = append(began, time.Now())
				return status(500)
			}}
			b := newBed(usual("p", p))
			if _, err := b.ask(t.Context(), newCall("a", to("p"))); codeOf(err) != "upstream_error" || len(began) != 3 {
				t.Fatalf("error %v, %d attempts", err, len(began))
			}
			for i := range longest {
				longest[i] = max(longest[i], began[i+1].Sub(began[i]))
			}
		})
	}
	for i, bound := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond} {
		if longest[i] > bound || longest[i] < bound*9/10 {
			t.Errorf("longest wait before attempt %d: %v, want nearly %v", i+2, longest[i], bound)
		}
	}
}

func TestNoSlotIsHeldInABackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bedOf(Config{Providers: []Provider{usual("p", failing(holding(503, 10*time.Second), 1))}}, admission.Config{Slots: 1})
		call := newCall("a", to("p"))
		ended := make(chan error, 1)
		began := time.Now()
		go func() {
			_, err := b.ask(t.Context(), call)
			ended <- err
		}()
		<-time.After(5 * time.Second)
		if n := b.control.Slots().InUse; n != 0 || call.Holding() != 0 {
			t.Errorf("%d slots in use in the back-off, %d held by the call", n, call.Holding())
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		took := time.Since(began)
		if took < 11*time.Second || took > 11250*time.Millisecond {
			t.Errorf("took %v, want the 10 s asked for, up to 250 ms and the answer's second", took)
		}
		if waited := call.Waited(); waited < 10*time.Second || waited > 10250*time.Millisecond {
			t.Errorf("the call waited for %v", waited)
		}
		b.checkIdle(t)
	})
}

func TestWhoLeavesEndsTheBackOffAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(usual("p", failing(holding(503, 20*time.Second), -1)))
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, leave)
		began := time.Now()
		_, err := b.ask(ctx, newCall("a", to("p")))
		if took := time.Since(began); took != 3*time.Second || !fairlead.IsKind(err, fairlead.Canceled) {
			t.Errorf("after %v: %v", took, err)
		}
		b.checkIdle(t)
	})
}

func TestWhenAPauseIsTooLong(t *testing.T) {
	for _, c := range []struct {
		name     string
		pause    time.Duration
		deadline time.Duration
		patience time.Duration
		attempts int
	}{
		{"short", 20 * time.Second, time.Minute, 0, 3},
		{"longer than we wait", 31 * time.Second, time.Hour, 0, 1},
		{"longer than the call has time", 20 * time.Second, 20 * time.Second, 0, 1},
		{"longer than its client waits", 20 * time.Second, time.Hour, 15 * time.Second, 1},
		{"the second time it is", 20 * time.Second, 30 * time.Second, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refusal := holding(429, c.pause)
				p := failing(refusal, -1)
				b := newBed(usual("p", p))
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				call := newCall("a", to("p"))
				call.Patience = c.patience
				began := time.Now()
				_, err := b.ask(ctx, call)
				if !errors.Is(err, refusal) || p.count() != c.attempts {
					t.Errorf("%d attempts, %v; want %d and the provider's own refusal", p.count(), err, c.attempts)
				}
				if took := time.Since(began); c.attempts == 1 && took != 0 {
					t.Errorf("it was told after %v", took)
				}
			})
		})
	}
}

func TestARetryIsNeverPastTheDeadline(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			p := failing(status(500), -1)
			b := newBed(usual("p", p))
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := b.ask(ctx, newCall("a", to("p"))); codeOf(err) != "upstream_error" {
				t.Errorf("told %v, want what went wrong", err)
			}
			if ctx.Err() != nil {
				t.Error("the call waited until its deadline")
			}
		})
	}
}

func TestAnotherKeyIsTriedAtOnce(t *testing.T) {
	for _, failure := range []error{status(500), status(401), status(429), holding(429, time.Hour)} {
		synctest.Test(t, func(t *testing.T) {
			bad, good := failing(failure, -1), fine()
			p := usual("p", bad, good)
			p.Deployments[0].Weight = 1_000_000
			b := newBed(p)
			call := newCall("a", to("p"))
			began := time.Now()
			if _, err := b.ask(t.Context(), call); err != nil || time.Since(began) != time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			if bad.count() != 1 || good.count() != 1 || len(call.Attempts()) != 2 {
				t.Errorf("%d and %d attempts", bad.count(), good.count())
			}
		})
	}
}

func TestAKeyThatIsRefusedIsTheLastChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := failing(status(401), -1), fine()
		b := newBed(usual("p", bad, good))
		for range 100 {
			if _, err := b.ask(t.Context(), newCall("a", to("p"))); err != nil {
				t.Fatal(err)
			}
		}
		if bad.count() > 4 { // once every 30 s
			t.Errorf("the refused key was tried %d times in 100 s", bad.count())
		}
		lone := failing(status(401), -1)
		c := newBed(usual("p", lone))
		for range 5 {
			if _, err := c.ask(t.Context(), newCall("a", to("p"))); err == nil {
				t.Error("no error")
			}
		}
		if lone.count() != 5 {
			t.Errorf("the only key was tried %d times, want each time", lone.count())
		}
	})
}
