package mock_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/mock"
)

func TestResponse(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/responses", `{"model":"mock+echo","instructions":"Be brief.","input":[{"role":"user","content":[{"type":"input_text","text":"hello you"}]}],"metadata":{"a":"b"}}`)
	if a.status != 200 || text(t, a.body, "object") != "response" || text(t, a.body, "status") != "completed" || text(t, a.body, "metadata", "a") != "b" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if got := text(t, a.body, "output", 0, "content", 0, "text"); got != "Fairlead mock: hello you" {
		t.Errorf("got %q", got)
	}
	if in, out := at(t, a.body, "usage", "input_tokens"), at(t, a.body, "usage", "output_tokens"); in != 5.0 || out != 3.0 {
		t.Errorf("got the usage %v, %v", in, out)
	}
}

func TestResponseStream(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/responses", `{"model":"mock+tokens=3","input":"hello","stream":true}`)
	var kinds []string
	for i, frame := range a.frames() {
		kinds = append(kinds, strings.TrimPrefix(text(t, frame, "type"), "response."))
		if got := at(t, frame, "sequence_number"); got != float64(i) {
			t.Errorf("event %d has the number %v", i, got)
		}
		if !strings.Contains(a.body, "event: "+text(t, frame, "type")+"\ndata: "+frame+"\n\n") {
			t.Errorf("event %d is not named by its type", i)
		}
	}
	want := "created in_progress output_item.added content_part.added " + strings.Repeat("output_text.delta ", 3) +
		"output_text.done content_part.done output_item.done completed"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	frames := a.frames()
	whole := text(t, frames[7], "text")
	if got := text(t, frames[10], "response", "output", 0, "content", 0, "text"); got != whole || whole == "" {
		t.Errorf("got %q at the end, %q before", got, whole)
	}
	if got := text(t, frames[4], "delta") + text(t, frames[5], "delta") + text(t, frames[6], "delta"); got != whole {
		t.Errorf("got %q in pieces, %q as a whole", got, whole)
	}
}

func TestResponseIsCut(t *testing.T) {
	_, url := serve(t, mock.Options{})
	a := post(t, url+"/v1/responses", `{"model":"mock+tokens=9","input":"hello","stream":true,"max_output_tokens":2}`)
	frames := a.frames()
	last := frames[len(frames)-1]
	if text(t, last, "type") != "response.incomplete" || text(t, last, "response", "incomplete_details", "reason") != "max_output_tokens" {
		t.Errorf("got %s", last)
	}
}

func TestResponseCallsTools(t *testing.T) {
	_, url := serve(t, mock.Options{})
	const schema = `"parameters":{"required":["cmd"],"properties":{"cmd":{"type":"string"}}}`
	for _, c := range []struct{ tools, kind, member, events string }{
		{`[{"type":"web_search"},{"type":"function","name":"run",` + schema + `}]`, "function_call", "arguments", "function_call_arguments"},
		{`[{"type":"namespace","name":"shell","tools":[{"type":"function","name":"run",` + schema + `}]}]`, "function_call", "arguments", "function_call_arguments"},
		{`[{"type":"custom","name":"run"}]`, "custom_tool_call", "input", "custom_tool_call_input"},
	} {
		body := `{"model":"mock","input":"hello","tools":` + c.tools
		whole := post(t, url+"/v1/responses", body+`}`)
		if text(t, whole.body, "output", 0, "type") != c.kind || text(t, whole.body, "output", 0, "name") != "run" {
			t.Errorf("%s: got %s", c.tools, whole.body)
		}
		arguments := text(t, whole.body, "output", 0, c.member)
		stream := post(t, url+"/v1/responses", body+`,"stream":true}`)
		var pieces string
		for _, frame := range stream.frames() {
			if text(t, frame, "type") == "response."+c.events+".delta" {
				pieces += text(t, frame, "delta")
			}
		}
		if pieces != arguments || arguments == "" {
			t.Errorf("%s: got %q in pieces, %q as a whole", c.tools, pieces, arguments)
		}
		after := post(t, url+"/v1/responses", `{"model":"mock","input":[{"type":"`+c.kind+`_output","call_id":"call_1","output":"x"}],"tools":`+c.tools+`}`)
		if got := text(t, after.body, "output", 0, "type"); got != "message" {
			t.Errorf("%s: got %s after the call", c.tools, got)
		}
	}
}

