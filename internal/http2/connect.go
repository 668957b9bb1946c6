package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
)

// farewell is the longest that TLS may take to say that it closes.
const farewell = 100 * time.Millisecond

// errNotHanded says that the transport opened a connection by itself.
var errNotHanded = errors.New("http2: no connection was handed over")

// handKey is where a context has the connection for the transport.
type handKey struct{}

// handedOver is how the transport gets connections.
func handedOver(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, ok := ctx.Value(handKey{}).(*greeted)
	if !ok {
		return nil, errNotHanded
	}
	return conn, nil
}

// connect opens a connection within its time: TCP, TLS, and the server's first
// settings, which say how many requests it takes at a time.
func (c *Client) connect(ctx context.Context) (*http.ClientConn, error) {
	within := ctx
	if c.connectTimeout > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeoutCause(ctx, c.connectTimeout, http1.ErrConnectTimeout)
		defer cancel()
	}
	conn, err := c.reach(within)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ended(ctx)
	case within.Err() != nil:
		return nil, &http1.DialError{Err: http1.ErrConnectTimeout}
	}
	return nil, &http1.DialError{Err: err}
}

func (c *Client) reach(ctx context.Context) (*http.ClientConn, error) {
	secure, err := c.secure(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := c.transport.NewClientConn(context.WithValue(ctx, handKey{}, secure), "http", c.address)
	if err != nil {
		_ = secure.bare.Close()
		return nil, err
	}
	select {
	case <-secure.greeting:
		return conn, nil
	case <-ctx.Done():
		_ = conn.Close()
		return nil, ctx.Err()
	}
}

// secure opens a connection on which HTTP/2 was agreed.
func (c *Client) secure(ctx context.Context) (*greeted, error) {
	bare, err := c.dial(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(bare, c.tls)
	err = conn.HandshakeContext(ctx)
	if err == nil && conn.ConnectionState().NegotiatedProtocol != "h2" {
		err = ErrNotSpoken
	}
	if err != nil {
		_ = bare.Close()
		return nil, err
	}
	return &greeted{Conn: conn, bare: bare, greeting: make(chan struct{})}, nil
}

// greeted is a connection that notices when the transport knows the server's
// first settings: they come first, and the transport reads on when it has
// understood what it read.
type greeted struct {
	*tls.Conn
	bare     net.Conn
	greeting chan struct{} // closed then, and when nothing more will come
	once     sync.Once
	came     bool
	ending   sync.Once
}

// Read is called by one goroutine of the transport.
func (g *greeted) Read(p []byte) (int, error) {
	if g.came {
		g.once.Do(g.greet)
	}
	n, err := g.Conn.Read(p)
	g.came = true
	if err != nil {
		g.once.Do(g.greet)
	}
	return n, err
}

func (g *greeted) greet() { close(g.greeting) }

// Close tells TLS, if that is quick. When any call of it returns, the connection
// is closed.
func (g *greeted) Close() error {
	g.ending.Do(func() {
		timer := time.AfterFunc(farewell, func() { _ = g.bare.Close() })
		defer timer.Stop()
		_ = g.Conn.Close()
	})
	return nil
}
