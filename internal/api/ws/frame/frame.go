// Package frame reads what clients say over a WebSocket, and writes what they are
// told.
//
// A client's frame is one JSON object. What it says to the service stands beside the
// body of the request that it makes: Read takes the one from the other, so that the
// body goes on member by member as it came. An event of an answer goes the other way
// as its bytes are, with the name of its lane put in front.
//
// Start with Read and Lane.
package frame

import (
	"bytes"
	"errors"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// The types of frames that clients send.
const (
	ResponseCreate = "response.create"
	ResponseCancel = "response.cancel"
	ResponseResume = "response.resume"
	ChatCreate     = "chat.completion.create"
	Ping           = "ping"
)

// longestLane is the longest name of a lane, in bytes.
const longestLane = 256

// Frame is what a client said.
type Frame struct {
	Type string
	// Stream names the lane; "" is the one without a name.
	Stream string
	// Body is the request that a frame makes: what it has beside the members that are
	// named here, and "stream": true.
	Body []byte
	// Warm says that nothing is to be generated.
	Warm bool
	// Response is the answer that is meant, and After the number of the last event of
	// it that the client has, or -1.
	Response string
	After    int
}

// Read reads a frame. Errors are of Kind Invalid; the frame then has what could be
// read of it before, so that the error can be told to its lane.
func Read(text []byte) (Frame, error) {
	r := reader{text: text, frame: Frame{After: -1}, body: append(make([]byte, 0, len(text)+len(streamed)), streamed...)}
	_, err := jsonscan.Object(text, r.member)
	if err == nil && r.frame.Type == "" {
		err = invalid("type", "A frame must have a type")
	}
	if broken, ok := errors.AsType[*jsonscan.Error](err); ok {
		err = &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_json", Message: "The frame is not a JSON object that is understood", Detail: broken.Reason,
		}
	}
	r.frame.Body = append(r.body, '}')
	return r.frame, err
}

// streamed is how a body begins: every answer comes as a stream.
const streamed = `{"stream":true`

// reader reads one frame.
type reader struct {
	text  []byte
	frame Frame
	body  []byte
	at    int // where the last member ended
}

func (r *reader) member(name []byte, value jsonscan.Span) (err error) {
	start := r.at + bytes.IndexByte(r.text[r.at:], '"') // between two members there is no other
	r.at = value.End
	raw := r.text[value.Start:value.End]
	switch string(name) {
	case "type":
		r.frame.Type, err = text("type", raw)
	case "stream_id":
		r.frame.Stream, err = lane(raw)
	case "generate":
		r.frame.Warm, err = isFalse("generate", raw)
	case "response_id":
		r.frame.Response, err = text("response_id", raw)
	case "starting_after":
		r.frame.After, err = number(raw)
	case "stream", "background":
		// The way of an answer is the socket's, and its client is there.
	default:
		r.body = append(append(r.body, ','), r.text[start:value.End]...)
	}
	return err
}

func text(name string, raw []byte) (string, error) {
	if jsonscan.KindOf(raw) != jsonscan.StringKind {
		return "", invalid(name, name+" must be a string")
	}
	return jsonscan.String(raw)
}

// lane reads the name of a lane.
func lane(raw []byte) (string, error) {
	if jsonscan.KindOf(raw) == jsonscan.NullKind {
		return "", nil
	}
	name := ""
	if jsonscan.KindOf(raw) == jsonscan.StringKind {
		var err error
		if name, err = jsonscan.String(raw); err != nil {
			return "", err
		}
	}
	if name == "" || len(name) > longestLane || !isPlain(name) {
		return "", &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_stream_id", Param: "stream_id",
			Message: "stream_id must be a text of 1 to 256 letters, digits, underscores, hyphens and periods",
		}
	}
	return name, nil
}

func isPlain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isFalse(name string, raw []byte) (bool, error) {
	switch jsonscan.KindOf(raw) {
	case jsonscan.FalseKind:
		return true, nil
	case jsonscan.TrueKind, jsonscan.NullKind:
		return false, nil
	}
	return false, invalid(name, name+" must be true or false")
}

func number(raw []byte) (int, error) {
	if jsonscan.KindOf(raw) == jsonscan.NullKind {
		return -1, nil
	}
	n, ok := jsonscan.Int(bytes.TrimSpace(raw))
	if !ok || n < -1 {
		return 0, invalid("starting_after", "starting_after must be the sequence_number of an event")
	}
	return n, nil
}

func invalid(param, message string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_value", Param: param, Message: message}
}
