package main

import (
	"fmt"
	"strings"
	"testing"
)

// output is what benchmarks print: for each name the same number of runs, whose
// times are given.
func output(lines map[string][]float64) string {
	var text strings.Builder
	text.WriteString("goos: linux\ncpu: some\n")
	for name, times := range lines {
		for _, t := range times {
			fmt.Fprintf(&text, "Benchmark%s \t 1000\t %g ns/op\t 0 B/op\t 0 allocs/op\n", name, t)
		}
	}
	return text.String() + "PASS\nok  \texample\t1s\n"
}

func TestNames(t *testing.T) {
	for name, want := range map[string]subject{
		"BenchmarkFree/impl=x":                      {"Free", "x", 1},
		"BenchmarkFree/impl=failsafe-adaptive-16":   {"Free", "failsafe-adaptive", 16},
		"BenchmarkHandoff/apps=1000/impl=channel-2": {"Handoff/apps=1000", "channel", 2},
		"BenchmarkRate/impl=x/mostly=refused":       {"Rate/mostly=refused", "x", 1},
	} {
		if got := parseName(name); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		times []float64
		want  float64
	}{
		{[]float64{9, 1, 5, 1000, 7}, 7},
		{[]float64{9, 1, 5, 1000, 7, 8}, 7.5},
	} {
		r, err := parse(strings.NewReader(output(map[string][]float64{"Free/impl=x-2": c.times})))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := r.median(figure{subject{"Free", "x", 2}, nanoseconds})
		if !ok || got != c.want {
			t.Errorf("%v: got %v, want %v", c.times, got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines map[string][]float64
		want  string
	}{
		{
			"a ratio that is kept",
			map[string][]float64{"Free/impl=fairlead-2": {25, 26, 900, 24, 27}, "Free/impl=semaphore-2": {20, 20, 20, 20, 20}},
			"| a free slot, beside a semaphore | fairlead / semaphore | 2 | <= 1.30 | 1.30 | PASS |",
		},
		{
			"a ratio that is not",
			map[string][]float64{"Free/impl=fairlead": {30, 30, 30, 30, 30}, "Free/impl=semaphore": {20, 20, 20, 20, 20}},
			"| a free slot, beside a semaphore | fairlead / semaphore | 1 | <= 1.30 | 1.50 | miss |",
		},
		{
			"no peer",
			map[string][]float64{"Free/impl=fairlead": {30, 30, 30, 30, 30}},
			"| a free slot, beside a semaphore | fairlead / semaphore | 1 | <= 1.30 | not measured | miss |",
		},
		{
			"a figure that is kept",
			map[string][]float64{"Shed/impl=fairlead": {4, 4, 4, 4, 4}},
			"| shed, queue full | ns/op | 1 | <= 50 | 4 | PASS |",
		},
		{
			"a figure that was not taken",
			map[string][]float64{"Shed/impl=fairlead": {4, 4, 4, 4, 4}},
			"| hand-off, 1,000 apps waiting | ns/op |  | <= 1000 | not measured | miss |",
		},
		{
			"all figures",
			map[string][]float64{"Rate/mostly=refused/impl=fairlead-2": {4, 4, 4, 4, 4}, "Rate/mostly=refused/impl=x-2": {10, 10, 10, 10, 10}},
			"| Rate/mostly=refused | 2 | x | 10 ns | 2.50x | 0 | 5 |",
		},
	} {
		var out strings.Builder
		if err := run(nil, strings.NewReader(output(c.lines)), &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.want+"\n") {
			t.Errorf("%s: want the line\n%s\nin\n%s", c.name, c.want, out.String())
		}
	}
}

func TestTooFewRuns(t *testing.T) {
	for name, lines := range map[string]map[string][]float64{
		"four runs":    {"Free/impl=fairlead": {1, 2, 3, 4}},
		"no benchmark": {},
	} {
		if err := run(nil, strings.NewReader(output(lines)), &strings.Builder{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
