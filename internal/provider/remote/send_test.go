package remote

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestWhatIsSent(t *testing.T) { each(t, testWhatIsSent) }

func testWhatIsSent(t *testing.T, v via) {
	t.Helper()
	for _, c := range []struct {
		name, key, path, accept string
		req                     *fairlead.Request
	}{
		{"chat", "sk-1", "/v1/chat/completions", "application/json", chatRequest()},
		{"stream", "sk-1", "/v1/chat/completions", "text/event-stream", streamRequest()},
		{"embed", "sk-1", "/v1/embeddings", "application/json", embedRequest()},
		{"no key", "", "/v1/chat/completions", "application/json", chatRequest()},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent *http.Request
				var body []byte
				w := v.newWorld(t, Config{APIKey: c.key}, func(w http.ResponseWriter, r *http.Request) {
					sent = r
					body, _ = io.ReadAll(r.Body)
					w.WriteHeader(http.StatusTeapot)
				})
				w.ask(t.Context(), c.req, nil).wantCode(t, fairlead.Upstream, "upstream_error")
				want := http.Header{
					"Accept": {c.accept}, "Accept-Encoding": {"identity"}, "Content-Type": {"application/json"},
					"Content-Length": {fmt.Sprint(len(c.req.Body))}, "User-Agent": {"fairlead"},
				}
				if c.key != "" {
					want.Set("Authorization", "Bearer "+c.key)
				}
				if got := fmt.Sprint(sent.Header); got != fmt.Sprint(want) {
					t.Errorf("got the headers %v, want %v", got, want)
				}
				if sent.URL.Path != c.path || sent.Host != "upstream" || sent.Method != http.MethodPost {
					t.Errorf("got %s %s%s, want POST upstream%s", sent.Method, sent.Host, sent.URL, c.path)
				}
				if string(body) != string(c.req.Body) {
					t.Errorf("got the body %s, want %s", body, c.req.Body)
				}
			})
		})
	}
}

func TestModelIsReplaced(t *testing.T) { each(t, testModelIsReplaced) }

func testModelIsReplaced(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var body []byte
		w := v.newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			body, _ = io.ReadAll(r.Body)
			answerJSON(w, chatAnswer)
		})
		req := chatRequest()
		req.Envelope.Model = "their-name"
		w.ask(t.Context(), req, nil).wantWhole(t, chatAnswer)
		if want := strings.Replace(chatBody, `"m"`, `"their-name"`, 1); string(body) != want {
			t.Errorf("got the body %s, want %s", body, want)
		}
	})
}

func TestDialectOfAnotherOperation(t *testing.T) {
	p, err := New(Config{BaseURL: "http://127.0.0.1:1", Language: testLanguage()})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Answer(t.Context(), &fairlead.Call{Operation: fairlead.Embed}, chatRequest(), nil)
	if !fairlead.IsKind(err, fairlead.Unsupported) {
		t.Errorf("got the error %v, want one of Kind Unsupported", err)
	}
}

func TestConnectionIsReused(t *testing.T) { each(t, testConnectionIsReused) }

func testConnectionIsReused(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		turn := 0
		w := v.newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			turn++
			switch turn % 4 {
			case 0:
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, `{"error":"no"}`)
			case 1:
				answerJSON(w, chatAnswer)
			case 2:
				answerFrames(w, r, 0, chunk, lastChunk, doneFrame)
			case 3:
				answerJSON(w, embeddings(maxWhole))
			}
		})
		// A connection is free a moment after its answer has ended.
		ask := func(req *fairlead.Request) *got {
			synctest.Wait()
			return w.ask(t.Context(), req, nil)
		}
		for range 2 {
			ask(chatRequest()).wantWhole(t, "")
			ask(streamRequest()).wantWhole(t, chunk+lastChunk+doneFrame)
			ask(embedRequest()).wantWhole(t, "")
			ask(chatRequest()).wantCode(t, fairlead.Upstream, "upstream_error")
		}
		if dials, _, _ := w.conns(); dials != 1 {
			t.Errorf("8 calls in a row took %d connections, want 1", dials)
		}
	})
}

// An upstream that keeps the body open after the end marker does not hold up
// the call.
func TestStreamThatStaysOpen(t *testing.T) { each(t, testStreamThatStaysOpen) }

func testStreamThatStaysOpen(t *testing.T, v via) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := v.newWorld(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			answerFrames(w, r, 0, chunk, lastChunk, doneFrame)
			hang(w, r)
		})
		g := w.ask(t.Context(), streamRequest(), nil)
		g.wantWhole(t, chunk+lastChunk+doneFrame)
		if g.took > drainTime {
			t.Errorf("took %v, want at most %v", g.took, drainTime)
		}
		synctest.Wait()
		want := 0
		if v == overHTTP2 { // the answer alone is given up
			want = 1
		}
		if _, open, _ := w.conns(); open != want {
			t.Errorf("%d connections are kept, want %d", open, want)
		}
	})
}

// answerOnce answers the connection's first request, and hangs up on its
// second. arrived is called for each, before its answer.
func answerOnce(conn net.Conn, arrived func()) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for turn := range 2 {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if arrived(); turn == 0 {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(chatAnswer), chatAnswer)
		}
	}
}

