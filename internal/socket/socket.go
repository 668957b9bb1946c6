// Package socket is the server's side of one WebSocket: messages of text in, frames
// of text out, and an end that always comes.
//
// What is to be sent waits in an outbox with a bound. Whoever sends blocks for room
// in it alone, never for the network: one goroutine, which lives while there is
// something to write, takes all that is there and writes it at once. A reader who
// has stopped is cut off when one write has blocked for its time. No close frame
// can reach it: it sees an end without a code (1006).
//
// A socket that waits costs its connection, the reading goroutine and a timer, which
// pings; it holds no buffers but a small one to read into. What the library does is
// the handshake and the reading of frames; this package writes, closes, keeps the
// time, and is stricter in what it takes (see inspector).
//
// Start with Acceptor.Accept, Socket.Read and Socket.Send.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// The codes by which a socket is closed.
const (
	Normal      = 1000
	GoingAway   = 1001
	Protocol    = 1002 // the client broke the protocol
	NotText     = 1003 // it sent a binary message
	NotUTF8     = 1007 // it sent text that is none
	Policy      = 1008
	TooBig      = 1009
	Restart     = 1012 // the service stops, or the socket is too old: connect again
	ComeLater   = 1013
	noCode      = 1005 // stands for a close frame without a code
	longestText = 123  // of a close frame's reason
)

// Errors of Read and Send, when the socket has ended from this side.
var (
	ErrClosed  = errors.New("the socket is closed")
	ErrStalled = errors.New("the client does not read")
	ErrSilent  = errors.New("the client does not answer")
	ErrCut     = errors.New("the socket was cut off")
)

// ClosedError is the error of Read when the client has closed the socket.
type ClosedError struct{ Code int }

// Error implements error.
func (e *ClosedError) Error() string {
	return fmt.Sprintf("the client closed the socket with %d", e.Code)
}

// DroppedError is the error of Read for a message that there was no memory for. The
// socket is as it was.
type DroppedError struct{ Err error }

// Error implements error.
func (e *DroppedError) Error() string { return "a message was dropped: " + e.Err.Error() }

// Unwrap returns what the memory said.
func (e *DroppedError) Unwrap() error { return e.Err }

// Room is where there must be room for what is read.
type Room interface {
	Reserve(bytes int64) error
	Return(bytes int64)
}

// Socket is a WebSocket. One goroutine reads; any may send and close.
type Socket struct {
	wire    wire
	library *websocket.Conn
	largest int64

	clock clock
}

// clock pings, and notes the socket's age. The wire's mutex guards it.
type clock struct {
	timer *time.Timer
	asked time.Duration // when the last ping went out, since the socket's begin; 0 if none has
	age   time.Duration // at which aged is called; 0 is never
	aged  func()
}

// Read blocks until a message has come whole. It is a text of valid UTF-8 of at most
// the largest size; its capacity is reserved in room, to which the caller returns it.
// Apart from a DroppedError, an error is the end of the socket: a message that is
// binary, too large or not a text ends it with the code that says so.
func (s *Socket) Read(ctx context.Context, room Room) ([]byte, error) {
	ctx = context.WithoutCancel(ctx) // an end of it would cost a hook for each frame; Cut ends a read
	for {
		kind, message, err := s.library.Reader(ctx)
		if err != nil {
			return nil, s.ended(err)
		}
		if kind != websocket.MessageText {
			s.Close(NotText, "send text")
		}
		if !s.wire.isOpen() { // after the end nothing counts but the client's own close frame
			_, _ = io.Copy(io.Discard, message) // an error comes again with the next frame
			continue
		}
		body, err := s.receive(message, room)
		if err == nil {
			return body, nil
		}
		room.Return(int64(cap(body)))
		if _, ok := errors.AsType[*DroppedError](err); ok {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, message)
	}
}

