package listener

import (
	"net"
	"os"
	"syscall"
	"time"
	"unsafe" //nolint:depguard // a system call wants the address of its result
)

const (
	// lingerRate is how many bytes a client has to take each second, after lingerGrace.
	lingerRate = 1 << 10
	// lingerFirst and lingerLast are the first and the longest time between two looks.
	lingerFirst = 50 * time.Millisecond
	lingerLast  = time.Second
)

// linger sees to it that the system keeps what a connection was sent, which is being
// closed, no longer than its client takes it at a reasonable pace: by itself it would for
// as long as the client takes a byte now and then. It does not block.
func (l *Listener) linger(tcp *net.TCPConn) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		left := unsent(int(fd))
		if left == 0 || isClosed(l.ended) {
			return
		}
		select {
		case l.lingering <- struct{}{}:
		default: // too many do that: this one is the system's
			return
		}
		kept, err := keep(int(fd))
		if err != nil {
			<-l.lingering
			return
		}
		_ = syscall.Shutdown(kept, syscall.SHUT_WR) // the client is told of the end behind the rest
		go func() {
			l.watch(kept, left)
			<-l.lingering
		}()
	})
}

// watch closes a connection when its client has taken all that it was sent, or is too slow.
func (l *Listener) watch(fd, left int) {
	defer syscall.Close(fd)
	began := time.Now()
	wait := lingerFirst
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-l.ended:
			return
		}
		now := unsent(fd)
		if now == 0 {
			return
		}
		late := time.Since(began) - l.lingerGrace
		if late > 0 && float64(left-now) < late.Seconds()*lingerRate {
			_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}) // nothing is left of it
			return
		}
		wait = min(2*wait, lingerLast) //nolint:mnd // it doubles
		timer.Reset(wait)
	}
}

func isClosed(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// keep is the socket by another descriptor, so that it outlives its connection's end.
func keep(fd int) (int, error) {
	kept, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return 0, os.NewSyscallError("fcntl", errno)
	}
	return int(kept), nil
}

// unsent is how many bytes the other side has not confirmed. The end of what is sent
// counts as one, which is left out: it does no harm.
func unsent(fd int) int {
	n := new(int32)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCOUTQ, uintptr(unsafe.Pointer(n))) //nolint:gosec // converted in the call itself
	if errno != 0 {
		return 0
	}
	return max(int(*n)-1, 0)
}
