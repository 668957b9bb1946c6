//go:build unix && (!linux || race)

package nonblock

import (
	"errors"
	"syscall"
)

// Read reads what is there into p, up to 256 KiB; 0 bytes are the end.
func Read(fd uintptr, p []byte) (int, error) {
	return untilDone(func() (int, error) { return syscall.Read(int(fd), bounded(p)) })
}

// Write writes as much of p as the socket takes, up to 256 KiB.
func Write(fd uintptr, p []byte) (int, error) {
	return untilDone(func() (int, error) { return syscall.Write(int(fd), bounded(p)) })
}

// untilDone calls again what was interrupted.
func untilDone(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}
