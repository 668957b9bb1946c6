// Package refusal writes an error in the shape in which the clients of each
// dialect look for one: as the body of an answer, and as the frame that ends a
// stream which has begun.
//
// Start with OpenAI, Anthropic and Native; ResponsesFrames ends streams of OpenAI's
// Responses API. The functions keep no state.
package refusal

import (
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// OpenAI returns the error as OpenAI's error object:
// {"error": {"message", "type", "param", "code"}}. message is Message and
// Detail; param is null when there is none. type follows from the Kind:
//
//	invalid_request_error  Invalid, NotFound, Gone, NotAllowed, TooLarge, WrongType, Unsupported
//	authentication_error   Unauthenticated
//	permission_error       Forbidden
//	rate_limit_error       Limited
//	service_unavailable    Busy
//	timeout_error          Late
//	upstream_error         Upstream
//	server_error           Internal, Canceled
func OpenAI(e *fairlead.Error) []byte {
	b := appendMember([]byte(`{"error":{`), "message", wordsOf(e))
	b = appendMember(append(b, ','), "type", openAIType(e.Kind))
	return append(appendPlace(b, e), "}}"...)
}

// appendPlace appends what went wrong and where, to members before.
func appendPlace(b []byte, e *fairlead.Error) []byte {
	if e.Param == "" {
		b = append(b, `,"param":null`...)
	} else {
		b = appendMember(append(b, ','), "param", e.Param)
	}
	return appendMember(append(b, ','), "code", e.Code)
}

// wordsOf is what an error says to its caller.
func wordsOf(e *fairlead.Error) string {
	if e.Detail == "" {
		return e.Message
	}
	return e.Message + ": " + e.Detail
}

// OpenAIFrame returns the error as the frame that ends a broken stream,
// in the form at which every OpenAI client throws.
func OpenAIFrame(e *fairlead.Error) []byte {
	return sse.AppendData(nil, OpenAI(e))
}

func openAIType(kind fairlead.Kind) string {
	switch kind {
	case fairlead.Invalid, fairlead.NotFound, fairlead.Gone, fairlead.NotAllowed, fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported:
		return "invalid_request_error"
	case fairlead.Unauthenticated:
		return "authentication_error"
	case fairlead.Forbidden:
		return "permission_error"
	case fairlead.Limited:
		return "rate_limit_error"
	case fairlead.Busy:
		return "service_unavailable"
	case fairlead.Late:
		return "timeout_error"
	case fairlead.Upstream:
		return "upstream_error"
	case fairlead.Internal, fairlead.Canceled:
		return "server_error"
	}
	return "server_error"
}

// Anthropic returns the error as Anthropic's error body:
//
//	{"type": "error", "error": {"type", "message", "code", "param"}, "request_id"}
//
// message is Message and Detail. code and param, which is left out if there is
// none, are Fairlead's own; Anthropic's clients don't mind them. type follows from
// the Kind:
//
//	invalid_request_error  Invalid, NotAllowed, WrongType, Unsupported
//	authentication_error   Unauthenticated
//	permission_error       Forbidden
//	not_found_error        NotFound, Gone
//	request_too_large      TooLarge
//	rate_limit_error       Limited
//	overloaded_error       Busy
//	timeout_error          Late
//	api_error              Internal, Upstream, Canceled
func Anthropic(e *fairlead.Error, requestID string) []byte {
	b := appendMember([]byte(`{"type":"error","error":{`), "type", anthropicType(e.Kind))
	b = appendMember(append(b, ','), "message", wordsOf(e))
	b = appendMember(append(b, ','), "code", e.Code)
	if e.Param != "" {
		b = appendMember(append(b, ','), "param", e.Param)
	}
	b = appendMember(append(b, "},"...), "request_id", requestID)
	return append(b, '}')
}

// AnthropicFrame returns the error as the frame that ends a broken stream of
// Anthropic's messages.
func AnthropicFrame(e *fairlead.Error, requestID string) []byte {
	return sse.AppendEvent(nil, "", "error", Anthropic(e, requestID))
}

func anthropicType(kind fairlead.Kind) string {
	switch kind {
	case fairlead.Invalid, fairlead.NotAllowed, fairlead.WrongType, fairlead.Unsupported:
		return "invalid_request_error"
	case fairlead.Unauthenticated:
		return "authentication_error"
	case fairlead.Forbidden:
		return "permission_error"
	case fairlead.NotFound, fairlead.Gone:
		return "not_found_error"
	case fairlead.TooLarge:
		return "request_too_large"
	case fairlead.Limited:
		return "rate_limit_error"
	case fairlead.Busy:
		return "overloaded_error"
	case fairlead.Late:
		return "timeout_error"
	case fairlead.Internal, fairlead.Upstream, fairlead.Canceled:
		return "api_error"
	}
	return "api_error"
}

// Native returns the error as the native API's body:
// {"success": false, "error", "retry_after", "message", "code", "request_id"}.
// error is Message, message is Detail; retry_after, in whole seconds rounded
// up, and message are only there when they are known.
func Native(e *fairlead.Error, requestID string) []byte {
	b := appendMember([]byte(`{"success":false,`), "error", e.Message)
	if e.RetryAfter > 0 {
		b = append(b, `,"retry_after":`...)
		b = strconv.AppendInt(b, int64((e.RetryAfter-1)/time.Second)+1, 10)
	}
	if e.Detail != "" {
		b = appendMember(append(b, ','), "message", e.Detail)
	}
	b = appendMember(append(b, ','), "code", e.Code)
	b = appendMember(append(b, ','), "request_id", requestID)
	return append(b, '}')
}

// NativeFrame returns the error as the frame that ends a broken native
// stream, with the event name "error".
func NativeFrame(e *fairlead.Error, requestID string) []byte {
	return sse.AppendEvent(nil, "", "error", Native(e, requestID))
}

// appendMember appends "name":"value"; name needs no escaping.
func appendMember(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, '"'), name...), `":`...)
	return jsonscan.AppendString(dst, value)
}
