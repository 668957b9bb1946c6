package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1/message"
)

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		method, answer string // the method is POST unless it is named
		status         int
		body           string
		kept           bool
	}{
		"length":             {"", whole("hello"), 200, "hello", true},
		"no body":            {"", whole(""), 200, "", true},
		"chunks":             {"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n003;a=b\r\nllo\r\n0\r\nA: b\r\n\r\n", 200, "hello", true},
		"no chunks":          {"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", true},
		"until close":        {"", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false},
		"said to close":      {"", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false},
		"1.0":                {"", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false},
		"1.0 kept":           {"", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
		"204":                {"", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		"304 with length":    {"", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true},
		"HEAD":               {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", true},
		"HEAD chunked":       {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", true},
		"no phrase":          {"", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, "", true},
		"informational":      {"", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + whole("hello"), 200, "hello", true},
		"many informational": {"", strings.Repeat("HTTP/1.1 102 P\r\n\r\n", maxInterim) + whole("hello"), 200, "hello", true},
		"equal lengths":      {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", true},
		"surplus":            {"", whole("hello") + "x", 200, "hello", false},
		"surplus chunk":      {"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHTTP/1.1", 200, "x", false},
		"surplus of none":    {"", "HTTP/1.1 204 No Content\r\n\r\nx", 204, "", false},
		"long head":          {"", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 65000) + "\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
		"many headers":       {"", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: x\r\n", 1000) + "Content-Length: 5\r\n\r\nhello", 200, "hello", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := post("x")
				if test.method != "" {
					r = &Request{Method: test.method, Target: "/"}
				}
				w := newWorld(t, Settings{}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					// In two pieces, since a pipe's writer waits until all is read.
					if !say(conn, test.answer) {
						return false
					}
					return test.kept
				}))
				g := w.ask(t.Context(), r)
				if g.err != nil || g.status != test.status || g.body != test.body {
					t.Errorf("got %d %q and error %v, want %d %q", g.status, g.body, g.err, test.status, test.body)
				}
				if got := w.Stats().Idle == 1; got != test.kept {
					t.Errorf("got kept %v, want %v", got, test.kept)
				}
			})
		})
	}
}

func TestMalformedAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	const chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
	const interim = "HTTP/1.1 102 P\r\n"
	long := "A: " + strings.Repeat("x", 20000) + "\r\n"
	for answer, want := range map[string]message.Reason{
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n":       message.Switched,
		strings.Repeat(interim+"\r\n", maxInterim+1):                   message.ManyInterim,
		ok + long + long + long + long:                                 message.LongHead,
		strings.Repeat(interim+long+"\r\n", 4):                         message.LongHead,
		"SSH-2.0-OpenSSH":                                              message.BadVersion,
		"HTTP/1.2 200 OK\r\n\r\n":                                      message.BadVersion,
		"HTTP/1.1 20 OK\r\n\r\n":                                       message.BadStatus,
		ok + "A: b\n\r\n":                                              message.BadLineEnd,
		ok + "A : b\r\n\r\n":                                           message.BadName,
		ok + "A: b\r\n c\r\n\r\n":                                      message.FoldedLine,
		ok + "A: \x00\r\n\r\n":                                         message.BadValue,
		ok + "Content-Length: +5\r\n\r\n":                              message.BadLength,
		ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n":          message.TwoLengths,
		ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n": message.LengthAndCoding,
		ok + "Transfer-Encoding: gzip, chunked\r\n\r\n":                message.BadCoding,
		chunked + "x\r\n":                                              message.BadChunkSize,
		chunked + "1\nx":                                               message.BadChunkEnd,
		chunked + "1;" + strings.Repeat("x", 5000):                     message.BadExtension,
		chunked + "0\r\n" + strings.Repeat("A: b\r\n", 1000):           message.BadTrailer,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Settings{}, saying(answer+"secret"))
			g := w.ask(t.Context(), post("x"))
			bad, ok := errors.AsType[*MalformedError](g.err)
			if !ok || bad.Reason != want || strings.Contains(g.err.Error(), "secret") {
				t.Errorf("%.60q: got %v, want %s", answer, g.err, want)
			}
			g.wantFar(t, answered)
			if open := w.Stats().Open; open != 0 {
				t.Errorf("%.60q: the connection was kept", answer)
			}
		})
	}
}

