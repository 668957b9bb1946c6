package reply_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/reply"
)

// anthropicFrames writes events as Anthropic does, named by their type.
func anthropicFrames(events ...string) []string {
	frames := make([]string, 0, len(events))
	for _, event := range events {
		var named struct{ Type string }
		if err := json.Unmarshal([]byte(event), &named); err != nil {
			panic(event)
		}
		frames = append(frames, "event: "+named.Type+"\ndata: "+event+"\n\n")
	}
	return frames
}

// chatFrames writes chunks of one choice, given by its delta and its finish
// reason, and the end marker.
func chatFrames(chunks ...string) []string {
	frames := make([]string, 0, len(chunks)+1)
	for _, c := range chunks {
		delta, finish, _ := strings.Cut(c, "|")
		reason := "null"
		if finish != "" {
			reason = `"` + finish + `"`
		}
		frames = append(frames, `data: {"id":"chatcmpl-1","model":"gpt","choices":[{"index":0,"delta":`+delta+`,"finish_reason":`+reason+"}]}\n\n")
	}
	return append(frames, "data: [DONE]\n\n")
}

// translated feeds frames one at a time and returns everything that came out.
func translated(from, to fairlead.Dialect, opts reply.Options, frames []string) (string, error) {
	s, err := reply.NewStream(from, to, opts)
	if err != nil {
		return "", err
	}
	var all []byte
	for _, frame := range frames {
		out, err := s.Block([]byte(frame))
		all = append(all, out...)
		if err != nil {
			return string(all), err
		}
	}
	out, err := s.End()
	return string(append(all, out...)), err
}

// payloads are the payloads of a stream, one a line.
func payloads(stream string) string {
	var b strings.Builder
	for frame := range sse.Frames([]byte(stream)) {
		b.Write(sse.Data(frame, nil))
		b.WriteByte('\n')
	}
	return b.String()
}

const (
	messageStart = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"usage":{"input_tokens":3,"cache_read_input_tokens":10,"output_tokens":1}}}`
	messageDelta = `{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}`
	messageStop  = `{"type":"message_stop"}`
)

func TestChatStream(t *testing.T) {
	frames := anthropicFrames(
		messageStart,
		`{"type":"ping"}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"xyz"}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a\u00e9\n"}}`,
		`{"type":"content_block_stop","index":1}`,
		`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}`,
		`{"type":"content_block_stop","index":2}`,
		`{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_2","name":"g","input":{}}}`,
		`{"type":"content_block_stop","index":3}`,
		`{"type":"next_year","index":3}`,
		messageDelta, messageStop,
	)
	got, err := translated(messages, chat, reply.Options{Created: 9, IncludeUsage: true}, frames)
	if err != nil {
		t.Fatal(err)
	}
	chunk := func(delta, finish string) string {
		return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":9,"model":"claude","choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + "}]}\n"
	}
	want := chunk(`{"role":"assistant","content":""}`, "null") +
		chunk(`{"reasoning_content":"hm"}`, "null") +
		chunk(`{"content":"a\u00e9\n"}`, "null") +
		chunk(`{"tool_calls":[{"index":0,"id":"toolu_1","type":"function","function":{"name":"f","arguments":""}}]}`, "null") +
		chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}`, "null") +
		chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}`, "null") +
		chunk(`{"tool_calls":[{"index":1,"id":"toolu_2","type":"function","function":{"name":"g","arguments":""}}]}`, "null") +
		chunk(`{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}`, "null") +
		chunk(`{}`, `"tool_calls"`) +
		`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":9,"model":"claude","choices":[],"usage":{"prompt_tokens":13,"completion_tokens":9,"total_tokens":22,"prompt_tokens_details":{"cached_tokens":10}}}` + "\n[DONE]\n"
	if got := payloads(got); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	without, err := translated(messages, chat, reply.Options{Created: 9}, frames)
	if err != nil || strings.Contains(without, "usage") {
		t.Errorf("a client that did not ask is told the usage (%v)\n%s", err, without)
	}
}

