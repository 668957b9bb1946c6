package refusal

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

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
		if got := string(OpenAI(&test.err)); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if got, want := string(OpenAIFrame(&test.err)), "data: "+test.want+"\n\n"; got != want {
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
		fairlead.Gone: "invalid_request_error",
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
		if got := string(Native(&test.err, "req_1_2")); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if got, want := string(NativeFrame(&test.err, "req_1_2")), "event: error\ndata: "+test.want+"\n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAnthropic(t *testing.T) {
	e := &fairlead.Error{Kind: fairlead.Limited, Code: "rate_limit_requests", Message: "Rate limit exceeded", Detail: "\"d\""}
	const want = `{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit exceeded: \"d\"","code":"rate_limit_requests"},"request_id":"req_1"}`
	if got := string(Anthropic(e, "req_1")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(AnthropicFrame(e, "req_1")); got != "event: error\ndata: "+want+"\n\n" {
		t.Errorf("got the frame %q", got)
	}
	e = &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_type", Message: "m", Param: "model"}
	if got := string(Anthropic(e, "")); got != `{"type":"error","error":{"type":"invalid_request_error","message":"m","code":"invalid_type","param":"model"},"request_id":""}` {
		t.Errorf("got %s", got)
	}
}

func TestAnthropicTypes(t *testing.T) {
	for kind, want := range map[fairlead.Kind]string{
		fairlead.Invalid: "invalid_request_error", fairlead.NotAllowed: "invalid_request_error", fairlead.WrongType: "invalid_request_error",
		fairlead.Unsupported: "invalid_request_error", fairlead.Unauthenticated: "authentication_error", fairlead.Forbidden: "permission_error",
		fairlead.NotFound: "not_found_error", fairlead.TooLarge: "request_too_large", fairlead.Limited: "rate_limit_error", fairlead.Busy: "overloaded_error",
		fairlead.Late: "timeout_error", fairlead.Upstream: "api_error", fairlead.Internal: "api_error", fairlead.Canceled: "api_error",
	} {
		if got := anthropicType(kind); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
}
