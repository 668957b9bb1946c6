package telemetry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/fairleadhq/fairlead"
)

func chatRecord() *fairlead.Record {
	target := fairlead.Target{Provider: "openai", Model: "gpt-4o-mini"}
	return &fairlead.Record{
		ID: "req_7_1753019000", App: "crm", Operation: fairlead.Chat, Face: "native",
		Model: "gpt-4o-mini", Target: target,
		Waited: 200 * time.Millisecond, Duration: 3 * time.Second, FirstContent: 700 * time.Millisecond,
		Attempts: []fairlead.Attempt{
			{Target: target, Status: 500, Err: &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
			{Target: target, Status: 200},
		},
		Usage:   fairlead.Usage{Input: 11, Output: 5},
		BytesIn: 100, BytesOut: 900,
	}
}

func refusedRecord(app fairlead.AppID, code string) *fairlead.Record {
	return &fairlead.Record{
		ID: "req_8_1753019000", App: app, Operation: fairlead.Chat, Face: "native", Duration: 40 * time.Microsecond,
		Err: &fairlead.Error{Kind: fairlead.Limited, Code: code, RetryAfter: time.Second},
	}
}

func fullGauges() Gauges {
	return Gauges{
		Admission: func() Admission { return Admission{MostInUse: 15, Jain: 0.75, StaleSlots: 1, DoubleReleases: 2} },
		Pools: func() []PoolUse {
			return []PoolUse{{Pool: "all", Limit: 20, InUse: 8, Waiting: 3}, {Pool: "openai", Limit: 25, InUse: 8, Waiting: 1}}
		},
		Apps: func() []AppUse {
			classes := func(inUse, waiting int) map[fairlead.Class]ClassUse {
				return map[fairlead.Class]ClassUse{fairlead.Interactive: {InUse: inUse, Waiting: waiting}, fairlead.Batch: {}}
			}
			return []AppUse{
				{App: "crm", Classes: classes(6, 3), LimitRequests: 200, UsedRequests: 150},
				{App: "portal", Classes: classes(2, 0), LimitTokens: 1000, UsedTokens: 10},
			}
		},
		Shadowed: func() map[string]int64 { return map[string]int64{"burst": 4} },
		Alerts:   func() Alerts { return Alerts{Sent: 5, Failed: 1, Dropped: 2, Firing: 1} },
		Deployments: func() []DeploymentUse {
			return []DeploymentUse{{Provider: "openai", Number: 2, Running: 5, Open: 3, HalfOpen: 1, InAPause: 4}}
		},
		Parked: func() int { return 6 },
		Connections: func() []ConnectionUse {
			return []ConnectionUse{{
				Provider: "openai", Number: 2, Opening: 11, InUse: 12, Idle: 13, Waiting: 14, Opened: 15, Reused: 16, Replaced: 17,
				Waits: 18, TimedOut: 19, Refused: 20, Waited: 2500 * time.Millisecond,
			}}
		},
		Resume:    func() ResumeUse { return ResumeUse{Logs: 7, Running: 2, Readers: 3, Bytes: 5120, Evicted: 1} },
		BodyBytes: func() int64 { return 4096 },
		Active:    func() int { return 12 },
	}
}

func scrape(t *testing.T, h http.Handler, accept string) (body string, header http.Header) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		t.Fatalf("scrape: status %d: %s", answer.Code, answer.Body)
	}
	whole, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(whole), answer.Header()
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("scrape lacks %q", line)
		}
	}
}

func TestTotals(t *testing.T) {
	tel := New(Options{})
	tel.Record(chatRecord())
	tel.Record(chatRecord())
	tel.Record(refusedRecord("crm", "rate_limit_requests"))
	want := fairlead.Totals{Records: 3, Succeeded: 2, SucceededTime: 6 * time.Second}
	if got := tel.Totals(); got != want {
		t.Errorf("Totals() = %+v, want %+v", got, want)
	}
}

