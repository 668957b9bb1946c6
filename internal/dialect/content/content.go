// Package content tells where the content of a stream begins: what was generated,
// as against what only says that something will come. The clock for the first
// content waits for it.
//
// Start with Chat.
package content

import (
	"bytes"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// Chat reports whether whole frames of a chat stream have content: anything
// that was generated, be it text, a refusal, reasoning or a tool call, or the
// reason why there is none. Comments, chunks without choices and a delta with a
// role alone are no content, and neither are empty texts.
func Chat(frames []byte) bool { return begins(frames, (*payload).chunk) }

// Messages is Chat for a stream of Anthropic's messages, in which a
// ping, message_start and a block that is yet empty are no content.
func Messages(frames []byte) bool { return begins(frames, (*payload).event) }

// Responses is Chat for a stream of the Responses API, in which the events that
// tell of the response itself, and an item or a part that is yet empty, are no
// content.
func Responses(frames []byte) bool { return begins(frames, (*payload).step) }

// payload looks for content in the payload of one frame.
type payload struct {
	*jsonscan.Scanner

	text  []byte
	found bool
}

func begins(frames []byte, member func(c *payload, name []byte) error) bool {
	for frame := range sse.Frames(frames) {
		data := sse.Data(frame, nil)
		if !utf8.Valid(data) {
			data = bytes.ToValidUTF8(data, []byte("\ufffd"))
		}
		c := payload{Scanner: jsonscan.NewScanner(data), text: data}
		// What is no object has no content. What is broken, the watch has seen.
		_ = c.members(func(name []byte) error { return member(&c, name) })
		if c.found {
			return true
		}
	}
	return false
}

// chunk reads a member of a chat chunk.
func (c *payload) chunk(name []byte) error {
	if string(name) != "choices" || c.Kind() != jsonscan.ArrayKind {
		return nil
	}
	_, err := c.Array(func() error { return c.members(c.choice) })
	return err
}

func (c *payload) choice(name []byte) error {
	switch string(name) {
	case "delta", "message":
		return c.members(c.part)
	case "finish_reason":
		return c.part(name)
	}
	return nil
}

// event reads a member of an event of Anthropic's.
func (c *payload) event(name []byte) error {
	switch string(name) {
	case "delta", "content_block":
		return c.members(c.part)
	}
	return nil
}

// step reads a member of an event of the Responses API. Whatever else was generated
// comes after one of these.
func (c *payload) step(name []byte) error {
	switch string(name) {
	case "delta", "partial_image_b64":
		return c.part(name)
	case "item", "part":
		return c.members(c.item)
	}
	return nil
}

// item reads a member of an item of a response, or of a part of one.
func (c *payload) item(name []byte) error {
	switch string(name) {
	case "id", "status", "phase":
		return nil
	}
	return c.part(name)
}

// part reads a member of what was generated. There are many names for it, and
// more to come: any will do that is not empty and does not merely say what kind of
// thing is to come.
func (c *payload) part(name []byte) error {
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
func (c *payload) members(member func(name []byte) error) error {
	if c.Kind() != jsonscan.ObjectKind {
		return nil
	}
	_, err := c.Object(member)
	return err
}
