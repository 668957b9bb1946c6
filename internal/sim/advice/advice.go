// Package advice says of a simulated run what bound whom, and what would help.
//
// Start with Simulate.
package advice

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim"
	"github.com/fairleadhq/fairlead/internal/sim/report"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// Simulate runs the scenario and adds to its report what binds, and what would
// help: to find that it runs the scenario again with more slots, a few times. It
// blocks until that is done, or ctx ends.
func Simulate(ctx context.Context, s sim.Scenario) (*report.Report, error) {
	r, err := sim.Run(ctx, s)
	if err != nil {
		return nil, err
	}
	for i := range r.Apps {
		r.Binds = append(r.Binds, ownLimits(&r.Apps[i], &s.Service)...)
	}
	for _, b := range bottlenecks(r, &s.Service) {
		sentence, err := b.sentence(ctx, s, r)
		if err != nil {
			return nil, err
		}
		r.Binds = append(r.Binds, sentence)
	}
	r.Notes = notes(&s)
	return r, nil
}

// worthTelling is the part of something from which it is worth a sentence.
const worthTelling = 0.01

// ownLimits says which limits bind an app.
func ownLimits(a *report.AppReport, service *sim.Service) []string {
	limits := service.LimitsOf(a.Name, a.Name)
	who := "app " + a.Name
	if a.Count > 1 {
		who = fmt.Sprintf("each of the %d apps %s", a.Count, a.Name)
	}
	say := map[string]string{
		report.RateLimitRequests: fmt.Sprintf("%s is bound by its rate of %d requests per minute", who, limits.RequestsPerMinute),
		report.RateLimitTokens:   fmt.Sprintf("%s is bound by its %d tokens per minute", who, limits.TokensPerMinute),
		report.BlockedBurst:      fmt.Sprintf("%s is blocked for bursts of more than %d requests within a second", who, service.BurstPerSecond),
		report.QueueFullApp:      fmt.Sprintf("%s is bound by its part of the queue, %d calls", who, service.MaxQueuePerApp),
		report.QueueFull:         fmt.Sprintf("%s is bound by the queue of %d calls", who, service.MaxQueue),
		report.QueueDropped:      fmt.Sprintf("%s loses places in the full queue of %d calls to apps that have fewer there", who, service.MaxQueue),
		report.QueueHopeless:     who + " is refused because its turn would come too late",
		report.QueueTimeout:      who + " waits in vain until its time is over",
	}
	var sentences []string
	for _, reason := range slices.Sorted(maps.Keys(a.Refused)) {
		if n := a.Refused[reason]; float64(n) >= worthTelling*float64(a.Offered) {
			sentences = append(sentences, fmt.Sprintf("%s: %s of its refusals, %d of its %d requests",
				say[reason], report.Percent(n, a.Refusals()), n, a.Offered))
		}
	}
	if b := a.Backlog; isCapped(a) && a.Wait.P99 >= shortWait.Seconds() {
		sentences = append(sentences, fmt.Sprintf("%s is bound by its cap of %d slots: it held all of them for %s of the time in which it waited; p99 wait %s",
			who, limits.MaxSlots, report.Percent(b.Cap, b.Looks), report.Seconds(a.Wait.P99)))
	}
	return sentences
}

// isCapped reports whether it is mostly its own cap that an app waits for.
func isCapped(a *report.AppReport) bool { return a.Backlog.Cap*2 > a.Backlog.Looks }

// longestWait is the p99 wait of the app that waits longest, of those that do not
// wait for their own caps.
func longestWait(r *report.Report) float64 {
	longest := 0.0
	for i := range r.Apps {
		if !isCapped(&r.Apps[i]) {
			longest = max(longest, r.Apps[i].Wait.P99)
		}
	}
	return longest
}

// bottleneck is what most calls wait for: a number of slots, or, where with is
// nil, the rates of a provider.
type bottleneck struct {
	what     string
	resource report.Resource
	with     func(service *sim.Service, slots int) // changes the number
}

