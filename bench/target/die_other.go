//go:build !linux

package target

import "syscall"

func dieWithUs() *syscall.SysProcAttr { return nil }
