package responses_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate"
	"github.com/fairleadhq/fairlead/internal/translate/responses"
)

// request is what the answers of these tests are to.
const request = `{"model":"alias","input":"hi","instructions":"i","temperature":0.50,"metadata":{"k":"v"},"store":false,
	"tools":[{"type":"function","name":"f"},{"type":"custom","name":"patch"},{"type":"namespace","name":"mcp__docs__","tools":[{"type":"function","name":"find"}]},{"type":"tool_search","execution":"client"}]}`

func options(t *testing.T) responses.Options {
	t.Helper()
	asked, err := translate.Responses(&fairlead.Request{Dialect: fairlead.OpenAIResponses, Body: []byte(request)}, translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return responses.Options{ID: "resp_x", Created: 9, Asked: asked.Whole, Tools: asked.Tools}
}

// completion is a whole chat completion.
func completion(message, finish string) string {
	return `{"id":"c","model":"m","service_tier":"default","choices":[{"index":0,"message":` + message + `,"finish_reason":"` + finish + `"}],` +
		`"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}`
}

// chunks is a stream of these deltas.
func chunks(finish string, deltas ...string) string {
	var b strings.Builder
	for _, delta := range deltas {
		fmt.Fprintf(&b, "data: {\"id\":\"c\",\"model\":\"m\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":null}]}\n\n", delta)
	}
	fmt.Fprintf(&b, "data: {\"id\":\"c\",\"model\":\"m\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%q}]}\n\n", finish)
	b.WriteString(`data: {"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}` + "\n\ndata: [DONE]\n\n")
	return b.String()
}

func streamed(t *testing.T, stream string) ([]byte, error) {
	t.Helper()
	s := responses.NewStream(options(t))
	out, err := s.Block([]byte(stream))
	all := bytes.Clone(out)
	if err != nil {
		return all, err
	}
	last, err := s.End()
	return append(all, last...), err
}

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value map[string]any
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return value
}

const rest = `"background":false,"error":null,"incomplete_details":null,"instructions":"i","max_output_tokens":null,"max_tool_calls":null,"model":"m",` +
	`"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"service_tier":"default",` +
	`"store":false,"temperature":0.50,"text":{"format":{"type":"text"}},"tool_choice":"auto","top_logprobs":0,"top_p":null,"truncation":"disabled","user":null,"metadata":{"k":"v"},` +
	`"tools":[{"type":"function","name":"f"},{"type":"custom","name":"patch"},{"type":"namespace","name":"mcp__docs__","tools":[{"type":"function","name":"find"}]},{"type":"tool_search","execution":"client"}],` +
	`"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":0},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}`

