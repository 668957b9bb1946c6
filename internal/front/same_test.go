//go:build linux

package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// both are the lane and net/http with the same handler.
type both struct {
	lane, plain string // addresses
	served      *atomic.Int64
}

func newHTTP(handler http.Handler) *http.Server {
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, ErrorLog: quiet}
}

// server is what Serve needs.
type server interface {
	Serve(listener net.Listener) error
	Close() error
}

// serving runs a server until the test ends.
func serving(tb testing.TB, s server) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	tb.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			tb.Error(err)
		}
	})
	return listener.Addr().String()
}

func newBoth(tb testing.TB, behave http.HandlerFunc) both {
	tb.Helper()
	b := both{served: new(atomic.Int64)}
	b.plain = serving(tb, newHTTP(behave))
	b.lane = serving(tb, &Server{HTTP: newHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(*answer); ok {
			b.served.Add(1)
		}
		behave(w, r)
	}))})
	return b
}

// dump writes down all that a handler can see of a request before its body.
func dump(w io.Writer, r *http.Request) {
	fmt.Fprintf(w, "%s %q %s %d.%d %#v\n", r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor, *r.URL)
	fmt.Fprintf(w, "host %q length %d close %v coding %v trailer %v form %v %v\n",
		r.Host, r.ContentLength, r.Close, r.TransferEncoding, r.Trailer, r.Form == nil, r.MultipartForm == nil)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(w, "%s %q\n", name, r.Header[name])
	}
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	fmt.Fprintln(w, r.Body == http.NoBody, r.TLS == nil, remote, err, r.Pattern, r.Response == nil, r.GetBody == nil, r.Cancel == nil) //nolint:staticcheck // seen too
	ctx := r.Context()
	_, isServer := ctx.Value(http.ServerContextKey).(*http.Server)
	_, isAddr := ctx.Value(http.LocalAddrContextKey).(net.Addr)
	_, limited := ctx.Deadline()
	fmt.Fprintln(w, isServer, isAddr, limited, ctx.Value("x"))
}

// behaviours are what handlers may do.
func behaviours() []http.HandlerFunc {
	text := strings.Repeat("0123456789abcde\n", 5000)
	write := func(w io.Writer, sizes ...int) {
		for _, n := range sizes {
			_, _ = w.Write([]byte(text[:n]))
		}
	}
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	return []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { // sees everything
			dump(w, r)
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%q %v\n", body, err)
			n, err := r.Body.Read(make([]byte, 1))
			fmt.Fprintln(w, n, err, r.Body.Close())
			n, err = r.Body.Read(make([]byte, 1))
			fmt.Fprintln(w, n, err)
		},
		func(w http.ResponseWriter, _ *http.Request) { write(w, 10) },
		func(http.ResponseWriter, *http.Request) {},
		func(w http.ResponseWriter, r *http.Request) { // reads a part
			n, err := r.Body.Read(make([]byte, 3))
			fmt.Fprintln(w, n, err)
		},
		func(w http.ResponseWriter, _ *http.Request) { // declares a length
			w.Header().Set("Content-Length", "100")
			w.Header().Set("Content-Type", "a/b")
			write(w, 60, 40)
		},
		func(w http.ResponseWriter, _ *http.Request) { // writes too little
			w.Header().Set("Content-Length", "100")
			write(w, 60)
		},
		func(w http.ResponseWriter, _ *http.Request) { // and too much
			w.Header().Set("Content-Length", "100")
			write(w, 60, 60, 40, 1)
		},
		func(w http.ResponseWriter, r *http.Request) { // flushes
			flush(w)
			write(w, 10, 20)
			flush(w)
			flush(w)
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%q %v\n", body, err)
			w.Header().Set("Late", "yes")
			write(w, 4000)
			flush(w)
			write(w, 1)
		},
		func(w http.ResponseWriter, _ *http.Request) { // aborts
			write(w, 1000, 1500, 10)
			panic(http.ErrAbortHandler)
		},
		func(w http.ResponseWriter, _ *http.Request) {
			write(w, 1000)
			panic(errors.New("a panic"))
		},
		func(w http.ResponseWriter, _ *http.Request) {
			write(w, 70000)
			flush(w)
			write(w, 5, 4096, 2048, 1)
			panic(http.ErrAbortHandler)
		},
		func(w http.ResponseWriter, r *http.Request) { // statuses
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Content-Type", "x")
			w.Header().Set("Transfer-Encoding", "identity, x")
			w.Header().Del("Transfer-Encoding")
			w.WriteHeader([]int{204, 304, 404, 599, 200, 999}[len(r.URL.Path)%6])
			_, err := io.WriteString(w, "hello")
			_ = err
		},
		func(w http.ResponseWriter, _ *http.Request) { // closes
			w.Header()["Connection"] = []string{"close"}
			write(w, 5000)
		},
		func(w http.ResponseWriter, r *http.Request) { // odd headers
			h := w.Header()
			h["a b"], h["B"], h["lower"], h["Empty"], h["None"] = []string{"x"}, []string{" 2 ", "1\r\nX: y", "\n"}, []string{"x"}, []string{""}, nil
			h["Content-Length"], h["Content-Encoding"] = []string{"-1"}, []string{"gzip"}
			h["Connection"] = []string{[]string{"Keep-Alive, Close", "keep-alive", "x"}[len(r.URL.Path)%3]}
			if r.URL.RawQuery == "" {
				delete(h, "Content-Encoding")
			}
			h["Date"] = []string{"today"}
			write(w, 30)
			h.Set("B", "3")
			flush(w)
		},
		func(w http.ResponseWriter, _ *http.Request) { // long ones
			write(w, 2047, 1, 1, 2048, 2049, 5000, 70000, 3)
			w.WriteHeader(http.StatusNotFound)
		},
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "79000")
			w.Header().Set("Long", strings.Repeat("x", 6000))
			write(w, 79000-1024, 1024)
		},
		func(w http.ResponseWriter, r *http.Request) { // closes the body
			_, _ = r.Body.Read(make([]byte, 1))
			fmt.Fprintln(w, r.Body.Close())
			_, err := r.Body.Read(make([]byte, 1))
			fmt.Fprintln(w, err)
		},
		func(w http.ResponseWriter, r *http.Request) { // reads after the head has gone
			write(w, 10)
			flush(w)
			_, err := io.Copy(io.Discard, r.Body)
			fmt.Fprintln(w, err)
		},
		func(w http.ResponseWriter, r *http.Request) { // is out of time
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Unix(1, 0))
			_, err := r.Body.Read(make([]byte, 10))
			fmt.Fprintln(w, errors.Is(err, context.DeadlineExceeded), err != nil && err != io.EOF)
			w.Header().Set("Content-Type", "text/x")
		},
	}
}

