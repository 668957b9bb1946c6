package trail_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/trail"
	"github.com/fairleadhq/fairlead/internal/sse"
)

func frame(kind, members string) string {
	return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"," + members + "}\n\n"
}

const created = `"sequence_number":0,"response":{"id":"resp_1","status":"in_progress","error":null,"output":[],"usage":null}`

var broken = &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_truncated", Message: "It broke", Detail: "off", Param: ""}

// payloads are the payloads of frames, by the names of their events.
func payloads(t *testing.T, frames []byte) (names []string, payloads []map[string]any) {
	t.Helper()
	for f := range sse.Frames(frames) {
		var payload map[string]any
		if err := json.Unmarshal(sse.Data(f, nil), &payload); err != nil {
			t.Fatalf("%v in %q", err, f)
		}
		names, payloads = append(names, sse.Event(f)), append(payloads, payload)
	}
	return names, payloads
}

func TestFailure(t *testing.T) {
	var tr trail.Trail
	tr.Block([]byte(": a comment\n\n" + frame("response.created", created)))
	tr.Block([]byte(frame("response.output_item.done", `"sequence_number":4,"output_index":1,"item":{"id":"fc_1","type":"function_call"}`) +
		frame("response.output_text.delta", `"sequence_number":5,"output_index":2,"content_index":0,"item_id":"msg_2","delta":"Hel"`) +
		frame("response.output_text.delta", `"sequence_number":6,"output_index":0,"content_index":0,"item_id":"msg_0","delta":"whole"`) +
		frame("response.output_text.delta", `"sequence_number":7,"output_index":2,"content_index":0,"item_id":"msg_2","delta":"l\u00f6"`) +
		frame("response.function_call_arguments.delta", `"sequence_number":8,"output_index":3,"item_id":"fc_3","delta":"{"`) +
		frame("response.output_item.done", `"sequence_number":9,"output_index":0,"item":{"id":"msg_0","type":"message"}`)))
	if tr.HasEnded() {
		t.Error("it has ended")
	}
	names, got := payloads(t, tr.Failure(broken))
	if strings.Join(names, " ") != "error response.failed" {
		t.Fatalf("got %q", names)
	}
	if text := fmt.Sprint(got[0]); text != "map[code:upstream_truncated error:map[code:upstream_truncated message:It broke: off param:<nil> type:upstream_error] message:It broke: off param:<nil> sequence_number:10 type:error]" {
		t.Errorf("got %s", text)
	}
	text, err := json.Marshal(got[1]["response"])
	const want = `{"error":{"code":"server_error","message":"It broke: off"},"id":"resp_1","output":[{"id":"msg_0","type":"message"},{"id":"fc_1","type":"function_call"},` +
		`{"content":[{"annotations":[],"text":"Hellö","type":"output_text"}],"id":"msg_2","role":"assistant","status":"incomplete","type":"message"}],"status":"failed","usage":null}`
	if err != nil || string(text) != want || got[1]["sequence_number"] != 11.0 {
		t.Errorf("got  %s in %v\nwant %s", text, got[1]["sequence_number"], want)
	}
}

// TestNothingTold: before a stream has told of its response, there is none to fail.
func TestNothingTold(t *testing.T) {
	var tr trail.Trail
	names, got := payloads(t, tr.Failure(broken))
	if len(names) != 1 || names[0] != "error" || got[0]["sequence_number"] != 0.0 {
		t.Errorf("got %v", got)
	}
}

// TestEnded: a stream that has told its end needs no other.
func TestEnded(t *testing.T) {
	for _, kind := range []string{"completed", "incomplete", "failed"} {
		var tr trail.Trail
		tr.Block([]byte(frame("response.created", created) + frame("response."+kind, `"sequence_number":1,"response":{}`)))
		if frames := tr.Failure(broken); frames != nil || !tr.HasEnded() {
			t.Errorf("%s: got %s", kind, frames)
		}
	}
}

// TestBound: a long response is told without what came last, and still in order.
func TestBound(t *testing.T) {
	var tr trail.Trail
	tr.Block([]byte(frame("response.created", created)))
	long := strings.Repeat("x", 300<<10)
	for n := range 5 {
		tr.Block([]byte(frame("response.output_text.delta", fmt.Sprintf(`"output_index":%d,"delta":%q`, n, long))))
	}
	frames := tr.Failure(broken)
	_, got := payloads(t, frames)
	output, _ := got[1]["response"].(map[string]any)["output"].([]any)
	if len(frames) > 1<<20+4096 || len(output) < 3 {
		t.Errorf("got %d bytes and %d items", len(frames), len(output))
	}
	// What is complete makes room for more.
	for n := range 5 {
		tr.Block([]byte(frame("response.output_item.done", fmt.Sprintf(`"output_index":%d,"item":{}`, n))))
	}
	if frames := tr.Failure(broken); len(frames) > 4096 {
		t.Errorf("got %d bytes", len(frames))
	}
}

// FuzzTrail feeds any frames: no panic, and what ends the stream is JSON.
func FuzzTrail(f *testing.F) {
	f.Add([]byte(frame("response.created", created)+frame("response.output_text.delta", `"output_index":-1,"item_id":7,"delta":"\ud800"`)), "m")
	f.Add([]byte(frame("response.created", `"response":7`)), "\"\n")
	f.Fuzz(func(t *testing.T, frames []byte, message string) {
		var tr trail.Trail
		tr.Block(frames)
		names, _ := payloads(t, tr.Failure(&fairlead.Error{Kind: fairlead.Busy, Code: "c", Message: message, Param: message}))
		if len(names) > 2 || !tr.HasEnded() && names[0] != "error" {
			t.Errorf("got %q", names)
		}
	})
}