// TestResponsesAreRemembered by the key that made them, unless they are not to be.
func TestResponsesAreRemembered(t *testing.T) {
	m, url := serve(t, mock.Options{})
	as := func(key, body string) answered {
		r := request(t, http.MethodPost, url+"/v1/responses", body)
		r.Header.Set("Authorization", "Bearer "+key)
		return send(t, r)
	}
	next := func(key, id, more string) answered {
		return as(key, `{"model":"mock+echo","input":"next","previous_response_id":"`+id+`"`+more+`}`)
	}
	first := text(t, as("a", `{"model":"mock","input":"first"}`).body, "id")
	second := next("a", first, "")
	third := next("a", text(t, second.body, "id"), `,"store":false`)
	if got := text(t, third.body, "output", 0, "content", 0, "text"); got != "Fairlead mock: first / next / next" {
		t.Errorf("got %q", got)
	}
	if got := text(t, third.body, "previous_response_id"); got != text(t, second.body, "id") {
		t.Errorf("got the previous id %q", got)
	}
	failed := text(t, as("a", `{"model":"mock+nofinish","input":"x"}`).body, "id")
	for name, a := range map[string]answered{
		"of another key": next("b", first, ""), "not stored": next("a", text(t, third.body, "id"), ""),
		"never made": next("a", "resp_x", ""), "failed": next("a", failed, ""),
	} {
		if a.status != 400 || text(t, a.body, "error", "code") != "previous_response_not_found" || text(t, a.body, "error", "param") != "previous_response_id" {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	m.Reset()
	if a := next("a", first, ""); a.status != 400 {
		t.Errorf("after the reset: got %d", a.status)
	}
}

func TestResponsesRefuseWhatTheRealOnesRefuse(t *testing.T) {
	m, url := serve(t, mock.Options{})
	bodies := []string{
		`{"input":"x"}`, `{"model":"mock"}`, `{"model":"mock","input":[]}`, `{"model":"mock","input":3}`, `{"model":"mock","input":[3]}`,
		`{"model":"mock","input":"x","background":true}`, `{"model":"mock","input":"x","resumable":true}`, `{"model":"mock","input":"x","stream_id":"a"}`,
		`{"model":"mock","messages":[{"role":"user","content":"x"}]}`, `{"model":"mock","input":"x","max_tokens":3}`,
		`{"model":"mock","input":"x","max_output_tokens":0}`, `{"model":"mock","input":"x","stream_options":{}}`,
		`{"model":"mock","input":"x","tools":[{"type":"function","function":{"name":"f"}}]}`, `{"model":"mock","input":"x","tools":[{}]}`,
		`{"model":"mock","input":"x","tool_choice":{"type":"function","name":"f"}}`, `{"model":"mock","input":[{"content":"x"}]}`,
		`{"model":"mock","input":[{"role":"user"}]}`, `{"model":"mock","input":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`,
		`{"model":"mock","input":[{"type":"function_call","name":"f"}]}`, `{"model":"mock","input":[{"type":"function_call_output"}]}`,
		`{"model":"mock","input":"x","input":"y"}`, `{"model":"mock+nonsense","input":"x"}`,
	}
	for _, body := range bodies {
		if a := post(t, url+"/v1/responses", body); a.status != 400 || text(t, a.body, "error", "message") == "" {
			t.Errorf("%s: got %d %s", body, a.status, a.body)
		}
	}
	if got := m.Stats().Invalid; got != int64(len(bodies)) {
		t.Errorf("%d requests counted as invalid, want %d", got, len(bodies))
	}
}
