package sim

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead/internal/sim/report"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// simulate runs a scenario and checks what must be true of every run.
func simulate(t *testing.T, s Scenario) *report.Report {
	t.Helper()
	r, err := Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	mustBeTrue(t, r)
	return r
}

// fataler is a test, or one case of a property.
type fataler interface {
	Helper()
	Errorf(format string, args ...any)
}

// mustBeTrue checks what must be true of every run.
func mustBeTrue(t fataler, r *report.Report) {
	t.Helper()
	share := 0.0
	for _, a := range r.Apps {
		if a.Unfinished < 0 || a.Offered != a.Served+a.Cut+a.Left+a.Refusals()+a.Unfinished {
			t.Errorf("%s: requests got lost or were counted twice: %+v", a.Name, a)
		}
		if a.WorstWindow > 1 {
			t.Errorf("%s had %v times its rate", a.Name, a.WorstWindow)
		}
		share += a.Share
	}
	if r.Slots.InUse > 0 && math.Abs(share-1) > 1e-6 {
		t.Errorf("the shares add up to %v", share)
	}
	for _, of := range append([]report.Resource{r.Slots}, r.Providers...) {
		if of.Limit > 0 && of.InUse > float64(of.Limit)+1e-9 {
			t.Errorf("%s: %v of %d slots in use", of.Name, of.InUse, of.Limit)
		}
	}
}

// near fails the test unless got is within a part of want.
func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within*math.Abs(want) {
		t.Errorf("%s: got %.4f, want %.4f within %.1f %%", what, got, want, 100*within)
	}
}

// open is an app that calls at a rate.
func open(name string, rate float64, mean time.Duration) traffic.Source {
	s := traffic.NewSource(name)
	s.Rate, s.Service.Mean = rate, traffic.Duration(mean)
	return s
}

// closed is an app with a number of clients that always call again.
func closed(name string, clients int, mean time.Duration) traffic.Source {
	s := traffic.NewSource(name)
	s.Clients, s.Service.Mean = clients, traffic.Duration(mean)
	return s
}

// burst is an app that calls so often at once.
func burst(name string, size int, work time.Duration) traffic.Source {
	s := traffic.NewSource(name)
	s.Burst.Size, s.Service = size, traffic.Work{Mean: traffic.Duration(work), Distribution: traffic.Constant}
	return s
}

// steady takes the chance out of a source.
func steady(s traffic.Source) traffic.Source {
	s.Arrivals, s.Service.Distribution = traffic.Constant, traffic.Constant
	return s
}

// erlangC is the mean wait of an M/M/c queue, and the probability of waiting
// (A. K. Erlang, 1917).
func erlangC(rate, mean float64, slots int) (wait, probability float64) {
	load := rate * mean
	term, sum := 1.0, 0.0
	for k := range slots {
		sum += term
		term *= load / float64(k+1)
	}
	last := term * float64(slots) / (float64(slots) - load)
	probability = last / (sum + last)
	return probability * mean / (float64(slots) - load), probability
}

// TestWaitsOfMMc holds the waits of random traffic to Erlang's formula. Which
// call goes first does not change their mean, so it holds for many apps as for
// one, and for each policy.
func TestWaitsOfMMc(t *testing.T) {
	ten := open("a", 0.35, time.Second)
	ten.Count = 10
	for name, c := range map[string]struct {
		policy  Policy
		sources []traffic.Source
	}{
		"one app":                   {Fair, []traffic.Source{open("a", 3.5, time.Second)}},
		"ten apps":                  {Fair, []traffic.Source{ten}},
		"two rates":                 {Fair, []traffic.Source{open("a", 3, time.Second), open("b", 0.5, time.Second)}},
		"ten apps, FIFO":            {FIFO, []traffic.Source{ten}},
		"ten apps, by virtual time": {VirtualTime, []traffic.Source{ten}},
	} {
		t.Run(name, func(t *testing.T) {
			const slots, rate, hours = 5, 3.5, 2
			r := newRun(&Scenario{Service: Service{Slots: slots}, Sources: c.sources, Duration: hours * time.Hour, Seed: 3, Policy: c.policy})
			if err := r.Run(t.Context(), hours*time.Hour); err != nil {
				t.Fatal(err)
			}
			total, waited, n := 0.0, 0.0, 0.0
			for _, g := range r.groups {
				for _, w := range g.waits {
					total += w.Seconds()
					n++
					if w > 0 {
						waited++
					}
				}
			}
			wait, probability := erlangC(rate, 1, slots)
			near(t, "mean wait", total/n, wait, 0.06)
			near(t, "probability of waiting", waited/n, probability, 0.04)
			near(t, "slots in use", r.inUse.Mean(r.Now()), rate, 0.02)
			near(t, "calls", n, rate*hours*3600, 0.02)
		})
	}
}

