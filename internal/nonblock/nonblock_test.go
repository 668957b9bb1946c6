//go:build unix

package nonblock

import (
	"bytes"
	"errors"
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
	if n, err := WriteMore(a, []byte("one ")); err == nil {
		if n != 4 {
			t.Errorf("wrote %d", n)
		}
	} else if !errors.Is(err, syscall.EAGAIN) {
		t.Error(err)
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
