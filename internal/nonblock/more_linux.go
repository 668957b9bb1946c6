//go:build race

package nonblock

import "syscall"

// WriteMore is Write for what is not the last: it may wait in the system for what
// follows, so that both go out together.
func WriteMore(fd uintptr, p []byte) (int, error) {
	return untilDone(func() (int, error) { return syscall.SendmsgN(int(fd), bounded(p), nil, nil, syscall.MSG_MORE) })
}
