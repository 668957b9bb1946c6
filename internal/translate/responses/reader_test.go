package responses_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/sse"
)

// reader puts a response together from its events as clients do, and is as strict
// as the strictest of them.
type reader struct {
	t        *testing.T
	sequence int
	items    []map[string]any
	final    map[string]any
	kinds    []string
}

// event is an event of a stream.
type event struct {
	Type                                         string
	Sequence                                     int    `json:"sequence_number"`
	Output                                       int    `json:"output_index"`
	Content                                      int    `json:"content_index"`
	Summary                                      int    `json:"summary_index"`
	ItemID                                       string `json:"item_id"`
	Delta, Text, Arguments, Input, Refusal, Name string
	Item, Part, Response                         map[string]any
}

// read reads a stream.
func read(t *testing.T, stream []byte) *reader {
	t.Helper()
	r := &reader{t: t}
	for frame := range sse.Frames(stream) {
		var e event
		if err := json.Unmarshal(sse.Data(frame, nil), &e); err != nil {
			t.Fatalf("%v in %q", err, frame)
		}
		if e.Type != sse.Event(frame) || e.Sequence != r.sequence || r.final != nil {
			t.Fatalf("number %d is %q, after the end: %v", r.sequence, frame, r.final != nil)
		}
		r.sequence++
		r.kinds = append(r.kinds, strings.TrimPrefix(e.Type, "response."))
		r.take(&e)
	}
	return r
}

// take applies one event.
func (r *reader) take(e *event) {
	r.t.Helper()
	switch kind := strings.TrimPrefix(e.Type, "response."); kind {
	case "created", "in_progress":
		if r.sequence > 2 || e.Response["status"] != "in_progress" {
			r.t.Fatalf("%s is number %d: %v", kind, r.sequence-1, e.Response)
		}
	case "completed", "incomplete":
		r.final = e.Response
		r.compare()
	case "output_item.added":
		if e.Output != len(r.items) {
			r.t.Fatalf("item %d is added as number %d", len(r.items), e.Output)
		}
		r.items = append(r.items, e.Item)
	case "output_item.done":
		if e.Item["type"] == "tool_search_call" { // which is told when it is complete
			r.items[e.Output]["arguments"] = e.Item["arguments"]
		}
		r.equal(kind, withoutStatus(r.items[e.Output]), withoutStatus(e.Item))
		r.items[e.Output] = e.Item
	default:
		r.inside(e, kind)
	}
}

// inside applies an event of an item.
func (r *reader) inside(e *event, kind string) {
	r.t.Helper()
	it := r.items[e.Output]
	if it["id"] != e.ItemID {
		r.t.Fatalf("%s is of %s, want %v", kind, e.ItemID, it["id"])
	}
	switch kind {
	case "content_part.added":
		it["content"] = append(list(it["content"]), e.Part)
	case "content_part.done":
		r.equal(kind, list(it["content"])[e.Content], e.Part)
	case "reasoning_summary_part.added":
		it["summary"] = append(list(it["summary"]), e.Part)
	case "reasoning_summary_part.done":
		r.equal(kind, list(it["summary"])[e.Summary], e.Part)
	case "output_text.delta":
		add(part(it, "content", e.Content), "text", e.Delta)
	case "output_text.done":
		r.equal(kind, part(it, "content", e.Content)["text"], e.Text)
	case "refusal.delta":
		add(part(it, "content", e.Content), "refusal", e.Delta)
	case "refusal.done":
		r.equal(kind, part(it, "content", e.Content)["refusal"], e.Refusal)
	case "reasoning_summary_text.delta":
		add(part(it, "summary", e.Summary), "text", e.Delta)
	case "reasoning_summary_text.done":
		r.equal(kind, part(it, "summary", e.Summary)["text"], e.Text)
	case "function_call_arguments.delta":
		add(it, "arguments", e.Delta)
	case "function_call_arguments.done":
		r.equal(kind, it["arguments"], e.Arguments)
		r.equal(kind, it["name"], e.Name)
	case "custom_tool_call_input.delta":
		add(it, "input", e.Delta)
	case "custom_tool_call_input.done":
		r.equal(kind, it["input"], e.Input)
	default:
		r.t.Fatalf("no client knows %s", kind)
	}
}

// compare holds the last event to what the others told.
func (r *reader) compare() {
	r.t.Helper()
	told := make([]any, 0, len(r.items))
	for _, it := range r.items {
		told = append(told, it)
	}
	r.equal("output", told, list(r.final["output"]))
}

func (r *reader) equal(what string, told, got any) {
	r.t.Helper()
	if !reflect.DeepEqual(plain(told), plain(got)) {
		r.t.Fatalf("%s: got %v, want what was told: %v", what, got, told)
	}
}

// plain is a value without log probabilities, which come in pieces of their own.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range value {
			if name != "logprobs" {
				out[name] = plain(member)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(value))
		for _, one := range value {
			out = append(out, plain(one))
		}
		return out
	}
	return value
}

func list(value any) []any {
	l, _ := value.([]any)
	return l
}

func part(it map[string]any, name string, n int) map[string]any {
	p, _ := list(it[name])[n].(map[string]any)
	return p
}

func add(o map[string]any, name, piece string) { o[name] = fmt.Sprint(o[name]) + piece }

func withoutStatus(it map[string]any) map[string]any {
	out := map[string]any{}
	for name, member := range it {
		if name != "status" {
			out[name] = member
		}
	}
	return out
}
