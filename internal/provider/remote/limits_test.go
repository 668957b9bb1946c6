package remote

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// slowly answers a chat after a second.
func slowly(w http.ResponseWriter, _ *http.Request) {
	<-time.After(time.Second)
	answerJSON(w, chatAnswer)
}

// together makes n calls at the same time.
func (w *world) together(t *testing.T, n int) {
	t.Helper()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() { w.ask(t.Context(), chatRequest(), nil).wantWhole(t, chatAnswer) })
	}
	calls.Wait()
}

func TestMaxConnections(t *testing.T) { singly(t, testMaxConnections) }

func testMaxConnections(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{HTTP: HTTPLimits{MaxConnections: 2}}, slowly)
		began := time.Now()
		w.together(t, 5)
		if _, _, most := w.conns(); most != 2 {
			t.Errorf("got %d connections at the same time, want 2", most)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("5 calls of a second took %v over 2 connections, want 3s", took)
		}
	})
}

func TestMaxKeepalive(t *testing.T) { singly(t, testMaxKeepalive) }

func testMaxKeepalive(t *testing.T, v via) {
	t.Helper()
	for limit, want := range map[int]int{1: 1, 3: 3, 0: 5} {
		synctest.Test(t, func(t *testing.T) {
			w := v.newWorld(t, Config{HTTP: HTTPLimits{MaxKeepalive: limit}}, slowly)
			w.together(t, 5)
			synctest.Wait()
			if _, open, _ := w.conns(); open != want {
				t.Errorf("with a limit of %d, %d idle connections are kept, want %d", limit, open, want)
			}
		})
	}
}

func TestKeepaliveExpiry(t *testing.T) { singly(t, testKeepaliveExpiry) }

func testKeepaliveExpiry(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{HTTP: HTTPLimits{KeepaliveExpiry: 30 * time.Second}}, slowly)
		w.together(t, 1)
		for after, want := range map[time.Duration]int{29 * time.Second: 1} {
			<-time.After(after)
			synctest.Wait()
			if _, open, _ := w.conns(); open != want {
				t.Errorf("after %v %d connections are kept, want %d", after, open, want)
			}
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if _, open, _ := w.conns(); open != 0 {
			t.Errorf("after 31s %d connections are kept, want 0", open)
		}
	})
}

func TestConnectTimeout(t *testing.T) { singly(t, testConnectTimeout) }

func testConnectTimeout(t *testing.T, v via) {
	t.Helper()
	t.Run("TCP", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := v.newWorld(t, Config{HTTP: HTTPLimits{ConnectTimeout: 10 * time.Second}}, nil) // nobody accepts
			g := w.ask(t.Context(), chatRequest(), nil)
			g.wantCode(t, fairlead.Upstream, "provider_unreachable")
			if g.took != 10*time.Second {
				t.Errorf("took %v, want 10s", g.took)
			}
		})
	})
	t.Run("TLS", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{BaseURL: "https://upstream/v1", HTTP: HTTPLimits{ConnectTimeout: 10 * time.Second}}
			w := v.newWorld(t, cfg, nil)
			var silent sync.WaitGroup
			silent.Go(func() { _, _ = io.Copy(io.Discard, <-w.accept) })
			g := w.ask(t.Context(), chatRequest(), nil)
			g.wantCode(t, fairlead.Upstream, "provider_unreachable")
			if g.took != 10*time.Second {
				t.Errorf("took %v, want 10s", g.took)
			}
			silent.Wait()
		})
	})
}

func TestReadTimeout(t *testing.T) { singly(t, testReadTimeout) }

func testReadTimeout(t *testing.T, v via) {
	t.Helper()
	cfg := Config{HTTP: HTTPLimits{ReadTimeout: 60 * time.Second}}
	silent := map[string]http.HandlerFunc{
		"before the head": hang,
		"in a whole answer": func(w http.ResponseWriter, r *http.Request) {
			answerJSON(w, chatAnswer[:10])
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		},
		"in a stream": func(w http.ResponseWriter, r *http.Request) {
			answerFrames(w, r, 0, chunk)
			hang(w, r)
		},
	}
	for name, serve := range silent {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, cfg, serve)
				req := chatRequest()
				if name == "in a stream" {
					req = streamRequest()
				}
				g := w.ask(t.Context(), req, nil)
				g.wantCode(t, fairlead.Upstream, "upstream_timeout")
				if g.took != 60*time.Second {
					t.Errorf("took %v, want 60s", g.took)
				}
			})
		})
	}
	t.Run("is of one silence, not of the sum", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := v.newWorld(t, cfg, func(w http.ResponseWriter, r *http.Request) {
				<-time.After(50 * time.Second)
				answerFrames(w, r, 50*time.Second, chunk, chunk, chunk, lastChunk+doneFrame)
			})
			g := w.ask(t.Context(), streamRequest(), nil)
			g.wantWhole(t, chunk+chunk+chunk+lastChunk+doneFrame)
		})
	})
	t.Run("is not of the caller's slowness", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := v.newWorld(t, cfg, func(w http.ResponseWriter, r *http.Request) {
				answerFrames(w, r, time.Second, chunk, chunk, lastChunk+doneFrame)
			})
			g := w.ask(t.Context(), streamRequest(), func(fairlead.Event) { <-time.After(100 * time.Second) })
			g.wantWhole(t, "")
		})
	})
	t.Run("0 is none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := v.newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				answerFrames(w, r, time.Hour, chunk, lastChunk+doneFrame)
			})
			w.ask(t.Context(), streamRequest(), nil).wantWhole(t, "")
		})
	})
}

