package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead/bench/load"
)

const (
	// readyLimit is how long a target may take until it answers.
	readyLimit = 30 * time.Second
	// readyEvery is how often it is asked.
	readyEvery = 20 * time.Millisecond
	// stopLimit is how long it may take to end after SIGTERM.
	stopLimit = 5 * time.Second
	// shownLog is how much of the end of its log is shown when it fails.
	shownLog = 2 << 10
	// searchPath is where a target's own programs are looked for.
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Setup is where a target is to run and what it is to be before.
type Setup struct {
	// Scheme is http or https, Upstream its host:port.
	Scheme, Upstream string
	// CA is the file of the upstream's certificate, with https.
	CA string
	// Dir is an existing directory for this start alone.
	Dir string
	// CPUs are the processors, as taskset writes them, and Procs how many they are.
	CPUs  string
	Procs int
}

// Process is a target that runs.
type Process struct {
	// Port is where it listens, on 127.0.0.1.
	Port int
	// Spec is what it was started from, and Headers are what each of its apps
	// sends.
	Spec    *Spec
	Headers []string
	cmd     *exec.Cmd
	log     string
	ended   chan struct{}
	proc    fs.FS
	pids    []int
}

// Start starts the target and waits until it answers a call with 200, at most
// half a minute. Stop it.
func (s *Spec) Start(ctx context.Context, setup Setup) (*Process, error) {
	port, err := FreePort(ctx)
	if err != nil {
		return nil, err
	}
	place := setup.place(port)
	for name, text := range s.Files {
		name = filepath.Join(setup.Dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, fmt.Errorf("make the directory of %s: %w", s.Name, err)
		}
		if err := os.WriteFile(name, []byte(place.Replace(text)), 0o600); err != nil {
			return nil, fmt.Errorf("write a file of %s: %w", s.Name, err)
		}
	}
	p := &Process{Port: port, Spec: s, log: filepath.Join(setup.Dir, "log"), ended: make(chan struct{}), proc: os.DirFS("/proc")}
	for _, lines := range s.HeaderLines() {
		p.Headers = append(p.Headers, place.Replace(lines))
	}
	if err := p.launch(s.command(setup, place)); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	if err := p.await(ctx); err != nil {
		_ = p.Stop() // that it is not ready says more
		return nil, fmt.Errorf("%s is not ready: %w\n%s", s.Name, err, p.logEnd())
	}
	p.pids = tree(p.proc, p.cmd.Process.Pid)
	return p, nil
}

// command is the target's command, bound to its processors by taskset, which
// becomes the target itself.
func (s *Spec) command(setup Setup, place *strings.Replacer) *exec.Cmd {
	args := []string{"-c", setup.CPUs}
	for _, arg := range s.Command {
		args = append(args, place.Replace(arg))
	}
	cmd := exec.Command("taskset", args...) //nolint:gosec,noctx // G204: whoever runs it names it; Stop ends it, in its own time
	cmd.Dir = setup.Dir
	cmd.Env = []string{"PATH=" + searchPath, "HOME=" + setup.Dir, "GOMAXPROCS=" + strconv.Itoa(setup.Procs)}
	if setup.CA != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+setup.CA)
	}
	for name, value := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+place.Replace(value))
	}
	cmd.SysProcAttr = dieWithUs()
	return cmd
}

// launch starts the command, with its output in the log, and watches for its end.
func (p *Process) launch(cmd *exec.Cmd) error {
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	go func() {
		_ = cmd.Wait() // that it has ended is all that matters
		close(p.ended)
	}()
	return nil
}

// await asks until the target answers a small call as it should.
func (p *Process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := p.try(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// try makes one small call.
func (p *Process) try(ctx context.Context, client *http.Client) error {
	url := fmt.Sprintf("http://127.0.0.1:%d%s", p.Port, p.Spec.Path)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(load.Body(p.Spec.Model, 1, load.Whole)))
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(p.Headers[0], "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		req.Header.Set(name, strings.TrimSpace(value))
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, shownLog))
		return fmt.Errorf("it answers %s: %s", answer.Status, text)
	}
	return nil
}

// Usage is what the target and its children have used so far.
func (p *Process) Usage() (Usage, error) { return usage(p.proc, p.pids) }

// Stop ends the target and waits for that: with SIGTERM, and with SIGKILL
// after five seconds. It returns an error if it had ended before.
func (p *Process) Stop() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s had ended by itself:\n%s", p.Spec.Name, p.logEnd())
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be ending
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return nil
}

// logEnd is the end of the target's log.
func (p *Process) logEnd() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-shownLog):])
}

// FreePort finds a port on which nobody listens.
func FreePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("find a free port: not a TCP address")
	}
	return address.Port, nil
}
