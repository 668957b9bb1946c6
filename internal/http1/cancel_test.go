package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A caller that leaves ends whatever is under way, at once.
func TestCancel(t *testing.T) {
	reason := errors.New("the client has left")
	for name, test := range map[string]struct {
		serve     func(conn net.Conn)
		body, far string
	}{
		"writing":         {func(conn net.Conn) { _, _ = io.CopyN(io.Discard, conn, 100<<10); <-time.After(time.Hour) }, strings.Repeat("x", 1<<20), sent},
		"before the head": {func(conn net.Conn) { hang(conn) }, "x", sent},
		"in the head":     {func(conn net.Conn) { go say(conn, "HTTP/1.1 200 OK\r\nA:"); hang(conn) }, "x", answered},
		"in the body": {func(conn net.Conn) {
			go say(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
			hang(conn)
		}, "x", answered},
		"with headers half through": {func(conn net.Conn) {
			go say(conn, "HTTP/1.1 103 Hints\r\n\r\n")
			hang(conn)
		}, "x", answered},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Settings{ReadTimeout: time.Hour, WriteTimeout: time.Hour, PoolTimeout: time.Hour, MaxConnections: 1}
				w := newWorld(t, s, func(_ int, conn net.Conn) { test.serve(conn) })
				ctx, cancel := context.WithCancelCause(t.Context())
				timer := time.AfterFunc(time.Second, func() { cancel(reason) })
				defer timer.Stop()
				g := w.ask(ctx, post(test.body))
				g.wantErr(t, reason, test.far)
				g.wantErr(t, context.Canceled, test.far)
				if g.took != time.Second {
					t.Errorf("took %v, want 1s", g.took)
				}
				if got := w.Stats().Open; got != 0 {
					t.Errorf("%d connections are open, want 0", got)
				}
			})
		})
	}
}

func TestCancelOfADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Settings{ConnectTimeout: time.Minute, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		w := newWorld(t, s, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g := w.ask(ctx, post("x"))
		g.wantErr(t, context.DeadlineExceeded, before)
		if _, dial := errors.AsType[*DialError](g.err); dial || g.took != time.Second {
			t.Errorf("got %v after %v, want the context's own error after 1s", g.err, g.took)
		}
	})
}

func TestCancelledBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, saying(whole("")))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.ask(ctx, post("x")).wantErr(t, context.Canceled, before)
		if dials, _, _ := w.conns(); dials != 0 {
			t.Errorf("got %d dials, want 0", dials)
		}
	})
}

// The end of a context after the answer does not touch the connection, which
// others use.
func TestCancelAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, slowly())
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			w.ask(ctx, post("x")).want(t, "slow")
			var next sync.WaitGroup
			next.Go(func() { w.ask(t.Context(), post("x")).want(t, "slow") })
			synctest.Wait()
			cancel()
			next.Wait()
		}
		if dials, _, _ := w.conns(); dials != 1 {
			t.Errorf("got %d dials, want 1", dials)
		}
	})
}

// A body that has come whole with its head is read to its end even if the
// context has ended; but its connection was cut and is not kept.
func TestCutConnectionIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, saying(whole("there")))
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := w.Do(ctx, post("x"))
		if err != nil {
			t.Fatal(err)
		}
		// A pipe hands over what was asked for: have it all come.
		p := make([]byte, 2)
		if _, err := resp.Read(p); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		_, _ = io.ReadAll(resp)
		resp.Close()
		if got := w.Stats(); got.Open != 0 {
			t.Errorf("got %+v, want nothing open", got)
		}
	})
}

// The same over sockets and TLS: the server sees the end within 100 ms. A busy
// machine may need several tries to show it.
func TestCancelReachesTheServer(t *testing.T) {
	server, settings := keys(t)
	const tries = 10
	for _, scheme := range []string{"http", "https"} {
		for far, head := range map[string]string{
			sent: "", answered: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		} {
			left := make(chan time.Time)
			asked := make(chan struct{})
			address := listening(t, func(conn net.Conn) {
				if scheme == "https" {
					conn = tls.Server(conn, server)
				}
				serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					say(conn, head)
					asked <- struct{}{}
					hang(conn)
					left <- time.Now()
					return false
				})(1, conn)
			})
			c := client(t, scheme+"://"+address, Settings{TLS: settings, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
			best := time.Hour
			for try := 0; try < tries && best > 100*time.Millisecond; try++ {
				best = min(best, leaveOnce(t, c, far, asked, left))
			}
			if best > 100*time.Millisecond {
				t.Errorf("%s, %s: the server saw the end after %v, want at most 100ms", scheme, far, best)
			}
		}
	}
}

// leaveOnce asks and leaves, and returns how long it took the server to see
// that.
func leaveOnce(t *testing.T, c *Client, far string, asked <-chan struct{}, left <-chan time.Time) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	headCame, ended := make(chan struct{}), make(chan error)
	go func() {
		resp, err := c.Do(ctx, post("x"))
		if err == nil {
			close(headCame)
			_, err = io.ReadAll(resp)
		}
		ended <- err
	}()
	<-asked
	if far == answered {
		<-headCame
	}
	began := time.Now()
	cancel()
	got{err: <-ended}.wantErr(t, context.Canceled, far)
	return (<-left).Sub(began)
}
