package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// fewestRuns is how many runs a median needs to mean anything.
const fewestRuns = 5

// subject is what a line of the output is about.
type subject struct {
	bench string // without the implementation: "Handoff/apps=1000"
	impl  string
	procs int
}

// figure is one of the numbers that are told of a subject.
type figure struct {
	subject
	unit string
}

// results are the figures of all runs, and the order in which their subjects
// came.
type results struct {
	runs     map[figure][]float64
	subjects []subject
}

// parse reads the output of benchmarks and passes over all else. Of each
// benchmark's name, the part impl=… says what was measured.
func parse(in io.Reader) (results, error) {
	r := results{runs: make(map[figure][]float64)}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		s := parseName(fields[0])
		if !slices.Contains(r.subjects, s) {
			r.subjects = append(r.subjects, s)
		}
		for values := fields[2:]; len(values) >= 2; values = values[2:] {
			v, err := strconv.ParseFloat(values[0], 64)
			if err != nil {
				return results{}, fmt.Errorf("%s: %w", fields[0], err)
			}
			f := figure{s, values[1]}
			r.runs[f] = append(r.runs[f], v)
		}
	}
	return r, lines.Err()
}

// parseName takes a name such as BenchmarkHandoff/apps=10/impl=channel-2 apart.
// Without a number at its end it was run on one processor.
func parseName(name string) subject {
	s := subject{procs: 1}
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		if procs, err := strconv.Atoi(name[i+1:]); err == nil {
			s.procs, name = procs, name[:i]
		}
	}
	var bench []string
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "Benchmark"), "/") {
		if impl, ok := strings.CutPrefix(part, "impl="); ok {
			s.impl = impl
			continue
		}
		bench = append(bench, part)
	}
	s.bench = strings.Join(bench, "/")
	return s
}

// enough tells if there are figures of fewer runs than a median needs, or none
// at all.
func (r results) enough() error {
	if len(r.subjects) == 0 {
		return errors.New("no benchmark is in it")
	}
	for f, values := range r.runs {
		if len(values) < fewestRuns {
			return fmt.Errorf("%s of %s, impl=%s has %d runs, and a median needs %d: run it more often",
				f.unit, f.bench, f.impl, len(values), fewestRuns)
		}
	}
	return nil
}

// median is that of all runs of a figure; ok is false if there are none.
func (r results) median(f figure) (m float64, ok bool) {
	values := slices.Sorted(slices.Values(r.runs[f]))
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

// procs is on how many processors a benchmark was run, ascending.
func (r results) procs(bench, impl string) (all []int) {
	for _, s := range r.subjects {
		if s.bench == bench && s.impl == impl {
			all = append(all, s.procs)
		}
	}
	slices.Sort(all)
	return all
}

// groups are the subjects that may be compared with one another, in the order
// in which they came.
func (r results) groups() [][]subject {
	var all [][]subject
	for _, s := range r.subjects {
		i := slices.IndexFunc(all, func(g []subject) bool { return g[0].bench == s.bench && g[0].procs == s.procs })
		if i < 0 {
			all = append(all, []subject{s})
			continue
		}
		all[i] = append(all[i], s)
	}
	slices.SortStableFunc(all, func(a, b []subject) int { return cmp.Compare(a[0].bench, b[0].bench) })
	return all
}
