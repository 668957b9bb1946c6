package frame

import (
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// Lane is how an event of the lane begins: what comes before the event without its
// opening brace.
func Lane(stream string) []byte {
	if stream == "" {
		return []byte("{")
	}
	b := jsonscan.AppendString([]byte(`{"stream_id":`), stream)
	return append(b, ',')
}

// Error is an error as an event, without a lane: the error object of OpenAI's, its
// status in HTTP, and in whole seconds when it is worth trying again, if that is
// known.
func Error(e *fairlead.Error, status int) []byte {
	b := append([]byte(`{"type":"error","status":`), strconv.Itoa(status)...)
	b = append(append(b, ','), refusal.OpenAI(e)[1:]...)
	if e.RetryAfter > 0 {
		seconds := int64((e.RetryAfter-1)/time.Second) + 1
		b = strconv.AppendInt(append(b[:len(b)-1], `,"retry_after":`...), seconds, 10)
		b = append(b, '}')
	}
	return b
}

// Event is an event of a type, with a number if that is not negative and members,
// which are JSON without braces and may be empty.
func Event(kind string, number int, members []byte) []byte {
	b := jsonscan.AppendString([]byte(`{"type":`), kind)
	if number >= 0 {
		b = strconv.AppendInt(append(b, `,"sequence_number":`...), int64(number), 10)
	}
	if len(members) > 0 {
		b = append(append(b, ','), members...)
	}
	return append(b, '}')
}

// Member is a member of an object.
func Member(name string, raw []byte) []byte {
	return append(append(jsonscan.AppendString(nil, name), ':'), raw...)
}

// Text is a text in JSON.
func Text(s string) []byte { return jsonscan.AppendString(nil, s) }

// ID is the id of an object; "" if it has none.
func ID(object []byte) string {
	id := ""
	_, err := jsonscan.Object(object, func(name []byte, value jsonscan.Span) error {
		if raw := object[value.Start:value.End]; string(name) == "id" && jsonscan.KindOf(raw) == jsonscan.StringKind {
			var err error
			id, err = jsonscan.String(raw)
			return err
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return id
}
