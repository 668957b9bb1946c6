package reply

import (
	"slices"

	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/completion"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// maxOpen is how many blocks may be open at once. Anthropic has one.
const maxOpen = 64

// chatStream makes chunks of chat completions of Anthropic's events.
type chatStream struct {
	opts Options
	out  []byte
	w    rawjson.Writer
	// head begins every chunk; empty before the message has started.
	head []byte
	// open are the calls whose blocks are open, calls how many there were.
	open  []openCall
	calls int
	usage usage
	// stop is the stop reason, refusal what explains it.
	stop    string
	refusal []byte
	isDone  bool
	err     error
}

// openCall is a tool call of which more may come.
type openCall struct {
	block, call int
	// input is what the block's start said; the pieces take its place.
	input  []byte
	pieces bool
}

func (s *chatStream) block(frames []byte) ([]byte, error) {
	s.out = s.out[:0]
	for frame := range sse.Frames(frames) {
		if s.isDone || s.err != nil {
			break
		}
		if payload := completion.Payload(frame); payload != nil {
			s.err = s.event(payload)
		}
	}
	return s.out, s.err
}

// event translates one event. Those that are not known are passed over, as
// Anthropic asks of clients.
func (s *chatStream) event(payload []byte) error {
	event, err := rawjson.ReadObject(payload)
	if err != nil {
		return broken.Malformed(err)
	}
	kind := event.Get("type").Text()
	if kind == "error" || event.Get("error").Given() {
		if err := reported(payload); err != nil {
			return err
		}
	}
	if s.head == nil && kind != "message_start" && kind != "ping" {
		return broken.Misplaced("it comes before the start of the message")
	}
	switch kind {
	case "message_start":
		return s.start(event.Get("message"))
	case "content_block_start":
		return s.blockStart(event)
	case "content_block_delta":
		return s.delta(event)
	case "content_block_stop":
		s.blockStop(event.Get("index").Count())
	case "message_delta":
		s.usage.readMessages(event.Get("usage"))
		s.messageDelta(event.Get("delta"))
	case "message_stop":
		s.isDone = true
	}
	return nil
}

func (s *chatStream) start(value rawjson.Value) error {
	message, err := rawjson.ReadObject(value)
	if err != nil || s.head != nil {
		return broken.Misplaced("a message starts without being one, or twice")
	}
	s.usage.readMessages(message.Get("usage"))
	w := &s.w
	w.Reset()
	w.Open('{')
	w.TextMember("id", renamed(message.Get("id").Text(), messageID, chatID))
	w.TextMember("object", "chat.completion.chunk")
	w.IntMember("created", int(s.opts.Created))
	w.TextMember("model", message.Get("model").Text())
	s.head = slices.Clone(w.Bytes())

	s.begin()
	w.TextMember("role", "assistant")
	w.TextMember("content", "")
	s.send("")
	return nil
}

// begin begins a chunk with a choice, up to its delta's members.
func (s *chatStream) begin() {
	s.w.Reset()
	s.w.Raw(s.head)
	s.w.Name("choices")
	s.w.Open('[')
	s.w.Open('{')
	s.w.IntMember("index", 0)
	s.w.Name("delta")
	s.w.Open('{')
}

// send ends the chunk and adds it to what goes out.
func (s *chatStream) send(finish string) {
	s.w.Close('}')
	s.w.Member("logprobs", nil)
	if finish == "" {
		s.w.Member("finish_reason", nil)
	} else {
		s.w.TextMember("finish_reason", finish)
	}
	s.w.Close('}')
	s.w.Close(']')
	s.w.Close('}')
	s.out = sse.AppendData(s.out, s.w.Bytes())
}

// say sends a piece of text under the name.
func (s *chatStream) say(name string, piece rawjson.Value) {
	if len(piece.Inside()) == 0 {
		return
	}
	s.begin()
	s.w.Member(name, piece)
	s.send("")
}

func (s *chatStream) blockStart(event rawjson.Object) error {
	start, err := rawjson.ReadObject(event.Get("content_block"))
	if err != nil {
		return broken.Misplaced("a block starts without being one")
	}
	switch start.Get("type").Text() {
	case "text":
		s.say("content", start.Get("text"))
	case "thinking":
		s.say("reasoning_content", start.Get("thinking"))
	case "tool_use":
		if len(s.open) == maxOpen {
			return broken.Interleaved()
		}
		s.open = append(s.open, openCall{
			block: event.Get("index").Count(), call: s.calls, input: slices.Clone(start.Get("input")),
		})
		s.begin()
		s.w.Name("tool_calls")
		s.w.Open('[')
		s.w.Open('{')
		s.w.IntMember("index", s.calls)
		s.w.TextMember("id", start.Get("id").Text())
		s.w.TextMember("type", "function")
		s.w.Name("function")
		s.w.Open('{')
		s.w.TextMember("name", start.Get("name").Text())
		s.w.TextMember("arguments", "")
		s.w.Close('}')
		s.w.Close('}')
		s.w.Close(']')
		s.send("")
		s.calls++
	}
	return nil
}

func (s *chatStream) delta(event rawjson.Object) error {
	delta, err := rawjson.ReadObject(event.Get("delta"))
	if err != nil {
		return broken.Misplaced("a delta is no object")
	}
	switch delta.Get("type").Text() {
	case "text_delta":
		s.say("content", delta.Get("text"))
	case "thinking_delta":
		s.say("reasoning_content", delta.Get("thinking"))
	case "input_json_delta":
		at := event.Get("index").Count()
		i := slices.IndexFunc(s.open, func(c openCall) bool { return c.block == at })
		piece := delta.Get("partial_json")
		switch {
		case len(piece.Inside()) == 0:
		case i < 0:
			// The input of a tool that Anthropic runs itself.
		default:
			s.open[i].pieces = true
			s.arguments(s.open[i].call, piece)
		}
	}
	return nil
}

// arguments sends a piece of a call's arguments.
func (s *chatStream) arguments(call int, piece rawjson.Value) {
	s.begin()
	s.w.Name("tool_calls")
	s.w.Open('[')
	s.w.Open('{')
	s.w.IntMember("index", call)
	s.w.Name("function")
	s.w.Open('{')
	s.w.Member("arguments", piece)
	s.w.Close('}')
	s.w.Close('}')
	s.w.Close(']')
	s.send("")
}

// blockStop ends a block. Clients read the arguments as JSON, so a call without
// any is sent the input that its start told, which is mostly an empty object.
func (s *chatStream) blockStop(at int) {
	i := slices.IndexFunc(s.open, func(c openCall) bool { return c.block == at })
	if i < 0 {
		return
	}
	call := s.open[i]
	s.open = slices.Delete(s.open, i, i+1)
	if call.pieces {
		return
	}
	input := call.input
	if !isObject(input) {
		input = []byte("{}")
	}
	s.arguments(call.call, jsonscan.AppendString(nil, string(input)))
}

func (s *chatStream) messageDelta(value rawjson.Value) {
	delta, err := rawjson.ReadObject(value)
	if err != nil {
		return
	}
	if stop := delta.Get("stop_reason").Text(); stop != "" {
		s.stop = stop
	}
	s.refusal = slices.Clone(refusalOf(delta.Get("stop_details")))
}

func (s *chatStream) end() ([]byte, error) {
	switch {
	case s.err != nil:
		return nil, s.err
	case !s.isDone:
		return nil, broken.Truncated("without its end marker")
	case s.stop == "":
		return nil, broken.Truncated("without a stop reason")
	}
	s.out = s.out[:0]
	for len(s.open) > 0 {
		s.blockStop(s.open[0].block)
	}
	s.say("refusal", s.refusal)
	s.begin()
	s.send(finishReason(s.stop))
	if s.opts.IncludeUsage && s.usage.known {
		s.w.Reset()
		s.w.Raw(s.head)
		s.w.Name("choices")
		s.w.Open('[')
		s.w.Close(']')
		s.w.Name("usage")
		s.usage.writeChat(&s.w)
		s.w.Close('}')
		s.out = sse.AppendData(s.out, s.w.Bytes())
	}
	s.out = append(s.out, dialect.DoneFrame...)
	return s.out, nil
}
