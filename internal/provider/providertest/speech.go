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
	// ending is how the last frame of a stream begins, whoever makes it.
	ending string
	// finish is the finish reason of all these, unfinished the end marker of a stream
	// without one.
	finish, unfinished string
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
	if in == fairlead.OpenAIResponses {
		return responsesSpeech()
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
		marker: marker, ending: marker, finish: "stop", unfinished: marker,
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
		marker: marker, ending: marker, finish: "stop", unfinished: marker,
		broken: second[:len(second)-4] + "\n\n", half: second[:len(second)/2],
		frame: func(body string) string { return "event: error\ndata: " + body + "\n\n" },
	}
}

// responsesSpeech is OpenAI's with the Responses API for chats.
func responsesSpeech() *speech {
	event := func(name, members string) string {
		return "event: " + name + "\ndata: {\"type\":\"" + name + "\"," + members + "}\n\n"
	}
	response := func(status, output, usage string) string {
		return `{"id":"resp_1","object":"response","created_at":1,"status":"` + status + `","error":null,"incomplete_details":null,` +
			`"model":"test-model","output":[` + output + `],"usage":` + usage + `}`
	}
	const usage = `{"input_tokens":5,"output_tokens":2,"total_tokens":7}`
	item := func(status, content string) string {
		return `{"id":"msg_1","type":"message","status":"` + status + `","role":"assistant","content":[` + content + `]}`
	}
	const text = `{"type":"output_text","text":"Hello.","annotations":[]}`
	delta := func(number, said string) string {
		return event("response.output_text.delta", `"sequence_number":`+number+`,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"`+said+`"`)
	}
	second := delta("4", "lo.")
	whole := response("completed", item("completed", text), usage)
	marker := event("response.completed", `"sequence_number":6,"response":`+whole)
	says := openAISpeech()
	says.dialect, says.chat, says.usage = fairlead.OpenAIResponses, whole, ""
	says.first = event("response.created", `"sequence_number":0,"response":`+response("in_progress", "", "null")) +
		event("response.output_item.added", `"sequence_number":1,"output_index":0,"item":`+item("in_progress", "")) +
		event("response.content_part.added", `"sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}`) +
		delta("3", "Hel")
	says.second = second
	says.last = []string{
		event("response.output_item.done", `"sequence_number":5,"output_index":0,"item":`+item("completed", text)), marker,
	}
	says.marker, says.ending, says.finish = marker, "event: response.completed\n", "completed"
	says.unfinished = event("response.completed", `"sequence_number":6,"response":`+response("in_progress", item("completed", text), "null"))
	says.broken, says.half = second[:len(second)-4]+"\n\n", second[:len(second)/2]
	says.frame = func(body string) string { return "event: error\ndata: " + body + "\n\n" }
	return says
}
