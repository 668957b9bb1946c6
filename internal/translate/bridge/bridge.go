package bridge

import (
	"context"
	"maps"
	"strings"

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
// those of the call's Memory, in which such an answer is gathered.
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
	t, err := b.translate(req)
	if err == nil && len(t.request.Body) <= maxKept {
		req.Prepared = t
	}
	return err
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
		var err error
		if t, err = b.translate(req); err != nil {
			return err
		}
	}
	r := &relay{
		from: b.speaks, to: req.Dialect, dropped: t.dropped, emit: emit, memory: call.Memory,
		options: reply.Options{Created: call.Arrived.Unix(), IncludeUsage: req.Envelope.IncludeUsage},
	}
	defer r.forget()
	err := b.model.Answer(ctx, call, &t.request, r.take)
	if r.err != nil {
		return r.err
	}
	return err
}

// relay translates one answer.
type relay struct {
	from, to fairlead.Dialect
	dropped  []string
	options  reply.Options
	emit     fairlead.Emit

	head   *fairlead.Head
	headed bool
	stream *reply.Stream
	memory fairlead.Memory // nil = without a bound
	whole  []byte
	// err is what was wrong with the model's answer, or that there is no room for it,
	// not what the caller did.
	err error
}

// take takes an event of the model's.
func (r *relay) take(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		return r.begin(*e.Head)
	case e.End != nil:
		return r.end(*e.End)
	case r.stream != nil:
		out, bad := r.stream.Block(e.Data)
		if err := r.pass(out); err != nil {
			return err
		}
		return r.fail(bad)
	}
	if len(r.whole)+len(e.Data) > maxWhole {
		return r.fail(&fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_answer_too_large", Message: "The provider's answer is too large to be translated",
		})
	}
	if r.memory != nil {
		if r.err = r.memory.Reserve(int64(len(e.Data))); r.err != nil {
			return r.err
		}
	}
	r.whole = append(r.whole, e.Data...)
	return nil
}

// forget gives the room of what was gathered back.
func (r *relay) forget() {
	if r.memory != nil && len(r.whole) > 0 {
		r.memory.Return(int64(len(r.whole)))
	}
}

// begin keeps the head, which goes out with the first data.
func (r *relay) begin(head fairlead.Head) error {
	head.Header = maps.Clone(head.Header)
	if len(r.dropped) > 0 {
		if head.Header == nil {
			head.Header = make(map[string]string, 1)
		}
		head.Header[DroppedHeader] = strings.Join(r.dropped, ", ")
	}
	r.head = &head
	if !head.Stream {
		return nil
	}
	var err error
	r.stream, err = reply.NewStream(r.from, r.to, r.options)
	return r.fail(err)
}

// end ends the answer, which its model says is whole.
func (r *relay) end(end fairlead.End) error {
	var last []byte
	var err error
	if r.stream != nil {
		last, err = r.stream.End()
	} else {
		last, err = reply.Answer(r.from, r.to, r.whole, r.options)
	}
	if err != nil {
		return r.fail(err)
	}
	if err := r.pass(last); err != nil {
		return err
	}
	return r.emit(fairlead.Event{End: &end})
}

// pass emits data, after the head if it is the first.
func (r *relay) pass(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if !r.headed {
		r.headed = true
		if err := r.emit(fairlead.Event{Head: r.head}); err != nil {
			return err
		}
	}
	return r.emit(fairlead.Event{Data: data})
}

// fail keeps what was wrong with the model's answer, if anything was, with the
// status that it had.
func (r *relay) fail(err error) error {
	if err == nil {
		return nil
	}
	named := *fairlead.AsError(err)
	if named.Status == 0 && r.head != nil {
		named.Status = r.head.Status
	}
	r.err = &named
	return r.err
}
