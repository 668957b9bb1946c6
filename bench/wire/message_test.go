package wire

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// read feeds text in pieces of the given size and returns the body.
func read(m *Message, text string, size int) (body string, err error) {
	var all strings.Builder
	for len(text) > 0 && !m.Done() {
		piece := []byte(text[:min(size, len(text))])
		text = text[len(piece):]
		for len(piece) > 0 && !m.Done() {
			used, part, err := m.Next(piece)
			if err != nil {
				return "", err
			}
			all.Write(part)
			piece = piece[used:]
		}
	}
	return all.String(), nil
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		name, text, body string
		kind             Kind
		status           int
		events, closing  bool
	}{
		{name: "a length", kind: Response, status: 200, text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
		{
			name: "chunks", kind: Response, status: 200, events: true,
			text: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"5\r\nhello\r\n1;x=y\r\n!\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
			body: "hello!0123456789",
		},
		{name: "no body", kind: Response, status: 204, text: "HTTP/1.1 204 No Content\r\n\r\n"},
		{name: "length 0", kind: Response, status: 429, closing: true, text: "HTTP/1.1 429 Slow Down\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"},
		{name: "after a 100", kind: Response, status: 201, text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", body: "ok"},
		{name: "a request", kind: Request, text: "POST /x HTTP/1.1\r\nHost: y\r\ncontent-length: 3\r\n\r\nabc", body: "abc"},
		{name: "a request without a body", kind: Request, text: "GET /x HTTP/1.1\r\nHost: y\r\n\r\n"},
	} {
		for size := 1; size <= len(c.text); size++ {
			var m Message
			m.Reset(c.kind)
			body, err := read(&m, c.text, size)
			if err != nil {
				t.Fatalf("%s, in pieces of %d: %v", c.name, size, err)
			}
			if !m.Done() || body != c.body || m.Status != c.status || m.Events != c.events || m.Closing != c.closing {
				t.Fatalf("%s, in pieces of %d: got body %q and %+v, want %+v", c.name, size, body, m, c)
			}
			if first, _, _ := strings.Cut(c.text, "\r\n"); c.status != 201 && string(m.StartLine()) != first {
				t.Errorf("%s: got start line %q, want %q", c.name, m.StartLine(), first)
			}
		}
	}
}

func TestUntilTheEnd(t *testing.T) {
	var m Message
	m.Reset(Response)
	body, err := read(&m, "HTTP/1.1 200 OK\r\n\r\nall of it", 4)
	if err != nil || m.Done() {
		t.Fatalf("got done %v, %v before the end", m.Done(), err)
	}
	if !m.End() || body != "all of it" || !m.Closing {
		t.Errorf("got %q, %+v", body, m)
	}
}

func TestCutMessages(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nContent-Le",
	} {
		var m Message
		m.Reset(Response)
		if _, err := read(&m, text, len(text)); err != nil || m.End() {
			t.Errorf("%q: got whole, %v", text, err)
		}
	}
}

func TestBadMessages(t *testing.T) {
	for _, text := range []string{
		"FTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("0", 2000),
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("x", 70000),
	} {
		for _, size := range []int{1, 7, len(text)} {
			var m Message
			m.Reset(Response)
			if _, err := read(&m, text, size); err == nil {
				t.Errorf("%.60q in pieces of %d: no error", text, size)
			}
		}
	}
}

// However an answer is cut, it is read the same; and where net/http reads it
// too, the body is the same.
func FuzzResponse(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end",
		"HTTP/1.1 204 None\r\n\r\n",
	} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = max(size, 1)
		var whole, cut Message
		whole.Reset(Response)
		cut.Reset(Response)
		want, wantErr := read(&whole, text, len(text)+1)
		got, err := read(&cut, text, size)
		if got != want || (err != nil) != (wantErr != nil) || err == nil && (whole.End() != cut.End() || whole.Status != cut.Status) {
			t.Fatalf("in pieces of %d: got %q, %v, %+v, want %q, %v, %+v", size, got, err, cut, want, wantErr, whole)
		}
		if wantErr != nil || !whole.Done() {
			return
		}
		in := bufio.NewReader(strings.NewReader(text))
		answer, err := http.ReadResponse(in, nil)
		for err == nil && answer.StatusCode < 200 {
			answer, err = http.ReadResponse(in, nil)
		}
		if err != nil || !answer.ProtoAtLeast(1, 1) { // for HTTP/1.0 net/http knows no chunks
			return
		}
		defer answer.Body.Close()
		if body, err := io.ReadAll(answer.Body); err == nil && (string(body) != want || answer.StatusCode != whole.Status) {
			t.Fatalf("got %d %q, net/http reads %d %q", whole.Status, want, answer.StatusCode, body)
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	text := []byte("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	var m Message
	m.Reset(Response)
	got := testing.AllocsPerRun(100, func() {
		m.Reset(Response)
		for rest := text; len(rest) > 0; {
			used, _, _ := m.Next(rest)
			rest = rest[used:]
		}
	})
	if got != 0 || !m.Done() {
		t.Errorf("got %v allocations, done %v", got, m.Done())
	}
}
