package wire

import (
	"errors"
	"syscall"
)

// announceNow writes what more is to follow at once: it may wait in the system for
// that, so that both go out together. It does not block.
func announceNow(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.SendmsgN(int(fd), p, nil, nil, syscall.MSG_MORE)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}
