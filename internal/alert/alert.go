// Package alert tells administrators when most of an app's calls fail.
//
// A Monitor reads Records. For each app it counts, over a sliding window, the
// calls that ended and those of them that failed (tally.go), and decides from
// the two numbers alone whether the app is in alert (judge.go). What the
// service itself refused, and callers who left, are not counted at all: a
// service that sheds load would otherwise accuse the very apps that it sheds.
//
// A change is logged at once. If there is a webhook it also becomes a notice,
// which waits in a bounded queue (outbox.go) and is delivered by Run, away from
// the calls (webhook.go). The queue holds at most one notice for an app, the
// latest, and nothing that the administrators know already.
//
// An alert blocks nobody. Start with New, Record and Run.
package alert

import (
	"container/list"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// maxApps is how many apps are counted at a time. One takes about 0.7 kB,
	// and about 3 kB once a call of it failed.
	maxApps = 10_000
	// forgetPerApp is how many idle apps are forgotten when a new one comes. One
	// would keep the bound; two let the number shrink.
	forgetPerApp = 2
	// minWindow is the shortest window. Run looks once a second, so a shorter
	// one would end unseen.
	minWindow = time.Second
)

// Config is what New needs.
type Config struct {
	// Rate is the share of failed calls, between 0 and 1, above which an app is
	// in alert; 0 turns the alert off.
	Rate float64
	// MinRequests is how many calls must have ended within the window before
	// the rate means anything; at least 1.
	MinRequests int
	// Window is the span over which calls are counted, at least a second. Its
	// edge is a sixtieth of it wide.
	Window time.Duration
	// Webhook is the address to which notices are posted, http or https; empty
	// means that changes are only logged. It is a secret.
	Webhook string
	// Logger takes each change of state and each notice that could not be
	// delivered; nil means none.
	Logger *slog.Logger
	// Transport carries the notices; nil means connections of the monitor's
	// own, without a proxy.
	Transport http.RoundTripper
}

func (c *Config) check() error {
	switch {
	case c.Rate == 0:
		return nil
	case !(c.Rate > 0 && c.Rate < 1): // so written that NaN is refused
		return fmt.Errorf("error rate of the alert is %v, want at least 0 and less than 1", c.Rate)
	case c.MinRequests < 1:
		return fmt.Errorf("fewest requests for the alert are %d, want at least 1", c.MinRequests)
	case c.Window < minWindow:
		return fmt.Errorf("window of the alert is %v, want at least %v", c.Window, minWindow)
	}
	return nil
}

// Monitor watches the error rate of every app. It implements
// fairlead.Recorder and is safe for concurrent use.
type Monitor struct {
	rule    rule
	width   time.Duration // of a bucket
	start   time.Time     // bucket 0 begins here
	log     *slog.Logger
	webhook *webhook      // nil: changes are only logged
	wake    chan struct{} // holds one token when a notice may be due

	mu        sync.Mutex
	apps      map[fairlead.AppID]*app
	recent    *list.List // of *app, the one seen last in front
	firing    map[fairlead.AppID]*app
	untracked int64
	outbox    outbox
}

