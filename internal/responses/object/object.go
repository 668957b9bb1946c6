package object

import (
	"bytes"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Text is a string as a JSON value.
func Text(s string) rawjson.Value { return jsonscan.AppendString(nil, s) }

// With sets a member, at its place if it is there, else at the end.
func With(o rawjson.Object, name string, value rawjson.Value) rawjson.Object {
	out := make(rawjson.Object, 0, len(o)+1)
	found := false
	for _, m := range o {
		if m.Name == name {
			m.Value, found = value, true
		}
		out = append(out, m)
	}
	if !found {
		out = append(out, rawjson.Member{Name: name, Value: value})
	}
	return out
}

// Without leaves a member out.
func Without(o rawjson.Object, name string) rawjson.Object {
	out := make(rawjson.Object, 0, len(o))
	for _, m := range o {
		if m.Name != name {
			out = append(out, m)
		}
	}
	return out
}

// Encode is the object as a text.
func Encode(o rawjson.Object) []byte {
	size := 2
	for _, m := range o {
		size += len(m.Name) + len(m.Value) + len(`"":,`)
	}
	dst := append(make([]byte, 0, size), '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(jsonscan.AppendString(dst, m.Name), ':'), m.Value...)
	}
	return append(dst, '}')
}

// MemberStart is where the member of an object begins whose value stands at value: what
// is before that is white space, the colon, white space and the name. That must have no
// quote in it.
func MemberStart(body []byte, value fairlead.Span) int {
	end := bytes.LastIndexByte(body[:value.Start], '"')
	return bytes.LastIndexByte(body[:end], '"')
}

// CutMember is the edit that removes such a member, with one of the commas around it.
func CutMember(body []byte, value fairlead.Span) jsonscan.Edit {
	start := MemberStart(body, value)
	before := start
	for before > 0 && jsonscan.IsSpace(body[before-1]) {
		before--
	}
	if body[before-1] == ',' {
		return jsonscan.Edit{Start: before - 1, End: value.End}
	}
	end := value.End
	for end < len(body) && jsonscan.IsSpace(body[end]) {
		end++
	}
	if end < len(body) && body[end] == ',' {
		return jsonscan.Edit{Start: start, End: end + 1}
	}
	return jsonscan.Edit{Start: start, End: value.End}
}

// Failed is a response object that has failed with e.
func Failed(object []byte, e *fairlead.Error) []byte {
	o, err := rawjson.ReadObject(object)
	if err != nil {
		return nil
	}
	code, message := told(e)
	why := Encode(rawjson.Object{{Name: "code", Value: Text(code)}, {Name: "message", Value: Text(message)}})
	return Encode(With(With(o, "status", Text(string(fairlead.ResponseFailed))), "error", why))
}

// InStatus is a response object with that status.
func InStatus(object []byte, status fairlead.ResponseStatus) []byte {
	o, err := rawjson.ReadObject(object)
	if err != nil {
		return object
	}
	return Encode(With(o, "status", Text(string(status))))
}

// StatusOf is the status that a response object tells of itself.
func StatusOf(o rawjson.Object) fairlead.ResponseStatus {
	switch status := fairlead.ResponseStatus(o.Get("status").Text()); status {
	case fairlead.ResponseQueued, fairlead.ResponseInProgress, fairlead.ResponseIncomplete, fairlead.ResponseFailed,
		fairlead.ResponseCancelled:
		return status
	case fairlead.ResponseCompleted:
	}
	return fairlead.ResponseCompleted
}

// echoed are the members of a request that its response object repeats, with what
// they are where the request does not say.
func echoed() rawjson.Object {
	return rawjson.Object{
		{Name: "instructions", Value: rawjson.Value("null")},
		{Name: "max_output_tokens", Value: rawjson.Value("null")},
		{Name: "metadata", Value: rawjson.Value("{}")},
		{Name: "parallel_tool_calls", Value: rawjson.Value("true")},
		{Name: "previous_response_id", Value: rawjson.Value("null")},
		{Name: "reasoning", Value: rawjson.Value("null")},
		{Name: "service_tier", Value: rawjson.Value("null")},
		{Name: "store", Value: rawjson.Value("true")},
		{Name: "temperature", Value: rawjson.Value("null")},
		{Name: "text", Value: rawjson.Value(`{"format":{"type":"text"}}`)},
		{Name: "tool_choice", Value: rawjson.Value(`"auto"`)},
		{Name: "tools", Value: rawjson.Value("[]")},
		{Name: "top_p", Value: rawjson.Value("null")},
		{Name: "truncation", Value: rawjson.Value(`"disabled"`)},
	}
}

// Unanswered is the response object of a request to which there is no answer yet.
func Unanswered(body []byte, row *fairlead.Response) ([]byte, error) {
	asked, err := rawjson.ReadObject(body)
	if err != nil {
		return nil, err
	}
	o := rawjson.Object{
		{Name: "id", Value: Text(row.ID)},
		{Name: "object", Value: Text("response")},
		{Name: "created_at", Value: strconv.AppendInt(nil, row.Created.Unix(), 10)},
		{Name: "status", Value: Text(string(row.Status))},
		{Name: "background", Value: strconv.AppendBool(nil, row.Background)},
		{Name: "error", Value: rawjson.Value("null")},
		{Name: "incomplete_details", Value: rawjson.Value("null")},
		{Name: "model", Value: Text(row.Model)},
		{Name: "output", Value: rawjson.Value("[]")},
		{Name: "usage", Value: rawjson.Value("null")},
	}
	for _, m := range echoed() {
		if value := asked.Get(m.Name); value.Given() {
			m.Value = value
		}
		o = append(o, m)
	}
	return Encode(o), nil
}

// told is an error as a response object tells it: one of the few codes that typed
// clients know, and what the client would have been told.
func told(e *fairlead.Error) (code, message string) {
	if message = e.Message; e.Detail != "" {
		message += ": " + e.Detail
	}
	switch e.Kind {
	case fairlead.Limited, fairlead.Busy:
		return "rate_limit_exceeded", message
	case fairlead.Invalid, fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported:
		return "invalid_prompt", message
	case fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound, fairlead.Gone, fairlead.NotAllowed,
		fairlead.Internal, fairlead.Late, fairlead.Upstream, fairlead.Canceled:
	}
	return "server_error", message
}
