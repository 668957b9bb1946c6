package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/bench/target"
	"github.com/fairleadhq/fairlead/bench/upstream"
)

const (
	// lowestRate is where the open loop's rate is not halved any more.
	lowestRate = 100
	// tooSlow is a median at which a target does not bear a rate.
	tooSlow = 5.0 // ms
	// tryTime is how long a rate is tried.
	tryTime = time.Second
	// mostOthers is the part of the target's processor above which a run is
	// repeated, so many times at most.
	mostOthers = 0.05
	quietTries = 3
	// upstreamLimit is how long the upstream may take to start.
	upstreamLimit = 10 * time.Second
)

// runner carries out scenarios.
type runner struct {
	*settings
	specs    []target.Spec
	progress io.Writer
}

// result is what one run gave.
type result struct {
	scenario, target string
	round            int
	figures          figures
	// err says why there are no figures.
	err error
}

// run carries out all rounds, or as many as there is time for. A run that fails is
// told and leaves no figures; it is an error only if all do.
func (r *runner) run(ctx context.Context) ([]result, error) {
	var all []result
	for _, s := range r.chosen() {
		if s.name != "latency" {
			continue
		}
		if err := r.findRate(ctx, s); err != nil {
			return nil, err
		}
	}
	for round := range r.rounds {
		for _, s := range r.chosen() {
			results, err := r.turns(ctx, s, round)
			all = append(all, results...)
			if err != nil {
				return all, err
			}
		}
	}
	if !slices.ContainsFunc(all, func(r result) bool { return r.err == nil }) {
		return all, errors.New("no run gave a figure")
	}
	return all, nil
}

// turns runs a scenario once with each target. The error is that ctx ended.
func (r *runner) turns(ctx context.Context, s scenario, round int) (all []result, err error) {
	for i := range r.specs {
		spec := &r.specs[i]
		if spec.Name == target.Direct && !s.direct {
			continue
		}
		f, err := r.quiet(ctx, s, spec)
		switch {
		case ctx.Err() != nil:
			return all, ctx.Err()
		case err != nil:
			fmt.Fprintf(r.progress, "%d %s %s: FAILED: %v\n", round+1, s.name, spec.Name, err)
		default:
			fmt.Fprintf(r.progress, "%d %s %s: %s\n", round+1, s.name, spec.Name, f)
		}
		all = append(all, result{s.name, spec.Name, round, f, err})
	}
	return all, nil
}

// quiet is a run in which nothing else was on the target's processor, or, if
// there is none in a few tries, the one in which that was least.
func (r *runner) quiet(ctx context.Context, s scenario, spec *target.Spec) (best figures, err error) {
	for range quietTries {
		f, err := r.one(ctx, s, spec)
		if err != nil {
			return nil, err
		}
		if best == nil || f[others] < best[others] {
			best = f
		}
		if best[others] <= mostOthers {
			break
		}
		fmt.Fprintf(r.progress, "%s %s: others took %s of the target's processor: again\n", s.name, spec.Name, number(f[others]))
	}
	return best, nil
}

// findRate halves the rate until every target bears it.
func (r *runner) findRate(ctx context.Context, s scenario) error {
	short := *r.settings
	short.seconds, short.warmup = tryTime, tryTime/2
	for i := 0; i < len(r.specs); {
		short.rate = r.rate
		trying := &runner{settings: &short, specs: r.specs, progress: r.progress}
		f, err := trying.quiet(ctx, s, &r.specs[i])
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && f[p50ms] < tooSlow && f[failures] == 0:
			i++
		case r.rate/2 < lowestRate:
			fmt.Fprintf(r.progress, "%s does not even bear %.0f requests a second\n", r.specs[i].Name, r.rate)
			i++
		default:
			fmt.Fprintf(r.progress, "%s does not bear %.0f requests a second (%s %v): half of it\n", r.specs[i].Name, r.rate, f, err)
			r.rate /= 2
		}
	}
	return nil
}

// one is a scenario with one target, both fresh.
func (r *runner) one(ctx context.Context, s scenario, spec *target.Spec) (f figures, err error) {
	dir, err := os.MkdirTemp("", "dataplane-"+spec.Name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if r.keep {
		fmt.Fprintf(r.progress, "%s %s: %s\n", s.name, spec.Name, dir)
	} else {
		defer os.RemoveAll(dir)
	}
	mock, err := startMock(ctx, r.loadCPU)
	if err != nil {
		return nil, err
	}
	defer mock.stop()
	t := &trial{settings: r.settings, spec: spec, port: mock.Port, upstreamPort: mock.Port, headers: spec.HeaderLines(), client: mock.client}
	if spec.Name != target.Direct {
		setup, err := r.setup(s, mock, dir)
		if err != nil {
			return nil, err
		}
		process, err := spec.Start(ctx, setup)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, process.Stop()) }()
		if setup.Procs == 1 {
			t.ownCPU = setup.CPUs
		}
		t.process, t.port, t.headers = process, process.Port, process.Headers
	}
	if err := upstream.Set(ctx, mock.client, mock.Port, s.upstream); err != nil {
		return nil, err
	}
	return s.measure(ctx, t)
}

// setup is where the target is to run.
func (r *runner) setup(s scenario, mock *mock, dir string) (target.Setup, error) {
	setup := target.Setup{Scheme: "http", Upstream: fmt.Sprintf("127.0.0.1:%d", mock.Port), Dir: dir, CPUs: r.targetCPU, Procs: 1}
	if s.procs == 2 {
		setup.CPUs, setup.Procs = r.targetCPU+","+r.loadCPU, 2
	}
	if s.scheme == "https" {
		setup.Scheme, setup.Upstream, setup.CA = s.scheme, mock.TLS, filepath.Join(dir, "ca.pem")
		if err := os.WriteFile(setup.CA, []byte(mock.PEM), 0o600); err != nil {
			return setup, fmt.Errorf("write the certificate: %w", err)
		}
	}
	return setup, nil
}

// mock is the upstream's process.
type mock struct {
	announcement
	cmd    *exec.Cmd
	stdin  io.Closer
	client *http.Client
}

// startMock starts the upstream on the load's processor.
func startMock(ctx context.Context, cpu string) (*mock, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program itself: %w", err)
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", cpu, self, "upstream", "-awake") //nolint:gosec // G204: itself
	cmd.Stderr, cmd.WaitDelay = os.Stderr, upstreamLimit
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the upstream: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the upstream: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the upstream: %w", err)
	}
	m := &mock{cmd: cmd, stdin: stdin, client: &http.Client{Transport: &http.Transport{}, Timeout: upstreamLimit}}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &m.announcement)
	}
	if err != nil {
		m.stop()
		return nil, fmt.Errorf("read where the upstream is: %w", err)
	}
	return m, nil
}

// stop ends the upstream, by its standard input, and waits for that.
func (m *mock) stop() {
	m.client.CloseIdleConnections()
	m.stdin.Close()
	limit := time.AfterFunc(upstreamLimit, func() { _ = m.cmd.Process.Kill() })
	defer limit.Stop()
	_ = m.cmd.Wait() // how it ended says nothing
}
