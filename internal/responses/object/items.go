// Package object knows what the objects of the Responses API look like: the response
// and the items of a conversation. Each is the bytes that it was, with the members set
// or left out that must be.
//
// Start with InputItems and OutputItems, which make a conversation of what was asked
// and answered, then Unanswered.
package object

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// InputItems is a request's input as items, without the brackets around them. It
// shares the body where it can.
func InputItems(body []byte, at fairlead.Span) []byte {
	if !at.Present() {
		return nil
	}
	value := body[at.Start:at.End]
	if value[0] == '[' {
		return bytes.TrimSpace(value[1 : len(value)-1])
	}
	w := rawjson.NewWriter(len(value) + 96)
	w.Open('{')
	w.TextMember("type", "message")
	w.TextMember("role", "user")
	w.Name("content")
	w.Open('[')
	w.Open('{')
	w.TextMember("type", "input_text")
	w.Member("text", value)
	w.Close('}')
	w.Close(']')
	w.Close('}')
	return w.Bytes()
}

// OutputItems is the output of a response object as items of a conversation that goes
// on, without brackets. The ids of items are left out: whoever gets them next did not
// make them, and would look for what it does not have. For the same reason reasoning
// stays only if it carries its own content, encrypted.
func OutputItems(object []byte) ([]byte, error) {
	response, err := rawjson.ReadObject(object)
	if err != nil {
		return nil, err
	}
	output := response.Get("output")
	if output.Kind() != jsonscan.ArrayKind {
		return nil, nil
	}
	items, err := rawjson.ReadArray(output)
	if err != nil {
		return nil, err
	}
	parts := make([][]byte, 0, len(items))
	for _, item := range items {
		part, err := Continuable(item)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return Join(parts), nil
}

// Continuable is an item of an output as one of a conversation that goes on; nil if it
// has no place there.
func Continuable(item rawjson.Value) ([]byte, error) {
	if item.Kind() != jsonscan.ObjectKind {
		return nil, nil
	}
	object, err := rawjson.ReadObject(item)
	if err != nil {
		return nil, err
	}
	switch object.Get("type").Text() {
	case "reasoning":
		if !object.Get("encrypted_content").Given() {
			return nil, nil
		}
	case "message", "function_call", "custom_tool_call":
	default: // an id may be what the others name it by
		return item, nil
	}
	return Encode(Without(object, "id")), nil
}

// Join puts the items of several turns together.
func Join(parts [][]byte) []byte {
	size := 0
	for _, part := range parts {
		size += len(part) + 1
	}
	all := make([]byte, 0, size)
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		if len(all) > 0 {
			all = append(all, ',')
		}
		all = append(all, part...)
	}
	return all
}

// Item is one item of a list, with the id by which it is named.
type Item struct {
	ID  string
	Raw []byte
}

// Listed are items as they are listed: each with an id, which is made of the
// response's where the item has none, always the same one.
func Listed(response string, items []byte) ([]Item, error) {
	array := make([]byte, 0, len(items)+2)
	array = append(append(append(array, '['), items...), ']')
	values, err := rawjson.ReadArray(array)
	if err != nil {
		return nil, err
	}
	list := make([]Item, 0, len(values))
	for n, value := range values {
		if value.Kind() != jsonscan.ObjectKind {
			continue
		}
		object, err := rawjson.ReadObject(value)
		if err != nil { // a member comes twice: nobody can say what it is, so it stays as it is
			list = append(list, Item{ID: itemID("", response, n), Raw: value})
			continue
		}
		list = append(list, listedItem(object, value, response, n))
	}
	return list, nil
}

// listedItem adds what a listed item has and one that was sent may leave out.
func listedItem(object rawjson.Object, raw rawjson.Value, response string, n int) Item {
	kind, id := object.Get("type").Text(), object.Get("id").Text()
	if kind != "" && id != "" {
		return Item{ID: id, Raw: raw}
	}
	if kind == "" {
		kind = "message"
		object = With(object, "type", Text(kind))
	}
	if id == "" {
		id = itemID(kind, response, n)
		object = With(object, "id", Text(id))
	}
	return Item{ID: id, Raw: Encode(object)}
}

// itemID is the id of the n-th item that a response was asked with.
func itemID(kind, response string, n int) string {
	prefix := "item_"
	switch kind {
	case "message":
		prefix = "msg_"
	case "function_call", "function_call_output":
		prefix = "fc_"
	case "custom_tool_call", "custom_tool_call_output":
		prefix = "ctc_"
	case "reasoning":
		prefix = "rs_"
	}
	sum := sha256.Sum256([]byte(response + "/" + strconv.Itoa(n)))
	return prefix + hex.EncodeToString(sum[:24])
}

// ListedOutput are the items of a response object's output as they are listed.
func ListedOutput(response string, raw []byte) ([]Item, error) {
	o, err := rawjson.ReadObject(raw)
	if err != nil {
		return nil, err
	}
	output := o.Get("output")
	if output.Kind() != jsonscan.ArrayKind {
		return nil, nil
	}
	return Listed(response+"/output", output[1:len(output)-1])
}

// List is a page of items in OpenAI's shape; more says that others follow.
func List(items []Item, more bool) []byte {
	w := rawjson.NewWriter(1 << 10)
	w.Open('{')
	w.TextMember("object", "list")
	w.Name("data")
	w.Open('[')
	for _, i := range items {
		w.Raw(i.Raw)
	}
	w.Close(']')
	first, last := rawjson.Value("null"), rawjson.Value("null")
	if len(items) > 0 {
		first, last = Text(items[0].ID), Text(items[len(items)-1].ID)
	}
	w.Member("first_id", first)
	w.Member("last_id", last)
	w.Member("has_more", strconv.AppendBool(nil, more))
	w.Close('}')
	return w.Bytes()
}
