package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/http1"
)

func TestSecretIn(t *testing.T) {
	for _, c := range []struct {
		key  secret
		text string
		want bool
	}{
		{"", "anything", false},
		{"abc", "xabcx", true},
		{"abc", "xabx", false},
		{"abcdefgh", "xabcdefghx", true},
		{"abcdefgh", "abcdefg", false},
		{"0123456789", "x01234567", true},
		{"0123456789", "23456789x", true},
		{"0123456789", "0123456 3456789", false},
		{"0123456789", "", false},
	} {
		if got := c.key.in(c.text); got != c.want {
			t.Errorf("%q in %q: got %t, want %t", c.key, c.text, got, c.want)
		}
	}
}

// raw answers with bytes that are no work of net/http's.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, text)
	}
}

// told is all that a call let out beside the body of its answer.
func (g *got) told() string {
	text := ""
	if g.head != nil {
		text += fmt.Sprint(*g.head)
	}
	if g.err != nil {
		text += fmt.Sprint(g.err.Code, g.err.Message, g.err.Detail, g.err.Param, g.err.Error())
	}
	return text
}

// wantUntold checks that no piece of the key was let out, nor the word JUNK.
func (g *got) wantUntold(t *testing.T, key string) {
	t.Helper()
	told := strings.ToLower(g.told()) // net/http rewrites the names of headers
	for at := range len(key) - minPiece + 1 {
		if strings.Contains(told, strings.ToLower(key[at:at+minPiece])) {
			t.Fatalf("the key is told: %s", told)
		}
	}
	if strings.Contains(told, "junk") {
		t.Errorf("the upstream's bytes are told: %s", told)
	}
}

func TestKeyIsToldToNobody(t *testing.T) {
	const key = "QZX7SECRETKEY123456"
	const ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	const plain = ok + "Content-Type: application/json\r\n\r\n"
	const bad = "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n"
	const events = ok + "Content-Type: text/event-stream\r\n\r\n" + chunk
	for _, c := range []struct{ name, answer, code string }{
		{"a message", bad + `{"error":{"message":"bad key ` + key + `"}}`, "upstream_invalid_request"},
		{"its start", bad + `{"error":{"message":"bad key ` + key[:12] + `***"}}`, "upstream_invalid_request"},
		{"its end, in escapes", bad + `{"error":{"message":"bad key ***\u0045Y123456"}}`, "upstream_invalid_request"},
		{"code", bad + `{"error":{"message":"m","code":"` + key + `"}}`, "upstream_invalid_request"},
		{"param", bad + `{"error":{"message":"m","code":"c","param":"` + key + `"}}`, "c"},
		{"not found", strings.Replace(bad, "400", "404", 1) + `{"error":"` + key + `"}`, "upstream_not_found"},
		{"an error in a 200", plain + `{"error":{"message":"bad ` + key + `"}}`, "upstream_error"},
		{"an error event", events + `data: {"error":{"message":"bad ` + key + `"}}` + "\n\n", "upstream_error"},
		{"a named event", events + "event: error\ndata: {\"message\":\"" + key + "\"}\n\n", "upstream_error"},
		{"a header", ok + "Content-Type: application/json\r\nX-Request-Id: " + key[3:14] + "\r\nOpenai-Version: " + key + "\r\n\r\n" + chatAnswer, ""},
		{"content type", ok + "Content-Type: application/json; k=" + key + "\r\n\r\n" + chatAnswer, ""},
		{"wrong content type", ok + "Content-Type: text/" + key + "\r\n\r\n" + chatAnswer, "upstream_invalid_answer"},
		{"stream's content type", ok + "Content-Type: text/event-stream; k=" + key + "\r\n\r\n" + lastChunk + doneFrame, ""},
		{"malformed header", ok + "JUNK " + key + "\r\n\r\n", "upstream_invalid_answer"},
		{"malformed status line", key + " JUNK\r\n\r\n", "upstream_invalid_answer"},
		{"malformed length", ok + "Content-Length: " + key + "\r\n\r\n", "upstream_invalid_answer"},
		{"malformed chunk", ok + "Transfer-Encoding: chunked\r\n\r\n" + key + "\r\n", "upstream_truncated"},
		{"transfer encoding", ok + "Transfer-Encoding: " + key + "\r\n\r\n", "upstream_invalid_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{APIKey: key}, raw(c.answer))
				req := chatRequest()
				if strings.Contains(c.answer, "event-stream") {
					req = streamRequest()
				}
				g := w.ask(t.Context(), req, nil)
				if c.code == "" {
					g.wantWhole(t, "")
				} else if g.err == nil || g.err.Code != c.code || g.err.Message == "" {
					t.Errorf("got the error %+v, want %s", g.err, c.code)
				}
				g.wantUntold(t, key)
			})
		})
	}
}

