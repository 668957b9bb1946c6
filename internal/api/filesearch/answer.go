package filesearch

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/responses/object"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// maxWhole is the longest answer in one piece that is gathered.
const maxWhole = 64 << 20

// Answer puts into an answer what the search found.
type Answer struct {
	sources *grounding.Sources
	id      string
	tools   rawjson.Value // as the request has them, which the response tells
	choice  rawjson.Value
	results bool // that were found are told
	memory  fairlead.Memory

	emit   fairlead.Emit
	head   fairlead.Head
	whole  []byte
	frames []byte // of one event
	// inserted is how many events were put into the stream.
	inserted int
	told     bool // the item is in the stream
}

func newAnswer(call *fairlead.Call, found *grounding.Sources, body rawjson.Object) *Answer {
	var random [12]byte
	_, _ = rand.Read(random[:]) // it never fails
	return &Answer{
		sources: found, id: "fs_" + hex.EncodeToString(random[:]), memory: call.Memory,
		tools: body.Get("tools"), choice: body.Get("tool_choice"), results: included(body.Get("include")) != nil,
	}
}

// Watch returns what the call is to emit to, in place of emit. The events of a stream
// pass as they come; an answer in one piece is held back until it is whole. A nil Answer
// changes nothing.
func (a *Answer) Watch(emit fairlead.Emit) fairlead.Emit {
	if a == nil {
		return emit
	}
	a.emit = emit
	return a.event
}

func (a *Answer) event(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		a.head = *e.Head
		return a.emit(e)
	case e.End != nil && !a.head.Stream:
		if err := a.emit(fairlead.Event{Data: a.rewriteWhole()}); err != nil {
			return err
		}
		return a.emit(e)
	case e.End != nil:
		return a.emit(e)
	case !a.head.Stream:
		return a.gather(e.Data)
	}
	a.frames = a.frames[:0]
	for frame := range sse.Frames(e.Data) {
		a.frame(frame)
	}
	return a.emit(fairlead.Event{Data: a.frames})
}

// gather holds back a piece of an answer.
func (a *Answer) gather(piece []byte) error {
	if len(a.whole)+len(piece) > maxWhole {
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_answer_too_large", Message: "The provider's answer is too large",
		}
	}
	if a.memory != nil {
		if err := a.memory.Reserve(int64(len(piece))); err != nil {
			return err
		}
	}
	a.whole = append(a.whole, piece...)
	return nil
}

// rewriteWhole is an answer in one piece with what was found; one that is no response
// object is left to whoever reads it next.
func (a *Answer) rewriteWhole() []byte {
	o, err := rawjson.ReadObject(a.whole)
	if err != nil {
		return a.whole
	}
	return object.Encode(a.withOutput(a.asAsked(o)))
}

// asAsked is a response object that tells the request's own tools.
func (a *Answer) asAsked(o rawjson.Object) rawjson.Object {
	if o.Get("tools") != nil {
		o = object.With(o, "tools", a.tools)
	}
	if a.choice.Given() && o.Get("tool_choice") != nil {
		o = object.With(o, "tool_choice", a.choice)
	}
	return o
}

// withOutput is a response object whose output has the search, and what it found, in it.
func (a *Answer) withOutput(o rawjson.Object) rawjson.Object {
	items, err := rawjson.ReadArray(o.Get("output"))
	if err != nil {
		return o
	}
	all := []rawjson.Value{a.item("completed")}
	for _, item := range items {
		all = append(all, a.annotated(item))
	}
	return object.With(o, "output", array(all))
}

// item is the item that tells the search.
func (a *Answer) item(status string) rawjson.Value {
	w := rawjson.NewWriter(1 << 10) //nolint:mnd // about that much
	w.Open('{')
	w.TextMember("id", a.id)
	w.TextMember("type", "file_search_call")
	w.TextMember("status", status)
	w.Name("queries")
	w.Open('[')
	if status == "completed" {
		for _, query := range a.sources.Queries {
			w.Text(query)
		}
	}
	w.Close(']')
	w.Member("results", a.found(status))
	w.Close('}')
	return w.Bytes()
}

// found are the results as the item tells them; nil if they are not asked for.
func (a *Answer) found(status string) rawjson.Value {
	if !a.results || status != "completed" {
		return nil
	}
	w := rawjson.NewWriter(len(a.sources.Passages) << 11) //nolint:mnd // about that much
	w.Open('[')
	for i := range a.sources.Passages {
		p := &a.sources.Passages[i]
		w.Open('{')
		w.TextMember("file_id", string(p.Document))
		w.TextMember("filename", p.Name)
		w.Member("score", number(p.Score))
		w.Member("attributes", attributes(p.Metadata))
		w.TextMember("text", p.Text)
		w.Close('}')
	}
	w.Close(']')
	return w.Bytes()
}

func number(n float64) rawjson.Value {
	text, err := json.Marshal(n)
	if err != nil { // no number of JSON's
		return nil
	}
	return text
}

func attributes(all map[string]any) rawjson.Value {
	if len(all) == 0 {
		return rawjson.Value("{}")
	}
	text, err := json.Marshal(all)
	if err != nil {
		return rawjson.Value("{}")
	}
	return text
}

// annotations are those of a text: where it names sources.
func (a *Answer) annotations(text string) []rawjson.Value {
	var all []rawjson.Value
	at, index := 0, 0
	for _, m := range a.sources.Marks(text) {
		index += utf8.RuneCountInString(text[at:m.Start])
		at = m.Start
		p := &a.sources.Passages[m.Source-1]
		w := rawjson.NewWriter(256) //nolint:mnd // about that much
		w.Open('{')
		w.TextMember("type", "file_citation")
		w.IntMember("index", index)
		w.TextMember("file_id", string(p.Document))
		w.TextMember("filename", p.Name)
		w.Close('}')
		all = append(all, w.Bytes())
	}
	return all
}

// annotated is an output item whose texts have their annotations.
func (a *Answer) annotated(raw rawjson.Value) rawjson.Value {
	item, err := rawjson.ReadObject(raw)
	if err != nil || !item.Get("type").Is("message") {
		return raw
	}
	parts, err := rawjson.ReadArray(item.Get("content"))
	if err != nil {
		return raw
	}
	for i, part := range parts {
		parts[i] = a.annotatedPart(part)
	}
	return object.Encode(object.With(item, "content", array(parts)))
}

func (a *Answer) annotatedPart(raw rawjson.Value) rawjson.Value {
	part, err := rawjson.ReadObject(raw)
	if err != nil || !part.Get("type").Is("output_text") {
		return raw
	}
	found := a.annotations(part.Get("text").Text())
	if len(found) == 0 {
		return raw
	}
	own, _ := rawjson.ReadArray(part.Get("annotations")) // none
	return object.Encode(object.With(part, "annotations", array(append(own, found...))))
}

func contains(body []byte, text string) bool { return bytes.Contains(body, []byte(text)) }

func isObject(v rawjson.Value) bool { return v.Kind() == jsonscan.ObjectKind }
