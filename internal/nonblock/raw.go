//go:build linux && !race

package nonblock

import (
	"syscall"
	"unsafe" //nolint:depguard // what the system reads and writes is told by its address
)

// Read reads what is there into p, up to 256 KiB; 0 bytes are the end.
func Read(fd uintptr, p []byte) (int, error) { return move(syscall.SYS_RECVFROM, fd, bounded(p), 0) }

// Write writes as much of p as the socket takes, up to 256 KiB. A socket whose other
// side is gone is an error and no signal.
func Write(fd uintptr, p []byte) (int, error) {
	return move(syscall.SYS_SENDTO, fd, bounded(p), syscall.MSG_NOSIGNAL)
}

// move makes a system call that takes a socket, bytes, their number and flags, and
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

// WriteBoth is Write for head and then body, in one call.
func WriteBoth(fd uintptr, head, body []byte) (int, error) {
	head, body = boundedBoth(head, body)
	switch {
	case len(head) == 0:
		return Write(fd, body)
	case len(body) == 0:
		return Write(fd, head)
	}
	parts := [2]syscall.Iovec{{Base: &head[0]}, {Base: &body[0]}}
	parts[0].SetLen(len(head))
	parts[1].SetLen(len(body))
	message := syscall.Msghdr{Iov: &parts[0], Iovlen: 2}
	for {
		//nolint:gosec // as in move
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&message)), syscall.MSG_NOSIGNAL, 0, 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}