func TestMessagesStream(t *testing.T) {
	start := func(at int, block string) string {
		return fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`+"\n", at, block)
	}
	delta := func(at int, kind, name, inside string) string {
		return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":"%s"}}`+"\n", at, kind, name, inside)
	}
	stop := func(at int) string { return fmt.Sprintf(`{"type":"content_block_stop","index":%d}`+"\n", at) }
	call := func(at int, id, name string) string {
		return start(at, `{"type":"tool_use","id":"`+id+`","name":"`+name+`","input":{}}`)
	}
	input := func(at int, inside string) string { return delta(at, "input_json_delta", "partial_json", inside) }
	const text = `{"type":"text","text":""}`
	const head = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"gpt","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}` + "\n"
	tail := func(reason, usage string) string {
		return `{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{` + usage + `}}` + "\n" + `{"type":"message_stop"}` + "\n"
	}
	const noUsage = `"input_tokens":0,"output_tokens":0`
	for _, test := range []struct {
		name   string
		chunks []string
		want   string
	}{
		{
			"text, after an empty chunk",
			[]string{`{"role":"assistant","content":"","refusal":null}`, `{"content":"h\u00e9"}`, `{"content":" \"w"}`, `{}|stop`},
			start(0, text) + delta(0, "text_delta", "text", `h\u00e9`) + delta(0, "text_delta", "text", ` \"w`) + stop(0) + tail("end_turn", noUsage),
		},
		{
			"thinking",
			[]string{`{"reasoning_content":"a"}`, `{"reasoning":"b"}`, `{"content":"c"}|length`},
			start(0, `{"type":"thinking","thinking":"","signature":""}`) + delta(0, "thinking_delta", "thinking", "a") + delta(0, "thinking_delta", "thinking", "b") + stop(0) +
				start(1, text) + delta(1, "text_delta", "text", "c") + stop(1) + tail("max_tokens", noUsage),
		},
		{
			"calls one after the other",
			[]string{
				`{"content":"x","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}`,
				`{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}`, `{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}`,
				`{"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":"{}"}}]}`, `{"tool_calls":[{"index":1,"function":{"arguments":"\n"}},{"index":0,"function":{"arguments":" "}}]}|tool_calls`,
			},
			start(0, text) + delta(0, "text_delta", "text", "x") + stop(0) + call(1, "c1", "f") + input(1, `{\"a\"`) + input(1, `:1}`) + stop(1) +
				call(2, "c2", "g") + input(2, "{}") + input(2, `\n`) + stop(2) + tail("tool_use", noUsage),
		},
		{
			"calls interleaved, and text between",
			[]string{
				`{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a"}},{"index":1,"id":"c2","function":{"name":"g","arguments":"{"}}]}`,
				`{"content":"x"}`, `{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]}`, `{"content":"y"}`, `{"tool_calls":[{"index":0,"function":{"arguments":"\":1}"}}]}`, `{}|tool_calls`,
			},
			call(0, "c1", "f") + input(0, `{\"a`) + input(0, `\":1}`) + stop(0) + call(1, "c2", "g") + input(1, "{}") + stop(1) +
				start(2, text) + delta(2, "text_delta", "text", "xy") + stop(2) + tail("tool_use", noUsage),
		},
		{
			"calls without an index, an id or arguments",
			[]string{
				`{"tool_calls":[{"id":"c1","function":{"name":"f"}}]}`, `{"tool_calls":[{"id":"c2","function":{"name":"g","arguments":"{}"}}]}`, `{"tool_calls":[{"index":7,"function":{"name":"h"}}]}|stop`,
			},
			call(0, "c1", "f") + stop(0) + call(1, "c2", "g") + input(1, "{}") + stop(1) + call(2, "toolu_1_2", "h") + stop(2) + tail("tool_use", noUsage),
		},
		{
			"calls that all have the same index",
			[]string{
				`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`, `{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}|tool_calls`,
			},
			call(0, "a", "f") + input(0, "{}") + stop(0) + call(1, "b", "g") + input(1, "{}") + stop(1) + tail("tool_use", noUsage),
		},
		{
			"a call that was cut off",
			[]string{`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a"}},{"index":1,"id":"b"}]}|length`},
			call(0, "a", "f") + input(0, `{\"a`) + stop(0) + tail("max_tokens", noUsage),
		},
		{
			"a refusal",
			[]string{`{"refusal":"no"}`, `{}|stop`},
			start(0, text) + delta(0, "text_delta", "text", "no") + stop(0) + tail("refusal", noUsage),
		},
		{"nothing", []string{`{"role":"assistant"}|stop`}, tail("end_turn", noUsage)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := translated(chat, messages, reply.Options{}, chatFrames(test.chunks...))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := payloads(got), head+test.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for frame := range sse.Frames([]byte(got)) {
				var event struct{ Type string }
				if err := json.Unmarshal(sse.Data(frame, nil), &event); err != nil || sse.Event(frame) != event.Type {
					t.Errorf("the frame %q is not named after its type", frame)
				}
			}
		})
	}
	frames := chatFrames(`{"content":"x"}|stop`)
	frames = append([]string{"data: {\"id\":\"\",\"choices\":[]}\n\n", ": comment\n\n", "event: progress\ndata: {\"done\":1}\n\n"}, frames[0],
		`data: {"choices":[],"usage":{"prompt_tokens":13,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":10}}}`+"\n\n", frames[1])
	got, err := translated(chat, messages, reply.Options{}, frames)
	want := head + start(0, text) + delta(0, "text_delta", "text", "x") + stop(0) + tail("end_turn", `"input_tokens":3,"cache_read_input_tokens":10,"output_tokens":2`)
	if err != nil || payloads(got) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, payloads(got), want)
	}
}

