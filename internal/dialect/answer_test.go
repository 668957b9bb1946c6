package dialect

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

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
		message, code, param := ReadOpenAIError([]byte(test.body))
		if message != test.message || code != test.code || param != test.param {
			t.Errorf("%.60s: got %.60q, %q, %q", test.body, message, code, param)
		}
	}
}

func TestOpenAIError(t *testing.T) {
	for _, test := range []struct {
		err  fairlead.Error
		want string
	}{
		{
			fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Message: "model must be a string", Param: "model"},
			`{"error":{"message":"model must be a string","type":"invalid_request_error","param":"model","code":"invalid_type"}}`,
		},
		{
			fairlead.Error{Kind: fairlead.Limited, Code: "rate_limited", Message: "Rate \"limit\"", Detail: "200"},
			`{"error":{"message":"Rate \"limit\": 200","type":"rate_limit_error","param":null,"code":"rate_limited"}}`,
		},
	} {
		if got := string(OpenAIError(&test.err)); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if got, want := string(OpenAIErrorFrame(&test.err)), "data: "+test.want+"\n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOpenAIErrorTypes(t *testing.T) {
	for kind, want := range map[fairlead.Kind]string{
		fairlead.Internal: "server_error", fairlead.Invalid: "invalid_request_error", fairlead.Unauthenticated: "authentication_error",
		fairlead.Forbidden: "permission_error", fairlead.NotFound: "invalid_request_error", fairlead.NotAllowed: "invalid_request_error",
		fairlead.TooLarge: "invalid_request_error", fairlead.WrongType: "invalid_request_error", fairlead.Unsupported: "invalid_request_error",
		fairlead.Limited: "rate_limit_error", fairlead.Busy: "service_unavailable", fairlead.Late: "timeout_error",
		fairlead.Upstream: "upstream_error", fairlead.Canceled: "server_error",
	} {
		if got := openAIType(kind); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
}

func TestNativeError(t *testing.T) {
	for _, test := range []struct {
		err  fairlead.Error
		want string
	}{
		{
			fairlead.Error{Code: "rate_limited", Message: "Rate limit exceeded", Detail: "Rate limit: 200 requests per minute", RetryAfter: 44*time.Second + 1},
			`{"success":false,"error":"Rate limit exceeded","retry_after":45,"message":"Rate limit: 200 requests per minute","code":"rate_limited","request_id":"req_1_2"}`,
		},
		{
			fairlead.Error{Code: "busy", Message: "Service is busy, please try again later", RetryAfter: 30 * time.Second},
			`{"success":false,"error":"Service is busy, please try again later","retry_after":30,"code":"busy","request_id":"req_1_2"}`,
		},
		{
			fairlead.Error{Code: "c", Message: "m", RetryAfter: 1},
			`{"success":false,"error":"m","retry_after":1,"code":"c","request_id":"req_1_2"}`,
		},
		{fairlead.Error{Code: "c", Message: "m"}, `{"success":false,"error":"m","code":"c","request_id":"req_1_2"}`},
	} {
		if got := string(NativeError(&test.err, "req_1_2")); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if got, want := string(NativeErrorFrame(&test.err, "req_1_2")), "event: error\ndata: "+test.want+"\n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
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
