package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/bench/load"
	"github.com/fairleadhq/fairlead/bench/target"
	"github.com/fairleadhq/fairlead/bench/upstream"
	"github.com/fairleadhq/fairlead/internal/sim/measure"
)

// The figures that are taken. Those of time are of the target's processor time,
// or, where they say so, of an answer.
const (
	cpuEach  = "CPU µs each"   // for each request or event
	perSec   = "per second"    // requests or events
	busy     = "processors"    // that the target kept busy
	p50ms    = "p50 ms"        // of an answer
	p99ms    = "p99 ms"        //
	memEach  = "KB per stream" // resident
	memIdle  = "idle MB"       // resident
	medianMs = "median ms"     // until a client's leaving was seen
	worstMs  = "worst ms"      //
	fairness = "Jain"          // over the apps' answers
	failures = "failed"        // requests
	others   = "others"        // part of the target's processor that others took
)

const (
	smallPrompt = 500 // with the rest of the body about 600 B
	longPrompt  = 100_000
	streams     = 500
	pace        = 20 * time.Millisecond
	// forever is longer than any run.
	forever = time.Hour
	// manyChunks make a stream longer than any run.
	manyChunks = 1 << 20
	// silence is the longest that a target may be silent; held streams are.
	silence = time.Minute
	// settle is how long a target is left alone before its memory counts as idle.
	settle = 2 * time.Second
)

// figures are what one run gave, by name.
type figures map[string]float64

// scenario is one way of calling.
type scenario struct {
	name string
	// about says what it does, for the report.
	about    string
	upstream upstream.Options
	// scheme is how the target reaches the upstream.
	scheme string
	// procs are the target's processors; 2 takes that of the load too.
	procs int
	// direct says that it is also run against the upstream itself.
	direct  bool
	measure func(context.Context, *trial) (figures, error)
}

// scenarios are all there are. A longer name that begins with a shorter one is
// chosen with it.
func scenarios() []scenario {
	paced := upstream.Options{Chunks: manyChunks, Interval: pace}
	silent := upstream.Options{Chunks: manyChunks, Interval: forever}
	late := upstream.Options{Delay: forever}
	return []scenario{
		{name: "json-small", about: "closed loop, 600 B prompt", direct: true, measure: whole(smallPrompt)},
		{name: "json-100k", about: "closed loop, 100 KB prompt", direct: true, measure: whole(longPrompt)},
		{name: "sse", about: "500 streams, an event each 20 ms", upstream: paced, direct: true, measure: paceStreams},
		{name: "held-plain", about: "streams that are silent after their first event", upstream: silent, measure: hold},
		{name: "held-tls", about: "the same, upstream over TLS", upstream: silent, scheme: "https", measure: hold},
		{name: "latency", about: "open loop, 600 B prompt", direct: true, measure: latency},
		{name: "disconnect-before-json", about: "client leaves before the first byte", upstream: late, measure: leave(load.Whole, 0)},
		{name: "disconnect-before-sse", about: "the same, of a stream", upstream: late, measure: leave(load.Stream, 0)},
		{name: "disconnect-paced", about: "client leaves a stream of an event each 20 ms", upstream: paced, measure: leave(load.Stream, 5)},
		{name: "disconnect-silent", about: "client leaves a stream that is silent", upstream: silent, measure: leave(load.Stream, 1)},
		{name: "idle", about: "nothing to do", measure: idle},
		{name: "cores-2", about: "json-small with two processors", procs: 2, measure: whole(smallPrompt)},
		{name: "tls-small", about: "json-small, upstream over TLS", scheme: "https", measure: whole(smallPrompt)},
	}
}

