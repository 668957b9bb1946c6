package frame

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Frame
		body, code string
	}{
		{
			name: "a request",
			text: `{"type":"response.create","stream_id":"a.B_1-2","model":"m","input":[1, 2],"stream":false,"background":true,"x\u0041":null}`,
			want: Frame{Type: ResponseCreate, Stream: "a.B_1-2", After: -1},
			body: `{"stream":true,"model":"m","input":[1, 2],"x\u0041":null}`,
		},
		{
			name: "white space", text: " {\n \"model\" : \"m\" , \"type\" : \"response.create\" , \"a\\\"b\" : {\"type\": 1} } ",
			want: Frame{Type: ResponseCreate, After: -1}, body: "{\"stream\":true,\"model\" : \"m\",\"a\\\"b\" : {\"type\": 1}}",
		},
		{
			name: "a warm-up", text: `{"generate":false,"type":"response.create"}`,
			want: Frame{Type: ResponseCreate, Warm: true, After: -1}, body: `{"stream":true}`,
		},
		{name: "generate", text: `{"generate":true,"type":"response.create"}`, want: Frame{Type: ResponseCreate, After: -1}, body: `{"stream":true}`},
		{
			name: "resume", text: `{"type":"response.resume","response_id":"resp_1","starting_after":7,"stream_id":null}`,
			want: Frame{Type: ResponseResume, Response: "resp_1", After: 7}, body: `{"stream":true}`,
		},
		{name: "no type", text: `{"stream_id":"x","model":"m"}`, code: "invalid_value", want: Frame{Stream: "x", After: -1}},
		{name: "a type that is no text", text: `{"type":7}`, code: "invalid_value", want: Frame{After: -1}},
		{name: "no JSON", text: `{"type":"ping"`, code: "invalid_json", want: Frame{Type: Ping, After: -1}},
		{name: "no object", text: `[]`, code: "invalid_json", want: Frame{After: -1}},
		{name: "two of a name", text: `{"type":"ping","type":"ping"}`, code: "invalid_json", want: Frame{Type: Ping, After: -1}},
		{name: "two of a name, one escaped", text: `{"stream_id":"a","stream\u005fid":"b"}`, code: "invalid_json", want: Frame{Stream: "a", After: -1}},
		{name: "an empty lane", text: `{"stream_id":"","type":"ping"}`, code: "invalid_stream_id", want: Frame{After: -1}},
		{name: "a lane with a quote", text: `{"stream_id":"a\"b","type":"ping"}`, code: "invalid_stream_id", want: Frame{After: -1}},
		{name: "a lane that is a number", text: `{"stream_id":1,"type":"ping"}`, code: "invalid_stream_id", want: Frame{After: -1}},
		{name: "a long lane", text: `{"stream_id":"` + strings.Repeat("a", 257) + `"}`, code: "invalid_stream_id", want: Frame{After: -1}},
		{name: "a fraction", text: `{"starting_after":1.5}`, code: "invalid_value", want: Frame{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Read([]byte(c.text))
			body := string(got.Body)
			got.Body = nil
			code := ""
			if err != nil {
				code = fairlead.AsError(err).Code
			}
			if code != c.code || got.Type != c.want.Type || got.Stream != c.want.Stream || got.Warm != c.want.Warm ||
				got.Response != c.want.Response || got.After != c.want.After {
				t.Errorf("got %+v, code %q, want %+v, code %q", got, code, c.want, c.code)
			}
			if c.code == "" && body != c.body {
				t.Errorf("body %s, want %s", body, c.body)
			}
		})
	}
}

func TestError(t *testing.T) {
	e := &fairlead.Error{
		Kind: fairlead.Limited, Code: "rate_limit_exceeded", Message: "Rate limit exceeded", RetryAfter: 1500 * time.Millisecond,
	}
	want := `{"stream_id":"a","type":"error","status":429,"error":{"message":"Rate limit exceeded","type":"rate_limit_error",` +
		`"param":null,"code":"rate_limit_exceeded"},"retry_after":2}`
	if got := string(Lane("a")) + string(Error(e, 429)[1:]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e.RetryAfter = 0
	if got := Error(e, 429); !json.Valid(got) || strings.Contains(string(got), "retry_after") {
		t.Errorf("got %s", got)
	}
}

// FuzzRead: what is read of a frame is a JSON object again, with all that it had.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"type":"response.create","stream_id":"a","input":"x"}`))
	f.Add([]byte(` { "a" : [ "\"" , {} ] , "type" : "ping" , "b":1 } `))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Read(text)
		if err != nil {
			return
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(got.Body, &after) != nil {
			t.Fatalf("of %q came %q", text, got.Body)
		}
		for _, name := range []string{"type", "stream_id", "generate", "response_id", "starting_after", "background"} {
			delete(before, name)
		}
		before["stream"] = json.RawMessage("true")
		for name, raw := range before {
			if string(after[name]) != string(raw) {
				t.Errorf("of %q came %q: %s differs", text, got.Body, name)
			}
		}
		if len(before) != len(after) {
			t.Errorf("of %q came %q", text, got.Body)
		}
	})
}
