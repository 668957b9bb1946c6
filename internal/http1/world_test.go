package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a client and its server at the other end of pipes, so that a test
// can run in a synctest bubble, where time is exact.
type world struct {
	*Client

	mu    sync.Mutex
	dials int
	open  int
	most  int
}

// newWorld makes a client with the settings. serve serves each connection,
// numbered from 1, in its own goroutine and closes it by returning.
func newWorld(t *testing.T, s Settings, serve func(n int, conn net.Conn)) *world {
	t.Helper()
	w := &world{}
	var serving sync.WaitGroup
	if s.Dial == nil {
		s.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			n := w.opened()
			serving.Go(func() {
				defer theirs.Close()
				serve(n, theirs)
			})
			return &countedConn{Conn: ours, closed: w.closed}, nil
		}
	}
	origin := "http://upstream"
	if s.TLS != nil {
		origin = "https://upstream"
	}
	client, err := New(origin, s)
	if err != nil {
		t.Fatal(err)
	}
	w.Client = client
	t.Cleanup(func() {
		client.Close()
		serving.Wait()
		if got := client.Stats(); got.Open != 0 || got.Waiting != 0 || got.Opening != 0 || got.InUse != 0 {
			t.Errorf("in the end the gauges are %+v, want none", got)
		}
	})
	return w
}

func (w *world) opened() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials++
	w.open++
	w.most = max(w.most, w.open)
	return w.dials
}

func (w *world) closed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
}

// conns returns how many connections were made, are open, and were at most.
func (w *world) conns() (dials, open, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials, w.open, w.most
}

type countedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// serving answers every request on a connection by handle, until that reports
// false.
func serving(handle func(n int, r *http.Request, conn net.Conn) bool) func(int, net.Conn) {
	return func(n int, conn net.Conn) {
		from := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(from)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			if !handle(n, r, conn) {
				return
			}
		}
	}
}

// saying answers every request with text.
func saying(text string) func(int, net.Conn) {
	return serving(func(_ int, _ *http.Request, conn net.Conn) bool { return say(conn, text) })
}

// slowly answers every request after a second.
func slowly() func(int, net.Conn) {
	return serving(func(_ int, _ *http.Request, conn net.Conn) bool {
		<-time.After(time.Second)
		return say(conn, whole("slow"))
	})
}

// say reports whether text could be written.
func say(conn net.Conn, text string) bool {
	_, err := io.WriteString(conn, text)
	return err == nil
}

// hang waits until the client has closed.
func hang(conn net.Conn) bool {
	_, _ = io.Copy(io.Discard, conn)
	return false
}

// whole is an answer with the body.
func whole(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func post(body string) *Request {
	return &Request{Method: "POST", Target: "/", Body: []byte(body)}
}

// got is what a request came to.
type got struct {
	status int
	body   string
	err    error
	took   time.Duration
}

// ask sends r and reads the answer.
func (w *world) ask(ctx context.Context, r *Request) (g got) {
	began := time.Now()
	defer func() { g.took = time.Since(began) }()
	resp, err := w.Do(ctx, r)
	if err != nil {
		return got{err: err}
	}
	defer resp.Close()
	body, err := io.ReadAll(resp)
	return got{status: resp.Status, body: string(body), err: err}
}

// want fails the test unless the answer is a 200 with the body.
func (g got) want(t *testing.T, body string) {
	t.Helper()
	if g.err != nil || g.status != 200 || g.body != body {
		t.Errorf("got %d %q and error %v, want 200 %q", g.status, g.body, g.err, body)
	}
}

// How far a request came, as an *Error tells it.
const (
	before   = "nothing sent"
	sent     = "sent"
	answered = "sent and answered"
)

// wantErr fails the test unless the error is want, in an *Error that says how
// far the request came.
func (g got) wantErr(t *testing.T, want error, far string) {
	t.Helper()
	if !errors.Is(g.err, want) {
		t.Errorf("got error %v, want %v", g.err, want)
	}
	g.wantFar(t, far)
}

// wantCut fails the test unless the connection broke there.
func (g got) wantCut(t *testing.T, where Where, far string) {
	t.Helper()
	broken, ok := errors.AsType[*CutError](g.err)
	if !ok || broken.Where != where || errors.Is(g.err, io.EOF) {
		t.Errorf("got error %v, want a cut %v that is not io.EOF", g.err, where)
	}
	g.wantFar(t, far)
}

func (g got) wantFar(t *testing.T, far string) {
	t.Helper()
	failed, ok := errors.AsType[*Error](g.err)
	if !ok {
		t.Errorf("got an error of type %T, want *Error", g.err)
		return
	}
	got := before
	switch {
	case failed.Sent && failed.Answered:
		got = answered
	case failed.Sent:
		got = sent
	case failed.Answered:
		got = "answered, not sent"
	}
	if got != far {
		t.Errorf("got %s, want %s", got, far)
	}
}

// echoing is serving with the request's body.
func echoing(n int, conn net.Conn, handle func(n int, r *http.Request, conn net.Conn, body string) bool) {
	from := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !handle(n, r, conn, string(body)) {
			return
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// chunk is body as a chunk, nothing if it is empty.
func chunk(body string) string {
	if body == "" {
		return ""
	}
	return strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n"
}