// TestBurstOnTwoSlots: ten calls of a second each, at once, on two slots wait 0,
// 0, 1, 1, 2, 2, 3, 3, 4 and 4 s.
func TestBurstOnTwoSlots(t *testing.T) {
	for _, policy := range []Policy{Fair, FIFO, VirtualTime} {
		r := simulate(t, Scenario{
			Service: Service{Slots: 2}, Sources: []traffic.Source{burst("a", 10, time.Second)}, Duration: 10 * time.Second, Policy: policy,
		})
		if got, want := r.Apps[0].Wait, (report.Waits{P50: 2, P99: 4, Max: 4}); got != want {
			t.Errorf("%v: got %+v, want %+v", policy, got, want)
		}
		if r.Apps[0].Served != 10 || r.Slots.InUse != 1 || r.Slots.Full != 0.5 {
			t.Errorf("%v: served %d, slots %+v", policy, r.Apps[0].Served, r.Slots)
		}
	}
}

func TestSharesFollowWeights(t *testing.T) {
	for name, c := range map[string]struct {
		apps []App
		want []float64
	}{
		"2:1":               {[]App{{Name: "a", Weight: 2}, {Name: "b"}}, []float64{2. / 3, 1. / 3}},
		"interactive:batch": {[]App{{Name: "a"}, {Name: "b", Class: Batch}}, []float64{8. / 9, 1. / 9}},
		"capped":            {[]App{{Name: "a", MaxSlots: 4}, {Name: "b"}}, []float64{0.2, 0.8}},
		"guaranteed":        {[]App{{Name: "a", Weight: 9}, {Name: "b", MinSlots: 10}}, []float64{0.5, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			r := simulate(t, Scenario{
				Service: Service{Slots: 20, Apps: c.apps}, Duration: 10 * time.Minute,
				Sources: []traffic.Source{closed("a", 50, 2*time.Second), closed("b", 50, 2*time.Second)},
			})
			for i, want := range c.want {
				near(t, "share of "+r.Apps[i].Name, r.Apps[i].Share, want, 0.01)
				if c.apps[1].MinSlots == 0 { // weights alone entitle
					near(t, "what it is entitled to", r.Apps[i].Entitled, want, 0.01)
				}
			}
		})
	}
}

func TestMinuteRate(t *testing.T) {
	r := simulate(t, Scenario{
		Service: Service{Default: App{RequestsPerMinute: 60}}, Duration: 10 * time.Minute,
		Sources: []traffic.Source{steady(open("a", 10, time.Millisecond))},
	})
	a := r.Apps[0]
	if a.Served != 600 || a.Refused[report.RateLimitRequests] != a.Offered-600 || a.WorstWindow != 1 {
		t.Errorf("served %d of %d, refused %v, worst window %v; want 600 served", a.Served, a.Offered, a.Refused, a.WorstWindow)
	}
}

