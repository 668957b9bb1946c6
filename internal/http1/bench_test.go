package http1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// smallAnswer is of the size and shape of a short chat answer.
const smallAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_0123456789\r\n" +
	"Openai-Processing-Ms: 12\r\nContent-Length: 300\r\n\r\n"

// answering is a server on loopback that reads requests of a head and length
// bytes of body, and answers each with answer. It costs as little as it can.
func answering(tb testing.TB, length int, answer []byte) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			serving.Go(func() { answerAll(conn, length, answer) })
		}
	})
	tb.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return listener.Addr().String()
}

func answerAll(conn net.Conn, length int, answer []byte) {
	defer conn.Close()
	buf := make([]byte, min(max(2*length, 2<<10), 64<<10))
	for have := 0; ; {
		n, err := conn.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		end := bytes.Index(buf[:have], []byte("\r\n\r\n"))
		if end < 0 {
			continue
		}
		for left := end + 4 + length - have; left > 0; left -= n {
			if n, err = conn.Read(buf); err != nil {
				return
			}
		}
		have = 0
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// reportCPU adds the processor time of each operation, that of the server
// included, to what the benchmark reports.
func reportCPU(b *testing.B, began time.Duration) {
	b.Helper()
	b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
}

func benchLines(tb testing.TB) Lines {
	tb.Helper()
	var lines Lines
	for _, line := range [][2]string{
		{"Accept", "application/json"},
		{"Accept-Encoding", "identity"},
		{"User-Agent", "fairlead"},
		{"Authorization", "Bearer sk-0123456789"},
		{"Content-Type", "application/json"},
	} {
		var err error
		if lines, err = lines.With(line[0], line[1]); err != nil {
			tb.Fatal(err)
		}
	}
	return lines
}

// roundTrip sends r and reads the answer into buf.
func roundTrip(tb testing.TB, c *Client, r *Request, buf []byte) {
	tb.Helper()
	resp, err := c.Do(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	for err == nil {
		_, err = resp.Read(buf)
	}
	if !errors.Is(err, io.EOF) {
		tb.Fatal(err)
	}
}

// BenchmarkRoundTrip is a POST and its answer on a kept connection: by this
// client, by http.Transport, and by a connection alone, which is the floor.
// cpu-ns/op has the server in it, the same for all.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []struct {
		name   string
		length int
	}{{"600B", 600}, {"100KB", 100 << 10}} {
		body := bytes.Repeat([]byte("x"), size.length)
		address := answering(b, size.length, append([]byte(smallAnswer), bytes.Repeat([]byte("y"), 300)...))
		limits := Settings{
			MaxConnections: 50, MaxKeepalive: 20, KeepaliveExpiry: 30 * time.Second, ConnectTimeout: 10 * time.Second,
			ReadTimeout: time.Minute, WriteTimeout: 10 * time.Second, PoolTimeout: 5 * time.Second,
		}
		b.Run(size.name+"/client", func(b *testing.B) {
			c, err := New("http://"+address, limits)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			r := &Request{Method: "POST", Target: "/v1/chat/completions", Header: benchLines(b), Body: body}
			buf := make([]byte, 4096)
			roundTrip(b, c, r, buf)
			b.ReportAllocs()
			began := cpu()
			for b.Loop() {
				roundTrip(b, c, r, buf)
			}
			reportCPU(b, began)
		})
		b.Run(size.name+"/transport", func(b *testing.B) { benchTransport(b, address, body) })
		b.Run(size.name+"/bare", func(b *testing.B) { benchBare(b, address, body) })
	}
}

func benchTransport(b *testing.B, address string, body []byte) {
	b.Helper()
	transport := &http.Transport{DisableCompression: true, MaxConnsPerHost: 50, MaxIdleConnsPerHost: 20}
	defer transport.CloseIdleConnections()
	buf := make([]byte, 4096)
	trip := func() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+address+"/v1/chat/completions", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Accept-Encoding", "identity")
		r.Header.Set("User-Agent", "fairlead")
		r.Header.Set("Authorization", "Bearer sk-0123456789")
		r.Header.Set("Content-Type", "application/json")
		resp, err := transport.RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
	trip()
	b.ReportAllocs()
	began := cpu()
	for b.Loop() {
		trip()
	}
	reportCPU(b, began)
}

func benchBare(b *testing.B, address string, body []byte) {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	request := (&Request{Method: "POST", Target: "/v1/chat/completions", Header: benchLines(b), Body: body}).
		AppendHead(nil, " HTTP/1.1\r\nHost: a\r\n")
	request = append(request, body...)
	buf := make([]byte, 4096)
	began := cpu()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	reportCPU(b, began)
}

// BenchmarkHeldStream tells in B/stream what a stream costs whose reader waits
// for the next event, with the reader's goroutine and its buffer of 4 KiB and
// the server's side, which is the same for both.
func BenchmarkHeldStream(b *testing.B) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n"
	address := answering(b, 600, []byte(head))
	body := make([]byte, 600)
	b.Run("client", func(b *testing.B) {
		c, err := New("http://"+address, Settings{ReadTimeout: time.Minute, WriteTimeout: time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		r := &Request{Method: "POST", Target: "/", Header: benchLines(b), Body: body}
		holdStreams(b, func(ctx context.Context) (io.ReadCloser, error) { return c.Do(ctx, r) })
	})
	b.Run("transport", func(b *testing.B) {
		transport := &http.Transport{DisableCompression: true}
		defer transport.CloseIdleConnections()
		holdStreams(b, func(ctx context.Context) (io.ReadCloser, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/", bytes.NewReader(body))
			if err != nil {
				return nil, err
			}
			resp, err := transport.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			return resp.Body, nil
		})
	})
}

func holdStreams(b *testing.B, open func(ctx context.Context) (io.ReadCloser, error)) {
	b.Helper()
	const streams = 400
	for b.Loop() {
		began := inUse()
		ctx, cancel := context.WithCancel(b.Context())
		var held sync.WaitGroup
		ready := make(chan struct{})
		for range streams {
			held.Go(func() { holdOne(ctx, b, open, ready) })
		}
		for range streams {
			<-ready
		}
		b.ReportMetric((inUse()-began)/streams, "B/stream")
		cancel()
		held.Wait()
	}
}

func holdOne(ctx context.Context, b *testing.B, open func(ctx context.Context) (io.ReadCloser, error), ready chan<- struct{}) {
	b.Helper()
	body, err := open(ctx)
	if err != nil {
		b.Error(err)
		ready <- struct{}{}
		return
	}
	defer body.Close()
	buf := make([]byte, 4096)
	_, err = body.Read(buf)
	ready <- struct{}{}
	for err == nil {
		_, err = body.Read(buf)
	}
}

// inUse is the memory of heap and stacks in use, after a collection.
func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
