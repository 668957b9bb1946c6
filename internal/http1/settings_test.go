package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// together asks n times at the same time.
func (w *world) together(t *testing.T, n int) {
	t.Helper()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { w.ask(t.Context(), post("x")).want(t, "slow") })
	}
	calls.Wait()
}

func TestMaxConnections(t *testing.T) {
	for limit, want := range map[int]struct {
		most int
		took time.Duration
	}{2: {2, 3 * time.Second}, 0: {5, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Settings{MaxConnections: limit}, slowly())
			began := time.Now()
			w.together(t, 5)
			if _, _, most := w.conns(); most != want.most {
				t.Errorf("limit %d: got %d connections at the same time, want %d", limit, most, want.most)
			}
			if took := time.Since(began); took != want.took {
				t.Errorf("limit %d: 5 requests of a second took %v, want %v", limit, took, want.took)
			}
		})
	}
}

func TestConnectionsBeingOpenedCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Settings{MaxConnections: 1, PoolTimeout: time.Second, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, ConnectTimeout: 10 * time.Second}
		w := newWorld(t, s, nil)
		var first sync.WaitGroup
		first.Go(func() { w.ask(t.Context(), post("")).wantErr(t, ErrConnectTimeout, before) })
		synctest.Wait()
		if got, want := w.Stats(), (Stats{Open: 1, Opening: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		w.ask(t.Context(), post("")).wantErr(t, ErrPoolTimeout, before)
		first.Wait()
	})
}

func TestMaxKeepalive(t *testing.T) {
	for limit, want := range map[int]int{1: 1, 3: 3, 0: 5} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Settings{MaxKeepalive: limit}, slowly())
			w.together(t, 5)
			if _, open, _ := w.conns(); open != want || w.Stats().Idle != want {
				t.Errorf("limit %d: %d connections are kept and %d counted, want %d", limit, open, w.Stats().Idle, want)
			}
		})
	}
}

func TestKeepaliveExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{KeepaliveExpiry: 30 * time.Second}, slowly())
		w.together(t, 3)              // three become idle at 1s
		<-time.After(9 * time.Second) // and one of them again at 11s
		w.together(t, 1)
		for _, step := range []struct {
			after time.Duration
			open  int
		}{{20*time.Second - 1, 3}, {1, 1}, {10*time.Second - 1, 1}, {1, 0}} {
			<-time.After(step.after)
			synctest.Wait()
			if _, open, _ := w.conns(); open != step.open {
				t.Errorf("after another %v %d connections are kept, want %d", step.after, open, step.open)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, slowly())
		w.together(t, 1)
		<-time.After(1000 * time.Hour)
		if _, open, _ := w.conns(); open != 1 {
			t.Errorf("without a limit %d connections are kept, want 1", open)
		}
	})
}

func TestLastUsedIsUsedNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served []int
		w := newWorld(t, Settings{}, serving(func(n int, r *http.Request, conn net.Conn) bool {
			if r.URL.Path == "/order" {
				served = append(served, n)
			} else {
				<-time.After(time.Duration(n) * time.Second) // so they become idle in order
			}
			return say(conn, whole("slow"))
		}))
		w.together(t, 3)
		for range 2 {
			w.ask(t.Context(), &Request{Method: "GET", Target: "/order"}).want(t, "slow")
		}
		if want := []int{3, 3}; fmt.Sprint(served) != fmt.Sprint(want) {
			t.Errorf("got connections %v, want %v", served, want)
		}
		if got := w.Stats(); got.Dialled != 3 || got.Reused != 2 {
			t.Errorf("got %d dialled and %d reused, want 3 and 2", got.Dialled, got.Reused)
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	never := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, s := range map[string]Settings{
		"TCP": {Dial: never},
		"TLS": {TLS: &tls.Config{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s.ConnectTimeout = 10 * time.Second
				w := newWorld(t, s, func(_ int, conn net.Conn) { hang(conn) })
				g := w.ask(t.Context(), post("x"))
				g.wantErr(t, ErrConnectTimeout, before)
				if _, ok := errors.AsType[*DialError](g.err); !ok || g.took != 10*time.Second {
					t.Errorf("got %v after %v, want a DialError after 10s", g.err, g.took)
				}
			})
		})
	}
}

func TestReadTimeout(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
	for name, test := range map[string]struct {
		serve func(conn net.Conn)
		far   string
		took  time.Duration
	}{
		"before the head": {func(net.Conn) {}, sent, 60 * time.Second},
		"in the head": {func(conn net.Conn) {
			for i := range len(head) { // a byte each 10s
				say(conn, head[i:i+1])
				<-time.After(10 * time.Second)
			}
		}, answered, 60 * time.Second},
		"after an informational answer": {func(conn net.Conn) {
			<-time.After(50 * time.Second)
			say(conn, "HTTP/1.1 103 Early Hints\r\n\r\n")
		}, answered, 110 * time.Second},
		"after the head": {func(conn net.Conn) { say(conn, head) }, answered, 60 * time.Second},
		"in the body": {func(conn net.Conn) {
			<-time.After(50 * time.Second)
			say(conn, head)
			for range 3 {
				<-time.After(50 * time.Second)
				say(conn, "x")
			}
		}, answered, 4*50*time.Second + 60*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Settings{ReadTimeout: time.Minute}, serving(func(n int, _ *http.Request, conn net.Conn) bool {
					test.serve(conn)
					return hang(conn)
				}))
				g := w.ask(t.Context(), post("x"))
				g.wantErr(t, ErrSilence, test.far)
				if g.took != test.took {
					t.Errorf("took %v, want %v", g.took, test.took)
				}
			})
		})
	}
}

func TestReadTimeoutCountsOnlyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{ReadTimeout: time.Minute}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
			return say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n") && say(conn, "a") && say(conn, "b") && say(conn, "c")
		}))
		for range 2 { // the second finds a deadline that is long past
			resp, err := w.Do(t.Context(), post("x"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"a", "b", "c"} {
				<-time.After(10 * time.Minute)
				var p [8]byte
				n, err := resp.Read(p[:])
				if string(p[:n]) != want || err != nil && !errors.Is(err, io.EOF) {
					t.Errorf("got %q and %v, want %q", p[:n], err, want)
				}
			}
			<-time.After(10 * time.Minute)
		}
		if got := w.Stats().Dialled; got != 1 {
			t.Errorf("got %d connections, want 1", got)
		}
	})
}

func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{ReadTimeout: time.Minute}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
			say(conn, "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\na")
			return hang(conn)
		}))
		resp, err := w.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Hurry(2 * time.Second)
		began := time.Now()
		if _, err := io.ReadAll(resp); !errors.Is(err, ErrSilence) || time.Since(began) != 2*time.Second {
			t.Errorf("got %v after %v, want silence after 2s", err, time.Since(began))
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	const megabyte = 1 << 20
	for name, test := range map[string]struct {
		each time.Duration // between reads of 64 KiB
		fits bool
		took time.Duration
	}{
		"slow but moving": {9 * time.Second, true, 0},
		"stuck":           {11 * time.Second, false, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Settings{WriteTimeout: 10 * time.Second}, func(_ int, conn net.Conn) {
					from := bufio.NewReaderSize(conn, 4096)
					r, err := http.ReadRequest(from)
					for err == nil {
						<-time.After(test.each)
						_, err = io.CopyN(io.Discard, r.Body, 64<<10)
					}
					if errors.Is(err, io.EOF) {
						say(conn, whole("taken"))
					}
				})
				g := w.ask(t.Context(), post(strings.Repeat("x", megabyte)))
				if test.fits {
					g.want(t, "taken")
					return
				}
				g.wantErr(t, ErrWriteTimeout, sent)
				if g.took < 10*time.Second || g.took > 10*time.Second+earlyAnswer {
					t.Errorf("took %v, want 10s and a look for an early answer", g.took)
				}
			})
		})
	}
}

func TestPoolTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Settings{MaxConnections: 1, PoolTimeout: 500 * time.Millisecond}
		w := newWorld(t, s, slowly())
		var first sync.WaitGroup
		first.Go(func() { w.together(t, 1) })
		synctest.Wait()
		g := w.ask(t.Context(), post("x"))
		g.wantErr(t, ErrPoolTimeout, before)
		if g.took != s.PoolTimeout {
			t.Errorf("took %v, want %v", g.took, s.PoolTimeout)
		}
		first.Wait()
		if got := w.Stats(); got.PoolTimeouts != 1 || got.Waits != 1 || got.Waited != s.PoolTimeout {
			t.Errorf("got %+v, want one wait and timeout of %v", got, s.PoolTimeout)
		}
	})
}

func TestMaxWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{MaxConnections: 1, MaxWaiting: 2}, slowly())
		var others sync.WaitGroup
		others.Go(func() { w.together(t, 3) })
		synctest.Wait()
		if got := w.Stats(); got.Waiting != 2 || got.InUse != 1 {
			t.Errorf("got %+v, want 2 waiting and 1 in use", got)
		}
		g := w.ask(t.Context(), post("x"))
		g.wantErr(t, ErrPoolFull, before)
		if g.took != 0 || w.Stats().Refused != 1 {
			t.Errorf("took %v and counted %d, want 0 and 1", g.took, w.Stats().Refused)
		}
		others.Wait()
	})
}

func TestOrigins(t *testing.T) {
	for origin, want := range map[string]string{
		"http://a":              "a:80 a",
		"https://a/":            "a:443 a",
		"https://a:":            "a:443 a",
		"http://a.b:8000":       "a.b:8000 " + "a.b:8000",
		"http://[::1]:8000":     "[::1]:8000 [::1]:8000",
		"http://[::1]":          "[::1]:80 [::1]",
		"ftp://a":               "",
		"http://":               "",
		"http://:80":            "",
		"http://a/v1":           "",
		"http://u:p@a":          "",
		"http://a?b":            "",
		"http://a?":             "",
		"http://a#b":            "",
		"http://[fe80::1%25e0]": "",
		"http://\xe9":           "",
		"http://a\r\nb: c":      "",
	} {
		got := ""
		if c, err := New(origin, Settings{}); err == nil {
			got = c.address + " " + strings.TrimSuffix(strings.TrimPrefix(c.version, " HTTP/1.1\r\nHost: "), "\r\n")
		} else if strings.Contains(err.Error(), origin) {
			t.Errorf("%q is quoted in: %v", origin, err)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", origin, got, want)
		}
	}
}
