package bench

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkHandoff is passing one slot on from caller to caller while many apps
// have one waiting at all times, the switch from goroutine to goroutine
// included. A semaphore and a channel pass it on to whoever came first: they are
// here as the price of that switch.
func BenchmarkHandoff(b *testing.B) {
	for _, m := range []struct {
		maker
		most int // apps; beyond that a run takes minutes
	}{
		{maker{"fairlead", fairleadApps}, 10_000},
		{maker{"semaphore", semaphores}, 10_000},
		{maker{"channel", channels}, 10_000},
		{maker{"k8s", kubernetesQueues}, 1000},
	} {
		for _, apps := range []int{10, 100, 1000, 10_000} {
			if apps > m.most {
				continue
			}
			b.Run(fmt.Sprintf("apps=%d/impl=%s", apps, m.impl), func(b *testing.B) {
				b.ReportAllocs()
				handoff(b, m.make(b, 1, apps+1), apps)
			})
		}
	}
}

// handoff measures b.N of them, after each app has had its first turn.
func handoff(b *testing.B, l limiter, apps int) {
	b.Helper()
	var (
		wg      sync.WaitGroup
		started atomic.Int64
		done    atomic.Bool
		left    = apps + b.N // guarded by the slot
	)
	held := func() {
		switch left {
		case b.N:
			b.ResetTimer()
		case 0:
			b.StopTimer()
			done.Store(true)
		}
		left--
	}
	turns := func(app int) {
		started.Add(1)
		for !done.Load() {
			if err := l.with(app, held); err != nil {
				b.Error(err)
				return
			}
		}
	}
	// The slot is held until all wait, else the first would find it free and go on
	// alone.
	err := l.with(apps, func() {
		for app := range apps {
			wg.Go(func() { turns(app) })
		}
		for int(started.Load()) < apps {
			runtime.Gosched()
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	wg.Wait()
}
