package local

import (
	"bytes"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/sources"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// message is what the offline provider reads of a message.
type message struct {
	role, text string
	// source is the number of the source that it is, and place where that stands; 0 for
	// what somebody said.
	source int
	place  string
}

// conversation is what it reads of a chat body.
type conversation struct {
	messages []message
	hasTools bool
	// grounded says that documents were searched for what is asked.
	grounded bool
}

// readConversation reads a chat body and refuses options that cannot be
// honoured.
func readConversation(body []byte) (conversation, error) {
	var c conversation
	err := readBody(body, func(name string, raw []byte) error {
		switch name {
		case "messages":
			return c.readMessages(raw)
		case "tools", "functions":
			c.hasTools = c.hasTools || jsonscan.KindOf(raw) == jsonscan.ArrayKind && len(bytes.Trim(raw, "[] \t\r\n")) > 0
		case "tool_choice", "function_call":
			return checkToolChoice(name, raw)
		case "response_format":
			return checkFormat(raw)
		case "n":
			if n, ok := jsonscan.Int(raw); ok && n > 1 {
				return unsupported("n", "The offline provider gives one choice only")
			}
		}
		return nil
	})
	return c, err
}

func (c *conversation) readMessages(raw []byte) error {
	return jsonscan.Array(raw, func(at jsonscan.Span) error {
		var m message
		each := raw[at.Start:at.End]
		err := readBody(each, func(name string, raw []byte) error {
			var err error
			switch name {
			case "role":
				m.role, err = jsonscan.String(raw)
			case "content":
				m.text, err = contentText(raw)
			}
			return err
		})
		if found, ok := sources.Read(m.text); ok && m.role == "system" {
			c.grounded = true
			for _, s := range found {
				c.messages = append(c.messages, message{role: m.role, text: s.Text, source: s.Number, place: s.Place})
			}
			return err
		}
		c.messages = append(c.messages, m)
		return err
	})
}

// contentText returns the text of a message's content: a string, or the text
// parts of an array. Content of other kinds has none.
func contentText(raw []byte) (string, error) {
	if jsonscan.KindOf(raw) == jsonscan.StringKind {
		return jsonscan.String(raw)
	}
	if jsonscan.KindOf(raw) != jsonscan.ArrayKind {
		return "", nil
	}
	var parts []string
	err := jsonscan.Array(raw, func(at jsonscan.Span) error {
		part := raw[at.Start:at.End]
		if jsonscan.KindOf(part) != jsonscan.ObjectKind {
			return nil
		}
		return readBody(part, func(name string, raw []byte) error {
			if name != "text" || jsonscan.KindOf(raw) != jsonscan.StringKind {
				return nil
			}
			text, err := jsonscan.String(raw)
			parts = append(parts, text)
			return err
		})
	})
	return strings.Join(parts, "\n"), err
}

// checkToolChoice refuses a choice that demands a call.
func checkToolChoice(param string, raw []byte) error {
	demands := jsonscan.KindOf(raw) == jsonscan.ObjectKind
	if jsonscan.KindOf(raw) == jsonscan.StringKind {
		choice, err := jsonscan.String(raw)
		if err != nil {
			return err
		}
		demands = choice == "required"
	}
	if demands {
		return unsupported(param, "The offline provider is not a language model and cannot call tools")
	}
	return nil
}

// checkFormat refuses a response format other than plain text.
func checkFormat(raw []byte) error {
	if jsonscan.KindOf(raw) != jsonscan.ObjectKind {
		return nil
	}
	return readBody(raw, func(name string, raw []byte) error {
		if name == "type" && string(raw) != `"text"` {
			return unsupported("response_format", "The offline provider is not a language model and answers in plain text only")
		}
		return nil
	})
}

// lastUser returns the index of the last message of the user, or of the last
// message if the user said nothing.
func (c *conversation) lastUser() int {
	for i, m := range slices.Backward(c.messages) {
		if m.role == "user" {
			return i
		}
	}
	return len(c.messages) - 1
}

// words counts the words of all messages.
func (c *conversation) words() int {
	n := 0
	for _, m := range c.messages {
		n += countWords(m.text)
	}
	return n
}

// check refuses what has nothing to answer; faces let no such body through.
func (c *conversation) check() error {
	if len(c.messages) == 0 {
		return &fairlead.Error{Kind: fairlead.Invalid, Code: "missing_field", Param: "messages", Message: "The body has no messages"}
	}
	return nil
}
