package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// The ways in which a client of TestProofSocketChurn leaves. All but the first two have
// their socket by then, or were told that there is none.
const (
	resetInHandshake = iota
	resetBeforeAnswer
	resetOpen
	resetInFrame
	resetInAnswer
	closesConnection
	closesSocket
	waysToLeave
)

// churner is one client after another.
type churner struct {
	service *service
	dialer  net.Dialer
	rand    *rand.Rand
	counts  *[waysToLeave]atomic.Int64
}

// TestProofSocketChurn: clients come and go without end, most of them by breaking their
// connection at some moment: while they ask, while they wait, in a frame, in an answer.
// In the end every place is free.
func TestProofSocketChurn(t *testing.T) {
	const places, line, workers = 8, 16, 48
	cycles := 2000
	if proof() {
		cycles = 100_000
	}
	s := start(t, socketPlaces(places, line)+"limits: {max_concurrent_requests: 50, rate_limit_per_minute: 0, burst: {requests_per_second: 0}}"+slowApp)
	conn, _, err := s.openSocket(t.Context()) // all is warm then
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.CloseNow()
	goroutines := runtime.NumGoroutine()
	began := time.Now()
	var counts [waysToLeave]atomic.Int64
	var next atomic.Int64
	var group sync.WaitGroup
	for n := range workers {
		// An address for each, because each has its own ports.
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n+1))}
		c := &churner{service: s, dialer: net.Dialer{LocalAddr: from}, rand: rand.New(rand.NewPCG(7, uint64(n))), counts: &counts}
		group.Go(func() {
			for next.Add(1) <= int64(cycles) {
				if err := c.cycle(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	took, stats := time.Since(began), s.sockets.Stats()
	s.wantNothingLeft(t)
	s.wantPlacesFree(t, places)
	if stats.MostOpen != places || stats.Refused == 0 {
		t.Errorf("got %+v, want all %d places taken at some time, and some clients without one", stats, places)
	}
	var left []int64
	for way := range counts {
		left = append(left, counts[way].Load())
	}
	t.Logf("%d cycles in %v: %d were told to come back; left in the ways of %v: all %d places are free",
		cycles, took.Round(time.Millisecond), stats.Refused, left, places)
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines+5*places })
}

// cycle is one client. Its error is that of a service that does not answer.
func (c *churner) cycle(ctx context.Context) error {
	way := c.rand.IntN(waysToLeave)
	c.counts[way].Add(1)
	if way == closesSocket {
		return c.close(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := c.dialer.DialContext(ctx, "tcp", c.service.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok && way != closesConnection {
		_ = tcp.SetLinger(0) // it leaves by RST
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	hello := "GET /ws HTTP/1.1\r\nHost: x\r\nX-API-Key: " + slowKey + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if way == resetInHandshake {
		hello = hello[:c.rand.IntN(len(hello))]
	}
	if _, err := io.WriteString(conn, hello); err != nil {
		return err
	}
	c.leave(conn, way)
	return nil
}

// leave goes as far as the client goes.
func (c *churner) leave(conn net.Conn, way int) {
	wait := time.Duration(c.rand.Int64N(int64(2 * time.Millisecond)))
	if way <= resetBeforeAnswer {
		<-time.After(wait)
		return
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		return // it was told in another way, or is late
	}
	_ = resp.Body.Close()
	switch way {
	case resetInFrame:
		frame := masked(`{"type":"ping"}`)
		_, _ = conn.Write(frame[:1+c.rand.IntN(len(frame)-1)])
	case resetInAnswer:
		_, _ = conn.Write(masked(`{"type":"response.create","model":"up/mock+tokens=20+pace=1ms","input":"hi","store":false}`))
	}
	<-time.After(wait)
}

// masked is a short text as a client's frame.
func masked(text string) []byte {
	const final, isMasked, two = 0x81, 0x80, 126
	frame := []byte{final}
	if len(text) < two {
		frame = append(frame, isMasked|byte(len(text)))
	} else {
		frame = append(frame, isMasked|two, byte(len(text)>>8), byte(len(text)))
	}
	return append(append(frame, 0, 0, 0, 0), text...) // a mask of zeros changes nothing
}

// close is a client that opens its socket and closes it in the way one does.
func (c *churner) close(ctx context.Context) error {
	transport := &http.Transport{DialContext: c.dialer.DialContext}
	defer transport.CloseIdleConnections()
	conn, resp, err := websocket.Dial(ctx, c.service.url+"/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: http.Header{"X-Api-Key": {slowKey}},
	})
	if err != nil {
		if _, wrong := refused(resp, err); wrong != nil {
			return fmt.Errorf("open a socket: %w", wrong)
		}
		return nil
	}
	_ = conn.Close(websocket.StatusNormalClosure, "") // one that has no place is closed already
	return nil
}
