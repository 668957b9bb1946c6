package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/reach"
)

// maxHeadBytes bounds the status line and headers of an answer.
const maxHeadBytes = 64 << 10

// Config says which upstream a Provider speaks to, and within which limits.
type Config struct {
	// Name is the provider's name in errors.
	Name string
	// BaseURL is the root of its API, such as https://api.openai.com/v1.
	BaseURL string
	// APIKey is sent to BaseURL's origin, in the header that the language says; ""
	// sends none.
	APIKey string
	// Language is what the upstream speaks.
	Language Language
	// Timeout is the total time of one call; 0 means that only the deadline of
	// its context bounds it.
	Timeout time.Duration
	HTTP    HTTPLimits
}

// HTTPLimits bounds the connections to the upstream. A zero value turns that
// limit off.
type HTTPLimits struct {
	// MaxConnections is the most open connections, those being opened included.
	MaxConnections int
	// MaxKeepalive is the most idle connections kept open, and KeepaliveExpiry
	// for how long each is.
	MaxKeepalive    int
	KeepaliveExpiry time.Duration
	// ConnectTimeout bounds the opening of a connection: name look-up, TCP and
	// TLS together.
	ConnectTimeout time.Duration
	// ReadTimeout is the longest silence of the upstream: between the end of
	// the request and the head of the answer, and within any one read of the
	// body. The time that the caller takes to accept what was read is not part
	// of it.
	ReadTimeout time.Duration
	// WriteTimeout is the longest that one write of the request (at most
	// 64 KiB) may block.
	WriteTimeout time.Duration
	// PoolTimeout is the longest wait for a connection while MaxConnections
	// are in use.
	PoolTimeout time.Duration
}

// Provider answers calls by asking an upstream. It is safe for concurrent use.
type Provider struct {
	name      string
	language  Language
	base      string
	key       secret
	timeout   time.Duration
	limits    HTTPLimits
	dialer    *dialer
	transport *http.Transport
}

// New makes a Provider; it opens no connection. It fails when the base URL or
// the key cannot be used: the URL must be http or https with a host, without
// user, query or fragment, and its host must not be an address that is never
// dialled (see package reach).
func New(cfg Config) (*Provider, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("provider %s: base URL is not a URL", cfg.Name) // err would quote it, userinfo included
	}
	switch {
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("provider %s: base URL must start with http:// or https://", cfg.Name)
	case base.Hostname() == "":
		return nil, fmt.Errorf("provider %s: base URL has no host", cfg.Name)
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, fmt.Errorf("provider %s: base URL must have no user, query or fragment", cfg.Name)
	case strings.ContainsFunc(cfg.APIKey, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, fmt.Errorf("provider %s: the key has a character that no header can carry", cfg.Name)
	}
	allowed, err := reach.Of(base.Hostname())
	if err != nil {
		return nil, fmt.Errorf("provider %s: base URL: %w", cfg.Name, err)
	}
	p := &Provider{
		name:     cfg.Name,
		language: cfg.Language,
		base:     strings.TrimRight(base.String(), "/"),
		key:      secret(cfg.APIKey),
		timeout:  cfg.Timeout,
		limits:   cfg.HTTP,
	}
	network := &net.Dialer{ControlContext: allowed.Control}
	p.dialer = &dialer{
		connect: network.DialContext,
		timeout: cfg.HTTP.ConnectTimeout,
		write:   cfg.HTTP.WriteTimeout,
		tls: &tls.Config{
			ServerName: base.Hostname(),
			MinVersion: tls.VersionTLS12,
			NextProtos: []string{"http/1.1"},
		},
	}
	p.transport = newTransport(p.dialer, cfg.HTTP)
	return p, nil
}

func newTransport(d *dialer, limits HTTPLimits) *http.Transport {
	idle := limits.MaxKeepalive
	if idle <= 0 {
		idle = math.MaxInt // net/http would read 0 as its own default of 2
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		DisableCompression:     true,
		MaxConnsPerHost:        max(limits.MaxConnections, 0),
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        limits.KeepaliveExpiry,
		MaxResponseHeaderBytes: maxHeadBytes,
		Protocols:              protocols,
	}
}

// Close closes the idle connections. Calls that are under way go on, and close
// theirs when they end.
func (p *Provider) Close() { p.transport.CloseIdleConnections() }

