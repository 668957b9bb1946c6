package client

import (
	"encoding/json"
	"fmt"
)

// Message is one message of a conversation.
type Message struct {
	// Role is "system", "user", "assistant" or "tool".
	Role string
	// Content is its text; "" if the content is not text, as in a message that
	// only calls tools.
	Content string
	// Raw is the whole message as JSON. It is set in an answer, so that the
	// message can be sent back as it came; where it is set in a request, it is
	// sent instead of Role and Content.
	Raw json.RawMessage
}

// System is a message that tells the model how to behave.
func System(content string) Message { return Message{Role: "system", Content: content} }

// User is a message of the user.
func User(content string) Message { return Message{Role: "user", Content: content} }

// ToolResult is what the tool call with that ID gave.
func ToolResult(callID, content string) Message {
	// Two strings always marshal.
	raw, _ := json.Marshal(map[string]string{"role": "tool", "tool_call_id": callID, "content": content})
	return Message{Role: "tool", Content: content, Raw: raw}
}

// MarshalJSON writes Raw if it is set, else Role and Content.
func (m Message) MarshalJSON() ([]byte, error) {
	if len(m.Raw) > 0 {
		return m.Raw, nil
	}
	return json.Marshal(struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}{m.Role, m.Content})
}

// UnmarshalJSON reads Role, Content and Raw.
func (m *Message) UnmarshalJSON(data []byte) error {
	var wire struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*m = Message{Role: wire.Role, Content: text(wire.Content), Raw: json.RawMessage(string(data))}
	return nil
}

// ToolCall is a tool that the model wants to be run; answer it with ToolResult.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // JSON, as the model wrote it
}

// ToolCalls returns the tool calls of a message out of an answer.
func (m Message) ToolCalls() ([]ToolCall, error) {
	if len(m.Raw) == 0 {
		return nil, nil
	}
	var wire struct {
		ToolCalls []struct {
			ID       string `json:"id"`
			Function struct {
				Name      string `json:"name"`
				Arguments string `json:"arguments"`
			} `json:"function"`
		} `json:"tool_calls"`
	}
	if err := json.Unmarshal(m.Raw, &wire); err != nil {
		return nil, fmt.Errorf("client: reading tool calls: %w", err)
	}
	calls := make([]ToolCall, 0, len(wire.ToolCalls))
	for _, call := range wire.ToolCalls {
		calls = append(calls, ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments})
	}
	return calls, nil
}

// text returns the string that raw is, or "".
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
