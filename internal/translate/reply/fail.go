package reply

import (
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// reported is the error for an error object of Anthropic's.
func reported(body []byte) error {
	_, err := dialect.ReadMessagesAnswer(body)
	return err
}

// isObject reports whether a value is an object.
func isObject(value rawjson.Value) bool { return value.Kind() == jsonscan.ObjectKind }
