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
	ended func() // that its thread may end

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
	return &process{
		cmd: cmd, input: input, ended: ended,
		out: &sender{to: bufio.NewWriterSize(input, pipeBytes)},
		in:  &receiver{from: bufio.NewReaderSize(output, pipeBytes)},
	}, nil
}

// kill kills the child: whoever speaks with it meets an error. It does not block.
func (p *process) kill() {
	if !p.killed.Swap(true) {
		_ = child.KillAll(p.cmd.Process)
	}
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
	_ = p.cmd.Wait() // how it ended is in its state
	p.ended()
}

// why says why the child is of no more use. What it wrote is not told: it may quote a
// document.
func (p *process) why(err error) error {
	if errors.Is(err, errNonsense) {
		return err
	}
	return fmt.Errorf("the child is gone: %w", err)
}
