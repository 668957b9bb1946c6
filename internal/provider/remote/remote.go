package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/http1/message"
	"github.com/fairleadhq/fairlead/internal/reach"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// mostWaiting is the most calls that wait for a connection: beyond that a provider
// without a limit of slots is refused calls.
const mostWaiting = 1024

// Config says which upstream a Provider speaks to, and within which limits.
type Config struct {
	// Name is the provider's name in errors.
	Name string
	// KeyMark tells the key from others of the provider, and gives nothing of it away.
	KeyMark string
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
	// FirstContent is the longest that one call may take until its first content is
	// there: the first that was generated of a stream, which what merely opens one or
	// keeps it alive is not, or the whole of another answer, or its first MiB. 0 = no
	// limit.
	FirstContent time.Duration
	HTTP         HTTPLimits
	// HTTP2 asks for HTTP/2, over TLS; an upstream that does not speak it is spoken
	// to as without.
	HTTP2 bool

	roots *x509.CertPool // nil is the system's
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
	name     string
	self     fairlead.Maker
	language Language
	base     string
	key      secret
	timeout  time.Duration
	first    time.Duration
	limits   HTTPLimits
	client   client
	buffers  sse.Buffers
	// gathering has buffers for whole answers, of *bytes.Buffer.
	gathering sync.Pool
	// connect opens connections.
	connect func(ctx context.Context, network, address string) (net.Conn, error)
	// whole and streamed are the header lines of requests for an answer at once
	// and for a stream, where the client adds none of its own.
	whole, streamed http1.Lines
}

// New makes a Provider; it opens no connection. It fails when the base URL or
// the key cannot be used: the URL must be http or https with a host, without
// user, query or fragment, and its host must not be an address that is never
// dialled (see package reach). HTTP/2 needs https.
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
		self:     fairlead.Maker{Provider: cfg.Name, Key: cfg.KeyMark},
		language: cfg.Language,
		base:     strings.TrimRight(base.EscapedPath(), "/"),
		key:      secret(cfg.APIKey),
		timeout:  cfg.Timeout,
		first:    cfg.FirstContent,
		limits:   cfg.HTTP,
	}
	network := &net.Dialer{ControlContext: allowed.Control}
	p.connect = network.DialContext
	p.client, err = newClient(base.Scheme+"://"+base.Host, cfg.HTTP2, http1.Settings{
		MaxConnections: max(cfg.HTTP.MaxConnections, 0), MaxKeepalive: cfg.HTTP.MaxKeepalive,
		KeepaliveExpiry: cfg.HTTP.KeepaliveExpiry, ConnectTimeout: cfg.HTTP.ConnectTimeout,
		ReadTimeout: cfg.HTTP.ReadTimeout, WriteTimeout: cfg.HTTP.WriteTimeout, PoolTimeout: cfg.HTTP.PoolTimeout,
		MaxWaiting: mostWaiting, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return p.connect(ctx, network, address)
		},
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.roots},
	})
	if err != nil {
		return nil, fmt.Errorf("provider %s: base URL: %w", cfg.Name, err)
	}
	if p.whole, err = p.lines(mediaJSON, nil); err == nil {
		p.streamed, err = p.lines(eventStream, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", cfg.Name, err)
	}
	return p, nil
}

// lines are the header lines of a request that accepts such an answer. What the
// client says beside its body goes before what the language says, and behind what
// is the service's own.
func (p *Provider) lines(accept string, given map[string][]string) (http1.Lines, error) {
	said := make(map[string][]string)
	for name, value := range p.language.Header {
		said[http.CanonicalHeaderKey(name)] = []string{value}
	}
	for name, values := range given {
		said[http.CanonicalHeaderKey(name)] = values
	}
	said["Accept"], said["Accept-Encoding"], said["User-Agent"] = []string{accept}, []string{"identity"}, []string{"fairlead"}
	said["Content-Type"] = []string{mediaJSON}
	if p.key != "" {
		said[http.CanonicalHeaderKey(p.language.KeyHeader)] = []string{p.language.KeyPrefix + string(p.key)}
	}
	var lines http1.Lines
	var err error
	for _, name := range slices.Sorted(maps.Keys(said)) {
		for _, value := range said[name] {
			if lines, err = lines.With(name, value); err != nil {
				return http1.Lines{}, err
			}
		}
	}
	return lines, nil
}

