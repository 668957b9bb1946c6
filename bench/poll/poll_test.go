//go:build linux && (amd64 || arm64)

package poll

import (
	"errors"
	"io"
	"testing"
	"time"
)

// Short waits are exact, which epoll's milliseconds are not. A signal may end
// one early and a busy machine late, so it is about most of them.
func TestWaits(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Exact()
	for wait, limit := range map[time.Duration]time.Duration{0: time.Millisecond, 200 * time.Microsecond: time.Millisecond, 5 * time.Millisecond: 5500 * time.Microsecond} {
		shortest, longest := time.Hour, time.Duration(0)
		for range 20 {
			begin := time.Now()
			if err := p.Wait(wait, func(e Event) { t.Errorf("got %+v", e) }); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			shortest, longest = min(shortest, took), max(longest, took)
		}
		if shortest > limit || longest < min(wait, coarse)*9/10 {
			t.Errorf("waits of %v took %v to %v", wait, shortest, longest)
		}
	}
}

// pair is a connection that Wait tells of at both ends.
func pair(t *testing.T, p *Poller) (client, server int) {
	t.Helper()
	listener, port, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(listener)
	if client, err = Dial(port); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		fd, ok, err := Accept(listener)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return client, fd
		}
		if err := p.Wait(time.Millisecond, func(Event) {}); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the connection is not there after a second")
	return 0, 0
}

func TestBothWaysAndTheEnd(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	client, server := pair(t, p)
	defer Close(server)
	if n, err := Read(server, make([]byte, 8)); n != 0 || err != nil {
		t.Fatalf("nothing was sent: got %d, %v", n, err)
	}
	if err := p.Add(server); err != nil {
		t.Fatal(err)
	}
	if n, err := Write(client, []byte("hello")); n != 5 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	var text string
	read := func(e Event) {
		if e.FD != server {
			t.Fatalf("got an event of %d", e.FD)
		}
		buffer := make([]byte, 8)
		n, _ := Read(server, buffer)
		text += string(buffer[:n])
	}
	for range 1000 {
		if err := p.Wait(time.Millisecond, read); err != nil || text != "" {
			break
		}
	}
	if text != "hello" {
		t.Fatalf("got %q", text)
	}
	Close(client)
	closed := false
	for range 1000 {
		if err := p.Wait(time.Millisecond, func(e Event) { closed = closed || e.Closed }); err != nil || closed {
			break
		}
	}
	if n, err := Read(server, make([]byte, 8)); !closed || n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got closed %v, %d, %v", closed, n, err)
	}
}
