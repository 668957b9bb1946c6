package faults_test

import (
	"fmt"
	"strings"
)

// The dialects of providers.
const (
	dialectOpenAI    = "openai"
	dialectAnthropic = "anthropic"
)

func dialects() []string { return []string{dialectOpenAI, dialectAnthropic} }

// speech is what a good provider of a dialect says.
type speech struct {
	// whole is an answer at once. A stream begins with begin, which has content, and
	// goes on with rest, of which the last ends it.
	whole, begin string
	rest         []string
	// broken is an event that is no JSON, failed one that tells an error, delta one
	// with content.
	broken, failed, delta string
	// failure is an error as a body.
	failure string
}

func speechOf(dialect string) speech {
	if dialect == dialectAnthropic {
		return anthropicSpeech()
	}
	return openAISpeech()
}

func openAISpeech() speech {
	event := func(data string) string { return "data: " + data + "\n\n" }
	chunk := func(delta, finish string) string {
		return event(fmt.Sprintf(`{"id":"chatcmpl-7","object":"chat.completion.chunk","created":1,"model":"raw","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`, delta, finish))
	}
	const failure = `{"error":{"message":"the engine fell over","type":"server_error","param":null,"code":null}}`
	delta := chunk(`{"content":"more "}`, "null")
	return speech{
		whole: `{"id":"chatcmpl-7","object":"chat.completion","created":1,"model":"raw","choices":[{"index":0,"message":{"role":"assistant","content":"` + answered +
			`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":6,"total_tokens":9}}`,
		begin: chunk(`{"role":"assistant","content":"Hello from a "}`, "null") + delta,
		rest:  []string{chunk(`{"content":"good provider."}`, "null"), chunk("{}", `"stop"`), event("[DONE]")},
		delta: delta, broken: event(`{"id":"chatcmpl-7","choices":[{"index":0,]}`), failed: event(failure), failure: failure,
	}
}

func anthropicSpeech() speech {
	event := func(name, members string) string {
		return fmt.Sprintf("event: %s\ndata: {\"type\":%q%s}\n\n", name, name, members)
	}
	text := func(s string) string {
		return event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"`+s+`"}`)
	}
	const failure = `{"type":"error","error":{"type":"api_error","message":"the engine fell over"},"request_id":"r"}`
	return speech{
		whole: `{"id":"msg_7","type":"message","role":"assistant","model":"raw","content":[{"type":"text","text":"` + answered +
			`"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":6}}`,
		begin: event("message_start", `,"message":{"id":"msg_7","type":"message","role":"assistant","model":"raw","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}`) +
			event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`) + text("Hello from a "),
		rest: []string{
			text("good provider."), event("content_block_stop", `,"index":0`),
			event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":6}`), event("message_stop", ""),
		},
		delta: text("more "), broken: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",]}\n\n",
		failed: "event: error\ndata: " + failure + "\n\n", failure: failure,
	}
}

// long is an answer of about that many bytes.
func (s speech) long(size int) string {
	return strings.Replace(s.whole, answered, answered+strings.Repeat(" and so on", size/10), 1)
}
