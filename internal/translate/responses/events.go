package responses

import (
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// events writes the events of a stream. A nil events writes none.
type events struct {
	out []byte
	w   rawjson.Writer
	// sequence is the number of the next event.
	sequence int
}

// reset forgets the events that were written.
func (e *events) reset() { e.out = e.out[:0] }

// begin begins an event.
func (e *events) begin(kind string) *rawjson.Writer {
	e.w.Reset()
	e.w.Open('{')
	e.w.TextMember("type", kind)
	e.w.IntMember("sequence_number", e.sequence)
	e.sequence++
	return &e.w
}

// of begins an event of an item.
func (e *events) of(it *item, kind string) *rawjson.Writer {
	w := e.begin(kind)
	w.TextMember("item_id", it.id)
	w.IntMember("output_index", it.at)
	return w
}

// send ends the event and adds it to what goes out.
func (e *events) send(kind string) {
	e.w.Close('}')
	e.out = sse.AppendEvent(e.out, "", kind, e.w.Bytes())
}

// response tells how the response stands.
func (e *events) response(kind string, t *turn) {
	w := e.begin(kind)
	w.Name("response")
	t.write(w)
	e.send(kind)
}

// item tells how an item stands.
func (e *events) item(kind string, it *item) {
	w := e.begin(kind)
	w.IntMember("output_index", it.at)
	w.Name("item")
	it.write(w)
	e.send(kind)
}

// piece tells a piece of a text, or the whole of it, under the name.
func (e *events) piece(it *item, kind, name string, inside []byte) {
	w := e.of(it, kind)
	w.Name(name)
	w.Joined(inside)
	e.send(kind)
}

// added tells of an item that begins; it is told empty.
func (e *events) added(it *item) {
	if e == nil {
		return
	}
	empty := *it
	empty.text, empty.parts = nil, nil
	e.item("response.output_item.added", &empty)
	if it.kind == reasoningItem {
		e.summary("response.reasoning_summary_part.added", it, nil)
	}
}

// summary tells of the part of a summary that holds what the model thought.
func (e *events) summary(kind string, it *item, text []byte) {
	w := e.of(it, kind)
	w.IntMember("summary_index", 0)
	w.Name("part")
	writeSummary(w, text)
	e.send(kind)
}

// thoughtPiece tells a piece of what the model thought, or the whole of it.
func (e *events) thoughtPiece(it *item, kind, name string, inside []byte) {
	w := e.of(it, kind)
	w.IntMember("summary_index", 0)
	w.Name(name)
	w.Joined(inside)
	e.send(kind)
}

// thought tells what more the model thought.
func (e *events) thought(it *item, inside []byte) {
	if e != nil {
		e.thoughtPiece(it, "response.reasoning_summary_text.delta", "delta", inside)
	}
}

// partAdded tells of a part that begins.
func (e *events) partAdded(it *item, n int) {
	if e != nil {
		e.part("response.content_part.added", it, n)
	}
}

func (e *events) part(kind string, it *item, n int) {
	w := e.of(it, kind)
	w.IntMember("content_index", n)
	w.Name("part")
	it.parts[n].write(w)
	e.send(kind)
}

// said tells what more the model said, in the last part.
func (e *events) said(it *item, inside, logprobs []byte) {
	if e == nil {
		return
	}
	n := len(it.parts) - 1
	kind := "response.output_text.delta"
	if it.parts[n].kind == refusalPart {
		kind = "response.refusal.delta"
	}
	w := e.of(it, kind)
	w.IntMember("content_index", n)
	w.Name("delta")
	w.Joined(inside)
	if it.parts[n].kind == textPart {
		writeList(w, "logprobs", logprobs)
	}
	e.send(kind)
}

// partDone tells that a part is complete.
func (e *events) partDone(it *item, n int) {
	if e == nil {
		return
	}
	p := &it.parts[n]
	kind, name := "response.output_text.done", "text"
	if p.kind == refusalPart {
		kind, name = "response.refusal.done", "refusal"
	}
	w := e.of(it, kind)
	w.IntMember("content_index", n)
	w.Name(name)
	w.Joined(p.text)
	if p.kind == textPart {
		writeList(w, "logprobs", p.logprobs)
	}
	e.send(kind)
	e.part("response.content_part.done", it, n)
}

// argued tells a piece of a function's arguments. What other tools take is known
// when it is complete.
func (e *events) argued(it *item, inside []byte) {
	if e != nil && it.tool.Kind == toolbox.Function && len(inside) > 0 {
		e.piece(it, "response.function_call_arguments.delta", "delta", inside)
	}
}

// done tells that an item is complete.
func (e *events) done(it *item) {
	if e == nil {
		return
	}
	switch {
	case it.kind == reasoningItem:
		e.thoughtPiece(it, "response.reasoning_summary_text.done", "text", it.text)
		e.summary("response.reasoning_summary_part.done", it, it.text)
	case it.kind == messageItem:
		e.partDone(it, len(it.parts)-1)
	case it.isCustom():
		if input := it.input(); len(input) > 0 {
			e.piece(it, "response.custom_tool_call_input.delta", "delta", input)
		}
		e.piece(it, "response.custom_tool_call_input.done", "input", it.input())
	case !it.isSearch():
		w := e.of(it, "response.function_call_arguments.done")
		w.TextMember("name", it.tool.Name)
		w.Name("arguments")
		w.Joined(it.text)
		e.send("response.function_call_arguments.done")
	}
	e.item("response.output_item.done", it)
}
