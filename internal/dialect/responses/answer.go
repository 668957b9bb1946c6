package responses

import (
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

const codeInvalidAnswer = "upstream_invalid_answer"

// The states of a response that has ended.
const (
	statusCompleted  = "completed"
	statusIncomplete = "incomplete"
	statusFailed     = "failed"
)

const (
	// busyRetry is how long to stay away from a provider that says within an answer
	// that it is busy: there is no place for a wait in it.
	busyRetry = 5 * time.Second
	// longestCode is the most characters of a provider's code that is passed on.
	longestCode = 64
)

// ReadAnswer reads the end of a whole response: its usage, and why it ended, which
// is its status, or what made it incomplete. Errors are
// those of a response that has failed, or of an error object in its place, and
// upstream_invalid_answer when the body is not one complete JSON object with an id,
// an output and the status of a response that has ended.
func ReadAnswer(body []byte) (fairlead.End, error) {
	var r response
	s := jsonscan.NewScanner(body)
	if err := r.read(s, body); err != nil {
		return fairlead.End{}, invalid("The provider's answer is not a valid JSON object", err)
	}
	if err := s.End(); err != nil {
		return fairlead.End{}, invalid("The provider's answer is not a valid JSON object", err)
	}
	switch {
	case r.failed():
		return fairlead.End{}, failure(r.errorIn(body))
	case !r.named:
		return fairlead.End{}, invalid("The provider's answer has no id", nil)
	case !r.listed:
		return fairlead.End{}, invalid("The provider's answer has no output", nil)
	case r.status != statusCompleted && r.status != statusIncomplete:
		return fairlead.End{}, invalid("The provider's answer is a response that has not ended", nil)
	}
	return r.end(), nil
}

func invalid(message string, err error) error {
	return &fairlead.Error{Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: message, Err: err}
}

// response is what the service wants to know of a response object.
type response struct {
	status string
	// reason is why it is incomplete; "" if it does not say.
	reason string
	usage  fairlead.Usage
	// named says that it has an id, listed that it has an output.
	named, listed bool
	// err is where its error stands, unless that is null.
	err fairlead.Span
}

func (r *response) failed() bool { return r.err.Present() || r.status == statusFailed }

// errorIn is the error object; nil if there is none.
func (r *response) errorIn(text []byte) []byte {
	if !r.err.Present() {
		return nil
	}
	return text[r.err.Start:r.err.End]
}

func (r *response) end() fairlead.End {
	finish := r.status
	if r.status == statusIncomplete && r.reason != "" {
		finish = r.reason
	}
	return fairlead.End{Usage: r.usage, Finish: finish}
}

// read reads the object at which s stands in text.
func (r *response) read(s *jsonscan.Scanner, text []byte) error {
	_, err := s.Object(func(name []byte) error { return r.member(s, text, name) })
	return err
}

func (r *response) member(s *jsonscan.Scanner, text, name []byte) (err error) {
	switch string(name) {
	case "id":
		var id string
		id, err = word(s, text)
		r.named = id != ""
	case "output":
		r.listed = s.Kind() == jsonscan.ArrayKind
	case "status":
		r.status, err = word(s, text)
	case "error":
		r.err, err = span(s)
	case "incomplete_details":
		err = members(s, func(name []byte) error {
			if string(name) == "reason" {
				r.reason, err = word(s, text)
			}
			return err
		})
	case "usage":
		err = members(s, func(name []byte) error { return r.count(s, text, name) })
	}
	return err
}

func (r *response) count(s *jsonscan.Scanner, text, name []byte) error {
	var count *int
	switch string(name) {
	case "input_tokens":
		count = &r.usage.Input
	case "output_tokens":
		count = &r.usage.Output
	default:
		return nil
	}
	at, err := s.Skip()
	if err != nil {
		return err
	}
	n, _ := jsonscan.Int(text[at.Start:at.End])
	*count = max(0, n)
	return nil
}

// word reads the next value if it is a string; "" if it is none.
func word(s *jsonscan.Scanner, text []byte) (string, error) {
	if s.Kind() != jsonscan.StringKind {
		return "", nil
	}
	at, err := s.Skip()
	if err != nil {
		return "", err
	}
	return jsonscan.String(text[at.Start:at.End])
}

// span is where the next value stands, unless that is null.
func span(s *jsonscan.Scanner) (fairlead.Span, error) {
	if s.Kind() == jsonscan.NullKind {
		return fairlead.Span{}, nil
	}
	at, err := s.Skip()
	return fairlead.Span(at), err
}

// members reads the next value if it is an object.
func members(s *jsonscan.Scanner, member func(name []byte) error) error {
	if s.Kind() != jsonscan.ObjectKind {
		return nil
	}
	_, err := s.Object(member)
	return err
}

// failure is the error that an error object tells, which stands in an answer whose
// status was 200: its code says what a status would have said.
func failure(object []byte) error {
	e := dialect.Reported(object)
	switch code := dialect.ReadOpenAIError(object).Code; {
	case code == "rate_limit_exceeded":
		e.Kind, e.Code, e.Message, e.RetryAfter = fairlead.Busy, "provider_rate_limited", "The provider's rate limit is reached", busyRetry
	case code == "server_is_overloaded", code == "slow_down":
		e.Kind, e.Code, e.Message, e.RetryAfter = fairlead.Busy, "provider_unavailable", "The provider is busy", busyRetry
	case isOfRequest(code):
		e.Kind, e.Code, e.Message = fairlead.Invalid, code, "The provider found the request invalid"
		if e.Detail != "" {
			e.Message, e.Detail = e.Detail, ""
		}
	}
	return e
}

// isOfRequest reports whether a code says that the request is at fault: its prompt,
// or an image in it.
func isOfRequest(code string) bool {
	if len(code) > longestCode || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return false
	}
	return strings.HasPrefix(code, "invalid_prompt") || strings.Contains(code, "image")
}