// TestGolden holds whole answers to what they become, and the streams of the same
// to the same.
func TestGolden(t *testing.T) {
	index := -1 // which a stream needs where an id is missing
	call := func(id, name, arguments string) string {
		index++
		return fmt.Sprintf(`{"index":%d,`, index) + `"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":` + arguments + `}}`
	}
	for _, c := range []struct{ name, message, finish, status, output string }{
		{
			"text", `{"role":"assistant","content":"H\u00e9 \"x\"","refusal":null}`, "stop", "completed",
			`{"id":"msg_x_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hé \"x\"","annotations":[],"logprobs":[]}]}`,
		},
		{"nothing", `{"role":"assistant","content":""}`, "stop", "completed", ``},
		{
			"thought", `{"role":"assistant","reasoning_content":"hm","content":"ok"}`, "stop", "completed",
			`{"id":"rs_x_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"id":"msg_x_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"ok","annotations":[],"logprobs":[]}]}`,
		},
		{
			"refusal", `{"role":"assistant","content":"a","refusal":"no"}`, "stop", "completed",
			`{"id":"msg_x_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"no"}]}`,
		},
		{
			"calls", `{"role":"assistant","content":null,"tool_calls":[` + call("c1", "f", `"{\"k\": 1} \n"`) + `,` + call("c2", "mcp__docs__find", `"{}"`) + `,` + call("", "unknown", `"not JSON"`) + `]}`, "tool_calls", "completed",
			`{"id":"fc_x_0","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{\"k\": 1}"},{"id":"fc_x_1","type":"function_call","status":"completed","call_id":"c2","name":"find","namespace":"mcp__docs__","arguments":"{}"},` +
				`{"id":"fc_x_2","type":"function_call","status":"completed","call_id":"call_x_2","name":"unknown","arguments":"not JSON"}`,
		},
		{
			"custom", `{"role":"assistant","content":"see","tool_calls":[` + call("c1", "patch", `"{\"input\":\"*** \\\"a\\\"\\nb\"}"`) + `,` + call("c2", "patch", `"raw"`) + `]}`, "stop", "completed",
			`{"id":"msg_x_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"see","annotations":[],"logprobs":[]}]},` +
				`{"id":"ctc_x_1","type":"custom_tool_call","status":"completed","call_id":"c1","name":"patch","input":"*** \"a\"\nb"},{"id":"ctc_x_2","type":"custom_tool_call","status":"completed","call_id":"c2","name":"patch","input":"raw"}`,
		},
		{
			"search", `{"role":"assistant","tool_calls":[` + call("c1", "tool_search", `"{\"query\":\"q\"}"`) + `,` + call("c2", "tool_search", `"what"`) + `]}`, "stop", "completed",
			`{"id":"tsc_x_0","type":"tool_search_call","status":"completed","call_id":"c1","execution":"client","arguments":{"query":"q"}},` +
				`{"id":"tsc_x_1","type":"tool_search_call","status":"completed","call_id":"c2","execution":"client","arguments":{}}`,
		},
		{
			"cut off", `{"role":"assistant","content":"so f"}`, "length", "incomplete",
			`{"id":"msg_x_0","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"so f","annotations":[],"logprobs":[]}]}`,
		},
		{
			"cut off in a call", `{"role":"assistant","content":"a","tool_calls":[` + call("c1", "f", `"{}"`) + `,` + call("c2", "f", `"{\"k"`) + `,{"id":"c3"}]}`, "length", "incomplete",
			`{"id":"msg_x_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]},` +
				`{"id":"fc_x_1","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{}"},{"id":"fc_x_2","type":"function_call","status":"incomplete","call_id":"c2","name":"f","arguments":"{\"k"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := `{"id":"resp_x","object":"response","created_at":9,"status":"` + c.status + `",` + rest + `,"output":[` + c.output + `]}`
			if c.status == "incomplete" {
				want = strings.Replace(want, `"incomplete_details":null`, `"incomplete_details":{"reason":"max_output_tokens"}`, 1)
			}
			got, err := responses.Answer([]byte(completion(c.message, c.finish)), options(t))
			if err != nil || !reflect.DeepEqual(decoded(t, got), decoded(t, []byte(want))) {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
			events, err := streamed(t, chunks(c.finish, c.message))
			if err != nil {
				t.Fatal(err)
			}
			final, err := json.Marshal(read(t, events).final)
			if err != nil || !reflect.DeepEqual(decoded(t, final), decoded(t, []byte(strings.ReplaceAll(want, "0.50", "0.5")))) {
				t.Errorf("the stream ends with %s\nwant %s", final, want)
			}
		})
	}
}

// TestStreamGolden holds a stream to its events, in their order.
func TestStreamGolden(t *testing.T) {
	events, err := streamed(t, chunks("tool_calls",
		`{"role":"assistant","content":""}`, `{"reasoning":"h"}`, `{"reasoning":"m"}`, `{"content":"a"}`,
		`{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}`,
		`{"tool_calls":[{"index":0,"function":{"arguments":"{\"k\":"}}]}`,
		`{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"patch","arguments":"{\"input\":"}}]}`,
		`{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"function":{"arguments":"\"p\"}"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, events)
	want := []string{
		"created", "in_progress",
		"output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.delta",
		"reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
		"output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "output_item.added", "function_call_arguments.delta",
		"function_call_arguments.done", "output_item.done",
		"custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done", "completed",
	}
	if !slices.Equal(got.kinds, want) {
		t.Errorf("got  %q\nwant %q", got.kinds, want)
	}
	first, _, _ := bytes.Cut(events, []byte("\n\n"))
	if !bytes.HasPrefix(first, []byte("event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_x\",\"object\":\"response\",\"created_at\":9,\"status\":\"in_progress\",")) ||
		!bytes.Contains(first, []byte(`"usage":null`)) || !bytes.Contains(first, []byte(`"output":[]`)) {
		t.Errorf("it begins with %s", first)
	}
}

// TestCallsEndEarly: a call whose arguments are whole ends when the next begins.
func TestCallsEndEarly(t *testing.T) {
	s := responses.NewStream(options(t))
	out, err := s.Block([]byte(chunks("stop",
		`{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}]}`,
		`{"tool_calls":[{"index":1,"id":"c2","function":{"name":"f","arguments":""}}]}`,
		`{"tool_calls":[{"index":0,"function":{"arguments":" "}}]}`)))
	if err != nil || strings.Count(string(out), "event: response.output_item.done") != 1 {
		t.Errorf("got %s, %v", out, err)
	}
	if s.Held() == 0 {
		t.Error("nothing is held")
	}
}

