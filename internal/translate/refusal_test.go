package translate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate"
)

// secret stands where a client's own text does: no error may repeat it.
const secret = "s3cr3t"

func TestRefusals(t *testing.T) {
	user := func(part string) string { return `"messages":[{"role":"user","content":[` + part + `]}]` }
	tests := []struct {
		from        fairlead.Dialect
		members     string
		code, param string
	}{
		{chat, `"n":2`, "untranslatable_field", "n"},
		{chat, `"logprobs":true`, "untranslatable_field", "logprobs"},
		{chat, `"top_logprobs":3`, "untranslatable_field", "top_logprobs"},
		{chat, `"logit_bias":{"1":2}`, "untranslatable_field", "logit_bias"},
		{chat, `"modalities":["text","audio"]`, "untranslatable_field", "modalities"},
		{chat, `"audio":{"voice":"s3cr3t"}`, "untranslatable_field", "audio"},
		{chat, `"web_search_options":{"a":1}`, "untranslatable_field", "web_search_options"},
		{chat, `"functions":[{"name":"s3cr3t"}]`, "untranslatable_field", "functions"},
		{chat, `"function_call":"auto"`, "untranslatable_field", "function_call"},
		{chat, `"stop":["a"," \n"]`, "untranslatable_field", "stop"},
		{chat, `"response_format":{"type":"json_object"}`, "untranslatable_field", "response_format.type"},
		{chat, `"tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"s3cr3t"}}]`, "untranslatable_field", "tools[1].type"},
		{chat, `"tools":[{"function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools"}`, "untranslatable_field", "tool_choice.type"},
		{chat, `"tools":[{"function":{}}]`, "missing_field", "tools[0].function.name"},
		{chat, `"tool_choice":"s3cr3t"`, "invalid_type", "tool_choice"},
		{chat, `"messages":[{"role":"function","content":"x"}]`, "untranslatable_field", "messages[0].role"},
		{chat, `"messages":[{"role":"s3cr3t","content":"x"}]`, "invalid_type", "messages[0].role"},
		{chat, `"messages":"s3cr3t"`, "invalid_type", "messages"},
		{chat, `"messages":[7]`, "invalid_type", "messages[0]"},
		{chat, `"messages":[{"role":"user","content":7}]`, "invalid_type", "messages[0].content"},
		{chat, user(`{"type":"text"}`), "missing_field", "messages[0].content[0].text"},
		{chat, user(`{"type":"text","text":"a"},{"type":"input_audio","input_audio":{"data":"s3cr3t"}}`), "untranslatable_field", "messages[0].content[1].type"},
		{chat, user(`{"type":"s3cr3t"}`), "untranslatable_field", "messages[0].content[0].type"},
		{chat, user(`{"type":"file","file":{"file_id":"s3cr3t"}}`), "untranslatable_field", "messages[0].content[0].file.file_id"},
		{chat, user(`{"type":"file","file":{"file_data":"data:text/csv;base64,QQ=="}}`), "untranslatable_field", "messages[0].content[0].file.file_data"},
		{chat, user(`{"type":"image_url","image_url":{"url":"data:image/png,s3cr3t"}}`), "untranslatable_field", "messages[0].content[0].image_url.url"},
		{chat, user(`{"type":"image_url","image_url":{"url":"data:image/png;base64,a\"b"}}`), "untranslatable_field", "messages[0].content[0].image_url.url"},
		{chat, user(`{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ\u0001=="}}`), "untranslatable_field", "messages[0].content[0].image_url.url"},
		{chat, `"messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"x"}}]}]`, "untranslatable_field", "messages[0].content[0]"},
		{chat, `"messages":[{"role":"assistant","audio":{"id":"s3cr3t"}}]`, "untranslatable_field", "messages[0].audio"},
		{chat, `"messages":[{"role":"assistant","function_call":{}}]`, "untranslatable_field", "messages[0].function_call"},
		{chat, `"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"custom"}]}]`, "untranslatable_field", "messages[0].tool_calls[0].type"},
		{chat, `"messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"s3cr3t"}}]}]`, "untranslatable_field", "messages[0].tool_calls[0].function.arguments"},
		{chat, `"messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]}]`, "untranslatable_field", "messages[0].tool_calls[0].function.arguments"},
		{chat, `"messages":[{"role":"tool","content":"x"}]`, "missing_field", "messages[0].tool_call_id"},
		{chat, `"max_tokens":0`, "invalid_type", "max_tokens"},
		{chat, `"temperature":"s3cr3t"`, "invalid_type", "temperature"},
		{chat, `"messages":[{"role":"user","role":"user"}]`, "duplicate_key", ""},
		{chat, `"messages":[{"role":"user",}]`, "invalid_json", ""},

		{messages, `"max_tokens":0`, "untranslatable_field", "max_tokens"},
		{messages, `"container":"s3cr3t"`, "untranslatable_field", "container"},
		{messages, `"mcp_servers":[{"url":"s3cr3t"}]`, "untranslatable_field", "mcp_servers"},
		{messages, `"inference_geo":"us"`, "untranslatable_field", "inference_geo"},
		{messages, `"tools":[{"type":"web_search_20250305","name":"web_search"}]`, "untranslatable_field", "tools[0].type"},
		{messages, `"tools":[{"type":"bash_20250124","name":"bash"}]`, "untranslatable_field", "tools[0].type"},
		{messages, `"tools":[{"name":"f"}]`, "invalid_type", "tools[0].input_schema"},
		{messages, `"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"s3cr3t"}`, "invalid_type", "tool_choice.type"},
		{messages, `"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool"}`, "missing_field", "tool_choice.name"},
		{messages, `"output_config":{"format":{"type":"s3cr3t"}}`, "untranslatable_field", "output_config.format.type"},
		{messages, `"thinking":{"type":"s3cr3t"}`, "invalid_type", "thinking.type"},
		{messages, `"messages":[{"role":"tool","content":"x"}]`, "invalid_type", "messages[0].role"},
		{messages, `"messages":[{"role":"user"}]`, "invalid_type", "messages[0].content"},
		{messages, `"system":[{"type":"image"}]`, "untranslatable_field", "system[0].type"},
		{messages, user(`{"type":"image","source":{"type":"file","file_id":"s3cr3t"}}`), "untranslatable_field", "messages[0].content[0].source.type"},
		{messages, user(`{"type":"document","source":{"type":"url","url":"s3cr3t"}}`), "untranslatable_field", "messages[0].content[0].source.type"},
		{messages, user(`{"type":"search_result","source":"s3cr3t"}`), "untranslatable_field", "messages[0].content[0].type"},
		{messages, user(`{"type":"tool_result","tool_use_id":"t","content":[{"type":"tool_reference"}]}`), "untranslatable_field", "messages[0].content[0].content[0].type"},
		{messages, `"messages":[{"role":"assistant","content":[{"type":"server_tool_use","id":"s3cr3t"}]}]`, "untranslatable_field", "messages[0].content[0].type"},
		{messages, `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n","input":[]}]}]`, "invalid_type", "messages[0].content[0].input"},
	}
	for _, test := range tests {
		least, to := leastChat, messages
		if test.from == messages {
			least, to = leastMessages, chat
		}
		body := with(least, test.members)
		out, _, err := translate.Request(test.from, to, []byte(body), translate.Options{})
		var e *fairlead.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v and %s, want an error", test.members, err, out)
			continue
		}
		if e.Kind != fairlead.Invalid || e.Code != test.code || e.Param != test.param {
			t.Errorf("%s: got %s %s %q, want invalid %s %q", test.members, e.Kind, e.Code, e.Param, test.code, test.param)
		}
		if test.param != "" && !strings.HasPrefix(e.Message, test.param+" ") {
			t.Errorf("%s: the message does not begin with the field: %s", test.members, e.Message)
		}
		if strings.Contains(e.Message+e.Detail+e.Error(), secret) {
			t.Errorf("%s: the error repeats the body: %+v", test.members, e)
		}
	}
}

func TestOtherDialects(t *testing.T) {
	for _, pair := range [][2]fairlead.Dialect{{chat, chat}, {messages, messages}, {fairlead.OpenAIEmbeddings, messages}, {chat, "x"}} {
		_, _, err := translate.Request(pair[0], pair[1], []byte(leastChat+"}"), translate.Options{})
		if !fairlead.IsKind(err, fairlead.Unsupported) {
			t.Errorf("%s to %s: got %v, want unsupported", pair[0], pair[1], err)
		}
	}
}

// TestDroppedIsBounded holds what becomes a header to its bounds.
func TestDroppedIsBounded(t *testing.T) {
	body := leastChat
	for i := range 100 {
		body += `,"f` + strings.Repeat("x", i) + `":1`
	}
	_, dropped, err := translate.Request(chat, messages, []byte(body+"}"), translate.Options{})
	if err != nil || len(dropped) != 32 {
		t.Fatalf("got %d names and %v, want 32", len(dropped), err)
	}
	for _, name := range dropped {
		if len(name) > 64 {
			t.Errorf("a name of %d characters was repeated", len(name))
		}
	}
}
