package task

import (
	"strings"

	"github.com/fairleadhq/fairlead"
)

// maxQuestion is the longest question, in bytes.
const maxQuestion = 8 << 10

// Asked is the task that a caller asks for. Errors are of Kind Invalid with the codes
// invalid_analysis_type, missing_field and too_long.
func Asked(analysisType, question string) (Task, error) {
	known := false
	for _, t := range Types() {
		known = known || string(t) == analysisType
	}
	switch {
	case analysisType == "":
		return Task{}, Missing("analysis_type", "The body has no analysis_type")
	case !known:
		return Task{}, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_analysis_type", Param: "analysis_type",
			Message: "analysis_type must be summary, investment, risk, financial or custom",
		}
	case analysisType == string(Custom) && strings.TrimSpace(question) == "":
		return Task{}, Missing("question", "An analysis of the type custom needs a question")
	}
	return bounded(For(Type(analysisType), question), "question")
}

// Focused is the task of insights, for a caller who wants to know of focus before all.
// Its error is of Kind Invalid with the code too_long.
func Focused(focus string) (Task, error) { return bounded(For(Insights, focus), "focus") }

func bounded(t Task, field string) (Task, error) {
	if len(t.Question) > maxQuestion {
		return Task{}, &fairlead.Error{Kind: fairlead.Invalid, Code: "too_long", Param: field, Message: field + " must not be longer than 8 KiB"}
	}
	return t, nil
}

// Missing is the error for a request without a field.
func Missing(field, message string) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: "missing_field", Param: field, Message: message}
}