// receive reads one message. What it returns is reserved in room, with an error too.
func (s *Socket) receive(message io.Reader, room Room) (body []byte, err error) {
	defer s.wire.bound()()
	size := min(s.wire.inspector.length, longestFirst-1) + 1 // one byte more to see the end
	for {
		if len(body) == cap(body) {
			size = min(max(size, 2*int64(cap(body))), s.largest+1)
			if err := room.Reserve(size - int64(cap(body))); err != nil {
				return body, s.drop(message, err)
			}
			grown := make([]byte, len(body), size)
			copy(grown, body)
			body = grown
		}
		n, err := message.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > s.largest:
			return body, s.tooBig()
		case err == nil:
		case !errors.Is(err, io.EOF):
			return body, err
		case !utf8.Valid(body):
			s.Close(NotUTF8, "not UTF-8")
			return body, ErrClosed
		default:
			return body, nil
		}
	}
}

// longestFirst is the most memory that is taken for a message before any of it has
// come.
const longestFirst = 64 << 10

// drop reads past the rest of a message for which there is no room.
func (s *Socket) drop(message io.Reader, why error) error {
	passed, err := io.Copy(io.Discard, io.LimitReader(message, s.largest+1))
	if err != nil {
		return err
	}
	if passed > s.largest {
		return s.tooBig()
	}
	return &DroppedError{why}
}

func (s *Socket) tooBig() error {
	s.Close(TooBig, fmt.Sprintf("a message may have %d bytes", s.largest))
	return ErrClosed
}

// ended names the end that a read came to, and sees to it that the client is told
// what it did wrong. It waits for the client to have read that.
func (s *Socket) ended(err error) error {
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		return &ClosedError{int(closed.Code)}
	}
	w := &s.wire
	if code := w.fault(); code != 0 {
		s.Close(code, faultText(code))
	}
	if w.linger() {
		return ErrClosed
	}
	return w.reason(err)
}

// faultText is the reason in a close frame for a client that broke the protocol.
func faultText(code int) string {
	if code == NotUTF8 {
		return "not UTF-8"
	}
	return "not the WebSocket protocol"
}

// Send puts a message, which the parts make together, into the outbox. It blocks
// until there is room for it, or ctx ends. One that is larger than the outbox has
// room when that is empty. The parts are copied.
func (s *Socket) Send(ctx context.Context, parts ...[]byte) error {
	return s.wire.send(ctx, parts)
}

// Close ends the socket: what is in the outbox goes out, then the code with its
// reason, and Read comes to its end when the client has answered, or has had its time
// for it. It does not block, and only the first call does anything.
func (s *Socket) Close(code int, reason string) {
	s.wire.close(code, reason)
}

// Cut ends the socket at once. It does not block.
func (s *Socket) Cut() { s.wire.fail(ErrCut) }

// End gives the connection back. It is called once, by who reads, after Read has
// come to its end. It blocks until nothing of the socket is left, as long as one
// write may at most.
func (s *Socket) End() {
	s.clock.timer.Stop()
	s.wire.end()
	_ = s.library.CloseNow()
}

// tick asks whether the client is there, and cuts it off if it did not answer the
// last time.
func (s *Socket) tick() {
	w := &s.wire
	now := time.Since(w.begun)
	aged := s.beat(now)
	if aged != nil {
		aged()
	}
}

// beat is tick with the mutex held. It returns what is to be called, because the
// socket has come of age.
func (s *Socket) beat(now time.Duration) (aged func()) {
	w, c := &s.wire, &s.clock
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil
	}
	every := w.config.PingEvery
	if c.asked > 0 && w.heard.Load() < int64(c.asked) && now >= c.asked+every {
		w.failLocked(ErrSilent)
		return nil
	}
	if c.asked == 0 && now >= every || c.asked > 0 && now >= c.asked+every {
		c.asked = now
		if !w.closing {
			w.frame(opPing, 0)
			w.startFlush()
		}
	}
	if c.age > 0 && now >= c.age {
		aged, c.aged, c.age = c.aged, nil, 0
	}
	c.timer.Reset(s.untilNext(now))
	return aged
}

// untilNext is how long it is until the next tick.
func (s *Socket) untilNext(now time.Duration) time.Duration {
	c := &s.clock
	next := c.asked + s.wire.config.PingEvery
	if c.age > 0 {
		next = min(next, c.age)
	}
	return max(next-now, time.Millisecond)
}
