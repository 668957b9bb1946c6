//go:build linux

package front

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/buffer"
	"github.com/fairleadhq/fairlead/internal/front/lines"
	"github.com/fairleadhq/fairlead/internal/front/plain"
	"github.com/fairleadhq/fairlead/internal/front/socket"
	"github.com/fairleadhq/fairlead/internal/life"
)

const (
	// linger is how long a client gets to read an answer before its connection is
	// closed with bytes that nobody read, which might take the answer away.
	linger = 500 * time.Millisecond
	// newGrace is how long a new connection may be silent during a shutdown.
	newGrace = 5 * time.Second
	// keptFields is the most headers that a kept map may have had.
	keptFields = 64
)

// The states of a connection, as a shutdown sees them.
const (
	fresh  = iota // it has sent nothing yet
	idle          // it waits for a request
	active        // it has one
	closed        // by a shutdown
)

// conn is a connection. Its goroutine owns all that is not said to be shared.
type conn struct {
	socket.Socket
	server *Server
	whole  net.Conn // the connection as it was accepted, which is what is closed
	since  time.Time
	remote string
	token  uint64 // the watcher's
	state  atomic.Int32

	rest     *buffer.Buffer // bytes that were read and not taken; nil if there are none
	given    bool           // it was handed over
	wasPost  bool           // the request before was a POST
	asked    http.Header
	answered http.Header
	values   []string     // of asked
	sorter   lines.Sorter // of answers' headers

	mu       sync.Mutex    // guards following, which are shared with the watcher
	current  *life.Context // nil between requests
	watching bool          // nothing of the request is left, and nothing came after it
	finished bool          // the client sends nothing more
	broken   bool          // the connection is of no use
}

// newConn returns nil if the connection is of no use.
func newConn(s *Server, whole net.Conn, tcp *net.TCPConn) *conn {
	c := &conn{server: s, whole: whole, since: time.Now()}
	if c.Init(tcp, &s.buffers) != nil {
		return nil
	}
	c.remote = tcp.RemoteAddr().String()
	return c
}

// serve serves the connection until it ends or is handed over.
func (c *conn) serve() {
	defer c.server.remove(c)
	defer c.leave()
	token, err := c.server.watcher.Watch(c, &c.Socket)
	if err != nil { // without a watcher there is no lane
		c.handOver()
		return
	}
	c.token = token
	for c.next() {
	}
}

// leave closes the connection, unless it was handed over.
func (c *conn) leave() {
	if c.given {
		return
	}
	c.server.watcher.Forget(c.token)
	if c.rest != nil {
		c.Buffers.Put(c.rest)
		c.rest = nil
	}
	_ = c.whole.Close() // a shutdown may have closed it
}

// next serves one request, and reports whether there may be another.
func (c *conn) next() bool {
	x := c.receive()
	if x == nil || !c.run(x) {
		return false
	}
	c.wasPost = x.request.Method == http.MethodPost
	clear(c.asked) // an idle connection keeps nothing of a head, nor of the key in it
	clear(c.values)
	c.state.Store(idle)
	return !c.server.closing.Load()
}

// receive waits for a request and reads its head. While nothing comes it holds
// nothing. It returns nil if the connection has ended, was too slow or is handed
// over. A new connection has the time for a head alone; after a request that time
// begins with the first bytes, and matters only where they are not all.
func (c *conn) receive() *exchange {
	limited := c.state.Load() == fresh
	if c.awaitFirst() != nil || c.state.Load() == closed {
		return nil
	}
	p := c.server.heads.get()
	defer c.server.heads.put(p)
	p.Reset()
	for {
		if c.rest != nil {
			switch p.Scan(c.rest.Bytes()) {
			case plain.Complete:
				return c.begin(p)
			case plain.Odd:
				c.handOver()
				return nil
			case plain.Incomplete:
			}
		}
		if !limited {
			c.limit(c.server.HTTP.ReadHeaderTimeout)
			limited = true
		}
		if err := c.more(); err != nil {
			if errors.Is(err, io.EOF) && c.rest != nil {
				c.handOver() // net/http has an answer to half a head
			}
			return nil
		}
	}
}

// more waits for bytes and adds them to the rest.
func (c *conn) more() error {
	if c.rest == nil {
		b, err := c.Borrow()
		c.rest = b
		return err
	}
	room := c.rest.Room()
	n, err := c.Read(room)
	c.rest.Fill(n)
	return err
}

// awaitFirst waits for the first bytes of a request. After a request four bytes are
// waited for, and where that was a POST, line ends that stand before the next are
// dropped: as net/http does it.
func (c *conn) awaitFirst() error {
	const few = 4
	if c.state.Load() == fresh {
		c.limit(c.server.HTTP.ReadHeaderTimeout)
		if c.rest == nil {
			if err := c.more(); err != nil {
				return err
			}
		}
		c.become(fresh)
		return nil
	}
	c.limit(c.server.HTTP.IdleTimeout)
	for c.rest == nil || len(c.rest.Bytes()) < few {
		if err := c.more(); err != nil {
			return err
		}
		c.become(idle)
	}
	c.become(idle)
	if c.wasPost {
		c.dropLineEnds(few)
	}
	return nil
}

// become makes a waiting connection active, unless a shutdown closed it.
func (c *conn) become(was int32) { c.state.CompareAndSwap(was, active) }

// limit says how long reads may take from now on; 0 is for ever.
func (c *conn) limit(d time.Duration) {
	if d <= 0 {
		c.In.Until(time.Time{})
		return
	}
	c.In.Within(d)
}

