package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/api/budget"
)

// BenchmarkRefusal and BenchmarkBare429 refuse one call after the other over one
// kept connection: the router does, and a handler of net/http that says the same
// and does nothing else. BenchmarkRefusalOverBare takes turns between the two, so
// that what else the machine does falls on both.

func BenchmarkRefusal(b *testing.B) { dialRefuser(b, refuser(b)).run(b) }

func BenchmarkBare429(b *testing.B) { dialRefuser(b, http.HandlerFunc(bare429)).run(b) }

func BenchmarkRefusalOverBare(b *testing.B) {
	const turn = 50
	ours, bare := dialRefuser(b, refuser(b)), dialRefuser(b, http.HandlerFunc(bare429))
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, ours.time(b, turn).Seconds()/bare.time(b, turn).Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(0, "ns/op")
}

func refuser(b *testing.B) http.Handler {
	b.Helper()
	rt, err := New(Config{
		Faces: []Face{face{"native", []Route{refusing()}}}, Keys: keys{}, MaxBody: 1 << 20, Bodies: budget.New(0, 0),
		SlowReaderGrace: 10 * time.Second, Refused: func(string, string) {},
	})
	if err != nil {
		b.Fatal(err)
	}
	return rt
}

func bare429(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Length", "47")
	h.Set("Content-Type", "application/json")
	h.Set("Ratelimit", `"requests";r=0;t=31, "tokens";r=5;t=60`)
	h.Set("Ratelimit-Policy", `"requests";q=200;w=60, "tokens";q=200000;w=60`)
	h.Set("Retry-After", "31")
	h.Set("Retry-After-Ms", "30400")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Fairlead-Queue-Ms", "0")
	h.Set("X-Ratelimit-Limit-Requests", "200")
	h.Set("X-Ratelimit-Limit-Tokens", "200000")
	h.Set("X-Ratelimit-Remaining-Requests", "0")
	h.Set("X-Ratelimit-Remaining-Tokens", "5")
	h.Set("X-Ratelimit-Reset-Requests", "1m0s")
	h.Set("X-Ratelimit-Reset-Tokens", "1m0s")
	h.Set("X-Request-Id", "req_1_1753019000")
	h.Set("X-Should-Retry", "true")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, `["native","rate_limit_requests","req_1_175301"]`)
}

// refusedClient asks over one connection, and expects to be refused.
type refusedClient struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
}

func dialRefuser(b *testing.B, handler http.Handler) *refusedClient {
	b.Helper()
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	var d net.Dialer
	conn, err := d.DialContext(b.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	const body = `{"messages":[{"role":"user","content":"hi"}]}`
	return &refusedClient{conn, bufio.NewReader(conn), []byte("POST /refuse HTTP/1.1\r\nHost: x\r\nX-API-Key: " + goodKey +
		"\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n" + body)}
}

func (c *refusedClient) run(b *testing.B) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		c.ask(b)
	}
}

func (c *refusedClient) time(b *testing.B, times int) time.Duration {
	b.Helper()
	began := time.Now()
	for range times {
		c.ask(b)
	}
	return time.Since(began)
}

func (c *refusedClient) ask(b *testing.B) {
	b.Helper()
	if _, err := c.conn.Write(c.request); err != nil {
		b.Fatal(err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		b.Fatal(err)
	}
	if resp.StatusCode != http.StatusTooManyRequests || len(resp.Header) != 17 { // and Date
		b.Fatalf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
}
