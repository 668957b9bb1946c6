package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/http1/message"
)

func TestWhatIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent *http.Request
		var body []byte
		w := newWorld(t, http1.Settings{}, func(_ http.ResponseWriter, r *http.Request) {
			sent = r
			body, _ = io.ReadAll(r.Body)
		}, nil)
		var lines http1.Lines
		for _, line := range [][2]string{{"Accept", "a/b"}, {"User-Agent", "fairlead"}, {"X-Empty", ""}, {"X-Colon", "a: b"}} {
			var err error
			if lines, err = lines.With(line[0], line[1]); err != nil {
				t.Fatal(err)
			}
		}
		w.ask(t.Context(), &http1.Request{Method: "POST", Target: "//v%31/a%2Fb?q=%20;x", Header: lines, Body: []byte("hello")}).want(t, "")
		if sent.RequestURI != "//v%31/a%2Fb?q=%20;x" || sent.Host != "upstream" || sent.ProtoMajor != 2 || string(body) != "hello" {
			t.Errorf("got %s %s of %s with %q", sent.Proto, sent.RequestURI, sent.Host, body)
		}
		want := http.Header{"Accept": {"a/b"}, "User-Agent": {"fairlead"}, "X-Empty": {""}, "X-Colon": {"a: b"}, "Content-Length": {"5"}}
		if len(sent.Header) != len(want) {
			t.Errorf("got the headers %v, want %v", sent.Header, want)
		}
		for name := range want {
			if sent.Header.Get(name) != want.Get(name) {
				t.Errorf("got the headers %v, want %v", sent.Header, want)
			}
		}
	})
}

func TestNotSpoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, http1.Settings{}, slowly, func(s *http.Server) {
			s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
			s.TLSConfig.NextProtos = []string{"http/1.1"}
		})
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				g := w.ask(t.Context(), post("x"))
				g.wantErr(t, ErrNotSpoken, 0)
				if failed, _ := errors.AsType[*http1.Error](g.err); failed.Sent {
					t.Error("the request is told to be sent")
				}
			})
		}
		calls.Wait()
	})
}

// A caller that leaves ends its request and no other.
func TestCancel(t *testing.T) {
	for _, name := range []string{"before the head", "in the body"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan time.Time, 1)
				w := newWorld(t, http1.Settings{}, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/other" {
						slowly(w, r)
						return
					}
					if name == "in the body" {
						_, _ = io.WriteString(w, "some")
						_ = http.NewResponseController(w).Flush()
					}
					hang(w, r)
					gone <- time.Now()
				}, nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
				defer cancel()
				began := time.Now()
				var other sync.WaitGroup
				other.Go(func() { w.ask(t.Context(), &http1.Request{Method: "POST", Target: "/other"}).want(t, "slow") })
				w.ask(ctx, post("x")).wantErr(t, context.DeadlineExceeded, time.Second/2)
				if took := (<-gone).Sub(began); took != time.Second/2 {
					t.Errorf("the server was told after %v, want 500ms", took)
				}
				other.Wait()
				if dials, open, _ := w.conns(); dials != 1 || open != 1 {
					t.Errorf("%d connections were made and %d are open, want one, kept", dials, open)
				}
			})
		})
	}
}

// A reader that has left is given none of what came before it did.
func TestNothingIsReadAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, http1.Settings{}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		resp, err := w.Do(ctx, post("x"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Close()
		synctest.Wait()
		cause := errors.New("enough")
		cancel(cause)
		if n, err := resp.Read(make([]byte, 9)); n != 0 || !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %d bytes and the error %v", n, err)
		}
	})
}

// A connection that ends under requests: those on one that had answered before
// are asked again, once; those whose answer had begun are not.
func TestDeadConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		asked := map[string]int{}
		w = newWorld(t, http1.Settings{}, func(rw http.ResponseWriter, r *http.Request) {
			asked[r.URL.Path]++
			switch {
			case r.URL.Path == "/ok":
			case r.URL.Path == "/always", asked[r.URL.Path] == 1:
				if r.URL.Path == "/begun" {
					_, _ = io.WriteString(rw, "some")
					_ = http.NewResponseController(rw).Flush()
					<-time.After(time.Second)
				}
				w.cut()
			}
			_, _ = io.WriteString(rw, "ok")
		}, nil)
		ask := func(path string) got { return w.ask(t.Context(), &http1.Request{Method: "POST", Target: path}) }
		ask("/new").wantCut(t, http1.BeforeAnswer) // nothing was answered there before
		ask("/ok").want(t, "ok")
		ask("/once").want(t, "ok")
		ask("/always").wantCut(t, http1.BeforeAnswer)
		ask("/ok").want(t, "ok")
		ask("/begun").wantCut(t, http1.InBody)
		for path, want := range map[string]int{"/new": 1, "/once": 2, "/always": 2, "/begun": 1} {
			if asked[path] != want {
				t.Errorf("%s was asked %d times, want %d", path, asked[path], want)
			}
		}
		if got := w.Stats().Stale; got != 2 {
			t.Errorf("%d are told to be asked again, want 2", got)
		}
	})
}

