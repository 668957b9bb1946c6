package alert

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// lookEvery is how often Run looks for what happens without a call: an alert
	// that ends, a notice that has become due.
	lookEvery = time.Second
	// forgetPerLook is how many idle apps a look forgets at most, and at how
	// many of the apps with notices it looks.
	forgetPerLook = 100
	// lastAttempt is the time that deliveries have left when Run is to end.
	lastAttempt = 2 * time.Second
)

// Run ends alerts of apps that make no more calls, and delivers notices, until
// ctx ends. Then one last attempt at most, of up to 2 s, is made before it
// returns. Run must not be called twice. It always returns nil.
func (m *Monitor) Run(ctx context.Context) error {
	attempts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		m.deliver(attempts, ctx.Done())
	}()
	m.watch(ctx)
	select {
	case <-delivered:
	case <-time.After(lastAttempt):
		cancel()
		<-delivered
	}
	m.abandon()
	return nil
}

// watch looks once in a while until ctx ends.
func (m *Monitor) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.look(time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// look does what is due by the clock alone. The lock is taken anew for each app
// in alert, so that no call waits for all of them.
func (m *Monitor) look(now time.Time) {
	for _, id := range m.inAlert() {
		if n, changed := m.reconsider(id, now); changed {
			m.announce(&n)
		}
	}
	if m.tidy(now) {
		m.nudge()
	}
}

// inAlert returns the apps in alert.
func (m *Monitor) inAlert() []fairlead.AppID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.firing))
}

// reconsider judges an app in alert as it stands now, and sees to it that the
// administrators are reminded of one that goes on.
func (m *Monitor) reconsider(id fairlead.AppID, now time.Time) (n notice, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.firing[id]
	if !ok {
		return notice{}, false
	}
	a.tally.advance(m.bucket(now))
	if n, changed = m.judge(a, now); changed {
		return n, true
	}
	if m.webhook != nil && a.tally.failed > 0 && m.outbox.reminding(id, now) {
		n = m.notice(a, now)
		n.state = firing
		m.outbox.remind(n)
	}
	return notice{}, false
}

// tidy forgets idle apps, and reports whether a notice is due.
func (m *Monitor) tidy(now time.Time) (due bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(now, forgetPerLook)
	m.outbox.tidy(now, forgetPerLook)
	return m.outbox.due(now) >= 0
}

// deliver sends one notice after the other until stopping is closed. ctx bounds
// the attempts.
func (m *Monitor) deliver(ctx context.Context, stopping <-chan struct{}) {
	for {
		if n, ok := m.take(); ok {
			m.send(ctx, stopping, &n)
			if isClosed(stopping) {
				return // that was the last attempt
			}
			continue
		}
		if isClosed(stopping) {
			return
		}
		select {
		case <-m.wake:
		case <-stopping: // and see whether a notice came at the same time
		}
	}
}

func (m *Monitor) take() (n notice, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.outbox.take(time.Now())
}

// send delivers the notice and notes what became of it.
func (m *Monitor) send(ctx context.Context, stopping <-chan struct{}, n *notice) {
	body, err := m.rule.encode(n)
	if err == nil {
		err = m.webhook.deliver(ctx, stopping, body)
	}
	became := accepted
	if err != nil {
		became = givenUp
		m.log.Error("alert cannot be delivered",
			slog.String("app", string(n.app)), slog.String("state", n.state.String()), slog.Any("error", err))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outbox.done(n.app, time.Now(), became)
}

// abandon drops the notices that nobody will deliver any more.
func (m *Monitor) abandon() {
	m.mu.Lock()
	left := m.outbox.abandon()
	m.mu.Unlock()
	if left > 0 {
		m.log.Warn("alerts are left undelivered", slog.Int("notices", left))
	}
}