func TestScrapeByApp(t *testing.T) {
	tel := New(Options{Gauges: fullGauges(), Version: "1.2.3"})
	tel.Record(chatRecord())
	tel.Record(refusedRecord("crm", "rate_limit_requests"))
	tel.Record(refusedRecord("portal", "rate_limit_requests"))
	tel.CountRefused("POST /chat/completion", "invalid_api_key")
	text, _ := scrape(t, tel.Handler(ByApp), "text/plain")
	wantLines(t, text,
		`fairlead_requests_total{app="crm",code="",operation="chat",outcome="ok"} 1`,
		`fairlead_requests_total{app="crm",code="rate_limit_requests",operation="chat",outcome="limited"} 1`,
		`fairlead_requests_total{app="portal",code="rate_limit_requests",operation="chat",outcome="limited"} 1`,
		`fairlead_tokens_total{app="crm",direction="input",provider="openai"} 11`,
		`fairlead_tokens_total{app="crm",direction="output",provider="openai"} 5`,
		`fairlead_attempts_total{outcome="ok",provider="openai"} 1`,
		`fairlead_attempts_total{outcome="upstream",provider="openai"} 1`,
		`fairlead_bytes_total{direction="in"} 100`,
		`fairlead_bytes_total{direction="out"} 900`,
		`fairlead_routes_refused_total{reason="invalid_api_key",route="POST /chat/completion"} 1`,
		`fairlead_request_duration_seconds_bucket{operation="chat",outcome="ok",le="2.5"} 0`,
		`fairlead_request_duration_seconds_bucket{operation="chat",outcome="ok",le="5"} 1`,
		`fairlead_request_duration_seconds_sum{operation="chat",outcome="ok"} 3`,
		`fairlead_request_duration_seconds_count{operation="chat",outcome="limited"} 2`,
		`fairlead_admission_wait_seconds_count{operation="chat"} 1`,
		`fairlead_admission_wait_seconds_sum{operation="chat"} 0.2`,
		`fairlead_first_content_seconds_bucket{operation="chat",provider="openai",le="0.5"} 0`,
		`fairlead_first_content_seconds_bucket{operation="chat",provider="openai",le="1"} 1`,
		`fairlead_admission_slots{pool="all"} 20`, `fairlead_admission_slots_in_use{pool="all"} 8`,
		`fairlead_admission_slots_most_in_use 15`, `fairlead_admission_double_release_total 2`,
		`fairlead_admission_jain 0.75`, `fairlead_admission_stale_slots 1`,
		`fairlead_admission_app_slots_in_use{app="crm",class="interactive"} 6`,
		`fairlead_admission_waiting{app="crm",class="interactive"} 3`,
		`fairlead_admission_window_used{app="crm",window="requests"} 150`,
		`fairlead_admission_window_limit{app="portal",window="tokens"} 1000`,
		`fairlead_admission_slots{pool="openai"} 25`, `fairlead_admission_slots_in_use{pool="openai"} 8`,
		`fairlead_admission_pool_waiting{pool="openai"} 1`,
		`fairlead_admission_shadow_total{limit="burst"} 4`,
		`fairlead_provider_attempts_running{deployment="2",provider="openai"} 5`,
		`fairlead_provider_breakers{deployment="2",provider="openai",state="open"} 3`,
		`fairlead_provider_breakers{deployment="2",provider="openai",state="half_open"} 1`,
		`fairlead_provider_pauses{deployment="2",provider="openai"} 4`,
		`fairlead_provider_pause_waiting 6`,
		`fairlead_provider_connections{deployment="2",provider="openai",state="opening"} 11`,
		`fairlead_provider_connections{deployment="2",provider="openai",state="in_use"} 12`,
		`fairlead_provider_connections{deployment="2",provider="openai",state="idle"} 13`,
		`fairlead_provider_connection_waiting{deployment="2",provider="openai"} 14`,
		`fairlead_provider_connections_opened_total{deployment="2",provider="openai"} 15`,
		`fairlead_provider_connections_reused_total{deployment="2",provider="openai"} 16`,
		`fairlead_provider_connections_replaced_total{deployment="2",provider="openai"} 17`,
		`fairlead_provider_connection_wait_seconds_count{deployment="2",provider="openai"} 18`,
		`fairlead_provider_connection_wait_seconds_sum{deployment="2",provider="openai"} 2.5`,
		`fairlead_provider_connection_refused_total{deployment="2",provider="openai",reason="timeout"} 19`,
		`fairlead_provider_connection_refused_total{deployment="2",provider="openai",reason="full"} 20`,
		`fairlead_alerts_sent_total 5`, `fairlead_alerts_failed_total 1`, `fairlead_alerts_dropped_total 2`, `fairlead_alerts_firing 1`,
		`fairlead_resume_answers 7`, `fairlead_resume_running 2`, `fairlead_resume_readers 3`, `fairlead_resume_bytes 5120`, `fairlead_resume_evicted_total 1`,
		`fairlead_body_bytes_in_flight 4096`, `fairlead_active_requests 12`,
	)
	if !strings.Contains(text, `fairlead_build_info{go_version="go`) || !strings.Contains(text, `version="1.2.3"} 1`) {
		t.Error("scrape lacks build info")
	}
	if !strings.Contains(text, "\ngo_goroutines ") {
		t.Error("scrape lacks the Go collector")
	}
}

