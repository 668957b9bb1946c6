package filesearch

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/dialect/sources"
	"github.com/fairleadhq/fairlead/internal/grounding"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// shelf has one vector store, vs_a, which is app a's.
type shelf struct{ asked []fairlead.Query }

func (*shelf) VectorStore(_ context.Context, app fairlead.AppID, id fairlead.VectorStoreID) (fairlead.VectorStore, bool, error) {
	return fairlead.VectorStore{ID: id, App: app}, app == "a" && id == "vs_a", nil
}

func (s *shelf) Search(_ context.Context, _ *fairlead.Call, q fairlead.Query) ([]fairlead.Passage, error) {
	s.asked = append(s.asked, q)
	return []fairlead.Passage{
		{Document: "file-1", Name: "knots.pdf", Page: 2, Text: "Ropes chafe.", Score: 0.75, Metadata: map[string]any{"year": 2018.0}},
		{Document: "file-2", Name: "sails.pdf", Page: 5, Text: "Sails tear.", Score: 0.5},
	}, nil
}

// grounded is what Ground made of a request.
type grounded struct {
	req    *fairlead.Request
	answer *Answer
	asked  []fairlead.Query
}

func ground(t *testing.T, app, body string) (grounded, error) {
	t.Helper()
	asked, err := envelope.Responses([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{}
	req := &fairlead.Request{Dialect: fairlead.OpenAIResponses, Body: []byte(body), Envelope: asked.Envelope, AnswerID: "resp_1"}
	got, answer, err := New(grounding.New(s), s).Ground(t.Context(), &fairlead.Call{App: &fairlead.App{ID: fairlead.AppID(app)}}, req)
	if err == nil && answer == nil && got != req {
		t.Error("a request without the tool was changed")
	}
	return grounded{got, answer, s.asked}, err
}

const tool = `{"type":"file_search","vector_store_ids":["vs_a"],"max_num_results":3,"filters":{"type":"eq","key":"year","value":2018}}`

func TestGround(t *testing.T) {
	other := `{"type":"function","name":"f","parameters":{}}`
	for _, tt := range []struct{ name, body, without string }{
		{"a text", `{"model":"m","input":"chafe?","tools":[` + tool + `]}`, "tools"},
		{"items", `{"model":"m","input":[{"role":"user","content":"no"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"input_text","text":"chafe?"}]}],"tools":[` + tool + `],"tool_choice":"required"}`, "tool_choice"},
		{"another tool", `{"model":"m","input":"chafe?","tools":[` + other + `,` + tool + `],"tool_choice":{"type":"file_search"},"include":["file_search_call.results"],"x":1}`, "tool_choice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := ground(t, "a", tt.body)
			if err != nil || g.answer == nil {
				t.Fatalf("%v, answer %v", err, g.answer)
			}
			q := g.asked[0]
			if q.Texts[0] != "chafe?" || q.Limit != 3 || q.Within.Stores[0] != "vs_a" || q.Within.Filter == nil || q.Within.Filter.Value != 2018.0 {
				t.Errorf("searched for %+v", q)
			}
			got := checkUpstream(t, g.req.Body, tt.without)
			if tt.name == "another tool" && (!strings.Contains(string(g.req.Body), other) || got["x"] != 1.0) {
				t.Errorf("upstream gets %s", g.req.Body)
			}
		})
	}
}

// checkUpstream holds that a body has the sources before its last item, and neither the
// tool nor that member.
func checkUpstream(t *testing.T, body []byte, without string) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), "vs_a") || got[without] != nil {
		t.Errorf("upstream gets %s", body)
	}
	items, _ := got["input"].([]any)
	before, _ := items[len(items)-2].(map[string]any)
	text, _ := before["content"].(string)
	if _, ok := sources.Read(text); !ok || before["role"] != "developer" {
		t.Errorf("before the question stands %v", before)
	}
	return got
}

