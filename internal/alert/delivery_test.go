package alert

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// raise brings the app into alert, and calm out of it.
func raise(m *Monitor, app fairlead.AppID) { feed(m, app, 100, failure("upstream_error")) }
func calm(m *Monitor, app fairlead.AppID)  { feed(m, app, 200, nil) }

func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, always(200))
		begun := time.Now().UTC().Format(time.RFC3339)
		feed(m, "crm", 1, nil)
		feed(m, "crm", 9, failure("provider_unreachable"))
		feed(m, "crm", 15, failure("upstream_error")) // with 14, one could not be sure yet
		synctest.Wait()                               // at once, not at the next look
		feed(m, "crm", 50, failure("upstream_error"))
		after(2 * time.Minute)
		feed(m, "crm", 1, nil)
		after(2 * time.Minute)

		got := h.got()
		if want := []string{"crm firing", "crm resolved"}; !slices.Equal(h.states(), want) {
			t.Fatalf("got %q, want %q", h.states(), want)
		}
		first, last := got[0], got[1]
		if first.url != hookURL {
			t.Errorf("got a request to %q", first.url)
		}
		if got := first.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("got content type %q", got)
		}
		want := message{
			Event: "error_rate", State: "firing", Reason: "error_rate", App: "crm",
			Rate: 0.96, Errors: 24, Requests: 25, WindowSeconds: 60, Threshold: 0.8,
			Since: begun, Time: begun,
			TopCodes: []codeCount{{"upstream_error", 15}, {"provider_unreachable", 9}},
			Text: "App crm: 24 of 25 requests failed in the last 60 s (96 %); the alert is set to 80 %. " +
				"Most frequent: upstream_error (15).",
		}
		compareMessage(t, first.body, want)
		ended, err := time.Parse(time.RFC3339, last.body.Time)
		if lasted := last.at.Sub(first.at); err != nil || !ended.Equal(last.at.Truncate(time.Second)) ||
			lasted < 121*time.Second || lasted > 125*time.Second {
			t.Errorf("got the end at %v, told as %q", lasted, last.body.Time)
		}
		want = message{
			Event: "error_rate", State: "resolved", Reason: "quiet", App: "crm",
			Rate: 0, Errors: 0, Requests: 1, WindowSeconds: 60, Threshold: 0.8,
			Since: begun, Time: last.body.Time, TopCodes: []codeCount{},
			Text: "App crm has gone quiet, the alert ends after " + ended.Sub(first.at).String() +
				": 1 requests in the last 60 s are too few to judge by.",
		}
		compareMessage(t, last.body, want)
		if got, want := m.Counts(), (Counts{Sent: 2}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func compareMessage(t *testing.T, got, want message) {
	t.Helper()
	g, _ := json.MarshalIndent(got, "", " ")
	w, _ := json.MarshalIndent(want, "", " ")
	if string(g) != string(w) {
		t.Errorf("got %s\nwant %s", g, w)
	}
}

func TestNoticeOfRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, always(200))
		raise(m, "crm")
		after(90 * time.Second)
		calm(m, "crm")
		synctest.Wait()
		got := h.got()
		if want := []string{"crm firing", "crm resolved"}; !slices.Equal(h.states(), want) {
			t.Fatalf("got %q, want %q", h.states(), want)
		}
		if want := "App crm has recovered, the alert ends after 1m30s: 0 of 20 requests failed in the last 60 s (0 %)."; got[1].body.Text != want {
			t.Errorf("got text %q, want %q", got[1].body.Text, want)
		}
		if got[1].body.Reason != "recovered" {
			t.Errorf("got reason %q, want recovered", got[1].body.Reason)
		}
	})
}

// retry says what is to become of a notice.
type retry struct {
	answer   answer
	attempts int
	want     Counts
	// least and most are the bounds of each wait between attempts; 0 for most
	// means the back-off's own.
	least, most time.Duration
}

