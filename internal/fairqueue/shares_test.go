package fairqueue_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestSlotsAreSharedByWeight saturates the slots by flows of different weights:
// in the long run each has its share of the slot-seconds, whatever the spread of
// its service times.
func TestSlotsAreSharedByWeight(t *testing.T) {
	const turnovers = 400
	for _, c := range []struct {
		slots   int
		weights []int
		mean    time.Duration
	}{
		{20, []int{2, 1}, 2 * time.Second},
		{20, []int{8, 1}, 2 * time.Second},
		{20, []int{8, 1}, time.Minute},
		{10, []int{3, 1}, 2 * time.Second},
		{10, []int{3, 1}, time.Minute},
		{20, []int{10, 10, 1}, 2 * time.Second},
		{20, []int{10, 10, 1}, time.Minute},
		{7, []int{5, 3, 2, 8, 1}, 10 * time.Second},
	} {
		for _, kind := range []string{"constant", "exponential", "lognormal"} {
			t.Run(fmt.Sprintf("%v on %d slots, %s of %v", c.weights, c.slots, kind, c.mean), func(t *testing.T) {
				s := newSite(t, fairqueue.Config{Slots: c.slots})
				apps := make([]*app, len(c.weights))
				for i, weight := range c.weights {
					apps[i] = s.app(weight, s.distribution(kind, c.mean)).clients(2 * c.slots)
				}
				s.holdShares(apps, c.weights, turnovers*c.mean)
			})
		}
	}
}

func (s *site) distribution(kind string, mean time.Duration) func() time.Duration {
	switch kind {
	case "constant":
		return constant(mean)
	case "exponential":
		return s.exponential(mean)
	case "lognormal":
		return s.lognormal(mean)
	}
	s.t.Fatalf("unknown distribution %q", kind)
	return nil
}

// holdShares lets time pass, and checks that each app had its share within 5 %
// and that no slot was idle.
func (s *site) holdShares(apps []*app, weights []int, d time.Duration) {
	s.t.Helper()
	warm := d / 20
	s.run(warm)
	begun, inUse := make([]float64, len(apps)), s.inUse.total(s.now)
	for i, a := range apps {
		begun[i] = a.held.total(s.now)
	}
	s.run(d)
	total, weight := s.inUse.total(s.now)-inUse, 0
	for _, w := range weights {
		weight += w
	}
	worst := 0.0
	for i, a := range apps {
		share := (a.held.total(s.now) - begun[i]) / total
		off := share*float64(weight)/float64(weights[i]) - 1
		worst = max(worst, math.Abs(off))
		if math.Abs(off) > 0.05 {
			s.t.Errorf("weight %d of %d had %.4f of the slot-seconds, %+.1f %% off", weights[i], weight, share, 100*off)
		}
	}
	used := total / ((d - warm).Seconds() * float64(s.queue.Snapshot().Slots))
	if used < 0.9999 {
		s.t.Errorf("%.4f of the slots were used, want all", used)
	}
	s.t.Logf("farthest from its share: %.2f %%; used %.4f", 100*worst, used)
}

// TestLongJobsAgainstShortOnes has an app with jobs of a minute beside one with
// jobs of a second, at equal weight: each has half of the slot-seconds.
func TestLongJobsAgainstShortOnes(t *testing.T) {
	for _, spread := range []string{"constant", "exponential", "lognormal"} {
		t.Run(spread, func(t *testing.T) {
			s := newSite(t, fairqueue.Config{Slots: 20})
			long := s.app(1, s.distribution(spread, time.Minute)).clients(100)
			short := s.app(1, s.distribution(spread, time.Second)).clients(100)
			s.run(3 * time.Minute)
			l, d := long.held.total(s.now), short.held.total(s.now)
			s.run(25 * time.Minute)
			l, d = long.held.total(s.now)-l, short.held.total(s.now)-d
			t.Logf("long jobs had %.4f of the slot-seconds", l/(l+d))
			if share := l / (l + d); share < 0.45 || share > 0.55 {
				t.Errorf("long jobs had %.4f of the slot-seconds, want half within 10 %%", share)
			}
		})
	}
}

