package remote

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// maxWrite is the most bytes that one write hands to the system, so that a
// long body that moves is not taken for a stuck one.
const maxWrite = 64 << 10

// dialer opens connections to the upstream, each for the flight whose context
// asks for it.
type dialer struct {
	connect func(ctx context.Context, network, address string) (net.Conn, error)
	timeout time.Duration
	write   time.Duration
	tls     *tls.Config
}

// dialError says that no connection could be opened.
type dialError struct{ err error }

func (e *dialError) Error() string { return "connecting: " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return d.open(ctx, func(ctx context.Context) (net.Conn, error) {
		return d.plain(ctx, network, address)
	})
}

func (d *dialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	return d.open(ctx, func(ctx context.Context) (net.Conn, error) {
		conn, err := d.plain(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, d.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secure, nil
	})
}

// open runs how within the connect timeout and the life of the flight. The
// transport detaches ctx from the request's, so without this a dial would go
// on, and count as a connection, after its caller has left.
func (d *dialer) open(ctx context.Context, how func(context.Context) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if f, ok := ctx.Value(flightKey{}).(*flight); ok {
		done, err := f.dial(cancel)
		if err != nil {
			return nil, &dialError{err}
		}
		defer done()
	}
	if d.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, d.timeout)
		defer stop()
	}
	conn, err := how(ctx)
	if err != nil {
		return nil, &dialError{err}
	}
	return conn, nil
}

func (d *dialer) plain(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
	if err != nil || d.write <= 0 {
		return conn, err
	}
	return &pacedConn{Conn: conn, patience: d.write}, nil
}

// pacedConn is a connection on which no single write blocks longer than
// patience.
type pacedConn struct {
	net.Conn
	patience time.Duration
}

// Write writes b in pieces of at most maxWrite bytes. It fails with
// os.ErrDeadlineExceeded when one piece takes longer than the patience.
func (c *pacedConn) Write(b []byte) (int, error) {
	written := 0
	for {
		piece := b[written:min(len(b), written+maxWrite)]
		if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil || written == len(b) {
			return written, err
		}
	}
}