func TestLogprobs(t *testing.T) {
	const probs = `{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}]}`
	stream := strings.Replace(chunks("stop", `{"content":"a"}`, `{"content":"b"}`), `"finish_reason":null`, `"logprobs":`+probs+`,"finish_reason":null`, 1)
	events, err := streamed(t, stream)
	const one = `"logprobs":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}]`
	if err != nil || strings.Count(string(events), one) != 5 { // delta, done, part, item, response
		t.Errorf("got %d in %s, %v", strings.Count(string(events), one), events, err)
	}
	whole, err := responses.Answer([]byte(strings.Replace(completion(`{"content":"a"}`, "stop"), `"finish_reason"`, `"logprobs":`+probs+`,"finish_reason"`, 1)), options(t))
	if err != nil || strings.Count(string(whole), one) != 1 {
		t.Errorf("got %s, %v", whole, err)
	}
}

// TestCallsWithoutIDs: the calls of a whole answer are each their own.
func TestCallsWithoutIDs(t *testing.T) {
	whole, err := responses.Answer([]byte(completion(`{"tool_calls":[{"function":{"name":"f","arguments":"1"}},{"function":{"name":"f","arguments":"2"}}]}`, "stop")), options(t))
	if err != nil || !strings.Contains(string(whole), `"call_id":"call_x_0","name":"f","arguments":"1"`) || !strings.Contains(string(whole), `"call_id":"call_x_1","name":"f","arguments":"2"`) {
		t.Errorf("got %s, %v", whole, err)
	}
}

func TestNoUsage(t *testing.T) {
	whole, err := responses.Answer([]byte(`{"choices":[{"message":{"content":"a"},"finish_reason":"content_filter"}]}`), responses.Options{ID: "resp_1"})
	if err != nil || !strings.Contains(string(whole), `"usage":null`) || !strings.Contains(string(whole), `"incomplete_details":{"reason":"content_filter"}`) {
		t.Errorf("got %s, %v", whole, err)
	}
}

// TestFailures: what is no answer is an error, whole or as a stream.
func TestFailures(t *testing.T) {
	for _, c := range []struct{ name, stream, code string }{
		{"cut", strings.TrimSuffix(chunks("stop", `{"content":"a"}`), "data: [DONE]\n\n"), "upstream_truncated"},
		{"no reason", chunks("", `{"content":"a"}`), "upstream_truncated"},
		{"an error", "data: {\"error\":{\"message\":\"m\"}}\n\n", "upstream_error"},
		{"no JSON", "data: {\n\n", "upstream_malformed_event"},
		{"no delta", chunks("stop", `7`), "upstream_malformed_event"},
		{"no calls", chunks("stop", `{"tool_calls":7}`), "upstream_malformed_event"},
		{"no name", chunks("stop", `{"tool_calls":[{"index":0}]}`), "upstream_invalid_answer"},
		{"no text", chunks("stop", `{"tool_calls":[{"index":0,"function":{"name":"f","arguments":{}}}]}`), "upstream_invalid_answer"},
		{"an old call", chunks("stop", `{"function_call":{"name":"f"}}`), "upstream_invalid_answer"},
		{"more behind the end", chunks("stop", `{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}},{"index":1,"function":{"name":"f"}},{"index":0,"function":{"arguments":"x"}}]}`), "upstream_invalid_answer"},
	} {
		out, err := streamed(t, c.stream)
		if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Upstream || e.Code != c.code || strings.Contains(string(out), "response.completed") {
			t.Errorf("%s: got %v and %s, want %s", c.name, err, out, c.code)
		}
	}
	for body, code := range map[string]string{
		`{"error":{"message":"m"}}`: "upstream_error", `{`: "upstream_invalid_answer", `{"choices":[{"message":7}]}`: "upstream_invalid_answer",
		completion(`{"tool_calls":[{"id":"c"}]}`, "stop"): "upstream_invalid_answer",
	} {
		_, err := responses.Answer([]byte(body), options(t))
		if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Upstream || e.Code != code {
			t.Errorf("%s: got %v, want %s", body, err, code)
		}
	}
}

func TestBound(t *testing.T) {
	opts := options(t)
	opts.MaxHeld = 2000
	s := responses.NewStream(opts)
	_, err := s.Block([]byte(chunks("stop", `{"content":"`+strings.Repeat("x", 3000)+`"}`)))
	if e := fairlead.AsError(err); e == nil || e.Code != "upstream_answer_too_large" {
		t.Errorf("got %v", err)
	}
	if _, err := s.End(); err == nil {
		t.Error("it ends well")
	}
}

