package bridge

import (
	"context"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/translate"
	"github.com/fairleadhq/fairlead/internal/translate/responses"
)

// Responses puts a model that takes chat completions at the service of clients of
// OpenAI's Responses API. The model may be a Bridge itself. Requests of any other
// dialect pass untouched. It keeps no state of a call and may be used by any number
// of goroutines.
type Responses struct {
	model   fairlead.Model
	options Options
}

// NewResponses returns the bridge to a model that takes OpenAIChat.
func NewResponses(model fairlead.Model, options Options) *Responses {
	return &Responses{model: model, options: options}
}

// Answer implements fairlead.Model. The response has the request's AnswerID, or one
// made from the call's own id. Streams tell their usage, asked or not.
//
// Errors are those of the model, and: Invalid for what can't be translated (see
// translate.Responses), Upstream for an answer that is none (see package
// responses), or that is longer than 8 MiB, and those of the call's Memory, in which
// an answer is held until its end, and a long request translated.
func (b *Responses) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	if req.Dialect != fairlead.OpenAIResponses {
		return b.model.Answer(ctx, call, req, emit)
	}
	if call.Operation != fairlead.Chat {
		return unsupported()
	}
	t, ok := req.Prepared.(*asked)
	if !ok {
		size, err := reserve(call, req)
		if err != nil {
			return err
		}
		defer giveBack(call, size)
		if t, err = b.translate(req); err != nil {
			return err
		}
	}
	options := responses.Options{
		ID: req.AnswerID, Created: call.Arrived.Unix(), Asked: t.whole.Whole, Tools: t.whole.Tools, MaxHeld: maxWhole,
	}
	if options.ID == "" {
		options.ID = "resp_" + strings.TrimPrefix(call.ID, "req_")
	}
	return relayed(ctx, call, b.model, &t.request, &relay{
		dropped: t.whole.Dropped, emit: emit, memory: call.Memory, name: nameOf,
		translate: func(body []byte) ([]byte, error) { return responses.Answer(body, options) },
		open:      func() (stream, error) { return responses.NewStream(options), nil },
	})
}

// Prepare implements fairlead.Preparer: it fails for what can't be translated, here
// or by the model's own bridge.
func (b *Responses) Prepare(call *fairlead.Call, req *fairlead.Request) error {
	inner, _ := b.model.(fairlead.Preparer)
	if req.Dialect != fairlead.OpenAIResponses {
		if inner == nil {
			return nil
		}
		return inner.Prepare(call, req)
	}
	if call.Operation != fairlead.Chat {
		return nil
	}
	size, err := reserve(call, req)
	if err != nil {
		return err
	}
	defer giveBack(call, size)
	t, err := b.translate(req)
	if err == nil && inner != nil {
		err = inner.Prepare(call, &t.request)
	}
	if err == nil && len(t.request.Body) <= maxKept {
		req.Prepared = t
	}
	return err
}

// asked is a request as the model takes it, and what it was.
type asked struct {
	request fairlead.Request
	whole   *translate.Asked
}

func (b *Responses) translate(req *fairlead.Request) (*asked, error) {
	whole, err := translate.Responses(req, translate.Options{Model: req.Envelope.Model, MaxTokensName: b.options.MaxTokensName})
	if err != nil {
		return nil, err
	}
	env, err := envelope.Chat(whole.Body)
	if err != nil {
		return nil, err
	}
	return &asked{fairlead.Request{Dialect: fairlead.OpenAIChat, Body: whole.Body, Envelope: env}, whole}, nil
}

func unsupported() error {
	return &fairlead.Error{
		Kind: fairlead.Unsupported, Code: "operation_unsupported", Message: "Responses can be asked for in a chat alone",
	}
}

// nameOf is what the Responses API calls a field of chat completions.
func nameOf(field string) string {
	switch field {
	case "verbosity":
		return "text.verbosity"
	case "reasoning_effort":
		return "reasoning.effort"
	case "max_completion_tokens", "max_tokens":
		return "max_output_tokens"
	}
	for _, c := range [...]struct{ chat, ours string }{
		{"messages[]", "input[]"},
		{"response_format.json_schema", "text.format"},
		{"response_format", "text.format"},
		{"tools[].function", "tools[]"},
	} {
		if rest, ok := strings.CutPrefix(field, c.chat); ok {
			return c.ours + rest
		}
	}
	return field
}
