package refusal

import (
	"testing"

	"github.com/fairleadhq/fairlead"
)

func TestResponsesFrames(t *testing.T) {
	e := &fairlead.Error{Kind: fairlead.Busy, Code: "queue_full", Message: "Busy", Detail: `"x"`, Param: "p"}
	const first = "event: error\ndata: {\"type\":\"error\",\"sequence_number\":4,\"message\":\"Busy: \\\"x\\\"\",\"param\":\"p\",\"code\":\"queue_full\"," +
		"\"error\":{\"message\":\"Busy: \\\"x\\\"\",\"type\":\"service_unavailable\",\"param\":\"p\",\"code\":\"queue_full\"}}\n\n"
	if got := string(ResponsesFrames(e, Broken{Sequence: 4})); got != first {
		t.Errorf("got  %q\nwant %q", got, first)
	}
	const second = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"status\":\"failed\"," +
		"\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"Busy: \\\"x\\\"\"},\"output\":[]}}\n\n"
	at := Broken{Sequence: 4, Response: []byte(`{"id":"resp_1","status":"in_progress","output":[],"error":null}`)}
	if got := string(ResponsesFrames(e, at)); got != first+second {
		t.Errorf("got  %q\nwant %q", got, first+second)
	}
	at.Response = []byte(`{"broken`)
	if got := string(ResponsesFrames(e, at)); got != first {
		t.Errorf("got  %q\nwant %q", got, first)
	}
}

func TestResponseCodes(t *testing.T) {
	for kind, want := range map[fairlead.Kind]string{
		fairlead.Limited: "rate_limit_exceeded", fairlead.Busy: "rate_limit_exceeded", fairlead.Invalid: "invalid_prompt",
		fairlead.Upstream: "server_error", fairlead.Late: "server_error", fairlead.Internal: "server_error",
	} {
		if got := responseCode(kind); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
}
