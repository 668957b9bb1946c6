package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead/bench/poll"
	"github.com/fairleadhq/fairlead/bench/wire"
)

const (
	// readSize is how much is read at a time, for all connections into one buffer.
	readSize = 64 << 10
	// longestWait bounds each wait, so that Run sees that its context ended.
	longestWait = 50 * time.Millisecond
	// maxConnections is how many connections are served; further ones are closed.
	maxConnections = 50_000
)

// Options say how the server answers.
type Options struct {
	// Port is that of 127.0.0.1 on which it listens; 0 takes a free one.
	Port int
	// Delay is the time from a request's last byte to the answer's first.
	Delay time.Duration
	// Chunks are how many chunks of text a stream has.
	Chunks int
	// Interval is the time from one chunk to the next.
	Interval time.Duration
	// Awake makes it spin while it waits; see poll.Poller.Awake.
	Awake bool
}

// Stats is what the server has seen.
type Stats struct {
	Requests int64 `json:"requests"`
	Streams  int64 `json:"streams"`
	Events   int64 `json:"events"`
	// InFlight are the calls to which the answer is not all sent.
	InFlight int64 `json:"in_flight"`
	// Left counts the clients that left before that, and LeftAt is when that
	// was last seen, in nanoseconds since 1970.
	Left   int64 `json:"left"`
	LeftAt int64 `json:"left_at"`
	// Invalid counts connections closed for what was sent on them.
	Invalid int64 `json:"invalid"`
}

// Server is the upstream. Make it with New.
type Server struct {
	options  Options
	answers  *answers
	poller   *poll.Poller
	listener int
	port     int
	conns    []*conn // by descriptor
	open     int
	timers   timers
	start    time.Time
	now      int64
	buffer   []byte
	stats    Stats
}

// conn is one connection.
type conn struct {
	fd      int
	message wire.Message
	streams flag
	// asked is what was asked for while the answer is not all sent.
	asked kind
	// sent are the chunks of the stream that were sent, and due is when the
	// next is.
	sent int
	due  int64
	turn uint32
	// rest is what the socket has not taken yet.
	rest []byte
}

type kind int

const (
	nothing kind = iota
	whole
	stream
)

// New opens the listening socket.
func New(o Options) (*Server, error) {
	poller, err := poll.New()
	if err != nil {
		return nil, err
	}
	listener, port, err := poll.Listen(o.Port)
	if err != nil {
		_ = poller.Close()
		return nil, err
	}
	s := &Server{
		options: o, answers: newAnswers(), poller: poller, listener: listener, port: port,
		start: time.Now(), buffer: make([]byte, readSize),
	}
	return s, poller.Add(listener)
}

// Port is the port of 127.0.0.1 on which it listens.
func (s *Server) Port() int { return s.port }

// Run serves until ctx ends, then closes everything.
func (s *Server) Run(ctx context.Context) error {
	s.poller.Exact()
	if s.options.Awake {
		s.poller.Awake()
	}
	defer s.close()
	handle := s.handle
	for ctx.Err() == nil {
		s.now = int64(time.Since(s.start))
		if err := s.poller.Wait(s.untilDue(), handle); err != nil {
			return fmt.Errorf("wait for the sockets: %w", err)
		}
		s.now = int64(time.Since(s.start))
		for len(s.timers) > 0 && s.timers[0].due <= s.now {
			s.fire(s.timers.pop())
		}
	}
	return nil
}

func (s *Server) close() {
	for _, c := range s.conns {
		if c != nil {
			poll.Close(c.fd)
		}
	}
	poll.Close(s.listener)
	_ = s.poller.Close()
}

func (s *Server) untilDue() time.Duration {
	if len(s.timers) == 0 {
		return longestWait
	}
	return min(longestWait, max(0, time.Duration(s.timers[0].due-s.now)))
}

func (s *Server) handle(event poll.Event) {
	if event.FD == s.listener {
		s.accept()
		return
	}
	if c := s.conn(event.FD); c != nil {
		s.serve(c, event)
	}
}

func (s *Server) conn(fd int) *conn {
	if fd < len(s.conns) {
		return s.conns[fd]
	}
	return nil
}

func (s *Server) accept() {
	for {
		fd, ok, err := poll.Accept(s.listener)
		if err != nil || !ok {
			return
		}
		if s.open >= maxConnections || s.poller.Add(fd) != nil {
			poll.Close(fd)
			continue
		}
		for len(s.conns) <= fd {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd}
		s.open++
	}
}

