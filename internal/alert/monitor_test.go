package alert

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
)

// seedConfig is the product's default.
func seedConfig() Config {
	return Config{Rate: 0.8, MinRequests: 20, Window: time.Minute}
}

func newMonitor(t interface{ Fatal(args ...any) }, c Config) *Monitor {
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func record(app fairlead.AppID, err *fairlead.Error) *fairlead.Record {
	return &fairlead.Record{App: app, Err: err}
}

// feed records n calls of the app that ended with err.
func feed(m *Monitor, app fairlead.AppID, n int, err *fairlead.Error) {
	for range n {
		m.Record(record(app, err))
	}
}

// after waits, within a bubble.
func after(d time.Duration) { <-time.After(d) }

func TestConfigIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"error rate":     func(c *Config) { c.Rate = 1 },
		"error rate of":  func(c *Config) { c.Rate = -0.1 },
		"rate of the":    func(c *Config) { c.Rate = math.NaN() },
		"requests":       func(c *Config) { c.MinRequests = 0 },
		"window":         func(c *Config) { c.Window = time.Second - 1 },
		"webhook":        func(c *Config) { c.Webhook = "ftp://example.com/hook" },
		"not an http":    func(c *Config) { c.Webhook = "https:///hook" },
		"or https URL":   func(c *Config) { c.Webhook = "example.com/hook" },
		"URL with":       func(c *Config) { c.Webhook = "https://:443/" },
		"with a host":    func(c *Config) { c.Webhook = "https://a b/" },
		"webhook for al": func(c *Config) { *c = Config{Webhook: "%"} }, // also while the alert is off
	} {
		c := seedConfig()
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if _, err := New(seedConfig()); err != nil {
		t.Errorf("got %v for the default, want none", err)
	}
}

func TestOffCountsNothing(t *testing.T) {
	m := newMonitor(t, Config{})
	feed(m, "crm", 100, failure("upstream_error"))
	if got := m.Counts(); got != (Counts{}) || len(m.apps) != 0 {
		t.Errorf("got %+v and %d apps, want nothing", got, len(m.apps))
	}
}

func TestWhichCallsAreCounted(t *testing.T) {
	excluded := []fairlead.Kind{fairlead.Limited, fairlead.Busy, fairlead.Canceled}
	for kind := fairlead.Internal; kind <= fairlead.Canceled; kind++ {
		m := newMonitor(t, seedConfig())
		feed(m, "crm", 100, &fairlead.Error{Kind: kind, Code: "some_code"})
		_, got := m.Firing("crm")
		if want := !slices.Contains(excluded, kind); got != want {
			t.Errorf("100 calls of kind %s: got alert %v, want %v", kind, got, want)
		}

		// A call that is not counted dilutes the rate no more than it raises it.
		feed(m, "erp", 19, failure("upstream_error"))
		feed(m, "erp", 100, &fairlead.Error{Kind: kind, Code: "some_code"})
		if slices.Contains(excluded, kind) {
			feed(m, "erp", 1, failure("upstream_error"))
		}
		if _, got := m.Firing("erp"); !got {
			t.Errorf("20 failures beside calls of kind %s: got no alert, want one", kind)
		}
	}
}

func TestAppsAreApart(t *testing.T) {
	m := newMonitor(t, seedConfig())
	feed(m, "crm", 19, failure("upstream_error"))
	feed(m, "erp", 19, failure("upstream_error"))
	feed(m, "portal", 1000, nil)
	if got := m.Counts().Firing; got != 0 {
		t.Fatalf("got %d apps in alert, want 0", got)
	}
	feed(m, "erp", 1, failure("upstream_error"))
	_, crm := m.Firing("crm")
	_, erp := m.Firing("erp")
	if got := m.Counts().Firing; got != 1 || crm || !erp {
		t.Errorf("got %d in alert, crm %v, erp %v; want erp alone", got, crm, erp)
	}
}

