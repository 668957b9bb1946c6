package child

import "syscall"

const (
	machine    = 0xC000003E // AUDIT_ARCH_X86_64
	sysSeccomp = 317
	// mostCalls is below the numbers of the x32 machine, whose calls are these too.
	mostCalls = 0x3FFFFFFF
)

// deniedHere are those that package syscall has not, or that are of this machine.
func deniedHere() []uint32 {
	const processVMReadv, processVMWritev, bpf, userfaultfd, execveat, setns, sendmmsg, recvmmsg = 310, 311, 321, 323, 322, 308, 307, 299
	return []uint32{
		processVMReadv, processVMWritev, bpf, userfaultfd, execveat, setns, sendmmsg, recvmmsg,
		syscall.SYS_FORK, syscall.SYS_VFORK,
	}
}

func writingDeniedHere() []uint32 {
	const renameat2 = 316
	return []uint32{
		renameat2, syscall.SYS_CREAT, syscall.SYS_UNLINK, syscall.SYS_RMDIR, syscall.SYS_MKDIR, syscall.SYS_MKNOD, syscall.SYS_LINK,
		syscall.SYS_SYMLINK, syscall.SYS_RENAME, syscall.SYS_CHMOD, syscall.SYS_CHOWN, syscall.SYS_LCHOWN,
		syscall.SYS_OPEN, // Go and libc use openat
	}
}
