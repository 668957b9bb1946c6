package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/sim"
	"github.com/fairleadhq/fairlead/internal/sim/advice"
	"github.com/fairleadhq/fairlead/internal/sim/report"
	"github.com/fairleadhq/fairlead/internal/sim/suite"
	"github.com/fairleadhq/fairlead/internal/sim/traffic"
)

// simulation is the flags of `fairlead simulate`.
type simulation struct {
	settings
	traffic, log string
	duration     time.Duration
	seed         uint64
	seeded       bool // seed was given, perhaps as 0
	json         bool
	svg, suite   string
}

// usualDuration is how long a run is of which nobody says how long.
const usualDuration = 10 * time.Minute

func (p *program) simulate() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Tell what a configuration would do under some traffic",
		Long: `Tell what a configuration would do under some traffic: who would wait for how
long, who would be refused and why, who would get which share of the slots, and
what binds. The service's own scheduler and windows are run in virtual time, so an
hour takes seconds and nothing is called.

The traffic is a file that says who calls how often and for how long (--traffic),
or a log of the service (--log), whose calls come again when they came. The page
docs/simulate.md has the file's keys.

With --suite the curves of that page are drawn anew, into a directory.`,
		Example: `  fairlead simulate --config fairlead.yaml --traffic traffic.yaml
  fairlead simulate --config fairlead.yaml --log fairlead.log --set limits.max_concurrent_requests=40
  fairlead simulate --suite docs/plots`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.suite != "" {
				return p.drawSuite(cmd.Context(), &s)
			}
			s.seeded = cmd.Flags().Changed("seed")
			scenario, err := p.scenario(&s)
			if err != nil {
				return err
			}
			return p.runSimulation(cmd.Context(), &s, scenario)
		},
	}
	s.bind(cmd)
	f := cmd.Flags()
	f.StringVarP(&s.traffic, "traffic", "t", "", "traffic file: who calls")
	f.StringVar(&s.log, "log", "", "instead of --traffic: a log of the service, as JSON, whose calls come again")
	f.DurationVar(&s.duration, "duration", 0, "how long to simulate (default: the traffic file's duration, else 10m; of a log, until its last call is over)")
	f.Uint64Var(&s.seed, "seed", 0, "where chance begins: the same seed, the same run (default: the traffic file's seed)")
	f.BoolVar(&s.json, "json", false, "print the report as JSON")
	f.StringVar(&s.svg, "svg", "", "draw who held and waited for slots in the course of time, into this file")
	f.StringVar(&s.suite, "suite", "", "draw the published curves and their figures into this directory; takes a minute or two")
	cmd.MarkFlagsOneRequired("traffic", "log", "suite")
	cmd.MarkFlagsMutuallyExclusive("traffic", "log", "suite")
	for _, other := range []string{"config", "data-dir", "set", "duration", "json", "svg"} {
		cmd.MarkFlagsMutuallyExclusive("suite", other)
	}
	return cmd
}

// scenario is what the flags ask for.
func (p *program) scenario(s *simulation) (sim.Scenario, error) {
	loaded, err := p.load(&s.settings)
	if err != nil {
		return sim.Scenario{}, err
	}
	for _, warning := range loaded.Warnings {
		fmt.Fprintf(p.err, "warning: %s\n", warning)
	}
	scenario := sim.Scenario{Service: serviceOf(&loaded.Config), Seed: s.seed}
	if s.log != "" {
		err = p.takeLog(s, &scenario)
	} else {
		err = takeTraffic(s, &scenario)
	}
	return scenario, err
}

// takeTraffic reads the traffic file. A flag wins over what it says.
func takeTraffic(s *simulation, scenario *sim.Scenario) error {
	data, err := os.ReadFile(s.traffic)
	if err != nil {
		return unusable(fmt.Errorf("read the traffic: %w", err))
	}
	file, err := traffic.Parse(s.traffic, data, providersOf(&scenario.Service))
	if err != nil {
		return unusable(err)
	}
	scenario.Sources, scenario.Duration = file.Apps, usualDuration
	if file.Duration > 0 {
		scenario.Duration = file.Duration.Std()
	}
	if s.duration > 0 {
		scenario.Duration = s.duration
	}
	if !s.seeded {
		scenario.Seed = uint64(file.Seed) //nolint:gosec // G115: never negative
	}
	return nil
}

// providersOf lists whom calls can go to.
func providersOf(s *sim.Service) []string {
	if len(s.Providers) == 0 {
		return []string{sim.LocalProvider}
	}
	names := make([]string, len(s.Providers))
	for i, p := range s.Providers {
		names[i] = p.Name
	}
	return names
}

