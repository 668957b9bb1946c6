// Package reference judges what a request of the Responses API names by its id, and
// puts what was made here in the place of its name.
//
// What is kept of an app's answers may be named by that app alone. References to items
// that were made here are replaced by the items: whoever gets the request does not know
// them. An item made here has the digits of its response's id in its own, so that
// nothing else need be kept to find it. What others keep passes by its name if a stored
// response of the app has told of it, and else is refused: all apps may share the key
// under which it is kept. Reasoning is left out instead, as it is from all
// conversations that go on elsewhere. What only the owner of the key can have made,
// files and the like, passes.
//
// A reference is some bytes, and its item may be megabytes: what they all come to has
// the bound of a conversation, and its memory, before any of it is put together.
//
// Start with Source.Resolve.
package reference

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The id of a response that is made here: a prefix, and so many bytes in hexadecimal
// digits.
const (
	Prefix = "resp_"
	Bytes  = 24
)

// maxShown is how much of an id that is not known an error repeats.
const maxShown = 128

// Source is where what a request names is looked for.
type Source struct {
	Store fairlead.ResponseStore
	Names fairlead.ResponseNames
	App   fairlead.AppID
	// Memory is where there must be room for what is read and put in; nil where that is
	// not bounded.
	Memory fairlead.Memory
	// History is the most bytes that are read, and that are put in; Turns is of how many
	// responses. 0 = any.
	History int64
	Turns   int
}

