package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
)

// What an app may do, and the service bears. Nobody is refused and nobody waits.
const (
	requestsPerMinute = 200
	tokensPerMinute   = 1_000_000
	burstPerSecond    = 200
	serviceSlots      = 20
	providerSlots     = 15
	appSlots          = 10
	promptTokens      = 500
	outputTokens      = 200
	provider          = "provider"
	// callEvery is, on the clock of the windows, the time from one call of an app to
	// the next, if a call takes fastest: half of what its window allows.
	callEvery = 2 * time.Minute / requestsPerMinute
	fastest   = 250 * time.Nanosecond
)

var errRefused = errors.New("refused")

// admit takes one call of an app through all gates, and ends it.
type admit func(worker, app int) error

// BenchmarkAdmission is all that is decided about one call from its arrival to
// its end: burst guard, shed, window of requests, estimate and window of tokens,
// slots of the app, the provider and the service, release, correction of the
// tokens. The app's key has been looked up, and the call itself has been made.
//
// impl=parts is what one would put together for it: a map of apps, each with
// three of x/time/rate and a semaphore, beside a semaphore for the provider and
// one for the service. It knows no fairness, gives nothing back, and its windows
// admit up to twice their limit.
//
// Calls come faster than in life, so the clock of Fairlead's windows runs faster
// too: they turn over, and are half full. The limiters of the parts have only the
// machine's clock; they are made large enough never to refuse.
//
// p50-ns and p99-ns are of single calls, less the time that looking at the clock
// takes.
func BenchmarkAdmission(b *testing.B) { benchmarkAdmission(b, 1) }

// BenchmarkAdmissionParallel is the same on all processors at once.
func BenchmarkAdmissionParallel(b *testing.B) { benchmarkAdmission(b, runtime.GOMAXPROCS(0)) }

func benchmarkAdmission(b *testing.B, workers int) {
	b.Helper()
	for _, apps := range []int{3, 1000} {
		for _, m := range []struct {
			impl string
			make func(ctx context.Context, apps, workers int) admit
		}{{"fairlead", admitByFairlead}, {"parts", admitByParts}} {
			b.Run(fmt.Sprintf("apps=%d/impl=%s", apps, m.impl), func(b *testing.B) {
				ctx, cancel := context.WithTimeout(b.Context(), century)
				defer cancel()
				times := newTimes(workers, b.N)
				b.ReportAllocs()
				one := m.make(ctx, apps, workers)
				callAll(b, one, apps, workers)
				b.ResetTimer()
				run(b, b.N, apps, times, one)
				b.StopTimer()
				b.ReportMetric(times.quantile(0.5), "p50-ns")
				b.ReportMetric(times.quantile(0.99), "p99-ns")
			})
		}
	}
}

// callAll lets each app call once, so that it is known.
func callAll(b *testing.B, one admit, apps, workers int) {
	b.Helper()
	for app := range apps {
		if err := one(app%workers, app); err != nil {
			b.Fatal(err)
		}
	}
}

