//go:build unix && !linux

package wire

import "syscall"

// announceNow writes nothing: here the system can't be told that more follows, and
// what goes out in two packets is better written from two places at once.
func announceNow(uintptr, []byte) (int, error) { return 0, syscall.EAGAIN }