// talk sends the input in pieces, says that this was all, and returns what comes.
func talk(tb testing.TB, address string, input []byte, cuts []int) (answer []byte, reset bool) {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		answer, err = io.ReadAll(conn)
		reset = errors.Is(err, syscall.ECONNRESET)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			answer = append(answer, "(and no end)"...)
		}
	}()
	at := 0
	for _, cut := range cuts {
		if cut > at && cut < len(input) {
			_, _ = conn.Write(input[at:cut])
			at = cut
			<-time.After(200 * time.Microsecond)
		}
	}
	_, _ = conn.Write(input[at:])
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	<-done
	answer = regexp.MustCompile(`Date: [A-Z][a-z]{2}, [^\r]* GMT\r\n`).ReplaceAll(answer, []byte("Date: now\r\n"))
	return answer, reset
}

// same fails if the two servers answer differently. What differs is tried again,
// lest it be a matter of time: a server that closes a connection before all has come
// resets it, and the reset may overtake the answer.
func (b both) same(tb testing.TB, input []byte, cuts []int) {
	tb.Helper()
	const tries = 6
	var lane, plain []byte
	var resets [2]bool
	for range tries {
		var reset [2]bool
		lane, reset[0] = talk(tb, b.lane, input, cuts)
		plain, reset[1] = talk(tb, b.plain, input, cuts)
		resets[0], resets[1] = resets[0] || reset[0], resets[1] || reset[1]
		if bytes.Equal(lane, plain) {
			return
		}
	}
	if resets[0] && resets[1] && (bytes.HasPrefix(lane, plain) || bytes.HasPrefix(plain, lane)) {
		return
	}
	at := 0
	for at < min(len(lane), len(plain)) && lane[at] == plain[at] {
		at++
	}
	const around = 200
	from := max(0, at-around)
	tb.Fatalf("for %q cut at %v, from byte %d (of %d and %d)\nfront    answered %q\nnet/http answered %q", input, cuts, from, len(lane), len(plain),
		lane[from:min(len(lane), at+around)], plain[from:min(len(plain), at+around)])
}

