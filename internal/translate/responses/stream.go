package responses

import (
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/completion"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Stream translates a stream of chunks into events. It is used by one goroutine.
// What it returns takes the place of what it was given.
type Stream struct {
	watch   *dialect.StreamWatch
	turn    *turn
	started bool
	err     error
}

// NewStream returns the translation of a stream, which must tell its usage.
func NewStream(opts Options) *Stream {
	t := newTurn(opts)
	t.events = &events{}
	return &Stream{watch: dialect.NewStreamWatch(dialect.Outgoing{}), turn: t}
}

// Held is how many bytes of the answer the stream holds.
func (s *Stream) Held() int { return s.turn.held }

// Block takes a block of whole frames and returns events, valid until the next
// call; often none. The event that says that the response is complete is not among
// them: End returns it.
//
// The error, which is for good, is of Kind Upstream: upstream_error when an event
// says so, upstream_malformed_event when one is not valid JSON or makes no sense,
// and those of Answer. out then is what came before.
func (s *Stream) Block(frames []byte) (out []byte, err error) {
	s.turn.events.reset()
	if s.err != nil {
		return nil, s.err
	}
	good, bad := s.watch.Block(frames)
	for frame := range sse.Frames(good) {
		payload := completion.Payload(frame)
		if payload == nil {
			continue
		}
		if s.err = s.chunk(payload); s.err != nil {
			return s.turn.events.out, s.err
		}
	}
	s.err = bad
	return s.turn.events.out, s.err
}

// chunk translates one chunk.
func (s *Stream) chunk(payload []byte) error {
	// What is no object, or has no choices, is an event of its own, which the
	// watch let pass.
	chunk, _ := rawjson.ReadObject(payload)
	s.turn.note(chunk)
	choices, _ := rawjson.ReadArray(chunk.Get("choices"))
	for _, value := range choices {
		choice, err := rawjson.ReadObject(value)
		if err != nil {
			return broken.Misplaced("a choice is no object")
		}
		if choice.Get("index").Count() > 0 {
			continue // one was asked for
		}
		s.start()
		delta := choice.Get("delta")
		if !delta.Given() {
			continue
		}
		if delta.Kind() != jsonscan.ObjectKind {
			return broken.Misplaced("a delta is no object")
		}
		o, err := rawjson.ReadObject(delta)
		if err != nil {
			return broken.Malformed(err)
		}
		if err := s.turn.take(o, choice.Get("logprobs")); err != nil {
			return err
		}
	}
	return nil
}

// start tells that the response has begun, once.
func (s *Stream) start() {
	if !s.started {
		s.started = true
		s.turn.events.response("response.created", s.turn)
		s.turn.events.response("response.in_progress", s.turn)
	}
}

// End is asked once, when the stream has ended, by its end marker or otherwise.
// It returns the events that end the client's stream. Errors are of Kind Upstream:
// what Block said; upstream_truncated when the end marker never came, or no finish
// reason before it; upstream_invalid_answer. There are no events then.
func (s *Stream) End() (out []byte, err error) {
	s.turn.events.reset()
	if s.err != nil {
		return nil, s.err
	}
	_, end, err := s.watch.End()
	if err != nil {
		return nil, err
	}
	s.start()
	if err := s.turn.finish(end.Finish); err != nil {
		return nil, err
	}
	s.turn.events.response("response."+s.turn.status, s.turn)
	return s.turn.events.out, nil
}
