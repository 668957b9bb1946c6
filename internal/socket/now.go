package socket

import (
	"errors"
	"net"
	"syscall"
)

// now writes to a socket what it takes without waiting: no deadline is needed for that,
// and the scheduler need not be told.
type now struct {
	raw syscall.RawConn
	// once is made once, so that a write makes nothing. What it works on is below.
	once func(fd uintptr)
	p    []byte
	n    int
	err  error
}

// writesNow is that for a bare connection; nil for another one, such as TLS.
func writesNow(conn net.Conn) *now {
	bare, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := bare.SyscallConn()
	if err != nil {
		return nil
	}
	n := &now{raw: raw}
	n.once = n.try
	return n
}

func (n *now) try(fd uintptr) { n.n, n.err = writeNow(fd, n.p) }

// write returns how much of p was written; that there is no room for more is no error.
func (n *now) write(p []byte) (int, error) {
	n.p = p
	err := n.raw.Control(n.once)
	n.p = nil
	switch {
	case err != nil:
		return 0, err
	case n.err != nil && !errors.Is(n.err, syscall.EAGAIN):
		return n.n, n.err
	}
	return n.n, nil
}
