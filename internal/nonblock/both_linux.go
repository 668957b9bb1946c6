//go:build race

package nonblock

import "syscall"

// WriteBoth is Write for head and then body. Head may wait in the system for body, so
// that both go out together.
func WriteBoth(fd uintptr, head, body []byte) (int, error) {
	head, body = boundedBoth(head, body)
	if len(body) == 0 {
		return Write(fd, head)
	}
	n, err := untilDone(func() (int, error) { return syscall.SendmsgN(int(fd), head, nil, nil, syscall.MSG_MORE) })
	if err != nil || n < len(head) {
		return n, err
	}
	m, err := Write(fd, body)
	if n > 0 {
		err = nil // of what follows, the next call tells
	}
	return n + m, err
}
