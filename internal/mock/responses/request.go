package responses

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

// object is a JSON object to be written.
type object = map[string]any

// body is a request, as far as the mock reads it.
type body struct {
	Model           string           `json:"model"`
	Input           json.RawMessage  `json:"input"`
	Instructions    *string          `json:"instructions"`
	Stream          bool             `json:"stream"`
	StreamOptions   *json.RawMessage `json:"stream_options"`
	MaxOutputTokens *int             `json:"max_output_tokens"`
	Previous        *string          `json:"previous_response_id"`
	Store           *bool            `json:"store"`
	Background      bool             `json:"background"`
	Tools           []tool           `json:"tools"`
	ToolChoice      json.RawMessage  `json:"tool_choice"`
	Metadata        json.RawMessage  `json:"metadata"`
	Temperature     *float64         `json:"temperature"`
	Parallel        *bool            `json:"parallel_tool_calls"`
	// What belongs to other APIs, or to the gateway alone, must not come.
	Messages  json.RawMessage `json:"messages"`
	MaxTokens json.RawMessage `json:"max_tokens"`
	Resumable json.RawMessage `json:"resumable"`
	StreamID  json.RawMessage `json:"stream_id"`
}

type tool struct {
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Parameters json.RawMessage `json:"parameters"`
	Tools      []tool          `json:"tools"` // of a namespace
}

// item is one item of a conversation.
type item struct {
	Type    string          `json:"type"`
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	CallID  string          `json:"call_id"`
	Name    string          `json:"name"`
}

// Tool is a tool that is to be called.
type Tool struct {
	// Kind is function or custom; Namespace is the one that it stands in, or "".
	Kind, Name, Namespace string
	Schema                json.RawMessage
}

// read reads a body and the items of its input.
func read(header http.Header, raw []byte) (b body, items []json.RawMessage, err error) {
	if err = plainjson.Decode(header, raw, &b); err != nil {
		return b, nil, err
	}
	if err = b.check(); err != nil {
		return b, nil, err
	}
	items, err = itemsOf(b.Input)
	return b, items, err
}

func (b *body) check() error {
	for name, value := range map[string]json.RawMessage{
		"messages": b.Messages, "max_tokens": b.MaxTokens, "resumable": b.Resumable, "stream_id": b.StreamID,
	} {
		if value != nil {
			return fmt.Errorf("unsupported parameter: %q", name)
		}
	}
	switch {
	case b.Model == "":
		return errors.New("missing required parameter: 'model'")
	case b.Background:
		return errors.New("the mock answers nothing in the background")
	case b.StreamOptions != nil && string(*b.StreamOptions) != "null" && !b.Stream:
		return errors.New("the 'stream_options' parameter is only allowed when 'stream' is enabled")
	case b.MaxOutputTokens != nil && *b.MaxOutputTokens < 1:
		return errors.New("max_output_tokens is below 1")
	}
	return nil
}

// itemsOf are the items of an input, which is a string, a list or nothing.
func itemsOf(input json.RawMessage) ([]json.RawMessage, error) {
	if len(input) == 0 || string(input) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(input, &text) == nil {
		return []json.RawMessage{plainjson.Encode(object{"type": "message", "role": "user", "content": text})}, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(input, &list); err != nil {
		return nil, errors.New("input is neither a string nor a list of items")
	}
	for i, raw := range list {
		if err := checkItem(raw); err != nil {
			return nil, fmt.Errorf("input[%d]: %w", i, err)
		}
	}
	return list, nil
}

func checkItem(raw json.RawMessage) error {
	var it item
	if err := json.Unmarshal(raw, &it); err != nil {
		return errors.New("an item is not an object of the right shape")
	}
	switch it.kind() {
	case "":
		return errors.New("an item has neither type nor role")
	case "message":
		if it.Role == "" || it.Content == nil {
			return errors.New("a message needs a role and a content")
		}
		_, err := textOf(it.Content)
		return err
	case "function_call", "custom_tool_call":
		if it.CallID == "" || it.Name == "" {
			return errors.New("a call needs a call_id and a name")
		}
	case "function_call_output", "custom_tool_call_output":
		if it.CallID == "" {
			return errors.New("the output of a call needs its call_id")
		}
	}
	return nil
}

// kind is the type of an item; a message may leave it out.
func (it *item) kind() string {
	if it.Type == "" && it.Role != "" {
		return "message"
	}
	return it.Type
}

// textOf is the text of a message's content, a string or a list of parts.
func textOf(content json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text, nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(content, &parts); err != nil {
		return "", errors.New("a message's content is neither a string nor a list of parts")
	}
	var texts strings.Builder
	for _, p := range parts {
		if p.Type == "text" || p.Type == "image_url" { // of chat completions
			return "", fmt.Errorf("invalid value: %q", p.Type)
		}
		texts.WriteString(p.Text)
	}
	return texts.String(), nil
}

// chosen is the tool to be called; nil if the answer is to be a text. last is the
// last item of the input.
func (b *body) chosen(last json.RawMessage) (*Tool, error) {
	offered, err := offer(b.Tools, "")
	if err != nil {
		return nil, err
	}
	var it item
	if last != nil && json.Unmarshal(last, &it) == nil && (it.Type == "function_call_output" || it.Type == "custom_tool_call_output") {
		return nil, nil
	}
	var word string
	if json.Unmarshal(b.ToolChoice, &word) == nil && word == "none" {
		return nil, nil
	}
	var forced struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(b.ToolChoice, &forced) // a word names none
	for i := range offered {
		if forced.Name == "" || forced.Name == offered[i].Name {
			return &offered[i], nil
		}
	}
	if forced.Name != "" {
		return nil, fmt.Errorf("tool_choice names the tool %q, which tools does not hold", forced.Name)
	}
	return nil, nil
}

// offer lists the tools that can be called by name.
func offer(tools []tool, namespace string) ([]Tool, error) {
	var all []Tool
	for i, t := range tools {
		switch t.Type {
		case "function", "custom":
			if t.Name == "" {
				return nil, fmt.Errorf("missing required parameter: 'tools[%d].name'", i)
			}
			all = append(all, Tool{t.Type, t.Name, namespace, t.Parameters})
		case "namespace":
			inner, err := offer(t.Tools, t.Name)
			if err != nil {
				return nil, err
			}
			all = append(all, inner...)
		case "":
			return nil, fmt.Errorf("missing required parameter: 'tools[%d].type'", i)
		}
	}
	return all, nil
}
