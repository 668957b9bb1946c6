package refusal

import (
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// Broken is how far a stream of the Responses API had come when it broke.
type Broken struct {
	// Sequence is the number of the next event.
	Sequence int
	// Response is the response object as it was told last; nil if it never was.
	Response []byte
}

// ResponsesFrames returns the error as the frames that end a broken stream of the
// Responses API. The first is an "error", at which every OpenAI client throws: it
// has the members of the error object at the top, and the object itself. The second
// is a "response.failed" with that response, if there is one, and no output. An error before
// a stream is told as OpenAI's, by the function of that name.
func ResponsesFrames(e *fairlead.Error, at Broken) []byte {
	b := appendNumber([]byte(`{"type":"error",`), "sequence_number", at.Sequence)
	b = appendPlace(appendMember(append(b, ','), "message", wordsOf(e)), e)
	b = append(append(b, ','), OpenAI(e)[1:]...) // its only member, and the end
	out := sse.AppendEvent(nil, "", "error", b)

	failed := failedResponse(e, at)
	if failed == nil {
		return out
	}
	b = appendNumber([]byte(`{"type":"response.failed",`), "sequence_number", at.Sequence+1)
	b = append(append(append(b, `,"response":`...), failed...), '}')
	return sse.AppendEvent(out, "", "response.failed", b)
}

func appendNumber(dst []byte, name string, n int) []byte {
	return strconv.AppendInt(append(append(append(dst, '"'), name...), `":`...), int64(n), 10)
}

// failedResponse is the response as it ends; nil if there is none.
func failedResponse(e *fairlead.Error, at Broken) []byte {
	if at.Response == nil {
		return nil
	}
	b := []byte{'{'}
	_, err := jsonscan.Object(at.Response, func(name []byte, value jsonscan.Span) error {
		switch string(name) {
		case "status", "error", "output":
			return nil
		}
		b = append(jsonscan.AppendString(b, string(name)), ':')
		b = append(append(b, at.Response[value.Start:value.End]...), ',')
		return nil
	})
	if err != nil {
		return nil
	}
	b = append(b, `"status":"failed","error":{`...)
	b = appendMember(b, "code", responseCode(e.Kind))
	return append(appendMember(append(b, ','), "message", wordsOf(e)), `},"output":[]}`...)
}

// responseCode is the code of a failed response's error: those that its clients
// know are few.
func responseCode(kind fairlead.Kind) string {
	switch kind {
	case fairlead.Limited, fairlead.Busy:
		return "rate_limit_exceeded"
	case fairlead.Invalid, fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported:
		return "invalid_prompt"
	case fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound, fairlead.NotAllowed, fairlead.Internal,
		fairlead.Late, fairlead.Upstream, fairlead.Canceled, fairlead.Gone:
	}
	return "server_error"
}
