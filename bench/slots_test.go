package bench

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// limiter is one way to give out a fixed number of slots. Workers are numbered
// from 0.
type limiter struct {
	// spin takes a slot and gives it back at once, n times. The whole loop is the
	// limiter's own, so that nothing is measured but its calls.
	spin func(worker, n int) error
	// with calls held while the worker has a slot. It blocks until there is one.
	with func(worker int, held func()) error
}

// maker makes a limiter of so many slots for so many workers.
type maker struct {
	impl string
	make func(tb testing.TB, slots, workers int) limiter
}

func makers() []maker {
	return []maker{
		{"fairlead", fairleadApps},
		{"fairlead-one-app", fairleadOneApp},
		{"semaphore", semaphores},
		{"channel", channels},
		{"failsafe-bulkhead", bulkheads},
		{"failsafe-adaptive", adaptives},
		{"k8s", kubernetes},
	}
}

// fairleadApps has an app for each worker.
func fairleadApps(tb testing.TB, slots, workers int) limiter {
	tb.Helper()
	return fairQueue(tb, slots, workers)
}

// fairleadOneApp has one app for all workers, who then share what it keeps
// ready for itself.
func fairleadOneApp(tb testing.TB, slots, _ int) limiter {
	tb.Helper()
	return fairQueue(tb, slots, 1)
}

// manyWaiting is more than ever wait here.
const manyWaiting = 1 << 20

func fairQueue(tb testing.TB, slots, apps int) limiter {
	tb.Helper()
	ctx := tb.Context()
	queue := fairqueue.New(fairqueue.Config{Slots: slots, MaxWaiting: manyWaiting})
	pool := queue.Pool(fairqueue.PoolConfig{Slots: slots})
	flows := make([]*fairqueue.Flow, apps)
	for i := range flows {
		flows[i] = queue.Tenant(fairqueue.TenantConfig{Max: slots, MaxWaiting: manyWaiting}).Flow(1)
	}
	return limiter{
		spin: func(worker, n int) error {
			flow := flows[worker%apps]
			for range n {
				ticket, err := queue.Acquire(ctx, fairqueue.Request{Flow: flow, Pool: pool})
				if err != nil {
					return err
				}
				ticket.Release()
			}
			return nil
		},
		with: func(worker int, held func()) error {
			ticket, err := queue.Acquire(ctx, fairqueue.Request{Flow: flows[worker%apps], Pool: pool})
			if err != nil {
				return err
			}
			held()
			ticket.Release()
			return nil
		},
	}
}

func semaphores(tb testing.TB, slots, _ int) limiter {
	tb.Helper()
	ctx := tb.Context()
	sem := semaphore.NewWeighted(int64(slots))
	return limiter{
		spin: func(_, n int) error {
			for range n {
				if err := sem.Acquire(ctx, 1); err != nil {
					return err
				}
				sem.Release(1)
			}
			return nil
		},
		with: func(_ int, held func()) error {
			if err := sem.Acquire(ctx, 1); err != nil {
				return err
			}
			held()
			sem.Release(1)
			return nil
		},
	}
}

