//go:build linux

package front

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/buffer"
	"github.com/fairleadhq/fairlead/internal/front/socket"
)

// Server serves one listener. Its fields are not changed once it serves.
//
// The listener's connections are TCP connections, or have one that may be read and
// written past them, as Bare tells; they themselves are closed in any case. One
// that has a method Value gives it to the contexts of its requests. HTTP.ConnContext
// is called for those alone that are handed over.
type Server struct {
	// HTTP is the server behind the lane: its handler, its ReadHeaderTimeout,
	// its IdleTimeout and its ErrorLog are those of the lane, which logs nothing
	// without one. A server with a ReadTimeout or a WriteTimeout serves everything
	// itself.
	HTTP *http.Server
	// Off has HTTP serve everything.
	Off bool

	buffers buffer.Buffers
	outs    outs
	heads   heads
	date    dateCache
	watcher *socket.Watcher
	handoff *handoff
	closing atomic.Bool

	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
	changed  chan struct{} // told when a connection has gone
	stopped  chan struct{} // closed when nothing is waited for any more
	isOver   bool          // stopped is closed
}

// Serve accepts connections until Shutdown or Close, and returns
// http.ErrServerClosed when they have done their work. After any other error it
// has closed everything. It is called once.
func (s *Server) Serve(listener net.Listener) error {
	if s.Off || s.HTTP.ReadTimeout > 0 || s.HTTP.WriteTimeout > 0 {
		return s.HTTP.Serve(listener)
	}
	watcher, err := socket.NewWatcher()
	if err != nil {
		return s.HTTP.Serve(listener)
	}
	if !s.begin(listener, watcher) {
		watcher.Close()
		_ = listener.Close()
		return http.ErrServerClosed
	}
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(watcher.Run)
	group.Go(func() { _ = s.HTTP.Serve(s.handoff) }) // it ends with the handoff
	err = s.accept(listener)
	if s.closing.Load() {
		<-s.stopped
		return http.ErrServerClosed
	}
	_ = s.Close()
	return err
}

// begin reports whether the server may serve: it was not closed before.
func (s *Server) begin(listener net.Listener, watcher *socket.Watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listener, s.watcher, s.handoff = listener, watcher, newHandoff(listener.Addr())
	s.conns, s.changed, s.stopped = make(map[*conn]struct{}), make(chan struct{}, 1), make(chan struct{})
	return true
}

// accept starts a goroutine for each connection, until the listener fails.
func (s *Server) accept(listener net.Listener) error {
	const longest = time.Second // of the wait after a failure that passes
	var wait time.Duration
	for {
		socket, err := listener.Accept()
		if err != nil {
			passing, ok := errors.AsType[temporary](err)
			if s.closing.Load() || !ok || !passing.Temporary() {
				return err
			}
			wait = min(max(2*wait, 5*time.Millisecond), longest)
			s.logf("front: accept: %v; again in %v", err, wait)
			select {
			case <-time.After(wait):
			case <-s.stopped:
			}
			continue
		}
		wait = 0
		s.start(socket)
	}
}

// temporary is an error that may pass, such as too many open files.
type temporary interface {
	error
	Temporary() bool
}

// bare is the TCP connection of a connection; nil if it has none.
func bare(socket net.Conn) *net.TCPConn {
	switch c := socket.(type) {
	case *net.TCPConn:
		return c
	case interface{ Bare() *net.TCPConn }:
		return c.Bare()
	}
	return nil
}

// start serves a new connection; one that is no TCP socket goes to net/http.
func (s *Server) start(socket net.Conn) {
	tcp := bare(socket)
	if tcp == nil {
		s.handoff.give(socket)
		return
	}
	c := newConn(s, socket, tcp)
	if c == nil || !s.add(c) {
		_ = socket.Close()
		return
	}
	go c.serve()
}

// add reports whether the connection may be served.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Shutdown stops to accept, closes the connections that wait for a request, and
// returns when the others have answered theirs; so does the server behind. If ctx
// ends before, it returns ctx's error, and Close is to be called.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopAccepting()
	s.closeIdle()
	err := s.HTTP.Shutdown(ctx)
	if served := s.isServing(); !served || err != nil {
		return err
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	s.stop()
	return nil
}

// drain returns when no connection is left.
func (s *Server) drain(ctx context.Context) error {
	const look = 200 * time.Millisecond // for new connections that stay silent
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for s.closeIdle() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.changed:
		case <-ticker.C:
		}
	}
	return nil
}

// Close closes every connection at once and ends the contexts of the requests
// under way. It does not wait for their handlers.
func (s *Server) Close() error {
	s.stopAccepting()
	err := s.HTTP.Close()
	if !s.isServing() {
		return err
	}
	s.mu.Lock()
	for c := range s.conns {
		c.kill()
	}
	s.mu.Unlock()
	s.stop()
	return err
}

func (s *Server) isServing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener != nil
}

func (s *Server) stopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	if s.listener != nil {
		_ = s.listener.Close() // it may be closed already
	}
}

// stop lets Serve return.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver {
		return
	}
	s.isOver = true
	close(s.stopped)
	s.handoff.Close()
	s.watcher.Close()
}

// closeIdle closes the connections that wait for a request, and returns how many
// there are, those included. A new one gets some time to send its first.
func (s *Server) closeIdle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.closeIfIdle()
	}
	return len(s.conns)
}

func (s *Server) logf(format string, args ...any) {
	if s.HTTP.ErrorLog != nil {
		s.HTTP.ErrorLog.Printf(format, args...)
	}
}

// dateCache is the Date of answers, made once a second.
type dateCache struct{ last atomic.Pointer[date] }

type date struct {
	second int64
	text   string
}

func (d *dateCache) text() string {
	now := time.Now()
	if last := d.last.Load(); last != nil && last.second == now.Unix() {
		return last.text
	}
	made := &date{now.Unix(), now.UTC().Format(http.TimeFormat)}
	d.last.Store(made)
	return made.text
}