// A server that shuts down finishes what it has begun, and gets nothing new.
func TestServerThatShutsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, http1.Settings{}, slowly, nil)
		var calls, down sync.WaitGroup
		calls.Go(func() { w.together(t, 3) })
		<-time.After(time.Second / 2)
		down.Go(func() { _ = w.server.Shutdown(t.Context()) })
		calls.Wait()
		down.Wait()
		synctest.Wait()
		if _, open, _ := w.conns(); open != 0 || w.Stats().Open != 0 {
			t.Errorf("%d connections are open and %d told so, want 0", open, w.Stats().Open)
		}
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		serve  http.HandlerFunc
		reason message.Reason
	}{
		"a long head": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 9 {
				w.Header().Set("X-Long-"+strconv.Itoa(i), strings.Repeat("x", 8<<10))
			}
		}, badHead},
		"many informational answers": {func(w http.ResponseWriter, _ *http.Request) {
			for range maxInterim + 1 {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}, message.ManyInterim},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, http1.Settings{}, c.serve, nil)
				g := w.ask(t.Context(), post("x"))
				if bad, ok := errors.AsType[*http1.MalformedError](g.err); !ok || bad.Reason != c.reason {
					t.Errorf("got the error %v, want a malformed %s", g.err, c.reason)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, http1.Settings{}, func(w http.ResponseWriter, _ *http.Request) {
			for range maxInterim {
				w.WriteHeader(http.StatusEarlyHints)
			}
			_, _ = io.WriteString(w, "ok")
		}, nil)
		w.ask(t.Context(), post("x")).want(t, "ok")
	})
}

func TestFinish(t *testing.T) {
	serve := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			return
		}
		select {
		case <-time.After(time.Second):
			_, _ = io.WriteString(w, strings.Repeat("x", 100<<10))
		case <-r.Context().Done():
		}
	}
	for _, c := range []struct {
		target string
		most   int
		within time.Duration
		want   error
		took   time.Duration
	}{
		{"/", 1 << 20, 2 * time.Second, nil, time.Second},
		{"/", 10, 2 * time.Second, http1.ErrClosed, time.Second},
		{"/", 1 << 20, time.Second / 2, http1.ErrClosed, time.Second / 2},
		{"/silent", 1 << 20, time.Second, http1.ErrClosed, time.Second},
		{"/silent", 1 << 20, 0, http1.ErrClosed, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, http1.Settings{ReadTimeout: time.Hour}, serve, nil)
			resp, err := w.Do(t.Context(), &http1.Request{Method: "GET", Target: c.target})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := resp.Finish(c.most, c.within); !errors.Is(err, c.want) || time.Since(began) != c.took {
				t.Errorf("%+v: got %v after %v", c, err, time.Since(began))
			}
			resp.Close()
			if _, open, _ := w.conns(); open != 1 { // nobody can say that it is dead
				t.Errorf("%+v: %d connections are kept, want 1", c, open)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, origin := range []string{"http://secret-word", "https://", "secret-word", "https://secret word"} {
		if _, err := New(origin, http1.Settings{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", origin, err)
		}
	}
}

// Many calls of every fate, and in the end nothing is held. newWorld's cleanup
// looks at the gauges.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		w = newWorld(t, http1.Settings{
			MaxConnections: 3, MaxKeepalive: 1, KeepaliveExpiry: time.Second, PoolTimeout: 2 * time.Second, MaxWaiting: 40,
			ReadTimeout: 3 * time.Second, WriteTimeout: time.Second, ConnectTimeout: time.Second,
		}, func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			switch rand.IntN(8) {
			case 0:
				hang(rw, r)
			case 1:
				panic(http.ErrAbortHandler)
			case 2:
				w.cut()
			case 3:
				_, _ = io.WriteString(rw, "some")
				_ = http.NewResponseController(rw).Flush()
				hang(rw, r)
			default:
				<-time.After(rand.N(100 * time.Millisecond))
				_, _ = io.WriteString(rw, "ok")
			}
		}, atOnce(5))
		var calls sync.WaitGroup
		for range 40 {
			calls.Go(func() {
				for range 10 {
					ctx, cancel := context.WithTimeout(t.Context(), rand.N(5*time.Second))
					if g := w.ask(ctx, post("x")); g.err == nil && g.body != "ok" {
						t.Errorf("got %q for a whole answer", g.body)
					}
					cancel()
				}
			})
		}
		calls.Wait()
		if _, _, most := w.conns(); most > 3 {
			t.Errorf("%d connections were open at the same time, want at most 3", most)
		}
		if got := w.Stats(); got.InUse != 0 || got.Waiting != 0 || got.Opening != 0 {
			t.Errorf("in the end the figures are %+v", got)
		}
	})
}

// With real sockets: cancellation is quick.
func TestLeavesSoon(t *testing.T) {
	ours, theirs := keys(t)
	ours.ServerName = "upstream"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan time.Time, 1)
	server := &http.Server{TLSConfig: theirs, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				break
			}
		}
		gone <- time.Now()
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.ServeTLS(listener, "", "") })
	defer serving.Wait()
	defer server.Close()
	c, err := New("https://"+listener.Addr().String(), http1.Settings{TLS: ours, ReadTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	best := time.Hour
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.Do(ctx, post("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		left := time.Now()
		cancel()
		_, err = resp.Read(make([]byte, 100))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got the error %v, want canceled", err)
		}
		resp.Close()
		best = min(best, (<-gone).Sub(left))
	}
	if best > 100*time.Millisecond {
		t.Errorf("the server was told after %v, want at most 100ms", best)
	}
}
