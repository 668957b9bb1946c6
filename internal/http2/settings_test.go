package http2

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
)

// Calls share a connection, as many as the server allows, and the connections are
// as many as the limit allows.
func TestMaxConnections(t *testing.T) {
	for name, c := range map[string]struct {
		limit, streams, calls int
		most                  int
		took                  time.Duration
	}{
		"one is enough":      {0, 100, 25, 1, time.Second},
		"no limit":           {0, 2, 10, 5, time.Second},
		"a limit":            {2, 2, 10, 2, 3 * time.Second},
		"one call at a time": {3, 1, 9, 3, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, http1.Settings{MaxConnections: c.limit}, slowly, atOnce(c.streams))
				began := time.Now()
				w.together(t, c.calls)
				if _, _, most := w.conns(); most != c.most {
					t.Errorf("got %d connections at the same time, want %d", most, c.most)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("%d calls of a second took %v, want %v", c.calls, took, c.took)
				}
			})
		})
	}
}

func TestMaxKeepaliveAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := http1.Settings{MaxKeepalive: 3, KeepaliveExpiry: 30 * time.Second}
		w := newWorld(t, s, slowly, atOnce(1))
		w.ask(t.Context(), post("x")).want(t, "slow")
		w.together(t, 5)
		synctest.Wait()
		for _, step := range []struct {
			after time.Duration
			open  int
		}{{0, 3}, {30*time.Second - 1, 3}, {1, 0}} {
			<-time.After(step.after)
			synctest.Wait()
			if _, open, _ := w.conns(); open != step.open || w.Stats().Idle != step.open {
				t.Errorf("after another %v %d connections are open and %d told idle, want %d", step.after, open, w.Stats().Idle, step.open)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, http1.Settings{}, slowly, nil)
		w.together(t, 1)
		<-time.After(1000 * time.Hour)
		if _, open, _ := w.conns(); open != 1 {
			t.Errorf("without a limit %d connections are kept, want 1", open)
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	for name, dial := range map[string]func(ctx context.Context, network, address string) (net.Conn, error){
		"TCP": func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"TLS": func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				_, _ = io.Copy(io.Discard, theirs)
				theirs.Close()
			}()
			return ours, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, http1.Settings{ConnectTimeout: 10 * time.Second, PoolTimeout: time.Second, Dial: dial}, slowly, nil)
				var calls sync.WaitGroup
				for range 3 { // those that wait for the connection fail with it, and not before
					calls.Go(func() {
						g := w.ask(t.Context(), post("x"))
						g.wantErr(t, http1.ErrConnectTimeout, 10*time.Second)
						if _, ok := errors.AsType[*http1.DialError](g.err); !ok {
							t.Errorf("got %v, want a DialError", g.err)
						}
					})
				}
				calls.Wait()
			})
		})
	}
}

// A caller that leaves while it opens a connection leaves that to the next.
func TestDialIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		accept := make(chan net.Conn)
		w = newWorld(t, http1.Settings{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return w.dialling(accept)(ctx, network, address)
		}}, nil, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var calls sync.WaitGroup
		calls.Go(func() { w.ask(ctx, post("x")).wantErr(t, context.DeadlineExceeded, time.Second) })
		synctest.Wait()
		later, cancelLater := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancelLater()
		calls.Go(func() { w.ask(later, post("x")).wantErr(t, context.DeadlineExceeded, 3*time.Second) })
		synctest.Wait()
		if got := w.Stats(); got.Opening != 1 || got.Waiting != 1 {
			t.Errorf("got %+v, want one that opens and one that waits", got)
		}
		<-time.After(2 * time.Second)
		if got := w.Stats(); got.Opening != 1 || got.Waiting != 0 {
			t.Errorf("got %+v, want one that opens and none that waits", got)
		}
		calls.Wait()
	})
}

func TestReadTimeout(t *testing.T) {
	s := http1.Settings{ReadTimeout: time.Minute, WriteTimeout: 10 * time.Second}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		took  time.Duration
	}{
		"before the head": {hang, time.Minute},
		"in the body": {func(w http.ResponseWriter, r *http.Request) {
			<-time.After(50 * time.Second)
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, 110 * time.Second},
		"after an informational answer": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-time.After(50 * time.Second)
			w.WriteHeader(http.StatusEarlyHints)
			hang(w, r)
		}, 110 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, s, c.serve, nil)
				w.ask(t.Context(), post("x")).wantErr(t, http1.ErrSilence, c.took)
				synctest.Wait()
				if _, open, _ := w.conns(); open != 0 {
					t.Errorf("%d connections are kept after the silence, want 0", open)
				}
			})
		})
	}
	t.Run("is of one silence", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, s, func(w http.ResponseWriter, _ *http.Request) {
				for range 5 {
					<-time.After(59 * time.Second)
					_, _ = io.WriteString(w, "x")
					_ = http.NewResponseController(w).Flush()
				}
			}, nil)
			w.ask(t.Context(), post("x")).want(t, "xxxxx")
		})
	})
	t.Run("is of one call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, s, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/silent" {
					hang(w, r)
					return
				}
				<-time.After(59 * time.Second)
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				<-time.After(59 * time.Second)
			}, nil)
			var other sync.WaitGroup
			other.Go(func() { w.ask(t.Context(), post("x")).want(t, "x") })
			w.ask(t.Context(), &http1.Request{Method: "GET", Target: "/silent"}).wantErr(t, http1.ErrSilence, time.Minute)
			// The connection goes on for the other, and gets no new calls.
			synctest.Wait()
			if _, open, _ := w.conns(); open != 1 {
				t.Errorf("%d connections are open, want 1", open)
			}
			var third sync.WaitGroup
			third.Go(func() { w.ask(t.Context(), post("x")).want(t, "x") })
			other.Wait()
			synctest.Wait()
			if dials, open, _ := w.conns(); dials != 2 || open != 1 {
				t.Errorf("%d connections were made and %d are open, want 2 and 1", dials, open)
			}
			third.Wait()
		})
	})
	t.Run("0 is none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, http1.Settings{}, func(w http.ResponseWriter, _ *http.Request) {
				<-time.After(time.Hour)
				_, _ = io.WriteString(w, "x")
			}, nil)
			w.ask(t.Context(), post("x")).want(t, "x")
		})
	})
}