func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{HTTP: HTTPLimits{WriteTimeout: 10 * time.Second}}, nil)
		deaf := make(chan net.Conn, 1)
		go func() { deaf <- <-w.accept }()
		g := w.ask(t.Context(), chatRequest(), nil)
		g.wantCode(t, fairlead.Upstream, "upstream_timeout")
		if g.took < 10*time.Second || g.took > 10100*time.Millisecond { // and a look whether it said why
			t.Errorf("took %v, want 10s", g.took)
		}
		(<-deaf).Close()
	})
}

// Over HTTP/2 a server may be open and take no more of one request.
func TestWriteTimeoutOverHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := overHTTP2.newWorld(t, Config{HTTP: HTTPLimits{WriteTimeout: 10 * time.Second}},
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		long := strings.Replace(chatBody, "hi", strings.Repeat("x", 4<<20), 1)
		g := w.ask(t.Context(), request(fairlead.OpenAIChat, long), nil)
		g.wantCode(t, fairlead.Upstream, "upstream_timeout")
		if g.took != 10*time.Second {
			t.Errorf("took %v, want 10s", g.took)
		}
	})
}

func TestPoolTimeout(t *testing.T) { singly(t, testPoolTimeout) }

func testPoolTimeout(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{HTTP: HTTPLimits{MaxConnections: 1, PoolTimeout: 5 * time.Second}}, hang)
		ctx, cancel := context.WithCancel(t.Context())
		var first sync.WaitGroup
		first.Go(func() { w.ask(ctx, chatRequest(), nil).wantCode(t, fairlead.Canceled, "client_left") })
		synctest.Wait()
		g := w.ask(t.Context(), chatRequest(), nil)
		g.wantCode(t, fairlead.Busy, "provider_pool_timeout")
		if g.took != 5*time.Second || g.err.RetryAfter != 5*time.Second {
			t.Errorf("took %v and asks for %v, want 5s and 5s", g.took, g.err.RetryAfter)
		}
		cancel()
		first.Wait()
	})
}

func TestPoolTimeoutIsNotOfTheDial(t *testing.T) { singly(t, testPoolTimeoutIsNotOfTheDial) }

func testPoolTimeoutIsNotOfTheDial(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{HTTP: HTTPLimits{MaxConnections: 1, PoolTimeout: 5 * time.Second}},
			func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, chatAnswer) })
		w.provider.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
			<-time.After(8 * time.Second)
			return w.connect(ctx, network, address)
		}
		w.ask(t.Context(), chatRequest(), nil).wantWhole(t, chatAnswer)
	})
}

func TestTimeoutIsOfTheWholeCall(t *testing.T) { singly(t, testTimeoutIsOfTheWholeCall) }

func testTimeoutIsOfTheWholeCall(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{Timeout: 300 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			answerFrames(w, r, 7*time.Second, strings.Split(strings.Repeat(chunk, 100), "\n\n")...)
		})
		g := w.ask(t.Context(), streamRequest(), nil)
		g.wantCode(t, fairlead.Upstream, "upstream_timeout")
		if g.took != 300*time.Second {
			t.Errorf("took %v, want 300s", g.took)
		}
	})
}

func TestDeadlineOfTheContext(t *testing.T) { singly(t, testDeadlineOfTheContext) }

func testDeadlineOfTheContext(t *testing.T, v via) {
	t.Helper()
	for name, serve := range map[string]http.HandlerFunc{"connecting": nil, "before the head": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, Config{Timeout: time.Hour}, serve)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				g := w.ask(ctx, chatRequest(), nil)
				g.wantCode(t, fairlead.Late, "deadline_exceeded")
				if g.took != 20*time.Second {
					t.Errorf("took %v, want 20s", g.took)
				}
			})
		})
	}
}

func TestCauseOfTheContext(t *testing.T) { singly(t, testCauseOfTheContext) }

func testCauseOfTheContext(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{}, hang)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(&fairlead.Error{Kind: fairlead.Late, Code: "drained"}) })
		w.ask(ctx, chatRequest(), nil).wantCode(t, fairlead.Late, "drained")
	})
}

// A caller that leaves while its connection is being opened must not keep one
// of the connections: net/http would go on with the dial.
func TestCancelWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{HTTP: HTTPLimits{MaxConnections: 1}},
			func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, chatAnswer) })
		var dials atomic.Int32
		w.provider.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return w.connect(ctx, network, address)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.ask(ctx, chatRequest(), nil).wantCode(t, fairlead.Late, "deadline_exceeded")
		g := w.ask(t.Context(), chatRequest(), nil)
		g.wantWhole(t, chatAnswer)
		if g.took != 0 {
			t.Errorf("the next call waited %v for the connection", g.took)
		}
	})
}

// When Answer returns, a dial that takes its time to stop has stopped.
func TestDialIsWaitedFor(t *testing.T) { singly(t, testDialIsWaitedFor) }

func testDialIsWaitedFor(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{}, nil)
		var stopped atomic.Bool
		w.provider.connect = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			<-time.After(time.Millisecond)
			stopped.Store(true)
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.ask(ctx, chatRequest(), nil).wantCode(t, fairlead.Late, "deadline_exceeded")
		if !stopped.Load() {
			t.Error("Answer returned while its dial was running")
		}
	})
}
