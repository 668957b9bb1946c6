package reply_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/reply"
)

// The tests of this file hold streams to whole answers: an answer is drawn,
// written in one dialect both whole and as a stream that is cut in a random way,
// and translated; the stream, put together again, must say what the whole
// answer says.

// drawn is an answer, in words that both dialects have.
type drawn struct {
	thinking, text string
	calls          []drawnCall
	finish         string
	in, cached     int
	out            int
}

type drawnCall struct{ id, name, arguments string }

func anyText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.RuneFrom([]rune("ab é\"\\/\n\u0000\u2028😀{}")))
}

func drawAnswer(rt *rapid.T) drawn {
	d := drawn{
		thinking: anyText().Draw(rt, "thinking"), text: anyText().Draw(rt, "text"), finish: "stop",
		in: rapid.IntRange(0, 50).Draw(rt, "in"), cached: rapid.IntRange(0, 50).Draw(rt, "cached"), out: rapid.IntRange(0, 50).Draw(rt, "out"),
	}
	for i := range rapid.IntRange(0, 4).Draw(rt, "calls") {
		arguments := rapid.SampledFrom([]string{`{}`, `{"a": [1, {"b": "}"}]}`, ` {"k":"v"}`}).Draw(rt, "arguments")
		if rapid.Bool().Draw(rt, "has text") {
			arguments = `{"t":` + quote(anyText().Draw(rt, "value")) + `}`
		}
		d.calls = append(d.calls, drawnCall{fmt.Sprintf("c%d", i), fmt.Sprintf("f%d", i), arguments})
		d.finish = "tool_calls"
	}
	return d
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// cut cuts a text between characters into pieces, some of which may be empty.
func cut(rt *rapid.T, text string) []string {
	runes := []rune(text)
	var pieces []string
	for len(runes) > 0 {
		n := rapid.IntRange(0, min(5, len(runes))).Draw(rt, "piece")
		pieces = append(pieces, string(runes[:n]))
		runes = runes[n:]
	}
	return pieces
}

// grouped translates frames, handed over in groups of random size.
func grouped(rt *rapid.T, from, to fairlead.Dialect, frames []string) string {
	var groups []string
	for len(frames) > 0 {
		n := rapid.IntRange(1, len(frames)).Draw(rt, "group")
		groups = append(groups, strings.Join(frames[:n], ""))
		frames = frames[n:]
	}
	out, err := translated(from, to, reply.Options{IncludeUsage: true}, groups)
	if err != nil {
		rt.Fatalf("%v\n%s\n%s", err, strings.Join(groups, ""), out)
	}
	return out
}

func TestChatStreamEqualsWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawAnswer(rt)
		stop := map[string]string{"stop": "end_turn", "tool_calls": "tool_use"}[d.finish]
		usage := fmt.Sprintf(`{"input_tokens":%d,"cache_read_input_tokens":%d,"output_tokens":%d}`, d.in, d.cached, d.out)
		blocks, events := blocksAndEvents(rt, d)
		const head = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[`
		whole := head + strings.Join(blocks, ",") + `],"stop_reason":"` + stop + `","usage":` + usage + `}`
		events = append([]string{`{"type":"message_start","message":` + head + `],"stop_reason":null,"usage":{"input_tokens":` + fmt.Sprint(d.in) + `,"output_tokens":0}}}`}, events...)
		events = append(events, `{"type":"message_delta","delta":{"stop_reason":"`+stop+`"},"usage":`+usage+`}`, messageStop)

		out := grouped(rt, messages, chat, anthropicFrames(events...))
		answer, err := reply.Answer(messages, chat, []byte(whole), reply.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		want, got := readCompletion(rt, answer), gatherChunks(rt, out)
		for _, one := range []drawn{d, want, got} {
			one.trim()
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("got  %+v\nwant %+v\n%s", got, want, out)
		}
		d.in += d.cached
		if !reflect.DeepEqual(want, d) {
			rt.Fatalf("the whole answer says %+v, want %+v", want, d)
		}
	})
}

// trim takes away white space around arguments, which is no part of them.
func (d *drawn) trim() {
	for i := range d.calls {
		d.calls[i].arguments = strings.TrimSpace(d.calls[i].arguments)
	}
}

// blocksAndEvents writes an answer as Anthropic's blocks, and as the events of a
// stream of them.
func blocksAndEvents(rt *rapid.T, d drawn) (blocks, events []string) {
	add := func(block, empty string, deltas ...string) {
		at := len(blocks)
		blocks = append(blocks, block)
		events = append(events, fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, at, empty))
		for _, delta := range deltas {
			events = append(events, fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":%s}`, at, delta), `{"type":"ping"}`)
		}
		events = append(events, fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, at))
	}
	deltas := func(text, kind, name string) (list []string) {
		for _, piece := range cut(rt, text) {
			list = append(list, fmt.Sprintf(`{"type":"%s","%s":%s}`, kind, name, quote(piece)))
		}
		return list
	}
	if d.thinking != "" {
		add(`{"type":"thinking","thinking":`+quote(d.thinking)+`,"signature":"s"}`, `{"type":"thinking","thinking":"","signature":""}`,
			append(deltas(d.thinking, "thinking_delta", "thinking"), `{"type":"signature_delta","signature":"s"}`)...)
	}
	if d.text != "" {
		add(`{"type":"text","text":`+quote(d.text)+`}`, `{"type":"text","text":""}`, deltas(d.text, "text_delta", "text")...)
	}
	for _, c := range d.calls {
		start := fmt.Sprintf(`{"type":"tool_use","id":"%s","name":"%s","input":`, c.id, c.name)
		add(start+c.arguments+"}", start+"{}}", deltas(c.arguments, "input_json_delta", "partial_json")...)
	}
	return blocks, events
}