// TestWholeAndStreamAgree draws answers, cuts them in pieces, and compares what
// becomes of either.
func TestWholeAndStreamAgree(t *testing.T) {
	opts := options(t)
	rapid.Check(t, func(rt *rapid.T) {
		message, deltas := drawn(rt)
		finish := rapid.SampledFrom([]string{"stop", "length", "tool_calls", "content_filter"}).Draw(rt, "finish")
		whole, err := responses.Answer([]byte(completion(jsonOf(rt, message), finish)), opts)
		if err != nil {
			rt.Fatal(err)
		}
		events, err := streamed(t, chunks(finish, deltas...))
		if err != nil {
			rt.Fatal(err)
		}
		final, err := json.Marshal(read(t, events).final)
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := decoded(t, final), decoded(t, bytes.ReplaceAll(whole, []byte("0.50"), []byte("0.5"))); !reflect.DeepEqual(got, want) {
			rt.Fatalf("the stream ends with %v\nwhole it is      %v\n%s", got, want, events)
		}
	})
}

// drawn is a message, and the deltas of a stream that say the same.
func drawn(rt *rapid.T) (message map[string]any, deltas []string) {
	words := rapid.StringOf(rapid.RuneFrom([]rune("aé\"\\/\n\u0000\u2028😀 {}")))
	message = map[string]any{"role": "assistant"}
	for _, name := range []string{"reasoning_content", "content", "refusal"} {
		if !rapid.Bool().Draw(rt, name) {
			continue
		}
		text := words.Draw(rt, "words")
		message[name] = text
		for _, piece := range pieces(rt, text) {
			deltas = append(deltas, jsonOf(rt, map[string]any{name: piece}))
		}
	}
	var calls []any
	for n := range rapid.IntRange(0, 3).Draw(rt, "calls") {
		name := rapid.SampledFrom([]string{"f", "patch", "mcp__docs__find", "tool_search", "other"}).Draw(rt, "name")
		arguments := jsonOf(rt, map[string]any{"input": words.Draw(rt, "input")}) + rapid.SampledFrom([]string{"", " ", "\n\t "}).Draw(rt, "space")
		id := fmt.Sprint("c", n)
		calls = append(calls, map[string]any{"id": id, "type": "function", "function": map[string]any{"name": name, "arguments": arguments}})
		deltas = append(deltas, jsonOf(rt, map[string]any{"tool_calls": []any{map[string]any{"index": n, "id": id, "function": map[string]any{"name": name}}}}))
		for _, piece := range pieces(rt, arguments) {
			deltas = append(deltas, jsonOf(rt, map[string]any{"tool_calls": []any{map[string]any{"index": n, "function": map[string]any{"arguments": piece}}}}))
		}
	}
	if len(calls) > 0 {
		message["tool_calls"] = calls
	}
	return message, deltas
}

// pieces cuts a text between characters.
func pieces(rt *rapid.T, text string) []string {
	var out []string
	for runes := []rune(text); len(runes) > 0; {
		n := rapid.IntRange(1, len(runes)).Draw(rt, "piece")
		out = append(out, string(runes[:n]))
		runes = runes[n:]
	}
	return out
}

func jsonOf(rt *rapid.T, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		rt.Fatal(err)
	}
	return string(text)
}

// FuzzStream feeds any frames: no panic, every event is JSON, and what ends well
// satisfies the strictest reader.
func FuzzStream(f *testing.F) {
	f.Add([]byte(chunks("stop", `{"content":"a"}`, `{"refusal":"b"}`, `{"reasoning":"c"}`)))
	f.Add([]byte(chunks("length", `{"tool_calls":[{"index":0,"id":"c","function":{"name":"patch","arguments":"{\"input\":\"\\u00e9\"} \\n\\u0020"}},{"function":{"name":"f","arguments":"\\ud83d"}}]}`)))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"\\u0000\",\"function\":{\"name\":\"f\"}}]}}]}\n\n"))
	f.Fuzz(func(t *testing.T, frames []byte) {
		s := responses.NewStream(options(t))
		out, err := s.Block(frames)
		all := bytes.Clone(out)
		if err == nil {
			var last []byte
			if last, err = s.End(); err == nil && len(last) == 0 {
				t.Fatal("it ends well and says nothing")
			}
			all = append(all, last...)
		}
		if e := fairlead.AsError(err); e != nil && e.Kind != fairlead.Upstream {
			t.Fatalf("got %v", err)
		}
		read(t, all)
	})
}

// FuzzAnswer feeds any body: no panic, and what comes out is JSON without duplicate
// names, or a typed error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(completion(`{"content":[{"type":"text","text":"a"}],"tool_calls":[{"function":{"name":"patch","arguments":"{\"input\":7}"}}]}`, "stop")))
	f.Fuzz(func(t *testing.T, body []byte) {
		out, err := responses.Answer(body, options(t))
		if err != nil {
			if e := fairlead.AsError(err); e.Kind != fairlead.Upstream {
				t.Fatalf("got %v", err)
			}
			return
		}
		if _, err := jsonscan.Object(out, func([]byte, jsonscan.Span) error { return nil }); err != nil && !strings.Contains(err.Error(), "too deep") {
			t.Fatalf("got %v for %s", err, out)
		}
	})
}
