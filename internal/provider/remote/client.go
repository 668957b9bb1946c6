package remote

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/http2"
)

// Connections are the figures of the connections to an upstream.
type Connections = http1.Stats

// client speaks to the upstream, in one version of HTTP or the other. Its errors
// are those of http1.Client.
type client interface {
	do(ctx context.Context, r *http1.Request) (received, error)
	Close()
	Stats() Connections
}

// received is an answer whose head has come.
type received struct {
	body
	Status int
	Header header
	// Length is the declared length of the body, -1 if only its end will tell.
	Length int64
}

// body is what is still to come of an answer; its methods are those of an
// http1.Response.
type body interface {
	io.ReadCloser
	Hurry(d time.Duration)
	Finish(maxBytes int, maxTime time.Duration) error
}

// newClient makes a client for an origin.
func newClient(origin string, fast bool, s http1.Settings) (client, error) { //nolint:ireturn,revive // which one is a matter of the configuration
	plain, err := http1.New(origin, s)
	if err != nil || !fast {
		return &plainClient{plain}, err
	}
	c := &fastClient{plain: plainClient{plain}}
	c.fast, err = http2.New(origin, s)
	return c, err
}

// plainClient speaks HTTP/1.1.
type plainClient struct{ *http1.Client }

func (c *plainClient) do(ctx context.Context, r *http1.Request) (received, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return received{}, err
	}
	return received{body: resp, Status: resp.Status, Header: &resp.Header, Length: resp.Length}, nil
}

// fastClient speaks HTTP/2 to an upstream that does, and HTTP/1.1 to another.
type fastClient struct {
	fast  *http2.Client
	plain plainClient
}

func (c *fastClient) do(ctx context.Context, r *http1.Request) (received, error) {
	resp, err := c.fast.Do(ctx, r)
	switch {
	case err == nil:
		return received{body: resp, Status: resp.Status, Header: resp.Header, Length: resp.Length}, nil
	case errors.Is(err, http2.ErrNotSpoken):
		return c.plain.do(ctx, r)
	}
	return received{}, err
}

// Close closes the idle connections.
func (c *fastClient) Close() {
	c.fast.Close()
	c.plain.Close()
}

// Stats returns the figures of both.
func (c *fastClient) Stats() Connections { return c.fast.Stats().Plus(c.plain.Stats()) }
