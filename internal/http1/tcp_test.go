package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// listening serves each connection on loopback by serve, and returns where.
func listening(t *testing.T, serve func(conn net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var conns []chan struct{}
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			done := make(chan struct{})
			conns = append(conns, done)
			go func() {
				defer close(done)
				defer conn.Close()
				serve(conn)
			}()
		}
		for _, done := range conns {
			<-done
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// client makes a client whose end is waited for.
func client(t *testing.T, origin string, s Settings) *Client {
	t.Helper()
	c, err := New(origin, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// overTCP answers every request on a socket by handle.
func overTCP(handle func(r *http.Request, conn net.Conn) bool) func(net.Conn) {
	return func(conn net.Conn) {
		serving(func(_ int, r *http.Request, conn net.Conn) bool { return handle(r, conn) })(1, conn)
	}
}

// A kept connection that the server closed, or on which it said something
// unasked, is not used again; and that is seen before anything is written.
func TestKeptSocketIsLookedAt(t *testing.T) {
	for name, after := range map[string]func(conn net.Conn){
		"closed":         func(conn net.Conn) { conn.Close() },
		"reset":          reset,
		"a stray answer": func(conn net.Conn) { say(conn, whole("stray")) },
		"a stray byte":   func(conn net.Conn) { say(conn, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			step := make(chan struct{})
			requests := 0
			address := listening(t, overTCP(func(_ *http.Request, conn net.Conn) bool {
				requests++
				say(conn, whole("right"))
				if requests > 1 {
					return false
				}
				<-step // the client has read the answer
				after(conn)
				step <- struct{}{}
				return hang(conn)
			}))
			c := client(t, "http://"+address, Settings{})
			w := &world{Client: c}
			w.ask(t.Context(), post("x")).want(t, "right")
			step <- struct{}{}
			<-step
			waitReadable(t, c)
			w.ask(t.Context(), post("x")).want(t, "right")
			if got := c.Stats(); got.Dialled != 2 || got.Reused != 0 || got.Stale != 0 {
				t.Errorf("got %+v, want a second dial and no retry", got)
			}
		})
	}
}

// reset closes conn so that the other side gets an error.
func reset(conn net.Conn) {
	if socket, ok := conn.(*net.TCPConn); ok {
		_ = socket.SetLinger(0)
	}
	conn.Close()
}

// waitReadable waits until what the server did has reached the idle connection
// of c.
func waitReadable(t *testing.T, c *Client) {
	t.Helper()
	c.pool.mu.Lock()
	socket, ok := c.pool.idle[0].wire.Conn.(*net.TCPConn)
	c.pool.mu.Unlock()
	if !ok {
		t.Fatal("the idle connection is no socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = socket.SetReadDeadline(time.Now().Add(5 * time.Second))
	if err := raw.Read(func(fd uintptr) bool {
		var p [1]byte
		_, _, err := syscall.Recvfrom(int(fd), p[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return !errors.Is(err, syscall.EAGAIN)
	}); err != nil {
		t.Fatal(err)
	}
}

// A body longer than one write goes out whole, over a socket.
func TestLongBodyOverTCP(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	same := make(chan bool, 1)
	address := listening(t, func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		got, err := io.ReadAll(r.Body)
		same <- err == nil && bytes.Equal(got, body)
		say(conn, whole("taken"))
	})
	w := &world{Client: client(t, "http://"+address, Settings{WriteTimeout: 10 * time.Second})}
	w.ask(t.Context(), &Request{Method: "POST", Target: "/", Body: body}).want(t, "taken")
	if !<-same {
		t.Error("the body came changed")
	}
}
