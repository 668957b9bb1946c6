//go:build linux

package socket

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// Watcher notices clients that hang up while their requests are worked on: one
// epoll instance and one goroutine for all connections. It asks for the ends of
// connections alone, so that one that sends and reads costs nothing here.
//
// A connection is known by a token that is never used again, so an event that is
// late cannot hit another connection that has the same descriptor by now.
type Watcher struct {
	file *os.File // the epoll instance, which the runtime's own poller waits for
	fd   int

	mu     sync.Mutex
	closed bool
	last   uint64
	conns  map[uint64]Watched
}

// NewWatcher fails where the system gives no more descriptors.
func NewWatcher() (*Watcher, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// The runtime polls only files that don't block; no wait here ever does.
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &Watcher{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, conns: make(map[uint64]Watched)}, nil
}

// Watched is told what becomes of a connection.
type Watched interface {
	// HungUp says that the client sends nothing more, or that the connection is
	// broken. It must not block.
	HungUp(broken bool)
}

// Watch has c told of the end of the socket's client until Forget.
func (w *Watcher) Watch(c Watched, s *Socket) (token uint64, err error) {
	failed := s.raw.Control(func(fd uintptr) { token, err = w.add(c, int(fd)) })
	return token, errors.Join(failed, err)
}

func (w *Watcher) add(c Watched, fd int) (token uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, os.ErrClosed
	}
	w.last++
	token = w.last
	const edges = 1 << 31 // EPOLLET, which package syscall has as a negative number
	event := syscall.EpollEvent{
		Events: syscall.EPOLLRDHUP | edges,
		Fd:     int32(uint32(token)), Pad: int32(uint32(token >> 32)), //nolint:gosec,mnd // the two halves
	}
	if err := syscall.EpollCtl(w.fd, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	w.conns[token] = c // an event that has come already waits for the mutex
	return token, nil
}

// Forget is called before the connection is closed or handed over.
func (w *Watcher) Forget(token uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, token)
}

// tell tells a connection that is still watched.
func (w *Watcher) tell(e *syscall.EpollEvent) {
	token := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 //nolint:gosec,mnd // the two halves
	w.mu.Lock()
	c, ok := w.conns[token]
	w.mu.Unlock()
	if ok {
		c.HungUp(e.Events&(syscall.EPOLLERR|syscall.EPOLLHUP) != 0)
	}
}

// Close ends Run.
func (w *Watcher) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	_ = w.file.Close() // the second time, it says that it is closed
}

// Run tells connections of their ends until Close.
func (w *Watcher) Run() {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	events := make([]syscall.EpollEvent, 64)
	n := 0
	collect := func(fd uintptr) bool {
		n, err = syscall.EpollWait(int(fd), events, 0)
		return n > 0 || err != nil && !errors.Is(err, syscall.EINTR)
	}
	for {
		if closed := raw.Read(collect); closed != nil || err != nil {
			return
		}
		for i := range n {
			w.tell(&events[i])
		}
	}
}
