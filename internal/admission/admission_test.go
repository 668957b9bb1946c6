package admission

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

func controller() *Controller {
	return New(Config{
		Slots: 2, MaxQueue: 4, MaxQueuePerApp: 2, Pools: map[string]Pool{"wide": {}, "narrow": {Slots: 1}},
		Burst:    Burst{PerSecond: 5, Block: 300 * time.Second},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: time.Minute},
	}, memory.New())
}

func callOf(app *fairlead.App) *fairlead.Call {
	return &fairlead.Call{App: app, Operation: fairlead.Chat, Arrived: time.Now()}
}

func kindAndCode(err error) (fairlead.Kind, string) {
	if err == nil {
		return 0, ""
	}
	e := fairlead.AsError(err)
	return e.Kind, e.Code
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := controller(), &fairlead.App{ID: "a", RateLimitPerMinute: 3}
		for i := range 3 {
			call := callOf(app)
			if _, err := c.Admit(t.Context(), call); err != nil || call.Requests().Remaining != 2-i {
				t.Fatalf("admission %d: %v, %+v", i, err, call.Requests())
			}
			<-time.After(10 * time.Second)
		}
		_, err := c.Admit(t.Context(), callOf(app))
		e := fairlead.AsError(err)
		if e.Kind != fairlead.Limited || e.Code != "rate_limit_requests" || e.RetryAfter != 30*time.Second || e.NoRetry {
			t.Errorf("refusal %+v, want a wait of 30s", e)
		}
		if e.Message != "Rate limit exceeded" || e.Detail != "Rate limit: 3 requests per minute" {
			t.Errorf("refusal says %q, %q", e.Message, e.Detail)
		}
		if _, err := c.Admit(t.Context(), callOf(&fairlead.App{ID: "b", RateLimitPerMinute: 3})); err != nil {
			t.Errorf("another app is refused: %v", err)
		}
	})
}

func TestNoRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := controller(), &fairlead.App{ID: "a"}
		for range 1000 {
			pass, err := c.Admit(t.Context(), callOf(app))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Settle(t.Context(), callOf(app), pass, Outcome{}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
	})
}

func TestBurstBlocksForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := controller(), &fairlead.App{ID: "a", RateLimitPerMinute: 2}
		for range 5 { // refused or not, they arrived
			_, _ = c.Admit(t.Context(), callOf(app))
		}
		e := fairlead.AsError(c.Arrive(app))
		if e.Kind != fairlead.Limited || e.Code != "blocked_burst" || !e.NoRetry || e.RetryAfter != 300*time.Second {
			t.Errorf("the sixth arrival within a second: %+v", e)
		}
		<-time.After(100 * time.Second)
		_, err := c.Admit(t.Context(), callOf(app))
		if e := fairlead.AsError(err); e == nil || e.Code != "blocked_burst" || e.RetryAfter != 200*time.Second {
			t.Errorf("100s into the block: %+v", e)
		}
		s, err := c.Standing(t.Context(), app)
		if err != nil || s.BlockedFor != 200*time.Second {
			t.Errorf("standing %+v, %v", s, err)
		}
		if _, err := c.Admit(t.Context(), callOf(&fairlead.App{ID: "b"})); err != nil {
			t.Errorf("another app is blocked too: %v", err)
		}
		<-time.After(200 * time.Second)
		if _, err := c.Admit(t.Context(), callOf(app)); err != nil {
			t.Errorf("after the block: %v", err)
		}
	})
}

func TestFullQueueRefusesBeforeItCharges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := controller(), &fairlead.App{ID: "a", RateLimitPerMinute: 10}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 4 { // two hold the slots, two fill the app's queue
			wg.Go(func() {
				lease, err := c.Enter(ctx, callOf(app), "wide")
				if err == nil {
					<-ctx.Done()
					lease.Release()
				}
			})
			synctest.Wait()
		}
		call := callOf(app)
		_, err := c.Admit(t.Context(), call)
		e := fairlead.AsError(err)
		if e.Kind != fairlead.Busy || e.Code != "queue_full_app" || e.RetryAfter < time.Second {
			t.Errorf("refusal %+v", e)
		}
		if w := call.Requests(); w.Remaining != 10 || w.Limit != 10 {
			t.Errorf("the window %+v was charged", w)
		}
		if kind, code := kindAndCode(enterErr(ctx, c, app)); kind != fairlead.Busy || code != "queue_full_app" {
			t.Errorf("at the gate: %v %s", kind, code)
		}
		cancel()
		wg.Wait()
	})
}

func enterErr(ctx context.Context, c *Controller, app *fairlead.App) error {
	lease, err := c.Enter(ctx, callOf(app), "wide")
	lease.Release()
	return err
}

func TestEnterHoldsBothSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := controller(), &fairlead.App{ID: "a"}
		first, err := c.Enter(t.Context(), callOf(app), "narrow")
		if err != nil {
			t.Fatal(err)
		}
		if p := c.Pools()["narrow"]; p.InUse != 1 || c.Slots().InUse != 1 || c.Apps(t.Context())[0].Classes[fairlead.Interactive].InUse != 1 {
			t.Errorf("pool %+v, slots %+v, apps %+v", p, c.Slots(), c.Apps(t.Context()))
		}
		time.AfterFunc(3*time.Second, first.Release)
		call := callOf(app)
		second, err := c.Enter(t.Context(), call, "narrow")
		if err != nil || second.Wait().Actual != 3*time.Second || call.Waited() != 3*time.Second || !call.Slotted() {
			t.Errorf("second: %v, waited %v", err, second.Wait())
		}
		first.Release() // again
		second.Release()
		if c.Slots().InUse != 0 || c.Slots().DoubleReleases != 1 {
			t.Errorf("slots %+v", c.Slots())
		}
	})
}

func TestHowAWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := controller(), &fairlead.App{ID: "a"}
		held, err := c.Enter(t.Context(), callOf(app), "narrow")
		if err != nil {
			t.Fatal(err)
		}
		defer held.Release()
		late, cancelLate := context.WithTimeout(t.Context(), time.Second)
		defer cancelLate()
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		stopped, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(&fairlead.Error{Kind: fairlead.Busy, Code: "draining"}) })
		for _, want := range []struct {
			ctx  context.Context //nolint:containedctx // a table of contexts
			kind fairlead.Kind
			code string
		}{{late, fairlead.Busy, "queue_timeout"}, {gone, fairlead.Canceled, "client_left"}, {stopped, fairlead.Busy, "draining"}} {
			call := callOf(app)
			_, err := c.Enter(want.ctx, call, "narrow")
			if kind, code := kindAndCode(err); kind != want.kind || code != want.code || call.Slotted() {
				t.Errorf("got %v %s, want %v %s", kind, code, want.kind, want.code)
			}
		}
		if _, err := c.Enter(t.Context(), callOf(app), "nowhere"); !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("an unknown pool: %v", err)
		}
	})
}
