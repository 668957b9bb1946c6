package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// process is a fairlead that runs beside the story.
type process struct {
	name   string
	cmd    *exec.Cmd
	out    *output
	err    *output
	exited chan struct{} // closed when the process has ended and is waited for
}

// output gathers what a process writes, and tells when there is more.
type output struct {
	more chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts `fairlead ARGS…` in the story's directory. Arguments before the
// first that is no VAR=VALUE are added to its environment.
func start(ts *testscript.TestScript, name string, args, assignments []string) *process {
	s := storyOf(ts)
	if old := s.processes[name]; old != nil && !old.hasExited() {
		ts.Fatalf("%s runs already", name)
	}
	path, err := exec.LookPath("fairlead")
	ts.Check(err)
	p := &process{
		name: name, cmd: exec.Command(path, args...), out: newOutput(), err: newOutput(), exited: make(chan struct{}),
	}
	p.cmd.Dir, p.cmd.Env = ts.MkAbs("."), slices.Concat(s.environ, assignments)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	ts.Check(p.cmd.Start())
	s.processes[name] = p
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the exit code is read from ProcessState
	}()
	return p
}

func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// await waits until the process has written a line to standard output that
// pattern matches, and returns its first group.
func (p *process) await(ts *testscript.TestScript, pattern string) string {
	line := regexp.MustCompile("(?m)" + pattern)
	deadline := time.After(patience)
	for {
		if found := line.FindStringSubmatch(p.out.String()); found != nil {
			return found[1]
		}
		select {
		case <-p.out.more:
		case <-p.exited:
			p.show(ts)
			ts.Fatalf("%s ended (%v) before it said %q", p.name, p.cmd.ProcessState, pattern)
		case <-deadline:
			p.show(ts)
			ts.Fatalf("%s did not say %q within %v", p.name, pattern, patience)
		}
	}
}

// show makes the process's output the story's.
func (p *process) show(ts *testscript.TestScript) {
	fmt.Fprint(ts.Stdout(), p.out)
	fmt.Fprint(ts.Stderr(), p.err)
}

// running returns the process called name.
func running(ts *testscript.TestScript, name string) *process {
	p := storyOf(ts).processes[name]
	if p == nil {
		ts.Fatalf("no process is called %s", name)
	}
	return p
}

// splitName takes a leading "-as NAME" off the arguments.
func splitName(args []string, name string) (string, []string) {
	if len(args) >= 2 && args[0] == "-as" {
		return args[1], args[2:]
	}
	return name, args
}

// splitEnviron takes leading VAR=VALUE arguments off.
func splitEnviron(args []string) (environ, rest []string) {
	n := 0
	for n < len(args) && regexp.MustCompile(`^[A-Z][A-Z0-9_]*=`).MatchString(args[n]) {
		n++
	}
	return args[:n], args[n:]
}

func cmdServe(ts *testscript.TestScript, args []string) {
	name, args := splitName(args, "service")
	environ, args := splitEnviron(args)
	p := start(ts, name, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), environ)
	url := p.await(ts, `^listening on (https?://\S+)$`)
	_, addr, _ := strings.Cut(url, "://")
	ts.Setenv("URL", url)
	ts.Setenv("ADDR", addr)
	// The keys come before the line that was waited for.
	for variable, label := range map[string]string{"ADMIN": "admin token", "KEY": "app key"} {
		if found := regexp.MustCompile("(?m)^" + label + ": (.+)$").FindStringSubmatch(p.out.String()); found != nil {
			ts.Setenv(variable, found[1])
		}
	}
	p.show(ts)
}

func cmdMock(ts *testscript.TestScript, args []string) {
	name, args := splitName(args, "mock")
	p := start(ts, name, append([]string{"mock", "--listen", "127.0.0.1:0"}, args...), nil)
	url, name := p.await(ts, `^mock upstream on (http://\S+)$`), strings.ToUpper(name)
	ts.Setenv(name, url)
	ts.Setenv(name+"_ROOT", strings.TrimSuffix(url, "/v1"))
}

func cmdTerm(ts *testscript.TestScript, args []string) {
	cmdSigterm(ts, args)
	cmdEnded(ts, args)
}

func cmdSigterm(ts *testscript.TestScript, args []string) {
	p := running(ts, need(ts, "sigterm NAME", args, 1, 1)[0])
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
}

func cmdEnded(ts *testscript.TestScript, args []string) {
	p := running(ts, need(ts, "ended NAME", args, 1, 1)[0])
	p.waitEnd(ts)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("%s ended with exit code %d, want 0", p.name, code)
	}
	sound(ts, p.err.String())
}

func cmdKilled(ts *testscript.TestScript, args []string) {
	p := running(ts, need(ts, "killed NAME", args, 1, 1)[0])
	deadline := time.Now().Add(patience)
	for !p.hasExited() && time.Now().Before(deadline) {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may just have ended
		select {
		case <-p.exited:
		case <-time.After(awaitPause):
		}
	}
	p.waitEnd(ts)
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		ts.Fatalf("%s ended with %v, not by a signal", p.name, p.cmd.ProcessState)
	}
}

// waitEnd waits until the process has ended, and shows its output.
func (p *process) waitEnd(ts *testscript.TestScript) {
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.show(ts)
		ts.Fatalf("%s did not end within %v", p.name, patience)
	}
	p.show(ts)
}

func cmdOutput(ts *testscript.TestScript, args []string) {
	running(ts, need(ts, "output NAME", args, 1, 1)[0]).show(ts)
}

func cmdExit(ts *testscript.TestScript, args []string) {
	need(ts, "exit CODE PROGRAM [ARG…]", args, 2, len(args))
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", args[1], got, want)
	}
	sound(ts, ts.ReadFile("stderr"))
}

// sound fails the story if a program ended by a panic, whose exit code is that
// of wrong usage, or told of one, or of a data race.
func sound(ts *testscript.TestScript, stderr string) {
	if canary := storyOf(ts).canaryIn(stderr); canary != "" {
		ts.Fatalf("the log holds %q, a key or prompt that was sent", canary)
	}
	if strings.Contains(stderr, "panic") || strings.Contains(stderr, "goroutine 1") || strings.Contains(stderr, "DATA RACE") {
		ts.Fatalf("the program panicked or raced")
	}
}

// leastCanary is the length from which a text that was sent is not in a log by
// chance.
const leastCanary = 8

// noteCanaries remembers the keys and prompts of a request.
func (s *story) noteCanaries(r *request) {
	keep := func(text string) {
		if len(text) >= leastCanary {
			s.canaries[text] = true
		}
	}
	for _, name := range []string{"X-Api-Key", "Api-Key", "Authorization"} {
		for _, value := range r.header[name] {
			keep(strings.TrimPrefix(value, "Bearer "))
		}
	}
	for _, found := range regexp.MustCompile(`"(?:content|input|query|question|focus)"\s*:\s*"([^"\\]+)"`).FindAllSubmatch(r.body, -1) {
		keep(string(found[1]))
	}
}

// canaryIn returns what a log holds of that which was sent in confidence; ""
// for nothing.
func (s *story) canaryIn(log string) string {
	for canary := range s.canaries {
		if strings.Contains(log, canary) {
			return canary
		}
	}
	return ""
}
