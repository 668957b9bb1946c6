//go:build linux && (amd64 || arm64)

package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/bench/upstream"
	"github.com/fairleadhq/fairlead/internal/sim/measure"
)

// serve runs an upstream until the test ends and returns its port.
func serve(t *testing.T, o upstream.Options) int {
	t.Helper()
	s, err := upstream.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.Port()
}

// script serves each connection with one function until the test ends.
func script(t *testing.T, serve func(net.Conn, *bufio.Reader)) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() { listener.Close(); group.Wait() })
	address, _ := listener.Addr().(*net.TCPAddr)
	return address.Port
}

func plan(port int, mode Mode) *Plan {
	p := &Plan{Port: port, Connections: 8, Warmup: 20 * time.Millisecond, Duration: 150 * time.Millisecond, Timeout: 5 * time.Second}
	for i := range 4 {
		p.Requests = append(p.Requests, Request("/v1/chat/completions", fmt.Sprintf("Authorization: Bearer key-%d", i), Body("bench", 600, mode)))
	}
	return p
}

func TestClosedLoop(t *testing.T) {
	p := plan(serve(t, upstream.Options{}), Whole)
	edges := 0
	p.Edge = func() { edges++ }
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Done < 100 || r.Failed() != 0 || r.Latency.Count() != r.Done || edges != 2 || r.Bytes < 500*r.Done {
		t.Errorf("got %d done, %d recorded, %d bytes, %d edges, errors %v", r.Done, r.Latency.Count(), r.Bytes, edges, r.Errors)
	}
	if r.Elapsed < p.Duration || measure.Jain(r.PerApp) < 0.9 {
		t.Errorf("took %v, apps %v", r.Elapsed, r.PerApp)
	}
}

func TestStreams(t *testing.T) {
	p := plan(serve(t, upstream.Options{Chunks: 4, Interval: 2 * time.Millisecond}), Stream)
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	// A whole stream has four chunks, the reason, the usage and the end.
	if r.Done == 0 || r.Failed() != 0 || r.Events < 6*r.Done {
		t.Errorf("got %d streams, %d events, errors %v", r.Done, r.Events, r.Errors)
	}
}

func TestHeldStreams(t *testing.T) {
	p := plan(serve(t, upstream.Options{Chunks: 2, Interval: time.Hour}), Stream)
	p.Connections = 300
	r, err := Run(t.Context(), p)
	if err != nil || r.Done != 0 || r.Events != 0 || r.Failed() != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// All that was due is counted, and at the rate that was asked for.
func TestOpenLoop(t *testing.T) {
	p := plan(serve(t, upstream.Options{}), Whole)
	p.Rate, p.Duration = 500, 400*time.Millisecond
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Done < 195 || r.Done > 205 || r.Failed() != 0 {
		t.Errorf("got %d done of 200, errors %v", r.Done, r.Errors)
	}
}

// A target that answers one request in 20 ms, asked for 500 a second by two
// connections: what could not be sent counts from when it was due.
func TestNoCoordinatedOmission(t *testing.T) {
	p := plan(serve(t, upstream.Options{Delay: 20 * time.Millisecond}), Whole)
	p.Connections, p.Rate, p.Duration = 2, 500, 400*time.Millisecond
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	// 200 were due and 100 a second can be served, so the last waits for more
	// than a second and a half, and half of them for 0.8 s or more.
	if p50 := r.Latency.Quantile(0.5); p50 < 500*time.Millisecond {
		t.Errorf("got a median of %v", p50)
	}
	if got := r.Done + r.Errors[Unfinished]; got < 195 || got > 205 {
		t.Errorf("got %d of 200: %d done, errors %v", got, r.Done, r.Errors)
	}
}

func TestFailures(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	for want, answer := range map[Kind]string{
		"status 429": "HTTP/1.1 429 Slow Down\r\nContent-Length: 2\r\n\r\nno",
		Closed:       "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf",
		Cut:          head + "9\r\ndata: x\n\n\r\n0\r\n\r\n",
		Malformed:    "220 hello\r\n\r\n",
	} {
		p := plan(script(t, func(conn net.Conn, in *bufio.Reader) {
			for {
				request, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				if _, err := io.Copy(io.Discard, request.Body); err != nil {
					return
				}
				fmt.Fprint(conn, answer)
				if want == Closed {
					return
				}
			}
		}), Whole)
		p.Connections = 1
		r, err := Run(t.Context(), p)
		if err != nil || r.Done != 0 || r.Errors[want] == 0 || r.Failed() != r.Errors[want] {
			t.Errorf("%s: got %d done, errors %v, %v", want, r.Done, r.Errors, err)
		}
	}
}

func TestSilenceTimesOut(t *testing.T) {
	p := plan(serve(t, upstream.Options{Delay: time.Hour}), Whole)
	p.Timeout = 50 * time.Millisecond
	p.Rate = 100
	r, err := Run(t.Context(), p)
	if err != nil || r.Errors[TimedOut] == 0 {
		t.Errorf("got errors %v, %v", r.Errors, err)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, _ := listener.Addr().(*net.TCPAddr)
	listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := Run(ctx, plan(address.Port, Whole))
	if !errors.Is(err, context.DeadlineExceeded) || r.Errors[CannotConnect] == 0 {
		t.Errorf("got errors %v, %v", r.Errors, err)
	}
}

func TestProbe(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for name, c := range map[string]struct {
		options upstream.Options
		events  int
	}{
		"before the first byte": {upstream.Options{Delay: time.Hour}, 0},
		"mid-stream":            {upstream.Options{Chunks: 1000, Interval: time.Millisecond}, 3},
	} {
		port := serve(t, c.options)
		probe := Probe{Port: port, Request: plan(port, Stream).Requests[0], Events: c.events, Look: func(ctx context.Context) (Sighting, error) {
			s, err := upstream.Ask(ctx, client, port)
			return Sighting{InFlight: s.InFlight, Left: s.Left, LeftAt: s.LeftAt}, err
		}}
		for range 3 {
			if got, err := probe.Run(t.Context()); err != nil || got < 0 || got > time.Second {
				t.Errorf("%s: got %v, %v", name, got, err)
			}
		}
	}
}
