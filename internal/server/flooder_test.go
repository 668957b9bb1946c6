package server

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// flooding is how much one app floods the service.
type flooding struct {
	clients, slots int
	answer         time.Duration // what each call takes upstream
	// calls is how many the other app makes, apart by gap on average.
	calls int
	gap   time.Duration
}

// sample is what a call of the other app met with.
type sample struct {
	queued time.Duration // as the service tells
	took   time.Duration // as its client measured
	// passed is how many calls of the flooder ended meanwhile.
	passed int64
}

// TestProofTimedFlooder: one app always has hundreds of calls outstanding;
// another one, which calls now and then, waits for hardly more than the next
// release. Here it is held that it overtakes most of those who were there before
// it; for how long it waits only under `make proof`.
func TestProofTimedFlooder(t *testing.T) {
	const limit = 1200 * time.Millisecond
	f := flooding{clients: 100, slots: 10, answer: 200 * time.Millisecond, calls: 20, gap: 100 * time.Millisecond}
	if proof() {
		f = flooding{clients: 500, slots: 20, answer: time.Second, calls: 400, gap: 500 * time.Millisecond}
	}
	s := start(t, fmt.Sprintf(`
limits: {max_concurrent_requests: %d, max_queue: 2000, max_queue_per_app: 1000, burst: {requests_per_second: 0}}
apps:
  - {name: flood, keys: [%s], rate_limit_per_minute: 0}
  - {name: polite, keys: [%s], rate_limit_per_minute: 0}`, f.slots, floodKey, politeKey))
	samples, most := f.run(t, s)

	queued, waited := make([]time.Duration, len(samples)), make([]time.Duration, len(samples))
	passed := make([]int, len(samples))
	for i, m := range samples {
		queued[i], waited[i], passed[i] = m.queued, m.took-f.answer, int(m.passed)
	}
	slices.Sort(queued)
	slices.Sort(waited)
	// First come, first served would let nearly all go before it.
	if got, most := median(passed), f.clients/2; got > most {
		t.Errorf("%d calls of the flooder ended during a call, want at most %d of %d", got, most, f.clients)
	}
	if most != f.slots {
		t.Errorf("%d upstream at once, want %d: the slots are full and not overfull", most, f.slots)
	}
	t.Logf("%d calls beside %d clients on %d slots of %v: in the queue p50 %v, p99 %v, most %v; as measured by the client p50 %v, p99 %v, most %v; passed by %d calls",
		len(samples), f.clients, f.slots, f.answer, quantile(queued, 0.5), quantile(queued, 0.99), quantile(queued, 1),
		quantile(waited, 0.5), quantile(waited, 0.99), quantile(waited, 1), median(passed))
	if got := quantile(waited, 0.99); proof() && got > limit {
		t.Errorf("p99 wait %v, want at most %v", got, limit)
	}
}

// run floods the service and returns what the other app's calls met with, and how
// many calls the upstream held at most. At the end the flooders leave, which the
// upstream may see a moment after their slots are given to others.
func (f flooding) run(t *testing.T, s *service) (samples []sample, most int) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: f.clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ctx, stop := context.WithCancel(t.Context())
	var ended atomic.Int64
	var flood, others sync.WaitGroup
	defer flood.Wait()
	defer stop()
	model := "up/mock+delay=" + f.answer.String()
	for range f.clients {
		flood.Go(func() {
			for ctx.Err() == nil {
				if _, err := chat(ctx, client, s, floodKey, model); err != nil && ctx.Err() == nil {
					t.Errorf("the flooder: %v", err)
					return
				}
				ended.Add(1)
			}
		})
	}
	eventually(t, "the queue is full", func() bool { return s.admission.Slots().Waiting == f.clients-f.slots })
	samples = make([]sample, f.calls)
	for i := range samples {
		<-time.After(min(time.Duration(rand.ExpFloat64()*float64(f.gap)), 5*f.gap))
		others.Go(func() {
			began, before := time.Now(), ended.Load()
			queued, err := chat(ctx, client, s, politeKey, model)
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			samples[i] = sample{queued: queued, took: time.Since(began), passed: ended.Load() - before}
		})
	}
	others.Wait()
	return samples, s.mock.Stats().MostInFlight
}

// chat makes a chat call, which must be answered, and returns for how long it
// waited as the service tells.
func chat(ctx context.Context, client *http.Client, s *service, key, model string) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/chat/completion", strings.NewReader(chatBody(model)))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-API-Key", key)
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	millis, err := strconv.ParseInt(resp.Header.Get("X-Fairlead-Queue-Ms"), 10, 64)
	return time.Duration(millis) * time.Millisecond, err
}
