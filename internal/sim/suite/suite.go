// Package suite makes the curves that are published about the scheduler: how
// long polite apps wait beside a greedy one, how evenly slots are shared, and
// what known adversaries achieve. The scheduler is the service's own; two others
// stand beside it, so that one sees what it is for.
//
// The same seed makes the same bytes. Start with Draw; what is run is in
// experiments.go, and what is drawn of it in charts.go.
package suite

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim"
	"github.com/fairleadhq/fairlead/internal/sim/report"
)

// Options say how much to run. Each zero value stands for what is published.
type Options struct {
	Seed uint64
	// Apps are the numbers of polite apps, and Keys those of a greedy owner's keys.
	Apps, Keys []int
	// Duration is how long each run lasts in virtual time.
	Duration time.Duration
}

// File is a file to be published.
type File struct {
	Name string
	Data []byte
}

// experiment is one run: a point of a curve, or a bar.
type experiment struct {
	of       string // the name of the series of experiments
	x        int    // what is varied; for adversaries their number
	label    string // x for people
	scenario sim.Scenario
}

// result is what came of one.
type result struct {
	experiment
	report *report.Report
}

// The names of those who call.
const (
	polite = "polite"
	greedy = "greedy"
)

// Draw runs the experiments and draws their results: pictures, and the figures
// in them as CSV. It blocks for a minute or two, unless the options say less, or
// until ctx ends.
func Draw(ctx context.Context, o Options) ([]File, error) {
	if len(o.Apps) == 0 {
		o.Apps = []int{10, 30, 100, 300, 1000, 3000, 10000}
	}
	if len(o.Keys) == 0 {
		o.Keys = []int{1, 2, 4, 8, 16, 32, 64}
	}
	o.Duration = cmp.Or(o.Duration, 10*time.Minute) // of virtual time
	o.Seed = max(o.Seed, 1)
	var planned []experiment
	for _, policy := range []sim.Policy{sim.Fair, sim.VirtualTime, sim.FIFO} {
		planned = slices.Concat(planned, crowds(o, policy), backlogs(o, policy), adversaries(o, policy), splits(o, policy))
	}
	results, err := runAll(ctx, planned)
	if err != nil {
		return nil, err
	}
	figures, err := figuresOf(results)
	if err != nil {
		return nil, err
	}
	return []File{
		{Name: "crowd.svg", Data: drawCrowd(results)},
		{Name: "adversaries.svg", Data: drawAdversaries(results)},
		{Name: "refused.svg", Data: drawRefused(results)},
		{Name: "key-splitting.svg", Data: drawSplits(results)},
		{Name: "figures.csv", Data: figures},
	}, nil
}

// runAll runs the experiments, as many at a time as there are processors. Each
// has its own world, so that the results don't depend on how many that are.
func runAll(ctx context.Context, planned []experiment) ([]result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make([]result, len(planned))
	work := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range work {
				r, err := sim.Run(ctx, planned[i].scenario)
				if err != nil {
					stop(fmt.Errorf("run %s with %s: %w", planned[i].of, planned[i].label, err))
				}
				results[i] = result{experiment: planned[i], report: r}
			}
		})
	}
	for i := range planned {
		work <- i
	}
	close(work)
	workers.Wait()
	return results, context.Cause(ctx)
}

// app returns what became of the app of that name; the zero report if it did not
// call.
func (r *result) app(name string) report.AppReport {
	for _, a := range r.report.Apps {
		if a.Name == name {
			return a
		}
	}
	return report.AppReport{}
}

// refusedPart is which part of an app's requests was refused, or cut off.
func refusedPart(a report.AppReport) float64 {
	return report.Part(float64(a.Refusals()+a.Cut), float64(a.Offered))
}

// figuresOf is every figure as CSV.
func figuresOf(results []result) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{
		"experiment", "of", "policy", "polite_wait_p50_s", "polite_wait_p99_s", "polite_wait_max_s", "polite_refused", "polite_satisfied",
		"greedy_share", "greedy_entitled_share", "greedy_returned", "greedy_returned_welcome", "jain", "utilisation",
		"actual_to_predicted_p10", "actual_to_predicted_p50", "actual_to_predicted_p90",
	}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }
	for _, r := range results {
		p, g := r.app(polite), r.app(greedy)
		if g.Offered == 0 {
			g = r.app(capped)
		}
		rows = append(rows, []string{
			r.of, r.label, r.report.Policy, number(p.Wait.P50), number(p.Wait.P99), number(p.Wait.Max), number(refusedPart(p)), number(p.Satisfied),
			number(g.Share), number(g.Entitled), strconv.Itoa(g.Returned), strconv.Itoa(g.Welcome), number(r.report.Jain.Mean), number(r.report.Slots.Used()),
			number(r.report.Predicted.P10), number(r.report.Predicted.P50), number(r.report.Predicted.P90),
		})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write the figures: %w", err)
	}
	return b.Bytes(), nil
}
