package dialect

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// The codes of an answer that is none.
const (
	codeInvalidAnswer  = "upstream_invalid_answer"
	codeUpstreamError  = "upstream_error"
	codeMalformedEvent = "upstream_malformed_event"
	codeTruncated      = "upstream_truncated"
)

// maxErrorText is how many characters of a provider's error text are passed on.
const maxErrorText = 1000

// ReadChatAnswer reads the end of a whole chat completion: its usage and the
// finish reason of its first choice. Errors are of Kind Upstream:
// upstream_error when the answer is an error object (some providers send one
// with status 200), upstream_invalid_answer when it is not one complete JSON
// object with at least one choice, each with a message.
func ReadChatAnswer(body []byte) (fairlead.End, error) {
	f, err := readAnswer(body, "choices")
	if err != nil {
		return fairlead.End{}, err
	}
	if f.messages < f.results {
		return fairlead.End{}, &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer has a choice without a message",
		}
	}
	return f.end(), nil
}

// ReadEmbeddingsAnswer is ReadChatAnswer for embeddings, whose vectors are in
// data.
func ReadEmbeddingsAnswer(body []byte) (fairlead.End, error) {
	f, err := readAnswer(body, "data")
	return f.end(), err
}

// ReadRerankAnswer is ReadChatAnswer for the /rerank API, whose order is in results.
func ReadRerankAnswer(body []byte) (fairlead.End, error) {
	f, err := readAnswer(body, "results")
	return f.end(), err
}

// readAnswer reads an answer whose substance is the array called results.
func readAnswer(body []byte, results string) (facts, error) {
	f, err := readFacts(jsonscan.NewScanner(body), body, results)
	switch {
	case err != nil:
		return facts{}, &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer,
			Message: "The provider's answer is not a valid JSON object", Err: err,
		}
	case f.err.Present():
		return facts{}, Reported(body[f.err.Start:f.err.End])
	case f.results == 0:
		return facts{}, &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer has no " + results,
		}
	}
	return f, nil
}

// facts are what the service wants to know of an answer or of a chunk of one.
type facts struct {
	usage    fairlead.Usage
	hasUsage bool
	// finish is the first finish reason among the results.
	finish string
	// listed says that the array asked for is there; results counts its
	// elements, messages those that are objects with a message.
	listed            bool
	results, messages int
	// err is where the value of a top-level "error" stands, unless that is null.
	err fairlead.Span
}

func (f *facts) end() fairlead.End { return fairlead.End{Usage: f.usage, Finish: f.finish} }

// readFacts scans body once, by s, which stands at its start. Its errors are
// *jsonscan.Error. Of a value that it doesn't skip itself it knows the kind alone.
func readFacts(s *jsonscan.Scanner, body []byte, results string) (facts, error) {
	var f facts
	_, err := s.Object(func(name []byte) error {
		switch {
		case string(name) == results && s.Kind() == jsonscan.ArrayKind:
			f.listed = true
			_, err := s.Array(func() error {
				f.results++
				return f.result(s, body)
			})
			return err
		case string(name) == "usage" && s.Kind() == jsonscan.ObjectKind:
			f.hasUsage = true
			return f.readUsage(s, body)
		case string(name) == "error" && s.Kind() != jsonscan.NullKind:
			at, err := s.Skip()
			f.err = fairlead.Span(at)
			return err
		}
		return nil
	})
	if err == nil {
		err = s.End()
	}
	return f, err
}

func (f *facts) result(s *jsonscan.Scanner, body []byte) error {
	if s.Kind() != jsonscan.ObjectKind {
		return nil
	}
	_, err := s.Object(func(name []byte) error {
		if string(name) == "message" && s.Kind() == jsonscan.ObjectKind {
			f.messages++
		}
		if f.finish != "" || string(name) != "finish_reason" || s.Kind() != jsonscan.StringKind {
			return nil
		}
		at, err := s.Skip()
		if err != nil {
			return err
		}
		f.finish, err = jsonscan.String(body[at.Start:at.End])
		return err
	})
	return err
}

func (f *facts) readUsage(s *jsonscan.Scanner, body []byte) error {
	_, err := s.Object(func(name []byte) error {
		var count *int
		switch string(name) {
		case "prompt_tokens":
			count = &f.usage.Input
		case "completion_tokens":
			count = &f.usage.Output
		default:
			return nil
		}
		at, err := s.Skip()
		if err != nil {
			return err
		}
		n, _ := jsonscan.Int(body[at.Start:at.End])
		*count = max(0, n)
		return nil
	})
	return err
}

// Reported is the error for a provider's error object, or the string that
// stands in its place. What it says goes to the caller, unless it speaks of
// keys, which are not the caller's.
func Reported(object []byte) *fairlead.Error {
	e := &fairlead.Error{Kind: fairlead.Upstream, Code: codeUpstreamError, Message: "The provider reported an error"}
	if message := wordsOf(object).Message; !speaksOfKeys(message) {
		e.Detail = message
	}
	return e
}

func speaksOfKeys(text string) bool {
	text = strings.ToLower(text)
	for _, sign := range []string{"api key", "api-key", "api_key", "apikey", "bearer", "sk-", "authorization"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// Words are what the body of a provider's error answer says, each at most 1,000
// characters; "" is what it does not say, or what cannot be read.
type Words struct{ Message, Type, Code, Param string }

// ReadOpenAIError reads {"error": {…}}, {"error": "…"} or the members at the top.
func ReadOpenAIError(body []byte) Words { return wordsOf(errorObject(body)) }

// errorObject is the error object in a body; nil if the body is none.
func errorObject(body []byte) []byte {
	object := body
	_, err := jsonscan.Object(body, func(name []byte, value jsonscan.Span) error {
		if string(name) == "error" && jsonscan.KindOf(body[value.Start:]) != jsonscan.NullKind {
			object = body[value.Start:value.End]
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return object
}

// wordsOf reads an error object, or a string in its place.
func wordsOf(object []byte) Words {
	object = bytes.TrimSpace(object)
	if jsonscan.KindOf(object) == jsonscan.StringKind {
		return Words{Message: boundedString(object)}
	}
	var w Words
	_, err := jsonscan.Object(object, func(name []byte, value jsonscan.Span) error {
		raw := object[value.Start:value.End]
		switch string(name) {
		case "message":
			w.Message = boundedString(raw)
		case "type":
			w.Type = boundedString(raw)
		case "code":
			w.Code = boundedString(raw)
		case "param":
			w.Param = boundedString(raw)
		}
		return nil
	})
	if err != nil {
		return Words{}
	}
	return w
}

// boundedString decodes the start of a string literal; "" if it is none.
func boundedString(raw []byte) string {
	text, err := jsonscan.String(raw)
	if err != nil || utf8.RuneCountInString(text) <= maxErrorText {
		return text
	}
	n := 0
	for at := range text {
		if n == maxErrorText {
			return text[:at]
		}
		n++
	}
	return text
}
