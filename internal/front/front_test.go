//go:build linux

package front

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain holds that no test leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "goroutines are left:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines are the stacks of those of this package, once they had time to
// end.
func leftGoroutines() (left string) {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		buf := make([]byte, 1<<20)
		left = ""
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "internal/front") && !strings.Contains(stack, "TestMain") || strings.Contains(stack, "http.(*conn)") {
				left += stack + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
	}
	return left
}

// lane is a lane under test.
type lane struct {
	*Server
	address string
	ended   chan error
}

func newLane(t *testing.T, handler http.HandlerFunc) *lane {
	t.Helper()
	l := &lane{Server: &Server{HTTP: newHTTP(handler)}, ended: make(chan error, 1)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.address = listener.Addr().String()
	go func() { l.ended <- l.Serve(listener) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-l.ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return l
}

func (l *lane) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("got a %T", conn)
	}
	return tcp
}

const (
	getRequest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	chunkedGet = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)

func post(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// read reads one answer.
func read(t *testing.T, from *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(generous):
		t.Fatalf("not within %v: %s", generous, what)
	}
}

// generous is how long what takes a moment may take on a busy machine.
const generous = 10 * time.Second

// moment is when a client leaves.
type moment struct {
	name, before, request string
	flushed, readsBody    bool
}

func moments() (all []moment) {
	for _, before := range []string{"", getRequest} {
		all = append(all,
			moment{name: "before an answer", before: before, request: getRequest},
			moment{name: "with its body read", before: before, request: post("hello"), readsBody: true},
			moment{name: "in a stream", before: before, request: getRequest, flushed: true},
			moment{name: "in its body", before: before, request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx", readsBody: true},
		)
	}
	return all
}

// TestClientLeaves: wherever a client is when it leaves, and however it does, its
// request's context ends.
func TestClientLeaves(t *testing.T) {
	closes := map[string]func(*net.TCPConn){
		"closes":      func(c *net.TCPConn) { c.Close() },
		"resets":      func(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() },
		"half-closes": func(c *net.TCPConn) { _ = c.CloseWrite() },
	}
	for name, leave := range closes {
		for _, m := range moments() {
			t.Run(fmt.Sprint(name, " ", m.name, len(m.before)), func(t *testing.T) { m.leave(t, leave) })
		}
	}
}

func (m moment) leave(t *testing.T, leave func(*net.TCPConn)) {
	t.Helper()
	began, ended := make(chan struct{}, 1), make(chan struct{})
	first := m.before != ""
	l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			return
		}
		if m.flushed {
			_ = http.NewResponseController(w).Flush()
		}
		began <- struct{}{}
		if m.readsBody {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		<-r.Context().Done()
		close(ended)
	})
	conn := l.dial(t)
	if m.before != "" {
		_, _ = io.WriteString(conn, m.before)
		read(t, bufio.NewReader(conn))
	}
	_, _ = io.WriteString(conn, m.request)
	<-began
	leave(conn)
	within(t, "the context's end", ended)
}

// TestLeavesSoon: the end is noticed well within 100 ms.
func TestLeavesSoon(t *testing.T) {
	began, ended := make(chan struct{}), make(chan time.Time, 1)
	l := newLane(t, func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
		ended <- time.Now()
	})
	best := time.Hour
	for range 10 {
		conn := l.dial(t)
		_, _ = io.WriteString(conn, getRequest)
		<-began
		left := time.Now()
		conn.Close()
		best = min(best, (<-ended).Sub(left))
	}
	if best > 100*time.Millisecond {
		t.Errorf("the best of ten took %v", best)
	}
}

