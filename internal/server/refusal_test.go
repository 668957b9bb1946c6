package server

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	floodKey  = "a-test-key-of-the-flood-app"
	politeKey = "a-test-key-of-the-polite-app"
)

// refusal is a way in which the app flood is refused. The app polite is not.
type refusal struct {
	code, yaml string
	status     int
	// before is how many calls at once, for that model, bring it about.
	before int
	model  string
}

// refusals are those that a flood meets.
func refusals() []refusal {
	const floods = "\napps:\n  - {name: polite, keys: [" + politeKey + "], rate_limit_per_minute: 0}\n" +
		"  - {name: flood, keys: [" + floodKey + "], tokens_per_minute: 200000, max_concurrent: 10}"
	return []refusal{
		{
			code: "blocked_burst", status: http.StatusTooManyRequests, before: 300, model: "up/mock",
			yaml: `limits: {burst: {requests_per_second: 150, block: 1h}}` + floods,
		},
		{
			code: "rate_limit_requests", status: http.StatusTooManyRequests, before: 200, model: "up/mock",
			yaml: `limits: {burst: {requests_per_second: 0}, max_queue: 1000}` + floods,
		},
		{
			code: "queue_full_app", status: http.StatusServiceUnavailable, before: 20, model: "up/mock+hang",
			yaml: "timeouts: {chat: 1h}\nlimits: {burst: {requests_per_second: 0}, max_queue: 100, max_queue_per_app: 10}" + floods,
		},
	}
}

// begin starts a service that refuses the flood, and logs into a file as a real
// one does.
func (r refusal) begin(t *testing.T) *service {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	s := buildLogging(t, r.yaml, log)
	s.run(t)
	if r.model == "up/mock+hang" {
		for range r.before {
			go func() {
				if resp, err := s.post(t.Context(), "/chat/completion", floodKey, chatBody(r.model)); err == nil {
					_ = resp.Body.Close()
				}
			}()
		}
		eventually(t, "half of them wait", func() bool { return s.admission.Slots().Waiting == r.before/2 })
		return s
	}
	c := newClient(t)
	eventually(t, r.code, func() bool {
		c.send(t, order{Addr: s.Addr().String(), Request: chatRequest(floodKey, r.model), Conns: r.before, Count: r.before})
		_, body := s.refused(t)
		return strings.Contains(body, `"`+r.code+`"`)
	})
	return s
}

// refused makes a call for the flood, and returns its answer.
func (s *service) refused(t *testing.T) (*http.Response, string) {
	t.Helper()
	resp, err := s.post(t.Context(), "/chat/completion", floodKey, chatBody("up/mock"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp, string(body)
}

// bare serves what a refusal said, with net/http alone and the timeouts of a
// server that faces others, and returns its address.
func bare(t *testing.T, refusal *http.Response, body string) string {
	t.Helper()
	header := maps.Clone(refusal.Header)
	delete(header, "Date") // the server adds it
	names := slices.Sorted(maps.Keys(header))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for _, name := range names {
			h.Set(name, header.Get(name))
		}
		w.WriteHeader(refusal.StatusCode)
		_, _ = io.WriteString(w, body)
	}))
	server.Config.ReadHeaderTimeout, server.Config.IdleTimeout = readHeaderTimeout, 5*time.Second
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// cost is what one request costs: of this process' time on a processor, and on
// the clock.
type cost struct{ cpu, wall time.Duration }

// measure has the client send the order, all of whose answers must have that
// status, and returns what each cost.
func measure(t *testing.T, c *client, o order, status int) cost {
	t.Helper()
	before := processorTime(t)
	got := c.send(t, o)
	spent := processorTime(t) - before
	// In a long run a place in a window may come free.
	if others := o.Count - got.Statuses[status]; others > o.Count/100 {
		t.Fatalf("statuses %v, want %d of %d", got.Statuses, o.Count, status)
	}
	return cost{cpu: spent / time.Duration(o.Count), wall: got.Took / time.Duration(o.Count)}
}

