package envelope

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// UsageOptions are the stream options that ask for usage.
const UsageOptions = `{"include_usage":true}`

// IncludeUsage returns the edit that makes the stream options at the span,
// which are an object or null, ask for usage.
func IncludeUsage(body []byte, at fairlead.Span) jsonscan.Edit {
	options := body[at.Start:at.End]
	var asked jsonscan.Span
	closeAt, err := jsonscan.Object(options, func(name []byte, value jsonscan.Span) error {
		if string(name) == "include_usage" {
			asked = value
		}
		return nil
	})
	switch {
	case err != nil:
		return jsonscan.Edit{Start: at.Start, End: at.End, With: []byte(UsageOptions)}
	case asked.End > 0:
		return jsonscan.Edit{Start: at.Start + asked.Start, End: at.Start + asked.End, With: []byte("true")}
	}
	return AddMembers(body, at.Start+closeAt, []byte(`"include_usage":true`))
}

// AddMembers returns the edit that adds members before the closing brace at
// closeAt.
func AddMembers(body []byte, closeAt int, members []byte) jsonscan.Edit {
	last := closeAt - 1
	for jsonscan.IsSpace(body[last]) {
		last--
	}
	if body[last] != '{' {
		members = append([]byte{','}, members...)
	}
	return jsonscan.Edit{Start: closeAt, End: closeAt, With: members}
}
