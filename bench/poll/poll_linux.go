//go:build linux && (amd64 || arm64)

package poll

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"
)

const (
	// batch is how many events one look at the sockets brings.
	batch = 256
	// coarse is the wait from which on epoll's milliseconds are exact enough.
	coarse = 3 * time.Millisecond
	// backlog is how many connections wait to be accepted.
	backlog = 4096
	// edge is EPOLLET, which package syscall has as a negative number.
	edge = 1 << 31
	// setTimerSlack is PR_SET_TIMERSLACK of prctl(2).
	setTimerSlack = 29
)

// Poller waits for sockets. It belongs to one goroutine.
type Poller struct {
	epoll  int
	ready  []syscall.EpollEvent
	locked bool
	awake  bool
}

// Event tells that something happened at a socket. What, the owner finds out:
// it writes what it has left to write and reads until there is nothing.
type Event struct {
	FD int
	// Closed says that the other side has closed, so that even a short read is
	// to be followed by another one.
	Closed bool
}

// New makes a Poller.
func New() (*Poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	if fd >= syscall.FD_SETSIZE {
		_ = syscall.Close(fd)
		return nil, errors.New("too many open files to wait with microseconds")
	}
	return &Poller{epoll: fd, ready: make([]syscall.EpollEvent, batch)}, nil
}

// Exact binds the goroutine to its thread and lets its waits end on time; by
// default the kernel may be 50 µs late. Close undoes it.
func (p *Poller) Exact() {
	runtime.LockOSThread()
	p.locked = true
	slack(1)
}

// Awake makes waits spin, for a poller that has a processor to itself. A thread
// that sleeps has to be woken by whoever writes to its sockets, which costs a target
// that leaves it time to sleep 3 µs more for each write than one that does not: what
// is measured would depend on how fast the target is, and with clients on another
// machine none of it would be the target's.
func (p *Poller) Awake() { p.awake = true }

// slack sets how late, in nanoseconds, the thread's waits may end; 0 is the default.
func slack(ns uintptr) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, ns, 0)
}

// Close gives the Poller back. The sockets stay open.
func (p *Poller) Close() error {
	if p.locked {
		slack(0)
		runtime.UnlockOSThread()
	}
	return syscall.Close(p.epoll)
}

// Add makes Wait tell of a socket until it is closed.
func (p *Poller) Add(fd int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edge, Fd: int32(fd)} //nolint:gosec // G115: a descriptor
	if err := syscall.EpollCtl(p.epoll, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

// Wait blocks until something happens at a socket, at most for wait, and hands
// over what happened.
func (p *Poller) Wait(wait time.Duration, handle func(Event)) error {
	n, err := p.look(0)
	if n == 0 && err == nil && wait > 0 {
		if n, err = p.more(wait); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	for _, event := range p.ready[:n] {
		closed := event.Events & (syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR)
		handle(Event{FD: int(event.Fd), Closed: closed != 0})
	}
	return nil
}

// more waits for something to happen.
func (p *Poller) more(wait time.Duration) (int, error) {
	if p.awake {
		return p.spin(wait)
	}
	return p.block(wait)
}

// block waits with epoll alone, or, where its milliseconds are too coarse, with
// select on the epoll's own descriptor.
func (p *Poller) block(wait time.Duration) (int, error) {
	if wait >= coarse {
		return p.look(int((wait - time.Millisecond) / time.Millisecond))
	}
	var set syscall.FdSet
	set.Bits[p.epoll/64] |= 1 << (p.epoll % 64)
	limit := syscall.NsecToTimeval(int64(wait))
	if n, err := syscall.Select(p.epoll+1, &set, nil, nil, &limit); n <= 0 || err != nil {
		if errors.Is(err, syscall.EINTR) {
			err = nil
		}
		return 0, err
	}
	return p.look(0)
}

// spin looks again and again, and lets others have the processor in between.
func (p *Poller) spin(wait time.Duration) (int, error) {
	for began := time.Now(); time.Since(began) < wait; {
		if n, err := p.look(0); n > 0 || err != nil {
			return n, err
		}
		_, _, _ = syscall.Syscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
	}
	return p.look(0)
}

func (p *Poller) look(ms int) (int, error) {
	n, err := syscall.EpollWait(p.epoll, p.ready, ms)
	if errors.Is(err, syscall.EINTR) {
		return 0, nil
	}
	return max(n, 0), err
}

// Listen opens a listening socket on 127.0.0.1; port 0 takes a free one. It
// returns the socket and its port.
func Listen(port int) (fd, bound int, err error) {
	fd, err = socket()
	if err != nil {
		return 0, 0, err
	}
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, address(port)),
		syscall.Listen(fd, backlog),
	)
	if err != nil {
		Close(fd)
		return 0, 0, fmt.Errorf("listen on port %d: %w", port, err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		Close(fd)
		return 0, 0, fmt.Errorf("find the port: %w", err)
	}
	if inet, ok := name.(*syscall.SockaddrInet4); ok {
		bound = inet.Port
	}
	return fd, bound, nil
}

// Accept takes a connection that waits; ok is false if none does.
func Accept(listener int) (fd int, ok bool, err error) {
	for {
		fd, _, err = syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch {
		case err == nil:
			return fd, true, noDelay(fd)
		case errors.Is(err, syscall.EAGAIN):
			return 0, false, nil
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.ECONNABORTED):
		default:
			return 0, false, fmt.Errorf("accept a connection: %w", err)
		}
	}
}

// Dial begins a connection to a port of 127.0.0.1. An Event tells when it is
// there; that it failed, the first Write or Read tells.
func Dial(port int) (int, error) {
	fd, err := socket()
	if err != nil {
		return 0, err
	}
	if err := syscall.Connect(fd, address(port)); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		Close(fd)
		return 0, fmt.Errorf("connect to port %d: %w", port, err)
	}
	return fd, noDelay(fd)
}

// Read reads what is there: 0 and no error means nothing yet, io.EOF that the
// other side has closed.
func Read(fd int, into []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, into)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, err
		}
	}
}

// Write writes as much of data as the socket takes, which may be nothing.
func Write(fd int, data []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, data)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, err
		}
	}
}

// Close closes a socket.
func Close(fd int) { _ = syscall.Close(fd) }

// RaiseFiles lets the process open as many files as it may, want if it can, and
// returns how many that are.
func RaiseFiles(want int) (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur >= uint64(want) { //nolint:gosec // G115: a small number
		return int(limit.Cur), nil //nolint:gosec // G115: the kernel's most is far below
	}
	higher := syscall.Rlimit{Cur: uint64(want), Max: max(limit.Max, uint64(want))} //nolint:gosec // G115: a small number
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher) != nil {
		higher = syscall.Rlimit{Cur: limit.Max, Max: limit.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher); err != nil {
			return 0, fmt.Errorf("raise the limit of open files: %w", err)
		}
	}
	return int(higher.Cur), nil //nolint:gosec // G115: the kernel's most is far below
}

func socket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open a socket: %w", err)
	}
	return fd, nil
}

func noDelay(fd int) error {
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}

func address(port int) *syscall.SockaddrInet4 {
	return &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}
