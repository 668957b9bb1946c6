package dialect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
)

func TestReadChatAnswer(t *testing.T) {
	for _, test := range []struct {
		body string
		want fairlead.End
	}{
		{
			`{"id":"x","choices":[{"message":{"finish_reason":"no"},"finish_reason":"stop"},{"finish_reason":"length","message":{}}],"usage":{"prompt_tokens":3,"completion_tokens":4,"completion_tokens_details":{}}}`,
			fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 4}, Finish: "stop"},
		},
		{`{"error":null,"usage":null,"choices":[{"finish_reason":null,"message":{}}]} `, fairlead.End{}},
		{`{"usage":{"prompt_tokens":"3","completion_tokens":-4},"choices":[{"message":{"content":null}}]}`, fairlead.End{}},
	} {
		if got, err := ReadChatAnswer([]byte(test.body)); got != test.want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", test.body, got, err, test.want)
		}
	}
}

func TestReadAnswerRefuses(t *testing.T) {
	for body, code := range map[string]string{
		"":                                    codeInvalidAnswer,
		"<html>":                              codeInvalidAnswer,
		`[]`:                                  codeInvalidAnswer,
		`{"choices":[{}]`:                     codeInvalidAnswer,
		`{"choices":[{}]}{}`:                  codeInvalidAnswer,
		`{"id":"x"}`:                          codeInvalidAnswer,
		`{"choices":null}`:                    codeInvalidAnswer,
		`{"choices":[]}`:                      codeInvalidAnswer,
		`{"choices":["odd"]}`:                 codeInvalidAnswer,
		`{"choices":[{}]}`:                    codeInvalidAnswer,
		`{"choices":[{"message":null}]}`:      codeInvalidAnswer,
		`{"choices":[{"message":"Hi."}]}`:     codeInvalidAnswer,
		`{"choices":[{"message":{}},{}]}`:     codeInvalidAnswer,
		`{"error":{"message":"m"}}`:           codeUpstreamError,
		`{"choices":[{}],"error":"overload"}`: codeUpstreamError,
	} {
		_, err := ReadChatAnswer([]byte(body))
		wantRefusal(t, body, err, fairlead.Error{Kind: fairlead.Upstream, Code: code})
	}
}

func TestReadEmbeddingsAnswer(t *testing.T) {
	got, err := ReadEmbeddingsAnswer([]byte(`{"data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":5,"total_tokens":5}}`))
	if want := (fairlead.End{Usage: fairlead.Usage{Input: 5}}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	_, err = ReadEmbeddingsAnswer([]byte(`{"choices":[{}]}`))
	wantRefusal(t, "no data", err, fairlead.Error{Kind: fairlead.Upstream, Code: codeInvalidAnswer})
}

func TestProvidersErrorTextReachesTheCaller(t *testing.T) {
	for body, detail := range map[string]string{
		`{"error":{"message":"overloaded","code":"x"}}`:                "overloaded",
		`{"error":"overloaded"}`:                                       "overloaded",
		`{"error":{"message":"Incorrect API key provided: sk-ab***"}}`: "",
		`{"error":17}`: "",
	} {
		_, err := ReadChatAnswer([]byte(body))
		if got := fairlead.AsError(err); got.Detail != detail || got.Err != nil {
			t.Errorf("%s: got detail %q, err %v, want %q", body, got.Detail, got.Err, detail)
		}
	}
}

func TestReadOpenAIError(t *testing.T) {
	long := strings.Repeat("é", maxErrorText)
	for _, test := range []struct{ body, message, code, param string }{
		{`{"error":{"message":"m","type":"t","param":"p","code":"c"}}`, "m", "c", "p"},
		{`{"error":{"message":"m","param":null,"code":400}}`, "m", "", ""},
		{` {"error": "m" }`, "m", "", ""},
		{`{"object":"error","message":"m","code":"c","error":null}`, "m", "c", ""},
		{`{"error":{"message":"` + long + `xyz"}}`, long, "", ""},
		{`{"error":{"message":"` + long + `"}}`, long, "", ""},
		{`{"error":[]}`, "", "", ""},
		{`<html>`, "", "", ""},
		{``, "", "", ""},
		{`{"error":{"message":"m"}`, "", "", ""},
	} {
		if got := ReadOpenAIError([]byte(test.body)); got.Message != test.message || got.Code != test.code || got.Param != test.param {
			t.Errorf("%.60s: got %.60q", test.body, got)
		}
	}
}

func TestNativeAnswer(t *testing.T) {
	head := NativeHead{RequestID: "req_1_2", Model: "gpt", Provider: "open\"ai"}
	const start = `{"success":true,"request_id":"req_1_2","model":"gpt","provider":"open\"ai",`
	for _, test := range []struct{ chat, want string }{
		{
			`{"usage":{"prompt_tokens": 1,"new":[]},"choices":[{"index":0,"message":{"role":"assistant","content":"h\u0069","thinking":{}},"finish_reason":"stop"},{"message":{"content":"second"}}]}`,
			start + `"message":{"role":"assistant","content":"h\u0069","thinking":{}},"content":"h\u0069","usage":{"prompt_tokens": 1,"new":[]}}`,
		},
		{
			`{"choices":[{"message":{"role":"assistant","tool_calls":[]}}]}`,
			start + `"message":{"role":"assistant","tool_calls":[]},"content":null,"usage":null}`,
		},
		{`{"choices":[{"message":{}}],"usage":null}`, start + `"message":{},"content":null,"usage":null}`},
	} {
		got, err := NativeAnswer([]byte(test.chat), head)
		if string(got) != test.want || err != nil {
			t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
	for _, bad := range []string{``, `{}`, `{"choices":[]}`, `{"choices":["x",{"message":{}}]}`, `{"choices":[{"text":"x"}]}`, `{"choices":[{"message":{}}]`} {
		_, err := NativeAnswer([]byte(bad), head)
		wantRefusal(t, bad, err, fairlead.Error{Kind: fairlead.Upstream, Code: codeInvalidAnswer})
	}
}
