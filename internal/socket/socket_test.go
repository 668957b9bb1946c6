package socket

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testConfig() Config {
	return Config{
		Outbox: 256 << 10, WriteWithin: 10 * time.Second, PingEvery: 20 * time.Second,
		MessageWithin: 30 * time.Second, CloseWithin: 2 * time.Second,
	}
}

// memory counts what is reserved, up to a limit.
type memory struct {
	limit int64

	mu   sync.Mutex
	used int64
}

var errNoRoom = errors.New("no room")

func (m *memory) Reserve(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit > 0 && m.used+n > m.limit {
		return errNoRoom
	}
	m.used += n
	return nil
}

func (m *memory) Return(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
}

// house is a server that echoes every message.
type house struct {
	*httptest.Server
	memory memory
	terms  Terms
	group  sync.WaitGroup
	ended  chan error // why each socket ended
}

func open(t *testing.T, config Config, terms Terms) *house {
	t.Helper()
	if terms.Largest == 0 {
		terms.Largest = 1 << 20
	}
	h := &house{terms: terms, ended: make(chan error, 16)}
	acceptor := New(config)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := acceptor.Accept(w, r, h.terms)
		if err != nil {
			if wrong, ok := errors.AsType[*HandshakeError](err); ok {
				http.Error(w, wrong.Text, wrong.Status)
			}
			return
		}
		ctx := context.WithoutCancel(r.Context())
		h.group.Go(func() { h.ended <- echo(ctx, s, &h.memory) })
	}))
	t.Cleanup(func() {
		h.Close()
		h.group.Wait()
		if h.memory.used != 0 {
			t.Errorf("%d bytes are still reserved", h.memory.used)
		}
	})
	return h
}

// echo sends back what it reads, until the end, which it returns.
func echo(ctx context.Context, s *Socket, room Room) error {
	defer s.End()
	for {
		body, err := s.Read(ctx, room)
		var dropped *DroppedError
		if errors.As(err, &dropped) {
			body = []byte("dropped")
		} else if err != nil {
			return err
		}
		err = s.Send(ctx, body)
		if dropped == nil {
			room.Return(int64(cap(body)))
		}
		if err != nil {
			return err
		}
	}
}

// client is the other side, in bytes.
type client struct {
	t      *testing.T
	conn   net.Conn
	in     *bufio.Reader
	closed bool // it has sent a close frame
}

const handshake = "GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// connect connects and says something.
func (h *house) connect(t *testing.T, words string) *client {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", h.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &client{t: t, conn: conn, in: bufio.NewReader(conn)}
	c.write([]byte(words))
	return c
}

// dial connects and shakes hands.
func (h *house) dial(t *testing.T) *client {
	t.Helper()
	c := h.connect(t, handshake+"\r\n")
	if answer := c.head(); !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
		t.Fatalf("got %q", answer)
	}
	return c
}

// head reads the head of the answer.
func (c *client) head() string {
	c.t.Helper()
	var head strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String()
		}
	}
}

