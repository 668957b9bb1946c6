package mock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

// openAI spells failures as OpenAI does.
type openAI struct{}

func (openAI) errorBody(status int, message string) object {
	kind, code := "invalid_request_error", any(nil)
	switch {
	case status == http.StatusUnauthorized:
		code = "invalid_api_key"
	case status == http.StatusNotFound:
		code = "model_not_found"
	case status == http.StatusTooManyRequests:
		kind, code = "requests", "rate_limit_exceeded"
	case status >= http.StatusInternalServerError:
		kind = "server_error"
	}
	return object{"error": object{"message": message, "type": kind, "param": nil, "code": code}}
}

func (o openAI) errorFrame(message string) []byte {
	return dataFrame(o.errorBody(http.StatusInternalServerError, message))
}

func (openAI) brokenFrame() []byte {
	return []byte("data: {\"id\":\"chatcmpl-mock\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"brok\n\n")
}

func dataFrame(value any) []byte {
	return fmt.Appendf(nil, "data: %s\n", encode(value))
}

// readChat reads the body of a chat completion.
func readChat(header http.Header, body []byte) (ask, error) {
	var wire struct {
		Model         string    `json:"model"`
		Messages      []message `json:"messages"`
		Stream        bool      `json:"stream"`
		StreamOptions *struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
		MaxTokens           int `json:"max_tokens"`
		MaxCompletionTokens int `json:"max_completion_tokens"`
		Tools               []struct {
			Type     string `json:"type"`
			Function struct {
				Name       string          `json:"name"`
				Parameters json.RawMessage `json:"parameters"`
			} `json:"function"`
		} `json:"tools"`
		ToolChoice json.RawMessage `json:"tool_choice"`
	}
	if err := plainjson.Decode(header, body, &wire); err != nil {
		return ask{}, err
	}
	a := ask{model: wire.Model, stream: wire.Stream, maxTokens: max(wire.MaxTokens, wire.MaxCompletionTokens)}
	if a.model == "" {
		return a, errors.New("you must provide a model parameter")
	}
	if wire.StreamOptions != nil {
		if !a.stream {
			return a, errors.New("the 'stream_options' parameter is only allowed when 'stream' is enabled")
		}
		a.includeUsage = wire.StreamOptions.IncludeUsage
	}
	role, _, err := a.readConversation(wire.Messages)
	if err != nil {
		return a, err
	}
	var tools []toolSpec
	for i, t := range wire.Tools {
		if t.Type == "function" && t.Function.Name == "" {
			return a, fmt.Errorf("tools[%d] has no name", i)
		}
		if t.Type == "function" {
			tools = append(tools, toolSpec{t.Function.Name, t.Function.Parameters})
		}
	}
	named, none := chosenTool(wire.ToolChoice)
	if role == "tool" || none {
		return a, nil
	}
	a.tool, err = pick(tools, named)
	return a, err
}

// chosenTool reads tool_choice: a word, or an object that names a function.
func chosenTool(choice json.RawMessage) (named string, none bool) {
	var word string
	if json.Unmarshal(choice, &word) == nil {
		return "", word == "none"
	}
	var forced struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if json.Unmarshal(choice, &forced) != nil {
		return "", false
	}
	return forced.Function.Name, false
}

// answerChat answers as a chat completion, whole or in a stream.
func answerChat(ctx context.Context, p *reply) error {
	a := p.compose()
	if p.ask.stream {
		return p.stream(ctx, p.chatFrames(a))
	}
	said := object{"role": "assistant", "content": strings.Join(a.tokens, ""), "refusal": nil}
	if a.call != nil {
		said["content"] = nil
		said["tool_calls"] = []object{{
			"id": a.call.id, "type": "function",
			"function": object{"name": a.call.name, "arguments": a.call.arguments},
		}}
	}
	choice := object{"index": 0, "message": said, "logprobs": nil, "finish_reason": a.finishReason()}
	body := p.completion("chat.completion", choice)
	if !p.how.nousage {
		body["usage"] = a.chatUsage()
	}
	return p.json(ctx, body)
}

func (a answer) finishReason() string {
	switch {
	case a.call != nil:
		return "tool_calls"
	case a.cut:
		return "length"
	}
	return "stop"
}

func (a answer) chatUsage() object {
	return object{
		"prompt_tokens": a.usage.input, "completion_tokens": a.usage.output,
		"total_tokens": a.usage.input + a.usage.output,
	}
}

// completion is what every answer has. One without a choice has an empty list
// of them, not null: clients trip over that.
func (p *reply) completion(kind string, choices ...object) object {
	if choices == nil {
		choices = []object{}
	}
	return object{
		"id": fmt.Sprintf("chatcmpl-mock-%d", p.number), "object": kind, "created": time.Now().Unix(),
		"model": p.ask.model, "system_fingerprint": "fp_fairlead_mock", "choices": choices,
	}
}

// chatFrames spells a stream of chunks: the role, the pieces, the finish
// reason, the usage if it was asked for, and the end marker.
func (p *reply) chatFrames(a answer) [][]byte {
	withUsage := p.ask.includeUsage && !p.how.nousage
	var frames [][]byte
	add := func(delta object, finish any) {
		chunk := p.completion("chat.completion.chunk",
			object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish})
		if withUsage {
			chunk["usage"] = nil
		}
		frames = append(frames, dataFrame(chunk))
	}
	if a.call == nil {
		add(object{"role": "assistant", "content": "", "refusal": nil}, nil)
	} else {
		first := object{
			"index": 0, "id": a.call.id, "type": "function",
			"function": object{"name": a.call.name, "arguments": ""},
		}
		add(object{"role": "assistant", "content": nil, "tool_calls": []object{first}}, nil)
		for _, piece := range plainjson.Halves(a.call.arguments) {
			more := object{"index": 0, "function": object{"arguments": piece}}
			add(object{"tool_calls": []object{more}}, nil)
		}
	}
	for _, token := range a.tokens {
		add(object{"content": token}, nil)
	}
	if p.how.fault.nodone {
		return frames
	}
	if !p.how.fault.nofinish {
		add(object{}, a.finishReason())
	}
	if withUsage {
		end := p.completion("chat.completion.chunk")
		end["usage"] = a.chatUsage()
		frames = append(frames, dataFrame(end))
	}
	return append(frames, []byte("data: [DONE]\n\n"))
}

func (m *Mock) listModels(w http.ResponseWriter, _ *http.Request) {
	list := make([]object, 0, len(m.models))
	for _, name := range m.models {
		list = append(list, modelObject(name))
	}
	writeJSON(w, http.StatusOK, object{"object": "list", "data": list})
}

// showModel knows the listed models and every name of the mock's own.
func (m *Mock) showModel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("id")
	_, err := parseModel(name)
	if err != nil || !slices.Contains(m.models, name) && !strings.HasPrefix(name, "mock+") {
		refuse(w, openAI{}, http.StatusNotFound, "the model "+name+" does not exist")
		return
	}
	writeJSON(w, http.StatusOK, modelObject(name))
}

func modelObject(name string) object {
	return object{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "fairlead-mock"}
}
