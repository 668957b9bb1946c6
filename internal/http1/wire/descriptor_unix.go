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
	buf      *buffer.Buffer
	into     []byte
	out      [2][]byte
	n        int
	err      error
}

func describe(socket *net.TCPConn, pool *buffer.Buffers) *descriptor {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	d := &descriptor{raw: raw, pool: pool}
	d.tryOnce, d.lookOnce, d.sendOnce = d.try, d.look, d.send
	return d
}

// fill waits until the socket can be read, or its read deadline has passed,
// and reads into a buffer from the pool. A buffer comes without an error.
func (d *descriptor) fill() (*buffer.Buffer, error) {
	if err := d.raw.Read(d.tryOnce); err != nil {
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
	head, body := d.out[0], d.out[1]
	if len(body) == 0 {
		d.n, d.err = nonblock.Write(fd, head)
		return
	}
	if len(head) > 0 {
		d.n, d.err = nonblock.WriteMore(fd, head)
	}
	if d.n == len(head) && d.err == nil {
		n, err := nonblock.Write(fd, body)
		d.n, d.err = d.n+n, err
	}
}
