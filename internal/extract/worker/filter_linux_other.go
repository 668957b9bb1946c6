//go:build linux && !amd64 && !arm64

package worker

import "syscall"

const sysSeccomp = 0

// filter is none: the numbers of calls are not known for this machine.
func filter(task) []syscall.SockFilter { return nil }
