//go:build unix

package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/fairleadhq/fairlead/internal/buffer"
	"github.com/fairleadhq/fairlead/internal/nonblock"
)

// descriptor reads from a socket in the two ways that net.Conn does not offer:
// without waiting, and with a buffer that is taken only when bytes are there. And it
// writes without waiting.
type descriptor struct {
	raw  syscall.RawConn
	pool *buffer.Buffers
	// The functions that raw is given are made once, so that a call makes
	// nothing. What they read into or write, and found, is in the fields below.
	tryOnce  func(fd uintptr) bool
	lookOnce func(fd uintptr)
	sendOnce func(fd uintptr)
	askOnce  func(fd uintptr) bool
	buf      *buffer.Buffer
	into     []byte
	out      [2][]byte
	n        int
	err      error

	// Of ask: how far it is, how much it wrote, who is told when that is all, and how its
	// wait ended.
	stage   stage
	one     [1]byte
	wrote   int
	written func()
	waited  error
}

// stage is how far asking is.
type stage int

const (
	idle   stage = iota
	loud         // there was something to read, or an end, before anything was written
	partly       // not all was written
	whole        // all was written, and what comes back waited for
)

func describe(socket *net.TCPConn, pool *buffer.Buffers) *descriptor {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	d := &descriptor{raw: raw, pool: pool}
	d.tryOnce, d.lookOnce, d.sendOnce, d.askOnce = d.try, d.look, d.send, d.askStep
	return d
}

// fill waits until the socket can be read, or its read deadline has passed,
// and reads into a buffer from the pool. A buffer comes without an error. After an
// ask that wrote all, it returns what that has waited for.
func (d *descriptor) fill() (*buffer.Buffer, error) {
	err := d.waited
	if d.stage != whole {
		err = d.raw.Read(d.tryOnce)
	}
	d.stage, d.waited = idle, nil
	if err != nil {
		return nil, err
	}
	b := d.buf
	d.buf = nil
	if d.n > 0 {
		b.Fill(d.n)
		return b, nil
	}
	d.pool.Put(b)
	if d.err == nil {
		return nil, io.EOF
	}
	return nil, d.err
}

// try reads once, and reports false when that has to be waited for.
func (d *descriptor) try(fd uintptr) bool {
	b := d.pool.Get()
	d.n, d.err = nonblock.Read(fd, b.Room())
	if errors.Is(d.err, syscall.EAGAIN) {
		d.pool.Put(b)
		return false
	}
	d.buf = b
	return true
}

// glance reads what is there, or fails with nothingError.
func (d *descriptor) glance(p []byte) (int, error) {
	d.into = p
	// Not raw.Read, which fails once the read deadline of an older read passed.
	err := d.raw.Control(d.lookOnce)
	d.into = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(d.err, syscall.EAGAIN):
		return 0, nothingError{}
	case d.err != nil:
		return 0, d.err
	case d.n == 0:
		return 0, io.EOF
	}
	return d.n, nil
}

func (d *descriptor) look(fd uintptr) { d.n, d.err = nonblock.Read(fd, d.into) }

// put writes as much of head, and then of body, as the socket takes at once. It fails
// only if that failed: no room is no error.
func (d *descriptor) put(head, body []byte) (int, error) {
	d.out, d.n, d.err = [2][]byte{head, body}, 0, nil
	err := d.raw.Control(d.sendOnce)
	d.out = [2][]byte{}
	if err == nil && d.err != nil && !errors.Is(d.err, syscall.EAGAIN) {
		err = os.NewSyscallError("write", d.err)
	}
	return d.n, err
}

func (d *descriptor) send(fd uintptr) {
	if head, body := d.out[0], d.out[1]; len(body) == 0 {
		d.n, d.err = nonblock.Write(fd, head)
	} else {
		d.n, d.err = nonblock.WriteBoth(fd, head, body)
	}
}

// ask looks whether the socket is quiet, writes head and body like put, and if it
// took them all, waits like fill, which then returns what came. All of it is one read
// to the runtime's poller. That forgets what it was told of the socket before; what
// comes after the look it tells, so that nothing has to be read in vain between
// writing and waiting. When all is written, and before it waits, it calls written and
// has no use for head and body any more.
func (d *descriptor) ask(head, body []byte, written func()) (int, error) {
	d.out, d.stage, d.wrote, d.written = [2][]byte{head, body}, idle, 0, written
	err := d.raw.Read(d.askOnce)
	d.out, d.written = [2][]byte{}, nil
	switch d.stage {
	case loud:
		return 0, ErrLoud
	case partly:
		if d.err != nil && !errors.Is(d.err, syscall.EAGAIN) {
			err = os.NewSyscallError("write", d.err)
		}
	case whole:
		d.waited, err = err, nil
	case idle: // err says why nothing was done
	}
	return d.wrote, err
}

// asked reports whether fill returns what ask has waited for.
func (d *descriptor) asked() bool { return d.stage == whole }

// askStep looks and writes when it is called first, and then reads.
func (d *descriptor) askStep(fd uintptr) bool {
	if d.stage == whole {
		return d.try(fd)
	}
	if _, err := nonblock.Read(fd, d.one[:]); !errors.Is(err, syscall.EAGAIN) {
		d.stage = loud
		return true
	}
	d.send(fd)
	d.wrote, d.stage = d.n, partly
	if d.err != nil || d.wrote < len(d.out[0])+len(d.out[1]) {
		return true
	}
	d.stage, d.out = whole, [2][]byte{}
	d.written()
	return false
}