// TestBytesThatAreNotUTF8 sends a byte that is none: it is replaced, as
// everywhere.
func TestBytesThatAreNotUTF8(t *testing.T) {
	frames := anthropicFrames(messageStart, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"aXb"}}`, messageDelta, messageStop)
	frames[1] = strings.Replace(frames[1], "X", "\xff", 1)
	got, err := translated(messages, chat, reply.Options{}, frames)
	if err != nil || !strings.Contains(got, "{\"content\":\"a\ufffdb\"}") {
		t.Errorf("got %v\n%s", err, got)
	}
	frames = chatFrames(`{"content":"aXb"}|stop`)
	frames[0] = strings.Replace(frames[0], "X", "\xff", 1)
	got, err = translated(chat, messages, reply.Options{}, frames)
	if err != nil || !strings.Contains(got, "\"text\":\"a\ufffdb\"") {
		t.Errorf("got %v\n%s", err, got)
	}
}

// TestStreamsCutShort cuts whole streams behind every frame: only the whole one
// may end, and nothing that a client takes for the end may come before.
func TestStreamsCutShort(t *testing.T) {
	anthropic := anthropicFrames(
		messageStart,
		`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}`,
		`{"type":"content_block_stop","index":0}`, messageDelta, messageStop)
	openai := chatFrames(`{"content":"x"}`, `{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`, `{}|tool_calls`)
	for _, test := range []struct {
		from, to fairlead.Dialect
		frames   []string
		marks    []string
	}{
		{messages, chat, anthropic, []string{"[DONE]", `"finish_reason":"`}},
		{chat, messages, openai, []string{"message_stop", "message_delta"}},
	} {
		for n := range len(test.frames) {
			got, err := translated(test.from, test.to, reply.Options{}, test.frames[:n])
			if codeOf(err) != "upstream_truncated" {
				t.Errorf("%s, %d frames: got %v, want upstream_truncated", test.from, n, err)
			}
			for _, mark := range test.marks {
				if strings.Contains(got, mark) {
					t.Errorf("%s, %d frames: the client is told %s\n%s", test.from, n, mark, got)
				}
			}
		}
		if _, err := translated(test.from, test.to, reply.Options{}, test.frames); err != nil {
			t.Errorf("%s: the whole stream gives %v", test.from, err)
		}
		// Without a reason, but with the end marker.
		frames := append(test.frames[:len(test.frames)-2:len(test.frames)-2], test.frames[len(test.frames)-1])
		if _, err := translated(test.from, test.to, reply.Options{}, frames); codeOf(err) != "upstream_truncated" {
			t.Errorf("%s: without a reason: got %v", test.from, err)
		}
	}
}

