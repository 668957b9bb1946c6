// Package listener is where the connections of clients come in: a TCP listener with
// a backlog of its own, so many connections at most, and requests on each.
//
// Whoever comes when all places are taken is not left waiting: the connection is
// accepted, gets a short answer that says when to come back, and is closed. So the
// service never stops to accept, and an answer to a probe of its life can be made
// even then.
//
// A service that is about to stop says so: after Leave every answer ends its
// connection, and Retire closes the port without harming a connection that is being
// opened.
//
// Start with Listen, then Conn and Listener.Handler.
package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/places"
)

// Config is how connections are taken.
type Config struct {
	Address string
	// TLS, if not nil, is spoken on every connection.
	TLS *tls.Config
	// Backlog is how many connections the system is to keep until they are
	// accepted; 0 is as many as it does.
	Backlog int
	// Places are the connections that may be open at the same time.
	Places *places.Places
	// MaxRequests is how many requests of HTTP/1 one connection may send; 0 = any
	// number.
	MaxRequests int64
	// SendBuffer is how many bytes of an answer the system is to take ahead of its
	// reader; 0 is as many as it does.
	SendBuffer int
	// Refuse makes the answer to a request for whose connection there is no place.
	// The request has no body. It must not be nil where Places has a limit.
	Refuse func(r *http.Request) *http.Response
}

// Listener implements net.Listener. Its connections are of type *Conn, or those
// under TLS.
type Listener struct {
	config   Config
	tcp      *net.TCPListener
	plain    *tls.Config // of refusals: HTTP/1.1 only
	refusals chan struct{}
	group    sync.WaitGroup // of the refusals under way
	leaving  atomic.Bool
	retired  atomic.Bool
	fresh    atomic.Int64 // open connections that have sent no request yet
	// lingering are the connections that were closed before their client had taken all.
	lingering chan struct{}
	// lingerGrace is how long such a client may take what it likes of the rest.
	lingerGrace time.Duration
	ended       chan struct{}
	once        sync.Once
}

// Listen binds the address.
func Listen(ctx context.Context, config Config) (*Listener, error) {
	var l net.ListenConfig
	l.SetMultipathTCP(false) // Retire needs what such a socket cannot do
	bound, err := l.Listen(ctx, "tcp", config.Address)
	if err != nil {
		return nil, err
	}
	tcp, ok := bound.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("not a TCP listener"), bound.Close())
	}
	if config.Backlog > 0 {
		if err := setBacklog(tcp, config.Backlog); err != nil {
			return nil, errors.Join(err, tcp.Close())
		}
	}
	made := &Listener{
		config: config, tcp: tcp, refusals: make(chan struct{}, mostRefusals), ended: make(chan struct{}),
		lingering: make(chan struct{}, MostLingering), lingerGrace: lingerGrace,
	}
	if config.TLS != nil {
		made.plain = config.TLS.Clone()
		made.plain.NextProtos = []string{"http/1.1"}
	}
	return made, nil
}

// Accept implements net.Listener. It turns those away for whom there is no place.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		tcp, err := l.tcp.AcceptTCP()
		if err != nil {
			if l.retired.Load() { // the service is not over: its connections go on
				<-l.ended
			}
			return nil, err
		}
		if !l.config.Places.Take() {
			l.refuse(tcp)
			continue
		}
		if l.config.SendBuffer > 0 {
			_ = tcp.SetWriteBuffer(l.config.SendBuffer) // the system's default does too
		}
		l.fresh.Add(1)
		c := &Conn{TCPConn: tcp, listener: l}
		if l.config.TLS != nil {
			return tls.Server(c, l.config.TLS), nil
		}
		return c, nil
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// Close implements net.Listener. Connections go on.
func (l *Listener) Close() error {
	err := l.tcp.Close()
	l.once.Do(func() { close(l.ended) })
	if l.retired.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Wait returns when no refusal is under way any more: after Close at most a few
// seconds.
func (l *Listener) Wait() { l.group.Wait() }

// Leave has every answer from now on end its connection, so that clients and
// proxies keep none that will be closed.
func (l *Listener) Leave() { l.leaving.Store(true) }

// Leaving reports whether Leave was called.
func (l *Listener) Leaving() bool { return l.leaving.Load() }

const (
	// settle is how long connections that were being opened get to come in.
	settle = 100 * time.Millisecond
	// firstRequest is how long those get to send their first request.
	firstRequest = time.Second
)

// Retire closes the port, while connections go on and Accept waits for Close: a
// further client is refused by the system, so that a proxy tries elsewhere at once.
// It returns when the connections that had come in before have sent a request, or
// had time for it. It blocks for up to about a second.
//
// Closing a port resets the connections that the system has opened and nobody has
// accepted. So new ones are kept off for a moment before, where the system can do
// that; their clients try again by themselves.
func (l *Listener) Retire(ctx context.Context) {
	l.Leave()
	if keepOff(l.tcp) == nil {
		pause(ctx, settle)
	}
	l.retired.Store(true)
	_ = l.tcp.Close() // it may be closed already
	end := time.Now().Add(firstRequest)
	for l.fresh.Load() > 0 && time.Now().Before(end) && ctx.Err() == nil {
		pause(ctx, settle/10) //nolint:mnd // often enough
	}
}

const (
	// MostLingering is how many connections are watched at a time that were closed before
	// their client had taken everything: so many files are open beside those of Places.
	MostLingering = 4096
	// lingerGrace is how long such a client may take what it likes; then it has to go on at
	// a reasonable pace.
	lingerGrace = 15 * time.Second
)

// pause waits until the time is over or ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Conn is the connection of a client.
type Conn struct {
	*net.TCPConn

	listener *Listener
	requests atomic.Int64
	greeted  atomic.Bool // it has sent a request, or is closed
	closed   atomic.Bool
}

// greet notes that nobody need wait for the connection's first request any more.
func (c *Conn) greet() {
	if c.greeted.CompareAndSwap(false, true) {
		c.listener.fresh.Add(-1)
	}
}

// Close implements net.Conn. What was sent goes to the client, as long as that takes it:
// see lingerGrace.
func (c *Conn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.greet()
		c.listener.linger(c.TCPConn)
		c.listener.config.Places.Give()
	}
	return c.TCPConn.Close()
}

// Bare is the connection for those who read and write past this type. It is closed
// by Close alone.
func (c *Conn) Bare() *net.TCPConn { return c.TCPConn }

// request notes that a request has come in, and reports whether it is the last that
// the connection may send.
func (c *Conn) request() (last bool) {
	c.greet()
	n := c.requests.Add(1)
	return c.listener.config.MaxRequests > 0 && n >= c.listener.config.MaxRequests
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// Value gives the connection to contexts that ask it.
func (c *Conn) Value(key any) any {
	if key == (connKey{}) {
		return c
	}
	return nil
}

// ConnContext is for http.Server: it has the contexts of requests know their
// connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		switch inner := c.(type) {
		case *Conn:
			return context.WithValue(ctx, connKey{}, inner)
		case interface{ NetConn() net.Conn }:
			c = inner.NetConn()
		default:
			return ctx
		}
	}
}

// Handler has next answer, and the answer say that its connection ends where it
// does: with the last request that it may send, or since the service is leaving.
func (l *Listener) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*Conn)
		last := ok && c.request() && r.ProtoMajor == 1
		if last || l.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// timedOut reports whether an error is a deadline's.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
