package content

import "testing"

func TestContentBegins(t *testing.T) {
	type begins func([]byte) bool
	for _, c := range []struct {
		name   string
		begins begins
		frames string
		want   bool
	}{
		{"nothing", Chat, "", false},
		{"a comment", Chat, ": processing\n\n", false},
		{"a role alone", Chat, `data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null}]}` + "\n\n", false},
		{"a role and empty parts", Chat, `data: {"choices":[{"delta":{"role":"assistant","content":"","refusal":null,"tool_calls":[]}}]}` + "\n\n", false},
		{"no choices", Chat, `data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}` + "\n\n", false},
		{"usage alone", Chat, `data: {"choices":[],"usage":{"prompt_tokens":3}}` + "\n\n", false},
		{"text that names content", Chat, "event: note\ndata: \"content\"\n\n", false},
		{"text", Chat, `data: {"choices":[{"delta":{"content":"H"}}]}` + "\n\n", true},
		{"a space", Chat, `data: {"choices":[{"delta":{"content":" "}}]}` + "\n\n", true},
		{"text in the second choice", Chat, `data: {"choices":[{"delta":{}},{"delta":{"content":"H"}}]}` + "\n\n", true},
		{"text in the second frame", Chat, ": a\n\n" + `data: {"choices":[{"delta":{"content":"H"}}]}` + "\n\n", true},
		{"text over two lines", Chat, "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"H\"}}]}\n\n", true},
		{"text that is not UTF-8", Chat, "data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n", true},
		{"reasoning", Chat, `data: {"choices":[{"delta":{"content":null,"reasoning_content":"H"}}]}` + "\n\n", true},
		{"a tool call", Chat, `data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c"}]}}]}` + "\n\n", true},
		{"its end", Chat, `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n", true},

		{"message_start", Messages, "event: message_start\n" + `data: {"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":3}}}` + "\n\n", false},
		{"a ping", Messages, "event: ping\ndata: {\"type\": \"ping\"}\n\n", false},
		{"an empty block", Messages, `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}}` + "\n\n", false},
		{"an empty delta", Messages, `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}` + "\n\n", false},
		{"a tool", Messages, `data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}` + "\n\n", true},
		{"a delta", Messages, `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"H"}}` + "\n\n", true},
		{"thinking", Messages, `data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"H"}}` + "\n\n", true},
		{"its stop", Messages, `data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":1}}` + "\n\n", true},

		{"created", Responses, "event: response.created\n" + `data: {"type":"response.created","response":{"id":"resp_1","output":[],"instructions":"Be brief."},"sequence_number":0}` + "\n\n", false},
		{"a keep-alive", Responses, `data: {"type":"keepalive","sequence_number":3}` + "\n\n", false},
		{"an empty item", Responses, `data: {"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant","phase":"final_answer"}}` + "\n\n", false},
		{"an empty part", Responses, `data: {"type":"response.content_part.added","item_id":"msg_1","part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}` + "\n\n", false},
		{"an empty delta of an item", Responses, `data: {"type":"response.output_text.delta","item_id":"msg_1","delta":"","logprobs":[],"obfuscation":"xx"}` + "\n\n", false},
		{"a text's delta", Responses, `data: {"type":"response.output_text.delta","item_id":"msg_1","delta":"H"}` + "\n\n", true},
		{"a summary's delta", Responses, `data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","delta":"H"}` + "\n\n", true},
		{"a call", Responses, `data: {"type":"response.output_item.added","item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"f"}}` + "\n\n", true},
		{"an image", Responses, `data: {"type":"response.image_generation_call.partial_image","item_id":"ig_1","partial_image_b64":"AAAA"}` + "\n\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.begins([]byte(c.frames)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