// Cutting an answer anywhere is never taken for its end.
func TestCutAnywhere(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n",
	} {
		body := strings.LastIndex(answer, "\r\n\r\n")
		if strings.Contains(answer, "chunked") {
			body = strings.Index(answer, "\r\n\r\n")
		}
		for at := range len(answer) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Settings{}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					say(conn, answer[:at])
					return false
				}))
				where, far := InBody, answered
				switch {
				case at == 0:
					where, far = BeforeAnswer, sent
				case at < body+4:
					where = InHead
				}
				w.ask(t.Context(), post("x")).wantCut(t, where, far)
				if dials, open, _ := w.conns(); dials != 1 || open != 0 {
					t.Errorf("%q: got %d dials and %d open, want 1 and 0", answer[:at], dials, open)
				}
			})
		}
	}
}

func TestStaleConnection(t *testing.T) {
	// The first request on the first connection gets a whole answer, the
	// second this.
	for name, test := range map[string]struct {
		second string
		hangUp bool // right after the first answer
		again  bool
	}{
		"closed when idle":     {"", true, true},
		"closed when asked":    {"", false, true},
		"closed in the head":   {"HTTP/1.1 200", false, false},
		"closed after interim": {"HTTP/1.1 100 Continue\r\n\r\n", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := true
				w := newWorld(t, Settings{MaxConnections: 1}, serving(func(n int, _ *http.Request, conn net.Conn) bool {
					switch {
					case n == 2:
						return say(conn, whole("fresh"))
					case first:
						first = false
						return say(conn, whole("first")) && !test.hangUp
					}
					say(conn, test.second)
					return false
				}))
				w.ask(t.Context(), post("x")).want(t, "first")
				synctest.Wait()
				g, want := w.ask(t.Context(), post("x")), Stats{Dialled: 1, Reused: 1}
				if test.again {
					g.want(t, "fresh")
					want = Stats{Dialled: 2, Reused: 1, Stale: 1, Open: 1, Idle: 1}
				} else {
					g.wantCut(t, InHead, answered)
				}
				if got := w.Stats(); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		})
	}
}

func TestStaleConnectionOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		w := newWorld(t, Settings{}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
			if first {
				first = false
				return say(conn, whole("first"))
			}
			return false
		}))
		w.ask(t.Context(), post("x")).want(t, "first")
		w.ask(t.Context(), post("x")).wantCut(t, BeforeAnswer, sent)
		if dials, _, _ := w.conns(); dials != 2 {
			t.Errorf("got %d dials, want 2", dials)
		}
	})
}

// TestFewAreSentOnceMore: a server that cuts every kept connection when it is used
// does not get each request twice, and once it has recovered, some may be again.
func TestFewAreSentOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 1000
		var arrived atomic.Int64
		w := newWorld(t, Settings{}, func(_ int, conn net.Conn) {
			first := true
			serving(func(_ int, _ *http.Request, conn net.Conn) bool {
				arrived.Add(1)
				kept := !first
				first = false
				return !kept && say(conn, whole("hello"))
			})(0, conn)
		})
		answered := 0
		for range requests {
			if g := w.ask(t.Context(), post("x")); g.err == nil {
				answered++
			} else {
				g.wantCut(t, BeforeAnswer, sent)
			}
			synctest.Wait() // the connection is idle, or its end was seen
		}
		if got := int(arrived.Load()) - requests; got < againAtOnce || got > againAtOnce+requests/againShare+1 {
			t.Errorf("%d of %d requests were sent once more, want %d and at most one in %d", got, requests, againAtOnce, againShare)
		}
		if answered < requests/2 {
			t.Errorf("%d of %d requests were answered, want every other one", answered, requests)
		}
	})
}

func TestStaleThenUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		up := true
		s := Settings{Dial: func(context.Context, string, string) (net.Conn, error) {
			if !up {
				return nil, gone
			}
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					defer func() { up = false }()
					return up && say(conn, whole("first"))
				})(1, theirs)
			}()
			return ours, nil
		}}
		w := newWorld(t, s, nil)
		w.ask(t.Context(), post("x")).want(t, "first")
		// The server may have acted on the first try, so Sent is true.
		w.ask(t.Context(), post("x")).wantErr(t, gone, sent)
	})
}

func TestSilenceAndWriteTimeoutAreNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		w := newWorld(t, Settings{ReadTimeout: time.Second}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
			if first {
				first = false
				return say(conn, whole("first"))
			}
			return hang(conn)
		}))
		w.ask(t.Context(), post("x")).want(t, "first")
		w.ask(t.Context(), post("x")).wantErr(t, ErrSilence, sent)
		if dials, _, _ := w.conns(); dials != 1 {
			t.Errorf("got %d dials, want 1", dials)
		}
	})
}