func scenarioNames() (names []string) {
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// trial is one run of a scenario with one target.
type trial struct {
	*settings
	spec *target.Spec
	// process is the target, nil if it is the upstream itself.
	process *target.Process
	port    int
	// ownCPU is the processor that the target has for itself, "" if it has none.
	ownCPU string
	// headers are what each app sends.
	headers []string
	// upstreamPort is where the upstream tells what it sees.
	upstreamPort int
	client       *http.Client
}

// plan is what the scenarios have in common.
func (t *trial) plan(prompt int, mode load.Mode) *load.Plan {
	p := &load.Plan{Port: t.port, Connections: t.connections, Warmup: t.warmup, Duration: t.seconds, Timeout: silence, Awake: true}
	body := load.Body(t.spec.Model, prompt, mode)
	for _, header := range t.headers {
		p.Requests = append(p.Requests, load.Request(t.spec.Path, header, body))
	}
	return p
}

// gauge is the target's use at the two edges of a run.
type gauge struct {
	process *target.Process
	seen    []target.Usage
	// cpu is the processor that the target has for itself, "" if it has none,
	// and busy how long it has been.
	cpu  string
	busy []time.Duration
	err  error
}

func (g *gauge) look() {
	if g.process == nil {
		return
	}
	usage, err := g.process.Usage()
	g.seen, g.err = append(g.seen, usage), errors.Join(g.err, err)
	if g.cpu != "" {
		busy, err := target.Busy(os.DirFS("/proc"), g.cpu)
		g.busy, g.err = append(g.busy, busy), errors.Join(g.err, err)
	}
}

// run carries out a plan and takes the target's time.
func (t *trial) run(ctx context.Context, plan *load.Plan) (*load.Result, *gauge, error) {
	g := &gauge{process: t.process, cpu: t.ownCPU}
	plan.Edge = g.look
	result, err := load.Run(ctx, plan)
	if err == nil {
		err = g.err
	}
	if err == nil && t.process != nil && len(g.seen) != 2 {
		err = fmt.Errorf("the target was looked at %d times", len(g.seen))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make the load: %w", err)
	}
	return result, g, nil
}

// cost adds what n requests or events cost the target.
func (f figures) cost(n int64, result *load.Result, g *gauge) {
	f[perSec] = float64(n) / result.Elapsed.Seconds()
	if len(g.seen) == 2 && n > 0 {
		used := g.seen[1].CPU - g.seen[0].CPU
		f[cpuEach] = float64(used) / float64(time.Microsecond) / float64(n)
		f[busy] = used.Seconds() / result.Elapsed.Seconds()
	}
	if len(g.busy) == 2 {
		used := g.seen[1].CPU - g.seen[0].CPU
		f[others] = max(0, (g.busy[1]-g.busy[0]-used).Seconds()/result.Elapsed.Seconds())
	}
}

// counted are the figures that every load has.
func counted(result *load.Result) figures {
	return figures{failures: float64(result.Failed()), p50ms: ms(result.Latency.Quantile(0.5)), p99ms: ms(result.Latency.Quantile(0.99))}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// whole measures calls for a whole answer in a closed loop.
func whole(prompt int) func(context.Context, *trial) (figures, error) {
	return func(ctx context.Context, t *trial) (figures, error) {
		result, g, err := t.run(ctx, t.plan(prompt, load.Whole))
		if err != nil {
			return nil, err
		}
		f := counted(result)
		f[fairness] = measure.Jain(result.PerApp)
		f.cost(result.Done, result, g)
		return f, complain(result)
	}
}

// paceStreams measures streams that go on all the time.
func paceStreams(ctx context.Context, t *trial) (figures, error) {
	plan := t.plan(smallPrompt, load.Stream)
	plan.Connections, plan.Ramp = streams, time.Second
	result, g, err := t.run(ctx, plan)
	if err != nil {
		return nil, err
	}
	f := figures{failures: float64(result.Failed())}
	f.cost(result.Events, result, g)
	return f, complain(result)
}

// hold measures the memory of streams on which nothing happens.
func hold(ctx context.Context, t *trial) (figures, error) {
	before, err := t.process.Usage()
	if err != nil {
		return nil, err
	}
	plan := t.plan(smallPrompt, load.Stream)
	plan.Connections, plan.Ramp = t.held, time.Second
	result, g, err := t.run(ctx, plan)
	if err != nil {
		return nil, err
	}
	return figures{
		failures: float64(result.Failed()),
		memEach:  float64(g.seen[1].RSS-before.RSS) / 1024 / float64(t.held),
	}, complain(result)
}

// latency measures the time of answers at a constant rate.
func latency(ctx context.Context, t *trial) (figures, error) {
	plan := t.plan(smallPrompt, load.Whole)
	plan.Rate = t.rate
	result, g, err := t.run(ctx, plan)
	if err != nil {
		return nil, err
	}
	f := counted(result)
	f.cost(result.Done, result, g)
	return f, complain(result)
}

// leave measures how soon the upstream sees that a client has left after so
// many events.
func leave(mode load.Mode, events int) func(context.Context, *trial) (figures, error) {
	return func(ctx context.Context, t *trial) (figures, error) {
		probe := load.Probe{Port: t.port, Request: t.plan(smallPrompt, mode).Requests[0], Events: events, Look: t.look}
		var took []time.Duration
		for range t.probes {
			d, err := probe.Run(ctx)
			if err != nil {
				return nil, err
			}
			took = append(took, d)
		}
		slices.Sort(took)
		return figures{medianMs: ms(took[len(took)/2]), worstMs: ms(took[len(took)-1])}, nil
	}
}

func (t *trial) look(ctx context.Context) (load.Sighting, error) {
	s, err := upstream.Ask(ctx, t.client, t.upstreamPort)
	return load.Sighting{InFlight: s.InFlight, Left: s.Left, LeftAt: s.LeftAt}, err
}

// idle measures the memory of a target that has answered one call.
func idle(ctx context.Context, t *trial) (figures, error) {
	rest := time.NewTimer(settle)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	usage, err := t.process.Usage()
	return figures{memIdle: float64(usage.RSS) / (1 << 20)}, err
}

// complain is an error if so much failed that the figures mean nothing.
func complain(result *load.Result) error {
	ok := result.Done + result.Events
	if failed := result.Failed(); failed > 0 && float64(failed) > math.Max(10, float64(ok)/100) {
		return fmt.Errorf("%d failed beside %d answers or events: %v", failed, ok, result.Errors)
	}
	return nil
}
