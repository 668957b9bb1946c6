package responses

import (
	"bytes"
	"context"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// typeReference is the type of an item that stands for another by its id.
const typeReference = "item_reference"

// References to items that were made here are replaced by the items: whoever gets the
// request does not know them. An item made here has the digits of its response's id
// in its own, so that nothing else need be kept to find it. References to items of
// others pass as they are.

// A reference is some bytes, and its item may be megabytes: what they all come to has
// the bound of a conversation, and its memory, before any of it is put together.

// dereferenced returns the body with those references replaced; the body itself if
// there are none. Errors are of Kind NotFound, TooLarge and Busy.
func (k *Keeper) dereferenced(ctx context.Context, ask *Ask, at fairlead.Span) ([]byte, error) {
	if !at.Present() || ask.Body[at.Start] != '[' || !bytes.Contains(ask.Body[at.Start:at.End], []byte(typeReference)) {
		return ask.Body, nil
	}
	items, err := rawjson.ReadArray(ask.Body[at.Start:at.End])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	f := finder{keeper: k, app: ask.App, memory: ask.Memory, outputs: make(map[string]map[string][]byte)}
	defer f.forget()
	parts := make([][]byte, 0, len(items))
	for _, item := range items {
		part, err := f.item(ctx, item)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if !f.found {
		return ask.Body, nil
	}
	input := append(append([]byte{'['}, object.Join(parts)...), ']')
	return jsonscan.Splice(ask.Body, jsonscan.Edit{Start: at.Start, End: at.End, With: input}), nil
}

// finder finds items of an app's responses.
type finder struct {
	keeper  *Keeper
	app     fairlead.AppID
	outputs map[string]map[string][]byte // of the responses that were read, by the items' ids: what stands for each
	read    int64                        // bytes of those responses
	put     int64                        // bytes of the items in place of references
	found   bool
	// memory is where there must be room for what was read, while it is held; nil where
	// that is not bounded.
	memory   fairlead.Memory
	reserved int64
}

// reserve takes room for so many bytes more.
func (f *finder) reserve(bytes int64) error {
	if f.memory == nil {
		return nil
	}
	if err := f.memory.Reserve(bytes); err != nil {
		return err
	}
	f.reserved += bytes
	return nil
}

// forget gives the room back.
func (f *finder) forget() {
	if f.reserved > 0 {
		f.memory.Return(f.reserved)
	}
}

// item returns what is to stand for an item of an input: mostly itself, nil for
// nothing.
func (f *finder) item(ctx context.Context, item rawjson.Value) ([]byte, error) {
	if item.Kind() != jsonscan.ObjectKind {
		return item, nil
	}
	o, err := rawjson.ReadObject(item)
	if err != nil || !o.Get("type").Is(typeReference) {
		return item, err
	}
	id := o.Get("id").Text()
	response, ok := madeIn(id)
	if !ok {
		return item, nil
	}
	output, ok := f.outputs[response]
	if !ok {
		if output, err = f.outputOf(ctx, response); err != nil {
			return nil, err
		}
	}
	found, ok := output[id]
	if !ok {
		return nil, &fairlead.Error{
			Kind: fairlead.NotFound, Code: "item_not_found", Param: "input", Message: "Item with id '" + shown(id) + "' not found.",
		}
	}
	f.found = true
	return found, f.take(int64(len(found)))
}

// take notes that an item takes the place of a reference.
func (f *finder) take(size int64) error {
	f.put += size
	if most := f.keeper.limits.History; most > 0 && f.put > most {
		return itemsTooLong()
	}
	if f.memory == nil {
		return nil
	}
	return f.memory.Reserve(size)
}

// outputOf reads the items of a response's output; none if there is no such response.
func (f *finder) outputOf(ctx context.Context, response string) (map[string][]byte, error) {
	r, ok, err := f.keeper.store.Response(ctx, f.app, response)
	if err != nil {
		return nil, err
	}
	output := make(map[string][]byte)
	f.outputs[response] = output
	if !ok || expired(&r) {
		return output, nil
	}
	if err := f.reserve(int64(len(r.Body))); err != nil {
		return nil, err
	}
	f.read += int64(len(r.Body))
	limits := f.keeper.limits
	if limits.History > 0 && f.read > limits.History || limits.Turns > 0 && len(f.outputs) > limits.Turns {
		return nil, itemsTooLong()
	}
	items, err := object.ListedOutput(r.ID, r.Body)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if output[item.ID], err = object.Continuable(item.Raw); err != nil {
			return nil, err
		}
	}
	return output, nil
}

func itemsTooLong() *fairlead.Error {
	e := tooLongToContinue()
	e.Param, e.Message = "input", "The items that the input refers to are too long"
	return e
}

// madeIn is the response that an item was made in, by the item's id; ok is false if
// that is none that was given here.
func madeIn(item string) (response string, ok bool) {
	_, rest, ok := strings.Cut(item, "_")
	digits, number, numbered := strings.Cut(rest, "_")
	if !ok || !numbered || len(digits) != 2*idBytes || number == "" ||
		strings.Trim(digits, "0123456789abcdef") != "" || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	return idPrefix + digits, true
}
