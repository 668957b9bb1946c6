package dialect

import (
	"bytes"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// busyRetry is how long to stay away from a provider that says within an answer
// that it is busy, where it has no place for a wait.
const busyRetry = 5 * time.Second

// AnthropicPing is the frame by which Anthropic's streams say that they are alive.
const AnthropicPing = "event: ping\ndata: {\"type\": \"ping\"}\n\n"

// MessagesWatch looks at a stream of Anthropic's messages as it passes, like
// StreamWatch at one of chat completions.
type MessagesWatch struct {
	// last is the frame that ends the stream, in the provider's own bytes.
	last []byte
	err  error
	told messageFacts
	// like is the last frame that was scanned, if it passed.
	like jsonscan.Pattern
	out  []byte
}

// NewMessagesWatch returns a watch over one stream.
func NewMessagesWatch() *MessagesWatch { return &MessagesWatch{} }

// Block looks at a block of whole frames and returns what may be sent on, valid
// as long as frames is and until the next call. Left out are message_stop, which
// End returns, all that follows it, and frames whose data is empty. Pings,
// comments and events that nobody here has heard of pass.
//
// The error, which is for good, is that of an error event, upstream_error or one
// of Kind Busy, or upstream_malformed_event when a payload is not a valid JSON
// object. out then is what came before.
func (w *MessagesWatch) Block(frames []byte) (out []byte, err error) {
	w.out = w.out[:0]
	at, kept, gap := 0, 0, false // what passes is frames[:kept], or w.out after a gap
	for at < len(frames) && !w.Done() && w.err == nil {
		length := w.like.Match(frames[at:])
		passes := length > 0
		if !passes {
			length = sse.FrameLen(frames[at:])
			passes = w.passes(frames[at : at+length : at+length])
		}
		frame := frames[at : at+length]
		switch {
		case passes && gap:
			w.out = append(w.out, frame...)
		case passes:
			kept = at + len(frame)
		case !gap:
			gap = true
			w.out = append(w.out, frames[:kept]...)
		}
		at += len(frame)
	}
	if gap {
		return w.out, w.err
	}
	return frames[:kept], w.err
}

// passes looks at one frame and reports whether it is sent on now.
func (w *MessagesWatch) passes(frame []byte) bool {
	payload := sse.Data(frame, nil)
	if payload == nil {
		return true
	}
	if payload = bytes.TrimSpace(payload); len(payload) == 0 {
		return false
	}
	w.told.isStop, w.told.isError, w.told.err = false, false, fairlead.Span{}
	s := jsonscan.NewScanner(payload)
	s.Note(&w.like)
	err := w.told.read(s, payload)
	if err != nil && !utf8.Valid(payload) {
		payload = bytes.ToValidUTF8(payload, []byte("\ufffd"))
		err = w.told.read(jsonscan.NewScanner(payload), payload)
	}
	switch {
	case err == nil && w.told.err.Present():
		w.err = messagesError(payload[w.told.err.Start:w.told.err.End])
	case w.told.isError, bytes.HasPrefix(frame, []byte("event: error\n")):
		w.err = messagesError(payload)
	case err != nil && sse.Event(frame) == "ping": // clients don't look into it
	case err != nil:
		w.err = Malformed(err)
	case w.told.isStop:
		w.last = slices.Clone(frame)
		return false
	default:
		KeepFrame(&w.like, frame, payload)
	}
	return w.err == nil
}

// Done reports whether message_stop has come. There is nothing to read after it.
func (w *MessagesWatch) Done() bool { return w.last != nil }

// End is asked when the stream has ended, by message_stop or otherwise. It returns
// the frame that ends the client's stream, as it came, and tells usage and stop
// reason. Errors are of Kind Upstream: what Block said; upstream_truncated when
// message_stop never came, or no stop reason before it.
func (w *MessagesWatch) End() (last []byte, end fairlead.End, err error) {
	switch {
	case w.err != nil:
		return nil, fairlead.End{}, w.err
	case !w.Done():
		return nil, fairlead.End{}, Truncated("without its end marker")
	case w.told.stop == "":
		return nil, fairlead.End{}, Truncated("without a stop reason")
	}
	return w.last, w.told.end(), nil
}

// ReadMessagesAnswer reads the end of a whole message: its usage, with what was
// read from a cache or written to one, and its stop reason. Errors are those of an
// error object, upstream_error or one of Kind Busy, and upstream_invalid_answer when
// the body is not one complete JSON object with a content.
func ReadMessagesAnswer(body []byte) (fairlead.End, error) {
	var f messageFacts
	if err := f.judge(body); err != nil {
		return fairlead.End{}, err
	}
	if !f.hasContent {
		return fairlead.End{}, &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer has no content",
		}
	}
	return f.end(), nil
}

