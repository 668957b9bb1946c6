// Package report is what came of a simulation: as data, as JSON and as text.
//
// Start with Report.
package report

import (
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/measure"
)

// Report is what came of a run. Times are in seconds, shares are parts of 1.
type Report struct {
	Policy   string  `json:"policy"`
	Duration float64 `json:"duration_s"`
	Seed     uint64  `json:"seed"`
	// Apps are the entries of the traffic, in its order.
	Apps []AppReport `json:"apps"`
	// Wait is that of all of them.
	Wait      Waits      `json:"wait"`
	Slots     Resource   `json:"slots"`
	Providers []Resource `json:"providers"`
	Jain      Jain       `json:"jain"`
	// Predicted is actual waits divided by what was predicted for them.
	Predicted Ratios `json:"actual_to_predicted_wait"`
	// WorstWindow is the most admissions of an app in any 60 s, divided by its
	// limit.
	WorstWindow float64 `json:"worst_window"`
	// Binds says in sentences what binds whom, and Notes what the simulation
	// leaves out.
	Binds []string `json:"binds"`
	Notes []string `json:"left_out"`

	// Timelines are how each of Apps stood in the course of the run.
	Timelines []Timeline `json:"-"`
}

// AppReport is what became of an app, or of a number of like ones.
type AppReport struct {
	Name string `json:"name"`
	// Count is how many apps they are.
	Count int `json:"count"`
	// Offered are requests that came, those of callers that came back included.
	// Each was served, cut off at its time limit, left by its client, refused for
	// a reason, or not over at the end.
	Offered    int            `json:"offered"`
	Served     int            `json:"served"`
	Cut        int            `json:"cut_off"`
	Left       int            `json:"left"`
	Refused    map[string]int `json:"refused"`
	Unfinished int            `json:"unfinished"`
	// Returned are requests of callers that had been refused before, and Welcome
	// those of them that were not refused again on arrival.
	Returned int `json:"returned"`
	Welcome  int `json:"welcome"`
	// Wait is that of all calls that got a slot or waited for one in vain.
	Wait Waits `json:"wait"`
	// Slots is how many they held on the average; Share is that as a part of all
	// in use, and Entitled the part that their weight entitles them to, as far as
	// they asked for it.
	Slots       float64 `json:"slots"`
	Share       float64 `json:"share"`
	Entitled    float64 `json:"entitled_share"`
	WorstWindow float64 `json:"worst_window"`
	// Satisfied is the slots that they had as a part of those that they were
	// entitled to at each moment.
	Satisfied float64 `json:"satisfied"`
	Backlog   Backlog `json:"backlog"`
}

// Refusals is how many requests were refused.
func (a *AppReport) Refusals() int {
	n := 0
	for _, count := range a.Refused {
		n += count
	}
	return n
}

// Reasons for which a call is refused, as the service's codes spell them.
const (
	BlockedBurst      = "blocked_burst"
	RateLimitRequests = "rate_limit_requests"
	RateLimitTokens   = "rate_limit_tokens"
	QueueFull         = "queue_full"
	QueueFullApp      = "queue_full_app"
	QueueDropped      = "queue_dropped"
	QueueHopeless     = "queue_hopeless"
	QueueTimeout      = "queue_timeout"
)

// Waits are seconds.
type Waits struct {
	P50 float64 `json:"p50_s"`
	P99 float64 `json:"p99_s"`
	Max float64 `json:"max_s"`
}

// Ratios are quantiles of ratios.
type Ratios struct {
	Count int     `json:"count"`
	P10   float64 `json:"p10"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
}

// Resource is slots.
type Resource struct {
	Name string `json:"name"`
	// Limit is how many there are; 0 = as many as are wanted.
	Limit int     `json:"limit"`
	InUse float64 `json:"in_use"`
	// Full is for which part of the time all of them were in use.
	Full float64 `json:"full"`
}

// Used is which part of the slots was in use on the average.
func (r *Resource) Used() float64 {
	if r.Limit == 0 {
		return 0
	}
	return r.InUse / float64(r.Limit)
}

// Jain is Jain's index of the slot-seconds for each unit of weight, over those
// that had calls waiting all the time of an interval.
type Jain struct {
	// Intervals is how many there were in which two or more waited.
	Intervals int     `json:"intervals"`
	Mean      float64 `json:"mean"`
	Least     float64 `json:"least"`
}

// Timeline is how a group stood in the course of a run.
type Timeline struct {
	Name string
	// At are the moments, in seconds; Held the slots in use then, and Waiting those
	// that were waited for.
	At, Held, Waiting []float64
}

// Backlog is at how many looks calls of an app waited, and at how many of these
// for what: the app's cap, slots of the provider, slots of the service, or the
// provider's rates.
type Backlog struct {
	Looks    int `json:"looks"`
	Cap      int `json:"cap"`
	Provider int `json:"provider"`
	Slots    int `json:"slots"`
	Rates    int `json:"rates"`
}

// Add adds another backlog.
func (b *Backlog) Add(other Backlog) {
	b.Looks += other.Looks
	b.Cap += other.Cap
	b.Provider += other.Provider
	b.Slots += other.Slots
	b.Rates += other.Rates
}

// Part is which part of the whole something is; 0 if there is no whole.
func Part(of, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return of / whole
}

// WaitsOf sorts the waits.
func WaitsOf(waits []time.Duration) Waits {
	slices.Sort(waits)
	at := func(q float64) float64 { return measure.Quantile(waits, q).Seconds() }
	return Waits{P50: at(measure.P50), P99: at(measure.P99), Max: at(measure.Max)}
}

// RatiosOf sorts the ratios.
func RatiosOf(ratios []float64) Ratios {
	slices.Sort(ratios)
	at := func(q float64) float64 { return measure.Quantile(ratios, q) }
	return Ratios{Count: len(ratios), P10: at(measure.P10), P50: at(measure.P50), P90: at(measure.P90)}
}

// JainOf takes the index of each interval.
func JainOf(indexes []float64) Jain {
	j := Jain{Intervals: len(indexes)}
	for i, index := range indexes {
		j.Mean += index / float64(len(indexes))
		if i == 0 || index < j.Least {
			j.Least = index
		}
	}
	return j
}
