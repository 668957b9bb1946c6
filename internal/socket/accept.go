package socket

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/fairleadhq/fairlead/internal/buffer"
)

// Sizes of the buffers between the library and the wire, in bytes. Larger messages
// pass by the one to read into; the other has room for one control frame whole.
const (
	readBuffer    = 512
	controlBuffer = 128
)

// Config is what the sockets of an Acceptor have in common. All must be set.
type Config struct {
	// Origins are the pages' origins that may connect beside those of the same host:
	// patterns of path.Match, as host or scheme://host.
	Origins []string
	// Outbox is how many bytes may wait to be sent.
	Outbox int
	// WriteWithin is how long one write may block; PingEvery how often a ping goes out,
	// which has as long to be answered.
	WriteWithin, PingEvery time.Duration
	// MessageWithin is how long a message may take to come once it has begun, and
	// CloseWithin how long the client has to answer a close frame.
	MessageWithin, CloseWithin time.Duration
}

// Acceptor makes WebSockets of requests.
type Acceptor struct {
	config  Config
	buffers buffer.Buffers
}

// New returns an acceptor.
func New(config Config) *Acceptor { return &Acceptor{config: config} }

// Terms are those of one socket.
type Terms struct {
	// Protocol is the subprotocol that is agreed to, one of those that the client
	// offers; "" is none.
	Protocol string
	// Largest is the most bytes of a message.
	Largest int64
	// Aged, if not nil, is called once when the socket is as old as Age. It must not
	// block for long.
	Age  time.Duration
	Aged func(*Socket)
}

// HandshakeError is the error of Accept for a request that is none for a WebSocket, or
// comes from a page that may not connect. Nothing was answered.
type HandshakeError struct {
	Status int
	Text   string
}

// Error implements error.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("no handshake (%d): %s", e.Status, e.Text)
}

// Accept answers the handshake and takes the connection over from the server: after
// it the caller owns the socket, which Socket.End gives back. The request is not kept.
func (a *Acceptor) Accept(w http.ResponseWriter, r *http.Request, terms Terms) (*Socket, error) {
	s := &Socket{largest: terms.Largest}
	s.wire.config, s.wire.buffers, s.wire.begun = &a.config, &a.buffers, time.Now()
	taker := &taker{real: w, header: make(http.Header), socket: s}
	var protocols []string
	if terms.Protocol != "" {
		protocols = []string{terms.Protocol}
	}
	library, err := websocket.Accept(taker, r, &websocket.AcceptOptions{
		Subprotocols: protocols, OriginPatterns: a.config.Origins, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil && s.wire.Conn == nil {
		return nil, &HandshakeError{taker.status, string(taker.text)}
	}
	if err != nil {
		_ = s.wire.Conn.Close()
		return nil, err
	}
	library.SetReadLimit(-1) // Socket.Read has its own
	s.library = library
	s.startClock(terms)
	return s, nil
}

func (s *Socket) startClock(terms Terms) {
	w := &s.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if terms.Aged != nil {
		s.clock.age, s.clock.aged = terms.Age, func() { terms.Aged(s) }
	}
	s.clock.timer = time.AfterFunc(s.untilNext(0), s.tick)
}

// taker is the ResponseWriter that the library sees. An error is kept from the client,
// so that the caller can tell it in its own way, and the connection is taken over with
// buffers that are smaller than the server's.
type taker struct {
	real   http.ResponseWriter
	header http.Header
	socket *Socket
	status int
	text   []byte
}

// Header implements http.ResponseWriter.
func (t *taker) Header() http.Header { return t.header }

// WriteHeader implements http.ResponseWriter.
func (t *taker) WriteHeader(status int) {
	if status != http.StatusSwitchingProtocols {
		t.status = status
		return
	}
	maps.Copy(t.real.Header(), t.header)
	t.real.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *taker) Write(p []byte) (int, error) {
	const most = 200
	t.text = append(t.text, p[:min(len(p), most-len(t.text))]...)
	return len(p), nil
}

// Hijack implements http.Hijacker.
func (t *taker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, server, err := http.NewResponseController(t.real).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s := t.socket
	if n := server.Reader.Buffered(); n > 0 {
		early, _ := server.Peek(n) // it is there
		s.wire.early = append([]byte(nil), early...)
	}
	s.wire.Conn, s.wire.now = conn, writesNow(conn)
	return &s.wire, bufio.NewReadWriter(bufio.NewReaderSize(&s.wire, readBuffer), bufio.NewWriterSize(&s.wire, controlBuffer)), nil
}
