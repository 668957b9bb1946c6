package dialect

import (
	"bytes"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// ChatBegins reports whether whole frames of a chat stream have content: anything
// that was generated, be it text, a refusal, reasoning or a tool call, or the
// reason why there is none. Comments, chunks without choices and a delta with a
// role alone are no content, and neither are empty texts.
func ChatBegins(frames []byte) bool { return begins(frames, (*content).chunk) }

// MessagesBegins is ChatBegins for a stream of Anthropic's messages, in which a
// ping, message_start and a block that is yet empty are no content.
func MessagesBegins(frames []byte) bool { return begins(frames, (*content).event) }

// content looks for content in one payload.
type content struct {
	*jsonscan.Scanner

	payload []byte
	found   bool
}

func begins(frames []byte, member func(c *content, name []byte) error) bool {
	for frame := range sse.Frames(frames) {
		payload := sse.Data(frame, nil)
		if !utf8.Valid(payload) {
			payload = bytes.ToValidUTF8(payload, []byte("\ufffd"))
		}
		c := content{Scanner: jsonscan.NewScanner(payload), payload: payload}
		// What is no object has no content. What is broken, the watch has seen.
		_ = c.members(func(name []byte) error { return member(&c, name) })
		if c.found {
			return true
		}
	}
	return false
}

// chunk reads a member of a chat chunk.
func (c *content) chunk(name []byte) error {
	if string(name) != "choices" || c.Kind() != jsonscan.ArrayKind {
		return nil
	}
	_, err := c.Array(func() error { return c.members(c.choice) })
	return err
}

func (c *content) choice(name []byte) error {
	switch string(name) {
	case "delta", "message":
		return c.members(c.part)
	case "finish_reason":
		return c.part(name)
	}
	return nil
}

// event reads a member of an event of Anthropic's.
func (c *content) event(name []byte) error {
	switch string(name) {
	case "delta", "content_block":
		return c.members(c.part)
	}
	return nil
}

// part reads a member of what was generated. There are many names for it, and
// more to come: any will do that is not empty and does not merely say what kind of
// thing is to come.
func (c *content) part(name []byte) error {
	switch string(name) {
	case "role", "type":
		return nil
	}
	kind := c.Kind()
	at, err := c.Skip()
	switch kind {
	case jsonscan.StringKind, jsonscan.ArrayKind, jsonscan.ObjectKind:
		c.found = c.found || at.End-at.Start > len(`""`)
	}
	return err
}

// members reads the next value if it is an object.
func (c *content) members(member func(name []byte) error) error {
	if c.Kind() != jsonscan.ObjectKind {
		return nil
	}
	_, err := c.Object(member)
	return err
}
