//go:build linux

package front

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
)

// servers are the lane and net/http with the same handler, to be measured side by
// side.
func servers(handler http.HandlerFunc) map[string]func() server {
	return map[string]func() server{
		"lane":    func() server { return &Server{HTTP: newHTTP(handler)} },
		"nethttp": func() server { return newHTTP(handler) },
	}
}

// BenchmarkRequest is a small POST and its answer on a kept connection.
func BenchmarkRequest(b *testing.B) {
	body := []byte(`{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"a harbour pilot"}}]}`)
	kind, length := []string{"application/json"}, []string{"101"}
	for name, s := range servers(func(w http.ResponseWriter, r *http.Request) {
		var into [1024]byte
		_, _ = io.ReadFull(r.Body, into[:r.ContentLength])
		w.Header()["Content-Type"], w.Header()["Content-Length"] = kind, length
		_, _ = w.Write(body)
	}) {
		b.Run(name, func(b *testing.B) {
			conn, err := net.Dial("tcp", serving(b, s()))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			request := []byte("POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\n" +
				"User-Agent: bench\r\n" + post(string(make([]byte, 600)))[len("POST / HTTP/1.1\r\nHost: h\r\n"):])
			answer := make([]byte, 4<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				if _, err := conn.Read(answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHeld is a stream that is held open: what it costs is its memory.
func BenchmarkHeld(b *testing.B) {
	for name, s := range servers(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("data: an event\n\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}) {
		b.Run(name, func(b *testing.B) {
			const most = 3000
			address, n := serving(b, s()), min(b.N, most)
			before := inUse()
			conns := make([]net.Conn, n)
			from := bufio.NewReader(nil)
			for i := range conns {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, post("hello"))
				from.Reset(conn)
				resp, err := http.ReadResponse(from, nil)
				if err != nil {
					b.Fatal(err)
				}
				_ = resp.Body
				conns[i] = conn
			}
			b.ReportMetric(float64(inUse()-before)/float64(n), "B/stream")
			b.ReportMetric(float64(runtime.NumGoroutine())/float64(n), "goroutines/stream")
		})
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