// TestWhoObeysIsAdmitted: each is told when the window has room for it.
func TestWhoObeysIsAdmitted(t *testing.T) {
	s := burst("a", 300, time.Millisecond)
	s.Retry = traffic.Obey
	r := simulate(t, Scenario{
		Service: Service{Default: App{RequestsPerMinute: 60}}, Sources: []traffic.Source{s}, Duration: 10 * time.Minute,
	})
	if a := r.Apps[0]; a.Served != 300 || a.WorstWindow != 1 {
		t.Errorf("%d of 300 were served, worst window %v", a.Served, a.WorstWindow)
	}
	s.Retry, s.RetryEvery = traffic.Hammer, traffic.Duration(time.Second)
	h := simulate(t, Scenario{
		Service: Service{Default: App{RequestsPerMinute: 60}}, Sources: []traffic.Source{s}, Duration: 10 * time.Minute,
	})
	if got, least := r.Apps[0].Refusals(), h.Apps[0].Refusals()/10; got > least || h.Apps[0].Served != 300 {
		t.Errorf("who obeys is refused %d times, who hammers %d times", got, h.Apps[0].Refusals())
	}
}

// TestFullQueueSendsAway: who is refused for want of a place, and obeys, finds one.
func TestFullQueueSendsAway(t *testing.T) {
	s := burst("a", 300, time.Second)
	s.Retry = traffic.Obey
	r := simulate(t, Scenario{
		Service: Service{Slots: 5, MaxQueue: 200, MaxQueuePerApp: 50}, Sources: []traffic.Source{s}, Duration: 3 * time.Minute,
	})
	a := r.Apps[0]
	if a.Served != 300 || a.Returned < 245 || a.Welcome*10 < a.Returned*9 {
		t.Errorf("served %d of 300; of %d that came back %d were admitted", a.Served, a.Returned, a.Welcome)
	}
}

func TestRetriesEnd(t *testing.T) {
	s := burst("a", 10, time.Hour)
	s.Retry, s.RetryEvery, s.Retries = traffic.Hammer, traffic.Duration(time.Second), 3
	r := simulate(t, Scenario{
		Service: Service{Default: App{RequestsPerMinute: 1}}, Sources: []traffic.Source{s}, Duration: 20 * time.Second,
	})
	if a := r.Apps[0]; a.Offered != 10+9*3 || a.Returned != 27 || a.Welcome != 0 {
		t.Errorf("%d requests, %d of callers that came back, of these %d welcome; want 37, 27 and 0", a.Offered, a.Returned, a.Welcome)
	}
}

func TestBurstIsBlocked(t *testing.T) {
	s := burst("a", 60, time.Second)
	s.Burst.Every = traffic.Duration(100 * time.Second)
	r := simulate(t, Scenario{
		Service: Service{BurstPerSecond: 50, BurstBlock: 150 * time.Second}, Sources: []traffic.Source{s}, Duration: 250 * time.Second,
	})
	// At 0 s the last 10 are refused, at 100 s all are, at 200 s the last 10.
	if a := r.Apps[0]; a.Served != 100 || a.Refused[report.BlockedBurst] != 80 {
		t.Errorf("served %d, refused %v; want 100 and 80", a.Served, a.Refused)
	}
}

func TestTimeIsUp(t *testing.T) {
	hasty := burst("hasty", 2, time.Minute)
	hasty.From, hasty.Timeout = traffic.Duration(time.Second), traffic.Duration(5*time.Second)
	hasty.Burst.Every = traffic.Duration(6 * time.Second)
	s := Scenario{
		Service: Service{Slots: 1, Timeout: 10 * time.Second, Default: App{RequestsPerMinute: 2}},
		Sources: []traffic.Source{burst("slow", 1, time.Minute), hasty}, Duration: 6500 * time.Millisecond,
	}
	r := simulate(t, s)
	a := r.Apps[1]
	if a.Refused[report.QueueTimeout] != 2 || a.Wait.P50 != 5 || a.Wait.Max != 5 {
		t.Errorf("refused %v, waited %+v; want 2 in vain after 5 s", a.Refused, a.Wait)
	}
	// The second two come at 7 s: the first two have not used up the rate.
	s.Duration = 12500 * time.Millisecond
	r = simulate(t, s)
	if a := r.Apps[0]; a.Cut != 1 || a.Slots != 10/12.5 {
		t.Errorf("cut off %d, %v slots held; want 1 after 10 s of 12.5", a.Cut, a.Slots)
	}
	if a := r.Apps[1]; a.Refused[report.RateLimitRequests] != 0 || a.Cut != 1 || a.WorstWindow != 0.5 {
		t.Errorf("refused %v, cut off %d, worst window %v: calls that never got a slot were charged", a.Refused, a.Cut, a.WorstWindow)
	}
}