// model is the rule in other words: it keeps every call, and instead of
// Wilson's lower bound it makes the score test of which that is the inverse.
type model struct {
	calls  []call
	firing bool
	thin   time.Duration // since when there are too few calls; -1: there are enough
}

func (m *model) judge(r rule, now time.Duration) {
	completed, failed, _ := modelTally(m.calls, int64(now/(r.window/bucketsPerWindow)))
	n, p := float64(completed), float64(failed)/float64(max(completed, 1))
	enough := completed >= r.minRequests
	switch {
	case !m.firing:
		sure := p-r.rate > z95*math.Sqrt(r.rate*(1-r.rate)/n)
		m.firing, m.thin = enough && sure, -1
	case enough:
		m.firing, m.thin = float64(failed) >= 0.75*r.rate*n, -1 // not p: the same rounding at the edge
	case m.thin < 0:
		m.thin = now
	default:
		m.firing = now-m.thin < r.window
	}
}

func TestMonitorIsTheNaiveMonitor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Rate:        rapid.SampledFrom([]float64{0.1, 0.5, 0.8, 0.9}).Draw(t, "rate"),
			MinRequests: rapid.IntRange(1, 40).Draw(t, "min"),
			Window:      time.Minute,
		}
		m := newMonitor(t, c)
		want := model{thin: -1}
		var now time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.SampledFrom([]int{0, 1, 7, 999, 1000, 5000, 30_000, 61_000}).Draw(t, "gap")) * time.Millisecond
			at := m.start.Add(now)
			failing := rapid.Bool().Draw(t, "failing")
			for range rapid.IntRange(0, 40).Draw(t, "calls") {
				var err *fairlead.Error
				if failing {
					err = failure("upstream_error")
				}
				m.count(record("crm", err), at)
				want.calls = append(want.calls, call{bucket: int64(now / time.Second), failed: failing})
				want.judge(m.rule, now)
				compareState(t, m, &want)
			}
			wasFiring := want.firing
			m.look(at)
			if wasFiring { // an alert does not begin by the clock
				want.judge(m.rule, now)
			}
			compareState(t, m, &want)
		}
	})
}

func compareState(t *rapid.T, m *Monitor, want *model) {
	t.Helper()
	if _, got := m.Firing("crm"); got != want.firing {
		t.Fatalf("got alert %v, want %v", got, want.firing)
	}
}

func TestAlertEndsWellBelowItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMonitor(t, seedConfig())
		begun := time.Now()
		feed(m, "crm", 60, failure("upstream_error"))
		if since, ok := m.Firing("crm"); !ok || !since.Equal(begun) {
			t.Fatalf("got alert %v since %v, want one since %v", ok, since, begun)
		}
		after(time.Second)
		feed(m, "crm", 39, nil) // just above three quarters of the threshold
		if since, ok := m.Firing("crm"); !ok || !since.Equal(begun) {
			t.Fatalf("60 of 99: got alert %v since %v, want the same one", ok, since)
		}
		feed(m, "crm", 2, nil)
		if _, ok := m.Firing("crm"); ok {
			t.Error("60 of 101: got an alert, want none")
		}
	})
}

func TestAlertEndsWithoutCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog()
		c := seedConfig()
		c.Logger = log.logger()
		m := newMonitor(t, c)
		start(t, m)
		feed(m, "crm", 30, failure("upstream_error"))
		feed(m, "erp", 60, failure("upstream_error"))

		// erp makes calls enough, so its alert ends when the failures leave the
		// window; crm makes none, so there is nothing that would speak for it.
		after(30 * time.Second)
		feed(m, "erp", 25, nil)
		after(29 * time.Second) // 59 s: the failures are still inside
		if got := m.Counts().Firing; got != 2 {
			t.Errorf("after 59 s: got %d in alert, want 2", got)
		}
		after(4 * time.Second) // 63 s
		_, crm := m.Firing("crm")
		_, erp := m.Firing("erp")
		if !crm || erp {
			t.Errorf("after 63 s: got crm %v, erp %v; want crm alone", crm, erp)
		}
		after(55 * time.Second) // 118 s
		if _, crm := m.Firing("crm"); !crm {
			t.Error("after 118 s: got no alert, want it until the window was empty for a whole window")
		}
		after(6 * time.Second) // 124 s
		if _, crm := m.Firing("crm"); crm {
			t.Error("after 124 s: got an alert, want none")
		}

		for _, want := range []string{
			`level=WARN msg="error rate high" app=crm rate=1 errors=20 requests=20 window_seconds=60 threshold=0.8 top_code=upstream_error`,
			`level=INFO msg="error rate high no more" app=erp rate=0 errors=0 requests=25 window_seconds=60 reason=recovered`,
			`level=INFO msg="error rate high no more" app=crm rate=0 errors=0 requests=0 window_seconds=60 reason=quiet`,
		} {
			if n := strings.Count(log.String(), want); n != 1 {
				t.Errorf("got %d lines with %q in:\n%s", n, want, log)
			}
		}
	})
}

func TestIdleAppsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMonitor(t, seedConfig())
		running := start(t, m)
		feed(m, "busy", 1, nil)
		feed(m, "crm", 30, failure("upstream_error")) // in alert, for up to two windows
		for i := range 250 {
			feed(m, fairlead.AppID(fmt.Sprint(i)), 1, nil)
		}
		after(100 * time.Second)
		feed(m, "busy", 1, nil)
		after(90 * time.Second) // 190 s since the others were seen
		running.stop()
		if len(m.apps) != 1 || m.apps["busy"] == nil || m.recent.Len() != 1 {
			t.Errorf("got %d apps, %d in order, want the busy one", len(m.apps), m.recent.Len())
		}
	})
}

func TestAnAppInAlertIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMonitor(t, seedConfig()) // does not run: the alert does not end
		feed(m, "crm", 30, failure("upstream_error"))
		after(time.Hour)
		feed(m, "erp", 1, nil)
		if _, ok := m.Firing("crm"); !ok || len(m.apps) != 2 {
			t.Errorf("got alert %v, %d apps; want the alert and two", ok, len(m.apps))
		}
	})
}

func TestAppsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMonitor(t, seedConfig())
		for i := range maxApps {
			feed(m, fairlead.AppID(fmt.Sprint(i)), 1, nil)
		}
		feed(m, "one too many", 30, failure("upstream_error"))
		feed(m, "7", 30, failure("upstream_error"))
		_, late := m.Firing("one too many")
		_, known := m.Firing("7")
		if got := m.Counts().Untracked; got != 30 || late || !known || len(m.apps) != maxApps {
			t.Errorf("got %d untracked, alerts %v and %v, %d apps", got, late, known, len(m.apps))
		}
		after(4 * time.Minute)
		feed(m, "one too many", 30, failure("upstream_error"))
		if _, late := m.Firing("one too many"); !late {
			t.Error("got no alert, want the idle apps to have made room")
		}
		if got := len(m.apps); got != maxApps-1 {
			t.Errorf("got %d apps, want two to have gone for the one", got)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMonitor(t, newHook(t, always(200)).config())
		running := start(t, m)
		var calls sync.WaitGroup
		for i := range 4 {
			calls.Go(func() {
				app := fairlead.AppID(fmt.Sprint(i % 2)) // two goroutines an app
				for range 700 {
					feed(m, app, 2, failure("upstream_error"))
					m.Firing(app)
					m.Counts()
					after(100 * time.Millisecond)
				}
			})
		}
		calls.Wait()
		running.stop()
		if got := m.Counts().Firing; got != 2 {
			t.Errorf("got %d in alert, want 2", got)
		}
		for _, id := range []fairlead.AppID{"0", "1"} {
			if got := m.apps[id].tally.completed; got < 4*600 || got > 4*611 {
				t.Errorf("app %s: got %d calls in the window, want 4 in each tenth of 60 or 61 s", id, got)
			}
		}
	})
}
