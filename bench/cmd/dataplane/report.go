package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/bench/target"
)

// String tells the figures in one line.
func (f figures) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		parts = append(parts, name+" "+number(f[name]))
	}
	return strings.Join(parts, ", ")
}

// report is the goals and then all figures, as Markdown.
func report(results []result, machine string) string {
	var text strings.Builder
	text.WriteString(machine + "\n\n")
	text.WriteString("| goal | target | must | stretch | median | least to most | rounds | |\n|---|---|---|---|---|---|---|---|\n")
	for _, g := range goals() {
		for _, name := range targets(results) {
			if row := g.row(results, name); row != nil {
				writeRow(&text, row)
			}
		}
	}
	for _, r := range results {
		if r.err != nil {
			problem, _, _ := strings.Cut(r.err.Error(), "\n")
			fmt.Fprintf(&text, "\nNot measured: round %d, %s, %s: %s\n", r.round+1, r.scenario, r.target, problem)
		}
	}
	text.WriteString("\n| scenario | figure | target | median | least to most | x nginx |\n|---|---|---|---|---|---|\n")
	for _, s := range scenarios() {
		for _, row := range rows(results, s.name) {
			writeRow(&text, row)
		}
	}
	return text.String()
}

func writeRow(text *strings.Builder, cells []string) {
	text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// row tells what became of a goal with one target; nil if it was not measured,
// and for the targets that are only there to be compared with.
func (g goal) row(results []result, name string) []string {
	values := g.values(results, name)
	if len(values) == 0 || name == target.Direct || name == target.NginxName {
		return nil
	}
	got := g.decisive(values)
	verdict := "miss"
	switch {
	case g.stretch > 0 && got <= g.stretch:
		verdict = "stretch"
	case got <= g.must:
		verdict = "must"
	}
	stretch := ""
	if g.stretch > 0 {
		stretch = "<= " + number(g.stretch)
	}
	return []string{g.text, name, "<= " + number(g.must), stretch, number(got), spread(values), strconv.Itoa(len(values)), verdict}
}

// rows tell all figures of a scenario.
func rows(results []result, scenario string) (all [][]string) {
	for _, figure := range figureNames() {
		for _, name := range targets(results) {
			values := goal{scenario: scenario, figure: figure}.values(results, name)
			if len(values) == 0 || figure == failures && slices.Max(values) == 0 {
				continue
			}
			beside := ""
			if ratios := (goal{scenario: scenario, figure: figure, against: overNginx}).values(results, name); len(ratios) > 0 && name != target.NginxName {
				beside = number(median(ratios))
			}
			all = append(all, []string{scenario, figure, name, number(median(values)), spread(values), beside})
		}
	}
	return all
}

func figureNames() []string {
	return []string{cpuEach, perSec, busy, p50ms, p99ms, memEach, memIdle, medianMs, worstMs, fairness, others, failures}
}

// targets are those that gave results, in the order in which they came.
func targets(results []result) (names []string) {
	for _, r := range results {
		if !slices.Contains(names, r.target) {
			names = append(names, r.target)
		}
	}
	return names
}

func spread(values []float64) string {
	return number(slices.Min(values)) + " to " + number(slices.Max(values))
}

// number has as many decimals as tell something.
func number(v float64) string {
	size := math.Abs(v)
	switch {
	case v == math.Trunc(v) || size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	case size >= 1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}
