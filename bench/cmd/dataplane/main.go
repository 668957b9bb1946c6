package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead/bench/poll"
	"github.com/fairleadhq/fairlead/bench/target"
	"github.com/fairleadhq/fairlead/bench/upstream"
)

const (
	// wholeLimit bounds a whole run of the program.
	wholeLimit = 2 * time.Hour
	// openFiles is how many files the program and the targets want to open.
	openFiles = 65_536
	apps      = 8
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // a program begins it
	ctx, cancel := context.WithTimeout(ctx, wholeLimit)
	err := run(ctx, os.Args[1:])
	cancel()
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "dataplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "upstream" {
		return serveUpstream(ctx, args[1:])
	}
	s, err := parse(args)
	if err != nil {
		return err
	}
	if err := pin(s, args); err != nil {
		return err
	}
	if s.files, err = poll.RaiseFiles(openFiles); err != nil {
		return err
	}
	specs, err := s.specs()
	if err != nil {
		return err
	}
	r := &runner{settings: s, specs: specs, progress: os.Stderr}
	results, err := r.run(ctx)
	if len(results) > 0 { // of a run that was cut short, what there is
		_, writeErr := io.WriteString(os.Stdout, report(results, describe(s, args)))
		err = errors.Join(err, writeErr)
	}
	return err
}

// settings are the flags.
type settings struct {
	fairlead, nginx, peers, targets, scenarios string
	rounds, held, connections, probes          int
	rate                                       float64
	seconds, warmup                            time.Duration
	targetCPU, loadCPU                         string
	pinned, keep                               bool
	// files is how many files may be open.
	files int
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("dataplane", flag.ContinueOnError)
	f.StringVar(&s.fairlead, "fairlead", "../bin/fairlead", "the fairlead `program` to measure (make build)")
	f.StringVar(&s.nginx, "nginx", "", "the nginx `program`; left out, the one in the PATH or in /usr/sbin")
	f.StringVar(&s.peers, "peers", "", "JSON `file` with further targets")
	f.StringVar(&s.targets, "targets", "", "measure these targets alone, by `name`, with commas between")
	f.StringVar(&s.scenarios, "scenarios", "", "run these alone, by `name` or the beginning of one, with commas between: "+strings.Join(scenarioNames(), ", "))
	f.IntVar(&s.rounds, "rounds", 5, "how often each scenario is run with each target")
	f.DurationVar(&s.seconds, "time", 4*time.Second, "how long each run is counted")
	f.DurationVar(&s.warmup, "warmup", time.Second, "how long each run is not counted first")
	f.IntVar(&s.connections, "connections", 64, "callers in a closed loop, and the most calls at a time in an open one")
	f.IntVar(&s.held, "held", 2000, "streams that are held")
	f.IntVar(&s.probes, "probes", 20, "clients that leave, for each figure")
	f.Float64Var(&s.rate, "rate", 5000, "requests a second of the open loop; halved until every target bears it")
	f.StringVar(&s.targetCPU, "target-cpu", "0", "the processor of the target")
	f.StringVar(&s.loadCPU, "load-cpu", lastCPU(), "the processor of the load generator and the upstream")
	f.BoolVar(&s.keep, "keep", false, "keep the targets' directories, with their configuration and logs")
	f.BoolVar(&s.pinned, "pinned", false, "set by the program itself once it is bound to its processor")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("%q is no flag", f.Arg(0))
	case s.rounds < 1 || s.held < 1 || s.probes < 1 || s.connections < 1 || s.rate <= 0:
		return nil, errors.New("rounds, connections, held, probes and rate must be above 0")
	case len(s.chosen()) == 0:
		return nil, fmt.Errorf("no scenario of that name: %s", strings.Join(scenarioNames(), ", "))
	}
	return s, nil
}

func lastCPU() string { return strconv.Itoa(runtime.NumCPU() - 1) }

// chosen are the scenarios to run.
func (s *settings) chosen() (chosen []scenario) {
	for _, c := range scenarios() {
		for name := range strings.SplitSeq(s.scenarios, ",") {
			if strings.HasPrefix(c.name, strings.TrimSpace(name)) {
				chosen = append(chosen, c)
				break
			}
		}
	}
	return chosen
}

// specs are the targets to measure: the anchor first.
func (s *settings) specs() ([]target.Spec, error) {
	keys := target.Keys(apps)
	nginx, err := findNginx(s.nginx)
	if err != nil {
		return nil, err
	}
	fairlead, err := absolute(s.fairlead)
	if err != nil {
		return nil, fmt.Errorf("no fairlead to measure (make build, or -fairlead FILE): %w", err)
	}
	all := []target.Spec{target.NewDirect(keys), target.Nginx(nginx, keys), target.Fairlead(fairlead, keys)}
	if s.peers != "" {
		peers, err := target.ReadPeers(s.peers)
		if err != nil {
			return nil, err
		}
		all = append(all, peers...)
	}
	if s.targets == "" {
		return all, nil
	}
	names := strings.Split(s.targets, ",")
	all = slices.DeleteFunc(all, func(spec target.Spec) bool { return !slices.Contains(names, spec.Name) })
	if len(all) != len(names) {
		return nil, fmt.Errorf("not every target of %s is there", s.targets)
	}
	return all, nil
}

// announcement is what the upstream's process says first.
type announcement struct {
	Port int    `json:"port"`
	TLS  string `json:"tls"`
	PEM  string `json:"pem"`
}

// serveUpstream is the mock upstream as a process of its own: it says where it
// is and ends when its standard input does.
func serveUpstream(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("dataplane upstream", flag.ContinueOnError)
	var o upstream.Options
	procs := f.Int("procs", 1, "processors that it may use")
	f.IntVar(&o.Port, "port", 0, "port on 127.0.0.1; 0 takes a free one")
	f.DurationVar(&o.Delay, "delay", 0, "time until each answer")
	f.IntVar(&o.Chunks, "chunks", 100, "chunks of each stream")
	f.DurationVar(&o.Interval, "interval", 20*time.Millisecond, "time between two chunks")
	f.BoolVar(&o.Awake, "awake", false, "spin instead of sleeping")
	if err := f.Parse(args); err != nil {
		return err
	}
	runtime.GOMAXPROCS(*procs)
	if _, err := poll.RaiseFiles(openFiles); err != nil {
		return err
	}
	server, err := upstream.New(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	front, err := upstream.NewFront(ctx, server.Port())
	if err != nil {
		cancel()
		return err
	}
	frontEnded := make(chan struct{})
	go func() {
		defer close(frontEnded)
		front.Run(ctx)
	}()
	go func() { // ends with the process: a read of standard input can't be cut short
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(announcement{server.Port(), front.Address(), string(front.PEM)}); err != nil {
		cancel()
		return err
	}
	err = server.Run(ctx)
	cancel()
	<-frontEnded
	return err
}