// completion is what is read of a chat completion and of its chunks.
type completion struct {
	Choices []struct {
		Message, Delta struct {
			Content   *string
			Reasoning *string `json:"reasoning_content"`
			Calls     []struct {
				Index    int
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Finish string `json:"finish_reason"`
	}
	Usage struct {
		Prompt  int `json:"prompt_tokens"`
		Answer  int `json:"completion_tokens"`
		Details struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
}

func (c *completion) usage(d *drawn) {
	d.in, d.out, d.cached = c.Usage.Prompt, c.Usage.Answer, c.Usage.Details.Cached
}

func readCompletion(rt *rapid.T, body []byte) (d drawn) {
	var c completion
	if err := json.Unmarshal(body, &c); err != nil {
		rt.Fatal(err)
	}
	c.usage(&d)
	m := c.Choices[0].Message
	d.finish = c.Choices[0].Finish
	if m.Content != nil {
		d.text = *m.Content
	}
	if m.Reasoning != nil {
		d.thinking = *m.Reasoning
	}
	for _, call := range m.Calls {
		d.calls = append(d.calls, drawnCall{call.ID, call.Function.Name, call.Function.Arguments})
	}
	return d
}

// gatherChunks puts chunks together as clients do.
func gatherChunks(rt *rapid.T, stream string) (d drawn) {
	for frame := range sse.Frames([]byte(stream)) {
		payload := sse.Data(frame, nil)
		if string(payload) == "[DONE]" {
			continue
		}
		var c completion
		if err := json.Unmarshal(payload, &c); err != nil {
			rt.Fatal(err)
		}
		if len(c.Choices) == 0 {
			c.usage(&d)
			continue
		}
		m := c.Choices[0].Delta
		if m.Content != nil {
			d.text += *m.Content
		}
		if m.Reasoning != nil {
			d.thinking += *m.Reasoning
		}
		for _, call := range m.Calls {
			if call.Index == len(d.calls) {
				d.calls = append(d.calls, drawnCall{call.ID, call.Function.Name, ""})
			}
			d.calls[call.Index].arguments += call.Function.Arguments
		}
		if c.Choices[0].Finish != "" {
			d.finish = c.Choices[0].Finish
		}
	}
	return d
}

func TestMessagesStreamEqualsWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawAnswer(rt)
		usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}`, d.in+d.cached, d.out, d.cached)
		var calls []string
		// lanes are the pieces of what is said at the same time: thinking, text, and
		// each call.
		lanes := make([][]string, 2+len(d.calls))
		for _, piece := range cut(rt, d.thinking) {
			lanes[0] = append(lanes[0], `{"reasoning_content":`+quote(piece)+`}`)
		}
		for _, piece := range cut(rt, d.text) {
			lanes[1] = append(lanes[1], `{"content":`+quote(piece)+`}`)
		}
		for i, c := range d.calls {
			calls = append(calls, fmt.Sprintf(`{"id":"%s","type":"function","function":{"name":"%s","arguments":%s}}`, c.id, c.name, quote(c.arguments)))
			lane := []string{fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"%s","type":"function","function":{"name":"%s","arguments":""}}]}`, i, c.id, c.name)}
			for _, piece := range cut(rt, c.arguments) {
				lane = append(lane, fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i, quote(piece)))
			}
			lanes[2+i] = lane
		}
		chunks := append([]string{`{"role":"assistant","content":""}`}, shuffled(rt, lanes)...)
		frames := chatFrames(append(chunks, "{}|"+d.finish)...)
		frames = append(frames[:len(frames)-1], `data: {"choices":[],"usage":`+usage+"}\n\n", frames[len(frames)-1])
		whole := fmt.Sprintf(`{"id":"chatcmpl-1","model":"gpt","choices":[{"message":{"content":%s,"reasoning_content":%s,"tool_calls":[%s]},"finish_reason":"%s"}],"usage":%s}`,
			quote(d.text), quote(d.thinking), strings.Join(calls, ","), d.finish, usage)

		out := grouped(rt, chat, messages, frames)
		answer, err := reply.Answer(chat, messages, []byte(whole), reply.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		got, want := gatherEvents(rt, out), readMessage(rt, answer)
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("got  %+v\nwant %+v\n%s", got, want, out)
		}
		for i := range d.calls {
			d.calls[i].arguments = compact(rt, d.calls[i].arguments)
		}
		d.finish = map[string]string{"stop": "end_turn", "tool_calls": "tool_use"}[d.finish]
		if !reflect.DeepEqual(want, d) {
			rt.Fatalf("the whole answer says %+v, want %+v", want, d)
		}
	})
}