func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	big := post(strings.Repeat("x", 10<<20))
	const refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong"
	for name, serve := range map[string]func(net.Conn){
		"and closes": func(conn net.Conn) {
			say(conn, refusal)
			if socket, ok := conn.(*net.TCPConn); ok {
				_ = socket.CloseWrite()
			}
			_, _ = io.CopyN(io.Discard, conn, 1<<20)
		},
		"and takes no more": func(conn net.Conn) {
			say(conn, refusal)
			var p [1]byte
			_, _ = conn.Read(p[:])
			<-time.After(2 * time.Second)
		},
		"and takes the rest": func(conn net.Conn) {
			say(conn, refusal)
			_, _ = io.Copy(io.Discard, conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := listening(t, serve)
			c := client(t, "http://"+address, Settings{WriteTimeout: time.Second, ReadTimeout: 5 * time.Second})
			resp, err := c.Do(t.Context(), big)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp)
			if resp.Status != 413 || string(body) != "long" || err != nil {
				t.Errorf("got %d %q and %v, want 413 long", resp.Status, body, err)
			}
			resp.Close()
			if got := c.Stats(); name != "and takes the rest" && got.Open != 0 {
				t.Errorf("got %+v, want the connection closed", got)
			}
		})
	}
}

func TestWhatIsWritten(t *testing.T) {
	lines, err := Lines{}.With("Accept", "text/event-stream")
	if err != nil {
		t.Fatal(err)
	}
	more, err := Lines{}.With("X-A", "b")
	if err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]*Request{
		"GET /a?b HTTP/1.1\r\nHost: upstream\r\n\r\n":                                                             {Method: "GET", Target: "/a?b"},
		"POST / HTTP/1.1\r\nHost: upstream\r\nAccept: text/event-stream\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi": {Method: "POST", Target: "/", Header: lines, More: more, Body: []byte("hi")},
		"POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 0\r\n\r\n":                                          {Method: "POST", Target: "/"},
		"POST / HTTP/1.1\r\nHost: upstream\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("z", 300000):       {Method: "POST", Target: "/", Body: bytes.Repeat([]byte("z"), 300000)},
	} {
		synctest.Test(t, func(t *testing.T) {
			got := make([]byte, len(want))
			w := newWorld(t, Settings{WriteTimeout: time.Second}, func(_ int, conn net.Conn) {
				_, _ = io.ReadFull(conn, got)
				say(conn, whole(""))
			})
			w.ask(t.Context(), r).want(t, "")
			if string(got) != want {
				t.Errorf("got %.200q, want %.200q", got, want)
			}
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, saying(whole("")))
		for _, r := range []*Request{
			{Method: "", Target: "/"},
			{Method: "CONNECT", Target: "/"},
			{Method: "G T", Target: "/"},
			{Method: "GET", Target: ""},
			{Method: "GET", Target: "a"},
			{Method: "GET", Target: "/a b"},
			{Method: "GET", Target: "/a\r\nb"},
			{Method: "GET", Target: "/\x7f"},
			{Method: "GET", Target: "/#a"},
		} {
			w.ask(t.Context(), r).wantErr(t, ErrRequest, before)
		}
		if dials, _, _ := w.conns(); dials != 0 {
			t.Errorf("got %d dials, want 0", dials)
		}
	})
}

// A read gives what has come, and waits for no more.
func TestReadsAreNotGathered(t *testing.T) {
	for coding, pieces := range map[string][]string{
		"Content-Length: 9":          {"one", "two", "six"},
		"Transfer-Encoding: chunked": {"3\r\none\r\n", "3\r\ntwo\r\n", "3\r\nsix\r\n", "0\r\n\r\n"},
		"A: b":                       {"one", "two", "six"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Settings{}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
				say(conn, "HTTP/1.1 200 OK\r\n"+coding+"\r\n\r\n")
				for _, piece := range pieces {
					<-time.After(time.Second)
					say(conn, piece)
				}
				<-time.After(time.Second)
				return false
			}))
			began := time.Now()
			resp, err := w.Do(t.Context(), post("x"))
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 4096)
			for i, want := range []string{"one", "two", "six"} {
				n, err := resp.Read(p)
				if string(p[:n]) != want || time.Since(began) != time.Duration(i+1)*time.Second {
					t.Errorf("%s: got %q and %v after %v, want %q after %ds", coding, p[:n], err, time.Since(began), want, i+1)
				}
			}
			if n, err := resp.Read(p); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("%s: got %d and %v, want io.EOF", coding, n, err)
			}
		})
	}
}

// The end of a body comes with its last bytes, and frees the connection.
func TestEndComesWithTheLastBytes(t *testing.T) {
	for _, answer := range []string{whole("end"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nend\r\n0\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Settings{MaxConnections: 1}, saying(answer))
			resp, err := w.Do(t.Context(), post("x"))
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 100)
			n, err := resp.Read(p)
			if string(p[:n]) != "end" || !errors.Is(err, io.EOF) || w.Stats().Idle != 1 {
				t.Errorf("got %q, %v and %+v, want end, io.EOF and an idle connection", p[:n], err, w.Stats())
			}
			w.ask(t.Context(), post("x")).want(t, "end")
			resp.Close() // has no effect on the others
			if w.Stats().Open != 1 {
				t.Errorf("got %+v, want one connection", w.Stats())
			}
		})
	}
}

