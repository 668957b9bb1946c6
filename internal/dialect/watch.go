package dialect

import (
	"bytes"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// DoneFrame ends a chat stream that is whole.
const DoneFrame = "data: [DONE]\n\n"

// keptPayloads is how many of the last payloads are kept for the end: the
// finish reason and the usage may come in chunks of their own, and some
// providers add one more.
const keptPayloads = 4

// StreamWatch looks at a chat stream as it passes. It decodes nothing on the
// way: a few searches for bytes for each frame, copies of the last payloads,
// and a scan of those at the end. It is used by one goroutine.
type StreamWatch struct {
	dropUsage bool
	done      bool
	err       error
	// kept is a ring of the last payloads; n counts all of them.
	kept [keptPayloads][]byte
	n    int
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
// payload is an error object, upstream_malformed_event when it does not even look
// like a JSON object. out then is what came before. Frames that name an event and are no chunks pass.
func (w *StreamWatch) Block(frames []byte) (out []byte, err error) {
	start, end, gap := 0, 0, false // out is frames[start:end], or w.out after a gap
	at := 0
	for frame := range sse.Frames(frames) {
		if w.done || w.err != nil {
			break
		}
		next := at + len(frame)
		if w.passes(frame) {
			switch {
			case gap:
				w.out = append(w.out, frame...)
			case start == end:
				start, end = at, next
			case end == at:
				end = next
			default:
				gap = true
				w.out = append(append(w.out[:0], frames[start:end]...), frame...)
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
	object := payload[0] == '{' && payload[len(payload)-1] == '}'
	if object && w.isError(payload) {
		return false
	}
	if !object || !bytes.HasPrefix(frame, []byte("data")) {
		if event := sse.Event(frame); event != "" && !bytes.Contains(payload, []byte(`"choices"`)) {
			return w.passesNamed(event, payload)
		}
	}
	if !object {
		w.err = malformed(nil)
		return false
	}
	w.keep(payload)
	return !w.dropUsage || !isUsageChunk(payload)
}

// isError reports, and notes, that the payload is an error object.
func (w *StreamWatch) isError(payload []byte) bool {
	if !bytes.Contains(payload, []byte(`"error"`)) {
		return false
	}
	f, err := readFacts(payload, "choices")
	if err != nil || !f.err.Present() {
		return false
	}
	w.err = upstreamError(payload[f.err.Start:f.err.End])
	return true
}

// passesNamed looks at the payload of a named event that is no chunk.
func (w *StreamWatch) passesNamed(event string, payload []byte) bool {
	if event == "error" {
		w.err = upstreamError(payload)
		return false
	}
	return true
}

func (w *StreamWatch) keep(payload []byte) {
	place := &w.kept[w.n%keptPayloads]
	*place = append((*place)[:0], payload...)
	w.n++
}

// isUsageChunk reports whether a chunk holds usage and no choices.
func isUsageChunk(payload []byte) bool {
	_, after, ok := bytes.Cut(payload, []byte(`"choices"`))
	if !ok {
		return false
	}
	for _, want := range []byte(":[]") {
		after = bytes.TrimLeft(after, " \t\r\n")
		if len(after) == 0 || after[0] != want {
			return false
		}
		after = after[1:]
	}
	f, err := readFacts(payload, "choices")
	return err == nil && f.results == 0 && f.hasUsage
}

// Done reports whether [DONE] has come. There is nothing to read after it.
func (w *StreamWatch) Done() bool { return w.done }

// End is asked when the stream has ended, by [DONE] or otherwise, and tells
// its usage and finish reason. Errors are of Kind Upstream: what Block said;
// upstream_truncated when [DONE] never came, or no finish reason before it;
// upstream_malformed_event when one of the last payloads is not valid JSON.
func (w *StreamWatch) End() (fairlead.End, error) {
	if w.err != nil {
		return fairlead.End{}, w.err
	}
	if !w.done {
		return fairlead.End{}, truncated("without its end marker")
	}
	var end fairlead.End
	for i := max(0, w.n-keptPayloads); i < w.n; i++ {
		f, err := readFacts(w.kept[i%keptPayloads], "choices")
		if err != nil {
			return fairlead.End{}, malformed(err)
		}
		if f.hasUsage {
			end.Usage = f.usage
		}
		if f.finish != "" {
			end.Finish = f.finish
		}
	}
	if end.Finish == "" {
		return fairlead.End{}, truncated("without a finish reason")
	}
	return end, nil
}

func malformed(err error) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeMalformedEvent,
		Message: "The provider sent an event that is not valid JSON", Err: err,
	}
}

func truncated(how string) error {
	return &fairlead.Error{
		Kind: fairlead.Upstream, Code: codeTruncated,
		Message: "The provider's stream broke off before the answer was complete", Detail: "it ended " + how,
	}
}