func (c *client) write(p []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// frame is a frame of a client, masked.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0xab, 0x00, 0xff}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// closing is a close frame with a code.
func closing(code int, reason string) []byte {
	return frame(0x88, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// read reads a frame of the server.
func (c *client) read() (first byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, "", err
	}
	n := int(head[1])
	switch n {
	case 126:
		var more [2]byte
		_, err = io.ReadFull(c.in, more[:])
		n = int(binary.BigEndian.Uint16(more[:]))
	case 127:
		var more [8]byte
		_, err = io.ReadFull(c.in, more[:])
		n = int(binary.BigEndian.Uint64(more[:]))
	}
	if err != nil {
		return 0, "", err
	}
	p := make([]byte, n)
	_, err = io.ReadFull(c.in, p)
	return head[0], string(p), err
}

// expect reads a frame, which must be this one.
func (c *client) expect(first byte, payload string) {
	c.t.Helper()
	gotFirst, got, err := c.read()
	if err != nil || gotFirst != first || got != payload {
		c.t.Fatalf("got %#x %.80q, error %v, want %#x %.80q", gotFirst, got, err, first, payload)
	}
}

// expectClose reads a close frame with that code, and then the end. It returns the
// reason.
func (c *client) expectClose(code int) string {
	c.t.Helper()
	first, payload, err := c.read()
	if err != nil || first != 0x88 {
		c.t.Fatalf("got %#x %.80q, error %v, want a close frame", first, payload, err)
	}
	got, reason := noCode, ""
	if len(payload) >= 2 {
		got, reason = int(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
	}
	if got != code {
		c.t.Fatalf("closed with %d %q, want %d", got, reason, code)
	}
	if !c.closed {
		_, _ = c.conn.Write(closing(code, ""))
	}
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Fatalf("after the close frame: %q, error %v", rest, err)
	}
	c.conn.Close()
	return reason
}

func TestEchoWithAnotherClient(t *testing.T) {
	h := open(t, testConfig(), Terms{Largest: 16 << 20, Protocol: "fairlead"})
	conn, resp, err := websocket.Dial(t.Context(), h.URL, &websocket.DialOptions{
		Subprotocols: []string{"other", "fairlead"}, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if got := resp.Header.Get("Sec-Websocket-Extensions"); got != "" {
		t.Errorf("extensions %q, want none", got)
	}
	if got := conn.Subprotocol(); got != "fairlead" {
		t.Errorf("subprotocol %q", got)
	}
	conn.SetReadLimit(-1)
	for _, size := range []int{0, 1, 125, 126, 65_535, 65_536, 300_000, 16 << 20} {
		want := strings.Repeat("é", size/2) + strings.Repeat("x", size%2)
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(want)); err != nil {
			t.Fatal(err)
		}
		kind, got, err := conn.Read(t.Context())
		if err != nil || kind != websocket.MessageText || string(got) != want {
			t.Fatalf("of %d bytes %d came back, error %v", size, len(got), err)
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Error(err)
	}
	if got := <-h.ended; got.Error() != (&ClosedError{1000}).Error() {
		t.Errorf("ended with %v", got)
	}
}

func TestHandshakesThatAreNone(t *testing.T) {
	config := testConfig()
	config.Origins = []string{"https://*.example.com"}
	h := open(t, config, Terms{})
	for _, c := range []struct{ name, more, want string }{
		{"same origin", "Origin: http://here\r\n", "HTTP/1.1 101 "},
		{"allowed origin", "Origin: https://a.example.com\r\n", "HTTP/1.1 101 "},
		{"no allowed scheme", "Origin: http://a.example.com\r\n", "HTTP/1.1 403 "},
		{"another origin", "Origin: https://example.org\r\n", "HTTP/1.1 403 "},
		{"no origin's URL", "Origin: null\r\n", "HTTP/1.1 403 "},
		{"two keys", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "HTTP/1.1 400 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := h.connect(t, handshake+c.more+"\r\n")
			answer := conn.head()
			if strings.Contains(answer, " 101 ") {
				conn.conn.Close()
				if err := <-h.ended; err == nil {
					t.Error("ended without an error")
				}
			}
			if !strings.HasPrefix(answer, c.want) {
				t.Errorf("got %q", answer)
			}
			if strings.Contains(answer, "101") != strings.Contains(answer, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
				t.Errorf("got %q", answer)
			}
		})
	}
}

func TestBytesThatCameWithTheHandshake(t *testing.T) {
	h := open(t, testConfig(), Terms{})
	early := string(frame(0x01, "al")) + string(frame(0x80, "so")) + string(frame(0x81, strings.Repeat("y", 3000)))
	const later = 100
	c := h.connect(t, handshake+"\r\n"+early[:len(early)-later])
	c.head()
	c.write([]byte(early[len(early)-later:]))
	c.expect(0x81, "also")
	c.expect(0x81, strings.Repeat("y", 3000))
}

func TestNoRoomForAMessage(t *testing.T) {
	h := open(t, testConfig(), Terms{Largest: 1 << 20})
	h.memory.limit = 100 << 10
	c := h.dial(t)
	c.write(frame(0x81, "small"))
	c.expect(0x81, "small")
	c.write(frame(0x81, strings.Repeat("z", 200<<10)))
	c.expect(0x81, "dropped")
	c.write(frame(0x81, "still here"))
	c.expect(0x81, "still here")
}

func TestCloseFromThisSide(t *testing.T) {
	opened := make(chan *Socket, 1)
	h := open(t, testConfig(), Terms{Age: time.Millisecond, Aged: func(s *Socket) { opened <- s }})
	c := h.dial(t)
	s := <-opened
	if err := s.Send(t.Context(), []byte("last "), []byte("words")); err != nil {
		t.Fatal(err)
	}
	s.Close(Restart, "the service stops")
	s.Close(Policy, "never sent")
	if err := s.Send(t.Context(), []byte("too late")); !errors.Is(err, ErrClosed) {
		t.Errorf("sent after the close: %v", err)
	}
	c.write(frame(0x81, "nobody reads this"))
	c.expect(0x81, "last words")
	if got := c.expectClose(Restart); got != "the service stops" {
		t.Errorf("reason %q", got)
	}
	if err := <-h.ended; err == nil {
		t.Error("ended without an error")
	}
}

func TestCut(t *testing.T) {
	opened := make(chan *Socket, 1)
	h := open(t, testConfig(), Terms{Age: time.Millisecond, Aged: func(s *Socket) { opened <- s }})
	c := h.dial(t)
	(<-opened).Cut()
	if err := <-h.ended; !errors.Is(err, ErrCut) {
		t.Errorf("ended with %v", err)
	}
	if _, _, err := c.read(); err == nil {
		t.Error("a frame came after the cut")
	}
}
