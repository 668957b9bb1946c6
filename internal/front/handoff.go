//go:build linux

package front

import (
	"io"
	"net"
	"sync"
)

// handoff is the listener through which connections reach the server behind. It
// holds none: who gives one waits until it is taken.
type handoff struct {
	address net.Addr
	given   chan net.Conn
	ended   chan struct{}
	once    sync.Once
}

func newHandoff(address net.Addr) *handoff {
	return &handoff{address: address, given: make(chan net.Conn), ended: make(chan struct{})}
}

// give hands a connection over, or closes it if nobody takes it any more.
func (h *handoff) give(socket net.Conn) {
	select {
	case h.given <- socket:
	case <-h.ended:
		_ = socket.Close()
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case socket := <-h.given:
		return socket, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.ended) })
	return nil
}

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return h.address }

// replay is a connection whose first bytes were read already. It offers what
// net/http looks for in a TCP connection.
type replay struct {
	net.Conn
	tcp *net.TCPConn
	// mu is held by a read; net/http has one at a time.
	mu   sync.Mutex
	rest []byte
}

// Read returns the bytes that were read already, then those of the connection.
func (r *replay) Read(p []byte) (int, error) {
	r.mu.Lock()
	if len(r.rest) > 0 {
		n := copy(p, r.rest)
		if r.rest = r.rest[n:]; len(r.rest) == 0 {
			r.rest = nil
		}
		r.mu.Unlock()
		return n, nil
	}
	r.mu.Unlock()
	return r.Conn.Read(p)
}

// NetConn is the connection as it was accepted.
func (r *replay) NetConn() net.Conn { return r.Conn }

// ReadFrom implements io.ReaderFrom.
func (r *replay) ReadFrom(from io.Reader) (int64, error) { return r.tcp.ReadFrom(from) }

// CloseWrite says that nothing more is written.
func (r *replay) CloseWrite() error { return r.tcp.CloseWrite() }