// A kept connection that dies under a request is replaced, by a new one.
func TestStaleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stale = 2
		w := newWorld(t, Config{}, nil)
		var requests atomic.Int32
		var served sync.WaitGroup
		// The first calls are answered when all have come, so that each has a
		// connection of its own.
		gathered := make(chan struct{})
		arrived := func() {
			if requests.Add(1) == stale {
				close(gathered)
			}
			<-gathered
		}
		served.Go(func() {
			for range stale + 3 {
				conn := <-w.accept
				served.Go(func() { answerOnce(conn, arrived) })
			}
		})
		w.together(t, stale)
		synctest.Wait()       // until both connections are kept
		for turn := range 3 { // the connection used last is used next, and dies
			w.ask(t.Context(), chatRequest(), nil).wantWhole(t, chatAnswer)
			synctest.Wait()
			if n, want := requests.Load(), int32(stale+2*(turn+1)); n != want {
				t.Errorf("the upstream saw %d requests, want %d: each of the later ones twice", n, want)
			}
		}
		w.provider.Close()
		served.Wait()
	})
}

// A new connection that dies under its request is a failure, never a retry.
func TestDeadNewConnectionIsNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		w := newWorld(t, Config{}, func(http.ResponseWriter, *http.Request) {
			requests++
			panic(http.ErrAbortHandler)
		})
		w.ask(t.Context(), chatRequest(), nil).wantCode(t, fairlead.Upstream, "upstream_truncated")
		if requests != 1 {
			t.Errorf("the upstream saw %d requests, want 1", requests)
		}
	})
}

func TestNoProxyOfTheEnvironment(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:9")
	}
	for _, c := range []Config{{BaseURL: "http://api.example.com:80/v1"}, {BaseURL: "https://api.example.com:80/v1", HTTP2: true}} {
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		dialled := ""
		p.connect = func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = address
			return nil, net.ErrClosed
		}
		if _, err := p.Models(t.Context()); err == nil || dialled != "api.example.com:80" {
			t.Errorf("got %v, and %q was dialled", err, dialled)
		}
	}
}

func TestTLS(t *testing.T) {
	for _, c := range []struct {
		trusted, asked, offered bool // asked and offered: HTTP/2
		code, proto             string
	}{
		{true, false, true, "", "HTTP/1.1"},
		{true, true, true, "", "HTTP/2.0"},
		{true, true, false, "", "HTTP/1.1"},
		{false, false, true, "provider_unreachable", ""},
		{false, true, true, "provider_unreachable", ""},
	} {
		proto := ""
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proto = r.Proto
			answerJSON(w, chatAnswer)
		}))
		server.EnableHTTP2 = c.offered
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // it tells of the handshake that fails
		server.StartTLS()
		roots := x509.NewCertPool()
		if c.trusted {
			roots.AddCert(server.Certificate())
		}
		p, err := New(Config{Name: "acme", BaseURL: server.URL, Language: testLanguage(), HTTP2: c.asked, roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		g := (&world{provider: p}).ask(t.Context(), chatRequest(), nil)
		if c.code == "" {
			g.wantWhole(t, chatAnswer)
		} else {
			g.wantCode(t, fairlead.Upstream, c.code)
		}
		if proto != c.proto {
			t.Errorf("%+v: the server was spoken to in %q", c, proto)
		}
		p.Close()
		server.Close()
	}
}

// An upstream that chose HTTP/1.1 is asked for HTTP/2 again after a while.
func TestHTTP2IsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := overHTTP1Chosen.newWorld(t, Config{HTTP: HTTPLimits{KeepaliveExpiry: time.Minute}},
			func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, chatAnswer) })
		for _, step := range []struct {
			after time.Duration
			dials int // those that find out are not counted but for the first
		}{{0, 1}, {time.Second, 1}, {10*time.Minute - time.Second - 1, 2}, {1, 3}, {time.Second, 3}} {
			<-time.After(step.after)
			w.ask(t.Context(), chatRequest(), nil).wantWhole(t, chatAnswer)
			if dials, _, _ := w.conns(); dials != step.dials {
				t.Errorf("after another %v: %d connections were made, want %d", step.after, dials, step.dials)
			}
			synctest.Wait()
		}
	})
}

// listing answers a request for the models with body.
func listing(t *testing.T, body string) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer sk-1" {
			t.Errorf("got %s %s with the key %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		answerJSON(w, body)
	}
}

func TestModels(t *testing.T) { each(t, testModels) }

func testModels(t *testing.T, v via) {
	t.Helper()
	many, err := json.Marshal(map[string]any{"data": slices.Repeat([]map[string]string{{"id": "m"}}, maxModels+1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body string
		want       []string
		code       string
	}{
		{"two", `{"object":"list","data":[{"id":"a","object":"model"},{"id":"b/c"}]}`, []string{"a", "b/c"}, ""},
		{"none", `{"data":[]}`, nil, ""},
		{"without a name", `{"data":[{"id":""},{"id":"a"}]}`, []string{"a"}, ""},
		{"no list", `{}`, nil, "upstream_invalid_answer"},
		{"no JSON", `<html>`, nil, "upstream_invalid_answer"},
		{"too many", string(many), nil, "upstream_invalid_answer"},
		{"too long", `{"data":[{"id":"` + strings.Repeat("a", maxModelsBody) + `"}]}`, nil, "upstream_invalid_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := v.newWorld(t, Config{APIKey: "sk-1"}, listing(t, c.body))
				got, err := w.provider.Models(t.Context())
				if c.code != "" {
					if e := fairlead.AsError(err); e == nil || e.Code != c.code || e.Kind != fairlead.Upstream {
						t.Errorf("got the error %v, want %s", err, c.code)
					}
					return
				}
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("got %q, %v; want %q", got, err, c.want)
				}
			})
		})
	}
}