// takeLog reads the log.
func (p *program) takeLog(s *simulation, scenario *sim.Scenario) error {
	file, err := os.Open(s.log)
	if err != nil {
		return unusable(fmt.Errorf("read the log: %w", err))
	}
	defer file.Close()
	log, err := traffic.ReadLog(file)
	if err != nil {
		return unusable(fmt.Errorf("%s: %w", s.log, err))
	}
	last := log.Calls[len(log.Calls)-1]
	scenario.Recorded, scenario.Duration = log.Calls, last.Arrived+scenario.Service.Timeout+last.Work
	if s.duration > 0 {
		scenario.Duration = s.duration
	}
	fmt.Fprintf(p.err, "%s: %d calls; %d other lines are left out; how long %d refused calls would have taken is guessed\n",
		s.log, len(log.Calls), log.Skipped, log.Guessed)
	return nil
}

func (p *program) runSimulation(ctx context.Context, s *simulation, scenario sim.Scenario) error {
	r, err := advice.Simulate(ctx, scenario)
	if err != nil {
		return failed(err)
	}
	if s.svg != "" {
		if err := os.WriteFile(s.svg, suite.Timelines(r), 0o600); err != nil {
			return failed(fmt.Errorf("draw the run: %w", err))
		}
	}
	return p.printReport(r, s)
}

func (p *program) printReport(r *report.Report, s *simulation) error {
	if !s.json {
		if err := r.WriteText(p.out); err != nil {
			return failed(err)
		}
		return nil
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return failed(err)
	}
	return nil
}

// drawSuite draws the published curves.
func (p *program) drawSuite(ctx context.Context, s *simulation) error {
	files, err := suite.Draw(ctx, suite.Options{Seed: s.seed})
	if err != nil {
		return failed(err)
	}
	if err := os.MkdirAll(s.suite, 0o755); err != nil { //nolint:gosec // G301: pages for everyone
		return failed(fmt.Errorf("draw the curves: %w", err))
	}
	for _, file := range files {
		name := filepath.Join(s.suite, file.Name)
		if err := os.WriteFile(name, file.Data, 0o644); err != nil { //nolint:gosec // G306: pages for everyone
			return failed(fmt.Errorf("draw the curves: %w", err))
		}
		fmt.Fprintln(p.out, name)
	}
	return nil
}

// serviceOf is the part of a configuration that a simulation needs. A limit in
// shadow refuses and delays nobody, so it is off here.
func serviceOf(c *config.Config) sim.Service {
	limit := func(name string, n int) int {
		if slices.Contains(c.Limits.Shadow, name) {
			return 0
		}
		return n
	}
	l := &c.Limits
	s := sim.Service{
		Slots:          limit("max_concurrent_requests", l.MaxConcurrentRequests),
		MaxQueue:       limit("max_queue", l.MaxQueue),
		MaxQueuePerApp: limit("max_queue_per_app", l.MaxQueuePerApp),
		Headroom:       l.Headroom,
		TokensPerSlot:  l.TokensPerSlot,
		BurstPerSecond: limit("burst", l.Burst.RequestsPerSecond),
		BurstBlock:     l.Burst.Block.Std(),
		Timeout:        c.Timeouts.Chat.Std(),
		Hopeful:        slices.Contains(l.Shadow, "deadline"),
		Default:        sim.App{RequestsPerMinute: limit("rate_limit_per_minute", l.RateLimitPerMinute)},
	}
	for _, a := range c.Apps {
		s.Apps = append(s.Apps, sim.App{
			Name: a.Name, Class: a.Class, Weight: a.Weight,
			MinSlots: a.MinConcurrent, MaxSlots: limit("max_concurrent", a.MaxConcurrent),
			RequestsPerMinute: limit("rate_limit_per_minute", a.RateLimitPerMinute),
			TokensPerMinute:   limit("tokens_per_minute", a.TokensPerMinute),
		})
	}
	for _, provider := range c.LLM.Providers {
		s.Providers = append(s.Providers, sim.Provider{
			Name: provider.Name, Slots: limit("concurrent_requests", provider.HTTPClient.ConcurrentRequests),
			RequestsPerMinute: limit("provider_requests_per_minute", provider.RateLimit.RequestsPerMinute),
			TokensPerMinute:   limit("provider_tokens_per_minute", provider.RateLimit.TokensPerMinute),
		})
	}
	return s
}
