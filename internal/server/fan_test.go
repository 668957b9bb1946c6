package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/fairleadhq/fairlead/internal/mock"
)

// What a process beside the service can be.
const (
	tradeCalls    = "calls"    // makes calls: see order
	tradeFan      = "fan"      // holds sockets: see fanOrder
	tradeUpstream = "upstream" // is the mock upstream, and tells its address
)

// work does what a process of that trade does.
func work(trade string, in io.Reader, out io.Writer) error {
	switch trade {
	case tradeFan:
		return holdFan(in, out)
	case tradeUpstream:
		server := httptest.NewServer(mock.New(mock.Options{}))
		defer server.Close()
		if err := json.NewEncoder(out).Encode(server.URL); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, in)
		return err
	}
	return obey(in, out)
}

// upstreamProcess starts the mock in a process of its own and returns its address.
func upstreamProcess(t *testing.T) (url string) {
	t.Helper()
	if err := newProcess(t, tradeUpstream).tallies.Decode(&url); err != nil {
		t.Fatal(err)
	}
	return url
}

// fanOrder is what a process that holds sockets is to do next.
type fanOrder struct {
	Addr, Key string
	// Open is how many sockets more it opens on /ws. With Bare they are connections on
	// which it reads to the end, at once.
	Open int
	Bare bool
	// Say is what each socket says then, and Ends how many ends of answers it hears
	// before the order is carried out.
	Say  []string
	Ends int
}

// fanTally is what came of it.
type fanTally struct {
	Took          time.Duration
	Frames, Bytes int64
}

// fan is sockets.
type fan struct {
	conns []*websocket.Conn

	frames, bytes atomic.Int64
}

// holdFan carries out the orders that it reads and writes each one's tally to out. The sockets
// are held until in ends.
func holdFan(in io.Reader, out io.Writer) error {
	f := &fan{}
	orders, tallies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o fanOrder
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		began := time.Now()
		err := f.carryOut(context.Background(), o)
		if err != nil {
			return err
		}
		t := fanTally{Took: time.Since(began), Frames: f.frames.Swap(0), Bytes: f.bytes.Swap(0)}
		if err := tallies.Encode(t); err != nil {
			return err
		}
	}
}

func (f *fan) carryOut(ctx context.Context, o fanOrder) error {
	if o.Bare {
		return f.each(o.Open, o.Open, func(int) error { return f.drink(ctx, o.Addr) })
	}
	const dialling = 64
	first := len(f.conns)
	f.conns = append(f.conns, make([]*websocket.Conn, o.Open)...)
	err := f.each(o.Open, dialling, func(n int) (err error) {
		f.conns[first+n], err = f.dial(ctx, o)
		return err
	})
	if err != nil || len(o.Say) == 0 {
		return err
	}
	return f.each(len(f.conns), len(f.conns), func(n int) error { return f.converse(ctx, f.conns[n], o) })
}

// each does something for each number below count, so many at a time.
func (*fan) each(count, atOnce int, do func(n int) error) error {
	errs := make([]error, min(atOnce, count))
	var next atomic.Int64
	var group sync.WaitGroup
	for worker := range errs {
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < count && errs[worker] == nil; n = int(next.Add(1)) - 1 {
				errs[worker] = do(n)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (*fan) dial(ctx context.Context, o fanOrder) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "http://"+o.Addr+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.Key}}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	_, text, err := conn.Read(ctx)
	if err == nil && !bytes.Contains(text, []byte(`"session.created"`)) {
		err = fmt.Errorf("the first frame is %s", text)
	}
	return conn, err
}

// converse says what is to be said and hears the ends.
func (f *fan) converse(ctx context.Context, conn *websocket.Conn, o fanOrder) error {
	for _, text := range o.Say {
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return err
		}
	}
	for ends := 0; ends < o.Ends; {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		f.frames.Add(1)
		f.bytes.Add(int64(len(text)))
		head := text[:min(len(text), 80)]
		if bytes.Contains(head, []byte(`"type":"error"`)) {
			return fmt.Errorf("told %s", text)
		}
		if bytes.Contains(head, []byte(`"type":"response.completed"`)) {
			ends++
		}
	}
	return nil
}

// drink reads a connection to its end.
func (f *fan) drink(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	n, err := io.Copy(io.Discard, conn)
	f.bytes.Add(n)
	return err
}

// sockets has the process carry out an order, and blocks until it has.
func (c *client) sockets(t *testing.T, o fanOrder) fanTally {
	t.Helper()
	if err := c.orders.Encode(o); err != nil {
		t.Fatalf("order: %v", err)
	}
	var got fanTally
	if err := c.tallies.Decode(&got); err != nil {
		t.Fatalf("the process tells nothing: %v", err)
	}
	return got
}
