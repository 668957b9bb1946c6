package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead/bench/target"
)

const (
	// readyLimit is how long a program may take until it answers.
	readyLimit = time.Minute
	// stopLimit is how long it may take to end.
	stopLimit = 40 * time.Second
	// tick is the unit of the times in /proc/PID/stat.
	tick = 10 * time.Millisecond
)

// config is the service as it is by default, with limits that refuse nothing.
const config = `server:
  listen: 127.0.0.1:%d
  data_dir: %s
  worker_threads: %d
limits:
  max_concurrent_requests: 0
  rate_limit_per_minute: 0
  burst: {requests_per_second: 0}
documents: {max_uploads: 0}
apps:
  - {name: bench, keys: [%q]}
llm:
  default_model: mock/mock
  providers:
    mock:
      base_url: http://127.0.0.1:%d/v1
      api_key: upstream-key-of-the-benchmark
      http_client: {concurrent_requests: 0}
`

// service is a program that runs.
type service struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   string
}

// start starts a mock provider and the service, and calls use while they run.
func start(ctx context.Context, p plan, dir string, use func(*service, *client) error) error {
	program, err := filepath.Abs(p.fairlead)
	if err != nil {
		return err
	}
	port, provider, key := 0, 0, target.Keys(1)[0]
	for _, to := range []*int{&port, &provider} {
		if *to, err = target.FreePort(ctx); err != nil {
			return err
		}
	}
	text := fmt.Sprintf(config, port, filepath.Join(dir, "data"), p.workers, key, provider)
	file := filepath.Join(dir, "fairlead.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	mock, err := launch(dir, program, "mock", "--listen", fmt.Sprintf("127.0.0.1:%d", provider))
	if err != nil {
		return err
	}
	defer mock.stop()
	server, err := launch(dir, program, "serve", "--config", file)
	if err != nil {
		return err
	}
	defer server.stop()
	c := newClient(port, key)
	if err := server.await(ctx, c); err != nil {
		return err
	}
	return use(server, c)
}

// launch starts a program, with its output in a file.
func launch(dir, program string, args ...string) (*service, error) {
	s := &service{log: filepath.Join(dir, args[0]+".log")}
	s.cmd = exec.Command(program, args...) //nolint:gosec,noctx // G204: whoever runs it names it; stop ends it, in its own time
	s.cmd.Dir = dir
	s.cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir}
	return s, s.run()
}

// run starts the program.
func (s *service) run() error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd, ended := s.cmd, make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.ended = ended
	go func() {
		_ = cmd.Wait() // that it has ended is all that matters
		close(ended)
	}()
	return nil
}

// again starts a program that has ended once more.
func (s *service) again() error {
	before := s.cmd
	s.cmd = exec.Command(before.Path, before.Args[1:]...) //nolint:gosec,noctx // as the first time
	s.cmd.Dir, s.cmd.Env = before.Dir, before.Env
	return s.run()
}

// await waits until the service answers.
func (s *service) await(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		err := c.call(ctx, http.MethodGet, "/documents?limit=1", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the service has ended: %s", s.logEnd())
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// logEnd is the end of the program's log.
func (s *service) logEnd() string {
	const shown = 4 << 10
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-shown):])
}

// stop ends the program: with SIGTERM, and with SIGKILL if it takes too long.
func (s *service) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-s.ended:
	case <-limit.C:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// spent is the processor time of a service: its own, and that of its children.
type spent struct{ own, children time.Duration }

func (s spent) minus(other spent) spent { return spent{s.own - other.own, s.children - other.children} }
func (s spent) sum() time.Duration      { return s.own + s.children }

// processor reads what the service and its children, alive and ended, have used so far.
func (s *service) processor() (spent, error) {
	parent := s.cmd.Process.Pid
	own, err := used(parent)
	if err != nil {
		return spent{}, fmt.Errorf("it needs Linux: %w", err)
	}
	sum := own
	others, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return spent{}, err
	}
	for _, dir := range others {
		pid, _ := strconv.Atoi(filepath.Base(dir)) // it is a number
		u, err := used(pid)
		if err == nil && u.parent == parent { // one that can't be read is gone
			sum.children += u.own + u.children
		}
	}
	return sum.spent, nil
}

// usage is what a process has used, with those of its children that have ended.
type usage struct {
	spent

	parent int
}

func used(pid int) (usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const parent, first = 1, 11 // user time is field 14 of proc(5); then system time, and both of the children
	if len(fields) < first+4 {
		return usage{}, errors.New("not a process's stat")
	}
	var v [5]int
	for i, field := range append([][]byte{fields[parent]}, fields[first:first+4]...) {
		if v[i], err = strconv.Atoi(string(field)); err != nil {
			return usage{}, fmt.Errorf("not a process's stat: %w", err)
		}
	}
	return usage{spent{time.Duration(v[1]+v[2]) * tick, time.Duration(v[3]+v[4]) * tick}, v[0]}, nil
}

// status returns fields of /proc/PID/status, in MB.
func (s *service) status(names ...string) ([]float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return nil, fmt.Errorf("it needs Linux: %w", err)
	}
	all := make([]float64, len(names))
	for line := range strings.Lines(string(text)) {
		for i, name := range names {
			if rest, ok := strings.CutPrefix(line, name+":"); ok {
				_, _ = fmt.Sscan(rest, &all[i])
				all[i] *= 1024. / 1e6
			}
		}
	}
	return all, nil
}

// memory prints how much memory the service has now, and had at most. A child's is not
// counted.
func (b *bench) memory(when string) error {
	m, err := b.server.status("VmRSS", "RssAnon", "VmHWM")
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\nMemory of the service, %s: %.0f MB resident, of it %.0f MB not of files; %.0f MB at most. %d chunks.\n", when, m[0], m[1], m[2], b.hasMade)
	return nil
}
