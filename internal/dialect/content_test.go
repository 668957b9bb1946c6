package dialect

import "testing"

func TestContentBegins(t *testing.T) {
	type begins func([]byte) bool
	for _, c := range []struct {
		name   string
		begins begins
		frames string
		want   bool
	}{
		{"nothing", ChatBegins, "", false},
		{"a comment", ChatBegins, ": processing\n\n", false},
		{"a role alone", ChatBegins, `data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null}]}` + "\n\n", false},
		{"a role and empty parts", ChatBegins, `data: {"choices":[{"delta":{"role":"assistant","content":"","refusal":null,"tool_calls":[]}}]}` + "\n\n", false},
		{"no choices", ChatBegins, `data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}` + "\n\n", false},
		{"usage alone", ChatBegins, `data: {"choices":[],"usage":{"prompt_tokens":3}}` + "\n\n", false},
		{"text that names content", ChatBegins, "event: note\ndata: \"content\"\n\n", false},
		{"text", ChatBegins, `data: {"choices":[{"delta":{"content":"H"}}]}` + "\n\n", true},
		{"a space", ChatBegins, `data: {"choices":[{"delta":{"content":" "}}]}` + "\n\n", true},
		{"text in the second choice", ChatBegins, `data: {"choices":[{"delta":{}},{"delta":{"content":"H"}}]}` + "\n\n", true},
		{"text in the second frame", ChatBegins, ": a\n\n" + `data: {"choices":[{"delta":{"content":"H"}}]}` + "\n\n", true},
		{"text over two lines", ChatBegins, "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"H\"}}]}\n\n", true},
		{"text that is not UTF-8", ChatBegins, "data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n", true},
		{"reasoning", ChatBegins, `data: {"choices":[{"delta":{"content":null,"reasoning_content":"H"}}]}` + "\n\n", true},
		{"a tool call", ChatBegins, `data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c"}]}}]}` + "\n\n", true},
		{"its end", ChatBegins, `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n", true},

		{"message_start", MessagesBegins, "event: message_start\n" + `data: {"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":3}}}` + "\n\n", false},
		{"a ping", MessagesBegins, AnthropicPing, false},
		{"an empty block", MessagesBegins, `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}}` + "\n\n", false},
		{"an empty delta", MessagesBegins, `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}` + "\n\n", false},
		{"a tool", MessagesBegins, `data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}` + "\n\n", true},
		{"a delta", MessagesBegins, `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"H"}}` + "\n\n", true},
		{"thinking", MessagesBegins, `data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"H"}}` + "\n\n", true},
		{"its stop", MessagesBegins, `data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":1}}` + "\n\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.begins([]byte(c.frames)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
