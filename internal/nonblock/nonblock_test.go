//go:build unix

package nonblock

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// pair is two ends of a connection that do not block.
func pair(t *testing.T) (a, b uintptr) {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range ends {
		if err := syscall.SetNonblock(end, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(end) })
	}
	return uintptr(ends[0]), uintptr(ends[1])
}

func TestBytesPass(t *testing.T) {
	a, b := pair(t)
	room := make([]byte, 100)
	if n, err := Read(b, room); n != 0 || !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("nothing is there: %d, %v", n, err)
	}
	if n, err := Write(a, []byte("two")); n != 3 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	n, err := Read(b, room)
	if err != nil || !bytes.HasSuffix(room[:n], []byte("two")) {
		t.Errorf("read %q, %v", room[:n], err)
	}
	for _, call := range []func(uintptr, []byte) (int, error){Read, Write} {
		if n, err := call(b, nil); n != 0 || err != nil {
			t.Errorf("nothing to move: %d, %v", n, err)
		}
	}
}

// TestBothPartsPass: head and body arrive in order, whichever of them is empty, and
// nothing is written behind head.
func TestBothPartsPass(t *testing.T) {
	for _, parts := range [][2]string{{"head ", "body"}, {"", "body"}, {"head", ""}, {"", ""}, {"h", strings.Repeat("b", 100_000)}} {
		a, b := pair(t)
		head := append(make([]byte, 0, 16), parts[0]...)
		n, err := WriteBoth(a, head, []byte(parts[1]))
		if errors.Is(err, syscall.EAGAIN) {
			continue // not on this system
		}
		want := parts[0] + parts[1]
		if n != len(want) || err != nil {
			t.Errorf("wrote %d of %d, %v", n, len(want), err)
		}
		room := make([]byte, len(want)+1)
		got := 0
		for got < len(want) {
			n, err := Read(b, room[got:])
			if n == 0 || err != nil {
				t.Fatalf("read %d, %v", n, err)
			}
			got += n
		}
		if string(room[:got]) != want {
			t.Errorf("%d bytes arrived otherwise", got)
		}
		if spare := head[len(head):cap(head)]; len(bytes.Trim(spare, "\x00")) > 0 {
			t.Errorf("behind head is now %q", spare)
		}
	}
}

// TestBothPartsTillFull: what a full socket takes of two parts is told as it is.
func TestBothPartsTillFull(t *testing.T) {
	a, b := pair(t)
	body := bytes.Repeat([]byte("x"), most+1)
	sent := 0
	for {
		n, err := WriteBoth(a, []byte("head"), body)
		if n > most {
			t.Fatalf("one call wrote %d bytes", n)
		}
		sent += n
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	room := make([]byte, most+1)
	for got < sent {
		n, err := Read(b, room)
		if n == 0 || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
		got += n
	}
	if n, err := Read(b, room); n != 0 || !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("there is more: %d, %v", n, err)
	}
	if err := syscall.Shutdown(int(b), syscall.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if n, err := WriteBoth(a, []byte("head"), body); n != 0 || !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("wrote %d, %v", n, err)
	}
}

func TestFullSocketTakesNoMore(t *testing.T) {
	a, b := pair(t)
	sent := 0
	piece := bytes.Repeat([]byte("x"), most+1)
	for {
		n, err := Write(a, piece)
		if n > most {
			t.Fatalf("one call wrote %d bytes", n)
		}
		sent += n
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	room := make([]byte, most+1)
	for {
		n, err := Read(b, room)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if n == 0 || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
		got += n
	}
	if got != sent || sent == 0 {
		t.Errorf("%d bytes of %d arrived", got, sent)
	}
}

func TestOtherSideIsGone(t *testing.T) {
	a, b := pair(t)
	if err := syscall.Shutdown(int(b), syscall.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if n, err := Read(a, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the end: %d, %v", n, err)
	}
	if n, err := Write(a, []byte("x")); n != 0 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if n, err := Read(^uintptr(0), make([]byte, 1)); n != 0 || !errors.Is(err, syscall.EBADF) {
		t.Errorf("no descriptor: %d, %v", n, err)
	}
}
