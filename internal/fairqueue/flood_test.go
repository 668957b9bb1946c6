package fairqueue_test

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestFloodHurtsNobodyElse has a flooder with 5,000 clients among 999 polite
// apps, which together ask for five eighths of the slots. The flooder fills its
// part of the queue and is refused the rest. The polite are never refused, wait
// little, and no slot is idle.
func TestFloodHurtsNobodyElse(t *testing.T) {
	const (
		slots   = 64
		polite  = 999
		mean    = 2 * time.Second
		offered = 20.0 // polite arrivals each second, of 32 that the slots can serve
		warm    = 30 * time.Second
		d       = 270 * time.Second
	)
	s := newSite(t, fairqueue.Config{Slots: slots, MaxWaiting: 500})
	limits := fairqueue.TenantConfig{MaxWaiting: 125}
	flooder := s.appOf(s.queue.Tenant(limits), 1, s.lognormal(mean)).clients(5000)
	flooder.retry = 10 * time.Second
	apps := make([]*app, polite)
	for i := range apps {
		apps[i] = s.appOf(s.queue.Tenant(limits), 1, s.lognormal(mean)).arrivals(offered / polite)
	}
	s.run(warm)
	used, flooded := s.inUse.total(s.now), flooder.held.total(s.now)
	for _, a := range apps {
		a.measured = true
	}
	s.run(warm + d)
	used, flooded = s.inUse.total(s.now)-used, flooder.held.total(s.now)-flooded

	var waits []time.Duration
	for _, a := range apps {
		waits = append(waits, a.waits...)
		if a.refused > 0 {
			t.Errorf("a polite app was refused %d times", a.refused)
		}
	}
	p99 := quantile(waits, 0.99)
	t.Logf("%d polite calls waited p50 %v, p99 %v, at most %v; flooder refused %d times, had %.2f of the slots; used %.4f",
		len(waits), quantile(waits, 0.5), p99, waits[len(waits)-1], flooder.refused, flooded/used, used/d.Seconds()/slots)
	if len(waits) < int(offered*d.Seconds()*0.9) {
		t.Errorf("%d polite calls were served, want about %.0f", len(waits), offered*d.Seconds())
	}
	if p99 > mean/2 {
		t.Errorf("the polite apps' p99 wait is %v, want at most half of the mean service of %v", p99, mean)
	}
	if use := used / d.Seconds() / slots; use < 0.9999 {
		t.Errorf("%.4f of the slots were used, want all", use)
	}
	if flooder.refused == 0 || flooder.flow.Usage().Waiting < 120 {
		t.Errorf("the flooder was refused %d times and has %d waiting, want a flood", flooder.refused, flooder.flow.Usage().Waiting)
	}
}