// TestPipelinedIsNoEnd: a client that has sent a second request and then no more
// waits for both answers.
func TestPipelinedIsNoEnd(t *testing.T) {
	for name, pieces := range map[string][]string{
		"at once":   {getRequest + getRequest},
		"after":     {getRequest, getRequest},
		"with body": {post("hello"), post("hello")},
	} {
		t.Run(name, func(t *testing.T) {
			var served atomic.Int32
			sent := make(chan struct{})
			l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if served.Add(1) == 1 {
					<-sent
					select {
					case <-r.Context().Done():
						t.Error("the context of the first has ended")
					case <-time.After(50 * time.Millisecond):
					}
				}
				_, _ = io.WriteString(w, "ok")
			})
			conn := l.dial(t)
			for _, piece := range pieces {
				_, _ = io.WriteString(conn, piece)
			}
			_ = conn.CloseWrite()
			close(sent)
			from := bufio.NewReader(conn)
			for range 2 {
				if _, body := read(t, from); body != "ok" {
					t.Errorf("got %q", body)
				}
			}
		})
	}
}

// blocked is an operation that another goroutine ends.
type blocked struct {
	request string
	block   func(w http.ResponseWriter, r *http.Request) error
	end     func(*http.ResponseController) error
}

// TestInterrupt: a deadline that another goroutine sets ends a write or a read that
// is under way, at once.
func TestInterrupt(t *testing.T) {
	for name, b := range map[string]blocked{
		"write": {
			getRequest,
			func(w http.ResponseWriter, _ *http.Request) error {
				for piece := make([]byte, 3000); ; {
					if _, err := w.Write(piece); err != nil {
						return err
					}
				}
			},
			func(c *http.ResponseController) error { return c.SetWriteDeadline(time.Now().Add(time.Millisecond)) },
		},
		"long write": {
			getRequest,
			func(w http.ResponseWriter, _ *http.Request) error {
				_, err := w.Write(make([]byte, 64<<20))
				return err
			},
			func(c *http.ResponseController) error { return c.SetWriteDeadline(time.Unix(1, 0)) },
		},
		"read": {
			"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx",
			func(_ http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, r.Body)
				return err
			},
			func(c *http.ResponseController) error { return c.SetReadDeadline(time.Unix(1, 0)) },
		},
	} {
		for _, before := range []time.Duration{0, time.Hour} { // the deadline before
			t.Run(fmt.Sprint(name, before), func(t *testing.T) { b.interrupt(t, before) })
		}
	}
}

func (b blocked) interrupt(t *testing.T, before time.Duration) {
	t.Helper()
	failed := make(chan error, 1)
	l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if before > 0 {
			_ = control.SetReadDeadline(time.Now().Add(before))
			_ = control.SetWriteDeadline(time.Now().Add(before))
		}
		timer := time.AfterFunc(50*time.Millisecond, func() { _ = b.end(control) })
		defer timer.Stop()
		failed <- b.block(w, r)
	})
	_, _ = io.WriteString(l.dial(t), b.request)
	select {
	case err := <-failed:
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
	case <-time.After(generous):
		t.Fatal("it goes on")
	}
}

// TestDeadlines: each is kept, later and earlier ones after one another, and those
// of a request don't reach into the next.
func TestDeadlines(t *testing.T) {
	took := make(chan time.Duration, 1)
	var limits atomic.Pointer[[]time.Duration]
	l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		var began time.Time
		for _, limit := range *limits.Load() {
			began = time.Now()
			_ = control.SetReadDeadline(began.Add(limit))
			if _, err := r.Body.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v, want a timeout", err)
			}
			took <- time.Since(began)
		}
		_ = control.SetReadDeadline(time.Time{})
		_, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, err)
	})
	conn := l.dial(t)
	from := bufio.NewReader(conn)
	for _, each := range [][]time.Duration{{50 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond}, {30 * time.Millisecond}, {}} {
		limits.Store(&each)
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n")
		for _, limit := range each {
			if got := <-took; got < limit || got > limit+generous {
				t.Errorf("a limit of %v took %v", limit, got)
			}
		}
		_, _ = io.WriteString(conn, "x")
		if _, body := read(t, from); body != "<nil>" {
			t.Errorf("got %q", body)
		}
	}
}

