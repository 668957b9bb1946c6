package dialect

import (
	"bytes"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// DoneFrame ends a chat stream that is whole.
const DoneFrame = "data: [DONE]\n\n"

// StreamWatch looks at a chat stream as it passes: one scan of each payload,
// which is not decoded, let alone written anew. A chunk that differs from one
// before only in texts and numbers that the scan would skip is compared with it,
// and only these are scanned: that comes to the same. It is used by one goroutine.
type StreamWatch struct {
	dropUsage bool
	done      bool
	err       error
	// end is what the payloads so far said of usage and finish reason.
	end fairlead.End
	// like is the last frame that was scanned, if it passed and names no event
	// of its own: most of those that follow differ from it in their words alone.
	like jsonscan.Pattern
	// out holds the frames of a block of which something in the middle was left
	// out.
	out []byte
}

// NewStreamWatch returns a watch over the stream that answers out, of which
// only UsageInjected matters.
func NewStreamWatch(out Outgoing) *StreamWatch {
	return &StreamWatch{dropUsage: out.UsageInjected}
}

// Block looks at a block of whole frames and returns what may be sent on,
// valid as long as frames is and until the next call: nearly always frames
// itself. Left out are the [DONE] frame and all that follows it, frames whose
// data is empty (clients crash on them), and the usage chunk if the client did
// not ask for it.
//
// The error, which is for good, is of Kind Upstream: upstream_error when a
// payload is an error object, upstream_malformed_event when it is not a valid
// JSON object. out then is what came before. Bytes that are not UTF-8 pass, and
// so does the text of frames that name an event of their own and are no chunks.
func (w *StreamWatch) Block(frames []byte) (out []byte, err error) {
	start, end, gap := 0, 0, false // out is frames[start:end], or w.out after a gap
	at := 0
	for at < len(frames) && !w.done && w.err == nil {
		length := w.like.Match(frames[at:])
		passes := length > 0
		if !passes {
			length = sse.FrameLen(frames[at:])
			passes = w.passes(frames[at : at+length : at+length])
		}
		next := at + length
		if passes {
			switch {
			case gap:
				w.out = append(w.out, frames[at:next]...)
			case start == end:
				start, end = at, next
			case end == at:
				end = next
			default:
				gap = true
				w.out = append(append(w.out[:0], frames[start:end]...), frames[at:next]...)
			}
		}
		at = next
	}
	if gap {
		return w.out, w.err
	}
	return frames[start:end], w.err
}

// passes looks at one frame and reports whether it is sent on.
func (w *StreamWatch) passes(frame []byte) bool {
	payload := sse.Data(frame, nil)
	if payload == nil {
		return true
	}
	payload = bytes.TrimSpace(payload)
	if len(payload) == 0 {
		return false
	}
	if string(payload) == "[DONE]" {
		w.done = true
		return false
	}
	f, read, err := w.readChunk(payload)
	if err == nil && f.err.Present() {
		w.err = Reported(read[f.err.Start:f.err.End])
		return false
	}
	event := ""
	if err != nil || !bytes.HasPrefix(frame, []byte("data")) {
		event = ownEvent(frame)
	}
	if event != "" && !bytes.Contains(payload, []byte(`"choices"`)) {
		return w.passesNamed(event, payload, err)
	}
	if err != nil {
		w.err = Malformed(err)
		return false
	}
	w.note(f)
	passes := !w.dropUsage || !f.listed || f.results > 0 || !f.hasUsage
	if passes && event == "" {
		KeepFrame(&w.like, frame, payload)
	}
	return passes
}

// readChunk reads what a payload says. read is what the facts' offsets mean:
// the payload, or a copy with what is not UTF-8 replaced.
func (w *StreamWatch) readChunk(payload []byte) (f facts, read []byte, err error) {
	s := jsonscan.NewScanner(payload)
	s.Note(&w.like)
	f, err = readFacts(s, payload, "choices")
	if err == nil || utf8.Valid(payload) {
		return f, payload, err
	}
	read = bytes.ToValidUTF8(payload, []byte("\ufffd"))
	f, err = readFacts(jsonscan.NewScanner(read), read, "choices")
	return f, read, err
}

// KeepFrame completes a pattern by the frame around the payload that was
// scanned, so that a frame is known with its field names and line ends. The
// payload must be a part of the frame, and not of several lines. The frame must
// end in a blank line, and that in \n: after \r, one more \n would belong to it.
func KeepFrame(like *jsonscan.Pattern, frame, payload []byte) {
	at := cap(frame) - cap(payload) // both reach to the same end, if the payload is no copy
	if at < 0 || at >= len(frame) || &frame[at] != &payload[0] {
		return
	}
	if bytes.HasSuffix(frame, []byte("\n\n")) || bytes.HasSuffix(frame, []byte("\r\n\r\n")) {
		like.Keep(frame, at)
	}
}

// ownEvent is the event that a frame names, "" for the one that every frame
// without a name has.
func ownEvent(frame []byte) string {
	event := sse.Event(frame)
	if event == "message" {
		return ""
	}
	return event
}

// passesNamed looks at the payload of a named event that is no chunk; broken
// is why it is not an object. What sets out to be one must be one.
func (w *StreamWatch) passesNamed(event string, payload []byte, broken error) bool {
	switch {
	case event == "error":
		w.err = Reported(payload)
	case broken != nil && payload[0] == '{':
		w.err = Malformed(broken)
	}
	return w.err == nil
}

// note keeps what a chunk says of the end.
func (w *StreamWatch) note(f facts) {
	if f.hasUsage {
		w.end.Usage = f.usage
	}
	if f.finish != "" {
		w.end.Finish = f.finish
	}
}

// Done reports whether [DONE] has come. There is nothing to read after it.
func (w *StreamWatch) Done() bool { return w.done }

// End is asked when the stream has ended, by [DONE] or otherwise. It returns the
// frame that ends the client's stream, and tells usage and finish reason, the last
// that came. Errors are of Kind Upstream: what Block said; upstream_truncated when
// [DONE] never came, or no finish reason before it.
func (w *StreamWatch) End() (last []byte, end fairlead.End, err error) {
	switch {
	case w.err != nil:
		return nil, fairlead.End{}, w.err
	case !w.done:
		return nil, fairlead.End{}, Truncated("without its end marker")
	case w.end.Finish == "":
		return nil, fairlead.End{}, Truncated("without a finish reason")
	}
	return []byte(DoneFrame), w.end, nil
}

// Malformed is the error for an event of a stream that is not what it sets out to be.
func Malformed(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeMalformedEvent,
		Message: "The provider sent an event that is not valid JSON", Err: err,
	}
}

// Truncated is the error for a stream that ended, as how says, before it was whole.
func Truncated(how string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTruncated,
		Message: "The provider's stream broke off before the answer was complete", Detail: "it ended " + how,
	}
}
