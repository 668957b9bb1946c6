package mock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

// anthropic spells failures as Anthropic does.
type anthropic struct{}

func (anthropic) errorBody(status int, message string) object {
	kind := "invalid_request_error"
	switch {
	case status == http.StatusUnauthorized:
		kind = "authentication_error"
	case status == http.StatusForbidden:
		kind = "permission_error"
	case status == http.StatusNotFound:
		kind = "not_found_error"
	case status == http.StatusRequestEntityTooLarge:
		kind = "request_too_large"
	case status == http.StatusTooManyRequests:
		kind = "rate_limit_error"
	case status == http.StatusServiceUnavailable, status == 529:
		kind = "overloaded_error"
	case status >= http.StatusInternalServerError:
		kind = "api_error"
	}
	return object{"type": "error", "error": object{"type": kind, "message": message}}
}

func (a anthropic) errorFrame(message string) []byte {
	return eventFrame("error", a.errorBody(http.StatusServiceUnavailable, message))
}

func (anthropic) brokenFrame() []byte {
	return []byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_de\n\n")
}

func eventFrame(name string, value any) []byte {
	return fmt.Appendf(nil, "event: %s\ndata: %s\n", name, encode(value))
}

type messagesWire struct {
	Model     string          `json:"model"`
	System    json.RawMessage `json:"system"`
	Messages  []message       `json:"messages"`
	Stream    bool            `json:"stream"`
	MaxTokens int             `json:"max_tokens"`
	Tools     []struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"input_schema"`
	} `json:"tools"`
	ToolChoice struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tool_choice"`
}

// readMessages reads the body of a message.
func readMessages(header http.Header, body []byte) (ask, error) {
	a, wire, err := readAnthropic(header, body)
	if err == nil && wire.MaxTokens < 1 {
		err = errors.New("max_tokens: field required")
	}
	return a, err
}

// readCountTokens reads the body of a question for the size of a message.
func readCountTokens(header http.Header, body []byte) (ask, error) {
	a, wire, err := readAnthropic(header, body)
	if err == nil && wire.Stream {
		err = errors.New("stream: extra inputs are not permitted")
	}
	return a, err
}

func readAnthropic(header http.Header, body []byte) (ask, messagesWire, error) {
	var wire messagesWire
	if err := plainjson.Decode(header, body, &wire); err != nil {
		return ask{}, wire, err
	}
	a := ask{model: wire.Model, stream: wire.Stream, maxTokens: wire.MaxTokens}
	if a.model == "" {
		return a, wire, errors.New("model: field required")
	}
	if header.Get("Anthropic-Version") == "" {
		return a, wire, errors.New("anthropic-version: header is required")
	}
	system, err := parts(wire.System)
	if err != nil {
		return a, wire, errors.New("system is neither a string nor a list of parts")
	}
	a.size = len(joined(system))
	_, last, err := a.readConversation(wire.Messages)
	if err != nil {
		return a, wire, err
	}
	for _, p := range last {
		if p.Type == "tool_result" {
			return a, wire, nil
		}
	}
	if wire.ToolChoice.Type == "none" {
		return a, wire, nil
	}
	var tools []toolSpec
	for _, t := range wire.Tools {
		tools = append(tools, toolSpec{t.Name, t.Schema})
	}
	a.tool, err = pick(tools, wire.ToolChoice.Name)
	return a, wire, err
}

func answerCountTokens(ctx context.Context, p *reply) error {
	return p.json(ctx, object{"input_tokens": p.inputTokens()})
}

// answerMessages answers as a message, whole or in a stream.
func answerMessages(ctx context.Context, p *reply) error {
	a := p.compose()
	if p.ask.stream {
		return p.stream(ctx, p.messageFrames(a))
	}
	content := object{"type": "text", "text": strings.Join(a.tokens, "")}
	if a.call != nil {
		content = a.toolUse()
		content["input"] = json.RawMessage(a.call.arguments)
	}
	body := p.message(a, []object{content})
	body["stop_reason"] = a.stopReason()
	return p.json(ctx, body)
}

func (a answer) toolUse() object {
	return object{"type": "tool_use", "id": "toolu_" + a.call.id, "name": a.call.name, "input": object{}}
}

func (a answer) stopReason() string {
	switch {
	case a.call != nil:
		return "tool_use"
	case a.cut:
		return "max_tokens"
	}
	return "end_turn"
}

func (p *reply) message(a answer, content []object) object {
	m := object{
		"id": fmt.Sprintf("msg_mock_%d", p.number), "type": "message", "role": "assistant",
		"model": p.ask.model, "content": content, "stop_reason": nil, "stop_sequence": nil,
	}
	if !p.how.nousage {
		m["usage"] = object{"input_tokens": a.usage.input, "output_tokens": a.usage.output}
	}
	return m
}

// messageFrames spells a stream of events around one block of content.
func (p *reply) messageFrames(a answer) [][]byte {
	var frames [][]byte
	add := func(name string, event object) {
		event["type"] = name
		frames = append(frames, eventFrame(name, event))
	}
	start := p.message(a, []object{})
	if !p.how.nousage {
		start["usage"] = object{"input_tokens": a.usage.input, "output_tokens": min(1, a.usage.output)}
	}
	add("message_start", object{"message": start})
	block, kind, field, pieces := object{"type": "text", "text": ""}, "text_delta", "text", a.tokens
	if a.call != nil {
		block, kind, field, pieces = a.toolUse(), "input_json_delta", "partial_json", plainjson.Halves(a.call.arguments)
	}
	add("content_block_start", object{"index": 0, "content_block": block})
	add("ping", object{})
	for _, piece := range pieces {
		add("content_block_delta", object{"index": 0, "delta": object{"type": kind, field: piece}})
	}
	if p.how.fault.nodone {
		return frames
	}
	add("content_block_stop", object{"index": 0})
	if !p.how.fault.nofinish {
		end := object{"delta": object{"stop_reason": a.stopReason(), "stop_sequence": nil}}
		if !p.how.nousage {
			end["usage"] = object{"output_tokens": a.usage.output}
		}
		add("message_delta", end)
	}
	add("message_stop", object{})
	return frames
}
