package bench

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"golang.org/x/time/rate"

	"github.com/fairleadhq/fairlead/internal/window"
)

// rateLimiter asks n times for one admission and returns how many there were.
// Each of them reads the clock, as each request would.
type rateLimiter func(n int) (admitted int)

type rateMaker struct {
	impl string
	make func(limit int, per time.Duration) rateLimiter
}

func rateMakers() []rateMaker {
	return []rateMaker{
		{"fairlead", rings},
		{"fairlead-buckets", buckets},
		{"x-time-rate", tokenBuckets},
		{"failsafe-bursty", func(limit int, per time.Duration) rateLimiter {
			return permits(ratelimiter.NewBursty[any](uint(limit), per))
		}},
		{"failsafe-smooth", func(limit int, per time.Duration) rateLimiter {
			return permits(ratelimiter.NewSmooth[any](uint(limit), per))
		}},
		{"clock", clockOnly},
	}
}

func rings(limit int, per time.Duration) rateLimiter {
	ring, start := window.New(limit, per), time.Now()
	return func(n int) (admitted int) {
		for range n {
			if _, _, ok := ring.Admit(time.Since(start)); ok {
				admitted++
			}
		}
		return admitted
	}
}

func buckets(limit int, per time.Duration) rateLimiter {
	all, start := window.NewBuckets(limit, per), time.Now()
	return func(n int) (admitted int) {
		for range n {
			if _, _, ok := all.Take(time.Since(start), 1); ok {
				admitted++
			}
		}
		return admitted
	}
}

func tokenBuckets(limit int, per time.Duration) rateLimiter {
	bucket := rate.NewLimiter(rate.Limit(float64(limit)/per.Seconds()), limit)
	return func(n int) (admitted int) {
		for range n {
			if bucket.Allow() {
				admitted++
			}
		}
		return admitted
	}
}

func permits(limiter ratelimiter.RateLimiter[any]) rateLimiter {
	return func(n int) (admitted int) {
		for range n {
			if limiter.TryAcquirePermit() {
				admitted++
			}
		}
		return admitted
	}
}

// clockOnly is what reading the clock costs by itself.
func clockOnly(int, time.Duration) rateLimiter {
	start := time.Now()
	return func(n int) (admitted int) {
		for range n {
			if time.Since(start) > 0 {
				admitted++
			}
		}
		return admitted
	}
}

// BenchmarkRate is asking a limit on a rate for an admission, on all processors
// at once, where most is admitted and where most is refused. The metric
// admitted/op tells how much was.
func BenchmarkRate(b *testing.B) {
	const chunk = 1000
	for _, offered := range []struct {
		mostly string
		limit  int
		per    time.Duration
	}{
		{"admitted", 8000, 100 * time.Microsecond},
		{"refused", 200, time.Minute},
	} {
		for _, m := range rateMakers() {
			b.Run("mostly="+offered.mostly+"/impl="+m.impl, func(b *testing.B) {
				ask := m.make(offered.limit, offered.per)
				ask(offered.limit)
				var admitted atomic.Int64
				b.ReportAllocs()
				b.ResetTimer()
				work(b, runtime.GOMAXPROCS(0), chunk, func(_, n int) error {
					admitted.Add(int64(ask(n)))
					return nil
				})
				b.ReportMetric(float64(admitted.Load())/float64(b.N), "admitted/op")
			})
		}
	}
}