func TestRetries(t *testing.T) {
	sent, failed := Counts{Sent: 1, Firing: 1}, Counts{Failed: 1, Firing: 1}
	const second = time.Second
	for name, c := range map[string]retry{
		"accepted":            {answer: always(204), attempts: 1, want: sent},
		"accepted in the end": {answer: until(5, 502), attempts: 5, want: sent},
		"always broken":       {answer: always(500), attempts: 5, want: failed},
		"unknown address":     {answer: always(404), attempts: 1, want: failed},
		"gone":                {answer: always(410, "Retry-After: 5"), attempts: 1, want: failed},
		"not modified":        {answer: always(304), attempts: 1, want: failed},
		"timeout of theirs":   {answer: always(408), attempts: 5, want: failed},
		"no answer":           {answer: never, attempts: 5, want: failed, least: attemptTimeout, most: attemptTimeout + 80*second},
		"too many requests":   {answer: always(429, "Retry-After: 50"), attempts: 5, want: failed, least: 50 * second, most: 80 * second},
		"asks for a day":      {answer: always(503, "Retry-After: 86400"), attempts: 5, want: failed, least: 60 * second, most: 80 * second},
		"asks for years": {
			answer:   always(503, "Retry-After: Fri, 07 Jul 2034 00:00:00 GMT"), // the bubble's clock begins in 2000
			attempts: 5, want: failed, least: 60 * second, most: 80 * second,
		},
		"asks for nonsense":   {answer: always(429, "Retry-After: soon"), attempts: 5, want: failed},
		"asks for the past":   {answer: always(429, "Retry-After: -5"), attempts: 5, want: failed},
		"500 may not ask":     {answer: always(500, "Retry-After: 60"), attempts: 5, want: failed},
		"moved elsewhere":     {answer: always(307, "Location: https://elsewhere.example/"), attempts: 1, want: failed},
		"moved to plain http": {answer: always(308, "Location: http://canary-host.example/"), attempts: 1, want: failed},
		"moved as a GET":      {answer: always(302, "Location: /canary"), attempts: 1, want: failed},
		"broken redirect":     {answer: always(307, "Location: %zz-canary"), attempts: 5, want: failed},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, c.run) })
	}
}

func (c retry) run(t *testing.T) {
	m, h := begin(t, c.answer)
	for range 8 * 2 { // minutes in alert, too short for a reminder
		raise(m, "crm")
		after(30 * time.Second)
	}
	got := h.got()
	if len(got) != c.attempts {
		t.Fatalf("got %d attempts, want %d", len(got), c.attempts)
	}
	if got[0].limit != attemptTimeout {
		t.Errorf("got %v for an attempt, want %v", got[0].limit, attemptTimeout)
	}
	for i := 1; i < len(got); i++ {
		most := c.most
		if most == 0 {
			most = firstBackoff << (i - 1)
		}
		if wait := got[i].at.Sub(got[i-1].at); wait < c.least || wait > most {
			t.Errorf("wait %d: got %v, want %v to %v", i, wait, c.least, most)
		}
	}
	if got := m.Counts(); got != c.want {
		t.Errorf("got %+v, want %+v", got, c.want)
	}
	if told := strings.Contains(h.log.String(), "alert cannot be delivered"); told != (c.want.Failed > 0) {
		t.Errorf("a failure in the log: got %v, want %v:\n%s", told, c.want.Failed > 0, h.log)
	}
}

