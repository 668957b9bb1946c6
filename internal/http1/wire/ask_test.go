package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// asking is a connection that can ask, and its other end.
func asking(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	c, theirs := sockets(t)
	if !c.CanFill() {
		t.Skip("this system has no such thing")
	}
	c.ReadBy(time.Now().Add(10 * time.Second))
	return c, theirs
}

// TestAsk: what is asked arrives, and what is answered comes by Fill: again and again,
// at once and late, over a connection whose older deadline has passed. That all is
// written is told before the answer is waited for.
func TestAsk(t *testing.T) {
	c, theirs := asking(t)
	c.ReadBy(time.Now().Add(time.Millisecond))
	if _, err := c.Fill(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want a timeout", err)
	}
	for i, question := range [][2]string{{"a", ""}, {"head ", "body"}, {"", "x"}, {"again", "!"}} {
		var group sync.WaitGroup
		told := make(chan struct{})
		group.Go(func() {
			got := make([]byte, len(question[0]+question[1]))
			if _, err := io.ReadFull(theirs, got); err != nil {
				t.Error(err)
			}
			if i%2 == 1 {
				<-time.After(5 * time.Millisecond)
			}
			<-told
			_, _ = theirs.Write(bytes.ToUpper(got))
		})
		c.Unsend()
		c.ReadBy(time.Now().Add(10 * time.Second))
		if err := c.Ask([]byte(question[0]), []byte(question[1]), func() { close(told) }); err != nil || !c.Sent() || !c.Asked() {
			t.Fatalf("%d: %v, sent %t, asked %t", i, err, c.Sent(), c.Asked())
		}
		b, err := c.Fill()
		if c.Asked() {
			t.Errorf("%d: it has been told", i)
		}
		if want := bytes.ToUpper([]byte(question[0] + question[1])); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Fatalf("%d: got %v, %v, want %q", i, b, err, want)
		}
		group.Wait()
	}
}

// TestAskOfALoudConnection: nothing is asked where something came that nobody asked
// for, an end included.
func TestAskOfALoudConnection(t *testing.T) {
	c, theirs := asking(t)
	if _, err := theirs.Write([]byte("xy")); err != nil {
		t.Fatal(err)
	}
	scratch := make([]byte, 1)
	if n, err := c.Read(scratch); n != 1 || err != nil { // the other has come too
		t.Fatalf("got %d and %v", n, err)
	}
	if err := c.Ask([]byte("head"), []byte("body"), func() {}); !errors.Is(err, ErrLoud) || c.Sent() {
		t.Errorf("there are bytes: %v, sent %t", err, c.Sent())
	}
	theirs.Close()
	_, _ = c.Read(scratch) // waits for the end
	if err := c.Ask([]byte("head"), nil, func() {}); !errors.Is(err, ErrLoud) || c.Sent() {
		t.Errorf("there is an end: %v, sent %t", err, c.Sent())
	}
}

// TestAskOfALongBody: what the socket does not take at once is written too.
func TestAskOfALongBody(t *testing.T) {
	c, theirs := asking(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	var group sync.WaitGroup
	group.Go(func() {
		got := make([]byte, len("head")+len(body))
		<-time.After(10 * time.Millisecond)
		if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got[len("head"):], body) {
			t.Errorf("%v, or another body", err)
		}
		_, _ = theirs.Write([]byte("yes"))
	})
	if err := c.Ask([]byte("head"), body, func() {}); err != nil {
		t.Fatal(err)
	}
	if b, err := c.Fill(); err != nil || string(b.Bytes()) != "yes" {
		t.Errorf("got %v, %v", b, err)
	}
	group.Wait()
}

// TestAskSeesTheEnd: an end that comes at any moment, before the look, between it and
// the wait or after it, is seen at once.
func TestAskSeesTheEnd(t *testing.T) {
	const limit = 5 * time.Second
	for i := range 300 {
		c, theirs := asking(t)
		var group sync.WaitGroup
		begin := make(chan struct{})
		group.Go(func() {
			<-begin
			for range i % 50 * 20 {
				_ = theirs.LocalAddr() // passes some time
			}
			_ = theirs.CloseWrite()
		})
		began := time.Now()
		c.ReadBy(began.Add(limit))
		close(begin)
		err := c.Ask([]byte("head"), nil, func() {})
		if err == nil {
			_, err = c.Fill()
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrLoud) || time.Since(began) >= limit {
			t.Fatalf("got %v after %v", err, time.Since(began))
		}
		group.Wait()
	}
}

// TestAskIsCut: whoever asks does not wait once the connection is cut, nor asks then.
func TestAskIsCut(t *testing.T) {
	c, _ := asking(t)
	timer := time.AfterFunc(20*time.Millisecond, func() { c.Cut(io.ErrClosedPipe) })
	defer timer.Stop()
	if err := c.Ask([]byte("head"), nil, func() {}); err != nil {
		t.Errorf("got %v, want it of Fill", err)
	}
	if _, err := c.Fill(); err == nil || c.CutBy() == nil {
		t.Errorf("got %v, want an error", err)
	}
	c.AwaitCut()
	c.Unsend()
	c.ReadBy(time.Now().Add(time.Hour))
	if err := c.Ask([]byte("head"), nil, func() {}); err == nil || c.Sent() {
		t.Errorf("asked after the cut: %v", err)
	}
}
