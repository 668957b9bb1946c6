// Package client calls a Fairlead service over its native API.
//
// Fairlead shares a few slots among many applications, so a call may have to
// wait, and a refusal is a normal answer: it says for how long to stay away.
// The client does what a good caller does. It keeps connections open and
// reuses them, tries again only while nothing of the answer has come, waits
// exactly as long as the service asks (and otherwise backs off exponentially
// with full jitter), and never takes an answer that broke off for a whole one.
//
// Make one Client for an application and share it: it is safe for concurrent
// use. The time that a call may take, waits included, is the context's. The
// service is told it, and refuses at once what it could not do in that time:
//
//	c := client.New("http://127.0.0.1:8080", key)
//	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
//	defer cancel()
//	answer, err := c.Chat(ctx, client.ChatRequest{Messages: []client.Message{client.User("Good morning")}})
package client

import (
	"net"
	"net/http"
	"strings"
	"time"
)

// What a Client does if no option says otherwise.
const (
	// DefaultMaxConnections is the number of connections, and so of calls at
	// the same time over HTTP/1.1; further ones wait for a connection.
	DefaultMaxConnections = 20
	// DefaultMaxAttempts is how often a call is tried.
	DefaultMaxAttempts = 4
	// DefaultFirstBackoff and DefaultMaxBackoff bound the back-off where the
	// service named no wait: a random time up to the first bound, which
	// doubles with each attempt, up to the second.
	DefaultFirstBackoff = 500 * time.Millisecond
	DefaultMaxBackoff   = 30 * time.Second
)

// Limits of the connection that no option changes. The silence before an
// answer holds the time in the service's queue.
const (
	dialTimeout         = 10 * time.Second
	dialKeepAlive       = 30 * time.Second
	idleConnTimeout     = 90 * time.Second
	answerHeaderTimeout = 10 * time.Minute
)

// Class is how urgent a call is. It can lower the class that the app has, and
// not raise it; "" leaves it as it is.
type Class string

// The classes.
const (
	// Interactive: a person waits.
	Interactive Class = "interactive"
	// Batch: it may take its time, and leaves the slots to others while they are
	// scarce.
	Batch Class = "batch"
)

// Client calls one service with one key.
type Client struct {
	base    string
	key     string
	class   Class
	http    *http.Client
	backoff backoff
}

// Option changes a Client while New makes it.
type Option func(*settings)

type settings struct {
	maxConnections int
	transport      http.RoundTripper
	class          Class
	backoff        backoff
}

// WithMaxConnections sets the most connections to the service; 0 means no
// limit.
func WithMaxConnections(n int) Option {
	return func(s *settings) { s.maxConnections = n }
}

// WithTransport sends requests through t, which then bounds the connections
// itself.
func WithTransport(t http.RoundTripper) Option {
	return func(s *settings) { s.transport = t }
}

// WithClass sets the class of the calls that don't name one.
func WithClass(class Class) Option {
	return func(s *settings) { s.class = class }
}

// WithMaxAttempts sets how often a call is tried; 1 means that nothing is
// tried again.
func WithMaxAttempts(n int) Option {
	return func(s *settings) { s.backoff.attempts = max(n, 1) }
}

// WithBackoff sets the bounds of the waits that the service did not name.
func WithBackoff(first, most time.Duration) Option {
	return func(s *settings) { s.backoff.first, s.backoff.most = first, most }
}

// New makes a client of the service at baseURL, such as http://127.0.0.1:8080,
// with the app's key. It opens no connection; a baseURL that is not one is
// the error of every call.
func New(baseURL, key string, options ...Option) *Client {
	s := settings{
		maxConnections: DefaultMaxConnections,
		backoff: backoff{
			attempts: DefaultMaxAttempts,
			first:    DefaultFirstBackoff,
			most:     DefaultMaxBackoff,
			jitter:   fullJitter,
		},
	}
	for _, option := range options {
		option(&s)
	}
	if s.transport == nil {
		s.transport = pooled(s.maxConnections)
	}
	return &Client{
		base:  strings.TrimRight(baseURL, "/"),
		key:   key,
		class: s.class,
		http: &http.Client{
			Transport: s.transport,
			// The key goes to the service alone: a redirect is an answer like another.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		backoff: s.backoff,
	}
}

// CloseIdleConnections closes the connections that no call is using.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// pooled keeps every connection that it may open, so that a busy application
// does not open and close connections all the time.
func pooled(maxConnections int) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: dialKeepAlive}
	kept := maxConnections
	if kept <= 0 {
		kept = DefaultMaxConnections
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ForceAttemptHTTP2:     true,
		MaxConnsPerHost:       max(maxConnections, 0),
		MaxIdleConnsPerHost:   kept,
		IdleConnTimeout:       idleConnTimeout,
		ResponseHeaderTimeout: answerHeaderTimeout,
	}
}
