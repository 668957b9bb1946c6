package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/api/native"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/provider/local"
	"github.com/fairleadhq/fairlead/internal/quota/memory"
	"github.com/fairleadhq/fairlead/internal/upstream"
)

// anyone is an Authenticator that lets one app in, whatever the key.
type anyone struct{ app *fairlead.App }

func (a anyone) Authenticate(string) (*fairlead.App, error) { return a.app, nil }
func (a anyone) IsAdmin(string) bool                        { return false }

// records collects Records.
type records []*fairlead.Record

func (r *records) Record(rec *fairlead.Record) { *r = append(*r, rec) }

// TestRateOverThreeVirtualMinutes hammers a limit of 200 a minute, through the
// whole way from HTTP to the offline provider: never more than 200 admissions in
// any 60 s, and a Retry-After that is right, each time: the k-th that is refused
// since the last admission is told when the k-th place is free.
func TestRateOverThreeVirtualMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, every, span = 200, 70 * time.Millisecond, 3 * time.Minute
		router, account := hammered(t, limit)
		start := time.Now()
		var admitted []time.Duration
		refused := 0 // since the last admission
		for time.Since(start) < span {
			now := time.Since(start)
			status, header := hammer(router)
			switch status {
			case http.StatusOK:
				admitted = append(admitted, now)
				refused = 0
			case http.StatusTooManyRequests:
				place := len(admitted) - limit + min(refused, limit-1)
				checkWait(t, header, admitted[place]+time.Minute-now)
				refused++
			default:
				t.Fatalf("at %v: status %d", now, status)
			}
			<-time.After(every)
		}
		for i := limit; i < len(admitted); i++ {
			if admitted[i]-admitted[i-limit] < time.Minute {
				t.Fatalf("%d admissions between %v and %v", limit+1, admitted[i-limit], admitted[i])
			}
		}
		if len(admitted) != 3*limit {
			t.Errorf("%d admissions in 3 minutes, want %d: nothing may be lost either", len(admitted), 3*limit)
		}
		calls := int((span + every - 1) / every)
		if len(*account) != calls {
			t.Errorf("%d Records of %d calls", len(*account), calls)
		}
	})
}

// checkWait holds a refusal's headers against the time that is really left.
func checkWait(t *testing.T, header http.Header, left time.Duration) {
	t.Helper()
	millis := (left + time.Millisecond - 1).Milliseconds()
	for name, want := range map[string]int64{
		"Retry-After": (millis + 999) / 1000, "Retry-After-Ms": millis, "X-Ratelimit-Remaining-Requests": 0,
	} {
		if got := header.Get(name); got != strconv.FormatInt(want, 10) {
			t.Fatalf("with %v left: %s is %s, want %d", left, name, got, want)
		}
	}
}

// hammered is the way from HTTP to the offline provider, for one app.
func hammered(t *testing.T, limit int) (*api.Router, *records) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	control := admission.New(admission.Config{
		Slots: 20, MaxQueue: 500, MaxQueuePerApp: 125, Pools: map[string]admission.Pool{fairlead.LocalPool: {}},
		Burst:    admission.Burst{PerSecond: 50, Block: 5 * time.Minute},
		Timeouts: map[fairlead.Operation]time.Duration{fairlead.Chat: 2 * time.Minute},
	}, memory.New())
	account := &records{}
	way := gateway.New(gateway.Config{
		Admission: control, Recorder: account, Logger: logger,
		Upstream: upstream.New(upstream.Config{
			Providers: []upstream.Provider{{Name: fairlead.LocalPool, Model: local.New(), Patterns: []string{local.ModelName}}},
			Gate:      control, Logger: logger,
		}),
	})
	router, err := api.New(api.Config{
		Faces: []api.Face{native.New(native.Config{Gateway: way})},
		Keys:  anyone{app: &fairlead.App{ID: "hammer", RateLimitPerMinute: limit}}, Bodies: budget.New(0, 0),
		BusyWait: control.BusyWait, Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return router, account
}

func hammer(router http.Handler) (int, http.Header) {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/chat/completion",
		strings.NewReader(`{"messages":[{"role":"user","content":"hello"}]}`))
	r.Header.Set("X-API-Key", "some-key")
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	return w.Code, w.Header()
}

// TestCallsThatNeverWorkedCostNothing: what is refused after the window was
// passed gives its entry back.
func TestCallsThatNeverWorkedCostNothing(t *testing.T) {
	s := start(t, `
limits: {max_concurrent_requests: 1, max_queue: 1, max_queue_per_app: 1}
apps: [{name: crm, keys: [a-test-key-of-the-crm-app], rate_limit_per_minute: 10, models: ["up/mock*", "up/gone*"]}]`)
	key := "a-test-key-of-the-crm-app"
	for _, body := range []string{
		`{`, `{"messages":[]}`, `{"messages":[{"role":"user","content":"x"}],"model":7}`,
		`{"messages":[{"role":"user","content":"x"}],"model":"forbidden"}`,
	} {
		for range 10 {
			resp, err := s.post(t.Context(), "/v1/chat/completions", key, body)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode == http.StatusTooManyRequests {
				t.Fatalf("%s: status %d", body, resp.StatusCode)
			}
			if got := resp.Header.Get("X-Ratelimit-Remaining-Requests"); got != "10" {
				t.Fatalf("%s: %s remaining, want 10: what was counted is given back", body, got)
			}
		}
	}
	standing, err := s.gateway.Standing(t.Context(), &fairlead.App{ID: "crm", RateLimitPerMinute: 10})
	if err != nil || standing.Requests.Remaining != 10 {
		t.Errorf("remaining = %d, %v; want 10", standing.Requests.Remaining, err)
	}
	if got, want := s.telemetry.Totals().Records, int64(40); got != want {
		t.Errorf("%d Records, want %d: a 400 has one too", got, want)
	}
}