// Resolve returns the body, whose input is at the span, with references to what was
// made here replaced; the body itself if there are none. It blocks on the store. Errors
// are of Kind Invalid, NotFound, TooLarge and Busy, and the store's.
func (s Source) Resolve(ctx context.Context, body []byte, at fairlead.Span) ([]byte, error) {
	f := finder{Source: s, outputs: make(map[string]map[string][]byte)}
	defer f.forget()
	if err := f.checkMembers(ctx, body); err != nil {
		return nil, err
	}
	if !at.Present() || body[at.Start] != '[' {
		return body, nil
	}
	items, err := rawjson.ReadArray(body[at.Start:at.End])
	if err != nil {
		return nil, err
	}
	parts := make([][]byte, 0, len(items))
	for n, item := range items {
		part, err := f.item(ctx, n, item)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if !f.found {
		return body, nil
	}
	input := append(append([]byte{'['}, object.Join(parts)...), ']')
	return jsonscan.Splice(body, jsonscan.Edit{Start: at.Start, End: at.End, With: input}), nil
}

// finder finds items of an app's responses.
type finder struct {
	Source

	outputs map[string]map[string][]byte // of the responses that were read, by the items' ids: what stands for each
	read    int64                        // bytes of those responses
	put     int64                        // bytes of the items in place of references
	found   bool                         // the input is not as it came
	// reserved is what was taken of the memory for what was read, while it is held.
	reserved int64
}

// reserve takes room for so many bytes more.
func (f *finder) reserve(bytes int64) error {
	if f.Memory == nil {
		return nil
	}
	if err := f.Memory.Reserve(bytes); err != nil {
		return err
	}
	f.reserved += bytes
	return nil
}

// forget gives the room back.
func (f *finder) forget() {
	if f.reserved > 0 {
		f.Memory.Return(f.reserved)
	}
}

// checkMembers refuses what the body names beside its input.
func (f *finder) checkMembers(ctx context.Context, body []byte) error {
	o, err := rawjson.ReadObject(body)
	if err != nil {
		return err
	}
	if o.Get("conversation").Given() { // none is made here
		return foreign("conversation")
	}
	containers, err := object.Containers(o.Get("tools"))
	if err != nil {
		return unclear("tools")
	}
	return f.checkAll(ctx, containers)
}

func (f *finder) checkAll(ctx context.Context, all []object.Named) error {
	for _, one := range all {
		if err := f.check(ctx, one.Name, one.Path); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a name that no response of the app has told of.
func (f *finder) check(ctx context.Context, name, param string) error {
	known, err := f.Names.HasResponseName(ctx, f.App, name)
	if err == nil && !known {
		return foreign(param)
	}
	return err
}

// item returns what is to stand for the n-th item of an input: mostly itself, nil for
// nothing.
func (f *finder) item(ctx context.Context, n int, item rawjson.Value) ([]byte, error) {
	if item.Kind() != jsonscan.ObjectKind {
		return item, nil
	}
	path := "input[" + strconv.Itoa(n) + "]"
	o, err := rawjson.ReadObject(item)
	if err != nil {
		return nil, unclear(path)
	}
	names, err := object.NamesIn(o, path)
	if err != nil {
		return nil, unclear(path)
	}
	switch response, here := madeIn(names.Item + names.Reasoning); {
	case names.Stands && here:
		return f.own(ctx, names.Item, response)
	case names.Stands:
		return item, f.check(ctx, names.Item, path+".id")
	case len(names.Containers) > 0:
		return item, f.checkAll(ctx, names.Containers)
	case names.Reasoning != "" && !here:
		known, err := f.Names.HasResponseName(ctx, f.App, names.Reasoning)
		if known || err != nil {
			return item, err
		}
		f.found = true
		return nil, nil
	}
	return item, nil
}

// own returns the item that was made here, in that response.
func (f *finder) own(ctx context.Context, id, response string) ([]byte, error) {
	output, ok := f.outputs[response]
	if !ok {
		var err error
		if output, err = f.outputOf(ctx, response); err != nil {
			return nil, err
		}
	}
	found, ok := output[id]
	if !ok {
		return nil, &fairlead.Error{
			Kind: fairlead.NotFound, Code: "item_not_found", Param: "input", Message: "Item with id '" + Shown(id) + "' not found.",
		}
	}
	f.found = true
	return found, f.take(int64(len(found)))
}

// take notes that an item takes the place of a reference.
func (f *finder) take(size int64) error {
	f.put += size
	if f.History > 0 && f.put > f.History {
		return itemsTooLong()
	}
	if f.Memory == nil {
		return nil
	}
	return f.Memory.Reserve(size)
}

// outputOf reads the items of a response's output; none if there is no such response.
func (f *finder) outputOf(ctx context.Context, response string) (map[string][]byte, error) {
	r, ok, err := f.Store.Response(ctx, f.App, response)
	if err != nil {
		return nil, err
	}
	output := make(map[string][]byte)
	f.outputs[response] = output
	if !ok || r.Expired(time.Now()) {
		return output, nil
	}
	if err := f.reserve(int64(len(r.Body))); err != nil {
		return nil, err
	}
	f.read += int64(len(r.Body))
	if f.History > 0 && f.read > f.History || f.Turns > 0 && len(f.outputs) > f.Turns {
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
	return &fairlead.Error{
		Kind: fairlead.TooLarge, Code: "conversation_too_long", Param: "input",
		Message: "The items that the input refers to are too long", Detail: "send what matters of them as input",
	}
}

// foreign refuses to name what somebody else keeps and no stored response of the app
// has told of: it may be another app's.
func foreign(param string) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "foreign_reference", Param: param,
		Message: "No stored response of this app has what this names",
	}
}

// unclear refuses what has a member twice: nobody can say what that names.
func unclear(param string) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: "duplicate_key", Param: param, Message: "A member is there twice"}
}

// Shown is as much of an id as an error repeats.
func Shown(id string) string {
	if len(id) > maxShown {
		id = strings.ToValidUTF8(id[:maxShown], "") + "…"
	}
	return id
}

// madeIn is the response that an item was made in, by the item's id; ok is false if
// that is none that was given here.
func madeIn(item string) (response string, ok bool) {
	_, rest, ok := strings.Cut(item, "_")
	digits, number, numbered := strings.Cut(rest, "_")
	if !ok || !numbered || len(digits) != 2*Bytes || number == "" ||
		strings.Trim(digits, "0123456789abcdef") != "" || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	return Prefix + digits, true
}
