package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/http1/message"
)

const (
	// window is the most bytes of one answer that came and were not read yet.
	// That of the connection is the transport's, which is so large that one
	// slow reader does not stop the others.
	window = 256 << 10
	// most is how often a request is tried: one that the server refuses unseen,
	// or that met a dead connection.
	most = 3
)

// ErrNotSpoken says that the server has chosen another protocol. It is not asked
// again for 10 minutes.
var ErrNotSpoken = errors.New("http2: the server does not speak HTTP/2")

// Client asks one origin. It is safe for concurrent use.
type Client struct {
	host    string // of requests
	address string // host:port that is dialled
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	tls     *tls.Config

	connectTimeout, readTimeout, writeTimeout time.Duration

	transport *http.Transport
	pool      pool
}

// New makes a client for an origin such as https://api.example.com. It opens no
// connection. It fails when the origin has no host or is not https, without
// telling the origin.
func New(origin string, s http1.Settings) (*Client, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("http2: the origin must be https:// and a host")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	c := &Client{
		host: strings.TrimSuffix(u.Host, ":"), address: net.JoinHostPort(u.Hostname(), port),
		dial: s.Dial, tls: tlsFor(s.TLS, u.Hostname()),
		connectTimeout: s.ConnectTimeout, readTimeout: s.ReadTimeout, writeTimeout: s.WriteTimeout,
	}
	if c.dial == nil {
		c.dial = new(net.Dialer).DialContext
	}
	c.pool.init(s)
	c.transport = &http.Transport{
		DialContext: handedOver, Protocols: new(http.Protocols), DisableCompression: true, MaxResponseHeaderBytes: message.MaxHead,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: window, WriteByteTimeout: s.WriteTimeout},
	}
	c.transport.Protocols.SetUnencryptedHTTP2(true) // as far as it knows: TLS is below it
	return c, nil
}

func tlsFor(given *tls.Config, host string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if given != nil {
		cfg = given.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	cfg.NextProtos = []string{"h2", "http/1.1"}
	return cfg
}

// Do sends r and returns the answer when its head is there. The caller must
// read the response to its end or close it; ctx counts until then.
//
// Do blocks for room on a connection, for the writing and for the head, each
// within its limit of the settings; when ctx ends, it returns at once. Every
// answer but an informational one is returned, whatever its status.
//
// A request that the server has refused unseen is sent again, and so is one whose
// connection ended before any byte of the answer if it had answered others: the
// server may then see it twice. All errors are of type *http1.Error; one that
// wraps ErrNotSpoken says that nothing was sent.
func (c *Client) Do(ctx context.Context, r *http1.Request) (*Response, error) {
	if err := r.Check(); err != nil {
		return nil, &http1.Error{Err: err}
	}
	if ctx.Err() != nil {
		return nil, &http1.Error{Err: ended(ctx)}
	}
	sent := false
	for try := 1; ; try++ {
		held, err := c.connection(ctx)
		if err != nil {
			return nil, &http1.Error{Sent: sent, Err: err}
		}
		resp, failed := c.exchange(ctx, held, r)
		if failed == nil {
			return resp, nil
		}
		unseen, dead := refused(failed), cutOff(failed, held)
		c.pool.done(held)
		sent = sent || failed.Sent && !unseen
		if try == most || !unseen && (!dead || try > 1) {
			failed.Sent = sent
			return nil, failed
		}
		c.pool.stale.Add(1)
	}
}

// cutOff reports whether the request met a connection that was dead, or was
// about to be: nothing of it was sent, or others were answered there before.
func cutOff(failed *http1.Error, held *link) bool {
	broken, ok := errors.AsType[*http1.CutError](failed.Err)
	return ok && broken.Where == http1.BeforeAnswer && held.unusable() && (!failed.Sent || held.kept.Load())
}

// Close closes the idle connections, and waits until that is done. Requests
// under way go on, and their connections close when they end; so do those of
// requests that begin later.
func (c *Client) Close() { c.pool.close() }

// Stats returns the figures of the moment. A connection is in use as long as any
// request is under way on it; Reused counts requests on connections that others
// opened.
func (c *Client) Stats() http1.Stats { return c.pool.stats() }

// connection returns a connection with room for one more request, which the
// caller holds until pool.done.
func (c *Client) connection(ctx context.Context) (*link, error) {
	g, err := c.pool.take(ctx)
	if err != nil || g.link != nil {
		return g.link, err
	}
	conn, err := c.connect(ctx)
	return c.pool.dialled(conn, err, ctx.Err() != nil), err
}
