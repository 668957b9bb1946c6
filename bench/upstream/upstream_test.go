//go:build linux && (amd64 || arm64)

package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// start runs a server until the test ends.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask posts a body and returns the answer's.
func ask(t *testing.T, client *http.Client, url, body string) string {
	t.Helper()
	answer, err := client.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("got status %d, %v", answer.StatusCode, err)
	}
	return string(text)
}

func TestAnswers(t *testing.T) {
	s := start(t, Options{Delay: time.Hour})
	client := &http.Client{Transport: &http.Transport{}}
	if err := Set(t.Context(), client, s.Port(), Options{Chunks: 3, Interval: time.Millisecond, Delay: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	url := fmt.Sprintf("http://127.0.0.1:%d", s.Port())
	if got := ask(t, client, url, `{"model":"bench"}`); len(got) < 550 || len(got) > 700 || !strings.Contains(got, `"usage"`) {
		t.Errorf("got %d bytes: %s", len(got), got)
	}
	long := `{"text":"` + strings.Repeat("x", 200_000) + `","stream": true}`
	for _, body := range []string{`{"stream":true,"model":"bench"}`, long} {
		got := strings.Split(strings.TrimSpace(ask(t, client, url, body)), "\n\n")
		if len(got) != 6 || got[5] != "data: [DONE]" || !strings.Contains(got[2], " word") || !strings.Contains(got[4], `"usage":{`) {
			t.Errorf("got %d events: %q", len(got), got)
		}
	}
	stats, err := Ask(t.Context(), client, s.Port())
	if want := (Stats{Requests: 3, Streams: 2, Events: 6}); err != nil || stats != want {
		t.Errorf("got %+v, %v, want %+v", stats, err, want)
	}
}

func TestTLS(t *testing.T) {
	s := start(t, Options{Chunks: 2, Interval: time.Millisecond})
	front, err := NewFront(t.Context(), s.Port())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		front.Run(ctx)
	}()
	defer func() { stop(); <-ended }()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(front.PEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	if got := ask(t, &http.Client{Transport: transport}, "https://"+front.Address(), `{"stream":true}`); !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("got %q", got)
	}
}

func TestLeaving(t *testing.T) {
	for name, o := range map[string]Options{
		"before the answer": {Delay: time.Hour},
		"in a stream":       {Chunks: 1000, Interval: time.Hour},
	} {
		s := start(t, o)
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 15\r\n\r\n{\"stream\":true}")
		if o.Chunks > 0 {
			if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		await(t, s, func(s Stats) bool { return s.InFlight == 1 && s.Left == 0 })
		left := time.Now()
		conn.Close()
		stats := await(t, s, func(s Stats) bool { return s.InFlight == 0 && s.Left == 1 })
		if after := stats.LeftAt - left.UnixNano(); after < 0 || after > int64(time.Second) {
			t.Errorf("%s: seen after %v", name, time.Duration(after))
		}
	}
}

// await asks the server until it has seen what is waited for.
func await(t *testing.T, s *Server, seen func(Stats) bool) Stats {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 2000 {
		stats, err := Ask(t.Context(), client, s.Port())
		if err != nil {
			t.Fatal(err)
		}
		if seen(stats) {
			return stats
		}
		<-time.After(time.Millisecond)
	}
	t.Fatal("it has not seen it after two seconds")
	return Stats{}
}

func TestTimers(t *testing.T) {
	var heap timers
	var want []int64
	for range 2000 {
		if len(want) > 0 && rand.IntN(3) == 0 {
			if got := heap.pop().due; got != want[0] {
				t.Fatalf("got %d, want %d", got, want[0])
			}
			want = want[1:]
			continue
		}
		due := rand.Int64N(1000)
		heap.push(timer{due: due})
		at, _ := slices.BinarySearch(want, due)
		want = slices.Insert(want, at, due)
	}
}

func TestFlag(t *testing.T) {
	words := strings.Repeat("word ", 1000)
	for body, want := range map[string]bool{
		`{"stream":true}`:                           true,
		`{"a":1,"stream": true,"b":2}`:              true,
		`{"stream":true,"a":"` + words + `"}`:       true,
		`{"a":"` + words + `","stream": true}`:      true,
		`{"stream":false,"text":"stream"}`:          false,
		`{"a":"` + strings.Repeat("b", 100):         false,
		strings.Repeat(" ", 50) + `"stream"`:        false,
		`{"a":"` + words + `,"b":"` + words + `"}`:  false,
		words + `"stre` + words + `am":true` + "  ": false,
	} {
		for _, size := range []int{1, 2, 3, 5, 7, 13, 14, 15, 64, 1000, 1023, 1024, 1025, 4096, 1 << 20} {
			var known, unknown flag
			left := len(body)
			for piece := range slices.Chunk([]byte(body), size) {
				left -= len(piece)
				known.look(piece, int64(left))
				unknown.look(piece, 0)
			}
			if known.found != want || unknown.found != want {
				t.Errorf("%.60q in pieces of %d: got %v, and %v where the length is not known", body, size, known.found, unknown.found)
			}
		}
	}
}
