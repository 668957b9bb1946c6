package rawjson

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// ArgumentsOf reads a call's arguments, which chat completions have as the text
// of an object within a string: the object; an empty one if there are none. The
// error is a *jsonscan.Error.
func ArgumentsOf(arguments Value) (Value, error) {
	text := strings.TrimSpace(arguments.Text())
	if text == "" && (!arguments.Given() || arguments.Kind() == jsonscan.StringKind) {
		return Value("{}"), nil
	}
	if _, err := jsonscan.Object([]byte(text), func([]byte, jsonscan.Span) error { return nil }); err != nil {
		return nil, err
	}
	return Value(text), nil
}

// CallID is a call's id in the letters that Anthropic's API takes: others become
// an underscore, so that a call and its result still match.
func CallID(id string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-':
			return r
		}
		return '_'
	}, id)
}