// processorTime is what this process has had of the processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// median is the middle one.
func median[T int | float64 | time.Duration](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// TestProofTimedRefusal: to refuse costs the service little more than it costs
// net/http to say the same. Here it is held that every call is refused as it
// should be; what that costs only under `make proof`.
func TestProofTimedRefusal(t *testing.T) {
	const limit = 1.3
	rounds, count := 1, 200
	if proof() {
		rounds, count = 51, 1000 // short rounds, so that what else the machine does falls on both sides
	}
	for _, r := range refusals() {
		t.Run(r.code, func(t *testing.T) {
			s, c := r.begin(t), newClient(t)
			resp, body := s.refused(t)
			if err := checkRefusal(resp, []byte(body), "/chat/completion"); err != nil || resp.StatusCode != r.status {
				t.Fatalf("status %d, %v", resp.StatusCode, err)
			}
			ours := order{Addr: s.Addr().String(), Request: chatRequest(floodKey, "up/mock"), Conns: 1, Count: count}
			plain := ours
			plain.Addr = bare(t, resp, body)
			var ofOurs, ofPlain []cost
			for range rounds {
				ofOurs = append(ofOurs, measure(t, c, ours, r.status))
				ofPlain = append(ofPlain, measure(t, c, plain, r.status))
			}
			cpu := compare(t, "processor time", ofOurs, ofPlain, func(c cost) time.Duration { return c.cpu })
			wall := compare(t, "time on the clock", ofOurs, ofPlain, func(c cost) time.Duration { return c.wall })
			if proof() && (cpu > limit || wall > limit) {
				t.Errorf("a refusal costs %.2f times the processor and %.2f times the clock of a bare one, want at most %.1f", cpu, wall, limit)
			}
		})
	}
}

// compare logs the medians of two sides, and returns the median of their ratios
// in the same round.
func compare(t *testing.T, what string, ours, plain []cost, of func(cost) time.Duration) float64 {
	t.Helper()
	var a, b []time.Duration
	var ratios []float64
	for i := range ours {
		a, b = append(a, of(ours[i])), append(b, of(plain[i]))
		ratios = append(ratios, float64(of(ours[i]))/float64(max(of(plain[i]), 1)))
	}
	ratio := median(ratios)
	t.Logf("%s: %v a refusal, %v a bare answer; in %d rounds %.2f times as much (%.2f to %.2f)",
		what, median(a), median(b), len(ratios), ratio, slices.Min(ratios), slices.Max(ratios))
	return ratio
}

// TestProofTimedRefusalsBesideWork: while as many calls of one app are refused as
// half a core could refuse, the 99th percentile of another app's calls is at most
// twice what it is without them. Here it is held that they are all answered, and
// the flood refused.
func TestProofTimedRefusalsBesideWork(t *testing.T) {
	const limit, workers = 2, 4
	turns, span, count := 1, 300*time.Millisecond, 20
	if proof() {
		turns, span, count = 7, 4*time.Second, workers*75 // about as long
	}
	for _, r := range refusals() {
		t.Run(r.code, func(t *testing.T) {
			s := r.begin(t)
			flooding, working := newClient(t), newClient(t)
			flood := order{Addr: s.Addr().String(), Request: chatRequest(floodKey, "up/mock"), Conns: 4, Count: 1000 * turns}
			each := measure(t, flooding, flood, r.status).cpu
			flood.Conns, flood.Span, flood.Rate = 32, span, float64(time.Second)/float64(2*each)
			work := order{Addr: flood.Addr, Request: chatRequest(politeKey, "up/mock+delay=50ms"), Conns: workers, Count: count}
			var alone, beside, refused []tally
			for range turns {
				alone = append(alone, working.send(t, work))
				flooded := make(chan tally, 1)
				go func() { flooded <- flooding.send(t, flood) }()
				beside = append(beside, working.send(t, work))
				refused = append(refused, <-flooded)
			}
			var ratios, rates []float64
			for i := range turns {
				if n := alone[i].Statuses[http.StatusOK] + beside[i].Statuses[http.StatusOK]; n != 2*count {
					t.Errorf("work: %v, %v, want %d times 200", alone[i].Statuses, beside[i].Statuses, 2*count)
				}
				if n, others := len(refused[i].Latencies), len(refused[i].Latencies)-refused[i].Statuses[r.status]; others > n/100 {
					t.Errorf("the flood: %v, want %d times %d", refused[i].Statuses, n, r.status)
				}
				ratios = append(ratios, float64(beside[i].at(0.99))/float64(alone[i].at(0.99)))
				rates = append(rates, float64(len(refused[i].Latencies))/refused[i].Took.Seconds())
			}
			ratio := median(ratios)
			t.Logf("one core refuses %.0f/s (%v each); offered %.0f/s, refused %.0f/s; p99 beside the flood %.2f times as much (%.2f to %.2f in %d turns); alone p50 %v, p99 %v; beside p50 %v, p99 %v",
				2*flood.Rate, each, flood.Rate, median(rates), ratio, slices.Min(ratios), slices.Max(ratios), turns,
				medianAt(alone, 0.5), medianAt(alone, 0.99), medianAt(beside, 0.5), medianAt(beside, 0.99))
			if proof() && ratio > limit {
				t.Errorf("p99 is %.2f times as much beside the flood, want at most %d times", ratio, limit)
			}
		})
	}
}

// medianAt is the median of the tallies' q-quantiles.
func medianAt(all []tally, q float64) time.Duration {
	var latencies []time.Duration
	for i := range all {
		latencies = append(latencies, all[i].at(q))
	}
	return median(latencies)
}