// A body of more than the window that the server grants is stuck when it is not
// read, and moves when it is, however slowly.
func TestWriteTimeout(t *testing.T) {
	s := http1.Settings{ReadTimeout: time.Hour, WriteTimeout: 10 * time.Second}
	long := strings.Repeat("x", 4<<20)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
		w.ask(t.Context(), post(long)).wantErr(t, http1.ErrWriteTimeout, 10*time.Second)
		synctest.Wait()
		if _, open, _ := w.conns(); open != 0 {
			t.Errorf("%d connections are kept, want 0", open)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, func(w http.ResponseWriter, r *http.Request) {
			for {
				<-time.After(time.Second)
				if _, err := io.CopyN(io.Discard, r.Body, 128<<10); err != nil {
					break
				}
			}
			_, _ = io.WriteString(w, "read")
		}, nil)
		g := w.ask(t.Context(), post(long))
		g.want(t, "read")
		if g.took < 20*time.Second {
			t.Errorf("took %v: the server was not slow", g.took)
		}
	})
}

func TestPoolTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := http1.Settings{MaxConnections: 1, PoolTimeout: 5 * time.Second, MaxWaiting: 1}
		w := newWorld(t, s, hang, atOnce(1))
		ctx, cancel := context.WithCancel(t.Context())
		var first sync.WaitGroup
		first.Go(func() {
			if g := w.ask(ctx, post("x")); !errors.Is(g.err, context.Canceled) {
				t.Errorf("got %v, want canceled", g.err)
			}
		})
		synctest.Wait()
		first.Go(func() { w.ask(t.Context(), post("x")).wantErr(t, http1.ErrPoolTimeout, 5*time.Second) })
		synctest.Wait()
		w.ask(t.Context(), post("x")).wantErr(t, http1.ErrPoolFull, 0)
		<-time.After(6 * time.Second)
		if got := w.Stats(); got.PoolTimeouts != 1 || got.Refused != 1 || got.Waits != 1 || got.Waited != 5*time.Second {
			t.Errorf("got the figures %+v, want one that waited for 5s in vain, and one refused", got)
		}
		cancel()
		first.Wait()
	})
}

// slowDial makes every connection take a while to open.
func slowDial(w **world, accept chan net.Conn, d time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		<-time.After(d)
		return (*w).dialling(accept)(ctx, network, address)
	}
}

// As many connections as the calls need are opened at the same time, once it is
// known how many that is.
func TestConnectionsAreOpenedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		accept := make(chan net.Conn)
		w = newWorldAt(t, accept, http1.Settings{Dial: slowDial(&w, accept, time.Second)}, slowly, atOnce(2))
		w.ask(t.Context(), post("x")).want(t, "slow")
		began := time.Now()
		w.together(t, 10)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v, want 2s: one to connect, one to answer", took)
		}
		if dials, _, _ := w.conns(); dials != 5 {
			t.Errorf("got %d connections, want 5", dials)
		}
	})
}

// The wait for a connection that is being opened has its own limit; when there is
// no room on that, the time is over.
func TestPoolTimeoutIsNotOfTheDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		accept := make(chan net.Conn)
		s := http1.Settings{MaxConnections: 1, PoolTimeout: 5 * time.Second, Dial: slowDial(&w, accept, 10*time.Second)}
		w = newWorldAt(t, accept, s, slowly, atOnce(2))
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() { w.ask(t.Context(), post("x")).want(t, "slow") })
			synctest.Wait()
		}
		w.ask(t.Context(), post("x")).wantErr(t, http1.ErrPoolTimeout, 10*time.Second)
		calls.Wait()
	})
}

// Who waits is served in order of arrival.
func TestWaitersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served []string
		w := newWorld(t, http1.Settings{MaxConnections: 1}, func(w http.ResponseWriter, r *http.Request) {
			served = append(served, r.URL.Path)
			slowly(w, r)
		}, atOnce(1))
		var calls sync.WaitGroup
		for _, name := range []string{"/1", "/2", "/3", "/4"} {
			calls.Go(func() { w.ask(t.Context(), &http1.Request{Method: "POST", Target: name}).want(t, "slow") })
			<-time.After(time.Millisecond)
		}
		calls.Wait()
		if got := strings.Join(served, ""); got != "/1/2/3/4" {
			t.Errorf("served in the order %s", got)
		}
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, http1.Settings{MaxConnections: 1}, slowly, atOnce(2))
		w.ask(t.Context(), post("x")).want(t, "slow")
		var calls sync.WaitGroup
		calls.Go(func() { w.together(t, 3) })
		synctest.Wait()
		want := http1.Stats{Open: 1, InUse: 1, Waiting: 1, Dialled: 1, Reused: 2}
		if got := w.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		calls.Wait()
		synctest.Wait()
		want = http1.Stats{Open: 1, Idle: 1, Dialled: 1, Reused: 3, Waits: 1, Waited: time.Second}
		if got := w.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