// bottlenecks are what a good part of the waiting was for.
func bottlenecks(r *report.Report, service *sim.Service) []bottleneck {
	var all report.Backlog
	for _, a := range r.Apps {
		all.Add(a.Backlog)
	}
	isMuch := func(looks int) bool {
		const oneIn = 4 // looks at which somebody waited
		return looks*oneIn > all.Looks
	}
	var found []bottleneck
	if isMuch(all.Slots) {
		found = append(found, bottleneck{
			what: "slots", resource: r.Slots,
			with: func(s *sim.Service, slots int) { s.Slots = slots },
		})
	}
	for i, p := range service.Providers {
		if isMuch(all.Provider) && p.Slots > 0 && r.Providers[i].Full > worthTelling {
			found = append(found, bottleneck{
				what: "slots of provider " + p.Name, resource: r.Providers[i],
				with: func(s *sim.Service, slots int) {
					s.Providers = slices.Clone(s.Providers)
					s.Providers[i].Slots = slots
				},
			})
		}
		if isMuch(all.Rates) && p.RequestsPerMinute+p.TokensPerMinute > 0 {
			found = append(found, bottleneck{what: "provider " + p.Name})
		}
	}
	return found
}

// Bounds of the search for a number of slots that would be enough.
const (
	shortWait = time.Second // what a wait should be below
	mostTimes = 4           // the present number
	mostTries = 5
)

// sentence tells of a bottleneck, and how many slots would do.
func (b *bottleneck) sentence(ctx context.Context, s sim.Scenario, r *report.Report) (string, error) {
	if b.with == nil {
		return b.what + " is bound by its rates: calls wait for them while it has slots free", nil
	}
	wait := longestWait(r)
	told := fmt.Sprintf("%s: all %d in use for %.0f %% of the time, %.0f %% on the average; p99 wait up to %s",
		b.what, b.resource.Limit, 100*b.resource.Full, 100*b.resource.Used(), report.Seconds(wait))
	if wait < shortWait.Seconds() {
		return told, nil
	}
	enough, err := b.search(ctx, s)
	switch {
	case err != nil:
		return "", err
	case enough == 0:
		return fmt.Sprintf("%s; %d would not bring it below %s", told, b.resource.Limit*mostTimes, shortWait), nil
	}
	return fmt.Sprintf("%s; %d would bring it below %s", told, enough, shortWait), nil
}

// search finds about how many slots are enough; 0 if no number tried is.
func (b *bottleneck) search(ctx context.Context, s sim.Scenario) (enough int, err error) {
	low, high := b.resource.Limit, b.resource.Limit*mostTimes
	if ok, err := b.isEnough(ctx, s, high); err != nil || !ok {
		return 0, err
	}
	for range mostTries {
		middle := (low + high) / 2
		if middle == low {
			break
		}
		ok, err := b.isEnough(ctx, s, middle)
		switch {
		case err != nil:
			return 0, err
		case ok:
			high = middle
		default:
			low = middle
		}
	}
	return high, nil
}

func (b *bottleneck) isEnough(ctx context.Context, s sim.Scenario, slots int) (bool, error) {
	b.with(&s.Service, slots)
	r, err := sim.Run(ctx, s)
	if err != nil {
		return false, err
	}
	return longestWait(r) < shortWait.Seconds(), nil
}

// notes says what the simulation leaves out.
func notes(s *sim.Scenario) []string {
	all := []string{
		"providers that fail, refuse or get slower under load; retries by the service",
		"the time that the network and the service itself take, bodies, and clients that read slowly",
	}
	costs := func(t traffic.Tokens) bool { return t != (traffic.Tokens{}) }
	known := slices.ContainsFunc(s.Sources, func(s traffic.Source) bool { return costs(s.Tokens) }) ||
		slices.ContainsFunc(s.Recorded, func(c traffic.Recorded) bool { return costs(c.Tokens) })
	switch {
	case known:
		all = append(all, "that the service must estimate a call's tokens: here it knows them when the call comes")
	case limitsTokens(&s.Service):
		all = append(all, "limits on tokens: the traffic does not say how many a call has")
	}
	if len(s.Recorded) > 0 {
		all = append(all, "that callers would have done otherwise: recorded calls come when they came, those of clients that tried again included")
	}
	return all
}

// limitsTokens reports whether any limit on tokens is on.
func limitsTokens(s *sim.Service) bool {
	return s.TokensPerSlot > 0 || s.Default.TokensPerMinute > 0 ||
		slices.ContainsFunc(s.Apps, func(a sim.App) bool { return a.TokensPerMinute > 0 }) ||
		slices.ContainsFunc(s.Providers, func(p sim.Provider) bool { return p.TokensPerMinute > 0 })
}
