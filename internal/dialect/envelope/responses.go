package envelope

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// levelsAround is how much deeper than in the body its values may come to stand: in a
// translation, in the response object and in the event that tells of that. All of them
// must stay within jsonscan.MaxDepth, or an answer that was paid for could not be told.
const levelsAround = 8

// Asked is what a body of the Responses API asks for beside its envelope.
type Asked struct {
	fairlead.Envelope
	// Previous is the response that this one continues, and PreviousAt where its id
	// stands in the body; "" if it continues none.
	Previous   string
	PreviousAt fairlead.Span
	// InputAt is where the value of "input" stands: a string or an array. A body
	// may have none.
	InputAt fairlead.Span
	// Store says that the response is to be kept; it is unless the body says false.
	Store bool
	// Background says that the answer goes on without its client.
	Background bool
	// StreamAt and BackgroundAt are where those values stand.
	StreamAt, BackgroundAt fairlead.Span
}

// Responses reads the envelope of a body of the Responses API and checks the
// members that the service acts on: model, input, stream, background, store,
// max_output_tokens, previous_response_id, tools and stream_options. All may be
// left out or null. Errors are those of Chat, too_many_items for the input's items; a body that nests deeper than levelsAround
// below jsonscan.MaxDepth is invalid_json.
func Responses(body []byte) (Asked, error) {
	scan := &responsesScan{bodyScan: newBodyScan(body)}
	scan.asked.Store = true
	scan.Deepen(levelsAround)
	if err := scan.read(scan.member); err != nil {
		return Asked{}, err
	}
	scan.asked.Envelope = scan.env
	return scan.asked, nil
}

// responsesScan is one pass over a body of the Responses API.
type responsesScan struct {
	*bodyScan
	asked Asked
}

func (s *responsesScan) member(name []byte) error {
	var err error
	switch string(name) {
	case "model", "tools":
		return s.chatMember(name)
	case "stream":
		s.asked.StreamAt.Start = s.valueAt()
		s.env.Stream, err = s.boolean("stream")
		s.asked.StreamAt.End = s.Offset()
	case "background":
		s.asked.BackgroundAt.Start = s.valueAt()
		s.asked.Background, err = s.boolean("background")
		s.asked.BackgroundAt.End = s.Offset()
	case "store":
		said := s.Kind() != jsonscan.NullKind
		var store bool
		store, err = s.boolean("store")
		s.asked.Store = store || !said
	case "max_output_tokens":
		s.env.MaxTokens, err = s.count("max_output_tokens")
	case "previous_response_id":
		return s.previous()
	case "input":
		return s.conversation()
	}
	return err
}

// valueAt is where the value begins at which the scanner stands.
func (s *responsesScan) valueAt() int {
	at := s.Offset()
	for at < len(s.body) && jsonscan.IsSpace(s.body[at]) {
		at++
	}
	return at
}

func (s *responsesScan) previous() error {
	kind := s.Kind()
	if kind != jsonscan.StringKind && kind != jsonscan.NullKind {
		return s.wrongType("previous_response_id", "a string")
	}
	value, err := s.Skip()
	if err != nil || kind == jsonscan.NullKind {
		return err
	}
	s.asked.PreviousAt = fairlead.Span(value)
	s.asked.Previous, err = jsonscan.String(s.body[value.Start:value.End])
	return err
}

func (s *responsesScan) conversation() error {
	kind := s.Kind()
	if kind != jsonscan.StringKind && kind != jsonscan.ArrayKind && kind != jsonscan.NullKind {
		return s.wrongType("input", "a string or an array")
	}
	var value jsonscan.Span
	var err error
	if kind == jsonscan.ArrayKind {
		value, err = s.items()
	} else {
		value, err = s.Skip()
	}
	if kind != jsonscan.NullKind {
		s.asked.InputAt = fairlead.Span(value)
	}
	return err
}

// items reads the items of the input.
func (s *responsesScan) items() (jsonscan.Span, error) {
	n := 0
	return s.Array(func() error {
		if n++; n > MaxItems {
			return TooManyItems("input")
		}
		return nil
	})
}
