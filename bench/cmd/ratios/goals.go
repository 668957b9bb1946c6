package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// goal is the most that a figure may be.
type goal struct {
	text  string
	bench string
	impl  string
	unit  string
	// peer is the implementation whose figure is the measure; "" if the figure
	// is to be taken as it is.
	peer string
	most float64
}

const (
	nanoseconds = "ns/op"
	allocations = "allocs/op"
	ours        = "fairlead"
)

func goals() []goal {
	return []goal{
		{"a free slot, beside a semaphore", "Free", ours, nanoseconds, "semaphore", 1.3},
		{"the same, all callers being one app", "Free", "fairlead-one-app", nanoseconds, "semaphore", 1.3},
		{"a free slot on all processors, beside a semaphore", "FreeParallel", ours, nanoseconds, "semaphore", 1.3},
		{"the same, all callers being one app", "FreeParallel", "fairlead-one-app", nanoseconds, "semaphore", 1.3},
		{"a free slot, beside Kubernetes' fair queue", "Free", ours, nanoseconds, "k8s", 0.01},
		{"a free slot", "Free", ours, allocations, "", 0},
		{"a free slot on all processors", "FreeParallel", ours, allocations, "", 0},
		{"a slot that many want", "Contended", ours, allocations, "", 0},
		{"hand-off, 1,000 apps waiting", "Handoff/apps=1000", ours, nanoseconds, "", 1000},
		{"hand-off, 10,000 apps waiting", "Handoff/apps=10000", ours, nanoseconds, "", 3000},
		{"hand-off, 1,000 apps waiting", "Handoff/apps=1000", ours, allocations, "", 0},
		{"hand-off, 10,000 apps waiting", "Handoff/apps=10000", ours, allocations, "", 0},
		{"shed, queue full", "Shed", ours, nanoseconds, "", 50},
		{"shed, the app's part of the queue full", "Shed", "fairlead-app-full", nanoseconds, "", 50},
		{"shed, hopeless", "Shed", "fairlead-hopeless", nanoseconds, "", 50},
		{"shed, queue full", "Shed", ours, allocations, "", 0},
		{"whole admission, 3 apps, median", "Admission/apps=3", ours, "p50-ns", "", 400},
		{"whole admission, 1,000 apps, median", "Admission/apps=1000", ours, "p50-ns", "", 400},
		{"whole admission, 1,000 apps, 99th percentile", "Admission/apps=1000", ours, "p99-ns", "", 2000},
		{"whole admission, 1,000 apps", "Admission/apps=1000", ours, allocations, "", 0},
	}
}

// report prints the goals and then all that was measured.
func report(out io.Writer, r results) error {
	var text strings.Builder
	text.WriteString("| goal | figure | processors | want | got | |\n|---|---|---|---|---|---|\n")
	for _, g := range goals() {
		for _, row := range g.rows(r) {
			writeRow(&text, row)
		}
	}
	text.WriteString("\n| benchmark | processors | implementation | median | beside Fairlead | allocs/op | runs |\n|---|---|---|---|---|---|---|\n")
	for _, group := range r.groups() {
		for _, s := range group {
			writeRow(&text, r.row(s))
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func writeRow(text *strings.Builder, cells []string) {
	text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// rows tell what became of the goal, for each number of processors.
func (g goal) rows(r results) (rows [][]string) {
	name, want := g.unit, "<= "+number(g.most)
	if g.peer != "" {
		name = g.impl + " / " + g.peer
	}
	for _, procs := range r.procs(g.bench, g.impl) {
		got, ok := g.got(r, procs)
		switch {
		case !ok:
			rows = append(rows, []string{g.text, name, strconv.Itoa(procs), want, "not measured", "miss"})
		case got <= g.most:
			rows = append(rows, []string{g.text, name, strconv.Itoa(procs), want, number(got), "PASS"})
		default:
			rows = append(rows, []string{g.text, name, strconv.Itoa(procs), want, number(got), "miss"})
		}
	}
	if len(rows) == 0 {
		return [][]string{{g.text, name, "", want, "not measured", "miss"}}
	}
	return rows
}

// got is the figure that the goal is about.
func (g goal) got(r results, procs int) (got float64, ok bool) {
	got, ok = r.median(figure{subject{g.bench, g.impl, procs}, g.unit})
	if !ok || g.peer == "" {
		return got, ok
	}
	peer, ok := r.median(figure{subject{g.bench, g.peer, procs}, g.unit})
	return got / peer, ok && peer > 0
}

// row tells all about one subject, its time also in multiples of Fairlead's.
func (r results) row(s subject) []string {
	took, _ := r.median(figure{s, nanoseconds})
	allocs, measured := r.median(figure{s, allocations})
	beside, allocated := "", ""
	if own, ok := r.median(figure{subject{s.bench, ours, s.procs}, nanoseconds}); ok && own > 0 {
		beside = number(took/own) + "x"
	}
	if measured {
		allocated = number(allocs)
	}
	runs := len(r.runs[figure{s, nanoseconds}])
	return []string{s.bench, strconv.Itoa(s.procs), s.impl, number(took) + " ns", beside, allocated, strconv.Itoa(runs)}
}

// number has as many decimals as tell something.
func number(v float64) string {
	switch {
	case v == float64(int(v)):
		return strconv.Itoa(int(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.4f", v)
	}
}
