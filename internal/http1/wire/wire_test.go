package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead/internal/buffer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting is a connection that counts the deadlines that it is set.
type counting struct {
	net.Conn
	reads, writes int
}

func (c *counting) SetReadDeadline(at time.Time) error {
	c.reads++
	return c.Conn.SetReadDeadline(at)
}

func (c *counting) SetWriteDeadline(at time.Time) error {
	c.writes++
	return c.Conn.SetWriteDeadline(at)
}

// A stream of small reads sets about one deadline in a timeout's length, and
// the silence that ends it is exact.
func TestDeadlinesAreLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		counted := &counting{Conn: ours}
		c := New(counted, new(buffer.Buffers))
		defer c.Close()
		const reads, each, timeout = 5000, 20 * time.Millisecond, 10 * time.Second
		var writing sync.WaitGroup
		defer writing.Wait()
		defer theirs.Close()
		writing.Go(func() {
			for range reads {
				<-time.After(each)
				_, _ = theirs.Write([]byte("x"))
			}
		})
		p := make([]byte, 10)
		for i := range reads {
			c.ReadBy(time.Now().Add(timeout))
			if n, err := c.Read(p); n != 1 || err != nil {
				t.Fatalf("read %d: got %d and %v", i, n, err)
			}
		}
		if most := int(reads*each/timeout) + 1; counted.reads > most {
			t.Errorf("%d reads set %d deadlines, want at most %d", reads, counted.reads, most)
		}
		began := time.Now()
		c.ReadBy(began.Add(timeout))
		if _, err := c.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != timeout {
			t.Errorf("got %v after %v, want a timeout after %v", err, time.Since(began), timeout)
		}
	})
}

func TestDeadlinesMoveBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New(ours, new(buffer.Buffers))
		defer c.Close()
		defer theirs.Close()
		for _, timeout := range []time.Duration{time.Minute, time.Second, time.Hour, 0, time.Second} {
			c.ReadBy(time.Now().Add(timeout))
			began := time.Now()
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != timeout {
				t.Errorf("got %v after %v, want a timeout after %v", err, time.Since(began), timeout)
			}
		}
		// And none, after one that has passed.
		c.ReadBy(time.Time{})
		time.AfterFunc(time.Hour, func() { _, _ = theirs.Write([]byte("x")) })
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("without a limit: got %d and %v", n, err)
		}
	})
}

// Short writes that move are not stopped by the deadline of an older one.
func TestWritesMoveTheirDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		counted := &counting{Conn: ours}
		c := New(counted, new(buffer.Buffers))
		c.LimitWrites(10 * time.Second)
		text := bytes.Repeat([]byte("0123456789"), 10)
		var got bytes.Buffer
		var reading sync.WaitGroup
		reading.Go(func() {
			p := make([]byte, 1)
			for got.Len() < len(text)*3 {
				<-time.After(90 * time.Millisecond) // 9s for each write
				n, _ := theirs.Read(p)
				got.Write(p[:n])
			}
		})
		for range 3 {
			if n, err := c.Write(text); n != len(text) || err != nil {
				t.Fatalf("got %d and %v", n, err)
			}
		}
		reading.Wait()
		if !bytes.Equal(got.Bytes(), bytes.Repeat(text, 3)) {
			t.Error("what came is not what was written")
		}
		began := time.Now()
		if n, err := c.Write(text); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("got %d and %v after %v, want a timeout after 10s", n, err, time.Since(began))
		}
		c.Close()
		theirs.Close()
	})
}

func TestCut(t *testing.T) {
	reason := errors.New("enough")
	for name, do := range map[string]func(c *Conn) error{
		"read":  func(c *Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"write": func(c *Conn) error { _, err := c.Write(make([]byte, 1)); return err },
		"read within a limit": func(c *Conn) error {
			c.ReadBy(time.Now().Add(time.Hour))
			_, err := c.Read(make([]byte, 1))
			return err
		},
		"write within a limit": func(c *Conn) error {
			c.LimitWrites(time.Hour)
			_, err := c.Write(make([]byte, 1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				c := New(ours, new(buffer.Buffers))
				defer c.Close()
				defer theirs.Close()
				time.AfterFunc(time.Second, func() { c.Cut(reason) })
				began := time.Now()
				for range 3 { // and those to come
					if err := do(c); err == nil || !errors.Is(c.CutBy(), reason) || time.Since(began) != time.Second {
						t.Errorf("got %v after %v, want an error after 1s", err, time.Since(began))
					}
				}
				c.AwaitCut()
			})
		})
	}
}

