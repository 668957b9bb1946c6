package faults_test

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// fullPort is an address at which connections are not even taken: its queue of
// connections is full, and nobody takes one out. It is not ok where the system
// takes them all the same.
func fullPort(t *testing.T) (address string, ok bool) {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(os.NewSyscallError("bind", err))
	}
	if err := syscall.Listen(socket, 0); err != nil {
		t.Fatal(os.NewSyscallError("listen", err))
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(os.NewSyscallError("getsockname", err))
	}
	inet, isInet := name.(*syscall.SockaddrInet4)
	if !isInet {
		t.Fatalf("a socket of the address %v", name)
	}
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(inet.Port))
	const enough = 8
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	for range enough {
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			return address, true
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Log("left out: this system takes every connection, so none is slow to open")
	return "", false
}
