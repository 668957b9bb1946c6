package reply

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The codes of an answer that is none.
const (
	codeInvalidAnswer  = "upstream_invalid_answer"
	codeMalformedEvent = "upstream_malformed_event"
	codeTruncated      = "upstream_truncated"
	codeTooLarge       = "upstream_answer_too_large"
)

// reported is the error for an error object of Anthropic's.
func reported(body []byte) error {
	_, err := dialect.ReadMessagesAnswer(body)
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
