package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// breaker dials connections, each of which breaks by RST when so many bytes were read.
type breaker struct {
	dialer net.Dialer
	after  int64 // bytes; 0 = never
	small  bool  // little waits in them to be read
	broke  *atomic.Int64
}

// client is an HTTP client whose connections break.
func (b *breaker) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: b.dial}}
}

func (b *breaker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := b.dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok && b.small {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	if err != nil || b.after == 0 {
		return conn, err
	}
	return &breaking{Conn: conn, left: b.after, broke: b.broke}, nil
}

// breaking is a connection that breaks.
type breaking struct {
	net.Conn

	left  int64
	broke *atomic.Int64
}

// Read implements net.Conn.
func (c *breaking) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); c.left <= 0 && err == nil {
		c.broke.Add(1)
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	return n, err
}

// pieces are what one client has of an answer, over all its connections.
type pieces struct {
	events []string
	last   string // the number of the last event; "" if there is none
	over   bool   // the last one was the end
}

// piece reads one connection on, as far as it comes. Its error is one that no broken
// connection explains.
type piece func(ctx context.Context, client *http.Client, got *pieces) error

// inPieces reads an answer whole over connections that break.
func inPieces(ctx context.Context, r *rand.Rand, broke *atomic.Int64, read piece) (*pieces, error) {
	const least, most = 100, 9000 // bytes: a head alone, up to some thirty events
	got := &pieces{}
	for !got.over {
		b := &breaker{after: least + r.Int64N(most-least), broke: broke}
		if err := read(ctx, b.client(), got); err != nil {
			return got, err
		}
		if ctx.Err() != nil {
			return got, context.Cause(ctx)
		}
	}
	return got, nil
}

// sseFrom reads event streams, that of a target which is told from where on. number
// finds the number of an event.
func (s *service) sseFrom(target func(last string) *http.Request, number func(event string) string, end string) piece {
	return func(ctx context.Context, client *http.Client, got *pieces) error {
		resp, err := client.Do(target(got.last).WithContext(ctx))
		if err != nil {
			return nil // it broke in its head
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d after %q: %s", resp.StatusCode, got.last, text)
		}
		for event := range strings.SplitAfterSeq(string(text), "\n\n") {
			if !strings.HasSuffix(event, "\n\n") || strings.HasPrefix(event, ":") {
				continue // what broke, or a comment
			}
			got.events, got.last = append(got.events, event), number(event)
			got.over = got.over || strings.Contains(event, end)
		}
		return nil
	}
}

// idLine is the number of an event that tells it in a line of its own.
func idLine(event string) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(event, "id: "), "\n")
	return line
}

// sequence is the number of an event of the Responses API.
func sequence(event string) string {
	var e struct {
		Number json.Number `json:"sequence_number"`
	}
	_, data, _ := strings.Cut(event, "data: ")
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return err.Error()
	}
	return e.Number.String()
}

// overSocket reads an answer over WebSockets by resuming it.
func (s *service) overSocket(id string) piece {
	return func(ctx context.Context, client *http.Client, got *pieces) error {
		conn, resp, err := websocket.Dial(ctx, s.url+"/ws", &websocket.DialOptions{HTTPClient: client, HTTPHeader: http.Header{"X-Api-Key": {crmKey}}})
		if err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return err
		}
		if err != nil {
			return nil // it broke in its head
		}
		defer func() { _ = conn.CloseNow() }()
		conn.SetReadLimit(-1)
		ask := fmt.Sprintf(`{"type":"response.resume","response_id":%q}`, id)
		if got.last != "" {
			ask = fmt.Sprintf(`{"type":"response.resume","response_id":%q,"starting_after":%s}`, id, got.last)
		}
		_ = conn.Write(ctx, websocket.MessageText, []byte(ask)) // an error comes again with the next read
		for !got.over {
			_, text, err := conn.Read(ctx)
			switch {
			case err != nil:
				return nil // it broke
			case strings.HasPrefix(string(text), `{"type":"session.created"`):
				continue
			case strings.HasPrefix(string(text), `{"type":"error"`):
				return errors.New(string(text))
			}
			event := string(text)
			got.events, got.last = append(got.events, event), sequence("data: "+event)
			got.over = strings.HasPrefix(event, `{"type":"response.completed"`)
		}
		return nil
	}
}

// cutAnswer is an answer that many read in pieces.
type cutAnswer struct {
	read piece
	end  string
	// number finds the number of an event, of which the first has the number from.
	number func(event string) string
	from   int
}

