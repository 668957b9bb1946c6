package listener

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/places"
)

// farClient opens a connection whose client has room for little.
func farClient(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2<<10)
		})
	}}
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// TestLinger: what was sent before a connection was closed goes to a client that takes it,
// be it slowly, and not for ever to one that does not.
func TestLinger(t *testing.T) {
	t.Parallel()
	const long = 8 * time.Second
	for name, c := range map[string]struct {
		// The client reads some bytes now and then, for so long; then all that is left.
		some  int
		pause time.Duration
		span  time.Duration
		cut   bool
	}{
		"quick":     {64 << 10, 0, 0, false},
		"slow":      {4 << 10, 5 * time.Millisecond, long, false},
		"trickling": {1, 50 * time.Millisecond, long, true},
		"stalled":   {1, long, long, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, conn, client := farPair(t)
			sent := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
			if _, err := conn.Write(sent); err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil || l.config.Places.Stats().Taken != 0 {
				t.Errorf("close: %v", err)
			}
			got, err := takeSlowly(client, c.some, c.pause, c.span)
			whole := err == nil && bytes.Equal(got, sent)
			if cut := errors.Is(err, syscall.ECONNRESET) && len(got) < len(sent); cut != c.cut || whole == c.cut {
				t.Errorf("%d bytes of %d arrive, %v; is to be cut: %t", len(got), len(sent), err, c.cut)
			}
			watchesNothing(t, l)
		})
	}
}

func watchesNothing(t *testing.T, l *Listener) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(l.lingering) > 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a connection is still watched")
		}
	}
}

// farPair is a connection whose client has room for little, at a listener that has
// little patience.
func farPair(t *testing.T) (*Listener, net.Conn, net.Conn) {
	t.Helper()
	l, err := Listen(t.Context(), Config{Address: "127.0.0.1:0", Places: places.New(0, nil), SendBuffer: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	l.lingerGrace = 200 * time.Millisecond
	client := farClient(t, l)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return l, conn, client
}

// takeSlowly reads a few bytes at a time for a while, and then the rest.
func takeSlowly(conn net.Conn, some int, pause, span time.Duration) (got []byte, err error) {
	piece := make([]byte, some)
	for end := time.Now().Add(span); time.Now().Before(end); <-time.After(pause) {
		n, err := conn.Read(piece)
		got = append(got, piece[:n]...)
		if err == io.EOF { //nolint:errorlint // a connection's own
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
	rest, err := io.ReadAll(conn)
	return append(got, rest...), err
}

// TestLingerIsBounded: where too many are watched, the rest is left to the system, and no
// client loses anything by that.
func TestLingerIsBounded(t *testing.T) {
	t.Parallel()
	l, first, firstClient := farPair(t)
	l.lingering = make(chan struct{}, 1)
	secondClient := farClient(t, l)
	second, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{first, second} {
		if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, client := range []net.Conn{secondClient, firstClient} {
		if got, err := io.ReadAll(client); err != nil || len(got) != 64<<10 {
			t.Errorf("client %d got %d bytes, %v", i, len(got), err)
		}
	}
	watchesNothing(t, l)
}