// TestSlowHeads: one that does not come in time ends the connection, and so does
// silence, before the first request and between two.
func TestSlowHeads(t *testing.T) {
	const short, long = 50 * time.Millisecond, time.Hour
	for _, c := range []struct {
		name, sent   string
		header, idle time.Duration
		answers      int
	}{
		{"nothing", "", short, long, 0},
		{"half a head", "GET / HTTP/1.1\r\nHo", short, long, 0},
		{"half a second head", getRequest + "GET / HTTP/1.1\r\nHo", short, long, 1},
		{"a few bytes", getRequest + "GE", long, short, 1},
		{"silence", getRequest, long, short, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &lane{Server: &Server{HTTP: newHTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}}
			l.HTTP.ReadHeaderTimeout, l.HTTP.IdleTimeout = c.header, c.idle
			l.address = serving(t, l.Server)
			conn := l.dial(t)
			_, _ = io.WriteString(conn, c.sent)
			answer, err := io.ReadAll(conn)
			if got := bytes.Count(answer, []byte("200 OK")); got != c.answers || err != nil {
				t.Errorf("got %q and %v, want %d answers and the end", answer, err, c.answers)
			}
		})
	}
}

// TestEarlyRefusalArrives: a client that sends much more than anybody wants gets
// the answer, not a reset.
func TestEarlyRefusalArrives(t *testing.T) {
	l := newLane(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	conn := l.dial(t)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n")
	go func() { _, _ = io.Copy(conn, io.LimitReader(zeros{}, 1<<20)) }()
	answer, err := io.ReadAll(conn)
	if !bytes.Contains(answer, []byte(" 413 ")) || !bytes.Contains(answer, []byte("Connection: close\r\n")) || err != nil {
		t.Errorf("got %q and %v", answer, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestShutdown: who waits is let go at once, who works may end, whichever server
// has it; then Serve returns.
func TestShutdown(t *testing.T) {
	for name, request := range map[string]string{"lane": getRequest, "net/http": chunkedGet} {
		t.Run(name, func(t *testing.T) {
			began, end := make(chan struct{}, 9), make(chan struct{})
			l := newLane(t, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/wait" {
					began <- struct{}{}
					<-end
				}
			})
			idles, works := l.dial(t), l.dial(t)
			_, _ = io.WriteString(idles, request)
			idle := bufio.NewReader(idles)
			read(t, idle)
			_, _ = io.WriteString(works, strings.Replace(request, " / ", " /wait ", 1))
			<-began
			over := make(chan error, 1)
			go func() { over <- l.Shutdown(t.Context()) }()
			if _, err := idle.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("the idle connection: %v, want its end", err)
			}
			if late, err := net.Dial("tcp", l.address); err == nil {
				late.Close()
				t.Error("a new connection is accepted")
			}
			select {
			case err := <-over:
				t.Fatalf("Shutdown returned %v while a request is under way", err)
			default:
			}
			close(end)
			if resp, _ := read(t, bufio.NewReader(works)); !resp.Close {
				t.Error("the last answer does not say that it is the last")
			}
			if err := <-over; err != nil {
				t.Error(err)
			}
			err := <-l.ended
			l.ended <- err
		})
	}
}

// TestCloseEndsAll: a shutdown that takes too long is followed by Close, which ends
// the contexts of what is under way.
func TestCloseEndsAll(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	l := newLane(t, func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	})
	_, _ = io.WriteString(l.dial(t), getRequest)
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := l.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	_ = l.Close()
	within(t, "the context's end", ended)
}

// TestServeFails: a listener that fails ends Serve and everything with it.
func TestServeFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Server{HTTP: newHTTP(http.NotFoundHandler())}
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, getRequest)
	read(t, bufio.NewReader(conn))
	listener.Close()
	if err := <-ended; err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
	if err := l.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve after Close: %v", err)
	}
}

