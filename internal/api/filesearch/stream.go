package filesearch

import (
	"strconv"

	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// frame takes one frame of the stream, and appends what it becomes to a.frames.
func (a *Answer) frame(frame []byte) {
	data := sse.Data(frame, nil)
	o, err := rawjson.ReadObject(data)
	if err != nil { // a sign of life, or nothing that is known here
		a.frames = append(a.frames, frame...)
		return
	}
	kind := o.Get("type").Text()
	switch kind {
	case "response.created", "response.queued", "response.in_progress", "error":
	default:
		a.tell(o)
	}
	if kind == "response.output_text.done" {
		a.tellAnnotations(o)
	}
	a.append(kind, a.changed(kind, a.shifted(o)))
}

// append puts an event into the stream, under the number that is due.
func (a *Answer) append(kind string, o rawjson.Object) {
	a.frames = sse.AppendEvent(a.frames, "", kind, object.Encode(o))
}

// shifted is an event with the numbers that it has in the new stream.
func (a *Answer) shifted(o rawjson.Object) rawjson.Object {
	if n, ok := o.Get("sequence_number").Int(); ok && a.inserted > 0 {
		o = object.With(o, "sequence_number", integer(n+a.inserted))
	}
	if n, ok := o.Get("output_index").Int(); ok {
		o = object.With(o, "output_index", integer(n+1))
	}
	return o
}

// changed is an event that tells of items, parts or the response, as it now is.
func (a *Answer) changed(kind string, o rawjson.Object) rawjson.Object {
	switch kind {
	case "response.content_part.done":
		return object.With(o, "part", a.annotatedPart(o.Get("part")))
	case "response.output_item.done":
		return object.With(o, "item", a.annotated(o.Get("item")))
	}
	if response := o.Get("response"); isObject(response) {
		if whole, err := rawjson.ReadObject(response); err == nil {
			if whole = a.asAsked(whole); a.told {
				whole = a.withOutput(whole)
			}
			return object.With(o, "response", object.Encode(whole))
		}
	}
	return o
}

// tell puts the item before the first event that tells of output; once.
func (a *Answer) tell(before rawjson.Object) {
	if a.told {
		return
	}
	a.told = true
	at, _ := before.Get("sequence_number").Int()
	const prefix = "response.file_search_call."
	for _, kind := range []string{"response.output_item.added", prefix + "in_progress", prefix + "searching", prefix + "completed", "response.output_item.done"} {
		o := rawjson.Object{
			{Name: "type", Value: object.Text(kind)},
			{Name: "output_index", Value: rawjson.Value("0")},
		}
		switch kind {
		case "response.output_item.added":
			o = object.With(o, "item", a.item("in_progress"))
		case "response.output_item.done":
			o = object.With(o, "item", a.item("completed"))
		default:
			o = object.With(o, "item_id", object.Text(a.id))
		}
		a.append(kind, object.With(o, "sequence_number", integer(at+a.inserted)))
		a.inserted++
	}
}

// tellAnnotations puts an event for each annotation of a text before the event that
// tells it whole.
func (a *Answer) tellAnnotations(whole rawjson.Object) {
	const kind = "response.output_text.annotation.added"
	at, _ := whole.Get("sequence_number").Int()
	for i, annotation := range a.annotations(whole.Get("text").Text()) {
		output, _ := whole.Get("output_index").Int()
		o := rawjson.Object{
			{Name: "type", Value: object.Text(kind)},
			{Name: "item_id", Value: whole.Get("item_id")},
			{Name: "output_index", Value: integer(output + 1)},
			{Name: "content_index", Value: whole.Get("content_index")},
			{Name: "annotation_index", Value: integer(i)},
			{Name: "annotation", Value: annotation},
			{Name: "sequence_number", Value: integer(at + a.inserted)},
		}
		a.append(kind, o)
		a.inserted++
	}
}

func integer(n int) rawjson.Value { return strconv.AppendInt(nil, int64(n), 10) }
