package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1/message"
)

// scripted is a connection that takes everything and gives a text, in pieces.
type scripted struct {
	text []byte
	size int // of a piece
}

func (c *scripted) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.text)
	c.text = c.text[n:]
	return n, nil
}

func (c *scripted) Write(p []byte) (int, error)    { return len(p), nil }
func (*scripted) Close() error                     { return nil }
func (*scripted) LocalAddr() net.Addr              { return nil }
func (*scripted) RemoteAddr() net.Addr             { return nil }
func (*scripted) SetDeadline(time.Time) error      { return nil }
func (*scripted) SetReadDeadline(time.Time) error  { return nil }
func (*scripted) SetWriteDeadline(time.Time) error { return nil }

// outcome is what a reader made of an answer.
type outcome struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// ours reads text with this client.
func ours(t *testing.T, method string, text []byte, piece, room int) (got outcome, kept bool) {
	t.Helper()
	c, err := New("http://upstream", Settings{Dial: func(context.Context, string, string) (net.Conn, error) {
		return &scripted{text, piece}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.Do(t.Context(), &Request{Method: method, Target: "/"})
	if err != nil {
		return outcome{err: err}, false
	}
	defer resp.Close()
	got = outcome{status: resp.Status, header: http.Header{}}
	for name, value := range resp.Header.All() {
		got.header.Add(name, value)
	}
	p := make([]byte, room)
	for err == nil {
		var n int
		n, err = resp.Read(p)
		got.body = append(got.body, p[:n]...)
	}
	if !errors.Is(err, io.EOF) {
		got.err = err
	}
	return got, c.Stats().Idle == 1
}

// theirs reads text with net/http. rest is how much of it is left.
func theirs(method string, text []byte) (got outcome, rest int) {
	r, err := http.NewRequest(method, "http://upstream/", nil)
	if err != nil {
		return outcome{err: err}, 0
	}
	from := bufio.NewReaderSize(bytes.NewReader(text), 1<<20)
	for {
		resp, err := http.ReadResponse(from, r)
		if err != nil {
			return outcome{err: err}, 0
		}
		if resp.StatusCode >= 100 && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue // as http.Transport does
		}
		got = outcome{status: resp.StatusCode, header: resp.Header}
		got.body, got.err = io.ReadAll(resp.Body)
		resp.Body.Close()
		return got, from.Buffered()
	}
}

// stricter are the reasons for which we refuse what net/http takes, each with
// what that is.
func stricter() map[message.Reason]string {
	return map[message.Reason]string{
		message.BadVersion:      "versions such as HTTP/2.0, in lines that are otherwise right",
		message.BadStatus:       "several spaces, no digits as in +20, status below 100, control characters in the phrase",
		message.BadLineEnd:      "lines that end in a bare \\n",
		message.BadName:         "spaces in and after names",
		message.FoldedLine:      "headers that go on in the next line",
		message.LongHead:        "heads beyond 64 KiB",
		message.ManyInterim:     "any number of informational answers",
		message.Switched:        "101",
		message.LengthAndCoding: "Content-Length beside chunked, where the length is ignored",
		message.BadCoding:       "any Transfer-Encoding in HTTP/1.0, where it is ignored",
		message.BadChunkSize:    "spaces after a chunk's size",
		message.BadExtension:    "control characters in extensions, and longer ones",
		message.BadTrailer:      "bare \\n and folded lines in trailers, and longer ones",
	}
}

// laxer reports whether net/http refused what we rightly take: it reads the
// Trailer header, which we drop with the trailers.
func laxer(err error) bool { return strings.Contains(err.Error(), "bad trailer key") }

// same removes what net/http changes in the headers that it returns.
func same(h http.Header) http.Header {
	h = maps.Clone(h)
	for _, name := range []string{"Transfer-Encoding", "Trailer", "Content-Length", "Connection"} {
		delete(h, name)
	}
	if strings.Contains(strings.Join(h["Pragma"], ","), "no-cache") {
		delete(h, "Cache-Control") // it derives one from the other
	}
	return h
}

// FuzzResponse gives the same bytes to this client and to net/http. What we
// take is what net/http reads, to the byte; what we refuse and net/http takes
// has a reason in the list.
func FuzzResponse(f *testing.F) {
	for _, text := range seeds() {
		f.Add([]byte(text), uint8(0), uint8(3), uint16(100))
	}
	f.Fuzz(func(t *testing.T, text []byte, methods, piece uint8, room uint16) {
		method := []string{"GET", "POST", "HEAD"}[methods%3]
		got, kept := ours(t, method, text, int(piece)+1, int(room)+1)
		want, rest := theirs(method, text)
		switch {
		case got.err != nil && want.err == nil:
			excuse(t, got.err)
		case got.err == nil && want.err != nil:
			if !laxer(want.err) {
				t.Fatalf("we take %d %q, net/http refuses: %v", got.status, got.body, want.err)
			}
		case got.err == nil:
			agree(t, got, want)
			if kept && rest > 0 && len(text) <= int(piece) { // all of it had come
				t.Fatalf("the connection is kept with %d bytes behind the answer", rest)
			}
		}
	})
}

// excuse fails the test unless err, with which we fail where net/http does not,
// is a strictness.
func excuse(t *testing.T, err error) {
	t.Helper()
	bad, refused := errors.AsType[*MalformedError](err)
	if !refused {
		t.Fatalf("net/http reads what we fail at: %v", err)
	}
	if _, listed := stricter()[bad.Reason]; !listed {
		t.Fatalf("net/http reads what we refuse: %s", bad.Reason)
	}
}

// agree fails the test unless both answers are the same.
func agree(t *testing.T, got, want outcome) {
	t.Helper()
	if got.status != want.status || !bytes.Equal(got.body, want.body) {
		t.Fatalf("we read %d %q, net/http %d %q", got.status, got.body, want.status, want.body)
	}
	if !maps.EqualFunc(same(got.header), same(want.header), slices.Equal) {
		t.Fatalf("we read %q, net/http %q", got.header, want.header)
	}
}

// seeds are answers of every kind of framing, right and wrong.
func seeds() []string {
	const ok = "HTTP/1.1 200 OK\r\n"
	const chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
	return []string{
		"",
		ok + "\r\n",
		ok + "Content-Length: 5\r\n\r\nhello",
		ok + "Content-Length: 5\r\n\r\nhello" + ok,
		ok + "Content-Length: 5\r\n\r\nhell",
		ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		ok + "Content-Length: 5, 5\r\n\r\nhello",
		ok + "Content-Length: +5\r\n\r\nhello",
		ok + "Content-Length: -5\r\n\r\nhello",
		ok + "Content-Length: 0x5\r\n\r\nhello",
		ok + "Content-Length:\r\n\r\nhello",
		ok + "Content-Length: 9223372036854775807\r\n\r\nhello",
		ok + "Content-Length: 9223372036854775808\r\n\r\nhello",
		ok + "Content-Length: 99999999999999999999\r\n\r\nhello",
		ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		ok + "Transfer-Encoding: identity\r\n\r\nhello",
		ok + "Transfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n",
		ok + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		ok + "Transfer-Encoding:\tCHUNKED \r\n\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
		chunked + "5\r\nhello\r\n0\r\n\r\n",
		chunked + "5;a=b;c=\"d\"\r\nhello\r\n000\r\nA: b\r\nC:d\r\n\r\n",
		chunked + "5 \r\nhello\r\n0\r\n\r\n",
		chunked + "5\nhello\n0\n\n",
		chunked + "5\r\nhello0\r\n\r\n",
		chunked + "\r\n",
		chunked + "0x5\r\nhello\r\n0\r\n\r\n",
		chunked + "ffffffffffffffff\r\nhello",
		chunked + "7fffffffffffffff\r\nhello",
		chunked + "00000000000000005\r\nhello\r\n0\r\n\r\n",
		chunked + "1;" + strings.Repeat("x", 5000) + "\r\nx\r\n0\r\n\r\n",
		chunked + "0\r\nA : b\r\n\r\n",
		chunked + "0\r\n\n",
		chunked + "0\r\nA: b\r\n c\r\n\r\n",
		ok + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n",
		"HTTP/1.1 101 Switching\r\n\r\n",
		"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 +20 OK\r\n\r\n",
		"HTTP/1.1 200 O\x00K\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\n\n",
		"http/1.1 200 OK\r\n\r\n",
		ok + "A: b\r\n c: d\r\n\r\n",
		ok + " A: b\r\n\r\n",
		ok + "A b: c\r\n\r\n",
		ok + ": c\r\n\r\n",
		ok + "A\r\n\r\n",
		ok + "A: \x00\r\n\r\n",
		ok + "A: b\rc\r\n\r\n",
		ok + "A: \xe9\x80\xff\r\n\r\n",
		ok + "A: b\r\na: c\r\nA:\r\n\r\n",
		ok + "Pragma: no-cache\r\nConnection: close, x\r\n\r\n",
	}
}

// TestSeeds holds which of the seeds are refused, so that a strictness that is
// lost is noticed.
func TestSeeds(t *testing.T) {
	refused := map[message.Reason]int{}
	for _, text := range seeds() {
		got, _ := ours(t, "GET", []byte(text), 4096, 4096)
		if bad, ok := errors.AsType[*MalformedError](got.err); ok {
			refused[bad.Reason]++
		}
	}
	want := map[message.Reason]int{
		message.BadLength: 7, message.TwoLengths: 1, message.LengthAndCoding: 1, message.BadCoding: 5,
		message.BadName: 4, message.BadChunkSize: 5, message.BadChunkEnd: 2, message.BadExtension: 1, message.BadTrailer: 3,
		message.Switched: 1, message.BadStatus: 5, message.BadVersion: 2, message.BadLineEnd: 1, message.FoldedLine: 2,
		message.BadValue: 2,
	}
	if !maps.Equal(refused, want) {
		t.Errorf("got  %v\nwant %v", refused, want)
	}
}