func TestFinish(t *testing.T) {
	later := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nend\r\n"
	for name, test := range map[string]struct {
		now      string // what comes with the first bytes
		rest     string // what comes after
		after    time.Duration
		maxBytes int
		maxTime  time.Duration
		kept     bool
	}{
		"in time":        {"", "0\r\n\r\n", 50 * time.Millisecond, 4096, 100 * time.Millisecond, true},
		"too late":       {"", "0\r\n\r\n", 150 * time.Millisecond, 4096, 100 * time.Millisecond, false},
		"no time":        {"", "0\r\n\r\n", 0, 4096, 0, false},
		"no time, there": {"0\r\n\r\n", "", 0, 4096, 0, true},
		"too long":       {"", "2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n0\r\n\r\n", 0, 4096, 100 * time.Millisecond, false},
		"long enough":    {"", "2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n0\r\n\r\n", 0, 0x2000, 100 * time.Millisecond, true},
		"malformed":      {"", "x", 0, 4096, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Settings{ReadTimeout: time.Minute}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					say(conn, later+test.now)
					<-time.After(test.after)
					return test.rest == "" || say(conn, test.rest)
				}))
				resp, err := w.Do(t.Context(), post("x"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := resp.Read(make([]byte, 3)); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err = resp.Finish(test.maxBytes, test.maxTime)
				if took := time.Since(began); (err == nil) != test.kept || took > test.maxTime {
					t.Errorf("got %v after %v, want kept %v within %v", err, took, test.kept, test.maxTime)
				}
				_, err = resp.Read(make([]byte, 3))
				if resp.Close(); err == nil || (w.Stats().Idle == 1) != test.kept {
					t.Errorf("afterwards got error %v and %+v, want one and kept %v", err, w.Stats(), test.kept)
				}
			})
		})
	}
}

func TestCloseReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
			say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
			return hang(conn)
		}))
		resp, err := w.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		resp.Close()
		if _, open, _ := w.conns(); open != 0 || time.Since(began) != 0 {
			t.Errorf("got %d open after %v, want 0 at once", open, time.Since(began))
		}
		if _, err := resp.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

func TestHeaderOfAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, saying("HTTP/1.1 200 OK\r\nX-A: one\r\nx-b:\t two \t\r\nX-a: three\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"))
		resp, err := w.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		h := &resp.Header
		if got := slices.Collect(h.Values("X-A")); fmt.Sprint(got) != "[one three]" {
			t.Errorf("got values %q", got)
		}
		for name, want := range map[string]string{"x-a": "one", "X-B": "two", "empty": "", "none": ""} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		all := ""
		for name, value := range h.All() {
			all += name + "=" + value + ";"
		}
		if want := "X-A=one;x-b=two;X-a=three;Empty=;Content-Length=0;"; all != want || h.Len() != 5 || resp.Length != 0 {
			t.Errorf("got %q, %d headers and length %d, want %q", all, h.Len(), resp.Length, want)
		}
	})
}

// A 408 that ends a kept connection is no answer: the server gave the connection
// up while the request was on its way. Any other 408 is one.
func TestLateRequestTimeout(t *testing.T) {
	const closing = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate"
	const keeping = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate"
	for _, c := range []struct {
		name   string
		says   []string // by connection, to its second request
		first  string   // to the first one
		status int
		stale  int64
	}{
		{"on a kept connection", []string{closing}, "", 200, 1},
		{"on a new connection", nil, closing, 408, 0},
		{"on a kept connection that stays", []string{keeping}, "", 408, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turns := map[int]int{}
				w := newWorld(t, Settings{}, serving(func(n int, _ *http.Request, conn net.Conn) bool {
					turns[n]++
					switch {
					case turns[n] == 1 && c.first != "":
						return say(conn, c.first)
					case turns[n] == 2 && n <= len(c.says):
						return say(conn, c.says[n-1])
					}
					return say(conn, whole("ok"))
				}))
				if c.first == "" {
					w.ask(t.Context(), post("x")).want(t, "ok")
				}
				g := w.ask(t.Context(), post("x"))
				if g.err != nil || g.status != c.status || w.Stats().Stale != c.stale {
					t.Errorf("got %d and the error %v, %d sent again; want %d and %d", g.status, g.err, w.Stats().Stale, c.status, c.stale)
				}
			})
		})
	}
}