func (c *conn) dropLineEnds(most int) {
	b := c.rest.Bytes()
	n := 0
	for n < most && (b[n] == '\r' || b[n] == '\n') {
		n++
	}
	c.take(n)
}

// take says that n bytes of the rest are taken.
func (c *conn) take(n int) {
	if !c.rest.Take(n) {
		c.Buffers.Put(c.rest)
		c.rest = nil
	}
}

// handOver gives the connection to the server behind, with what was read.
func (c *conn) handOver() {
	if c.token != 0 {
		c.server.watcher.Forget(c.token)
	}
	c.In.Clear()
	c.Out.Clear()
	c.given = true
	over := &replay{Conn: c.whole, tcp: c.TCP}
	if c.rest != nil {
		over.rest = append([]byte(nil), c.rest.Bytes()...)
		c.Buffers.Put(c.rest)
		c.rest = nil
	}
	c.server.handoff.give(over)
}

// begin makes the request of a head that is complete.
func (c *conn) begin(p *plain.Head) *exchange {
	if c.asked == nil || len(c.asked) > keptFields {
		c.asked = make(http.Header, p.Fields())
	}
	if cap(c.values) < p.Fields() {
		c.values = make([]string, p.Fields())
	}
	head := string(c.rest.Bytes()[:p.Len()])
	c.take(p.Len())
	x := &exchange{}
	x.context.Values = c
	x.request = *(&http.Request{Header: c.asked, RemoteAddr: c.remote, Body: http.NoBody}).WithContext(&x.context)
	p.Fill(&x.request, &x.url, head, c.values[:p.Fields()])
	if x.request.ContentLength > 0 {
		x.body = body{conn: c, left: x.request.ContentLength, closing: x.request.Close, open: true}
		x.request.Body = &x.body
	}
	x.answer.init(c, x)
	return x
}

// run answers a request, and reports whether the connection may be used again.
func (c *conn) run(x *exchange) (again bool) {
	a := &x.answer
	c.In.Lend(a)
	c.Out.Lend(a)
	c.setCurrent(&x.context)
	if !x.body.open {
		c.bodyEnded()
	}
	finished := false
	defer func() {
		x.context.End(context.Canceled)
		if !finished {
			c.panicked(a, recover())
			again = false
		}
		c.setCurrent(nil)
		c.In.Lend(nil)
		c.Out.Lend(nil)
	}()
	c.server.HTTP.Handler.ServeHTTP(a, &x.request)
	x.context.End(context.Canceled)
	again = a.finish()
	finished = true
	return again
}

// panicked ends an answer whose handler panicked: what it had written out before
// goes out, and the connection is closed.
func (c *conn) panicked(a *answer, value any) {
	if value != nil && value != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that was returned
		const most = 64 << 10
		stack := make([]byte, most)
		stack = stack[:runtime.Stack(stack, false)]
		c.server.logf("http: panic serving %v: %v\n%s", c.remote, value, stack)
	}
	a.abort()
}

// Value is the value that net/http gives to the contexts of requests.
func (c *conn) Value(key any) any {
	switch key {
	case http.ServerContextKey:
		return c.server.HTTP
	case http.LocalAddrContextKey:
		return c.TCP.LocalAddr()
	}
	if more, ok := c.whole.(interface{ Value(key any) any }); ok {
		return more.Value(key)
	}
	return nil
}

// setCurrent says which request is worked on, for the watcher.
func (c *conn) setCurrent(ctx *life.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.watching = ctx, false
	c.check()
}

// bodyEnded says that the request has been read to its end: now its context ends
// when the client has gone, or once it goes. A client that has sent more before
// its end is not gone: it waits for two answers.
func (c *conn) bodyEnded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching = c.rest == nil || isLineEnds(c.rest.Bytes())
	c.check()
}

// isLineEnds reports whether that is what some clients send after a body, and is no
// beginning of another request.
func isLineEnds(rest []byte) bool {
	const most = 4
	return len(rest) <= most && len(bytes.Trim(rest, "\r\n")) == 0
}

// HungUp is told by the watcher that the client sends nothing more, or that the
// connection is broken.
func (c *conn) HungUp(broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	c.broken = c.broken || broken
	c.check()
}

// check ends the context of a request whose client has gone. The caller holds the
// mutex.
func (c *conn) check() {
	if c.current != nil && (c.broken || c.finished && c.watching && c.Ended()) {
		c.current.End(context.Canceled)
	}
}

// kill closes the connection whatever it does.
func (c *conn) kill() {
	_ = c.whole.Close() // it may be closed already
	c.HungUp(true)
}

// closeIfIdle closes the connection if it waits for a request.
func (c *conn) closeIfIdle() {
	if c.state.CompareAndSwap(idle, closed) ||
		c.state.Load() == fresh && time.Since(c.since) > newGrace && c.state.CompareAndSwap(fresh, closed) {
		_ = c.whole.Close() // its goroutine closes it too
	}
}

// lingerOn lets the client read the answer before the connection is closed, and
// throws away what it still sends.
func (c *conn) lingerOn() {
	b := c.Buffers.Get()
	defer c.Buffers.Put(b)
	c.In.Lend(nil)
	_ = c.TCP.CloseWrite()                            // fails if the client is gone
	_ = c.TCP.SetReadDeadline(time.Now().Add(linger)) // and so does the read then
	for {
		if _, err := c.TCP.Read(b.Room()); err != nil {
			return
		}
	}
}
