package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// childVariable, set in the environment, makes the test binary a process of that trade.
const childVariable = "FAIRLEAD_TEST_CLIENT"

// TestMain makes the test binary a client of its own when it is run as one, so
// that what the client costs is in the account of another process.
func TestMain(m *testing.M) {
	trade := os.Getenv(childVariable)
	if trade == "" {
		os.Exit(m.Run())
	}
	if err := work(trade, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// order is what a client process is to send: the request, Count times over Conns
// kept connections, each of which sends one after the other; or, with a Rate,
// that many a second for Span, whenever the answers come.
type order struct {
	Addr    string
	Request []byte
	Conns   int
	Count   int
	Rate    float64
	Span    time.Duration
	Greet   bool // each connection sends one request more, before all others
}

// tally is what came of an order.
type tally struct {
	Statuses map[int]int
	// Took is from the first request to the last answer, Latencies from each
	// request to its answer, sorted. With a Rate a latency begins when the request
	// was due.
	Took      time.Duration
	Latencies []time.Duration
}

// at is the latency that a part q of the answers does not exceed.
func (t *tally) at(q float64) time.Duration { return quantile(t.Latencies, q) }

// quantile is the q-quantile of what is sorted; 0 of nothing.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// obey carries out the orders in in, one after the other, and writes each one's
// tally to out.
func obey(in io.Reader, out io.Writer) error {
	orders, tallies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read an order: %w", err)
		}
		t, err := o.carryOut()
		if err != nil {
			return fmt.Errorf("carry out an order: %w", err)
		}
		if err := tallies.Encode(t); err != nil {
			return fmt.Errorf("tell what came of it: %w", err)
		}
	}
}

func (o *order) carryOut() (*tally, error) {
	callers := make([]*caller, o.Conns)
	for i := range callers {
		var err error
		if callers[i], err = newCaller(o); err != nil {
			return nil, err
		}
		defer callers[i].conn.Close()
		if o.Greet {
			if _, err := callers[i].call(); err != nil {
				return nil, err
			}
		}
	}
	began := time.Now()
	due := o.schedule(began)
	errs := make([]error, len(callers))
	var wg sync.WaitGroup
	for i, c := range callers {
		wg.Go(func() { errs[i] = c.callAll(due) })
	}
	wg.Wait()
	t := &tally{Statuses: make(map[int]int), Took: time.Since(began)}
	for _, c := range callers {
		t.Latencies = append(t.Latencies, c.latencies...)
		for status, n := range c.statuses {
			t.Statuses[status] += n
		}
	}
	slices.Sort(t.Latencies)
	return t, errors.Join(errs...)
}

// schedule sends the moment at which each request is due.
func (o *order) schedule(began time.Time) <-chan time.Time {
	if o.Rate <= 0 {
		due := make(chan time.Time, o.Count)
		for range o.Count {
			due <- time.Time{}
		}
		close(due)
		return due
	}
	due := make(chan time.Time, int(o.Rate*o.Span.Seconds())+1)
	go func() {
		defer close(due)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		sent := 0
		for now := range tick.C {
			for ; float64(sent) < o.Rate*min(now.Sub(began), o.Span).Seconds(); sent++ {
				due <- now
			}
			if now.Sub(began) >= o.Span {
				return
			}
		}
	}()
	return due
}

// caller is one kept connection.
type caller struct {
	conn      net.Conn
	reader    *bufio.Reader
	request   []byte
	statuses  map[int]int
	latencies []time.Duration
}

func newCaller(o *order) (*caller, error) {
	conn, err := net.Dial("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	return &caller{conn: conn, reader: bufio.NewReader(conn), request: o.Request, statuses: make(map[int]int)}, nil
}

func (c *caller) callAll(due <-chan time.Time) error {
	for began := range due {
		if began.IsZero() {
			began = time.Now()
		}
		status, err := c.call()
		if err != nil {
			return err
		}
		c.statuses[status]++
		c.latencies = append(c.latencies, time.Since(began))
	}
	return nil
}

// call sends the request and reads its answer, which must tell its length. It
// does so by hand: http.ReadResponse would cost more than what is measured.
func (c *caller) call() (status int, err error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		switch {
		case first:
			status, err = strconv.Atoi(string(bytes.Fields(line)[1]))
		case len(line) == 0 && length < 0:
			err = errors.New("the answer does not tell its length")
		case len(line) == 0:
			_, err = c.reader.Discard(length)
			return status, err
		default:
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length, err = strconv.Atoi(string(value))
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// client is a client process.
type client struct {
	orders  *json.Encoder
	tallies *json.Decoder
	end     func() // ends the process, with what it holds
}

// newClient starts a client process, which ends with the test.
func newClient(t *testing.T) *client {
	t.Helper()
	return newProcess(t, tradeCalls)
}

// newProcess starts a process of that trade, which ends with the test.
func newProcess(t *testing.T, trade string) *client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self) // it ends after the test, in its own way
	cmd.Env = append(os.Environ(), childVariable+"="+trade, "GORACE=atexit_sleep_ms=10")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &client{orders: json.NewEncoder(in), tallies: json.NewDecoder(out), end: sync.OnceFunc(func() {
		_ = in.Close() // the end of its orders
		if err := cmd.Wait(); err != nil {
			t.Errorf("the client process: %v", err)
		}
	})}
	t.Cleanup(c.end)
	return c
}

// send has the client carry out an order, and blocks until it has.
func (c *client) send(t *testing.T, o order) tally {
	t.Helper()
	if err := c.orders.Encode(o); err != nil {
		t.Fatalf("order: %v", err)
	}
	var got tally
	if err := c.tallies.Decode(&got); err != nil {
		t.Fatalf("the client tells nothing: %v", err)
	}
	return got
}
