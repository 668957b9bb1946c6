package message

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for head, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\n":                          "1 200 ",
		"HTTP/1.0 999\r\n\r\n":                             "0 999 ",
		"HTTP/1.1 200 \r\n\r\n":                            "1 200 ",
		"HTTP/1.1 200 \xc3\xa9 \t\r\n\r\n":                 "1 200 ",
		"HTTP/1.1 200 OK\r\nA:b\r\nC-d: \t e f \t\r\n\r\n": "1 200 A=b;C-d=e f;",
		"HTTP/1.1 200 OK\r\nA:\r\nB: \t\r\n\r\n":           "1 200 A=;B=;",
		"HTTP/1.1 200 OK\r\n!#$%&'*+-.^_`|~0aZ: :\r\n\r\n": "1 200 !#$%&'*+-.^_`|~0aZ=:;",

		"":                                       "",
		"HTTP":                                   "",
		"HTTP/1.1 200 OK\r\nA: b\r\n":            "",
		"HTTP/2 200 OK\r\n\r\n":                  "version",
		"HTTP/1.2 200 OK\r\n\r\n":                "version",
		"HTTP/1.\r\n\r\n":                        "version",
		"GET / HTTP/1.1\r\n\r\n":                 "version",
		"http/1.1 200 OK\r\n\r\n":                "version",
		"HTTP/1.1\r\n\r\n":                       "status line",
		"HTTP/1.1200 OK\r\n\r\n":                 "status line",
		"HTTP/1.1 20\r\n\r\n":                    "status line",
		"HTTP/1.1 2000\r\n\r\n":                  "status line",
		"HTTP/1.1  200\r\n\r\n":                  "status line",
		"HTTP/1.1 +20 OK\r\n\r\n":                "status line",
		"HTTP/1.1 099 OK\r\n\r\n":                "status line",
		"HTTP/1.1 200 O\x00K\r\n\r\n":            "status line",
		"HTTP/1.1 200 O\rK\r\n\r\n":              "status line",
		"HTTP/1.1 200 OK\n\r\n":                  "line end",
		"HTTP/1.1 200 OK\r\n\n":                  "line end",
		"HTTP/1.1 200 OK\r\nA: b\n\r\n":          "line end",
		"HTTP/1.1 200 OK\r\nA\r\n\r\n":           "header name",
		"HTTP/1.1 200 OK\r\n: b\r\n\r\n":         "header name",
		"HTTP/1.1 200 OK\r\nA : b\r\n\r\n":       "header name",
		"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n":      "header name",
		"HTTP/1.1 200 OK\r\nA\x00: c\r\n\r\n":    "header name",
		"HTTP/1.1 200 OK\r\n\xc3: c\r\n\r\n":     "header name",
		"HTTP/1.1 200 OK\r\n A: b\r\n\r\n":       "folded header",
		"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n": "folded header",
		"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n":     "header value",
		"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n":     "header value",
		"HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n":     "header value",
	} {
		if got := parsed([]byte(head)); got != want {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
	}
}

// parsed tells what a head says: "" if it is not all there, or the reason why
// it is refused.
func parsed(data []byte) string {
	_, end, reason := HeadEnd(data, 0)
	if reason != "" || end == 0 {
		return string(reason)
	}
	var h Header
	line, reason := h.Parse(string(data[:end]))
	if reason != "" {
		return string(reason)
	}
	got := fmt.Sprintf("%d %d ", line.Minor, line.Status)
	for name, value := range h.All() {
		got += name + "=" + value + ";"
	}
	return got
}

// The end of a head is found wherever the bytes before it were cut.
func TestHeadEndGoesOn(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
	for cut := range len(head) {
		next, end, reason := HeadEnd([]byte(head[:cut]), 0)
		if end != 0 || reason != "" {
			t.Fatalf("%q: got end %d and %q", head[:cut], end, reason)
		}
		if _, end, reason = HeadEnd([]byte(head+"body"), next); end != len(head) || reason != "" {
			t.Errorf("after %q: got end %d and %q, want %d", head[:cut], end, reason, len(head))
		}
	}
}

