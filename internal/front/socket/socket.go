//go:build linux

// Package socket is a bare TCP connection that costs little while nothing happens on
// it: reads borrow a buffer only when bytes are there, deadlines reach the system only
// when something has to wait, and one watcher for all connections tells which of
// their clients have gone.
//
// Start with Socket, then Clock and Watcher.
package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/fairleadhq/fairlead/internal/buffer"
	"github.com/fairleadhq/fairlead/internal/nonblock"
)

// Socket is a connection. One goroutine at a time reads, and one writes; the clocks
// may be set by any.
type Socket struct {
	TCP     *net.TCPConn
	Buffers *buffer.Buffers
	In, Out Clock // of reads, and of writes
	raw     syscall.RawConn

	// The functions that raw is given are made once, so that a call makes nothing.
	// What they work on is below.
	readOnce, writeOnce func(fd uintptr) bool
	reading             reading
	writing             writing
}

type reading struct {
	into   []byte         // what is read into; nil for a borrowed buffer
	buf    *buffer.Buffer // the one that was borrowed
	n      int
	err    error
	waited bool
}

type writing struct {
	rest   []byte
	err    error
	waited bool
	parts  [3][]byte
	vector net.Buffers
}

// Init takes a connection, and where its buffers come from.
func (s *Socket) Init(tcp *net.TCPConn, buffers *buffer.Buffers) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	s.TCP, s.raw, s.Buffers = tcp, raw, buffers
	s.In.put, s.Out.put = tcp.SetReadDeadline, tcp.SetWriteDeadline
	s.readOnce, s.writeOnce = s.tryRead, s.tryWrite
	return nil
}

// Borrow waits for bytes and reads them into a borrowed buffer, which comes
// without an error.
func (s *Socket) Borrow() (*buffer.Buffer, error) {
	err := s.readInto(nil)
	b := s.reading.buf
	s.reading.buf = nil
	if err != nil && b != nil {
		s.Buffers.Put(b)
		b = nil
	}
	return b, err
}

// Read waits for bytes and reads them into p, which has room.
func (s *Socket) Read(p []byte) (int, error) {
	err := s.readInto(p)
	s.reading.into = nil
	return s.reading.n, err
}

func (s *Socket) readInto(p []byte) error {
	r := &s.reading
	r.into, r.n = p, 0
	if s.In.passed.Load() {
		return os.ErrDeadlineExceeded
	}
	for {
		r.waited = false
		err := s.raw.Read(s.readOnce)
		// A deadline that passed since the last wait fails before the first try.
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if (r.waited || late) && s.In.woke(err) {
			continue
		}
		switch {
		case err != nil:
			return err
		case r.err != nil:
			return s.failed("read", r.err)
		case r.n == 0:
			return io.EOF
		}
		return nil
	}
}

// tryRead reads once, and reports false when that has to be waited for.
func (s *Socket) tryRead(fd uintptr) bool {
	r := &s.reading
	p := r.into
	if p == nil {
		r.buf = s.Buffers.Get()
		p = r.buf.Room()
	}
	r.n, r.err = nonblock.Read(fd, p)
	if r.buf != nil {
		if r.n > 0 {
			r.buf.Fill(r.n)
		} else {
			s.Buffers.Put(r.buf)
			r.buf = nil
		}
	}
	if errors.Is(r.err, syscall.EAGAIN) {
		r.waited = true
		s.In.wait()
		return false
	}
	return true
}

// Write writes all of p.
func (s *Socket) Write(p []byte) error {
	w := &s.writing
	w.rest = p
	defer func() { w.rest = nil }()
	if s.Out.passed.Load() {
		return os.ErrDeadlineExceeded
	}
	for {
		w.waited, w.err = false, nil
		err := s.raw.Write(s.writeOnce)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if (w.waited || late) && s.Out.woke(err) {
			continue
		}
		if err == nil && w.err != nil {
			return s.failed("write", w.err)
		}
		return err
	}
}

// tryWrite writes what it can, and reports false when the rest has to wait.
func (s *Socket) tryWrite(fd uintptr) bool {
	w := &s.writing
	for len(w.rest) > 0 {
		n, err := nonblock.Write(fd, w.rest)
		switch {
		case err == nil:
			w.rest = w.rest[n:]
		case errors.Is(err, syscall.EAGAIN):
			w.waited = true
			s.Out.wait()
			return false
		default:
			w.err = err
			return true
		}
	}
	return true
}

// WriteParts writes head, body and tail as if they were one. It is for long bodies,
// of which a copy would be dearer than a deadline.
func (s *Socket) WriteParts(head, body, tail []byte) error {
	w := &s.writing
	w.parts = [3][]byte{head, body, tail}
	w.vector = w.parts[:]
	defer func() { w.parts, w.vector = [3][]byte{}, nil }()
	if s.Out.passed.Load() {
		return os.ErrDeadlineExceeded
	}
	for {
		s.Out.wait()
		_, err := w.vector.WriteTo(s.TCP)
		if !s.Out.woke(err) {
			return err
		}
	}
}

// failed is a failure of the system's as package net would tell it.
func (s *Socket) failed(doing string, err error) error {
	return &net.OpError{
		Op: doing, Net: "tcp", Source: s.TCP.LocalAddr(), Addr: s.TCP.RemoteAddr(), Err: os.NewSyscallError(doing, err),
	}
}

// Ended reports whether the client has sent its last byte, and it was read.
func (s *Socket) Ended() bool {
	gone := false
	var look [1]byte
	err := s.raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), look[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return gone || err != nil
}