// What holds no piece of the key stays as it is.
func TestWithholdKeepsTheRest(t *testing.T) {
	e := fairlead.Error{Kind: fairlead.Invalid, Code: "too_hot", Message: "temperature is too high", Param: "temperature"}
	want := e
	(&Provider{name: "acme", key: "QZX7SECRETKEY123456"}).withhold(&e)
	if e != want {
		t.Errorf("got %+v, want %+v", e, want)
	}
	e = fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error", Message: "The provider failed to answer", Detail: "provider acme"}
	want = e
	if (&Provider{name: "acme", key: "key-of-the-provider"}).withhold(&e); e != want {
		t.Errorf("got %+v, want our own words kept", e)
	}
}

func TestLoggable(t *testing.T) {
	errTheirs := errors.New("bytes of the upstream")
	op := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&http1.DialError{Err: op}, "http1: connecting: dial tcp: connect: connection refused"},
		{fmt.Errorf("bytes: %w", op), "dial tcp: connect: connection refused"},
		{&http1.DialError{Err: &net.DNSError{Err: "no such host", Name: "upstream"}}, "http1: connecting: lookup upstream: no such host"},
		{&http1.Error{Err: &http1.CutError{Err: fmt.Errorf("bytes: %w", syscall.ECONNRESET)}}, "http1: the connection broke before any byte of the answer: connection reset by peer"},
		{&http1.Error{Err: &http1.MalformedError{Reason: "bad status"}}, "http1: malformed answer: bad status"},
		{&brokenError{fmt.Errorf("bytes: %w", io.ErrUnexpectedEOF)}, "reading the answer: unexpected EOF"},
		{fmt.Errorf("bytes: %w", syscall.ECONNRESET), "connection reset by peer"},
		{fmt.Errorf("bytes: %w", context.DeadlineExceeded), "context deadline exceeded"},
		{fmt.Errorf("bytes: %w", http1.ErrSilence), http1.ErrSilence.Error()},
		{&goneError{errors.New("broken pipe")}, "passing the answer on: broken pipe"},
		{fmt.Errorf("bytes: %w", errTheirs), "an error that may quote the upstream, of the type *fmt.wrapError, *errors.errorString"},
		{&brokenError{errTheirs}, "reading the answer: an error that may quote the upstream, of the type *errors.errorString"},
	} {
		if got := loggable(c.err).Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if loggable(nil) != nil {
		t.Error("an error was made of none")
	}
}

// TestSwitchingProtocols: a 101 hands over a bare connection, which nobody asked
// for.
func TestSwitchingProtocols(t *testing.T) {
	held := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		_, _ = bufio.NewReader(conn).ReadByte() // until the other end hangs up
	}
	check := func(t *testing.T, err error) {
		t.Helper()
		if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Upstream || e.Code != "upstream_error" || e.Status != http.StatusSwitchingProtocols {
			t.Errorf("got the error %+v, want upstream_error of a 101", e)
		}
	}
	for name, req := range map[string]*fairlead.Request{"chat": chatRequest(), "stream": streamRequest(), "embed": embedRequest(), "models": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{}, held)
				if req == nil {
					_, err := w.provider.Models(t.Context())
					check(t, err)
				} else {
					g := w.ask(t.Context(), req, nil)
					check(t, g.err)
				}
				synctest.Wait()
				if _, open, _ := w.conns(); open != 0 {
					t.Errorf("%d connections are kept, want 0", open)
				}
			})
		})
	}
}
