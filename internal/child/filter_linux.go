//go:build linux && (amd64 || arm64)

package child

import "syscall"

// What a filter of system calls is made of: instructions of the classic packet filter.
const (
	loadWord  = 0x20 // BPF_LD | BPF_W | BPF_ABS
	jumpEqual = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	jumpMore  = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	jumpBits  = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	giveBack  = 0x06 // BPF_RET | BPF_K

	actAllow = 0x7FFF0000 // SECCOMP_RET_ALLOW
	actError = 0x00050000 // SECCOMP_RET_ERRNO, with the error's number in the low bits
	actKill  = 0x80000000 // SECCOMP_RET_KILL_PROCESS

	// Where the call's number, the machine's and the low words of arguments stand in
	// what a filter sees.
	atNumber   = 0
	atMachine  = 4
	atArgument = 16
	argument   = 8
)

// A thread of this process, in clone's flags; a file that is written, made or cut, in
// those of openat.
const (
	cloneThread = 0x10000
	openWrites  = syscall.O_WRONLY | syscall.O_RDWR | syscall.O_CREAT | syscall.O_TRUNC
)

// filter is the program for a child: what is denied fails with EPERM, but for calls that
// Go and libc can do without, which are not there. All else is allowed.
func filter(b Bounds) []syscall.SockFilter {
	refuse := uint32(actError | syscall.EPERM)
	p := []syscall.SockFilter{
		{Code: loadWord, K: atMachine},
		{Code: jumpEqual, K: machine, Jt: 1},
		{Code: giveBack, K: actKill}, // calls of another machine have other numbers
		{Code: loadWord, K: atNumber},
		{Code: jumpMore, K: mostCalls, Jf: 1},
		{Code: giveBack, K: actKill},
	}
	deny := func(call uint32, with uint32) {
		p = append(p, syscall.SockFilter{Code: jumpEqual, K: call, Jf: 1}, syscall.SockFilter{Code: giveBack, K: with})
	}
	for _, call := range alwaysDenied() {
		deny(call, refuse)
	}
	deny(sysClone3, actError|uint32(syscall.ENOSYS)) // its flags can't be seen; clone does too
	p = append(
		p, syscall.SockFilter{Code: jumpEqual, K: syscall.SYS_CLONE, Jf: 4},
		syscall.SockFilter{Code: loadWord, K: atArgument},
		syscall.SockFilter{Code: jumpBits, K: cloneThread, Jt: 1},
		syscall.SockFilter{Code: giveBack, K: refuse},
		syscall.SockFilter{Code: giveBack, K: actAllow},
	)
	if b.File == 0 {
		for _, call := range writingDenied() {
			deny(call, refuse)
		}
		p = append(
			p, syscall.SockFilter{Code: jumpEqual, K: syscall.SYS_OPENAT, Jf: 4},
			syscall.SockFilter{Code: loadWord, K: atArgument + 2*argument},
			syscall.SockFilter{Code: jumpBits, K: openWrites, Jf: 1},
			syscall.SockFilter{Code: giveBack, K: refuse},
			syscall.SockFilter{Code: giveBack, K: actAllow},
		)
	}
	return append(p, syscall.SockFilter{Code: giveBack, K: actAllow})
}

// alwaysDenied are the calls by which a process gets at the network, at other programs
// and processes, and at the system.
func alwaysDenied() []uint32 {
	return append(
		deniedHere(),
		syscall.SYS_SOCKET, syscall.SYS_SOCKETPAIR, syscall.SYS_CONNECT, syscall.SYS_BIND, syscall.SYS_LISTEN,
		syscall.SYS_ACCEPT, syscall.SYS_ACCEPT4, syscall.SYS_SENDTO, syscall.SYS_SENDMSG, syscall.SYS_RECVFROM, syscall.SYS_RECVMSG,
		syscall.SYS_EXECVE, syscall.SYS_PTRACE, syscall.SYS_KILL, syscall.SYS_TKILL,
		syscall.SYS_UNSHARE, syscall.SYS_MOUNT, syscall.SYS_UMOUNT2, syscall.SYS_CHROOT, syscall.SYS_PIVOT_ROOT,
		syscall.SYS_KEYCTL, syscall.SYS_ADD_KEY, syscall.SYS_REQUEST_KEY, syscall.SYS_PERF_EVENT_OPEN,
		sysIoUringSetup, sysOpenat2, sysPidfdOpen, sysPidfdGetfd, sysPidfdSendSignal,
	)
}

// writingDenied are the calls that change files, beside opening one to write.
func writingDenied() []uint32 {
	return append(
		writingDeniedHere(),
		syscall.SYS_UNLINKAT, syscall.SYS_MKDIRAT, syscall.SYS_MKNODAT, syscall.SYS_LINKAT, syscall.SYS_SYMLINKAT,
		syscall.SYS_RENAMEAT, syscall.SYS_TRUNCATE, syscall.SYS_FTRUNCATE, syscall.SYS_FALLOCATE,
		syscall.SYS_FCHMOD, syscall.SYS_FCHMODAT, syscall.SYS_FCHOWN, syscall.SYS_FCHOWNAT,
		syscall.SYS_SETXATTR, syscall.SYS_FSETXATTR, syscall.SYS_LSETXATTR,
	)
}

// Calls that have the same number on both machines.
const (
	sysPidfdSendSignal = 424
	sysIoUringSetup    = 425
	sysPidfdOpen       = 434
	sysClone3          = 435
	sysOpenat2         = 437
	sysPidfdGetfd      = 438
)
