// Package broken names what can be wrong with a provider's answer that is to be
// translated. All are errors of Kind Upstream; none quotes the answer.
package broken

import "github.com/fairleadhq/fairlead"

// The codes of an answer that is none.
const (
	codeInvalidAnswer  = "upstream_invalid_answer"
	codeMalformedEvent = "upstream_malformed_event"
	codeTruncated      = "upstream_truncated"
	codeTooLarge       = "upstream_answer_too_large"
)

// Invalid says of an answer what it does, in a clause that follows its name.
func Invalid(why string) error {
	return &fairlead.Error{Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer " + why}
}

// NotJSON says that an answer is no JSON object.
func NotJSON(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeInvalidAnswer,
		Message: "The provider's answer is not a valid JSON object", Err: err,
	}
}

// Malformed says that an event is not JSON.
func Malformed(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeMalformedEvent,
		Message: "The provider sent an event that is not valid JSON", Err: err,
	}
}

// Misplaced says what is wrong with an event, beside those before it.
func Misplaced(what string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeMalformedEvent,
		Message: "The provider sent an event that does not fit the others", Detail: what,
	}
}

// Truncated says how a stream ended that is not whole.
func Truncated(how string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTruncated,
		Message: "The provider's stream broke off before the answer was complete", Detail: "it ended " + how,
	}
}

// Interleaved says that more of a stream would have to wait than may.
func Interleaved() error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTooLarge,
		Message: "The provider's stream interleaves more than the service holds back",
	}
}

// TooLarge says that an answer is longer than can be translated.
func TooLarge() error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTooLarge, Message: "The provider's answer is too large to be translated",
	}
}
