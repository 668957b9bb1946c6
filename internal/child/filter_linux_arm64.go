package child

const (
	machine    = 0xC00000B7 // AUDIT_ARCH_AARCH64
	sysSeccomp = 277
	mostCalls  = 0x3FFFFFFF
)

// deniedHere are those that package syscall has not.
func deniedHere() []uint32 {
	const processVMReadv, processVMWritev, bpf, userfaultfd, execveat, setns, sendmmsg, recvmmsg = 270, 271, 280, 282, 281, 268, 269, 243
	return []uint32{processVMReadv, processVMWritev, bpf, userfaultfd, execveat, setns, sendmmsg, recvmmsg}
}

func writingDeniedHere() []uint32 {
	const renameat2 = 276
	return []uint32{renameat2}
}