// shuffled deals the pieces of all lanes in a random order, in which each lane
// keeps its own and calls begin one after the other.
func shuffled(rt *rapid.T, lanes [][]string) (pieces []string) {
	for {
		var open []int
		for i, lane := range lanes {
			if len(lane) == 0 {
				continue
			}
			open = append(open, i)
			if strings.Contains(lane[0], `"id"`) {
				break
			}
		}
		if len(open) == 0 {
			return pieces
		}
		i := rapid.SampledFrom(open).Draw(rt, "lane")
		pieces = append(pieces, lanes[i][0])
		lanes[i] = lanes[i][1:]
	}
}

// compact reads arguments and writes them anew.
func compact(rt *rapid.T, arguments string) string {
	var value map[string]any
	if err := json.Unmarshal([]byte(arguments), &value); err != nil {
		rt.Fatalf("arguments %q: %v", arguments, err)
	}
	b, err := json.Marshal(value)
	if err != nil {
		rt.Fatal(err)
	}
	return string(b)
}

type wireBlock struct {
	Type, Text, Thinking, ID, Name string
	Input                          json.RawMessage
}

type wireUsage struct {
	Input  int `json:"input_tokens"`
	Cached int `json:"cache_read_input_tokens"`
	Output int `json:"output_tokens"`
}

func (d *drawn) add(rt *rapid.T, b wireBlock) {
	d.text += b.Text
	d.thinking += b.Thinking
	if b.Type == "tool_use" {
		d.calls = append(d.calls, drawnCall{b.ID, b.Name, compact(rt, string(b.Input))})
	}
}

func readMessage(rt *rapid.T, body []byte) (d drawn) {
	var m struct {
		Content []wireBlock
		Stop    string `json:"stop_reason"`
		Usage   wireUsage
	}
	if err := json.Unmarshal(body, &m); err != nil {
		rt.Fatal(err)
	}
	for _, b := range m.Content {
		d.add(rt, b)
	}
	d.finish, d.in, d.cached, d.out = m.Stop, m.Usage.Input, m.Usage.Cached, m.Usage.Output
	return d
}

// wireEvent is an event of Anthropic's stream.
type wireEvent struct {
	Type  string
	Index int
	Block wireBlock `json:"content_block"`
	Delta struct {
		Type, Text, Thinking string
		JSON                 string `json:"partial_json"`
		Stop                 string `json:"stop_reason"`
	}
	Usage wireUsage
}

// reader puts the events of a stream together.
type reader struct {
	rt        *rapid.T
	d         drawn
	open      *wireBlock
	at        int
	arguments string
}

// gatherEvents puts events together, and holds them to the order that Anthropic
// promises: one block after the other, numbered from 0.
func gatherEvents(rt *rapid.T, stream string) drawn {
	r := &reader{rt: rt}
	seen := ""
	for frame := range sse.Frames([]byte(stream)) {
		var e wireEvent
		if err := json.Unmarshal(sse.Data(frame, nil), &e); err != nil {
			rt.Fatal(err)
		}
		if (seen == "") != (e.Type == "message_start") || seen == "message_stop" || seen == "message_delta" && e.Type != "message_stop" {
			rt.Fatalf("%s comes after %q\n%s", e.Type, seen, stream)
		}
		seen = e.Type
		if !r.event(e) {
			rt.Fatalf("%s of block %d in the wrong place\n%s", e.Type, e.Index, stream)
		}
	}
	if seen != "message_stop" {
		rt.Fatalf("the stream ends with %q", seen)
	}
	return r.d
}

// event adds an event; it returns false if that is not in its place.
func (r *reader) event(e wireEvent) bool {
	isOpen := r.open != nil
	switch e.Type {
	case "content_block_start":
		block := e.Block
		r.open, r.arguments = &block, ""
		return !isOpen && e.Index == r.at
	case "content_block_delta":
		if isOpen {
			r.open.Text += e.Delta.Text
			r.open.Thinking += e.Delta.Thinking
			r.arguments += e.Delta.JSON
		}
		return isOpen && e.Index == r.at
	case "content_block_stop":
		if isOpen {
			r.close()
		}
		return isOpen && e.Index == r.at-1
	case "message_delta":
		r.d.finish, r.d.in, r.d.cached, r.d.out = e.Delta.Stop, e.Usage.Input, e.Usage.Cached, e.Usage.Output
		return !isOpen
	}
	return true
}

func (r *reader) close() {
	if r.arguments != "" {
		r.open.Input = json.RawMessage(r.arguments)
	}
	r.d.add(r.rt, *r.open)
	r.open = nil
	r.at++
}
