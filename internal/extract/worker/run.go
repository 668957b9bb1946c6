package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
)

const (
	// watchEvery is how often the child's memory is looked at.
	watchEvery = 50 * time.Millisecond
	// reapTime is how long pipes are read on after the child's end.
	reapTime = 2 * time.Second
	// lastWords is how much of what the child writes to its standard error is kept.
	lastWords = 8 << 10
	// noThread is what Go says where the system refuses it a thread.
	noThread = "failed to create new OS thread"
	// hardly is which part of the processor time that it may have is hardly any.
	hardly = 4
	// almost is which part of it, at least, has been used where the system kills the
	// child for it: it judges by samples, which may be far off on a busy machine.
	almost = 2
)

// run is one child, from its start to its end.
type run struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	limits Limits
	words  *head
	// full is set where the child was killed for its memory.
	full atomic.Bool
	// late is set where it was killed because the time was over.
	late atomic.Bool
	// peak is the most memory that was seen.
	peak atomic.Int64
}

// command is what is started: a program, its arguments and what it reads.
type command struct {
	program   string
	arguments []string
	input     io.Reader
}

// newChild makes a run that ends with ctx, which cancel ends.
func newChild(ctx context.Context, cancel context.CancelFunc, l Limits, c command) *run {
	r := &run{cancel: cancel, limits: l, words: &head{}}
	r.cmd = exec.CommandContext(ctx, c.program, c.arguments...) //nolint:gosec // this program, or what tests name
	r.cmd.Env = child.Environment(l.Memory / 2)
	r.cmd.Dir = "/"
	r.cmd.Stdin, r.cmd.Stderr = c.input, r.words
	r.cmd.SysProcAttr = child.Attributes()
	r.cmd.Cancel = func() error {
		r.late.Store(errors.Is(ctx.Err(), context.DeadlineExceeded))
		return child.KillAll(r.cmd.Process)
	}
	r.cmd.WaitDelay = reapTime
	return r
}

// do starts the child, hears it out, and says what has become of it. When it returns,
// the child is gone.
func (r *run) do(ctx context.Context, to *receiver) (*result, error) {
	defer r.cancel()
	output, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, failed("extractor_start", err)
	}
	end, err := child.Start(r.cmd)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fairlead.NewCanceled(ctx.Err())
		}
		return nil, failed("extractor_start", err)
	}
	defer end()
	stop := r.watch()
	answer, heard := r.frames(output, to)
	if heard != nil {
		r.cancel()
	}
	linger := time.AfterFunc(reapTime, r.cancel) // it has nothing left to do
	defer linger.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(output, mostFrame)) // its end; one that does not end is killed
	_ = r.cmd.Wait()                                              // how it ended is in its state
	stop()
	return r.judge(ctx, answer, heard)
}

// sinkError is an error of whoever takes what is read.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return e.err.Error() }

func (e *sinkError) Unwrap() error { return e.err }

// frames reads what the child says, up to its result.
func (r *run) frames(output io.Reader, to *receiver) (*result, error) {
	in := bufio.NewReaderSize(output, 64<<10)
	var buffer []byte
	for {
		kind, data, err := readFrame(in, &buffer)
		if err != nil {
			return nil, err
		}
		if kind == frameResult {
			var answer result
			if err := decode(data, &answer); err != nil {
				return nil, err
			}
			return &answer, to.check(&answer)
		}
		if err := to.take(kind, data); err != nil {
			return nil, err
		}
	}
}

// watch looks at the child's memory until stop is called.
func (r *run) watch() (stop func()) {
	var group sync.WaitGroup
	over := make(chan struct{})
	group.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			used := child.Resident(r.cmd.Process.Pid)
			r.peak.Store(max(r.peak.Load(), used))
			if used > r.limits.Memory {
				r.full.Store(true)
				r.cancel()
				return
			}
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(over)
		group.Wait()
	}
}

// judge says what the child's end means, the surest reason first.
func (r *run) judge(ctx context.Context, answer *result, heard error) (*result, error) {
	if s, ok := errors.AsType[*sinkError](heard); ok {
		return nil, s.err
	}
	if l, ok := errors.AsType[*passedError](heard); ok {
		return l.result(), nil
	}
	if ctx.Err() != nil {
		return nil, fairlead.NewCanceled(ctx.Err())
	}
	if answer != nil && heard == nil {
		return answer, nil
	}
	used := r.cmd.ProcessState.UserTime() + r.cmd.ProcessState.SystemTime()
	said := r.words.String()
	switch {
	case strings.Contains(said, noThread):
		return nil, failed("extractor_start", errors.New("the system has no threads for it"))
	case r.full.Load(), strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"):
		return limitResult("memory"), nil
	case !r.late.Load() && child.WasKilled(r.cmd.ProcessState) && used >= r.limits.CPU/almost, r.late.Load() && used >= r.limits.CPU/hardly:
		return limitResult("time"), nil
	case r.late.Load():
		late := fairlead.NewLate(context.DeadlineExceeded)
		late.Code = "extractor_late"
		return nil, late
	}
	return nil, failed("extractor_crashed", fmt.Errorf("%s (%s)", r.lastWord(), r.cmd.ProcessState))
}

// lastWord is why the child died, as far as that can be told without quoting it: a panic
// may hold what was read.
func (r *run) lastWord() string {
	said := r.words.String()
	for _, known := range []string{
		"goroutine stack exceeds", "all goroutines are asleep", "concurrent map", "index out of range",
		"slice bounds out of range", "nil pointer dereference", "makeslice", "SIGSEGV", "SIGILL", "SIGBUS", "panic:", "fatal error:",
	} {
		if strings.Contains(said, known) {
			return "the child died: " + known
		}
	}
	return "the child died"
}

// head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	text []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, p[:min(len(p), lastWords-len(h.text))]...)
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}