func TestFrame(t *testing.T) {
	const none, chunked = "", "Transfer-Encoding: chunked\r\n"
	for _, test := range []struct {
		method string
		status int
		lines  string
		want   string // kind, length, keep; or the reason
	}{
		{"GET", 200, none, "close -1 false"},
		{"GET", 200, chunked, "chunks -1 true"},
		{"GET", 200, "Transfer-Encoding: CHUNKED\r\nConnection: close\r\n", "chunks -1 false"},
		{"GET", 200, "Content-Length: 5\r\n", "length 5 true"},
		{"GET", 200, "Content-Length: 05\r\n", "length 5 true"},
		{"GET", 200, "Content-Length: 9223372036854775807\r\n", "length 9223372036854775807 true"},
		{"GET", 200, "Content-Length: 0\r\nConnection: a ,\tClose\r\n", "none 0 false"},
		{"GET", 204, "Content-Length: 5\r\n", "none 5 true"},
		{"GET", 304, chunked, "none 0 true"},
		{"HEAD", 200, "Content-Length: 5\r\n", "none 5 true"},
		{"HEAD", 200, "Content-Length: x\r\n", "content length"},
		{"GET", 200, "Content-Length: 9223372036854775808\r\n", "content length"},
		{"GET", 200, "Content-Length: 18446744073709551616\r\n", "content length"},
		{"GET", 200, "Content-Length:\r\n", "content length"},
		{"GET", 200, "Content-Length: 5 5\r\n", "content length"},
		{"GET", 200, "Content-Length: 5,5\r\n", "content length"},
		{"GET", 200, "Content-Length: -0\r\n", "content length"},
		{"GET", 200, "Content-Length: 5\r\nContent-Length: 05\r\n", "differing content lengths"},
		{"GET", 200, "Content-Length: 5\r\n" + chunked, "content length and transfer encoding"},
		{"GET", 200, chunked + chunked, "transfer encoding"},
		{"GET", 200, "Transfer-Encoding:\r\n", "transfer encoding"},
		{"GET", 200, "Transfer-Encoding: chunked;q=1\r\n", "transfer encoding"},
		{"GET", 200, "Transfer-Encoding: chun\u212aed\r\n", "transfer encoding"},
	} {
		var h Header
		line, reason := h.Parse("HTTP/1.1 200 OK\r\n" + test.lines + "\r\n")
		if reason != "" {
			t.Fatalf("%q: %s", test.lines, reason)
		}
		line.Status = test.status
		var f Framing
		length, keep, reason := f.Frame(test.method, line, &h)
		got := string(reason)
		if reason == "" {
			name := map[kind]string{byLength: "length", byChunks: "chunks", untilClose: "close"}[f.kind]
			if f.Done() {
				name = "none"
			}
			got = fmt.Sprintf("%s %d %v", name, length, keep)
		}
		if got != test.want {
			t.Errorf("%s %d %q: got %q, want %q", test.method, test.status, test.lines, got, test.want)
		}
	}
}

// FuzzChunks cuts a chunked body in two anywhere and into pieces: that makes no
// difference. What is taken is what the grammar says.
func FuzzChunks(f *testing.F) {
	for _, body := range []string{
		"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\nA\r\n0123456789\r\n000\r\nA: b\r\n\r\nrest",
		"5\nhello", "x", "5\r\nhelloo", "0\r\nA\r\n\r\n", "0\r\nA: b\n", "0\r\n\r\r", "0\r\n\rx", "5;\x00\r\n", "5;\n", "\r\n", "5\rx",
		"7fffffffffffffff\r\n", "8000000000000000\r\n", "00000000000000000\r\n", "1" + strings.Repeat(";", 5000), "0\r\n" + strings.Repeat("A: b\r\n", 1000),
	} {
		f.Add([]byte(body), uint16(3), uint16(2))
	}
	f.Fuzz(func(t *testing.T, body []byte, cut, piece uint16) {
		wantBody, wantUsed, wantReason := stripInPieces(body, len(body)+1, 1)
		for _, sizes := range [][2]int{{int(cut), len(body)}, {int(cut), int(piece)}, {1, 1}} {
			got, used, reason := stripInPieces(body, max(sizes[0], 1), max(sizes[1], 1))
			if !bytes.Equal(got, wantBody) || used != wantUsed || reason != wantReason {
				t.Fatalf("in pieces of %v: got %q after %d and %q, want %q after %d and %q",
					sizes, got, used, reason, wantBody, wantUsed, wantReason)
			}
		}
		naiveBody, naiveUsed, whole := naive(string(body))
		if wantDone := wantReason == "" && wantUsed == naiveUsed; whole && (!wantDone || naiveBody != string(wantBody)) {
			t.Fatalf("got %q after %d and %q, want %q after %d", wantBody, wantUsed, wantReason, naiveBody, naiveUsed)
		}
		f := Framing{kind: byChunks}
		if _, _ = f.Take(bytes.Clone(body)); f.Done() != whole || whole && f.Surplus() != (naiveUsed < len(body)) {
			t.Fatalf("got done %v and surplus %v, want done %v", f.Done(), f.Surplus(), whole)
		}
	})
}

