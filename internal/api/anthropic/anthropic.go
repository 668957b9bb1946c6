// Package anthropic is the face that speaks Anthropic's API: messages, and the
// counting of a prompt's tokens. Bodies go through as they came, and so does what
// a client says beside them in the query and in the anthropic-* headers, where the
// provider speaks this API too. Errors are Anthropic's error body.
//
// Start with Face.Routes.
package anthropic

import (
	"context"
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
)

// Name is what Records call this face.
const Name = "anthropic"

// Face is the Anthropic face.
type Face struct{ gateway *gateway.Gateway }

// New returns the face.
func New(g *gateway.Gateway) *Face { return &Face{gateway: g} }

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/v1/messages/" }

// RequestIDHeader implements api.Labelled.
func (f *Face) RequestIDHeader() string { return "Request-Id" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	return refusal.Anthropic(e, requestID)
}

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	return []api.Route{
		{Method: http.MethodPost, Path: "/v1/messages", Policy: api.AppKey, Handle: f.messages},
		{Method: http.MethodPost, Path: "/v1/messages/count_tokens", Policy: api.AppKey, Handle: f.countTokens},
	}
}

// operation is one of the gateway's methods.
type operation func(context.Context, *fairlead.Call, gateway.Read, fairlead.Emit) error

// scan reads the envelope of a body.
type scan func(body []byte) (fairlead.Envelope, error)

func (f *Face) messages(x *api.Exchange) error {
	return f.answer(x, envelope.Messages, f.gateway.Chat)
}

func (f *Face) countTokens(x *api.Exchange) error {
	return f.answer(x, envelope.CountTokens, f.gateway.CountTokens)
}

func (f *Face) answer(x *api.Exchange, scan scan, run operation) error {
	call := x.Call()
	read := func(ctx context.Context) (*fairlead.Request, error) {
		body, err := x.ReadJSON(ctx)
		if err != nil {
			return nil, err
		}
		envelope, err := scan(body)
		if err != nil {
			return nil, err
		}
		if envelope.Stream {
			if err := x.Streams(call, dialect.AnthropicPing, dialect.AnthropicPing); err != nil {
				return nil, err
			}
		}
		return &fairlead.Request{Dialect: fairlead.AnthropicMessages, Body: body, Envelope: envelope, Aside: aside(x.R)}, nil
	}
	shape := api.Shape{ErrorFrame: refusal.AnthropicFrame}
	return x.Answer(call, shape, func(emit fairlead.Emit) error {
		return run(x.Context(), call, read, emit)
	})
}

// aside is what goes along with the body: the query and the headers that are
// Anthropic's own, none of which carries a key.
func aside(r *http.Request) fairlead.Aside {
	a := fairlead.Aside{Query: r.URL.RawQuery}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "Anthropic-") {
			if a.Header == nil {
				a.Header = make(map[string][]string)
			}
			a.Header[name] = values
		}
	}
	return a
}