// New makes a Monitor that has counted nothing. It refuses a Config with an
// impossible value; its errors don't tell the webhook's address.
func New(c Config) (*Monitor, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &Monitor{
		rule:   rule{rate: c.Rate, minRequests: c.MinRequests, window: c.Window},
		width:  c.Window / bucketsPerWindow,
		start:  time.Now(),
		log:    c.Logger,
		wake:   make(chan struct{}, 1),
		apps:   make(map[fairlead.AppID]*app),
		recent: list.New(),
		firing: make(map[fairlead.AppID]*app),
		outbox: outbox{entries: make(map[fairlead.AppID]*entry)},
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if c.Webhook == "" {
		return m, nil
	}
	hook, err := newWebhook(c.Webhook, c.Transport)
	if err != nil {
		return nil, fmt.Errorf("webhook for alerts: %w", err)
	}
	m.webhook = hook
	return m, nil
}

// Record counts one call that has ended. It takes constant time, does no I/O
// but for a line of the log when an app's state changes, and keeps nothing of r.
func (m *Monitor) Record(r *fairlead.Record) {
	if m.rule.rate == 0 || !counted(r.Err) {
		return
	}
	if n, changed := m.count(r, time.Now()); changed {
		m.announce(&n)
	}
}

// counted reports whether a call that ended with err says anything about its
// app: not if the service refused it, nor if the caller left.
func counted(err *fairlead.Error) bool {
	if err == nil {
		return true
	}
	switch err.Kind {
	case fairlead.Limited, fairlead.Busy, fairlead.Canceled, fairlead.Gone:
		return false
	case fairlead.Internal, fairlead.Invalid, fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound,
		fairlead.NotAllowed, fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported, fairlead.Late, fairlead.Upstream:
		return true
	}
	return true // a kind that nobody has set
}

// count adds the call to its app's tally and tells how that changes its state.
func (m *Monitor) count(r *fairlead.Record, now time.Time) (n notice, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.app(r.App, now)
	if a == nil {
		m.untracked++
		return notice{}, false
	}
	a.tally.advance(m.bucket(now))
	a.tally.add(r.Err)
	return m.judge(a, now)
}

// app returns what is known of the app, as seen now; nil if it is a new one and
// there is no room. m.mu is held.
func (m *Monitor) app(id fairlead.AppID, now time.Time) *app {
	if a, ok := m.apps[id]; ok {
		a.seen = now
		m.recent.MoveToFront(a.place)
		return a
	}
	m.forget(now, forgetPerApp)
	if len(m.apps) >= maxApps {
		return nil
	}
	a := &app{id: id, seen: now}
	a.place = m.recent.PushFront(a)
	m.apps[id] = a
	return a
}

// forget removes up to most apps of which there is nothing left to count, the
// ones idle for longest first. m.mu is held.
func (m *Monitor) forget(now time.Time, most int) {
	for ; most > 0 && m.recent.Len() > 0; most-- {
		a, ok := m.recent.Back().Value.(*app)
		// One window of silence empties the tally and one more ends an alert; a
		// third leaves room for the width of a bucket and the time between looks.
		if !ok || a.inAlert() || now.Sub(a.seen) < 3*m.rule.window {
			return
		}
		m.recent.Remove(a.place)
		delete(m.apps, a.id)
	}
}

// judge changes the app's state if its tally asks for it. m.mu is held.
func (m *Monitor) judge(a *app, now time.Time) (n notice, changed bool) {
	switch m.rule.judge(a, now) {
	case stay:
		return notice{}, false
	case fire:
		a.since, a.thin = now, time.Time{}
		m.firing[a.id] = a
		n = m.notice(a, now)
		n.state = firing
	case calmDown:
		n = m.notice(a, now)
		n.state = resolved
		m.calm(a)
	case fallQuiet:
		n = m.notice(a, now)
		n.state, n.quiet = resolved, true
		m.calm(a)
	}
	if m.webhook != nil {
		m.outbox.put(n)
	}
	return n, true
}

// calm ends the app's alert. m.mu is held.
func (m *Monitor) calm(a *app) {
	a.since, a.thin = time.Time{}, time.Time{}
	delete(m.firing, a.id)
}

// notice tells how the app stands now. m.mu is held.
func (m *Monitor) notice(a *app, now time.Time) notice {
	return notice{
		app: a.id, requests: a.tally.completed, errors: a.tally.failed, codes: a.tally.topCodes(),
		since: a.since, at: now,
	}
}

// bucket is the number of the bucket in which now lies.
func (m *Monitor) bucket(now time.Time) int64 { return int64(now.Sub(m.start) / m.width) }

// announce logs a change of state, and wakes the delivery.
func (m *Monitor) announce(n *notice) {
	attrs := []any{
		slog.String("app", string(n.app)),
		slog.Float64("rate", n.rate()),
		slog.Int("errors", n.errors),
		slog.Int("requests", n.requests),
		slog.Float64("window_seconds", m.rule.window.Seconds()),
	}
	if n.state == firing {
		attrs = append(attrs, slog.Float64("threshold", m.rule.rate), slog.String("top_code", n.codes[0].Code))
		m.log.Warn("error rate high", attrs...)
	} else {
		attrs = append(attrs, slog.String("reason", n.reason()), slog.Float64("lasted_seconds", n.lasted().Seconds()))
		m.log.Info("error rate high no more", attrs...)
	}
	m.nudge()
}

// nudge wakes the delivery, which may find nothing to do.
func (m *Monitor) nudge() {
	select {
	case m.wake <- struct{}{}:
	default: // it is to wake already
	}
}

// Firing tells since when the app is in alert; ok is false if it is not.
func (m *Monitor) Firing(id fairlead.AppID) (since time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.firing[id]
	if !ok {
		return time.Time{}, false
	}
	return a.since, true
}

// Counts is what the monitor did since New, and how many apps are in alert now.
type Counts struct {
	// Sent, Failed and Dropped are notices: accepted by the webhook, given up
	// after the last attempt, and pushed out of the full queue or left at the
	// end of Run.
	Sent, Failed, Dropped int64
	// Firing is the number of apps in alert.
	Firing int
	// Untracked is the number of calls that were not counted because too many
	// apps were active.
	Untracked int64
}

// Counts returns the monitor's counts.
func (m *Monitor) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Counts{
		Sent: m.outbox.sent, Failed: m.outbox.failed, Dropped: m.outbox.dropped,
		Firing: len(m.firing), Untracked: m.untracked,
	}
}
