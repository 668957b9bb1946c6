package advice

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// steady calls at equal distances, for a second each.
func steady(name string, rate float64) traffic.Source {
	s := traffic.NewSource(name)
	s.Rate, s.Arrivals = rate, traffic.Constant
	s.Service = traffic.Work{Mean: traffic.Duration(time.Second), Distribution: traffic.Constant}
	return s
}

// clients always call again, for two seconds each.
func clients(n int) traffic.Source {
	s := traffic.NewSource("crm")
	s.Clients = n
	return s
}

// TestWhatBinds gives each limit a traffic that it binds.
func TestWhatBinds(t *testing.T) {
	burst := traffic.NewSource("crm")
	burst.Burst = traffic.Burst{Size: 60, Every: traffic.Duration(30 * time.Second)}
	tokens := steady("crm", 1)
	tokens.Tokens.Prompt = 1000
	two := clients(20)
	two.Count = 2
	for name, c := range map[string]struct {
		service sim.Service
		sources []traffic.Source
		want    []string // regular expressions, one a sentence
	}{
		"nothing": {sim.Service{Slots: 20}, []traffic.Source{steady("crm", 5)}, nil},
		"a rate": {
			sim.Service{Apps: []sim.App{{Name: "crm", RequestsPerMinute: 100}}},
			[]traffic.Source{steady("crm", 10), steady("other", 10)},
			[]string{`^app crm is bound by its rate of 100 requests per minute: 100 % of its refusals, \d+ of its 1200 requests$`},
		},
		"tokens": {
			sim.Service{Apps: []sim.App{{Name: "crm", TokensPerMinute: 20_000}}},
			[]traffic.Source{tokens},
			[]string{`^app crm is bound by its 20000 tokens per minute: `},
		},
		"bursts": {
			sim.Service{BurstPerSecond: 50, BurstBlock: time.Minute},
			[]traffic.Source{burst},
			[]string{`^app crm is blocked for bursts of more than 50 requests within a second: `},
		},
		"a cap": {
			sim.Service{Slots: 20, Apps: []sim.App{{Name: "crm", MaxSlots: 2}}},
			[]traffic.Source{clients(10)},
			[]string{`^app crm is bound by its cap of 2 slots: it held all of them for 100 % of the time in which it waited; p99 wait `},
		},
		"parts of the queue, and more demand than any slots": {
			sim.Service{Slots: 2, MaxQueue: 20, MaxQueuePerApp: 5},
			[]traffic.Source{two},
			[]string{`^each of the 2 apps crm is bound by its part of the queue, 5 calls: 100 % `, `^slots: all 2 in use for 100 % .* p99 wait .*; 8 would not bring it below 1s$`},
		},
		"the queue": {
			sim.Service{Slots: 2, MaxQueue: 20},
			[]traffic.Source{clients(40)},
			[]string{`^app crm is bound by the queue of 20 calls: `, `^slots: all 2 `},
		},
		"time": {
			sim.Service{Slots: 1, Timeout: 5 * time.Second},
			[]traffic.Source{steady("crm", 3)},
			[]string{`^app crm is refused because its turn would come too late: `, `^slots: all 1 .*; 3 would bring it below 1s$`},
		},
		"slots": {
			sim.Service{Slots: 10},
			[]traffic.Source{steady("crm", 25)},
			[]string{`^slots: all 10 in use for 100 % of the time, 100 % on the average; p99 wait up to .*s; 2[56] would bring it below 1s$`},
		},
		"slots of a provider": {
			sim.Service{Slots: 40, Providers: []sim.Provider{{Name: "openai", Slots: 10}, {Name: "groq", Slots: 10}}},
			[]traffic.Source{steady("crm", 25)},
			[]string{`^slots of provider openai: all 10 in use for 100 % .*; 2[56] would bring it below 1s$`},
		},
		"rates of a provider": {
			sim.Service{Slots: 20, Providers: []sim.Provider{{Name: "openai", RequestsPerMinute: 60}}},
			[]traffic.Source{clients(20)},
			[]string{`^provider openai is bound by its rates: calls wait for them while it has slots free$`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Simulate(t.Context(), sim.Scenario{Service: c.service, Sources: c.sources, Duration: 2 * time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Binds) != len(c.want) {
				t.Fatalf("got %d sentences, want %d:\n%s", len(r.Binds), len(c.want), strings.Join(r.Binds, "\n"))
			}
			for i, want := range c.want {
				if !regexp.MustCompile(want).MatchString(r.Binds[i]) {
					t.Errorf("got %q, want %q", r.Binds[i], want)
				}
			}
		})
	}
}

// TestWhatIsLeftOut: the notes are about this run.
func TestWhatIsLeftOut(t *testing.T) {
	costly := steady("crm", 1)
	costly.Tokens.Prompt = 10
	limited := sim.Service{Default: sim.App{TokensPerMinute: 100}}
	for name, c := range map[string]struct {
		scenario sim.Scenario
		told     string
	}{
		"always":                  {sim.Scenario{Sources: []traffic.Source{steady("crm", 1)}}, "providers that fail"},
		"tokens are known":        {sim.Scenario{Sources: []traffic.Source{costly}}, "must estimate"},
		"tokens are not":          {sim.Scenario{Service: limited, Sources: []traffic.Source{steady("crm", 1)}}, "limits on tokens"},
		"calls of a log":          {sim.Scenario{Recorded: []traffic.Recorded{{App: "crm", Work: 1}}}, "recorded calls"},
		"tokens of a log's calls": {sim.Scenario{Recorded: []traffic.Recorded{{App: "crm", Work: 1, Tokens: traffic.Tokens{Answer: 3}}}}, "must estimate"},
	} {
		c.scenario.Duration = time.Second
		r, err := Simulate(t.Context(), c.scenario)
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, c.told) {
			t.Errorf("%s: no %q in\n%s", name, c.told, notes)
		}
	}
}

func TestSimulateEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := sim.Scenario{Sources: []traffic.Source{steady("crm", 1)}, Duration: time.Minute}
	if _, err := Simulate(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
