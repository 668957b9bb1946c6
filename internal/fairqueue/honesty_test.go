package fairqueue_test

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// crowd adds so many equal apps with so many closed-loop clients each. Their
// weights take turns.
func (s *site) crowd(apps, clients int, service func() time.Duration, weights ...int) []*app {
	all := make([]*app, apps)
	for i := range all {
		all[i] = s.app(weights[i%len(weights)], service).clients(clients)
	}
	return all
}

// TestPredictedWaitsAreHonest compares how long acquisitions waited with what
// they were told on arrival, in steady overload. The wait of the k-th of a flow
// is the sum of k service times, which nobody knows before: where they vary as
// much as generations do, even who knew the flow's true pace would be off by
// more than a fifth for one in ten waits where k < 40. So queues are longer here.
func TestPredictedWaitsAreHonest(t *testing.T) {
	const warm, d = 4 * time.Minute, 5 * time.Minute
	for name, c := range map[string]struct {
		slots int
		apps  func(s *site) []*app
	}{
		"few deep queues": {20, func(s *site) []*app {
			return s.crowd(10, 125, s.lognormal(2*time.Second), 1)
		}},
		"three weights": {32, func(s *site) []*app {
			return s.crowd(20, 120, s.lognormal(2*time.Second), 4, 2, 1)
		}},
		"three times as many apps as slots": {32, func(s *site) []*app {
			return s.crowd(100, 80, s.lognormal(500*time.Millisecond), 1)
		}},
		"jobs of different lengths": {20, func(s *site) []*app {
			all := s.crowd(4, 80, s.lognormal(500*time.Millisecond), 1)
			all = append(all, s.crowd(4, 80, s.lognormal(2*time.Second), 1)...)
			return append(all, s.crowd(4, 50, s.lognormal(8*time.Second), 1)...)
		}},
		"beside apps that come and go": {20, func(s *site) []*app {
			s.app(1, s.lognormal(2*time.Second)).arrivals(0.5)
			s.app(1, s.lognormal(20*time.Second)).arrivals(0.1)
			return append(s.crowd(1, 200, s.lognormal(2*time.Second), 1), s.crowd(1, 100, s.lognormal(2*time.Second), 1)...)
		}},
		"a capped app": {20, func(s *site) []*app {
			capped := s.appOf(s.queue.Tenant(fairqueue.TenantConfig{Max: 3}), 1, s.lognormal(2*time.Second)).clients(60)
			return append(s.crowd(3, 100, s.lognormal(2*time.Second), 1), capped)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, fairqueue.Config{Slots: c.slots})
			apps := c.apps(s)
			s.run(warm)
			for _, a := range apps {
				a.measured = true
			}
			s.run(warm + d)
			var ratios []float64
			for _, a := range apps {
				ratios = append(ratios, a.honesty...)
			}
			p10, p50, p90 := quantile(ratios, 0.1), quantile(ratios, 0.5), quantile(ratios, 0.9)
			t.Logf("actual by predicted wait of %d: p10 %.2f, p50 %.2f, p90 %.2f, p99 %.2f", len(ratios), p10, p50, p90, quantile(ratios, 0.99))
			if len(ratios) < 1000 || p10 < 0.8 || p90 > 1.25 {
				t.Errorf("%d waits were p10 %.2f and p90 %.2f of the predicted, want within 0.8 and 1.25", len(ratios), p10, p90)
			}
		})
	}
}

// TestPredictionFollowsLongerJobs has an app whose jobs, after a long time of
// one second each, take ten. What callers are told is right again within a
// minute, long before the mean of its jobs is.
func TestPredictionFollowsLongerJobs(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 4})
	length := time.Second
	a := s.app(1, func() time.Duration { return length }).clients(20)
	s.app(1, constant(time.Second)).clients(20)
	s.run(10 * time.Minute)
	if got := s.queue.Predict(a.flow, a.pool).Wait; got < 9*time.Second || got > 11*time.Second {
		t.Fatalf("with jobs of a second, the 20th of two slots is told %v, want about 9.5s", got)
	}
	length = 10 * time.Second
	s.run(11 * time.Minute)
	if got := s.queue.Predict(a.flow, a.pool).Wait; got < 50*time.Second || got > 200*time.Second {
		t.Errorf("a minute after the jobs became ten times as long, the prediction is %v, want about 95s", got)
	}
}