func TestStreamsThatFail(t *testing.T) {
	for _, test := range []struct {
		name   string
		from   fairlead.Dialect
		frames []string
		code   string
	}{
		{"an error", messages, anthropicFrames(messageStart, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, messageStop), "provider_unavailable"},
		{"not JSON", messages, []string{"event: message_start\ndata: {\n\n"}, "upstream_malformed_event"},
		{"no start", messages, anthropicFrames(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}`), "upstream_malformed_event"},
		{"two starts", messages, anthropicFrames(messageStart, messageStart), "upstream_malformed_event"},
		{"a delta that is none", messages, anthropicFrames(messageStart, `{"type":"content_block_delta","index":0,"delta":7}`), "upstream_malformed_event"},
		{"an error", chat, []string{"data: {\"error\":{\"message\":\"x\"}}\n\n"}, "upstream_error"},
		{"not JSON", chat, []string{"data: {\n\n"}, "upstream_malformed_event"},
		{"arguments that are no object", chat, chatFrames(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"[1]"}}]}`), "upstream_invalid_answer"},
		{"arguments that are no JSON", chat, chatFrames(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{x"}}]}`), "upstream_invalid_answer"},
		{"arguments that go on", chat, chatFrames(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}{}"}}]}`), "upstream_invalid_answer"},
		{"arguments that do not end", chat, chatFrames(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}|tool_calls`), "upstream_invalid_answer"},
		{"no name", chat, chatFrames(`{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{}"}}]}|tool_calls`), "upstream_invalid_answer"},
		{"a function call of old", chat, chatFrames(`{"function_call":{"name":"f"}}`), "upstream_invalid_answer"},
	} {
		to := chat
		if test.from == chat {
			to = messages
		}
		got, err := translated(test.from, to, reply.Options{}, test.frames)
		if codeOf(err) != test.code {
			t.Errorf("%s of %s: got %v, want %s\n%s", test.name, test.from, err, test.code, got)
		}
	}
}

// TestHeldIsBounded interleaves more than may be held back.
func TestHeldIsBounded(t *testing.T) {
	first := `{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}`
	later := func(at int) string {
		return fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"i%d","function":{"name":"f","arguments":"{\"a\":\"%s"}}]}`, at, at, strings.Repeat("x", 1000))
	}
	s, err := reply.NewStream(chat, messages, reply.Options{MaxHeld: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Block([]byte(chatFrames(first)[0])); err != nil {
		t.Fatal(err)
	}
	for at := 1; ; at++ {
		_, err := s.Block([]byte(chatFrames(later(at))[0]))
		if err == nil && at < 10 {
			continue
		}
		if codeOf(err) != "upstream_answer_too_large" || at < 6 {
			t.Errorf("call %d: got %v, want upstream_answer_too_large after some 8", at, err)
		}
		break
	}
	if _, err := s.End(); codeOf(err) != "upstream_answer_too_large" {
		t.Errorf("the end: got %v", err)
	}
	var calls []string
	for at := range 1100 {
		calls = append(calls, fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"i%d","function":{"name":"f","arguments":"{}"}}]}`, at, at))
	}
	if _, err := translated(chat, messages, reply.Options{}, chatFrames(calls...)); codeOf(err) != "upstream_answer_too_large" {
		t.Errorf("1,100 calls: got %v", err)
	}
}

// FuzzStream feeds any bytes as frames: no panic, payloads that are JSON, and no
// end marker unless the stream ended well.
func FuzzStream(f *testing.F) {
	f.Add([]byte(strings.Join(anthropicFrames(messageStart, messageDelta, messageStop), "")))
	f.Add([]byte(strings.Join(anthropicFrames(messageStart,
		`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a":1}}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud800"}}`), "")))
	f.Add([]byte(strings.Join(chatFrames(`{"content":"x","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]}`, `{"reasoning":"x"}|length`), "")))
	f.Add([]byte("event: error\ndata: \xff\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, pair := range [][2]fairlead.Dialect{{messages, chat}, {chat, messages}} {
			s, err := reply.NewStream(pair[0], pair[1], reply.Options{IncludeUsage: true, MaxHeld: 4096})
			if err != nil {
				t.Fatal(err)
			}
			failed := false
			for frame := range sse.Frames(stream) {
				out, err := s.Block(frame)
				failed = failed || err != nil
				checkFrames(t, out, "")
			}
			out, err := s.End()
			checkFrames(t, out, endMark(pair[1]))
			if err != nil && len(out) > 0 || err == nil && failed {
				t.Fatalf("the end is %q with %v", out, err)
			}
		}
	})
}

// endMark is the payload of the frame that ends a stream, or its event.
func endMark(d fairlead.Dialect) string {
	if d == messages {
		return "message_stop"
	}
	return "[DONE]"
}

// checkFrames holds frames to their form: JSON, but for the end marker if there
// may be one.
func checkFrames(t *testing.T, out []byte, mark string) {
	t.Helper()
	for frame := range sse.Frames(out) {
		payload := sse.Data(frame, nil)
		isEnd := string(payload) == "[DONE]" || sse.Event(frame) == "message_stop"
		if isEnd && mark != string(payload) && mark != sse.Event(frame) {
			t.Fatalf("got the end marker %q too early", frame)
		}
		if string(payload) != "[DONE]" && !json.Valid(payload) || !bytes.HasSuffix(frame, []byte("\n\n")) {
			t.Fatalf("got the frame %q", frame)
		}
	}
}

func BenchmarkStream(b *testing.B) {
	for name, frame := range map[fairlead.Dialect][]byte{
		messages: []byte(anthropicFrames(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" token"}}`)[0]),
		chat:     []byte(chatFrames(`{"content":" token"}`)[0]),
	} {
		b.Run(string(name), func(b *testing.B) {
			to := chat
			if name == chat {
				to = messages
			}
			s, err := reply.NewStream(name, to, reply.Options{})
			if err == nil && name == messages {
				_, err = s.Block([]byte(anthropicFrames(messageStart)[0]))
			}
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Block(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
