package suite

import (
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// The names of the series of experiments.
const (
	ofCrowd     = "crowd"
	ofBacklog   = "backlog"
	ofAdversary = "adversary"
	ofSplit     = "key splitting"
)

// meanWork is how long a call of a polite app takes on the average.
const meanWork = 2 * time.Second

// calls is an app whose calls take so long on the average.
func calls(name string, mean time.Duration) traffic.Source {
	s := traffic.NewSource(name)
	s.Service.Mean = traffic.Duration(mean)
	return s
}

// crowds are n polite apps, which together use half of the slots, beside one
// whose 5,000 clients always want more. Nothing but the slots bounds anyone.
func crowds(o Options, policy sim.Policy) []experiment {
	const slots, clients = 64, 5000
	var all []experiment
	for _, n := range o.Apps {
		p, g := calls(polite, meanWork), calls(greedy, meanWork)
		p.Count, p.Rate = n, slots/2/meanWork.Seconds()/float64(n)
		g.Clients = clients
		all = append(all, experiment{of: ofCrowd, x: n, label: strconv.Itoa(n), scenario: sim.Scenario{
			Service: sim.Service{Slots: slots}, Sources: []traffic.Source{p, g},
			Duration: o.Duration, Seed: o.Seed, Policy: policy,
		}})
	}
	return all
}

// backlogs are n apps that always want more than there is, half of them with
// calls of 1 s and half with calls of 10 s, beside one with 5,000 clients. Jain's
// index is over the whole run, which is longer the more they are, so that each is
// served several times.
func backlogs(o Options, policy sim.Policy) []experiment {
	const slots, greedyClients = 64, 5000
	const short, long = time.Second, 10 * time.Second
	var all []experiment
	for _, n := range o.Apps {
		clients := 4 + 600/n // more than what an app gets at best
		p, slow, g := calls(polite, short), calls("slow", long), calls(greedy, meanWork)
		p.Count, p.Clients = n/2, clients
		slow.Count, slow.Clients = n-n/2, clients
		g.Clients = greedyClients
		duration := max(o.Duration, time.Duration(n)*o.Duration/300)
		all = append(all, experiment{of: ofBacklog, x: n, label: strconv.Itoa(n), scenario: sim.Scenario{
			Service: sim.Service{Slots: slots}, Sources: []traffic.Source{p, slow, g},
			Duration: duration, Seed: o.Seed, Policy: policy, JainOver: duration * 49 / 100,
		}})
	}
	return all
}

// plain are limits as a service has them that nobody has configured, but with a
// queue twice as long, in which most adversaries find a place under any policy,
// and without the rate and the burst guard, which would stop them before it.
func plain() sim.Service {
	return sim.Service{Slots: 20, MaxQueue: 1000, MaxQueuePerApp: 250, Timeout: 2 * time.Minute}
}

// adversary is an app that means harm, or looks as if.
type adversary struct {
	name   string
	attack func(s *traffic.Source)
}

// capped is the name of an adversary that the configuration bounds.
const capped = "capped"

// adversaryList is what is tried. The first is none.
func adversaryList() []adversary {
	const clients, fill = 500, 1500
	return []adversary{
		{"nobody", func(*traffic.Source) {}},
		{"a flood", func(s *traffic.Source) { s.Clients = clients }},
		{"a flood that fills the queue", func(s *traffic.Source) { s.Clients, s.Retry = fill, traffic.Hammer }},
		{"slow jobs of 60 s", func(s *traffic.Source) {
			s.Clients, s.Service = clients, traffic.Work{Mean: traffic.Duration(time.Minute), Distribution: traffic.Constant}
		}},
		{"slow jobs of 60 s, capped at 6", func(s *traffic.Source) {
			s.Name = capped
			s.Clients, s.Service = clients, traffic.Work{Mean: traffic.Duration(time.Minute), Distribution: traffic.Constant}
		}},
		{"long prompts, 5 slots each", func(s *traffic.Source) { s.Clients, s.Tokens = clients, traffic.Tokens{Prompt: 40000} }},
		{"a storm of cancels", func(s *traffic.Source) { s.Rate, s.LeavesAfter = 200, traffic.Duration(100*time.Millisecond) }},
		{"bursts that obey", func(s *traffic.Source) {
			s.Burst, s.Retry = traffic.Burst{Size: 300, Every: traffic.Duration(time.Minute)}, traffic.Obey
		}},
		{"10 s on, 10 s off", func(s *traffic.Source) {
			s.Clients, s.On, s.Off = clients, traffic.Duration(10*time.Second), traffic.Duration(10*time.Second)
		}},
	}
}

// adversaries are ten polite apps, which together use half of the slots, beside
// each of the adversaries.
func adversaries(o Options, policy sim.Policy) []experiment {
	const apps = 10
	var all []experiment
	for i, a := range adversaryList() {
		service := plain()
		service.TokensPerSlot = 8000
		service.Apps = []sim.App{{Name: capped, MaxSlots: 6}}
		p, g := calls(polite, meanWork), calls(greedy, meanWork)
		p.Count, p.Rate = apps, float64(service.Slots)/2/meanWork.Seconds()/apps
		a.attack(&g)
		sources := []traffic.Source{p}
		if i > 0 {
			sources = append(sources, g)
		}
		all = append(all, experiment{of: ofAdversary, x: i, label: a.name, scenario: sim.Scenario{
			Service: service, Sources: sources, Duration: o.Duration, Seed: o.Seed, Policy: policy,
		}})
	}
	return all
}

// honest is how many apps stand beside the owner of many keys.
const honest = 10

// splits are ten apps that always want more, beside an owner who does so with
// 500 clients, and spreads them over n apps.
func splits(o Options, policy sim.Policy) []experiment {
	const clients, owned = 20, 512
	var all []experiment
	for _, n := range o.Keys {
		p, g := calls(polite, meanWork), calls(greedy, meanWork)
		p.Count, p.Clients = honest, clients
		g.Count, g.Clients = n, owned/n
		service := plain()
		service.MaxQueue, service.MaxQueuePerApp, service.Timeout = 0, 0, 0
		all = append(all, experiment{of: ofSplit, x: n, label: strconv.Itoa(n), scenario: sim.Scenario{
			Service: service, Sources: []traffic.Source{p, g}, Duration: o.Duration, Seed: o.Seed, Policy: policy,
		}})
	}
	return all
}
