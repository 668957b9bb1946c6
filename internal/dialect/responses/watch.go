package responses

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// The events that end a stream, or break it off.
const (
	eventCompleted  = "response.completed"
	eventIncomplete = "response.incomplete"
	eventFailed     = "response.failed"
	eventError      = "error"
)

// Watch looks at a stream of the Responses API as it passes, like
// dialect.StreamWatch at one of chat completions. It is used by one goroutine.
type Watch struct {
	// last is the frame that ends the stream, in the provider's own bytes, and told
	// what the response in it says.
	last []byte
	told response
	// closed says that [DONE] came, which some providers add.
	closed bool
	err    error
	// like is the last frame that was scanned, if it passed: most of those that
	// follow differ from it in their words and numbers alone.
	like jsonscan.Pattern
	// out holds the frames of a block of which something was left out.
	out []byte
}

// NewWatch returns a watch over one stream.
func NewWatch() *Watch { return &Watch{} }

// Block looks at a block of whole frames and returns what may be sent on, valid
// as long as frames is and until the next call: nearly always frames itself. Left
// out are the event that ends the response, which End returns, all that follows it,
// and frames whose data is empty. Comments and events that nobody here has heard
// of pass.
//
// The error, which is for good, is that of an error event or of response.failed:
// upstream_error, one of Kind Busy, or of Kind Invalid where the request is at
// fault; and upstream_malformed_event when a payload is not a valid JSON object.
// out then is what came before: the error's own frame is left out, since the error
// becomes one of the client's stream.
func (w *Watch) Block(frames []byte) (out []byte, err error) {
	w.out = w.out[:0]
	at, kept, gap := 0, 0, false // what passes is frames[:kept], or w.out after a gap
	for at < len(frames) && !w.Done() && w.err == nil {
		length := w.like.Match(frames[at:])
		passes := length > 0
		if !passes {
			length = sse.FrameLen(frames[at:])
			passes = w.passes(frames[at : at+length : at+length])
		}
		next := at + length
		switch {
		case passes && gap:
			w.out = append(w.out, frames[at:next]...)
		case passes:
			kept = next
		case !gap:
			gap = true
			w.out = append(w.out, frames[:kept]...)
		}
		at = next
	}
	if gap {
		return w.out, w.err
	}
	return frames[:kept], w.err
}

// passes looks at one frame and reports whether it is sent on now.
func (w *Watch) passes(frame []byte) bool {
	payload := sse.Data(frame, nil)
	if payload == nil {
		return true
	}
	if payload = bytes.TrimSpace(payload); len(payload) == 0 {
		return false
	}
	if string(payload) == "[DONE]" {
		w.closed = true
		return false
	}
	e, read, err := w.read(payload)
	kind := string(e.kind)
	if kind == "" {
		kind = sse.Event(frame)
	}
	switch {
	case err == nil && e.err.Present():
		w.err = failure(read[e.err.Start:e.err.End])
	case kind == eventError:
		w.err = failure(payload)
	case err != nil:
		w.err = dialect.Malformed(err)
	case kind == eventFailed, isEnd(kind) && e.response.failed():
		w.err = failure(e.response.errorIn(read))
	case isEnd(kind):
		w.finish(frame, kind, e.response)
		return false
	default:
		dialect.KeepFrame(&w.like, frame, payload)
	}
	return w.err == nil
}

func isEnd(kind string) bool { return kind == eventCompleted || kind == eventIncomplete }

// finish keeps the event that ends the stream. Some providers leave the status to
// the name of the event.
func (w *Watch) finish(frame []byte, kind string, r response) {
	if r.status == "" {
		r.status = kind[len("response."):]
	}
	w.last, w.told = slices.Clone(frame), r
}

// read reads what a payload says. read is what the event's offsets mean: the
// payload, or a copy with what is not UTF-8 replaced.
func (w *Watch) read(payload []byte) (e event, read []byte, err error) {
	s := jsonscan.NewScanner(payload)
	s.Note(&w.like)
	err = e.read(s, payload)
	if err == nil || utf8.Valid(payload) {
		return e, payload, err
	}
	read, e = bytes.ToValidUTF8(payload, []byte("\ufffd")), event{}
	err = e.read(jsonscan.NewScanner(read), read)
	return e, read, err
}

// Done reports whether the stream has ended. There is nothing to read after that.
func (w *Watch) Done() bool { return w.last != nil || w.closed }

// End is asked when the stream has ended, by its last event or otherwise. It returns
// the frame that ends the client's stream, as it came, and tells usage and why the
// response ended. Errors are what Block said, and upstream_truncated when no event
// ended the response, or one that has not ended came in it.
func (w *Watch) End() (last []byte, end fairlead.End, err error) {
	switch {
	case w.err != nil:
		return nil, fairlead.End{}, w.err
	case w.last == nil:
		return nil, fairlead.End{}, dialect.Truncated("without its end marker")
	case !w.told.named:
		return nil, fairlead.End{}, dialect.Truncated("without its response")
	case w.told.status != statusCompleted && w.told.status != statusIncomplete:
		return nil, fairlead.End{}, dialect.Truncated("while the response had not ended")
	}
	return w.last, w.told.end(), nil
}

// event is what the service wants to know of an event.
type event struct {
	kind     []byte
	response response
	// err is where an error object stands beside the response, unless that is null.
	err fairlead.Span
}

// read scans payload once, by s, which stands at its start. Of a value that it
// doesn't skip itself it knows the kind alone, but for those of the response.
func (e *event) read(s *jsonscan.Scanner, payload []byte) error {
	_, err := s.Object(func(name []byte) (err error) {
		switch string(name) {
		case "type":
			if s.Kind() == jsonscan.StringKind {
				e.kind, err = literal(s, payload)
			}
		case "error":
			e.err, err = span(s)
		case "response":
			if s.Kind() == jsonscan.ObjectKind {
				err = e.response.read(s, payload)
			}
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	return err
}

// literal reads a string, which is nearly always written without escapes.
func literal(s *jsonscan.Scanner, text []byte) ([]byte, error) {
	at, err := s.Skip()
	if err != nil {
		return nil, err
	}
	raw := text[at.Start:at.End]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	word, err := jsonscan.String(raw)
	return []byte(word), err
}
