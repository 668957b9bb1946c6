package reply

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The codes of an answer that is none.
const (
	codeInvalidAnswer  = "upstream_invalid_answer"
	codeMalformedEvent = "upstream_malformed_event"
	codeTruncated      = "upstream_truncated"
	codeTooLarge       = "upstream_answer_too_large"
)

// ErrorBody returns the error as the body in which a face of the dialect tells
// of it: OpenAI's error object, or Anthropic's:
//
//	{"type": "error", "error": {"type", "message", "code"}, "request_id"}
//
// message is Message and Detail. code is Fairlead's own, which Anthropic's
// clients don't mind. The types of Anthropic's follow from the Kind:
//
//	invalid_request_error  Invalid, NotAllowed, WrongType, Unsupported
//	authentication_error   Unauthenticated
//	permission_error       Forbidden
//	not_found_error        NotFound
//	request_too_large      TooLarge
//	rate_limit_error       Limited
//	overloaded_error       Busy
//	timeout_error          Late
//	api_error              Internal, Upstream, Canceled
func ErrorBody(to fairlead.Dialect, e *fairlead.Error, requestID string) []byte {
	if to != fairlead.AnthropicMessages {
		return dialect.OpenAIError(e)
	}
	message := e.Message
	if e.Detail != "" {
		message += ": " + e.Detail
	}
	w := rawjson.NewWriter(len(message) + 160)
	w.Open('{')
	w.TextMember("type", "error")
	w.Name("error")
	w.Open('{')
	w.TextMember("type", errorType(e.Kind))
	w.TextMember("message", message)
	w.TextMember("code", e.Code)
	w.Close('}')
	w.TextMember("request_id", requestID)
	w.Close('}')
	return w.Bytes()
}

// ErrorFrame returns the error as the frame that ends a broken stream of the
// dialect.
func ErrorFrame(to fairlead.Dialect, e *fairlead.Error, requestID string) []byte {
	if to != fairlead.AnthropicMessages {
		return dialect.OpenAIErrorFrame(e)
	}
	return sse.AppendEvent(nil, "", "error", ErrorBody(to, e, requestID))
}

func errorType(kind fairlead.Kind) string {
	switch kind {
	case fairlead.Invalid, fairlead.NotAllowed, fairlead.WrongType, fairlead.Unsupported:
		return "invalid_request_error"
	case fairlead.Unauthenticated:
		return "authentication_error"
	case fairlead.Forbidden:
		return "permission_error"
	case fairlead.NotFound:
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

// reported is the error for an error object that the provider sent.
func reported(body []byte) error {
	_, err := dialect.ReadChatAnswer(body)
	return err
}

func invalid(why string) error {
	return &fairlead.Error{Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer " + why}
}

func malformed(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeMalformedEvent,
		Message: "The provider sent an event that is not valid JSON", Err: err,
	}
}

func misplaced(what string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeMalformedEvent,
		Message: "The provider sent an event that does not fit the others", Detail: what,
	}
}

func truncated(how string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTruncated,
		Message: "The provider's stream broke off before the answer was complete", Detail: "it ended " + how,
	}
}

func tooLarge() error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTooLarge,
		Message: "The provider's stream interleaves more than the service holds back",
	}
}

// isObject reports whether a value is an object.
func isObject(value rawjson.Value) bool { return value.Kind() == jsonscan.ObjectKind }
