package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/bench/target"
)

// rounds are the results of one scenario and figure, a value for each round.
func rounds(scenario, name, figure string, values ...float64) (all []result) {
	for i, v := range values {
		all = append(all, result{scenario, name, i, figures{figure: v}, nil})
	}
	return all
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name    string
		results [][]result
		want    string
	}{
		{
			"a ratio is of runs of the same round",
			[][]result{rounds("json-small", target.NginxName, cpuEach, 10, 20, 100), rounds("json-small", target.FairleadName, cpuEach, 30, 36, 150)},
			"| CPU for a request, small JSON, x nginx | fairlead | <= 1.90 | <= 1.30 | 1.80 | 1.50 to 3 | 3 | must |",
		},
		{
			"the stretch goal",
			[][]result{rounds("json-100k", target.NginxName, cpuEach, 40), rounds("json-100k", target.FairleadName, cpuEach, 48)},
			"| CPU for a request, 100 KB prompt, x nginx | fairlead | <= 1.40 | <= 1.20 | 1.20 | 1.20 to 1.20 | 1 | stretch |",
		},
		{
			"a round without nginx does not count",
			[][]result{rounds("sse", target.NginxName, cpuEach, 10), rounds("sse", target.FairleadName, cpuEach, 20, 5)},
			"| CPU for an SSE event, 500 streams x 20 ms, x nginx | fairlead | <= 1.50 | <= 1.30 | 2 | 2 to 2 | 1 | miss |",
		},
		{
			"what is added to the latency",
			[][]result{rounds("latency", target.Direct, p50ms, 0.125, 0.25), rounds("latency", target.FairleadName, p50ms, 0.25, 0.375)},
			"| added latency, p50, ms | fairlead | <= 0.150 |  | 0.125 | 0.125 to 0.125 | 2 | must |",
		},
		{
			"beside another scenario",
			[][]result{rounds("json-small", "peer", cpuEach, 10, 10), rounds("cores-2", "peer", cpuEach, 12, 14)},
			"| CPU for a request on 2 processors, x on 1 | peer | <= 1.35 | <= 1.10 | 1.30 | 1.20 to 1.40 | 2 | must |",
		},
		{
			"the worst is the worst of all rounds",
			[][]result{rounds("disconnect-paced", target.FairleadName, worstMs, 1, 2, 101)},
			"| disconnect-paced, worst of all, ms | fairlead | <= 100 |  | 101 | 1 to 101 | 3 | miss |",
		},
		{
			"all figures",
			[][]result{rounds("idle", target.NginxName, memIdle, 10, 10), rounds("idle", target.FairleadName, memIdle, 20, 30)},
			"| idle | idle MB | fairlead | 25 | 20 to 30 | 2.50 |",
		},
	} {
		got := report(slices.Concat(c.results...), "a machine")
		if !strings.Contains(got, c.want+"\n") || !strings.HasPrefix(got, "a machine\n") {
			t.Errorf("%s: want the line\n%s\nin\n%s", c.name, c.want, got)
		}
	}
}

func TestReportTellsOfRunsThatFailed(t *testing.T) {
	got := report([]result{{"idle", "peer", 1, nil, errors.New("it has ended\nwith a long log")}}, "")
	if want := "\nNot measured: round 2, idle, peer: it has ended\n"; !strings.Contains(got, want) {
		t.Errorf("want %s in\n%s", want, got)
	}
}

// Failures are told when there are any, and no goal has a row without figures.
func TestReportTellsOfFailures(t *testing.T) {
	clean := report(rounds("json-small", "peer", failures, 0, 0), "")
	if strings.Contains(clean, failures+" |") || strings.Contains(clean, "miss") {
		t.Errorf("got\n%s", clean)
	}
	if got, want := report(rounds("json-small", "peer", failures, 0, 3), ""), "| json-small | failed | peer | 1.50 | 0 to 3 |"; !strings.Contains(got, want) {
		t.Errorf("want %s in\n%s", want, got)
	}
}

func TestEachGoalHasItsScenario(t *testing.T) {
	for _, g := range goals() {
		if names := scenarioNames(); !slices.Contains(names, g.scenario) || g.other != "" && !slices.Contains(names, g.other) {
			t.Errorf("%s: no scenario %s or %s", g.text, g.scenario, g.other)
		}
		if !slices.Contains(figureNames(), g.figure) {
			t.Errorf("%s: no figure %s", g.text, g.figure)
		}
	}
}

func TestFlags(t *testing.T) {
	s, err := parse([]string{"-scenarios", "json,idle", "-time", "2s"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range s.chosen() {
		names = append(names, c.name)
	}
	if want := []string{"json-small", "json-100k", "idle"}; !slices.Equal(names, want) || s.seconds != 2*time.Second || s.rounds != 5 {
		t.Errorf("got %v of %+v, want %v", names, s, want)
	}
	for _, args := range [][]string{{"-scenarios", "no such"}, {"-rounds", "0"}, {"more"}, {"-rate", "-1"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