// answersToCut begin an answer each, which can be read on in that way.
func (s *service) answersToCut(t *testing.T) map[string]func() cutAnswer {
	t.Helper()
	const model = "up/mock+tokens=60+pace=5ms"
	get := func(path string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
		if err != nil {
			t.Error(err)
		}
		r.Header.Set("X-API-Key", crmKey)
		return r
	}
	var created struct{ Response struct{ ID string } }
	return map[string]func() cutAnswer{
		"chat over SSE": func() cutAnswer {
			resp := s.resumable(t.Context(), t, model)
			defer resp.Body.Close() // the first cut
			path := resp.Header.Get("X-Fairlead-Resume")
			return cutAnswer{from: 1, number: idLine, end: "[DONE]", read: s.sseFrom(func(last string) *http.Request {
				r := get(path)
				if last != "" {
					r.Header.Set("Last-Event-ID", last)
				}
				return r
			}, idLine, "data: [DONE]")}
		},
		"response over SSE": func() cutAnswer {
			resp, err := s.post(t.Context(), "/v1/responses", crmKey, fmt.Sprintf(`{"model":%q,"input":"hi","background":true,"stream":true}`, model))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() // the first cut
			first, _, err := events(resp.Body, 1)
			_, data, _ := strings.Cut(first, "data: ")
			if err != nil || json.Unmarshal([]byte(data), &created) != nil || created.Response.ID == "" {
				t.Fatalf("status %d, %v after %s", resp.StatusCode, err, first)
			}
			return cutAnswer{number: sequence, end: "response.completed", read: s.sseFrom(func(last string) *http.Request {
				path := "/v1/responses/" + created.Response.ID + "?stream=true"
				if last != "" {
					path += "&starting_after=" + last
				}
				return get(path)
			}, sequence, "event: response.completed\n")}
		},
		"response over a WebSocket": func() cutAnswer {
			conn := s.dialSocket(t, "/ws", crmKey)
			ask := fmt.Sprintf(`{"type":"response.create","model":%q,"input":"hi"}`, model)
			if err := conn.Write(t.Context(), websocket.MessageText, []byte(ask)); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(hear(t, conn, "response.created")), &created); err != nil {
				t.Fatal(err)
			}
			_ = conn.CloseNow() // the first cut
			return cutAnswer{
				number: func(event string) string { return sequence("data: " + event) }, end: "response.completed", read: s.overSocket(created.Response.ID),
			}
		},
	}
}

// TestProofCuts: connections break at any byte while answers are read, over SSE and
// over WebSockets, by clients that read on over the next one. What each has in the end,
// joined, is the answer: nothing is lost and nothing doubled.
func TestProofCuts(t *testing.T) {
	cuts := int64(60)
	if proof() {
		cuts = 1000
	}
	s := start(t, strings.Replace(twoApps, "max_concurrent_requests: 4", "max_concurrent_requests: 50", 1))
	for way, begin := range s.answersToCut(t) {
		t.Run(way, func(t *testing.T) {
			var broke atomic.Int64
			answers, readers, events := 0, 8, 0
			for ; broke.Load() < cuts/3+1; answers++ {
				events += s.cutAll(t, begin(), readers, &broke)
				if t.Failed() {
					return
				}
			}
			t.Logf("%d cuts: %d clients read %d answers, %d events in all, each joined to the whole", broke.Load(), readers*answers, answers, events)
		})
	}
	s.wantNothingLeft(t)
}

// cutAll has an answer be read by clients whose connections break, and holds what they
// have against what one reads whose connection does not. It returns how many events
// they have read in all.
func (s *service) cutAll(t *testing.T, a cutAnswer, readers int, broke *atomic.Int64) (events int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	all, errs := make([]*pieces, readers), make([]error, readers)
	var group sync.WaitGroup
	for i := range readers {
		group.Go(func() {
			all[i], errs[i] = inPieces(ctx, rand.New(rand.NewPCG(uint64(broke.Load()), uint64(i))), broke, a.read)
		})
	}
	whole := &pieces{}
	err := a.read(ctx, (&breaker{}).client(), whole)
	group.Wait()
	if err := errors.Join(err, errors.Join(errs...)); err != nil {
		t.Fatal(err)
	}
	for i, event := range whole.events {
		if got, want := a.number(event), fmt.Sprint(a.from+i); got != want {
			t.Fatalf("event %s has the number %s, want %s", event, got, want)
		}
	}
	want := strings.Join(whole.events, "")
	if len(whole.events) < 60 || !strings.Contains(whole.events[len(whole.events)-1], a.end) {
		t.Fatalf("the whole answer is %d events: %s", len(whole.events), want)
	}
	for i, got := range all {
		events += len(got.events)
		if joined := strings.Join(got.events, ""); joined != want {
			t.Errorf("client %d has %d events, want %d\ngot  %s\nwant %s", i, len(got.events), len(whole.events), joined, want)
		}
	}
	return events
}
