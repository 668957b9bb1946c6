package admission

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

// through is a call of each of many apps, to be taken through all gates over and
// over.
type through struct {
	*Controller
	calls []*fairlead.Call
	req   *fairlead.Request
	out   Outcome
}

func newThrough(apps int) *through {
	w := &through{
		Controller: New(Config{
			Slots: 20, MaxQueue: 500, MaxQueuePerApp: 125, Pools: map[string]Pool{"p": {Slots: 15}},
			Burst: Burst{PerSecond: 1 << 30, Block: time.Minute}, HeartbeatAfter: 10 * time.Second,
		}, memory.New()),
		req: request(2000, 1000),
		out: Outcome{Usage: fairlead.Usage{Input: 500, Output: 200}},
	}
	for i := range apps {
		call := callOf(&fairlead.App{
			ID: fairlead.AppID(fmt.Sprint(i)), RateLimitPerMinute: 5000, TokensPerMinute: 1 << 30, MaxConcurrent: 10,
		})
		call.SetTargets([]fairlead.Target{target()})
		call.AddAttempt(fairlead.Attempt{Target: target(), Duration: time.Second})
		w.calls = append(w.calls, call)
	}
	return w
}

// one takes the i-th call through all gates and ends it.
func (w *through) one(ctx context.Context, i int) error {
	call := w.calls[i%len(w.calls)]
	pass, err := w.Admit(ctx, call)
	if err != nil {
		return err
	}
	if err := w.Reserve(ctx, call, &pass, w.req); err != nil {
		return err
	}
	lease, err := w.Enter(ctx, call, "p")
	if err != nil {
		return err
	}
	lease.Correct(w.out.Usage)
	lease.Release()
	return w.Settle(ctx, call, pass, w.out)
}

// TestAdmissionAllocatesNothing, from the arrival of a call to its end.
func TestAdmissionAllocatesNothing(t *testing.T) {
	w := newThrough(3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for range 1300 { // the windows keep times, and their memory grows in pieces
		w.each(ctx, t)
	}
	if allocs := testing.AllocsPerRun(200, func() { w.each(ctx, t) }); allocs > 0 {
		t.Errorf("%v allocations for %d calls", allocs, len(w.calls))
	}
}

// BenchmarkAdmission is all that is decided about a call, from its arrival to its
// end. The windows are made anew before they are full.
func BenchmarkAdmission(b *testing.B) {
	for _, apps := range []int{3, 1000} {
		b.Run(fmt.Sprintf("apps=%d", apps), func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			var w *through
			for i := 0; b.Loop(); i++ {
				if i%(4000*apps) == 0 {
					b.StopTimer()
					w = newThrough(apps)
					w.each(ctx, b)
					b.StartTimer()
				}
				if err := w.one(ctx, i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// each takes one call of each app through all gates.
func (w *through) each(ctx context.Context, tb testing.TB) {
	tb.Helper()
	for i := range w.calls {
		if err := w.one(ctx, i); err != nil {
			tb.Fatal(err)
		}
	}
}