// until answers with code before the n-th request.
func until(n, code int) answer {
	return func(i int, _ *http.Request) (*http.Response, error) {
		if i < n {
			return status(code), nil
		}
		return status(http.StatusOK), nil
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"soon":                          0,
		"0":                             0,
		"-5":                            0,
		"7":                             7 * time.Second,
		"61":                            maxRetryAfter,
		"9000000000000000000":           maxRetryAfter,
		"Tue, 01 Jan 2030 00:00:09 GMT": 9 * time.Second,
		"Tue, 01 Jan 2030 00:02:00 GMT": maxRetryAfter,
		"Mon, 31 Dec 2029 23:59:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestBackoffIsSpread(t *testing.T) {
	for n := 1; n < maxAttempts; n++ {
		bound := firstBackoff << (n - 1)
		var low, high int
		for range 200 {
			switch wait := backoff(n); {
			case wait < 0 || wait >= bound:
				t.Fatalf("wait %d: got %v, want less than %v", n, wait, bound)
			case wait < bound/4:
				low++
			case wait >= bound*3/4:
				high++
			}
		}
		if low == 0 || high == 0 { // 0.75^200 is 1e-25
			t.Errorf("wait %d: got %d waits in the first quarter and %d in the last of 200", n, low, high)
		}
	}
}

func TestRedirectAtTheSameOriginKeepsTheMessage(t *testing.T) {
	moved := func(_ int, req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/new" {
			return status(http.StatusOK), nil
		}
		return status(http.StatusPermanentRedirect, "Location: /new"), nil
	}
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, moved)
		raise(m, "crm")
		synctest.Wait()
		if want := []string{"crm firing", "crm firing"}; !slices.Equal(h.states(), want) {
			t.Errorf("got %q, want %q", h.states(), want)
		}
		if got, want := m.Counts(), (Counts{Sent: 1, Firing: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestRedirectsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, always(307, "Location: /again"))
		raise(m, "crm")
		synctest.Wait()
		if got := len(h.got()); got != 1+maxRedirects {
			t.Errorf("got %d requests, want %d", got, 1+maxRedirects)
		}
	})
}

func TestAFlappingAppIsToldOfOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, always(200))
		c := h.config()
		c.Window = 2 * time.Second
		m := newMonitor(t, c)
		start(t, m)
		for range 100 { // in and out of alert, each for 3 s
			raise(m, "crm")
			after(3 * time.Second)
			calm(m, "crm")
			after(3 * time.Second)
		}
		raise(m, "crm") // and in it in the end
		after(2 * time.Second)
		feed(m, "crm", 100, failure("upstream_error"))
		got := h.got()
		for i := 1; i < len(got); i++ {
			if gap := got[i].at.Sub(got[i-1].at); gap < noticeGap || got[i].body.State == got[i-1].body.State {
				t.Errorf("got %s %v after %s", got[i].body.State, gap, got[i-1].body.State)
			}
		}
		if flaps := strings.Count(h.log.String(), `msg="error rate high"`); len(got) < 5 || len(got) > 11 || flaps != 101 {
			t.Errorf("got %d notices and %d alerts in the log within ten minutes, want 5 to 11 and 101", len(got), flaps)
		}
	})
}

func TestWhatIsKnownIsNotToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, always(200))
		raise(m, "crm")
		after(10 * time.Second)
		calm(m, "crm")
		after(10 * time.Second)
		feed(m, "crm", 2000, failure("upstream_error"))
		after(10 * time.Minute)
		if alerts := strings.Count(h.log.String(), `msg="error rate high"`); alerts != 2 {
			t.Fatalf("got %d alerts in the log, want 2", alerts)
		}
		got := h.got()
		if want := []string{"crm firing", "crm resolved"}; !slices.Equal(h.states(), want) || got[1].at.Sub(got[0].at) < 2*time.Minute {
			t.Errorf("got %q, want the first alert and the second's end alone", h.states())
		}
	})
}

func TestReminders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, always(200))
		begun := time.Now()
		for range 4 * 75 { // 75 minutes, 20 calls every 15 s
			feed(m, "crm", 20, failure("upstream_error"))
			after(15 * time.Second)
		}
		got := h.got()
		if len(got) != 3 {
			t.Fatalf("got %q, want one notice and two reminders", h.states())
		}
		for i, a := range got {
			if at, want := a.at.Sub(begun), time.Duration(i)*remindAfter; at < want || at > want+2*lookEvery {
				t.Errorf("notice %d: got it after %v, want %v", i+1, at, want)
			}
			if a.body.State != "firing" || a.body.Since != got[0].body.Since {
				t.Errorf("notice %d: got %s since %s", i+1, a.body.State, a.body.Since)
			}
		}
		if want := "App crm: still failing after 30m"; !strings.HasPrefix(got[1].body.Text, want) || got[1].body.Requests < 80 {
			t.Errorf("got %d requests and text %q, want those of the moment and %q", got[1].body.Requests, got[1].body.Text, want)
		}
	})
}