func TestClientsLeave(t *testing.T) {
	s := burst("a", 3, time.Minute)
	s.LeavesAfter, s.Burst.Every = traffic.Duration(2*time.Second), traffic.Duration(65*time.Second)
	for _, policy := range []Policy{Fair, FIFO, VirtualTime} {
		r := simulate(t, Scenario{Service: Service{Slots: 1}, Sources: []traffic.Source{s}, Duration: 129 * time.Second, Policy: policy})
		if a := r.Apps[0]; a.Left != 4 || a.Served != 2 || a.Wait.Max != 2 {
			t.Errorf("%v: left %d, served %d, longest wait %v; want 4, 2, 2 s", policy, a.Left, a.Served, a.Wait.Max)
		}
	}
}

func TestQueueBounds(t *testing.T) {
	many, few := burst("many", 20, time.Second), burst("few", 5, time.Second)
	few.From = traffic.Duration(100 * time.Millisecond)
	r := simulate(t, Scenario{
		Service: Service{Slots: 1, MaxQueue: 10, MaxQueuePerApp: 8}, Sources: []traffic.Source{many, few}, Duration: time.Minute,
	})
	// 1 works and 8 wait; of the others' 5, 2 find a place and 3 take one from
	// the 8, which are then 5.
	if got := r.Apps[0].Refused; got[report.QueueFullApp] != 11 || got[report.QueueDropped] != 3 {
		t.Errorf("the many were refused %v", got)
	}
	if a := r.Apps[1]; a.Served != 5 {
		t.Errorf("of the few %d were served, refused %v", a.Served, a.Refused)
	}
}

func TestProviders(t *testing.T) {
	slow, quick, paced := closed("slow", 10, 10*time.Second), closed("quick", 10, time.Second), closed("paced", 10, time.Second)
	slow.Provider, quick.Provider, paced.Provider = "small", "large", "metered"
	r := simulate(t, Scenario{
		Service: Service{Slots: 20, Providers: []Provider{{Name: "large"}, {Name: "small", Slots: 2}, {Name: "metered", RequestsPerMinute: 60}}},
		Sources: []traffic.Source{slow, quick, paced}, Duration: 10 * time.Minute,
	})
	near(t, "slots of the small provider", r.Providers[1].InUse, 2, 0.01)
	near(t, "slots of the large one, which the small one must not hold up", r.Providers[0].InUse, 10, 0.01)
	if a := r.Apps[2]; a.Served < 590 || a.Served > 600 || a.Refusals() > 0 {
		t.Errorf("the metered provider served %d and refused %v; want 60 a minute and none", a.Served, a.Refused)
	}
	if b := r.Apps[0].Backlog; b.Provider != b.Looks || b.Looks == 0 {
		t.Errorf("the slow app waited for something else than its provider: %+v", b)
	}
	if b := r.Apps[2].Backlog; b.Rates*10 < b.Looks*9 || b.Looks == 0 {
		t.Errorf("the paced app waited for something else than rates: %+v", b)
	}
}

