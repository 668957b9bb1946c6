// Package completion reads what chat completions hold, whole ones and chunks of
// streams alike, for those who write it in another dialect. Providers differ in
// what they leave out; what is allowed for is told here.
//
// Text reads a content, Reasoning what the model thought, CallOf a tool call, and
// Calls tells which call a piece of one belongs to.
package completion

import (
	"bytes"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// maxCalls is how many tools one answer may call.
const maxCalls = 1024

// Payload is the payload of a frame, nil if there is none. Bytes that are not
// UTF-8 are replaced.
func Payload(frame []byte) []byte {
	payload := bytes.TrimSpace(sse.Data(frame, nil))
	if len(payload) == 0 {
		return nil
	}
	if !utf8.Valid(payload) {
		return bytes.ToValidUTF8(payload, []byte("\ufffd"))
	}
	return payload
}

// IsCut reports whether an answer with the finish_reason may have ended in the
// middle of a call.
func IsCut(finish string) bool { return finish == "length" || finish == "content_filter" }

// Reasoning is the inside of what the model thought, for which providers have
// two names.
func Reasoning(message rawjson.Object) []byte {
	if thought := message.Get("reasoning_content").Inside(); len(thought) > 0 {
		return thought
	}
	return message.Get("reasoning").Inside()
}

// Text is the insides of the strings of a content, which is a string or a list
// of parts. Empty ones are left out.
func Text(content rawjson.Value) [][]byte {
	if inside := content.Inside(); len(inside) > 0 {
		return [][]byte{inside}
	}
	parts, err := rawjson.ReadArray(content)
	if err != nil {
		return nil
	}
	var insides [][]byte
	for _, part := range parts {
		o, err := rawjson.ReadObject(part)
		if err != nil || !o.Get("type").Is("text") {
			continue
		}
		if inside := o.Get("text").Inside(); len(inside) > 0 {
			insides = append(insides, inside)
		}
	}
	return insides
}

// CallOf takes a tool call apart. A piece of one need not have a function. The
// error is of Kind Upstream.
func CallOf(value rawjson.Value) (call, function rawjson.Object, err error) {
	call, err = rawjson.ReadObject(value)
	if err != nil {
		return nil, nil, broken.Invalid("has a tool call that is no object")
	}
	if at := call.Get("function"); at.Given() {
		if function, err = rawjson.ReadObject(at); err != nil {
			return nil, nil, broken.Invalid("has a tool call whose function is no object")
		}
	}
	return call, function, nil
}

// Calls are the tool calls of a stream, numbered as they come. The zero Calls is
// empty.
type Calls struct {
	// at are the last calls by their index, ids those of all in order.
	at  map[int]int
	ids []string
}

// Find is the number of the call that a piece belongs to, which is that of a new
// one if it is as large as the number of calls before. Some providers leave the
// index out, or give every call the same: another id is another call. It fails
// when there are too many.
func (c *Calls) Find(index rawjson.Value, id string) (n int, err error) {
	key, ok := index.Int()
	if !ok && len(c.ids) > 0 {
		key = len(c.ids) - 1
		if id != "" && c.ids[key] != id {
			key++
		}
	}
	if n, ok := c.at[key]; ok && (id == "" || c.ids[n] == "" || c.ids[n] == id) {
		if c.ids[n] == "" {
			c.ids[n] = id
		}
		return n, nil
	}
	if len(c.ids) == maxCalls {
		return 0, broken.Interleaved()
	}
	if c.at == nil {
		c.at = make(map[int]int)
	}
	n = len(c.ids)
	c.at[key] = n
	c.ids = append(c.ids, id)
	return n, nil
}

// ID is the id of a call; "" if it has none so far.
func (c *Calls) ID(n int) string { return c.ids[n] }
