package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	// probeLimit bounds each probe.
	probeLimit = 10 * time.Second
	// probeEvery is how often the upstream is asked. It notes the time itself.
	probeEvery = time.Millisecond
)

// Sighting is what the upstream behind the target has seen.
type Sighting struct {
	InFlight int64
	// Left counts the clients that left, LeftAt is when the last did, in
	// nanoseconds since 1970.
	Left, LeftAt int64
}

// Probe is a client that leaves before its answer is whole.
type Probe struct {
	// Port is the target's, on 127.0.0.1.
	Port    int
	Request []byte
	// Events are how many events of the stream it takes before it leaves; 0:
	// it leaves when the call is at the upstream and nothing has come.
	Events int
	// Look asks the upstream, at which no other call may be.
	Look func(context.Context) (Sighting, error)
}

// Run makes the call, leaves, and returns how long it took until the upstream
// saw it. It takes at most some seconds.
func (p Probe) Run(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", p.Port))
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(p.Request); err != nil {
		return 0, fmt.Errorf("send the request: %w", err)
	}
	before, err := p.await(ctx, func(s Sighting) bool { return s.InFlight == 1 })
	if err != nil {
		return 0, fmt.Errorf("see the call at the upstream: %w", err)
	}
	if err := readEvents(conn, p.Events); err != nil {
		return 0, err
	}
	left := time.Now()
	conn.Close()
	after, err := p.await(ctx, func(s Sighting) bool { return s.Left > before.Left })
	if err != nil {
		return 0, fmt.Errorf("see the client leave at the upstream: %w", err)
	}
	return time.Duration(after.LeftAt - left.UnixNano()), nil
}

// readEvents reads until so many events have come.
func readEvents(conn net.Conn, events int) error {
	buffer := make([]byte, 4<<10)
	for got := 0; got < events; {
		n, err := conn.Read(buffer)
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		got += bytes.Count(buffer[:n], []byte("data:"))
	}
	return nil
}

// await asks the upstream until it has seen what is waited for.
func (p Probe) await(ctx context.Context, seen func(Sighting) bool) (Sighting, error) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		s, err := p.Look(ctx)
		if err != nil {
			return s, err
		}
		if seen(s) {
			return s, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, errors.Join(fmt.Errorf("it has %d calls and saw %d leave", s.InFlight, s.Left), ctx.Err())
		}
	}
}