func TestTokens(t *testing.T) {
	long := closed("long", 10, time.Second)
	long.Tokens = traffic.Tokens{Prompt: 4000, Answer: 1000}
	r := simulate(t, Scenario{
		Service: Service{Slots: 20, TokensPerSlot: 1000, Apps: []App{{Name: "long", TokensPerMinute: 50_000}}},
		Sources: []traffic.Source{long}, Duration: 10 * time.Minute,
	})
	a := r.Apps[0]
	if a.Served < 98 || a.Served > 100 || a.Refused[report.RateLimitTokens] == 0 {
		t.Errorf("served %d, refused %v; want 10 calls a minute", a.Served, a.Refused)
	}
	near(t, "slots of a call of 4 slots", a.Slots/float64(a.Served)*600, 4, 0.1)
	// Wider than its provider is no call.
	r = simulate(t, Scenario{
		Service: Service{Slots: 20, TokensPerSlot: 1000, Providers: []Provider{{Name: "small", Slots: 2}}},
		Sources: []traffic.Source{long}, Duration: time.Minute,
	})
	near(t, "slots of a call to a provider of 2", r.Providers[0].InUse, 2, 0.01)
}

// TestContrasts holds the policies that are there to be compared with to what
// they are: by virtual time, two apps get equal slot-seconds however wrong the
// estimates are; under FIFO all wait alike, w, so that 20 = 60/(w+1) + 600/(w+10)
// slots are in use, of which the short calls have 60/(w+1).
func TestContrasts(t *testing.T) {
	for policy, want := range map[Policy]float64{VirtualTime: 0.5, FIFO: 0.1195} {
		r := simulate(t, Scenario{
			Service: Service{Slots: 20}, Duration: time.Hour, Policy: policy,
			Sources: []traffic.Source{closed("short", 60, time.Second), closed("long", 60, 10*time.Second)},
		})
		near(t, policy.String()+": share of the short calls", r.Apps[0].Share, want, 0.03)
	}
}

// TestLineMovesOn: where the first of a line leaves, the next may fit at once.
func TestLineMovesOn(t *testing.T) {
	full, wide, narrow := burst("full", 7, time.Minute), burst("wide", 1, time.Minute), burst("narrow", 1, time.Minute)
	wide.From, wide.LeavesAfter, wide.Tokens.Prompt = traffic.Duration(time.Second), traffic.Duration(2*time.Second), 2000
	narrow.From = traffic.Duration(2 * time.Second)
	r := simulate(t, Scenario{
		Service: Service{Slots: 8, TokensPerSlot: 1000}, Sources: []traffic.Source{full, wide, narrow},
		Duration: 30 * time.Second, Policy: FIFO,
	})
	if got := r.Apps[2].Wait.Max; got != 1 {
		t.Errorf("the narrow call waited %v s, want 1, until the wide one left", got)
	}
}

// TestReplay: what a log has comes when it came, and takes as long.
func TestReplay(t *testing.T) {
	r := simulate(t, Scenario{
		Service: Service{Slots: 1}, Duration: time.Minute,
		Recorded: []traffic.Recorded{
			{App: "a", Arrived: 0, Work: 10 * time.Second},
			{App: "b", Provider: "gone", Arrived: 2 * time.Second, Work: time.Second},
			{App: "a", Arrived: 30 * time.Second, Work: time.Second},
		},
	})
	if len(r.Apps) != 2 || r.Apps[0].Served != 2 || r.Apps[1].Served != 1 || r.Apps[1].Wait.Max != 8 || r.Apps[0].Wait.Max != 0 {
		t.Errorf("got %+v", r.Apps)
	}
}

// TestFloodIsNotFelt: one of a thousand apps wants everything; the others wait for
// less than half of what a call takes, and none of theirs is refused.
func TestFloodIsNotFelt(t *testing.T) {
	polite := open("polite", 16./999, 2*time.Second)
	polite.Count = 999
	s := Scenario{
		Service: Service{Slots: 64}, Sources: []traffic.Source{polite, closed("flooder", 5000, 2*time.Second)}, Duration: 90 * time.Second,
	}
	r := simulate(t, s)
	if a := r.Apps[0]; a.Wait.P99 > 1 || a.Refusals() > 0 || r.Slots.Used() < 0.99 {
		t.Errorf("p99 wait %v s, refused %v, %v of the slots in use", a.Wait.P99, a.Refused, r.Slots.Used())
	}
	s.Policy = FIFO
	if f := simulate(t, s).Apps[0]; f.Wait.P99 < 20 {
		t.Errorf("FIFO made the polite apps wait %v s only", f.Wait.P99)
	}
}

