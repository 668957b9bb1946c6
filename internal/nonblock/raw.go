//go:build linux && !race

package nonblock

import (
	"syscall"
	"unsafe" //nolint:depguard // what the system reads and writes is told by its address
)

// Read reads what is there into p, up to 256 KiB; 0 bytes are the end.
func Read(fd uintptr, p []byte) (int, error) { return move(syscall.SYS_READ, fd, bounded(p), 0) }

// Write writes as much of p as the socket takes, up to 256 KiB.
func Write(fd uintptr, p []byte) (int, error) { return send(fd, bounded(p), 0) }

// WriteMore is Write for what is not the last: it may wait in the system for what
// follows, so that both go out together.
func WriteMore(fd uintptr, p []byte) (int, error) { return send(fd, bounded(p), syscall.MSG_MORE) }

// send writes to a socket. One whose other side is gone is an error and no signal.
func send(fd uintptr, p []byte, flags uintptr) (int, error) {
	return move(syscall.SYS_SENDTO, fd, p, flags|syscall.MSG_NOSIGNAL)
}

// move makes a system call that takes a descriptor, bytes and their number, and
// returns how many it moved.
func move(call, fd uintptr, p []byte, flags uintptr) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		//nolint:gosec // converted in the call itself, which is what keeps p where it is
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}
