package bridge

import (
	"context"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/translate"
	"github.com/fairleadhq/fairlead/internal/translate/reply"
)

const (
	// DroppedHeader names the fields of the request that the translation lost.
	DroppedHeader = "X-Fairlead-Dropped-Fields"
	// maxWhole is the longest whole answer that is gathered to be translated.
	maxWhole = 8 << 20
	// maxKept is the longest translated body that is kept while its call waits: to
	// translate a longer one twice is cheaper than to hold it.
	maxKept = 16 << 10
)

// Options is what a Bridge has to know of the model's provider.
type Options struct {
	// MaxTokensName is what a chat provider calls the limit of an answer; "" means
	// max_completion_tokens.
	MaxTokensName string
}

// Bridge is a fairlead.Model for clients of every dialect. It keeps no state of
// a call and may be used by any number of goroutines.
type Bridge struct {
	model   fairlead.Model
	speaks  fairlead.Dialect
	options Options
}

// New returns the bridge to a model that speaks OpenAIChat or AnthropicMessages.
func New(model fairlead.Model, speaks fairlead.Dialect, options Options) *Bridge {
	return &Bridge{model: model, speaks: speaks, options: options}
}

// Answer implements fairlead.Model. A prompt whose tokens can't be counted by the
// model's provider is estimated here.
//
// Errors are those of the model, and: Invalid for what can't be translated (see
// translate.Request), Upstream for an answer that makes no sense in the client's
// dialect (see package reply), or that is longer than 8 MiB and not a stream, and
// those of the call's Memory, in which such an answer is gathered and a long request
// translated.
func (b *Bridge) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	switch {
	case !differ(req.Dialect, b.speaks):
		return b.model.Answer(ctx, call, req, emit)
	case call.Operation == fairlead.CountTokens:
		return answerEstimate(req.Body, emit)
	}
	return b.translated(ctx, call, req, emit)
}

// differ reports whether a request in one dialect has to be translated into
// the other.
func differ(from, to fairlead.Dialect) bool {
	return from == fairlead.OpenAIChat && to == fairlead.AnthropicMessages ||
		from == fairlead.AnthropicMessages && to == fairlead.OpenAIChat
}

// Prepare implements fairlead.Preparer: it fails for what can't be translated.
func (b *Bridge) Prepare(call *fairlead.Call, req *fairlead.Request) error {
	if !differ(req.Dialect, b.speaks) || call.Operation == fairlead.CountTokens {
		return nil
	}
	size, err := reserve(call, req)
	if err != nil {
		return err
	}
	defer giveBack(call, size)
	t, err := b.translate(req)
	if err == nil && len(t.request.Body) <= maxKept {
		req.Prepared = t
	}
	return err
}

// reserve takes memory for a translation of the request, which is about as long as that
// is; size is how much. A short one is not worth it.
func reserve(call *fairlead.Call, req *fairlead.Request) (size int64, err error) {
	if size = int64(len(req.Body) + len(req.Past.Items)); size <= maxKept || call.Memory == nil {
		return 0, nil
	}
	return size, call.Memory.Reserve(size)
}

func giveBack(call *fairlead.Call, size int64) {
	if size > 0 {
		call.Memory.Return(size)
	}
}

// translation is a request in the model's dialect, and what it lost.
type translation struct {
	request fairlead.Request
	dropped []string
}

func (b *Bridge) translate(req *fairlead.Request) (*translation, error) {
	body, dropped, err := translate.Request(req.Dialect, b.speaks, req.Body, translate.Options{
		Model: req.Envelope.Model, MaxTokensName: b.options.MaxTokensName, Thinking: thinkingOf(req.Envelope.Model),
	})
	if err != nil {
		return nil, err
	}
	scan := envelope.Chat
	if b.speaks == fairlead.AnthropicMessages {
		scan = envelope.Messages
	}
	envelope, err := scan(body)
	if err != nil {
		return nil, err
	}
	return &translation{fairlead.Request{Dialect: b.speaks, Body: body, Envelope: envelope}, dropped}, nil
}

// translated has the model answer a translation of the request.
func (b *Bridge) translated(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	t, ok := req.Prepared.(*translation)
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
	options := reply.Options{Created: call.Arrived.Unix(), IncludeUsage: req.Envelope.IncludeUsage}
	return relayed(ctx, call, b.model, &t.request, &relay{
		dropped: t.dropped, emit: emit, memory: call.Memory,
		translate: func(body []byte) ([]byte, error) { return reply.Answer(b.speaks, req.Dialect, body, options) },
		open:      func() (stream, error) { return reply.NewStream(b.speaks, req.Dialect, options) },
	})
}