// TestEqualAppsWithLongJobs is the case in which an order by service charged
// goes wrong for minutes: two equal apps with jobs of a minute. In every half
// minute after the first turnover they had the same.
func TestEqualAppsWithLongJobs(t *testing.T) {
	for _, spread := range []string{"constant", "exponential", "lognormal"} {
		t.Run(spread, func(t *testing.T) {
			s := newSite(t, fairqueue.Config{Slots: 20})
			apps := []*app{s.app(1, s.distribution(spread, time.Minute)).clients(60)}
			s.run(7 * time.Second) // the first has all slots when the second comes
			apps = append(apps, s.app(1, s.distribution(spread, time.Minute)).clients(40))
			s.run(10 * time.Minute)
			least := 1.0
			for range 60 {
				had := make([]float64, len(apps))
				for i, a := range apps {
					had[i] = -a.held.total(s.now)
				}
				s.run(s.now + 30*time.Second)
				for i, a := range apps {
					had[i] += a.held.total(s.now)
				}
				least = min(least, jainIndex(had))
			}
			t.Logf("least Jain's index of 60 half minutes: %.4f", least)
			if least < 0.99 {
				t.Errorf("Jain's index of half a minute was %.4f, want at least 0.99", least)
			}
		})
	}
}

// TestBatchBesideInteractive has two apps, each of them with interactive traffic
// that alone would fill all slots, and batch. Batch keeps a ninth of each app's
// part, and has everything when it is alone.
func TestBatchBesideInteractive(t *testing.T) {
	s := newSite(t, fairqueue.Config{Slots: 18})
	var apps []*app
	weights := []int{8, 1, 8, 1}
	for range 2 {
		tenant := s.queue.Tenant(fairqueue.TenantConfig{})
		apps = append(apps,
			s.appOf(tenant, 8, s.lognormal(2*time.Second)).clients(200),
			s.appOf(tenant, 1, s.lognormal(20*time.Second)).clients(30))
	}
	s.holdShares(apps, weights, 90*time.Minute)

	alone := newSite(t, fairqueue.Config{Slots: 18})
	alone.app(8, alone.lognormal(2*time.Second))
	alone.holdShares([]*app{alone.app(1, alone.lognormal(20*time.Second)).clients(30)}, []int{1}, 20*time.Minute)
}

// TestCapsAndGuarantees: an app at its cap leaves the rest to the others by
// their weights, and an app with a guarantee has it although its weight would
// give it less.
func TestCapsAndGuarantees(t *testing.T) {
	const slots = 20
	s := newSite(t, fairqueue.Config{Slots: slots})
	work := s.lognormal(2 * time.Second)
	capped := s.appOf(s.queue.Tenant(fairqueue.TenantConfig{Max: 3}), 100, work).clients(50)
	guaranteed := s.appOf(s.queue.Tenant(fairqueue.TenantConfig{Min: 5}), 1, work).clients(50)
	double, single := s.app(8, work).clients(50), s.app(4, work).clients(50)
	s.run(time.Minute)
	apps := []*app{capped, guaranteed, double, single}
	begun := make([]float64, len(apps))
	for i, a := range apps {
		begun[i] = a.held.total(s.now)
	}
	const d = 30 * time.Minute
	s.run(s.now + d)
	for i, want := range []float64{3, 5, 8, 4} {
		got := (apps[i].held.total(s.now) - begun[i]) / d.Seconds()
		if math.Abs(got/want-1) > 0.05 {
			t.Errorf("app %d held %.3f slots on average, want %.0f within 5 %%", i, got, want)
		}
	}
	if capped.held.value != 3 || guaranteed.held.value < 5 {
		t.Errorf("capped at 3 holds %d, guaranteed 5 holds %d", capped.held.value, guaranteed.held.value)
	}
}
