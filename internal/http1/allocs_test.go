//go:build !race

// Under the race detector a sync.Pool drops some of what it is given.

package http1

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestAllocationsOfARoundTrip(t *testing.T) {
	address := answering(t, 600, []byte(smallAnswer+string(make([]byte, 300))))
	c := client(t, "http://"+address, Settings{ReadTimeout: time.Minute, WriteTimeout: time.Minute, MaxKeepalive: 5, KeepaliveExpiry: time.Minute})
	r := &Request{Method: "POST", Target: "/v1/chat/completions", Header: benchLines(t), Body: make([]byte, 600)}
	buf := make([]byte, 4096)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	allocs := testing.AllocsPerRun(500, func() {
		resp, err := c.Do(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = resp.Read(buf)
		}
		resp.Close()
	})
	// The head, the response and the watch over the context.
	if allocs > 6 {
		t.Errorf("got %v allocations, want at most 6", allocs)
	}
}

func TestReadsDoNotAllocate(t *testing.T) {
	address := listening(t, overTCP(func(_ *http.Request, conn net.Conn) bool {
		say(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		event := []byte("5\r\nevent\r\n") // written as it is: the server must not allocate either
		for {
			if _, err := conn.Write(event); err != nil {
				return false
			}
		}
	}))
	c := client(t, "http://"+address, Settings{ReadTimeout: time.Minute})
	resp, err := c.Do(t.Context(), post("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	buf := make([]byte, 4096)
	allocs := testing.AllocsPerRun(500, func() {
		if _, err := resp.Read(buf[:64]); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}