// TestManyConnections: a thousand at once, each with some requests of either kind;
// descriptors are used again and again, and no end of one connection is taken for
// that of another.
func TestManyConnections(t *testing.T) {
	connections, rounds := 1000, 3
	if testing.Short() {
		connections = 200
	}
	var wrong atomic.Int64
	l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/left" {
			<-r.Context().Done()
			return
		}
		runtime.Gosched()
		if r.Context().Err() != nil {
			wrong.Add(1)
		}
		_, _ = w.Write(body)
	})
	var group sync.WaitGroup
	for i := range connections {
		group.Go(func() {
			for round := range rounds {
				if err := l.echo(fmt.Sprint(i, " ", round), i%3 == 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d contexts ended while their clients were there", n)
	}
}

// echo makes some requests on one connection; a client that leaves does so within
// one more.
func (l *lane) echo(name string, leaves bool) error { //nolint:revive // both are the same connection
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	from := bufio.NewReader(conn)
	for n := range 4 {
		want := fmt.Sprint(name, " ", n)
		_, _ = io.WriteString(conn, post(want))
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != want {
			return fmt.Errorf("got %q and %w, want %q", got, err, want)
		}
	}
	if leaves {
		_, _ = io.WriteString(conn, strings.Replace(getRequest, " / ", " /left ", 1))
	}
	return nil
}

// TestContext: derived contexts and functions end with it, and it ends when the
// handler has returned.
func TestContext(t *testing.T) {
	contexts := make(chan context.Context, 1)
	called := make(chan struct{})
	l := newLane(t, func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if ctx.Err() != nil {
			t.Error("it has ended already")
		}
		context.AfterFunc(ctx, func() { close(called) })
		for range 3 {
			if !context.AfterFunc(ctx, func() { t.Error("a stopped function is called") })() {
				t.Error("it could not be stopped")
			}
		}
		derived, cancel := context.WithCancel(ctx)
		context.AfterFunc(derived, cancel)
		contexts <- derived
	})
	_, _ = io.WriteString(l.dial(t), getRequest)
	derived := <-contexts
	within(t, "the derived context's end", derived.Done())
	within(t, "the function", called)
}

// TestHoldsNothing: a stream holds no buffer between two flushes, and its
// connection is one goroutine.
func TestHoldsNothing(t *testing.T) {
	held, end := make(chan *answer, 1), make(chan struct{})
	l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "an event")
		_ = http.NewResponseController(w).Flush()
		a, _ := w.(*answer)
		held <- a
		<-end
	})
	conn := l.dial(t)
	before := runtime.NumGoroutine()
	_, _ = io.WriteString(conn, post("hello"))
	a := <-held
	if a == nil || a.out != nil || a.conn.rest != nil {
		t.Errorf("got %+v, want an answer without buffers", a)
	}
	if after := runtime.NumGoroutine(); after > before+1 {
		t.Errorf("%d goroutines, want at most %d", after, before+1)
	}
	close(end)
	read(t, bufio.NewReader(conn))
}

// TestLateDeadlineIsNobodys: a deadline that comes after the handler has returned
// does not touch the next request.
func TestLateDeadlineIsNobodys(t *testing.T) {
	var old atomic.Pointer[http.ResponseController]
	l := newLane(t, func(w http.ResponseWriter, r *http.Request) {
		if control := old.Swap(http.NewResponseController(w)); control != nil {
			_ = control.SetReadDeadline(time.Unix(1, 0))
			_ = control.SetWriteDeadline(time.Unix(1, 0))
		}
		_, err := io.Copy(w, r.Body)
		if err != nil {
			t.Error(err)
		}
	})
	conn := l.dial(t)
	from := bufio.NewReader(conn)
	for range 3 {
		_, _ = io.WriteString(conn, post("hello"))
		if _, body := read(t, from); body != "hello" {
			t.Errorf("got %q", body)
		}
	}
}

// TestLineEndsAreNoRequest: some clients send a line end behind a body. One that
// then leaves has left; with anything else it waits for another answer.
func TestLineEndsAreNoRequest(t *testing.T) {
	for rest, want := range map[string]bool{
		"\r\n": true, "\n": true, "\r\n\r\n": true, "\r\n\r\n\n": false, "G": false, "\r\nG": false, " ": false, "\x00": false,
	} {
		if got := isLineEnds([]byte(rest)); got != want {
			t.Errorf("%q: %v, want %v", rest, got, want)
		}
	}
}
