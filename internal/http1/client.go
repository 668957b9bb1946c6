package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead/internal/buffer"
	"github.com/fairleadhq/fairlead/internal/http1/message"
	"github.com/fairleadhq/fairlead/internal/http1/wire"
)

// What is asked and answered, so that a caller needs this package alone.
type (
	// Request is what a client is asked to send.
	Request = message.Request
	// Lines are header lines of a request.
	Lines = message.Lines
	// Header is the headers of an answer.
	Header = message.Header
)

// Settings bound a client. A zero value turns that limit off.
type Settings struct {
	// MaxConnections is the most open connections, those being opened included.
	MaxConnections int
	// MaxKeepalive is the most idle connections kept open, and KeepaliveExpiry
	// for how long each is. The one used last is used next.
	MaxKeepalive    int
	KeepaliveExpiry time.Duration
	// ConnectTimeout bounds the opening of a connection: name look-up, TCP and
	// TLS together.
	ConnectTimeout time.Duration
	// ReadTimeout is the longest silence of the server: from the end of the
	// request to the end of the answer's head, and within any one read of the
	// body. An informational answer ends a silence. The time between two reads
	// is not part of it.
	ReadTimeout time.Duration
	// WriteTimeout is the longest that one write of the request (at most
	// 64 KiB) may block.
	WriteTimeout time.Duration
	// PoolTimeout is the longest wait for a connection while MaxConnections
	// are in use. Waiting requests are served in order of arrival.
	PoolTimeout time.Duration
	// MaxWaiting is the most requests that wait for a connection at a time.
	MaxWaiting int

	// Dial opens a connection and gives up when its context ends. nil is a
	// net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is how an origin with https is spoken to; nil is the defaults. The
	// server name is the origin's unless one is set, the protocol HTTP/1.1.
	TLS *tls.Config
}

// Client asks one origin. It is safe for concurrent use.
type Client struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string      // host:port that is dialled
	tls     *tls.Config // nil for http
	version string      // the end of a request's first line, and the Host line

	connectTimeout, readTimeout, writeTimeout time.Duration

	buffers buffer.Buffers
	pool    pool
	again   again
}

// New makes a client for an origin such as https://api.example.com or
// http://127.0.0.1:8000. It opens no connection. It fails when the origin is
// not scheme, host and port alone, without telling the origin.
func New(origin string, s Settings) (*Client, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, errors.New("http1: the origin is not a URL") // err would quote it
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("http1: the origin must start with http:// or https://")
	case u.Hostname() == "" || strings.ContainsFunc(u.Host, notInHost):
		return nil, errors.New("http1: the origin has no host, or one with characters that are not allowed")
	case u.Path != "" && u.Path != "/" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("http1: the origin must be scheme, host and port alone")
	}
	c := &Client{
		dial:    s.Dial,
		address: net.JoinHostPort(u.Hostname(), portOf(u)),
		version: " HTTP/1.1\r\nHost: " + strings.TrimSuffix(u.Host, ":") + "\r\n",

		connectTimeout: s.ConnectTimeout, readTimeout: s.ReadTimeout, writeTimeout: s.WriteTimeout,
		pool: pool{
			max: s.MaxConnections, maxIdle: s.MaxKeepalive, maxWaiting: s.MaxWaiting,
			expiry: s.KeepaliveExpiry, timeout: s.PoolTimeout,
		},
	}
	c.again.credit.Store(againAtOnce * againShare)
	if c.dial == nil {
		c.dial = new(net.Dialer).DialContext
	}
	if u.Scheme == "https" {
		c.tls = tlsFor(s.TLS, u.Hostname())
	}
	return c, nil
}

func notInHost(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`%/\?#@"<>`, r)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func tlsFor(given *tls.Config, host string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if given != nil {
		cfg = given.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	cfg.NextProtos = []string{"http/1.1"}
	cfg.DynamicRecordSizingDisabled = true // few large writes; no browser waits for the first bytes
	return cfg
}

// Do sends r and returns the answer when its head is there. The caller must
// read the response to its end or close it; ctx counts until then.
//
// Do blocks for a connection, for the writing and for the head, each within its
// limit of Settings; when ctx ends, it returns at once. Every answer but an
// informational one is returned, whatever its status.
//
// A request that ran into the end of a kept connection before any byte of the
// answer is sent once more, on a new connection; the server may then see it
// twice. That is done for one request in 20, and for 20 at once. So is one whose
// answer there is a 408 that ends the connection: with it a server gives up an idle
// connection, and says that it has received no request. All errors are of type
// *Error.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	if err := r.Check(); err != nil {
		return nil, &Error{Err: err}
	}
	if ctx.Err() != nil {
		return nil, &Error{Err: ended(ctx)}
	}
	held, err := c.connection(ctx)
	if err != nil {
		return nil, &Error{Err: err}
	}
	c.again.earn()
	resp, failed := c.exchange(ctx, held, r)
	for failed != nil && errors.Is(failed.Err, wire.ErrLoud) {
		c.pool.reused.Add(-1)
		if held, err = c.living(ctx, c.pool.instead()); err != nil {
			return nil, &Error{Err: err}
		}
		resp, failed = c.exchange(ctx, held, r)
	}
	if failed != nil && held.kept && stale(failed) && c.again.spend() {
		resp, failed = c.onceMore(ctx, r, failed)
	}
	if failed != nil {
		c.pool.free()
		return nil, failed
	}
	return resp, nil
}

