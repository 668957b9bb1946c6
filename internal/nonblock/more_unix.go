//go:build unix && !linux

package nonblock

import "syscall"

// WriteMore writes nothing: here the system can't be told that more follows, and
// what goes out in two packets is better written from two places at once.
func WriteMore(uintptr, []byte) (int, error) { return 0, syscall.EAGAIN }