// ReadCountAnswer reads the answer to a question for the size of a prompt. It
// has no usage: such a call uses nothing. Errors are those of ReadMessagesAnswer.
func ReadCountAnswer(body []byte) (fairlead.End, error) {
	var f messageFacts
	if err := f.judge(body); err != nil {
		return fairlead.End{}, err
	}
	if !f.hasCount {
		return fairlead.End{}, &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer, Message: "The provider's answer has no input_tokens",
		}
	}
	return fairlead.End{}, nil
}

// messageFacts are what the service wants to know of a message, of an event of
// its stream, or of all of them so far.
type messageFacts struct {
	input, cacheRead, cacheWrite, output int
	stop                                 string
	isStop, isError                      bool
	hasContent, hasCount                 bool
	// err is where an error object stands, unless that is null.
	err fairlead.Span
}

func (f *messageFacts) end() fairlead.End {
	return fairlead.End{
		Usage: fairlead.Usage{Input: f.input + f.cacheRead + f.cacheWrite, Output: f.output}, Finish: f.stop,
	}
}

// judge reads a whole answer.
func (f *messageFacts) judge(body []byte) error {
	if err := f.read(jsonscan.NewScanner(body), body); err != nil {
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: codeInvalidAnswer,
			Message: "The provider's answer is not a valid JSON object", Err: err,
		}
	}
	if f.err.Present() {
		return messagesError(body[f.err.Start:f.err.End])
	}
	if f.isError {
		return messagesError(body)
	}
	return nil
}

// read scans body once, by s, which stands at its start. Its errors are
// *jsonscan.Error. Of a value that it doesn't skip itself it knows the kind alone.
func (f *messageFacts) read(s *jsonscan.Scanner, body []byte) error {
	_, err := s.Object(func(name []byte) error {
		switch string(name) {
		case "error":
			if s.Kind() == jsonscan.NullKind {
				return nil
			}
			at, err := s.Skip()
			f.err = fairlead.Span(at)
			return err
		case "type":
			at, err := s.Skip()
			kind := body[at.Start:at.End]
			f.isStop, f.isError = string(kind) == `"message_stop"`, string(kind) == `"error"`
			return err
		case "input_tokens":
			f.hasCount = s.Kind() == jsonscan.NumberKind
		case "message", "delta":
			if s.Kind() != jsonscan.ObjectKind {
				return nil
			}
			_, err := s.Object(func(name []byte) error { return f.member(s, body, name) })
			return err
		}
		return f.member(s, body, name)
	})
	if err == nil {
		err = s.End()
	}
	return err
}

// member reads a member of a message, or of what changes one.
func (f *messageFacts) member(s *jsonscan.Scanner, body, name []byte) error {
	switch {
	case string(name) == "content":
		f.hasContent = s.Kind() == jsonscan.ArrayKind
	case string(name) == "stop_reason" && s.Kind() == jsonscan.StringKind:
		at, err := s.Skip()
		if err == nil {
			f.stop, err = jsonscan.String(body[at.Start:at.End])
		}
		return err
	case string(name) == "usage" && s.Kind() == jsonscan.ObjectKind:
		_, err := s.Object(func(name []byte) error { return f.usage(s, body, name) })
		return err
	}
	return nil
}

// usage reads a count. In a stream it may be told again: the last one counts.
func (f *messageFacts) usage(s *jsonscan.Scanner, body, name []byte) error {
	var count *int
	switch string(name) {
	case "input_tokens":
		count = &f.input
	case "cache_read_input_tokens":
		count = &f.cacheRead
	case "cache_creation_input_tokens":
		count = &f.cacheWrite
	case "output_tokens":
		count = &f.output
	default:
		return nil
	}
	at, err := s.Skip()
	if n, ok := jsonscan.Int(body[at.Start:at.End]); err == nil && ok {
		*count = max(0, n)
	}
	return err
}

// messagesError is the error for an error object of Anthropic's within an answer
// whose status was 200: its type says what a status would have said.
func messagesError(object []byte) error {
	e := Reported(object)
	switch wordsOf(object).Type {
	case "overloaded_error":
		e.Kind, e.Code, e.Message, e.RetryAfter = fairlead.Busy, "provider_unavailable", "The provider is busy", busyRetry
	case "rate_limit_error":
		e.Kind, e.Code, e.Message, e.RetryAfter = fairlead.Busy, "provider_rate_limited", "The provider's rate limit is reached", busyRetry
	}
	return e
}

// ReadAnthropicError reads {"type": "error", "error": {"type", "message"}}. Code is
// the error's type, but "" for invalid_request_error, which says no more than that,
// and billing_error for one that in truth is of the provider's account.
func ReadAnthropicError(body []byte) Words {
	w := wordsOf(errorObject(body))
	if strings.HasPrefix(w.Message, "Your credit balance is too low") {
		w.Type = "billing_error"
	}
	w.Code = w.Type
	if w.Type == "invalid_request_error" {
		w.Code = ""
	}
	return w
}