func TestAggregateNamesNoApp(t *testing.T) {
	tel := New(Options{Gauges: fullGauges()})
	tel.Record(chatRecord())
	other := chatRecord()
	other.App = "portal"
	tel.Record(other)
	text, _ := scrape(t, tel.Handler(Aggregate), "text/plain")
	wantLines(t, text,
		`fairlead_requests_total{code="",operation="chat",outcome="ok"} 2`,
		`fairlead_tokens_total{direction="input",provider="openai"} 22`,
		`fairlead_admission_slots_in_use{pool="all"} 8`,
		`fairlead_admission_waiting{class="interactive"} 3`,
	)
	for _, name := range []string{"crm", "portal", "app="} {
		if strings.Contains(text, name) {
			t.Errorf("the aggregate tells of %q", name)
		}
	}
}

func TestScrapeIsLintedInEveryFormat(t *testing.T) {
	tel := New(Options{Gauges: fullGauges(), Version: "1"})
	tel.Record(chatRecord())
	tel.CountRefused("unknown", "not_found")
	for _, detail := range []Detail{Aggregate, ByApp} {
		text, header := scrape(t, tel.Handler(detail), "text/plain")
		if got := header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
			t.Errorf("Content-Type = %q", got)
		}
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		if err != nil {
			t.Fatalf("the scrape does not parse: %v", err)
		}
		for _, p := range problems {
			if strings.HasPrefix(p.Metric, "fairlead_") {
				t.Errorf("lint: %s: %s", p.Metric, p.Text)
			}
		}
	}
	text, header := scrape(t, tel.Handler(Aggregate), "application/openmetrics-text; version=1.0.0")
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") {
		t.Errorf("Content-Type = %q", got)
	}
	if !strings.HasSuffix(text, "# EOF\n") {
		t.Error("OpenMetrics text lacks its end")
	}
}

func TestGaugesThatNobodyFillsAreLeftOut(t *testing.T) {
	text, _ := scrape(t, New(Options{}).Handler(ByApp), "text/plain")
	for _, name := range []string{"fairlead_admission_slots", "fairlead_admission_app_", "fairlead_admission_pool_", "fairlead_alerts", "fairlead_body", "fairlead_active"} {
		if strings.Contains(text, name) {
			t.Errorf("scrape tells of %s, which nobody counts", name)
		}
	}
}

