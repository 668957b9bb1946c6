package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/http1"
)

const (
	benchKey    = "bench-0123456789abcdef0123456789"
	benchAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"A harbour pilot boards the ship before it enters."},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":120,"completion_tokens":10,"total_tokens":130}}`
	// benchConfig has everything on that is by default, with limits that are never reached.
	benchConfig = `
chat: {websocket: {concurrency: {server: {max_keepalive_requests: 0}}}}
limits: {max_concurrent_requests: 5000, rate_limit_per_minute: 1000000, burst: {requests_per_second: 1000000}}
apps: [{name: bench, keys: [` + benchKey + `]}]
llm:
  default_model: up/bench
  providers:
    up: {base_url: "http://%s/v1", api_key: upstream-key, models: [bench], http_client: {max_connections: 1000, concurrent_requests: 1000}}
`
)

// BenchmarkCall is a whole chat call over loopback, from the client's bytes to
// the answer's last: through the service, and through the least that a proxy in
// Go does with the same server and the same client upstream. Client and upstream
// allocate nothing, so allocations are the service's.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{600, 100 << 10} {
		upstream := upstreamStub(b)
		request := benchRequest(size)
		b.Run(fmt.Sprintf("fairlead/%d", size), func(b *testing.B) { benchCalls(b, benchService(b, upstream), request) })
		b.Run(fmt.Sprintf("bare/%d", size), func(b *testing.B) { benchCalls(b, bareProxy(b, upstream), request) })
	}
}

// benchRequest is a chat request whose prompt has about that size.
func benchRequest(size int) []byte {
	const line = `The pilot's launch left the quay at six.\n`
	body := `{"model":"bench","messages":[{"role":"user","content":"` + strings.Repeat(line, size/len(line)+1) + `"}],"max_tokens":200}`
	return fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n%s", benchKey, len(body), body)
}

// benchService is the service before that upstream; its log goes nowhere, but is
// written.
func benchService(b *testing.B, upstream string) (address string) {
	b.Helper()
	loaded, err := config.Load(config.Input{
		Path: "bench.yaml", Data: fmt.Appendf(nil, benchConfig, upstream),
		Flags: map[string]string{"server.listen": "127.0.0.1:0", "server.data_dir": b.TempDir()},
	})
	if err != nil {
		b.Fatal(err)
	}
	s := &service{}
	s.Server, err = New(b.Context(), loaded, Options{
		Version: "bench", Logger: NewLog(nowhere{}, logJSON).Logger, Out: io.Discard,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.run(b)
	return s.Addr().String()
}

// nowhere takes what is written to it, and forgets it.
type nowhere struct{}

// Write implements io.Writer.
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// bareProxy reads a body, sends it upstream and answers with what comes.
func bareProxy(b *testing.B, upstream string) (address string) {
	b.Helper()
	client, err := http1.New("http://"+upstream, http1.Settings{MaxConnections: 100, MaxKeepalive: 100, KeepaliveExpiry: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			b.Error(err)
			return
		}
		resp, err := client.Do(r.Context(), &http1.Request{Method: http.MethodPost, Target: "/v1/chat/completions", Body: body})
		if err != nil {
			b.Error(err)
			return
		}
		answer := make([]byte, 4<<10)
		n, _ := io.ReadFull(resp, answer)
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(n)}
		_, _ = w.Write(answer[:n])
	})}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	b.Cleanup(func() {
		_ = web.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			b.Error(err)
		}
	})
	return listener.Addr().String()
}

// benchCalls sends the request again and again on one connection.
func benchCalls(b *testing.B, address string, request []byte) {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		have := 0
		for !bytes.HasSuffix(answer[:have], []byte(benchAnswer)) {
			n, err := conn.Read(answer[have:])
			if err != nil {
				b.Fatalf("%v after %q", err, answer[:have])
			}
			have += n
		}
	}
}

// upstreamStub answers every request with benchAnswer, until the test ends.
func upstreamStub(tb testing.TB) (address string) {
	tb.Helper()
	return stubOf(tb, fmt.Appendf(nil,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(benchAnswer), benchAnswer))
}

// stubOf answers every request with those bytes.
func stubOf(tb testing.TB, answer []byte) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerRequests(conn, answer)
		}
	}()
	return listener.Addr().String()
}

// answerRequests answers the requests of a connection, which have a length.
func answerRequests(conn net.Conn, answer []byte) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReaderSize(conn, 4<<10)
	for {
		length := 0
		for {
			line, err := reader.ReadSlice('\n')
			if err != nil {
				return
			}
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length = digits(value)
			}
			if len(line) == len("\r\n") {
				break
			}
		}
		if _, err := reader.Discard(length); err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// digits is the number that p begins with.
func digits(p []byte) (n int) {
	for _, c := range p {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// BenchmarkHeldStream opens streams whose upstream then is silent, and tells what
// the process keeps for each: in the heap and in stacks. Client and upstream keep
// a connection and a goroutine each, the same for both.
func BenchmarkHeldStream(b *testing.B) {
	const streams = 500
	const event = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":{"content":"A"},"finish_reason":null}]}` + "\n\n"
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	upstream := stubOf(b, fmt.Appendf(nil, "%s%x\r\n%s\r\n", head, len(event), event))
	body := `{"model":"bench","stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 100) + `"}]}`
	request := fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", benchKey, len(body), body)
	address := benchService(b, upstream)
	for b.Loop() {
		before := kept()
		var open []net.Conn
		for range streams {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				b.Fatal(err)
			}
			open = append(open, conn)
			if _, err := conn.Write(request); err != nil {
				b.Fatal(err)
			}
			answer := make([]byte, 4<<10)
			for have := 0; !bytes.Contains(answer[:have], []byte(`"content":"A"`)); {
				n, err := conn.Read(answer[have:])
				if err != nil {
					b.Fatalf("%v after %q", err, answer[:have])
				}
				have += n
			}
		}
		after := kept()
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/streams, "heap-B/stream")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/streams, "stack-B/stream")
		for _, conn := range open {
			_ = conn.Close()
		}
	}
}

// kept is what the process keeps when its garbage is collected.
func kept() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}
