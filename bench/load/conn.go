package load

import (
	"bytes"
	"fmt"
	"io"

	"github.com/fairleadhq/fairlead/bench/poll"
	"github.com/fairleadhq/fairlead/bench/wire"
)

// state is what a connection does.
type state int

const (
	closed state = iota
	connecting
	idle
	asking // from the first byte of the request to the last of the answer
)

// conn is one connection and the request on it.
type conn struct {
	fd    int
	app   int
	state state
	// begun says that it has had its first request, and got that something has
	// come over it.
	begun, got bool
	due        int64 // when the request was due
	last       int64 // when something was last sent or received, or when it was closed
	// rest is what is left to send.
	rest    []byte
	message wire.Message
	events  counter
}

// counter counts the events of a stream, and sees its end.
type counter struct {
	// tail are the last bytes received, and half says that they end with the
	// first of two line ends.
	tail [len("[DONE]\n\n")]byte
	half bool
}

// count takes in a piece of the stream and returns how many events ended in it.
// A piece that comes at once may hold many events or a part of one.
func (c *counter) count(piece []byte) (events int64) {
	if len(piece) >= len(c.tail) {
		copy(c.tail[:], piece[len(piece)-len(c.tail):])
	} else {
		copy(c.tail[:], c.tail[len(piece):])
		copy(c.tail[len(c.tail)-len(piece):], piece)
	}
	if c.half && len(piece) > 0 && piece[0] == '\n' {
		events, piece, c.half = 1, piece[1:], false
	}
	if len(piece) > 0 {
		lineEnds := len(piece) - len(bytes.TrimRight(piece, "\n"))
		c.half = lineEnds%2 == 1
	}
	return events + int64(bytes.Count(piece, []byte("\n\n")))
}

// ended reports whether the stream has told that it is complete.
func (c *counter) ended() bool { return string(c.tail[:]) == "[DONE]\n\n" }

// send writes what is left of the request.
func (c *conn) send() (failed Kind) {
	for len(c.rest) > 0 {
		n, err := poll.Write(c.fd, c.rest)
		if err != nil {
			return CannotWrite
		}
		if n == 0 {
			return ""
		}
		c.rest = c.rest[n:]
	}
	return ""
}

// receive reads all that is there, up to the end if the other side has closed.
// It reports whether the answer is whole.
func (g *generator) receive(c *conn, event poll.Event) (complete bool, failed Kind) {
	for {
		n, err := poll.Read(c.fd, g.buffer)
		if err != nil {
			return c.endOfConnection(err)
		}
		if n > 0 {
			c.got, c.last = true, g.now
			if failed := g.take(c, g.buffer[:n]); failed != "" {
				return false, failed
			}
			if c.message.Done() && !event.Closed {
				return true, ""
			}
		}
		if n == 0 || n < len(g.buffer) && !event.Closed {
			return c.message.Done(), ""
		}
	}
}

// endOfConnection says what an end means: nothing bad after a whole answer.
func (c *conn) endOfConnection(err error) (complete bool, failed Kind) {
	switch {
	case c.message.Done() || c.message.End():
		c.message.Closing = true
		return true, ""
	case err == io.EOF && c.message.Events: //nolint:errorlint // Read returns it as it is
		return false, Cut
	case err == io.EOF: //nolint:errorlint // Read returns it as it is
		return false, Closed
	default:
		return false, CannotRead
	}
}

// take reads a piece of the answer.
func (g *generator) take(c *conn, data []byte) (failed Kind) {
	for len(data) > 0 {
		if c.message.Done() || c.state != asking {
			return Malformed // more than was asked for
		}
		used, body, err := c.message.Next(data)
		if err != nil {
			return Malformed
		}
		data = data[used:]
		g.result.Bytes += int64(len(body))
		if c.message.Events {
			g.result.Events += c.events.count(body)
		}
	}
	return ""
}

// verdict is what became of a whole answer: "" if it is a good one.
func (c *conn) verdict() (failed Kind) {
	switch {
	case c.message.Status < 200 || c.message.Status > 299:
		return Kind(fmt.Sprintf("status %d", c.message.Status))
	case c.message.Events && !c.events.ended():
		return Cut
	}
	return ""
}
