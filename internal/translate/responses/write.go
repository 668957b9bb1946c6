package responses

import (
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// write writes the response object as it stands.
func (t *turn) write(w *rawjson.Writer) {
	w.Open('{')
	w.TextMember("id", t.opts.ID)
	w.TextMember("object", "response")
	w.IntMember("created_at", int(t.opts.Created))
	w.TextMember("status", t.status)
	t.repeat(w, "background", "false")
	w.Member("error", nil)
	w.Name("incomplete_details")
	if t.reason == "" {
		w.Raw([]byte("null"))
	} else {
		w.Open('{')
		w.TextMember("reason", t.reason)
		w.Close('}')
	}
	t.repeat(w, "instructions", "null")
	t.repeat(w, "max_output_tokens", "null")
	t.repeat(w, "max_tool_calls", "null")
	w.TextMember("model", t.model)
	w.Name("output")
	t.writeOutput(w)
	t.repeat(w, "parallel_tool_calls", "true")
	t.repeat(w, "previous_response_id", "null")
	t.repeat(w, "prompt_cache_key", "null")
	t.repeat(w, "reasoning", `{"effort":null,"summary":null}`)
	t.repeat(w, "safety_identifier", "null")
	if len(t.tier) > 0 {
		w.Member("service_tier", t.tier)
	} else {
		t.repeat(w, "service_tier", "null")
	}
	t.repeat(w, "store", "true")
	t.repeat(w, "temperature", "null")
	t.repeat(w, "text", `{"format":{"type":"text"}}`)
	t.repeat(w, "tool_choice", `"auto"`)
	t.repeat(w, "tools", "[]")
	t.repeat(w, "top_logprobs", "0")
	t.repeat(w, "top_p", "null")
	t.repeat(w, "truncation", `"disabled"`)
	w.Name("usage")
	if t.status != "in_progress" {
		t.usage.write(w)
	} else {
		w.Raw([]byte("null"))
	}
	t.repeat(w, "user", "null")
	t.repeat(w, "metadata", "{}")
	w.Close('}')
}

// repeat writes a member of the request, or what it means that there is none.
func (t *turn) repeat(w *rawjson.Writer, name, otherwise string) {
	value := t.opts.Asked.Get(name)
	if !value.Given() {
		value = rawjson.Value(otherwise)
	}
	w.Member(name, value)
}

// writeOutput writes the items of a response that is complete; one that is not has
// none yet.
func (t *turn) writeOutput(w *rawjson.Writer) {
	w.Open('[')
	if t.status != "in_progress" {
		for _, it := range t.items {
			it.write(w)
		}
	}
	w.Close(']')
}

// write writes the item as it stands.
func (it *item) write(w *rawjson.Writer) {
	w.Open('{')
	w.TextMember("id", it.id)
	switch {
	case it.kind == reasoningItem:
		w.TextMember("type", "reasoning")
		w.Name("summary")
		w.Open('[')
		if len(it.text) > 0 {
			writeSummary(w, it.text)
		}
		w.Close(']')
	case it.kind == messageItem:
		w.TextMember("type", "message")
		w.TextMember("status", it.status())
		w.TextMember("role", "assistant")
		w.Name("content")
		w.Open('[')
		for i := range it.parts {
			it.parts[i].write(w)
		}
		w.Close(']')
	case it.isCustom():
		it.writeCall(w, "custom_tool_call")
		w.Name("input")
		w.Joined(it.input())
	case it.isSearch():
		w.TextMember("type", "tool_search_call")
		w.TextMember("status", it.status())
		w.TextMember("call_id", it.callID)
		w.TextMember("execution", "client")
		w.Member("arguments", it.object())
	default:
		it.writeCall(w, "function_call")
		w.Name("arguments")
		w.Joined(it.text)
	}
	w.Close('}')
}

// writeCall writes a call, up to what the tool takes.
func (it *item) writeCall(w *rawjson.Writer, kind string) {
	w.TextMember("type", kind)
	w.TextMember("status", it.status())
	w.TextMember("call_id", it.callID)
	w.TextMember("name", it.tool.Name)
	if it.tool.Namespace != "" {
		w.TextMember("namespace", it.tool.Namespace)
	}
}

// status is how far the item is.
func (it *item) status() string {
	switch {
	case it.isOpen:
		return "in_progress"
	case it.isCut:
		return "incomplete"
	}
	return "completed"
}

// input is the inside of what a custom tool takes: the text in the object that the
// model was asked for, or whatever it wrote instead.
func (it *item) input() []byte {
	o, err := rawjson.ReadObject([]byte(it.arguments()))
	if err != nil || o.Get("input").Kind() != jsonscan.StringKind {
		return it.text
	}
	return o.Get("input").Inside()
}

// object is what the client's search for tools takes: an object, if that is what the
// model wrote.
func (it *item) object() rawjson.Value {
	object, err := rawjson.ArgumentsOf(jsonscan.AppendString(nil, it.arguments()))
	if err != nil {
		return rawjson.Value("{}")
	}
	return object
}

// arguments is what the model wrote.
func (it *item) arguments() string {
	literal := make(rawjson.Value, 0, len(it.text)+len(`""`))
	return append(append(append(literal, '"'), it.text...), '"').Text()
}

func (p *part) write(w *rawjson.Writer) {
	w.Open('{')
	if p.kind == refusalPart {
		w.TextMember("type", "refusal")
		w.Name("refusal")
		w.Joined(p.text)
	} else {
		w.TextMember("type", "output_text")
		w.Name("text")
		w.Joined(p.text)
		writeList(w, "annotations", nil)
		writeList(w, "logprobs", p.logprobs)
	}
	w.Close('}')
}

func writeSummary(w *rawjson.Writer, text []byte) {
	w.Open('{')
	w.TextMember("type", "summary_text")
	w.Name("text")
	w.Joined(text)
	w.Close('}')
}

// writeList writes a member that is an array, of which the elements are given.
func writeList(w *rawjson.Writer, name string, elements []byte) {
	w.Name(name)
	w.Open('[')
	w.Raw(elements)
	w.Close(']')
}

// usage is tokens as chat completions count them.
type usage struct {
	known                        bool
	input, cacheRead, cacheWrite int
	output, thinking, total      int
}

// read takes what a usage says; of several the last counts.
func (u *usage) read(value rawjson.Value) {
	if value.Kind() != jsonscan.ObjectKind {
		return
	}
	o, err := rawjson.ReadObject(value)
	if err != nil {
		return
	}
	*u = usage{
		known: true, input: o.Get("prompt_tokens").Count(), output: o.Get("completion_tokens").Count(),
		total: o.Get("total_tokens").Count(),
	}
	if prompt, err := rawjson.ReadObject(o.Get("prompt_tokens_details")); err == nil {
		u.cacheRead, u.cacheWrite = prompt.Get("cached_tokens").Count(), prompt.Get("cache_write_tokens").Count()
	}
	if spent, err := rawjson.ReadObject(o.Get("completion_tokens_details")); err == nil {
		u.thinking = spent.Get("reasoning_tokens").Count()
	}
	if u.total == 0 {
		u.total = u.input + u.output
	}
}

// write writes the usage of a response; null if the provider told none.
func (u *usage) write(w *rawjson.Writer) {
	if !u.known {
		w.Raw([]byte("null"))
		return
	}
	w.Open('{')
	w.IntMember("input_tokens", u.input)
	w.Name("input_tokens_details")
	w.Open('{')
	w.IntMember("cached_tokens", u.cacheRead)
	w.IntMember("cache_write_tokens", u.cacheWrite)
	w.Close('}')
	w.IntMember("output_tokens", u.output)
	w.Name("output_tokens_details")
	w.Open('{')
	w.IntMember("reasoning_tokens", u.thinking)
	w.Close('}')
	w.IntMember("total_tokens", u.total)
	w.Close('}')
}