// TestForeignStoresAreUnknown: a store of another app is one that is not there, and what
// is none of the app's goes on as it came.
func TestForeignStoresAreUnknown(t *testing.T) {
	for app, store := range map[string]string{"b": "vs_a", "a": "vs_none"} {
		body := `{"input":"x","tools":[{"type":"file_search","vector_store_ids":["` + store + `"]}]}`
		if g, err := ground(t, app, body); err != nil || g.answer != nil || len(g.asked) > 0 {
			t.Errorf("%s in %s: %v, %v", store, app, g.answer, err)
		}
	}
	// What a provider's own stores are searched with is the provider's to judge.
	for _, more := range []string{
		`"vector_store_ids":["vs_none"],"ranking_options":{"ranker":"auto","hybrid_search":{"embedding_weight":0.7,"text_weight":0.3}}`,
		`"vector_store_ids":["vs_none"],"max_num_results":500,"colour":[1]`, `"vector_store_ids":[1,null]`, `"vector_store_ids":"vs_none"`, `"vector_store_ids":[]`,
		`"vector_store_ids":["vs_none"],"filters":{"type":"like","key":"a","value":1}`, `"vector_store_ids":["` + strings.Repeat(`vs_none","`, 40) + `vs_none"]`,
	} {
		body := `{"input":"x","tools":[{"type":"file_search",` + more + `}]}`
		if g, err := ground(t, "a", body); err != nil || g.answer != nil || len(g.asked) > 0 || string(g.req.Body) != body {
			t.Errorf("%s: %v, %v", more, g.answer, err)
		}
		foreign := `{"type":"file_search", ` + more + `}`
		if g, err := ground(t, "a", `{"input":"x","tools":[`+foreign+`,`+tool+`]}`); err != nil || g.answer == nil || !strings.Contains(string(g.req.Body), foreign) {
			t.Errorf("beside the app's own: %s: %v", more, err)
		}
	}
	_, err := ground(t, "a", `{"input":"x","tools":[{"type":"file_search","vector_store_ids":["vs_a","vs_none"]}]}`)
	if e := fairlead.AsError(err); e == nil || e.Code != "vector_store_not_found" {
		t.Errorf("one of two: %v", err)
	}
	for _, wrong := range []string{
		`{"type":"file_search","vector_store_ids":["vs_a"],"max_num_results":51}`, `{"type":"file_search","vector_store_ids":["vs_a"],"colour":1}`,
		`{"type":"file_search","vector_store_ids":"vs_a"}`, `{"type":"file_search","vector_store_ids":["vs_a"],"filters":{"type":"like","key":"a","value":1}}`,
	} {
		if _, err := ground(t, "a", `{"input":"x","tools":[`+wrong+`]}`); !fairlead.IsKind(err, fairlead.Invalid) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

const text = "They chafe [1]. So é [2]!"

func wholeAnswer() string {
	return `{"id":"resp_1","object":"response","status":"completed","tools":[],"tool_choice":"auto","output":[{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"` +
		text + `","annotations":[]}]}]}`
}

// stream is an answer's events as a provider sends them, in two pieces.
func stream() []string {
	response := func(status, output string) string {
		return `"response":{"id":"resp_1","status":"` + status + `","tools":[],"output":[` + output + `]}`
	}
	part := `{"type":"output_text","text":"` + text + `","annotations":[]}`
	item := `{"id":"msg_1","type":"message","role":"assistant","content":[` + part + `]}`
	bodies := [][2]string{
		{"response.created", response("in_progress", "")},
		{"response.in_progress", response("in_progress", "")},
		{"response.output_item.added", `"output_index":0,"item":{"id":"msg_1","type":"message","content":[]}`},
		{"response.content_part.added", `"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}`},
		{"response.output_text.delta", `"item_id":"msg_1","output_index":0,"content_index":0,"delta":"` + text + `"`},
		{"response.output_text.done", `"item_id":"msg_1","output_index":0,"content_index":0,"text":"` + text + `"`},
		{"response.content_part.done", `"item_id":"msg_1","output_index":0,"content_index":0,"part":` + part},
		{"response.output_item.done", `"output_index":0,"item":` + item},
		{"response.completed", response("completed", item)},
	}
	var frames []string
	for i, b := range bodies {
		frames = append(frames, string(sse.AppendEvent(nil, "", b[0], fmt.Appendf(nil, `{"type":%q,"sequence_number":%d,%s}`, b[0], i, b[1]))))
	}
	return append(frames[:2:2], append([]string{": alive\n\n"}, frames[2:]...)...)
}

func answerTo(t *testing.T) *Answer {
	t.Helper()
	g, err := ground(t, "a", `{"input":"chafe?","tools":[`+tool+`],"include":["file_search_call.results"]}`)
	if err != nil {
		t.Fatal(err)
	}
	return g.answer
}

// told is what a client makes of an answer's output.
type told struct {
	Status string
	Tools  []any
	Output []struct {
		Type    string
		Queries []string
		Results []struct {
			FileID string `json:"file_id"`
			Score  float64
			Text   string
		}
		Content []struct {
			Annotations []struct {
				Type, Filename string
				FileID         string `json:"file_id"`
				Index          int
			}
		}
	}
}

func check(t *testing.T, got told) {
	t.Helper()
	if len(got.Output) != 2 || len(got.Tools) != 1 {
		t.Fatalf("got %+v", got)
	}
	call := got.Output[0]
	if call.Type != "file_search_call" || len(call.Queries) != 1 || len(call.Results) != 2 || call.Results[0].FileID != "file-1" || call.Results[0].Text != "Ropes chafe." {
		t.Errorf("the search is told as %+v", call)
	}
	notes := got.Output[1].Content[0].Annotations
	if len(notes) != 2 || notes[0].FileID != "file-1" || notes[0].Index != 11 || notes[1].FileID != "file-2" || notes[1].Index != 21 || notes[1].Type != "file_citation" {
		t.Errorf("annotations %+v", notes)
	}
}

func TestWholeAnswer(t *testing.T) {
	var out []byte
	emit := answerTo(t).Watch(func(e fairlead.Event) error { out = append(out, e.Data...); return nil })
	body := wholeAnswer()
	for _, e := range []fairlead.Event{{Head: &fairlead.Head{}}, {Data: []byte(body[:70])}, {Data: []byte(body[70:])}, {End: &fairlead.End{}}} {
		if err := emit(e); err != nil {
			t.Fatal(err)
		}
	}
	var got told
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	check(t, got)
}

// TestStream: the numbers of events and items stay without gaps, and the events add up
// to the response that the last one tells.
func TestStream(t *testing.T) {
	var out []byte
	emit := answerTo(t).Watch(func(e fairlead.Event) error { out = append(out, e.Data...); return nil })
	if err := emit(fairlead.Event{Head: &fairlead.Head{Stream: true}}); err != nil {
		t.Fatal(err)
	}
	for _, frame := range stream() {
		if err := emit(fairlead.Event{Data: []byte(frame)}); err != nil {
			t.Fatal(err)
		}
	}
	n, annotations := 0, 0
	var last struct{ Response told }
	for frame := range sse.Frames(out) {
		data := sse.Data(frame, nil)
		if data == nil {
			continue
		}
		var event struct {
			Type           string
			SequenceNumber int  `json:"sequence_number"`
			OutputIndex    *int `json:"output_index"`
		}
		if err := json.Unmarshal(data, &event); err != nil {
			t.Fatal(err)
		}
		if event.SequenceNumber != n || sse.Event(frame) != event.Type {
			t.Errorf("event %d is %s", n, frame)
		}
		if event.OutputIndex != nil && (*event.OutputIndex == 0) != (n >= 2 && n < 7) {
			t.Errorf("event %d, %s, is of item %d", n, event.Type, *event.OutputIndex)
		}
		if event.Type == "response.output_text.annotation.added" {
			annotations++
		}
		n++
		_ = json.Unmarshal(data, &last)
	}
	if n != 9+5+2 || annotations != 2 {
		t.Errorf("%d events, %d annotations", n, annotations)
	}
	check(t, last.Response)
}
