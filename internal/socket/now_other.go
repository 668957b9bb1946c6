//go:build !unix

package socket

import "syscall"

func writeNow(uintptr, []byte) (int, error) { return 0, syscall.EAGAIN }