// corpus are requests as they come, and as they should not.
func corpus() []string {
	const host = "Host: h\r\n"
	get := "GET / HTTP/1.1\r\n" + host + "\r\n"
	post := func(path, fields, body string) string {
		return "POST " + path + " HTTP/1.1\r\n" + host + fields + "\r\n" + body
	}
	return []string{
		get, get + get + get, "HEAD /a/b?c=d HTTP/1.1\r\n" + host + "\r\n" + get, "DELETE /x HTTP/1.1\r\nhost: H:80\r\n\r\n",
		post("/v1/chat", "Content-Type: application/json\r\nContent-Length: 7\r\n", `{"a":1}`),
		post("/v1/chat", "content-length: 7\r\n", `{"a":1}`) + get + post("/", "Content-Length: 0\r\n", "") + get,
		post("/", "Content-Length: 5\r\n", "hello") + "\r\n\r\n" + get,
		post("/", "Content-Length: 5\r\n", "hello") + "\r\n\r\n\r\n" + get,
		post("/", "Content-Length: 5\r\n", "hello") + "\n" + get, post("/", "Content-Length: 5\r\n", "hello") + "\r\n",
		get + "\r\n" + get, "\r\n" + get, get + "GET", get + "GE", get + "GET / HTT", "GE", "G", "", "GET / HTTP/1.1\r\nHost: h\r\n",
		post("/", "Content-Length: 50\r\n", "short"), post("/", "", "no length") + get,
		post("/", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello") + get, post("/", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello") + get,
		post("/", "Content-Length: 5, 5\r\n", "hello"), post("/", "Content-Length: +5\r\n", "hello"), post("/", "Content-Length: -5\r\n", "hello"),
		post("/", "Content-Length:\r\n", "hello"), post("/", "Content-Length: 0x5\r\n", "hello"), post("/", "Content-Length: 005\r\n", "hello") + get,
		post("/", "Content-Length: 99999999999999999999\r\n", "hello"), post("/", "Content-Length: 300000\r\n", "hello") + get,
		post("/", "Content-Length:\t 5 \t\r\n", "hello") + get, post("/", "Content-Length: 5\x00\r\n", "hello"), post("/", "Content-Length : 5\r\n", "hello"),
		post("/", "Content-Length: 1 5\r\n", "hello"), post("/", "Content_Length: 5\r\n", "hello") + get,
		post("/", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + get, post("/", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "5\r\nhello\r\n0\r\n\r\n") + get,
		post("/", "transfer-encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n") + get, post("/", "Transfer-Encoding: gzip\r\n", "") + get,
		post("/", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n") + get, post("/", " Transfer-Encoding: chunked\r\n", "0\r\n\r\n") + get,
		post("/", "X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n") + get, post("/", "X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") + get,
		post("/", "X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n") + get, post("/", "Trailer: X\r\nTransfer-Encoding: chunked\r\n", "0\r\nX: y\r\n\r\n") + get,
		post("/", "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello") + get, post("/", "Expect: 200-ok\r\nContent-Length: 5\r\n", "hello") + get,
		get + post("/", "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello") + get, get + post("/", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n") + get,
		"GET / HTTP/1.0\r\n\r\n" + get, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get, "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.2\r\n" + host + "\r\n" + get,
		"get / HTTP/1.1\r\n" + host + "\r\n" + get, "BREW / HTTP/1.1\r\n" + host + "\r\n" + get, "PUT / HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\nx" + get,
		"OPTIONS * HTTP/1.1\r\n" + host + "\r\n" + get, "OPTIONS / HTTP/1.1\r\n" + host + "\r\n" + get, "CONNECT h:80 HTTP/1.1\r\n" + host + "\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET http://other/x HTTP/1.1\r\n" + host + "\r\n" + get, "GET //x/y HTTP/1.1\r\n" + host + "\r\n" + get, "GET /%41%2f?%zz HTTP/1.1\r\n" + host + "\r\n" + get,
		"GET /%zz HTTP/1.1\r\n" + host + "\r\n", "GET /a?b=%zz&c=d+e,f HTTP/1.1\r\n" + host + "\r\n" + get, "GET /? HTTP/1.1\r\n" + host + "\r\n", "GET /a:b~c HTTP/1.1\r\n" + host + "\r\n",
		"GET /a#b HTTP/1.1\r\n" + host + "\r\n", "GET /a?b?c HTTP/1.1\r\n" + host + "\r\n", "GET /a;b HTTP/1.1\r\n" + host + "\r\n", "GET /\xff HTTP/1.1\r\n" + host + "\r\n", "GET /a b HTTP/1.1\r\n" + host + "\r\n",
		"GET  / HTTP/1.1\r\n" + host + "\r\n", "GET / HTTP/1.1 \r\n" + host + "\r\n", " GET / HTTP/1.1\r\n" + host + "\r\n", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", "GET / HTTP/1.1\r\n\r\n", "GET ../ HTTP/1.1\r\n" + host + "\r\n",
		"GET /../a/./b HTTP/1.1\r\n" + host + "\r\n", "GET / HTTP/1.1\n" + host + "\n" + get, "GET / HTTP/1.1\r\nHost: h\n\r\n" + get, "GET / HTTP/1.1\r\n" + host + "\n" + get,
		"GET / HTTP/1.1\r\n" + host + host + "\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
		post("/", "Connection: close\r\nContent-Length: 5\r\n", "hello") + get, post("/", "Connection: Close\r\nContent-Length: 5\r\n", "hello") + get, post("/", "Connection: keep-alive\r\n", "") + get,
		post("/", "Connection: close\r\nContent-Length: 300000\r\n", "hello"), post("/", "Connection: keep-alive, close\r\n", "") + get, post("/", "Connection: x\r\nConnection: close\r\n", "") + get, post("/", "Connection:\r\n", "") + get,
		post("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "") + get, post("/", "Upgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: Upgrade, HTTP2-Settings\r\n", ""), post("/", "Keep-Alive: 5\r\nTE: trailers\r\n", "") + get,
		post("/", "Pragma: no-cache\r\n", "") + get, post("/", "pragma: no-cache\r\nCache-Control: x\r\n", "") + get, post("/", "A: 1\r\nA: 2\r\na: 3\r\n", "") + get, post("/", "A:\r\nB: \t \r\nC:x\r\n", "") + get,
		post("/", "A: \x7f\r\n", "") + get, post("/", "A: \x00\r\n", "") + get, post("/", "A: \xff\xfe\t x\r\n", "") + get, post("/", "A b: x\r\n", "") + get, post("/", "A\xff: x\r\n", "") + get, post("/", ": x\r\n", "") + get, post("/", "no colon\r\n", "") + get,
		post("/", "!#$%&'*+-.^_`|~9: x\r\nx-y-Z: 1\r\nX_y: 2\r\nETag-: 3\r\n", "") + get, post("/", "Cookie: a=b; c=d\r\nCookie: e\r\n", "") + get, post("/", "A: x\r\r\n", "") + get, post("/", "A: x\r\n\tfolded\r\n", "") + get,
		post("/", "Long: "+strings.Repeat("x", 5000)+"\r\nContent-Length: 5\r\n", "hello") + get, post("/", "Long: "+strings.Repeat("x", 20000)+"\r\nContent-Length: 5\r\n", "hello") + get,
		post("/", strings.Repeat("A: b\r\n", 70)+"Content-Length: 5\r\n", "hello") + get, post("/"+strings.Repeat("a", 9000), "Content-Length: 5\r\n", "hello") + get,
		post("/", "Content-Length: 10000\r\n", strings.Repeat("x", 10000)) + get, post("/", "X: yz\nContent-Length: 5\r\n", "hello") + get, get + post("/", "Content-Length: 3\r\n", "a\r\n") + "garbage\r\n\r\n", get + strings.Repeat("\r\n", 9) + get,
		post("/", "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nAuthorization: Bearer x\r\nUser-Agent: a/1 (b; c)\r\nx-stainless-lang: js\r\nContent-Length: 2\r\n", "{}") + get,
	}
}

// cutsOf are places to cut an input of that length at, by the digits of seed.
func cutsOf(length int, seed uint64) (cuts []int) {
	if length == 0 {
		return nil
	}
	for ; seed > 0 && len(cuts) < 6; seed /= 251 {
		cuts = append(cuts, int(seed%251)*length/251)
	}
	slices.Sort(cuts)
	return cuts
}

// TestSameAsNetHTTP: every request of the corpus, in one piece and in several, is
// answered as net/http does it, whatever the handler does.
func TestSameAsNetHTTP(t *testing.T) {
	t.Parallel()
	for i, behave := range behaviours() {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := newBoth(t, behave)
			tried := int64(0)
			for k, input := range corpus() {
				if !testing.Short() || (i+k)%4 == 0 || i == 0 {
					tried++
					b.same(t, []byte(input), cutsOf(len(input), uint64(k)*7919)[min(1, k%2*len(input)):])
				}
			}
			if least := tried / 8; b.served.Load() < least {
				t.Errorf("the lane served %d requests, want at least %d", b.served.Load(), least)
			}
		})
	}
}

// FuzzSameAsNetHTTP: the same for any bytes.
func FuzzSameAsNetHTTP(f *testing.F) {
	for i, input := range corpus() {
		f.Add([]byte(input), uint64(i)*1_000_003, byte(i))
	}
	all := behaviours()
	pairs := make([]both, len(all))
	for i, behave := range all {
		pairs[i] = newBoth(f, behave)
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64, mode byte) {
		const most = 64 << 10
		if len(input) > most {
			return
		}
		pairs[int(mode)%len(pairs)].same(t, input, cutsOf(len(input), seed))
	})
}

// fragments are parts of requests, of which some make a plain one.
func fragments() [][]string {
	return [][]string{
		{"GET", "POST", "POST", "HEAD", "DELETE", "PUT", "get", "", "\r\nPOST", "\nGET"},
		{" / ", " /a/b.c ", " /x?y=z&a=%20 ", " /? ", " //a ", " * ", " http://h/ ", " /%2e ", "  / ", " /a:b@c ", " /a+b ", " /~_-, "},
		{"HTTP/1.1\r\n", "HTTP/1.1\r\n", "HTTP/1.1\r\n", "HTTP/1.0\r\n", "HTTP/1.1\n", "HTTP/1.1 \r\n", "http/1.1\r\n", "HTTP/2.0\r\n"},
		{"Host: h\r\n", "Host: h\r\n", "Host: a.b:80\r\n", "host:h\r\n", "Host: h\r\nHost: h\r\n", "", "Host:\r\n", "Host: a b\r\n", "HOST: [::1]\r\n", "Host: h,i\r\n"},
		{
			"", "", "Accept: */*\r\n", "a: 1\r\nA: 2\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n", "Connection: Close\r\n", "connection: x, close\r\n",
			"Transfer-Encoding: chunked\r\n", "transfer-encoding:identity\r\n", "Expect: 100-continue\r\n", "Pragma: no-cache\r\n", "X: \x00\r\n", "X: \xe4\t;\r\n",
			" X: y\r\n", "X : y\r\n", "X: y\n", "X: y\r\n z\r\n", "X\r\n", "X:\r\n", "x-Y-z:1 \r\n", "Upgrade: x\r\n", "Trailer: X\r\n", "Content-Type: a/b\r\n",
		},
		{
			"Content-Length: 5\r\n", "content-length:5\r\n", "", "Content-Length: 0\r\n", "Content-Length: 4\r\n", "Content-Length: 6\r\n", "Content-Length: 05\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n",
			"Content-Length: 5,5\r\n", "Content-Length: -1\r\n", "Content-Length: 262144\r\n", "Content-Length: 99999999\r\n", "Content-Length: 5 5\r\n", "Content-Length: \r\n", "Content-Length: 1e1\r\n",
		},
		{"\r\n", "\r\n", "\r\n", "\n", "", "\r\n\r\n"},
		{"hello", "hello", "", "5\r\nhello\r\n0\r\n\r\n", "hell", "hello\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	}
}

// compose makes requests of choices, each a part of one.
func compose(choices []byte) (input []byte) {
	parts := fragments()
	for i, c := range choices {
		of := parts[i%len(parts)]
		input = append(input, of[int(c)%len(of)]...)
	}
	return input
}

// FuzzComposed: the same for requests that are plain, or almost.
func FuzzComposed(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0}, uint64(0), byte(0))
	f.Add([]byte{1, 0, 0, 0, 4, 0, 0, 0, 1, 1, 1, 1, 2, 1, 1, 1}, uint64(1_000_003), byte(7))
	all := behaviours()
	pairs := make([]both, len(all))
	for i, behave := range all {
		pairs[i] = newBoth(f, behave)
	}
	f.Fuzz(func(t *testing.T, choices []byte, seed uint64, mode byte) {
		const most = 64
		if len(choices) > most {
			return
		}
		input := compose(choices)
		pairs[int(mode)%len(pairs)].same(t, input, cutsOf(len(input), seed))
	})
}
