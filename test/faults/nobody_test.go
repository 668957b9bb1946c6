package faults_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// nobodies are faults of addresses at which no HTTP server answers.
func nobodies(t *testing.T) []fault {
	t.Helper()
	const unreachable = "provider_unreachable"
	all := []fault{
		{name: "refused", address: "http://" + closedPort(t), before: codes(unreachable)},
		{name: "tls-silent", address: "https://" + silentPort(t), before: codes(unreachable, late)},
	}
	if address, ok := fullPort(t); ok {
		all = append(all, fault{name: "slow-connect", address: "http://" + address, before: codes(unreachable, late)})
	}
	return all
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// silentPort is an address at which connections are taken, and nothing is said.
func silentPort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				_ = conn.SetReadDeadline(time.Now().Add(patience))
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		conns.Wait()
	})
	return listener.Addr().String()
}