// drop closes a connection.
func (s *Server) drop(c *conn) {
	if c.asked != nothing {
		s.stats.InFlight--
		s.stats.Left++
		s.stats.LeftAt = time.Now().UnixNano()
	}
	poll.Close(c.fd)
	s.conns[c.fd] = nil
	s.open--
}

// serve writes what is left to write and reads what there is to read.
func (s *Server) serve(c *conn, event poll.Event) {
	if len(c.rest) > 0 && !s.flush(c) {
		return
	}
	for {
		n, err := poll.Read(c.fd, s.buffer)
		if err != nil {
			s.drop(c)
			return
		}
		if n > 0 && !s.read(c, s.buffer[:n]) {
			return
		}
		if n == 0 || n < len(s.buffer) && !event.Closed {
			return
		}
	}
}

// read takes in what has come. It reports whether the connection is still there.
func (s *Server) read(c *conn, data []byte) bool {
	for len(data) > 0 {
		if c.asked != nothing {
			return s.refuse(c) // nobody asks again before the answer
		}
		used, body, err := c.message.Next(data)
		if err != nil {
			return s.refuse(c)
		}
		data = data[used:]
		left, known := c.message.Left()
		if !known {
			left = 0
		}
		c.streams.look(body, left)
		if c.message.Done() {
			if !s.begin(c) {
				return false
			}
			c.message.Reset(wire.Request)
			c.streams = flag{}
		}
	}
	return true
}

func (s *Server) refuse(c *conn) bool {
	s.stats.Invalid++
	s.drop(c)
	return false
}

// begin answers a request, or notes when it is to be answered.
func (s *Server) begin(c *conn) bool {
	line := c.message.StartLine()
	switch {
	case bytes.HasPrefix(line, []byte("POST /v1/chat/completions")):
	case bytes.HasPrefix(line, []byte("GET /v1/models ")):
		return s.send(c, s.answers.models)
	case bytes.HasPrefix(line, []byte("GET /stats ")):
		text, err := json.Marshal(s.stats)
		return err == nil && s.send(c, answer("200 OK", string(text)))
	case bytes.HasPrefix(line, []byte("GET /options?")):
		if !s.options.read(string(line)) {
			return s.send(c, s.answers.missing)
		}
		return s.send(c, s.answers.models)
	default:
		return s.send(c, s.answers.missing)
	}
	s.stats.Requests++
	s.stats.InFlight++
	c.asked, c.sent = whole, 0
	if c.streams.found {
		s.stats.Streams++
		c.asked = stream
	}
	if s.options.Delay > 0 {
		s.schedule(c, s.now+int64(s.options.Delay))
		return true
	}
	return s.next(c)
}

func (s *Server) schedule(c *conn, due int64) {
	c.turn++
	c.due = due
	s.timers.push(timer{due: due, fd: c.fd, turn: c.turn})
}

// fire sends what a timer was for, unless its connection has gone on or away.
func (s *Server) fire(t timer) {
	if c := s.conn(t.fd); c != nil && c.turn == t.turn && c.due == t.due && c.asked != nothing {
		s.next(c)
	}
}

// next sends the next part of the answer. It reports whether the connection is
// still there.
func (s *Server) next(c *conn) bool {
	switch {
	case c.asked == whole:
		s.finish(c)
		return s.send(c, s.answers.whole)
	case c.sent == 0:
		c.due = s.now
		return s.sendChunk(c, s.answers.opening)
	case c.sent < s.options.Chunks:
		return s.sendChunk(c, s.answers.chunk)
	default:
		s.finish(c)
		return s.send(c, s.answers.closing)
	}
}

func (s *Server) finish(c *conn) {
	c.asked = nothing
	s.stats.InFlight--
}

// sendChunk sends a chunk and notes when the next is due: at the stream's own
// pace, whatever was late, but only once the reader has taken this one.
func (s *Server) sendChunk(c *conn, chunk []byte) bool {
	c.sent++
	s.stats.Events++
	if !s.send(c, chunk) {
		return false
	}
	if len(c.rest) == 0 {
		s.schedule(c, c.due+int64(s.options.Interval))
	}
	return true
}

// send writes data, or keeps what the socket does not take.
func (s *Server) send(c *conn, data []byte) bool {
	n, err := poll.Write(c.fd, data)
	if err != nil {
		s.drop(c)
		return false
	}
	c.rest = data[n:]
	return true
}

// flush writes what was kept, and lets a stream go on.
func (s *Server) flush(c *conn) bool {
	if !s.send(c, c.rest) {
		return false
	}
	if len(c.rest) == 0 && c.asked == stream {
		s.schedule(c, s.now+int64(s.options.Interval))
	}
	return true
}