// stripInPieces is the body, how many bytes were used of it, and the reason.
func stripInPieces(body []byte, first, size int) (got []byte, used int, reason Reason) {
	f := Framing{kind: byChunks}
	for used < len(body) && reason == "" && !f.Done() {
		p := bytes.Clone(body[used:min(len(body), used+first)])
		first = size
		n, took, why := f.chunks.strip(p)
		f.done = f.chunks.state == chunksDone
		got, used, reason = append(got, p[:n]...), used+took, why
	}
	return got, used, reason
}

// naive reads the chunked body that text begins with, by the grammar alone. It
// reports false if that is not whole and right.
func naive(text string) (body string, used int, whole bool) {
	const printed = `[^\x00-\x08\x0a-\x1f\x7f]*`
	head := regexp.MustCompile(`^([0-9a-fA-F]{1,16})(;` + printed + `)?\r\n`)
	trailers := regexp.MustCompile("^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:" + printed + `\r\n)*\r\n`)
	for extensions := 0; ; {
		line := head.FindStringSubmatch(text[used:])
		if line == nil {
			return "", 0, false
		}
		used += len(line[0])
		extensions += len(line[2])
		size, err := strconv.ParseInt(line[1], 16, 64)
		if err != nil || extensions > maxExtensions {
			return "", 0, false
		}
		if size == 0 {
			last := trailers.FindString(text[used:])
			return body, used + len(last), last != "" && len(last) <= maxTrailers
		}
		if int64(len(text)-used) < size || !strings.HasPrefix(text[used+int(size):], "\r\n") {
			return "", 0, false
		}
		body += text[used : used+int(size)]
		used += int(size) + 2
	}
}

func TestLines(t *testing.T) {
	const secret = "sk-very-secret"
	lines, err := Lines{}.With("Authorization", "Bearer "+secret)
	if err != nil {
		t.Fatal(err)
	}
	longer, err := lines.With("A", "")
	if err != nil || longer.block() != "Authorization: Bearer "+secret+"\r\nA: \r\n" || strings.Contains(lines.block(), "A: ") {
		t.Errorf("got %q and %v", longer.block(), err)
	}
	for name, value := range map[string]string{
		"": secret, "A b": secret, "A:": secret, "A\r\nB": secret, "host": secret, "Content-length": secret, "transfer-encoding": secret,
		"B": secret + "\r\nC: d", "C": secret + "\n", "D": secret + "\x00", "E": " " + secret, "F": secret + "\t",
	} {
		if _, err := lines.With(name, value); !errors.Is(err, ErrRequest) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %q: got %v, want an ErrRequest that does not quote it", name, value, err)
		}
	}
	var log bytes.Buffer
	held := struct {
		Shown  Lines
		hidden Lines
		r      *Request
	}{lines, lines, &Request{Header: lines}}
	slog.New(slog.NewTextHandler(&log, nil)).Info("lines", "lines", lines, "held", held)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("lines", "lines", lines, "held", held)
	fmt.Fprintf(&log, "%v %+v %#v %s %q %x %v %+v %#v %v", lines, lines, lines, lines, lines, lines, held, held, held, *held.r)
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), fmt.Sprintf("%x", secret)) {
		t.Errorf("the secret is printed: %s", log.String())
	}
	if held.hidden != lines {
		t.Error("the lines have changed")
	}
}

func TestLinesAreToldInOrder(t *testing.T) {
	lines, want := Lines{}, ""
	for _, line := range [][2]string{{"A", "b: c"}, {"Empty", ""}, {"A", "d"}} {
		var err error
		if lines, err = lines.With(line[0], line[1]); err != nil {
			t.Fatal(err)
		}
		want += line[0] + "=" + line[1] + ";"
	}
	got := ""
	for name, value := range lines.All() {
		got += name + "=" + value + ";"
	}
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name := range (Lines{}).All() {
		t.Errorf("no lines have the name %q", name)
	}
}
