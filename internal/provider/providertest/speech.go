package providertest

import (
	"fmt"

	"github.com/fairleadhq/fairlead"
)

// speech is what an upstream of the suite says in its dialect.
type speech struct {
	dialect fairlead.Dialect
	// other is the operation that is no chat, otherPath how its path ends.
	other     fairlead.Operation
	otherPath string
	// keyHeader has to hold key.
	keyHeader, key string
	errorBody      func(message string) string
	// chat and answer are whole answers, to a chat and to the other operation.
	chat, answer string
	// first is how a stream begins, second what goes on with it, and last what
	// ends it, of which the last is marker. usage, if there is any, comes before the
	// marker where it was asked for.
	first, second string
	last          []string
	usage, marker string
	// broken is an event whose JSON is broken, half the start of one.
	broken, half string
	// frame makes an event of an error's body.
	frame func(body string) string
}

// speechOf is how an upstream of the dialect speaks.
func speechOf(in fairlead.Dialect) *speech {
	if in == fairlead.AnthropicMessages {
		return anthropicSpeech()
	}
	return openAISpeech()
}

func openAISpeech() *speech {
	data := func(text string) string { return "data: " + text + "\n\n" }
	chunk := func(choice string) string {
		return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"test-model","choices":[` + choice + `]`
	}
	second := chunk(`{"index":0,"delta":{"content":"lo."},"finish_reason":null}`) + "}"
	const marker = "data: [DONE]\n\n"
	return &speech{
		dialect: fairlead.OpenAIChat, other: fairlead.Embed, otherPath: "/embeddings",
		keyHeader: "Authorization", key: "Bearer " + Key,
		errorBody: func(message string) string {
			return fmt.Sprintf(`{"error":{"message":%q,"type":"some_error","param":null,"code":null}}`, message)
		},
		chat: `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"test-model","choices":[{"index":0,` +
			`"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],` +
			`"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`,
		answer: `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.5]}],` +
			`"model":"test-model","usage":{"prompt_tokens":5,"total_tokens":5}}`,
		first:  data(chunk(`{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}`) + "}"),
		second: data(second),
		last:   []string{data(chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`) + "}"), marker},
		usage:  data(chunk("") + `,"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`),
		marker: marker,
		broken: data(second[:len(second)-2]), half: "data: " + second[:len(second)/2],
		frame: data,
	}
}

func anthropicSpeech() *speech {
	event := func(name, members string) string {
		return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + members + "}\n\n"
	}
	errorBody := func(message string) string {
		return fmt.Sprintf(`{"type":"error","error":{"type":"api_error","message":%q},"request_id":"req_1"}`, message)
	}
	second := event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"lo."}`)
	marker := event("message_stop", "")
	return &speech{
		dialect: fairlead.AnthropicMessages, other: fairlead.CountTokens, otherPath: "/count_tokens",
		keyHeader: "X-Api-Key", key: Key, errorBody: errorBody,
		chat: `{"id":"msg_1","type":"message","role":"assistant","model":"test-model","content":[{"type":"text","text":"Hello."}],` +
			`"stop_reason":"stop","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":2}}`,
		answer: `{"input_tokens":5}`,
		first: event("message_start", `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"test-model","content":[],`+
			`"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}}`) +
			event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`) +
			event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"Hel"}`),
		second: second,
		last: []string{
			event("content_block_stop", `,"index":0`),
			event("message_delta", `,"delta":{"stop_reason":"stop","stop_sequence":null},"usage":{"output_tokens":2}`), marker,
		},
		marker: marker,
		broken: second[:len(second)-4] + "\n\n", half: second[:len(second)/2],
		frame: func(body string) string { return "event: error\ndata: " + body + "\n\n" },
	}
}
