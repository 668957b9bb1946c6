//go:build !linux

package listener

import (
	"errors"
	"net"
)

// setBacklog leaves the queue as the system made it: only on Linux is it known what
// a second listen does.
func setBacklog(*net.TCPListener, int) error { return nil }

// SystemBacklog is not known on this system.
func SystemBacklog() int { return 0 }

// RaiseFiles leaves the limit to Go's runtime, which raises it.
func RaiseFiles() int { return 0 }

// linger leaves it to the system how long it keeps what was sent.
func (l *Listener) linger(*net.TCPConn) {}

func keepOff(*net.TCPListener) error { return errors.ErrUnsupported }