// Close closes the idle connections, and waits until that is done. Requests
// under way go on, and their connections close when they end; so do those of
// requests that begin later.
func (c *Client) Close() { c.pool.close() }

// Stats returns the figures of the moment.
func (c *Client) Stats() Stats { return c.pool.stats() }

// connection returns a connection with its place: a kept one if there is one
// that lives.
func (c *Client) connection(ctx context.Context) (*conn, error) {
	g, err := c.pool.take(ctx)
	if err != nil {
		return nil, err
	}
	return c.living(ctx, g)
}

// living returns a connection that lives, as far as that can be seen before it is
// used.
func (c *Client) living(ctx context.Context, g grant) (*conn, error) {
	for g.kept != nil {
		if g.kept.alive() {
			c.pool.reused.Add(1)
			return g.kept, nil
		}
		g.kept.drop()
		g = c.pool.instead()
	}
	opened, err := c.open(ctx)
	if err != nil {
		c.pool.free()
	}
	return opened, err
}

// open opens a connection for a place that the caller holds. It does so in a
// goroutine of its own, which it waits for: dialling and TLS need a deep stack,
// which the caller's would keep for as long as its answer takes.
func (c *Client) open(ctx context.Context) (*conn, error) {
	c.pool.dialling()
	var opened *conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		opened, err = c.connect(ctx)
	}()
	<-done
	c.pool.dialled(err)
	return opened, err
}

func (c *Client) connect(ctx context.Context) (*conn, error) {
	within := ctx
	if c.connectTimeout > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeoutCause(ctx, c.connectTimeout, ErrConnectTimeout)
		defer cancel()
	}
	opened, err := c.reach(within)
	switch {
	case err == nil:
		return opened, nil
	case ctx.Err() != nil:
		return nil, ended(ctx)
	case within.Err() != nil:
		return nil, &DialError{ErrConnectTimeout}
	}
	return nil, &DialError{err}
}

func (c *Client) reach(ctx context.Context) (*conn, error) {
	bare, err := c.dial(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	w := wire.New(bare, &c.buffers)
	opened := &conn{wire: w, top: w, pool: &c.buffers}
	opened.sent = opened.giveBack
	if c.tls != nil {
		secure := tls.Client(w, c.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = bare.Close()
			return nil, err
		}
		opened.top = secure
	}
	w.LimitWrites(c.writeTimeout)
	return opened, nil
}

// exchange sends r on a connection and waits for the head. If it fails, the
// connection is closed, and the caller still holds its place.
func (c *Client) exchange(ctx context.Context, held *conn, r *Request) (*Response, *Error) {
	held.begin(ctx)
	resp := &Response{client: c, conn: held, patience: c.readTimeout}
	until := deadline(c.readTimeout)
	unsent := held.send(r, c.version, until)
	var line message.StatusLine
	var err error
	switch {
	case errors.Is(unsent, wire.ErrLoud):
		held.end()
		held.drop()
		return nil, &Error{Err: unsent}
	case unsent != nil:
		// The server may have said why it reads no more.
		line, err = held.receive(&resp.Header, time.Now().Add(earlyAnswer), 0)
	default:
		if !held.wire.Asked() { // to write it has taken some of that time
			until = deadline(c.readTimeout)
		}
		line, err = held.receive(&resp.Header, until, c.readTimeout)
	}
	if err == nil {
		var reason message.Reason
		resp.Length, resp.keep, reason = resp.body.Frame(r.Method, line, &resp.Header)
		err = malformed(reason)
	}
	if err == nil && held.kept && line.Status == http.StatusRequestTimeout && !resp.keep {
		err = held.unheard()
	}
	if err != nil {
		failed := held.failure(err, ErrSilence, InHead)
		if unsent != nil {
			failed = held.failure(unsent, ErrWriteTimeout, InHead)
		}
		held.end()
		held.drop()
		return nil, failed
	}
	resp.Status = line.Status
	resp.keep = resp.keep && unsent == nil
	if resp.body.Done() {
		resp.settle()
	}
	return resp, nil
}

// stale reports whether a kept connection was dead when it was used.
func stale(failed *Error) bool {
	broken, ok := errors.AsType[*CutError](failed.Err)
	return ok && broken.Where == BeforeAnswer
}

// onceMore sends r on a new connection, in the place of the dead one.
func (c *Client) onceMore(ctx context.Context, r *Request, first *Error) (*Response, *Error) {
	c.pool.stale.Add(1)
	fresh, err := c.open(ctx)
	if err != nil {
		return nil, &Error{Sent: first.Sent, Err: err}
	}
	resp, failed := c.exchange(ctx, fresh, r)
	if failed != nil {
		failed.Sent = failed.Sent || first.Sent
	}
	return resp, failed
}

// deadline is d from now, and the zero time if there is no limit.
func deadline(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