// run takes n calls through the gates, of one app after the other.
func run(b *testing.B, n, apps int, times *times, one admit) {
	b.Helper()
	workers := len(times.sampled)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < n; i += workers {
				if err := times.call(one, worker, i/workers, i%apps); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// admitByFairlead is package admission with the windows of package memory.
func admitByFairlead(ctx context.Context, apps, workers int) admit {
	clock := fastClock(int(callEvery/fastest) / apps)
	controller := admission.New(admission.Config{
		Slots: serviceSlots, MaxQueue: 500, MaxQueuePerApp: 125,
		Pools:    map[string]admission.Pool{provider: {Slots: providerSlots}},
		Burst:    admission.Burst{PerSecond: burstPerSecond, Block: 5 * time.Minute},
		Clock:    clock,
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: 2 * time.Minute},
	}, memory.New())
	all := make([]*fairlead.App, apps)
	for app := range apps {
		all[app] = &fairlead.App{
			ID: fairlead.AppID(strconv.Itoa(app)), Weight: 1, MaxConcurrent: appSlots,
			RateLimitPerMinute: requestsPerMinute, TokensPerMinute: tokensPerMinute,
		}
	}
	calls := make([]calls, workers)
	for worker := range calls {
		calls[worker].clock = clock
		for i := range calls[worker].made {
			calls[worker].made[i] = newCall()
		}
	}
	request := &fairlead.Request{Body: make([]byte, 4*promptTokens)}
	request.Envelope.Model, request.Envelope.MaxTokens = "model", 5*outputTokens
	outcome := admission.Outcome{Usage: fairlead.Usage{Input: promptTokens, Output: outputTokens}}
	return func(worker, app int) error {
		call := calls[worker].next(all[app])
		pass, err := controller.Admit(ctx, call)
		if err != nil {
			return err
		}
		if err := controller.Reserve(ctx, call, &pass, request); err != nil {
			return err
		}
		lease, err := controller.Enter(ctx, call, provider)
		if err != nil {
			return err
		}
		lease.Correct(outcome.Usage)
		lease.Release()
		return controller.Settle(ctx, call, pass, outcome)
	}
}

// century is so long that no clock of a benchmark sees its end.
const century = 100 * 365 * 24 * time.Hour

// fastClock runs so many times as fast as the machine's.
func fastClock(times int) func() time.Time {
	start := time.Now()
	return func() time.Time { return start.Add(time.Duration(int(time.Since(start)) * max(times, 1))) }
}

// calls are those of a worker. Whoever serves a call makes it, and reads the clock
// for it: here they are used again, and one reading does for several.
type calls struct {
	clock   func() time.Time
	made    [sampleEvery]*fairlead.Call
	used    int
	arrived time.Time
	_       [64]byte // no two workers write to one cache line
}

// next is a call of app of which admission knows nothing yet.
func (c *calls) next(app *fairlead.App) *fairlead.Call {
	i := c.used % len(c.made)
	if i == 0 {
		c.arrived = c.clock()
	}
	c.used++
	call := c.made[i]
	call.App, call.Party, call.Arrived = app, nil, c.arrived
	return call
}

// newCall is a call after its one attempt, from which the time that calls take is
// learned.
func newCall() *fairlead.Call {
	target := fairlead.Target{Provider: provider, Model: "model"}
	call := &fairlead.Call{ID: "req_1_1", Operation: fairlead.Chat}
	call.SetTargets([]fairlead.Target{target})
	call.AddAttempt(fairlead.Attempt{Target: target, Duration: time.Second})
	return call
}

// parts is what admitByParts keeps of an app.
type parts struct {
	burst, requests, tokens *rate.Limiter
	slots                   *semaphore.Weighted
}

func newParts() *parts {
	limiter := func() *rate.Limiter { return rate.NewLimiter(math.MaxInt32, math.MaxInt32) }
	return &parts{burst: limiter(), requests: limiter(), tokens: limiter(), slots: semaphore.NewWeighted(appSlots)}
}

func admitByParts(ctx context.Context, apps, _ int) admit {
	var mu sync.RWMutex
	names := make([]string, apps)
	byName := make(map[string]*parts, apps)
	for app := range names {
		names[app] = strconv.Itoa(app)
		byName[names[app]] = newParts()
	}
	service, upstream := semaphore.NewWeighted(serviceSlots), semaphore.NewWeighted(providerSlots)
	return func(_, app int) error {
		mu.RLock()
		own := byName[names[app]]
		mu.RUnlock()
		now := time.Now()
		if !own.burst.AllowN(now, 1) || !own.requests.AllowN(now, 1) || !own.tokens.AllowN(now, promptTokens+outputTokens) {
			return errRefused
		}
		slots := [...]*semaphore.Weighted{own.slots, upstream, service}
		for _, s := range slots {
			if err := s.Acquire(ctx, 1); err != nil {
				return err
			}
		}
		for _, s := range slots {
			s.Release(1)
		}
		return nil
	}
}

// times are how long single calls took: one of every sampleEvery, for looking at
// the clock takes time itself.
type times struct {
	sampled [][]time.Duration // by worker
	clock   time.Duration     // what looking at it takes
}

const sampleEvery = 16

func newTimes(workers, calls int) *times {
	t := &times{sampled: make([][]time.Duration, workers)}
	for worker := range t.sampled {
		t.sampled[worker] = make([]time.Duration, 0, calls/workers/sampleEvery+1)
	}
	looks := make([]time.Duration, 1000)
	for i := range looks {
		start := time.Now()
		looks[i] = time.Since(start)
	}
	slices.Sort(looks)
	t.clock = looks[len(looks)/2]
	return t
}

// call makes the worker's i-th call and, if it is its turn, measures it.
func (t *times) call(one admit, worker, i, app int) error {
	if i%sampleEvery != 0 {
		return one(worker, app)
	}
	start := time.Now()
	err := one(worker, app)
	t.sampled[worker] = append(t.sampled[worker], time.Since(start)-t.clock)
	return err
}

// quantile is that of all times, in nanoseconds.
func (t *times) quantile(q float64) float64 {
	all := slices.Sorted(slices.Values(slices.Concat(t.sampled...)))
	return float64(all[int(q*float64(len(all)-1))])
}