func TestSameSeedSameRun(t *testing.T) {
	noisy := open("noisy", 5, time.Second)
	noisy.Retry, noisy.Service.Distribution = traffic.Obey, traffic.Lognormal
	s := Scenario{
		Service:  Service{Slots: 10, MaxQueue: 20, MaxQueuePerApp: 5, Timeout: 20 * time.Second, Default: App{RequestsPerMinute: 200}},
		Sources:  []traffic.Source{noisy, closed("clients", 30, 3*time.Second)},
		Duration: time.Minute, Seed: 1,
	}
	first, again := simulate(t, s), simulate(t, s)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed gave two reports")
	}
	s.Seed = 2
	if reflect.DeepEqual(first.Apps, simulate(t, s).Apps) {
		t.Error("another seed gave the same report")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, Scenario{Sources: []traffic.Source{closed("a", 1, time.Second)}, Duration: time.Hour})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestAnyTraffic: whatever the traffic and the limits, no request is lost, no
// limit is passed, and the same run comes of the same seed.
func TestAnyTraffic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Scenario{
			Service: anyService(t), Duration: time.Minute, Seed: rapid.Uint64().Draw(t, "seed"),
			Policy: Policy(rapid.IntRange(0, 2).Draw(t, "policy")),
		}
		for range rapid.IntRange(1, 3).Draw(t, "sources") {
			s.Sources = append(s.Sources, anySource(t))
		}
		r, err := Run(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		mustBeTrue(t, r)
	})
}

func anyService(t *rapid.T) Service {
	number := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	return Service{
		Slots: number("slots", 8), MaxQueue: number("max_queue", 20), MaxQueuePerApp: number("max_queue_per_app", 8),
		TokensPerSlot: number("tokens_per_slot", 2) * 500, BurstPerSecond: number("burst", 30), BurstBlock: 10 * time.Second,
		Timeout: time.Duration(number("timeout", 30)) * time.Second,
		Default: App{RequestsPerMinute: number("rate", 40), TokensPerMinute: number("tokens", 40) * 1000, MaxSlots: number("max", 4), Weight: number("weight", 3)},
		Providers: []Provider{
			{Name: "one", Slots: number("pool", 4)},
			{Name: "two", RequestsPerMinute: number("pace", 60), TokensPerMinute: number("token pace", 60) * 1000},
		},
	}
}

func anySource(t *rapid.T) traffic.Source {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	s := traffic.NewSource(pick("name", "a", "b"))
	s.Count = rapid.IntRange(1, 3).Draw(t, "count")
	s.Class, s.Provider = pick("class", Interactive, Batch), pick("provider", "one", "two")
	s.Retry, s.Retries = pick("retry", "none", traffic.Obey, traffic.Hammer), rapid.IntRange(0, 3).Draw(t, "retries")
	switch pick("way", "rate", "clients", "burst") {
	case "rate":
		s.Rate, s.Arrivals = rapid.Float64Range(0.1, 5).Draw(t, "rate"), pick("arrivals", "poisson", traffic.Constant)
	case "clients":
		s.Clients, s.Think = rapid.IntRange(1, 10).Draw(t, "clients"), traffic.Duration(rapid.IntRange(0, 2).Draw(t, "think"))*traffic.Duration(time.Second)
	case "burst":
		s.Burst = traffic.Burst{Size: rapid.IntRange(1, 40).Draw(t, "size"), Every: traffic.Duration(rapid.IntRange(0, 20).Draw(t, "every")) * traffic.Duration(time.Second)}
	}
	s.On, s.Off = traffic.Duration(5*time.Second), traffic.Duration(rapid.IntRange(0, 10).Draw(t, "off"))*traffic.Duration(time.Second)
	s.LeavesAfter = traffic.Duration(rapid.IntRange(0, 5).Draw(t, "leaves_after")) * traffic.Duration(time.Second)
	s.Tokens.Prompt = rapid.IntRange(0, 3).Draw(t, "prompt") * 700
	return s
}