func TestANoticeThatFailedIsFollowedByTheNextState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, h := begin(t, until(2, 404))
		raise(m, "crm") // nobody hears of it, as far as is known
		after(10 * time.Minute)
		if want := []string{"crm firing", "crm resolved"}; !slices.Equal(h.states(), want) {
			t.Errorf("got %q, want %q", h.states(), want)
		}
		if got, want := m.Counts(), (Counts{Sent: 1, Failed: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := newHook(t, func(_ int, req *http.Request) (*http.Response, error) {
			select {
			case <-release:
				return status(http.StatusOK), nil
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		})
		m := newMonitor(t, h.config())
		running := start(t, m)
		for i := range 150 {
			raise(m, fairlead.AppID(fmt.Sprintf("app-%03d", i)))
			synctest.Wait() // the first is on its way
		}
		if got, want := m.Counts(), (Counts{Dropped: 49, Firing: 150}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		close(release)
		synctest.Wait()
		got := h.states()
		if len(got) != 101 || got[0] != "app-000 firing" || got[1] != "app-050 firing" || got[100] != "app-149 firing" {
			t.Errorf("got %d notices, want the one on its way and the latest 100: %q", len(got), got)
		}
		after(time.Hour) // every alert ends, and is told: also those whose beginning was dropped
		if got := m.Counts(); got.Firing != 0 || got.Sent+got.Dropped != 150+150 {
			t.Errorf("got %+v, want 300 notices told or dropped", got)
		}
		running.stop()
		if got := len(m.outbox.entries); got != 0 {
			t.Errorf("got %d apps remembered, want none", got)
		}
	})
}

func TestTheEndOfRun(t *testing.T) {
	for name, c := range map[string]struct {
		answer   answer
		before   time.Duration // from the alert to the end
		attempts int           // before the end, and
		last     int           // at the end
		most     time.Duration // that the end may take
		want     Counts
	}{
		"nothing to do":       {answer: always(200), before: time.Minute, attempts: 1, want: Counts{Sent: 1}},
		"an attempt hangs":    {answer: never, before: time.Second, attempts: 1, most: lastAttempt, want: Counts{Failed: 1}},
		"waiting for another": {answer: always(429, "Retry-After: 60"), before: time.Second, attempts: 1, last: 1, want: Counts{Failed: 1}},
		"the other succeeds":  {answer: until(2, 503), before: 0, attempts: 1, last: 1, want: Counts{Sent: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHook(t, c.answer)
				m := newMonitor(t, h.config())
				running := start(t, m)
				raise(m, "crm")
				synctest.Wait()
				after(c.before)
				if got := len(h.got()); got != c.attempts {
					t.Fatalf("got %d attempts before the end, want %d", got, c.attempts)
				}
				if took := running.stop(); took > c.most {
					t.Errorf("the end took %v, want at most %v", took, c.most)
				}
				if got := len(h.got()) - c.attempts; got != c.last {
					t.Errorf("got %d attempts at the end, want %d", got, c.last)
				}
				counts := m.Counts()
				if counts.Firing = 0; counts != c.want {
					t.Errorf("got %+v, want %+v", counts, c.want)
				}
			})
		})
	}
}

func TestANoticeThatComesWithTheEndIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, always(200))
		m := newMonitor(t, h.config())
		running := start(t, m)
		synctest.Wait()
		raise(m, "crm")
		running.stop()
		if got, want := m.Counts(), (Counts{Sent: 1, Firing: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestWhatIsLeftAtTheEndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, never)
		m := newMonitor(t, h.config())
		running := start(t, m)
		for _, app := range []fairlead.AppID{"a", "b", "c"} {
			raise(m, app)
			synctest.Wait()
		}
		running.stop()
		if got, want := m.Counts(), (Counts{Failed: 1, Dropped: 2, Firing: 3}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if want := `msg="alerts are left undelivered" notices=2`; !strings.Contains(h.log.String(), want) {
			t.Errorf("got no %q in the log:\n%s", want, h.log)
		}
	})
}
