package responses

import (
	"errors"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses/reference"
)

// CodePreviousNotFound is the code of the error that says that there is no response
// to continue.
const CodePreviousNotFound = "previous_response_not_found"

func invalid(param, message string) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_value", Param: param, Message: message}
}

// notContinued says that the response that a request continues is not there for it,
// whatever the reason: what another app has is not told from what nobody has.
func notContinued(id string) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: CodePreviousNotFound, Param: "previous_response_id",
		Message: "Previous response with id '" + reference.Shown(id) + "' not found.",
	}
}

// isNotContinued reports whether err is one of notContinued.
func isNotContinued(err error) bool {
	e, ok := errors.AsType[*fairlead.Error](err)
	return ok && e.Code == CodePreviousNotFound
}

// notFound says that there is no such response for the app.
func notFound(id string) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.NotFound, Code: "response_not_found", Message: "Response with id '" + reference.Shown(id) + "' not found.",
	}
}

// tooLargeToStore refuses a request whose response would be over its bounds at once.
func tooLargeToStore(detail string) *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.TooLarge, Code: "too_large_to_store", Param: "input",
		Message: "The input is too large to be stored", Detail: detail,
	}
}

// tooLongToContinue refuses a conversation that is over its bounds.
func tooLongToContinue() *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.TooLarge, Code: "conversation_too_long", Param: "previous_response_id",
		Message: "The conversation that previous_response_id names is too long to be continued",
		Detail:  "send what matters of it as input",
	}
}