// Answer sends req to the upstream and emits what it answers. The operations and
// dialects of its Language are understood, anything else is of Kind Unsupported.
// req.Envelope.Model is the name that the upstream is asked for.
//
// A stream's Head is emitted with its first frame, and a whole answer of up to
// 1 MiB is gathered and read before its Head; a longer one is emitted in
// pieces, each checked before, after its first MiB. Until the Head nothing was promised to the
// caller; after it, an error means that the answer broke off.
//
// Errors are of Kind Unsupported, Invalid, NotFound or TooLarge when the
// request is at fault, Busy (with RetryAfter) when the upstream or the
// connections to it are, Upstream when it failed, Late when the deadline of
// ctx passed and Canceled when ctx was cancelled or emit failed.
func (p *Provider) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	way := p.language.way(call.Operation, req.Dialect)
	if way == nil {
		return &fairlead.Error{
			Kind: fairlead.Unsupported, Code: "operation_unsupported",
			Message: "The model does not have this operation",
		}
	}
	streamed := req.Envelope.Stream && way.Watch != nil
	out := dialect.ForUpstream(req)
	return p.fly(ctx, func(ctx context.Context, f *flight) error {
		asked := outgoing{method: http.MethodPost, path: way.Path, accept: mediaJSON, body: out.Body, aside: req.Aside}
		if streamed {
			asked.accept = eventStream
		}
		resp, err := p.send(ctx, f, asked)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		a := &answer{resp: resp, body: f.listenTo(resp.Body), key: p.key, language: &p.language, way: way, emit: emit}
		if streamed {
			return a.stream(way.Watch(out))
		}
		return a.whole()
	})
}

// fly runs do within the clocks of one call, and names the error that it
// returns. When fly returns, nothing of the flight is running.
func (p *Provider) fly(ctx context.Context, do func(ctx context.Context, f *flight) error) error {
	flying, release := withTimeout(ctx, p.timeout)
	defer release()
	flying, f := takeOff(flying, p.limits)
	defer f.land()
	if err := do(flying, f); err != nil {
		return p.failure(ctx, context.Cause(flying), err)
	}
	return nil
}

// withTimeout bounds ctx by the total time of one call.
func withTimeout(ctx context.Context, total time.Duration) (context.Context, context.CancelFunc) {
	if total <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, total, errTotal)
}

// outgoing is a request to the upstream.
type outgoing struct {
	method, path, accept string
	body                 []byte
	aside                fairlead.Aside
}

// request makes the request. What the client says beside its body goes before
// what the language says, and behind what is the service's own.
func (p *Provider) request(ctx context.Context, out outgoing) (*http.Request, error) {
	address := p.base + out.path
	if out.aside.Query != "" {
		address += "?" + out.aside.Query
	}
	r, err := http.NewRequestWithContext(ctx, out.method, address, nil)
	if err != nil {
		return nil, errRequest // err would quote the address
	}
	for name, value := range p.language.Header {
		r.Header.Set(name, value)
	}
	for name, values := range out.aside.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Header.Set("Accept", out.accept)
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("User-Agent", "fairlead")
	if p.key != "" {
		r.Header.Set(p.language.KeyHeader, p.language.KeyPrefix+string(p.key))
	}
	if out.method == http.MethodPost {
		r.Header.Set("Content-Type", mediaJSON)
		setBody(r, out.body)
	}
	return r, nil
}

// send sends the request and waits for the head of a 200 in plain bytes; any
// other answer is an error. The caller closes the response's body.
func (p *Provider) send(ctx context.Context, f *flight, out outgoing) (*http.Response, error) {
	r, err := p.request(ctx, out)
	if err != nil {
		return nil, err
	}
	resp, err := p.transport.RoundTrip(r) // not a Client: it would follow redirects
	f.answer()
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// The body is the bare connection, which the end of ctx does not close.
		_ = resp.Body.Close()
		return nil, p.refused(resp.StatusCode)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, p.refusal(resp, f.listenTo(resp.Body))
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		_ = resp.Body.Close()
		return nil, invalidAnswer(errors.New("the answer is compressed though that was not accepted"))
	}
	return resp, nil
}

// setBody gives r the body, with its length, and lets the transport send it
// once more when a kept connection turns out to be dead before any byte of an
// answer came. The empty idempotency key says so to net/http and is not sent.
func setBody(r *http.Request, body []byte) {
	r.Header["Idempotency-Key"] = nil
	r.ContentLength = int64(len(body))
	r.Body = io.NopCloser(bytes.NewReader(body))
	again := true
	r.GetBody = func() (io.ReadCloser, error) {
		if !again {
			return nil, errStaleTwice
		}
		again = false
		return io.NopCloser(bytes.NewReader(body)), nil
	}
}
