package reply

import (
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/completion"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// messagesStream makes Anthropic's events of the chunks of chat completions.
// At most one block is open. Others wait in a queue until it is complete: text
// always is, a call once its arguments are a whole JSON object, or when the
// stream ends.
type messagesStream struct {
	watch   *dialect.StreamWatch
	maxHeld int

	out []byte
	w   rawjson.Writer
	// id and model are what the first chunk named.
	id, model string
	started   bool
	// at is the number of the block that is open, or of the next one.
	at      int
	current *block
	queue   []*block
	held    int
	// calls tells calls apart, all are their blocks in order.
	calls   completion.Calls
	all     []*block
	usage   usage
	refused bool
	err     error
}

func (s *messagesStream) block(frames []byte) ([]byte, error) {
	s.out = s.out[:0]
	if s.err != nil {
		return s.out, s.err
	}
	good, bad := s.watch.Block(frames)
	for frame := range sse.Frames(good) {
		payload := completion.Payload(frame)
		if payload == nil {
			continue
		}
		if s.err = s.chunk(payload); s.err != nil {
			return s.out, s.err
		}
	}
	s.err = bad
	return s.out, s.err
}

// chunk translates one chunk.
func (s *messagesStream) chunk(payload []byte) error {
	// What is no object, or has no choices, is an event of its own, which the
	// watch let pass.
	chunk, _ := rawjson.ReadObject(payload)
	if told := chunk.Get("usage"); isObject(told) {
		s.usage.readChat(told)
	}
	choices, _ := rawjson.ReadArray(chunk.Get("choices"))
	for _, value := range choices {
		choice, err := rawjson.ReadObject(value)
		if err != nil {
			return broken.Misplaced("a choice is no object")
		}
		if choice.Get("index").Count() > 0 {
			continue // one was asked for
		}
		s.start(chunk)
		if delta := choice.Get("delta"); delta.Given() {
			if err := s.delta(delta); err != nil {
				return err
			}
		}
	}
	return nil
}

// start sends the start of the message, once.
func (s *messagesStream) start(chunk rawjson.Object) {
	if s.started {
		return
	}
	s.started = true
	s.id, s.model = chunk.Get("id").Text(), chunk.Get("model").Text()
	s.begin("message_start")
	s.w.Name("message")
	messageHead(&s.w, s.id, s.model)
	s.w.Open('[')
	s.w.Close(']')
	s.w.Member("stop_reason", nil)
	s.w.Member("stop_sequence", nil)
	s.w.Name("usage")
	(&usage{}).writeMessages(&s.w) // it is told at the end
	s.w.Close('}')
	s.send("message_start")
}

// begin begins an event.
func (s *messagesStream) begin(kind string) {
	s.w.Reset()
	s.w.Open('{')
	s.w.TextMember("type", kind)
}

// send ends the event and adds it to what goes out.
func (s *messagesStream) send(kind string) {
	s.w.Close('}')
	s.out = sse.AppendEvent(s.out, "", kind, s.w.Bytes())
}

func (s *messagesStream) delta(value rawjson.Value) error {
	delta, err := rawjson.ReadObject(value)
	if err != nil {
		return broken.Misplaced("a delta is no object")
	}
	if delta.Get("function_call").Given() {
		return broken.Invalid("calls a function in a form that is out of use")
	}
	if err := s.add(s.latest(thinkingBlock), completion.Reasoning(delta)); err != nil {
		return err
	}
	for _, inside := range completion.Text(delta.Get("content")) {
		if err := s.add(s.latest(textBlock), inside); err != nil {
			return err
		}
	}
	if refusal := delta.Get("refusal").Inside(); len(refusal) > 0 {
		s.refused = true
		if err := s.add(s.latest(textBlock), refusal); err != nil {
			return err
		}
	}
	calls := delta.Get("tool_calls")
	if !calls.Given() {
		return nil
	}
	list, err := rawjson.ReadArray(calls)
	if err != nil {
		return broken.Misplaced("tool_calls is no list")
	}
	for _, call := range list {
		if err := s.call(call); err != nil {
			return err
		}
	}
	return nil
}

// latest is the block that text of the kind goes on in: the last one, if it is
// of that kind, or else one that is yet to begin.
func (s *messagesStream) latest(kind blockKind) *block {
	last := s.current
	if n := len(s.queue); n > 0 {
		last = s.queue[n-1]
	}
	if last != nil && last.kind == kind {
		return last
	}
	return &block{kind: kind}
}

// call adds a piece of a call.
func (s *messagesStream) call(value rawjson.Value) error {
	call, function, err := completion.CallOf(value)
	if err != nil {
		return err
	}
	b, err := s.callAt(call.Get("index"), call.Get("id").Text())
	if err != nil {
		return err
	}
	if name := function.Get("name").Text(); b.name == "" {
		b.name = name
	}
	arguments := function.Get("arguments")
	if err := b.follow(arguments.Text()); err != nil {
		return broken.Invalid("calls a tool with arguments that are no JSON object")
	}
	if !b.begun {
		// White space before the object adds nothing, but the call is known.
		return s.add(b, nil)
	}
	return s.add(b, arguments.Inside())
}

// callAt is the call that a piece belongs to.
func (s *messagesStream) callAt(index rawjson.Value, id string) (*block, error) {
	n, err := s.calls.Find(index, id)
	if err != nil {
		return nil, err
	}
	if n == len(s.all) {
		s.all = append(s.all, &block{kind: callBlock, number: n, check: jsonscan.NewChecker("")})
	}
	b := s.all[n]
	b.id = s.calls.ID(n)
	return b, nil
}

func (s *messagesStream) end() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	_, end, err := s.watch.End()
	if err != nil {
		return nil, err
	}
	for _, b := range s.all {
		if !completion.IsCut(end.Finish) && (!b.isReady() || b.begun && !b.isComplete()) {
			return nil, broken.Invalid("calls a tool with arguments that are no JSON object, or without a name")
		}
	}
	s.out = s.out[:0]
	s.start(nil)
	s.flush()
	stop := stopReason(end.Finish, len(s.all))
	if s.refused {
		stop = "refusal"
	}
	s.begin("message_delta")
	s.w.Name("delta")
	s.w.Open('{')
	s.w.TextMember("stop_reason", stop)
	s.w.Member("stop_sequence", nil)
	s.w.Close('}')
	s.w.Name("usage")
	s.usage.writeMessages(&s.w)
	s.send("message_delta")
	s.begin("message_stop")
	s.send("message_stop")
	return s.out, nil
}