// Close closes the idle connections. Calls that are under way go on, and close
// theirs when they end.
func (p *Provider) Close() { p.client.Close() }

// Connections are the figures of the connections to the upstream.
func (p *Provider) Connections() Connections { return p.client.Stats() }

// Answer sends req to the upstream and emits what it answers. The operations and
// dialects of its Language are understood, anything else is of Kind Unsupported.
// req.Envelope.Model is the name that the upstream is asked for.
//
// A stream's Head is emitted with its first frame, with the first that has content
// while that is waited for, and a whole answer of up to
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
	out, err := way.outgoing(req, p.self)
	if err != nil {
		return err
	}
	return p.fly(ctx, p.first, func(ctx context.Context, c *clock) error {
		asked := outgoing{method: http.MethodPost, path: way.Path, streamed: streamed, body: out.Body, aside: req.Aside}
		resp, err := p.send(ctx, asked)
		if err != nil {
			return err
		}
		defer resp.Close()
		a := &answer{resp: resp, key: p.key, language: &p.language, way: way, emit: emit, clock: c, buffers: &p.buffers, gathering: &p.gathering}
		if out.Kept {
			a.head.Keeper = p.self
		}
		if streamed {
			return a.stream(way.Watch(out))
		}
		return a.whole()
	})
}

// fly runs do within the total time of one call, and within that of the first
// content where there is one, and names the error that it returns.
func (p *Provider) fly(ctx context.Context, first time.Duration, do func(ctx context.Context, c *clock) error) error {
	flying, c := ctx, (*clock)(nil)
	if end, bounded := ctx.Deadline(); first > 0 || p.timeout > 0 && (!bounded || time.Until(end) > p.timeout) {
		cancelable, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		flying, c = cancelable, newClock(cancel, p.timeout, first)
		defer c.stop()
	}
	if err := do(flying, c); err != nil {
		return p.failure(ctx, context.Cause(flying), err)
	}
	return nil
}

// outgoing is a request to the upstream.
type outgoing struct {
	method, path string
	streamed     bool
	body         []byte
	aside        fairlead.Aside
}

// request makes the request.
func (p *Provider) request(out outgoing) (*http1.Request, error) {
	r := &http1.Request{Method: out.method, Target: p.base + out.path, Header: p.whole, Body: out.body}
	if out.aside.Query != "" {
		r.Target += "?" + out.aside.Query
	}
	accept := mediaJSON
	if out.streamed {
		r.Header, accept = p.streamed, eventStream
	}
	if len(out.aside.Header) == 0 {
		return r, nil
	}
	var err error
	r.Header, err = p.lines(accept, out.aside.Header)
	return r, err
}

// send sends the request and waits for the head of a 200 in plain bytes; any
// other answer is an error. The caller closes the response.
func (p *Provider) send(ctx context.Context, out outgoing) (received, error) {
	r, err := p.request(out)
	if err != nil {
		return received{}, err
	}
	resp, err := p.client.do(ctx, r)
	if malformed, ok := errors.AsType[*http1.MalformedError](err); ok && malformed.Reason == message.Switched {
		return received{}, p.refused(http.StatusSwitchingProtocols)
	}
	if err != nil {
		return received{}, err
	}
	if resp.Status != http.StatusOK {
		defer resp.Close()
		return received{}, p.refusal(resp)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		_ = resp.Close()
		return received{}, invalidAnswer(errors.New("the answer is compressed though that was not accepted"))
	}
	return resp, nil
}