func TestLabelsAreBounded(t *testing.T) {
	tel := New(Options{})
	for i := range maxCodes + 50 {
		tel.Record(refusedRecord("crm", fmt.Sprintf("code_%d", i)))
	}
	tel.Record(refusedRecord("crm", "What a caller wrote: 42"))
	text, _ := scrape(t, tel.Handler(ByApp), "text/plain")
	if got := strings.Count(text, "\nfairlead_requests_total{"); got != maxCodes+1 {
		t.Errorf("%d label sets, want %d", got, maxCodes+1)
	}
	wantLines(t, text, `fairlead_requests_total{app="crm",code="other",operation="chat",outcome="limited"} 51`)
}

func TestAppsAreBounded(t *testing.T) {
	const bound, calls = 10, 30
	tel := New(Options{})
	tel.requests = newTable[requestKey, atomic.Int64](bound)
	for i := range calls {
		tel.Record(refusedRecord(fairlead.AppID(fmt.Sprintf("app-%d", i)), "queue_full"))
	}
	text := mustScrape(t, tel.Handler(ByApp))
	if got := strings.Count(text, "\nfairlead_requests_total{"); got != bound+1 {
		t.Errorf("%d label sets, want %d and one for the rest", got, bound)
	}
	wantLines(t, text, `fairlead_requests_total{app="other",code="other",operation="chat",outcome="limited"} 20`)
	wantLines(t, mustScrape(t, tel.Handler(Aggregate)),
		`fairlead_requests_total{code="queue_full",operation="chat",outcome="limited"} 10`)
}

func TestInvalidUTF8DoesNotBreakTheScrape(t *testing.T) {
	tel := New(Options{})
	tel.CountRefused("GET /\xff", "not_found")
	text, _ := scrape(t, tel.Handler(Aggregate), "text/plain")
	wantLines(t, text, `fairlead_routes_refused_total{reason="not_found",route="GET /?"} 1`)
}

func TestRecordAllocatesNothing(t *testing.T) {
	tel := New(Options{})
	ok, refused := chatRecord(), refusedRecord("crm", "rate_limit_requests")
	allocs := testing.AllocsPerRun(100, func() {
		tel.Record(ok)
		tel.Record(refused)
		tel.CountRefused("GET /v1/models", "missing_api_key")
	})
	if allocs != 0 {
		t.Errorf("%v allocations for each round, want 0", allocs)
	}
}

func TestConcurrentRecordsAndScrapes(t *testing.T) {
	tel := New(Options{Gauges: fullGauges()})
	handler := tel.Handler(ByApp)
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				tel.Record(refusedRecord(fairlead.AppID(fmt.Sprintf("app-%d", (w+i)%20)), "queue_full"))
			}
		})
	}
	for range 3 {
		if _, err := promlint.New(strings.NewReader(mustScrape(t, handler))).Lint(); err != nil {
			t.Errorf("scrape while Records are written: %v", err)
		}
	}
	wg.Wait()
	text := mustScrape(t, handler)
	sum := 0
	for line := range strings.Lines(text) {
		var n int
		if _, rest, ok := strings.Cut(line, `code="queue_full",operation="chat",outcome="limited"} `); ok {
			if _, err := fmt.Sscan(rest, &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	if sum != writers*each {
		t.Errorf("%d calls counted, want %d", sum, writers*each)
	}
}

func mustScrape(t *testing.T, h http.Handler) string {
	t.Helper()
	text, _ := scrape(t, h, "text/plain")
	return text
}

func TestHistogramBounds(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, 300 * time.Second, 301 * time.Second} {
		h.observe(d)
	}
	want := map[int]uint64{0: 2, 1: 1, bucketCount - 1: 1, bucketCount: 1}
	for i := range h.counts {
		if got := h.counts[i].Load(); got != want[i] {
			t.Errorf("bucket %d holds %d, want %d", i, got, want[i])
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	tel := New(Options{})
	r := chatRecord()
	b.ReportAllocs()
	for b.Loop() {
		tel.Record(r)
	}
}

var errBoom = errors.New("connection reset")
