package local

import (
	"context"
	"errors"
	"net/http"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// Name is the provider's name, ModelName that of its only model.
const (
	Name      = "local"
	ModelName = "offline"
)

// The codes of requests that are refused.
const (
	codeUnsupportedOperation = "operation_unsupported"
	codeUnsupportedOption    = "option_unsupported"
	codeInvalidValue         = "invalid_value"
	codeInvalidJSON          = "invalid_json"
)

// Provider is the offline provider, a fairlead.Model for Chat and Embed. It
// has no state and may be used by any number of goroutines.
type Provider struct{}

// New returns the offline provider.
func New() *Provider { return &Provider{} }

// Models returns the names of the models it serves.
func (*Provider) Models(context.Context) ([]string, error) { return []string{ModelName}, nil }

// Answer answers the request in OpenAI's shape. It does not wait for anything but
// emit. What it cannot do honestly is refused with Kind Unsupported: other
// operations, a tool_choice that demands a call, a response_format other than
// text, several choices, token ids as input. Options that would only steer a
// language model have no effect.
func (p *Provider) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	switch call.Operation {
	case fairlead.Chat:
		return answerChat(ctx, call.ID, req, output(emit))
	case fairlead.Embed:
		return answerEmbeddings(ctx, req, output(emit))
	case fairlead.CountTokens, fairlead.Upload, fairlead.Analyze, fairlead.Search, fairlead.Insights, fairlead.Rerank:
	}
	return &fairlead.Error{
		Kind: fairlead.Unsupported, Code: codeUnsupportedOperation,
		Message: "The offline provider does not have this operation",
	}
}

// output is where an answer goes. It stops as soon as the caller has left or
// the time is over.
type output fairlead.Emit

// head begins the answer.
func (o output) head(ctx context.Context, contentType string, stream bool) error {
	return o.event(ctx, fairlead.Event{Head: &fairlead.Head{ContentType: contentType, Stream: stream, Status: http.StatusOK}})
}

// data continues it.
func (o output) data(ctx context.Context, b []byte) error {
	return o.event(ctx, fairlead.Event{Data: b})
}

// end completes it.
func (o output) end(ctx context.Context, end fairlead.End) error {
	return o.event(ctx, fairlead.Event{End: &end})
}

func (o output) event(ctx context.Context, e fairlead.Event) error {
	if err := ended(ctx); err != nil {
		return err
	}
	if err := o(e); err != nil {
		if named, ok := errors.AsType[*fairlead.Error](err); ok {
			return named
		}
		return fairlead.NewCanceled(err)
	}
	return nil
}

// ended says why the answer must stop, if it must.
func ended(ctx context.Context) error {
	err := ctx.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fairlead.NewLate(err)
	}
	return fairlead.NewCanceled(err)
}

func unsupported(param, message string) error {
	return &fairlead.Error{Kind: fairlead.Unsupported, Code: codeUnsupportedOption, Param: param, Message: message}
}

func invalid(param, message string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: codeInvalidValue, Param: param, Message: message}
}

// readBody calls member for each member of the request's body with the bytes
// of its value.
func readBody(body []byte, member func(name string, raw []byte) error) error {
	_, err := jsonscan.Object(body, func(name []byte, at jsonscan.Span) error {
		return member(string(name), body[at.Start:at.End])
	})
	return notJSON(err)
}

// notJSON turns an error of the scanner into one for the caller.
func notJSON(err error) error {
	if broken, ok := errors.AsType[*jsonscan.Error](err); ok {
		return &fairlead.Error{
			Kind: fairlead.Invalid, Code: codeInvalidJSON, Message: "The body is not a valid JSON object", Detail: broken.Reason,
		}
	}
	return err
}
