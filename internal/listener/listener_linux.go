package listener

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// setBacklog calls listen again on a socket that listens, which changes the length
// of its queue. The system cuts it to its own limit; see SystemBacklog.
func setBacklog(l *net.TCPListener, backlog int) error {
	return control(l, "listen", func(fd int) error { return syscall.Listen(fd, backlog) })
}

// SystemBacklog is the longest queue that the system allows; 0 if that is not known.
func SystemBacklog() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return n
}

// keepOff has the system drop what asks for a new connection, as if it had been
// lost on the way. What belongs to one that is being opened comes through.
func keepOff(l *net.TCPListener) error {
	const (
		flags    = 13 // where the flags of a segment are
		syn, ack = 0x02, 0x10
		all      = 0xffff
	)
	drop := []syscall.SockFilter{
		*syscall.LsfStmt(syscall.BPF_LD|syscall.BPF_B|syscall.BPF_ABS, flags),      //nolint:staticcheck // there is no other without a module
		*syscall.LsfStmt(syscall.BPF_ALU|syscall.BPF_AND|syscall.BPF_K, syn|ack),   //nolint:staticcheck // as above
		*syscall.LsfJump(syscall.BPF_JMP|syscall.BPF_JEQ|syscall.BPF_K, syn, 0, 1), //nolint:staticcheck // as above
		*syscall.LsfStmt(syscall.BPF_RET|syscall.BPF_K, 0),                         //nolint:staticcheck // as above
		*syscall.LsfStmt(syscall.BPF_RET|syscall.BPF_K, all),                       //nolint:staticcheck // as above
	}
	return control(l, "setsockopt", func(fd int) error { return syscall.AttachLsf(fd, drop) }) //nolint:staticcheck // as above
}

// control runs do on the listener's socket.
func control(l *net.TCPListener, name string, do func(fd int) error) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return os.NewSyscallError(name, failed)
}

// RaiseFiles has the process open as many files as it may, and returns how many
// that is; 0 if it is not known, or there is no limit.
func RaiseFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	if limit.Cur < limit.Max {
		raised := limit
		raised.Cur = limit.Max
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			limit = raised
		}
	}
	const endless = 1 << 40 // what is more is no limit
	if limit.Cur > endless {
		return 0
	}
	return int(limit.Cur)
}
