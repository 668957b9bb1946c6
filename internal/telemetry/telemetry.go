// Package telemetry reads Records: it sums them up for the totals and for
// Prometheus, and writes the access log.
//
// Record is called on the call's own goroutine, so it only adds to atomics.
// They live in tables (table.go) that are looked up without a lock and that
// hold a bounded number of label sets, whatever callers and upstreams send;
// what comes beyond the bound is counted under "other". Sums are turned into
// metrics when somebody asks (collector.go); numbers that change by
// themselves, such as slots in use, are asked from their owners (gauges.go).
//
// Start with New, Record and Handler.
package telemetry

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fairleadhq/fairlead"
)

// The most label sets of each family of sums.
const (
	maxRequestSets = 4000
	maxTokenSets   = 2000
	maxPlainSets   = 500
	maxCodes       = 128
)

const (
	maxScrapes    = 4
	scrapeTimeout = 10 * time.Second
)

// Options is what New needs.
type Options struct {
	// Gauges are asked at each scrape.
	Gauges Gauges
	// Logger takes the access log, one line for each Record; nil means none.
	Logger *slog.Logger
	// Version is the program's, as fairlead_build_info tells it.
	Version string
}

// Telemetry sums up Records. It implements fairlead.Recorder and
// fairlead.Stats, and is safe for concurrent use.
type Telemetry struct {
	gauges  Gauges
	logger  *slog.Logger
	version string

	records, succeeded, succeededTime atomic.Int64
	bytesIn, bytesOut                 atomic.Int64

	codes        *table[name, struct{}]
	requests     *table[requestKey, atomic.Int64]
	tokens       *table[tokenKey, tokenSums]
	attempts     *table[attemptKey, atomic.Int64]
	refused      *table[refusedKey, atomic.Int64]
	durations    *table[durationKey, histogram]
	queueWaits   *table[name, histogram]
	firstContent *table[firstContentKey, histogram]
	predictions  ratioHistogram
	refusals     thinner
	attrs        sync.Pool // of *[]slog.Attr, for the lines of the log
}

type tokenSums struct{ input, output atomic.Int64 }

// New makes a Telemetry with nothing counted.
func New(o Options) *Telemetry {
	return &Telemetry{
		gauges:       o.Gauges,
		logger:       o.Logger,
		version:      o.Version,
		refusals:     thinner{start: time.Now()},
		codes:        newTable[name, struct{}](maxCodes),
		requests:     newTable[requestKey, atomic.Int64](maxRequestSets),
		tokens:       newTable[tokenKey, tokenSums](maxTokenSets),
		attempts:     newTable[attemptKey, atomic.Int64](maxPlainSets),
		refused:      newTable[refusedKey, atomic.Int64](maxPlainSets),
		durations:    newTable[durationKey, histogram](maxPlainSets),
		queueWaits:   newTable[name, histogram](maxPlainSets),
		firstContent: newTable[firstContentKey, histogram](maxPlainSets),
	}
}

// Record adds one call that has ended, and writes its line of the access log.
// It keeps nothing of r.
func (t *Telemetry) Record(r *fairlead.Record) {
	code := t.code(r.Err)
	t.sum(r, code)
	if t.logger != nil {
		t.log(r, code)
	}
}

func (t *Telemetry) sum(r *fairlead.Record, code string) {
	outcome := outcomeOf(r.Err)
	t.records.Add(1)
	if r.Err == nil {
		t.succeeded.Add(1)
		t.succeededTime.Add(int64(r.Duration))
	}
	t.bytesIn.Add(r.BytesIn)
	t.bytesOut.Add(r.BytesOut)

	operation := r.Operation.String()
	t.requests.at(requestKey{app: string(r.App), operation: operation, outcome: outcome, code: code}).Add(1)
	t.durations.at(durationKey{operation: operation, outcome: outcome}).observe(r.Duration)
	if len(r.Attempts) > 0 || r.Waited > 0 { // it came as far as the queue
		t.queueWaits.at(name(operation)).observe(r.Waited)
	}
	if r.FirstContent > 0 {
		t.firstContent.at(firstContentKey{operation: operation, provider: r.Target.Provider}).observe(r.FirstContent)
	}
	if r.Usage != (fairlead.Usage{}) {
		sums := t.tokens.at(tokenKey{app: string(r.App), provider: r.Target.Provider})
		sums.input.Add(int64(max(r.Usage.Input, 0)))
		sums.output.Add(int64(max(r.Usage.Output, 0)))
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		t.attempts.at(attemptKey{provider: a.Provider, outcome: outcomeOf(a.Err)}).Add(1)
		if a.Predicted > 0 {
			t.predictions.observe(float64(a.Waited) / float64(a.Predicted))
		}
	}
}

// CountRefused counts a request that named no operation and so has no Record:
// one without a working key, of an unknown path or with a wrong method. route
// is the pattern of the route, never the path that the caller wrote; reason is
// a stable code such as "invalid_api_key" or "not_found".
func (t *Telemetry) CountRefused(route, reason string) {
	t.refused.at(refusedKey{route: route, reason: reason}).Add(1)
}

// Totals returns the sums over all Records since New.
func (t *Telemetry) Totals() fairlead.Totals {
	// The other way round than Record adds: never more successes than Records.
	elapsed := time.Duration(t.succeededTime.Load())
	succeeded := t.succeeded.Load()
	return fairlead.Totals{Records: t.records.Load(), Succeeded: succeeded, SucceededTime: elapsed}
}

// Detail says whether metrics are told app by app.
type Detail uint8

// The details.
const (
	// Aggregate sums over all apps and names none: it is fit for the public.
	Aggregate Detail = iota
	// ByApp labels with the app.
	ByApp
)

// Handler serves the metrics in Prometheus' text format, or OpenMetrics if the
// scraper prefers it.
func (t *Telemetry) Handler(detail Detail) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		newCollector(t, detail),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	})
}

// code returns the code of err as it may be a label. Some codes are an
// upstream's own words, so their shape is checked and their number bounded.
func (t *Telemetry) code(err *fairlead.Error) string {
	switch {
	case err == nil:
		return ""
	case !isCode(err.Code):
		return other
	}
	known, _ := t.codes.find(name(err.Code))
	return string(known)
}

const maxCodeLength = 64

func isCode(s string) bool {
	if s == "" || len(s) > maxCodeLength {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func outcomeOf(err *fairlead.Error) string {
	if err == nil {
		return "ok"
	}
	return err.Kind.String()
}
