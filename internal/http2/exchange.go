package http2

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/http1/message"
)

const (
	// maxPiece is the most bytes of a request that are handed on at once, so
	// that a long body that moves is not taken for a stuck one.
	maxPiece = 64 << 10
	// maxInterim is the most informational answers before the answer.
	maxInterim = 8
)

// flight is a request on its way, as the transport tells of it.
type flight struct {
	clock       *clock
	read, write time.Duration // the limits
	upload      *upload       // nil without a body

	mu       sync.Mutex
	sent     bool // bytes of it may have reached the server
	answered bool // bytes of an answer came
	written  bool // it is sent to its end, or its answer is here
	interim  int
}

// trace is the transport's view of f.
func (f *flight) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		WroteHeaders:         func() { f.note(&f.sent) },
		GotFirstResponseByte: func() { f.note(&f.answered) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				f.wrote()
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error { return f.informed() },
	}
}

func (f *flight) note(what *bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*what = true
}

// moves begins a new piece of the request.
func (f *flight) moves() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.written {
		f.clock.start(f.write, time.Time{}, http1.ErrWriteTimeout)
	}
}

// wrote begins the wait for the answer.
func (f *flight) wrote() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.written {
		f.written = true
		f.clock.start(f.read, time.Time{}, http1.ErrSilence)
	}
}

// informed takes note of an informational answer, which ends a silence.
func (f *flight) informed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interim++; f.interim > maxInterim {
		return &http1.MalformedError{Reason: message.ManyInterim}
	}
	if f.written {
		f.clock.start(f.read, time.Time{}, http1.ErrSilence)
	}
	return nil
}

// landed says that the head is here, or never will be.
func (f *flight) landed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = true
	f.clock.pause()
}

// exchange sends r on a connection and waits for the head. If it fails, the
// caller still holds the connection.
func (c *Client) exchange(ctx context.Context, held *link, r *http1.Request) (*Response, *http1.Error) {
	flying, cut := context.WithCancelCause(ctx)
	f := &flight{clock: &clock{cut: func(why error) { cut(&cutError{why}) }}, read: c.readTimeout, write: c.writeTimeout}
	req, err := c.request(httptrace.WithClientTrace(flying, f.trace()), r, f)
	if err != nil {
		cut(nil)
		return nil, &http1.Error{Err: err}
	}
	resp := &Response{
		client: c, held: held, flight: f, cut: cut, patience: c.readTimeout,
		ended: func() error { return whyCut(ctx, flying) },
	}
	f.moves()
	answer, err := held.conn.RoundTrip(req) //nolint:bodyclose // Response.release does
	f.landed()
	if err != nil {
		failed := resp.failure(err, http1.InHead)
		resp.release(failed)
		return nil, failed
	}
	held.kept.Store(true)
	resp.Status, resp.Header, resp.Length, resp.body = answer.StatusCode, Header(answer.Header), answer.ContentLength, answer.Body
	if answer.Body == http.NoBody || answer.ContentLength == 0 {
		resp.settle()
	}
	return resp, nil
}

// request is r as the transport takes it.
func (c *Client) request(ctx context.Context, r *http1.Request, f *flight) (*http.Request, error) {
	at, err := url.ParseRequestURI(r.Target)
	if err != nil {
		return nil, http1.ErrRequest // err would quote it
	}
	at.Scheme, at.Host = "https", c.host
	req := &http.Request{Method: r.Method, URL: at, Host: c.host, Header: make(http.Header), Body: http.NoBody}
	for _, lines := range [...]http1.Lines{r.Header, r.More} {
		for name, value := range lines.All() {
			req.Header[name] = append(req.Header[name], value)
		}
	}
	if len(r.Body) > 0 {
		f.upload = &upload{left: r.Body, flight: f}
		req.Body, req.ContentLength = f.upload, int64(len(r.Body))
	}
	return req.WithContext(ctx), nil
}

// upload is the body of a request as the transport reads it, which it may do for
// longer than the request lasts.
type upload struct {
	flight *flight

	mu   sync.Mutex
	left []byte
	over bool
}

// Read hands on the next piece: the ones before were taken.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.over:
		return 0, http1.ErrClosed
	case len(u.left) == 0:
		return 0, io.EOF
	}
	u.flight.moves()
	n := copy(p[:min(len(p), maxPiece)], u.left)
	u.left = u.left[n:]
	return n, nil
}

// Close does nothing.
func (u *upload) Close() error { return nil }

// end sees to it that the body is not read any more: it is its owner's again.
func (u *upload) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.left, u.over = nil, true
}
