package suite

import (
	"cmp"
	"math"
	"slices"

	"github.com/fairleadhq/fairlead/internal/sim/plot"
	"github.com/fairleadhq/fairlead/internal/sim/report"
)

// curves is one curve for each policy: a figure of every result of a series of
// experiments that has one.
func curves(results []result, of string, figure func(r *result) float64) []plot.Series {
	var all []plot.Series
	for _, r := range results {
		if r.of != of {
			continue
		}
		if n := len(all); n == 0 || all[n-1].Name != r.report.Policy {
			all = append(all, plot.Series{Name: r.report.Policy})
		}
		if y := figure(&r); !math.IsNaN(y) {
			s := &all[len(all)-1]
			s.X, s.Y = append(s.X, float64(r.x)), append(s.Y, y)
		}
	}
	return all
}

// drawCrowd shows how polite apps fare the more there are of them.
func drawCrowd(results []result) []byte {
	apps := func(label string) plot.Axis {
		return plot.Axis{Label: label, Scale: plot.Logarithmic, Min: 10, Max: 10000}
	}
	return plot.Lines(
		plot.Chart{
			Title: "Wait of polite apps beside a greedy one",
			Note:  "64 slots; polite apps use half of them, calls of 2 s; one app has 5,000 clients",
			X:     apps("polite apps"), Y: plot.Axis{Label: "p99 wait, seconds", Scale: plot.Logarithmic, Min: 0.1, Max: 1000},
			Series: curves(results, ofCrowd, func(r *result) float64 { return r.app(polite).Wait.P99 }),
		},
		plot.Chart{
			Title: "Evenness of shares",
			Note:  "64 slots; all apps want more, half with calls of 1 s and half of 10 s; one has 5,000 clients",
			X:     apps("apps"), Y: plot.Axis{Label: "Jain's index of slot-seconds", Max: 1},
			Series: curves(results, ofBacklog, func(r *result) float64 {
				if r.report.Jain.Intervals == 0 {
					return math.NaN()
				}
				return r.report.Jain.Mean
			}),
		},
		plot.Chart{
			Title: "Use of the slots", Note: "in the first experiment",
			X: apps("polite apps"), Y: plot.Axis{Label: "part of the slots in use", Max: 1},
			Series: curves(results, ofCrowd, func(r *result) float64 { return r.report.Slots.Used() }),
		},
	)
}

func adversaryNames() []string {
	var names []string
	for _, a := range adversaryList() {
		names = append(names, a.name)
	}
	return names
}

func drawAdversaries(results []result) []byte {
	return plot.Bars(plot.Chart{
		Title:  "Wait of ten polite apps beside an adversary",
		Note:   "20 slots, queue of 1,000; polite apps use half of the slots, calls of 2 s; only Fairlead knows caps",
		X:      plot.Axis{Label: "p99 wait of the polite apps, seconds (calls that were refused had none)", Scale: plot.Logarithmic, Min: 0.1, Max: 200},
		Series: curves(results, ofAdversary, func(r *result) float64 { return r.app(polite).Wait.P99 }),
	}, adversaryNames())
}

func drawRefused(results []result) []byte {
	return plot.Bars(plot.Chart{
		Title:  "Refusals of ten polite apps beside an adversary",
		Note:   "the same runs",
		X:      plot.Axis{Label: "part of the polite apps' requests that was refused or cut off, %", Max: 100},
		Series: curves(results, ofAdversary, func(r *result) float64 { return 100 * refusedPart(r.app(polite)) }),
	}, adversaryNames())
}

func drawSplits(results []result) []byte {
	series := curves(results, ofSplit, func(r *result) float64 { return 100 * r.app(greedy).Share })
	just := plot.Series{Name: "an equal share for one owner"}
	if len(series) > 0 {
		for _, x := range series[0].X {
			just.X, just.Y = append(just.X, x), append(just.Y, 100/float64(honest+1))
		}
	}
	return plot.Lines(plot.Chart{
		Title: "What an owner gets by splitting its calls over many apps",
		Note:  "20 slots; ten other apps always want more, too; the owner has 512 clients",
		X:     plot.Axis{Label: "apps of the owner", Scale: plot.Logarithmic, Min: 1, Max: 100},
		Y:     plot.Axis{Label: "slots of the owner, %", Max: 100}, Series: append(series, just),
	})
}

// mostTimelines is how many apps are drawn one by one.
const mostTimelines = 7

// Timelines draws who held slots and who waited for them in the course of a run:
// those who held and waited most, and the others together.
func Timelines(r *report.Report) []byte {
	ordered := slices.Clone(r.Timelines)
	weight := func(t report.Timeline) (sum float64) {
		for i := range t.At {
			sum += t.Held[i] + t.Waiting[i]
		}
		return sum
	}
	slices.SortStableFunc(ordered, func(a, b report.Timeline) int { return cmp.Compare(weight(b), weight(a)) })
	if len(ordered) > mostTimelines+1 {
		ordered[mostTimelines] = merge("others", ordered[mostTimelines:])
		ordered = ordered[:mostTimelines+1]
	}
	held := plot.Chart{Title: "Slots held", X: plot.Axis{Label: "seconds"}, Y: plot.Axis{Label: "slots"}}
	waiting := plot.Chart{Title: "Slots waited for", X: plot.Axis{Label: "seconds"}, Y: plot.Axis{Label: "slots"}}
	for _, t := range ordered {
		held.Series = append(held.Series, plot.Series{Name: t.Name, X: t.At, Y: t.Held})
		waiting.Series = append(waiting.Series, plot.Series{Name: t.Name, X: t.At, Y: t.Waiting})
	}
	return plot.Lines(held, waiting)
}

// merge adds timelines of the same run up.
func merge(name string, all []report.Timeline) report.Timeline {
	sum := report.Timeline{Name: name, At: all[0].At, Held: make([]float64, len(all[0].At)), Waiting: make([]float64, len(all[0].At))}
	for _, t := range all {
		for i := range t.At {
			sum.Held[i] += t.Held[i]
			sum.Waiting[i] += t.Waiting[i]
		}
	}
	return sum
}