func channels(tb testing.TB, slots, _ int) limiter {
	tb.Helper()
	ctx := tb.Context()
	taken := make(chan struct{}, slots)
	return limiter{
		spin: func(_, n int) error {
			for range n {
				select {
				case taken <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err()
				}
				<-taken
			}
			return nil
		},
		with: func(_ int, held func()) error {
			select {
			case taken <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			held()
			<-taken
			return nil
		},
	}
}

func bulkheads(tb testing.TB, slots, _ int) limiter {
	tb.Helper()
	ctx := tb.Context()
	permits := bulkhead.New[any](uint(slots))
	return limiter{
		spin: func(_, n int) error {
			for range n {
				if err := permits.AcquirePermit(ctx); err != nil {
					return err
				}
				permits.ReleasePermit()
			}
			return nil
		},
		with: func(_ int, held func()) error {
			if err := permits.AcquirePermit(ctx); err != nil {
				return err
			}
			held()
			permits.ReleasePermit()
			return nil
		},
	}
}

// adaptives has a limit that may not adapt, so that it is the same for all.
func adaptives(tb testing.TB, slots, _ int) limiter {
	tb.Helper()
	ctx := tb.Context()
	n := uint(slots)
	permits := adaptivelimiter.NewBuilder[any]().WithLimits(n, n, n).Build()
	return limiter{
		spin: func(_, n int) error {
			for range n {
				permit, err := permits.AcquirePermit(ctx)
				if err != nil {
					return err
				}
				permit.Record()
			}
			return nil
		},
		with: func(_ int, held func()) error {
			permit, err := permits.AcquirePermit(ctx)
			if err != nil {
				return err
			}
			held()
			permit.Record()
			return nil
		},
	}
}

// work gives b.N operations to the workers, up to chunk at a time, and waits for
// them.
func work(b *testing.B, workers, chunk int, do func(worker, n int) error) {
	b.Helper()
	var (
		taken atomic.Int64
		wg    sync.WaitGroup
	)
	for worker := range workers {
		wg.Go(func() {
			for {
				n := min(chunk, b.N-int(taken.Add(int64(chunk)))+chunk)
				if n <= 0 {
					return
				}
				if err := do(worker, n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// freeSlots is more than there are workers where nobody is to wait.
const freeSlots = 1024

// BenchmarkFree is taking a slot and giving it back where nobody else is.
func BenchmarkFree(b *testing.B) {
	for _, m := range makers() {
		b.Run("impl="+m.impl, func(b *testing.B) {
			l := m.make(b, freeSlots, 1)
			b.ReportAllocs()
			b.ResetTimer()
			if err := l.spin(0, b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkFreeParallel is the same on every processor at once; there are slots
// for all.
func BenchmarkFreeParallel(b *testing.B) {
	const chunk = 1000
	for _, m := range makers() {
		b.Run("impl="+m.impl, func(b *testing.B) {
			workers := runtime.GOMAXPROCS(0)
			l := m.make(b, freeSlots, workers)
			b.ReportAllocs()
			b.ResetTimer()
			work(b, workers, chunk, l.spin)
		})
	}
}

// BenchmarkContended is 64 goroutines for each processor on 4 slots. Whoever
// has a slot lets the others run before giving it back, for else one goroutine
// after the other would find it free; impl=none is what that costs by itself.
func BenchmarkContended(b *testing.B) {
	const (
		slots   = 4
		perProc = 64
		chunk   = 8
	)
	for _, m := range append(makers(), maker{"none", unlimited}) {
		b.Run("impl="+m.impl, func(b *testing.B) {
			workers := perProc * runtime.GOMAXPROCS(0)
			l := m.make(b, slots, workers)
			b.ReportAllocs()
			b.ResetTimer()
			work(b, workers, chunk, func(worker, n int) error {
				for range n {
					if err := l.with(worker, runtime.Gosched); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

func unlimited(testing.TB, int, int) limiter {
	return limiter{with: func(_ int, held func()) error {
		held()
		return nil
	}}
}

// TestLimitersLimit holds that each is used rightly: as many have a slot at the
// same time as there are slots, and never more; and all come back.
func TestLimitersLimit(t *testing.T) {
	const (
		slots   = 4
		workers = 16
		rounds  = 50
	)
	for _, m := range makers() {
		t.Run(m.impl, func(t *testing.T) {
			l := m.make(t, slots, workers)
			for range 2 {
				got, err := mostAtOnce(l, workers, rounds)
				if err != nil || got != slots {
					t.Errorf("%d had a slot at the same time, %v, want %d", got, err, slots)
				}
				if err := l.spin(0, rounds); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			}
		})
	}
}

// mostAtOnce lets each worker have a slot so many times, and counts how many
// had one at the same time.
func mostAtOnce(l limiter, workers, rounds int) (most int64, err error) {
	var now, highest atomic.Int64
	held := func() {
		n := now.Add(1)
		for seen := highest.Load(); n > seen && !highest.CompareAndSwap(seen, n); {
			seen = highest.Load()
		}
		runtime.Gosched()
		now.Add(-1)
	}
	var crowd errgroup.Group
	for worker := range workers {
		crowd.Go(func() error {
			for range rounds {
				if err := l.with(worker, held); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = crowd.Wait()
	return highest.Load(), err
}
