package mock

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/fairleadhq/fairlead/internal/mock/responses"
)

// ask is what the mock wants to know of a request of either API.
type ask struct {
	model        string
	stream       bool
	includeUsage bool
	maxTokens    int // 0: no limit
	// messages counts them, size sums the bytes of their texts, the system
	// prompt included.
	messages, size int
	lastUser       string
	tool           *toolSpec // to be called; nil: answer with text

	turn *responses.Turn // of the Responses API

	inputs     [][]byte // of embeddings, as they stand in the body
	dimensions int
	base64     bool
}

// toolSpec is a tool that a request offers.
type toolSpec struct {
	name   string
	schema json.RawMessage
}

// message is one message of either API.
type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// part is one part of a message's content.
type part struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// parts returns the content, which is a string, null or a list of parts.
func parts(content json.RawMessage) ([]part, error) {
	if len(content) == 0 || string(content) == "null" {
		return nil, nil
	}
	var s string
	if json.Unmarshal(content, &s) == nil {
		return []part{{Type: "text", Text: s}}, nil
	}
	var list []part
	if err := json.Unmarshal(content, &list); err != nil {
		return nil, errors.New("a message's content is neither a string nor a list of parts")
	}
	return list, nil
}

func joined(list []part) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.Text)
	}
	return b.String()
}

// readConversation fills in what the messages tell. It reports the parts of
// the last message and its role.
func (a *ask) readConversation(messages []message) (role string, last []part, err error) {
	if len(messages) == 0 {
		return "", nil, errors.New("messages must hold at least one message")
	}
	a.messages = len(messages)
	for i, m := range messages {
		if m.Role == "" {
			return "", nil, fmt.Errorf("messages[%d] has no role", i)
		}
		list, err := parts(m.Content)
		if err != nil {
			return "", nil, err
		}
		said := joined(list)
		a.size += len(said)
		if m.Role == "user" && said != "" {
			a.lastUser = said
		}
		role, last = m.Role, list
	}
	return role, last, nil
}

// pick returns the tool to be called: the one named, else the first, or nil if
// there are none. A name that is not offered is an error.
func pick(tools []toolSpec, named string) (*toolSpec, error) {
	for _, t := range tools {
		if named == "" || t.name == named {
			return &t, nil
		}
	}
	if named != "" {
		return nil, fmt.Errorf("tool_choice names the tool %q, which tools does not hold", named)
	}
	return nil, nil
}
