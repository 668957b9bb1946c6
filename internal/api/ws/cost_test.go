package ws

import (
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProofIdleSessions tells what a socket costs that waits, with all that its session
// has. The clients are bare descriptors, which cost the process nothing.
func TestProofIdleSessions(t *testing.T) {
	const most = 24 << 10 // bytes a session
	if os.Getenv("FAIRLEAD_PROOF") == "" {
		t.Skip("takes its time: FAIRLEAD_PROOF=1 runs it")
	}
	const warm, count = 50, 9_000
	b := open(t, layout{})
	b.connectBare(t, warm)
	before := resident(t)
	b.connectBare(t, count)
	each := (resident(t) - before) / count
	t.Logf("%d idle sessions: %d bytes each", count, each)
	if each > most {
		t.Errorf("an idle session costs %d bytes, want %d at most", each, most)
	}
}

// connectBare opens so many sockets on /ws and waits until all are there.
func (b *bench) connectBare(t *testing.T, count int) {
	t.Helper()
	address, ok := b.Listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP")
	}
	to := &syscall.SockaddrInet4{Port: address.Port, Addr: [4]byte(address.IP.To4())}
	hello := []byte("GET /ws HTTP/1.1\r\nHost: here\r\nX-API-Key: " + crmKey + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	before := b.face.Stats().Open
	for n := range count {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(fd) })
		if err := syscall.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Write(fd, hello); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); b.face.turnstile.Stats().Open < before+n-50; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("only %d sockets are open", b.face.Stats().Open)
			}
		}
	}
	for end := time.Now().Add(patience); b.face.Stats().Open < before+count; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d sockets are open", b.face.Stats().Open)
		}
	}
}

// resident is how much memory of the process is in pages.
func resident(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
