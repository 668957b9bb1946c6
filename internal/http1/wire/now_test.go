package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// stuck is more than a socket takes whose other side does not read.
const stuck = 32 << 20

// narrow makes the buffer of a socket small, so that writes have to wait.
func narrow(t *testing.T, c *Conn) {
	t.Helper()
	ours, ok := c.Conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("got a %T", c.Conn)
	}
	if err := ours.SetWriteBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
}

// writes are the ways to write a head and a body.
func writes() map[string]func(c *Conn, head, body []byte) error {
	return map[string]func(c *Conn, head, body []byte) error{
		"both": func(c *Conn, head, body []byte) error { return c.WriteBoth(head, body) },
		"one": func(c *Conn, head, body []byte) error {
			_, err := c.Write(append(bytes.Clone(head), body...))
			return err
		},
	}
}

// What the socket takes at once needs no deadline; what has to wait does.
func TestWriteNowNeedsNoDeadline(t *testing.T) {
	for name, write := range writes() {
		c, _ := sockets(t)
		if runtime.GOOS != "linux" {
			t.Skip("elsewhere both are written with a deadline")
		}
		c.LimitWrites(time.Hour)
		if err := write(c, []byte("head"), []byte("body")); err != nil || !c.Sent() {
			t.Fatalf("%s: %v, sent %t", name, err, c.Sent())
		}
		if !c.out.set.IsZero() {
			t.Errorf("%s: a write that did not wait set a deadline", name)
		}
		c.LimitWrites(20 * time.Millisecond)
		if err := write(c, []byte("head"), make([]byte, stuck)); !errors.Is(err, os.ErrDeadlineExceeded) || c.out.set.IsZero() {
			t.Errorf("%s: got %v with a deadline of %v, want it to have passed", name, err, c.out.set)
		}
	}
}

// A write goes on where the socket was full, in the head and in the body.
func TestWriteGoesOn(t *testing.T) {
	for name, write := range writes() {
		for _, sizes := range [][2]int{{100, 1 << 20}, {300_000, 10}, {300_000, 300_000}, {maxWrite - 1, 3 * maxWrite}} {
			c, theirs := sockets(t)
			narrow(t, c)
			c.LimitWrites(10 * time.Second)
			head, body := bytes.Repeat([]byte("head"), sizes[0]/4), bytes.Repeat([]byte("the body"), sizes[1]/8)
			got := make(chan []byte, 1)
			go func() {
				all, _ := io.ReadAll(theirs)
				got <- all
			}()
			if err := write(c, head, body); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			c.Close()
			if all := <-got; !bytes.Equal(all, append(head, body...)) {
				t.Errorf("%s: %d bytes came of %d and %d, or not those", name, len(all), sizes[0], sizes[1])
			}
		}
	}
}

// A deadline that an older write ran into does not stop a later one.
func TestWriteAfterATimeout(t *testing.T) {
	for name, write := range writes() {
		c, theirs := sockets(t)
		narrow(t, c)
		c.LimitWrites(10 * time.Millisecond)
		if err := write(c, []byte("head"), make([]byte, stuck)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%s: got %v, want a timeout", name, err)
		}
		c.LimitWrites(10 * time.Second)
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, theirs)
		}()
		if err := write(c, []byte("head"), make([]byte, 1<<20)); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		c.Close()
		<-read
	}
}

// Nothing is written to a socket after a cut, though it has room.
func TestWriteAfterACut(t *testing.T) {
	enough := errors.New("enough")
	for name, write := range writes() {
		c, theirs := sockets(t)
		c.Cut(enough)
		if err := write(c, []byte("head"), []byte("body")); err == nil || c.Sent() {
			t.Errorf("%s: got %v, sent %t", name, err, c.Sent())
		}
		c.Close()
		if all, _ := io.ReadAll(theirs); len(all) > 0 {
			t.Errorf("%s: %d bytes came", name, len(all))
		}
	}
}

// A broken connection is told from one that is slow.
func TestWriteToNobody(t *testing.T) {
	for name, write := range writes() {
		c, theirs := sockets(t)
		c.LimitWrites(10 * time.Second)
		if err := errors.Join(theirs.SetLinger(0), theirs.Close()); err != nil {
			t.Fatal(err)
		}
		_, _ = c.Read(make([]byte, 1)) // waits until that is known here
		if err := write(c, []byte("head"), []byte("body")); err == nil || errors.Is(err, os.ErrDeadlineExceeded) || c.Sent() {
			t.Errorf("%s: got %v, sent %t", name, err, c.Sent())
		}
		c.Close()
		if err := write(c, []byte("head"), []byte("body")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: got %v, want net.ErrClosed", name, err)
		}
	}
}

// BenchmarkWriteBoth is a head and a body of 100 KB written to a socket that is read.
func BenchmarkWriteBoth(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		if theirs, err := listener.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(theirs, 1<<62))
			_ = theirs.Close()
		}
	}()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c := New(ours, nil)
	c.LimitWrites(time.Minute)
	head, body := make([]byte, 220), make([]byte, 100<<10)
	b.SetBytes(int64(len(head) + len(body)))
	for b.Loop() {
		if err := c.WriteBoth(head, body); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	<-read
}
