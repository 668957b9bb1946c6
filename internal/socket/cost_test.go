package socket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// event is about what one token of an answer costs on the wire.
var event = []byte(`{"type":"response.output_text.delta","sequence_number":1234,"item_id":"msg_0123456789abcdef",` +
	`"output_index":0,"content_index":0,"delta":" word","logprobs":[],"obfuscation":"` + strings.Repeat("x", 150) + `"}`)

// cpu is the time that the process has worked.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkSend sends frames to one client over TCP, one by one or so many at once,
// and waits until they have come. cpu-ns/frame has the client's part too, which reads
// without looking; "bare" is a write to the connection without any socket.
func BenchmarkSend(b *testing.B) {
	for _, burst := range []int{1, 10} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			s, conn := benchSocket(b)
			measure(b, conn, burst, len(event)+4, func() error { return s.Send(b.Context(), event) })
		})
	}
	b.Run("bare", func(b *testing.B) {
		s, conn := benchSocket(b)
		measure(b, conn, 1, len(event), func() error {
			_, err := s.wire.Conn.Write(event)
			return err
		})
	})
}

func measure(b *testing.B, conn net.Conn, burst, size int, send func() error) {
	b.Helper()
	read := make(chan int64)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				close(read)
				return
			}
			read <- int64(n)
		}
	}()
	before := cpu(b)
	for b.Loop() {
		for range burst {
			if err := send(); err != nil {
				b.Fatal(err)
			}
		}
		for left := int64(burst * size); left > 0; {
			left -= <-read
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N*burst), "cpu-ns/frame")
	conn.Close()
	<-read
}

func benchSocket(b *testing.B) (*Socket, net.Conn) {
	b.Helper()
	opened := make(chan *Socket, 1)
	var t testing.T
	h := open(&t, testConfig(), Terms{Age: time.Millisecond, Aged: func(s *Socket) { opened <- s }})
	b.Cleanup(func() {
		h.Close()
		h.group.Wait()
	})
	var d net.Dialer
	conn, err := d.DialContext(b.Context(), "tcp", h.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.WriteString(conn, handshake+"\r\n"); err != nil {
		b.Fatal(err)
	}
	s := <-opened
	buf := make([]byte, 4<<10)
	if n, err := conn.Read(buf); err != nil || !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
		b.Fatal("no handshake")
	}
	return s, conn
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

// TestProofIdleSockets tells what a socket costs that waits. The clients are bare
// descriptors, which cost the process nothing.
func TestProofIdleSockets(t *testing.T) {
	const most = 18 << 10 // bytes a socket
	sockets := 500
	if os.Getenv("FAIRLEAD_PROOF") != "" {
		sockets = 9_500
	}
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	opened := make(chan *Socket)
	h := open(t, testConfig(), Terms{Age: time.Millisecond, Aged: func(s *Socket) { opened <- s }})
	h.ended = make(chan error, sockets+50)
	h.connectBare(t, opened, 50) // what is there once
	before := resident(t)
	h.connectBare(t, opened, sockets)
	each := (resident(t) - before) / int64(sockets)
	t.Logf("%d idle sockets: %d bytes each", sockets, each)
	if each > most {
		t.Errorf("an idle socket costs %d bytes, want %d at most", each, most)
	}
}

func (h *house) connectBare(t *testing.T, opened <-chan *Socket, count int) {
	t.Helper()
	address, ok := h.Listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP")
	}
	to := &syscall.SockaddrInet4{Port: address.Port, Addr: [4]byte(address.IP.To4())}
	hello := []byte(handshake + "\r\n")
	for range count {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(fd) })
		if err := errors.Join(syscall.Connect(fd, to)); err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Write(fd, hello); err != nil {
			t.Fatal(err)
		}
		<-opened
	}
}