// sockets is a Conn over loopback and its other side.
func sockets(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := theirs.(*net.TCPConn)
	if !ok {
		t.Fatalf("got a %T", theirs)
	}
	c := New(ours, new(buffer.Buffers))
	t.Cleanup(func() { c.Close(); theirs.Close() })
	return c, socket
}

func TestFill(t *testing.T) {
	c, theirs := sockets(t)
	if !c.CanFill() {
		t.Skip("this system has no such thing")
	}
	// The deadline of an older read is passed over, its own is not.
	c.ReadBy(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Fill(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want a timeout", err)
	}
	c.ReadBy(time.Now().Add(10 * time.Second))
	timer := time.AfterFunc(20*time.Millisecond, func() { _, _ = theirs.Write([]byte("hello")) })
	defer timer.Stop()
	b, err := c.Fill()
	if err != nil || string(b.Bytes()) != "hello" {
		t.Fatalf("got %v and %v, want hello", b, err)
	}
	theirs.Close()
	if _, err := c.Fill(); !errors.Is(err, io.EOF) || !c.Ended() {
		t.Errorf("got %v, want io.EOF", err)
	}
	c.Close()
	if _, err := c.Fill(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v, want an error of a closed connection", err)
	}
}

func TestFillIsCut(t *testing.T) {
	c, _ := sockets(t)
	if !c.CanFill() {
		t.Skip("this system has no such thing")
	}
	timer := time.AfterFunc(20*time.Millisecond, func() { c.Cut(io.ErrClosedPipe) })
	defer timer.Stop()
	if _, err := c.Fill(); err == nil || c.CutBy() == nil {
		t.Errorf("got %v, want an error", err)
	}
	c.AwaitCut()
	c.ReadBy(time.Now().Add(time.Hour))
	if _, err := c.Fill(); err == nil {
		t.Error("a Fill after the cut got no error")
	}
}

func TestQuiet(t *testing.T) {
	c, theirs := sockets(t)
	if !c.CanFill() {
		t.Skip("this system has no such thing")
	}
	scratch := make([]byte, 1)
	c.ReadBy(time.Now().Add(time.Millisecond))
	_, _ = c.Read(scratch) // the read deadline passes
	if !c.Quiet(c, scratch) {
		t.Error("an open connection is not quiet")
	}
	if _, err := theirs.Write([]byte("xy")); err != nil {
		t.Fatal(err)
	}
	c.ReadBy(time.Now().Add(10 * time.Second))
	if n, err := c.Read(scratch); n != 1 || err != nil {
		t.Fatalf("got %d and %v", n, err)
	}
	if c.Quiet(c, scratch) {
		t.Error("a connection with bytes on it is quiet")
	}
	theirs.Close()
	_, _ = c.Read(scratch) // waits for the end
	if c.Quiet(c, scratch) {
		t.Error("a closed connection is quiet")
	}
}

// WriteBoth writes the same bytes whatever the other side takes, and stops when
// it takes none.
func TestWriteBoth(t *testing.T) {
	head := []byte("the head")
	for _, size := range []int{0, 1, 1000, maxWrite - len(head), maxWrite, maxWrite + 1, 3*maxWrite + 7} {
		c, theirs := sockets(t)
		c.LimitWrites(10 * time.Second)
		body := bytes.Repeat([]byte("b"), size)
		got := make(chan []byte, 1)
		go func() {
			all, _ := io.ReadAll(theirs)
			got <- all
		}()
		if err := c.WriteBoth(head, body); err != nil || !c.Sent() {
			t.Fatalf("%d bytes: %v", size, err)
		}
		c.Close()
		if all := <-got; !bytes.Equal(all, append(bytes.Clone(head), body...)) {
			t.Errorf("%d bytes: %d came, and not those", size, len(all))
		}
	}
	c, _ := sockets(t)
	c.LimitWrites(50 * time.Millisecond)
	began := time.Now()
	err := c.WriteBoth(head, make([]byte, 100<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) < 50*time.Millisecond {
		t.Errorf("got %v after %v, want a timeout after 50ms", err, time.Since(began))
	}
}
