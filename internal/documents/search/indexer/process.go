package indexer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/child"
)

// endTime is how long a child may take to end by itself.
const endTime = 2 * time.Second

// process is a child.
type process struct {
	cmd   *exec.Cmd
	input io.Closer // its standard input
	out   *sender
	in    *receiver
	gone  chan struct{} // closed when it has ended

	used   bool // it was spoken with before
	killed atomic.Bool
	late   atomic.Bool
}

// start starts a child.
func start(command []string) (*process, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // this program, or what tests name; it ends with its input
	cmd.Env = child.Environment(memory)
	cmd.Dir = "/"
	cmd.SysProcAttr = child.Attributes()
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, input.Close())
	}
	ended, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	p := &process{
		cmd: cmd, input: input, gone: make(chan struct{}),
		out: &sender{to: bufio.NewWriterSize(input, pipeBytes)},
		in:  &receiver{from: bufio.NewReaderSize(output, pipeBytes)},
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(p.gone)
		ended()
	}()
	return p, nil
}

// kill kills the child, which has none of its own: whoever speaks with it meets an error.
// It does not block.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill() // it may be gone
}

// giveUp kills a child that does not answer.
func (p *process) giveUp() {
	p.late.Store(true)
	p.kill()
}

// broken reports whether the child can't be used again.
func (p *process) broken() bool { return p.killed.Load() }

// end ends the child, and blocks until it is gone.
func (p *process) end() {
	_ = p.input.Close() // it ends with its input
	late := time.AfterFunc(endTime, p.kill)
	defer late.Stop()
	<-p.gone
}

// isGone reports whether the child has ended, for which it is given a moment.
func (p *process) isGone() bool {
	late := time.NewTimer(endTime)
	defer late.Stop()
	select {
	case <-p.gone:
		return true
	case <-late.C:
		return false
	}
}

// failure says why the child is of no more use, which was killed if it had not ended by
// itself. What it wrote is not told: it may quote a document.
func (p *process) failure(err error) error {
	if errors.Is(err, errNonsense) {
		p.kill()
		return failed("indexer_crashed", err)
	}
	killed := p.killed.Load()
	gone := p.isGone()
	p.kill()
	if gone && !killed && child.WasKilled(p.cmd.ProcessState) {
		return failed("indexer_killed", errors.New("the system has killed the child"))
	}
	return failed("indexer_crashed", fmt.Errorf("the child is gone: %w", err))
}
