package main

import (
	"slices"

	"github.com/fairleadhq/fairlead/bench/target"
)

// against says beside what a figure is put.
type against int

const (
	itself       against = iota // the figure as it is
	overNginx                   // divided by nginx's of the same round
	minusDirect                 // less that without a target in the same round
	overScenario                // divided by the target's own in another scenario
)

// goal is the most that a figure may be.
type goal struct {
	text, scenario, figure string
	against                against
	// other is the scenario of overScenario.
	other string
	// must and stretch are the two goals; stretch 0 is none.
	must, stretch float64
}

// goals are those of the data plane, in the order in which they are told.
func goals() []goal {
	all := []goal{
		{text: "CPU for a request, small JSON, x nginx", scenario: "json-small", figure: cpuEach, against: overNginx, must: 1.9, stretch: 1.3},
		{text: "CPU for a request, 100 KB prompt, x nginx", scenario: "json-100k", figure: cpuEach, against: overNginx, must: 1.4, stretch: 1.2},
		{text: "CPU for an SSE event, 500 streams x 20 ms, x nginx", scenario: "sse", figure: cpuEach, against: overNginx, must: 1.5, stretch: 1.3},
		{text: "RSS of a held stream, KB", scenario: "held-plain", figure: memEach, must: 34, stretch: 24},
		{text: "RSS of a held stream, upstream over TLS, KB", scenario: "held-tls", figure: memEach, must: 66, stretch: 52},
		{text: "added latency, p50, ms", scenario: "latency", figure: p50ms, against: minusDirect, must: 0.15},
		{text: "added latency, p99, ms", scenario: "latency", figure: p99ms, against: minusDirect, must: 1},
		{text: "CPU for a request on 2 processors, x on 1", scenario: "cores-2", figure: cpuEach, against: overScenario, other: "json-small", must: 1.35, stretch: 1.1},
		{text: "idle RSS, MB", scenario: "idle", figure: memIdle, must: 30, stretch: 20},
	}
	for _, name := range []string{"disconnect-before-json", "disconnect-before-sse", "disconnect-paced", "disconnect-silent"} {
		all = append(all, goal{text: name + ", worst of all, ms", scenario: name, figure: worstMs, must: 100})
	}
	return all
}

// values are what a target got for the goal, one for each round that has all
// that it takes.
func (g goal) values(results []result, name string) (got []float64) {
	for _, r := range results {
		v, ok := r.figures[g.figure]
		if !ok || r.scenario != g.scenario || r.target != name {
			continue
		}
		switch g.against {
		case itself:
			got = append(got, v)
		case overNginx:
			if other, ok := find(results, g.scenario, target.NginxName, r.round, g.figure); ok && other > 0 {
				got = append(got, v/other)
			}
		case minusDirect:
			if other, ok := find(results, g.scenario, target.Direct, r.round, g.figure); ok {
				got = append(got, v-other)
			}
		case overScenario:
			if other, ok := find(results, g.other, name, r.round, g.figure); ok && other > 0 {
				got = append(got, v/other)
			}
		}
	}
	return got
}

// decisive is the one that is held against the goal: the median of the rounds,
// or, of the worst, the worst.
func (g goal) decisive(values []float64) float64 {
	if g.figure == worstMs {
		return slices.Max(values)
	}
	return median(values)
}

// find is a figure of one run.
func find(results []result, scenario, name string, round int, figure string) (float64, bool) {
	for _, r := range results {
		if r.scenario == scenario && r.target == name && r.round == round {
			v, ok := r.figures[figure]
			return v, ok
		}
	}
	return 0, false
}

// median is that of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
