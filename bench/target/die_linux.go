package target

import "syscall"

// dieWithUs makes the kernel end a process when the one that started it ends,
// even by SIGKILL.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
