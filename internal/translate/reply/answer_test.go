package reply_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate/reply"
)

const (
	chat     = fairlead.OpenAIChat
	messages = fairlead.AnthropicMessages
)

// same compares two JSON texts by what they mean.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	values := make([]any, 2)
	for i, text := range []string{string(got), want} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, text)
		}
	}
	if !reflect.DeepEqual(values[0], values[1]) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func codeOf(err error) string {
	var e *fairlead.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestChatAnswer(t *testing.T) {
	const head = `{"id":"chatcmpl-1","object":"chat.completion","created":9,"model":"claude","choices":[{"index":0,"logprobs":null,`
	for _, test := range []struct {
		name, in, out string
	}{
		{
			"text", `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"h\u00e9"},{"type":"text","text":" \"w\""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}}`,
			`"finish_reason":"stop","message":{"role":"assistant","content":"hé \"w\"","refusal":null}}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`,
		},
		{
			"everything", `{"id":"msg_1","model":"claude","content":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"thinking","thinking":"b"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"t","citations":[]},{"type":"tool_use","id":"toolu_1","name":"f","input":{"a": "\n"}},{"type":"tool_use","id":"toolu_2","name":"g","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"cache_read_input_tokens":10,"cache_creation_input_tokens":20,"output_tokens":4,"output_tokens_details":{"thinking_tokens":2}}}`,
			`"finish_reason":"tool_calls","message":{"role":"assistant","content":"t","refusal":null,"reasoning_content":"ab","tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{\"a\": \"\\n\"}"}},{"id":"toolu_2","type":"function","function":{"name":"g","arguments":"{}"}}]}}],"usage":{"prompt_tokens":33,"completion_tokens":4,"total_tokens":37,"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":20},"completion_tokens_details":{"reasoning_tokens":2}}}`,
		},
		{
			"a refusal", `{"id":"msg_1","model":"claude","content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"no"}}`,
			`"finish_reason":"content_filter","message":{"role":"assistant","content":null,"refusal":"no"}}]}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := reply.Answer(messages, chat, []byte(test.in), reply.Options{Created: 9})
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, head+test.out)
		})
	}
}

func TestMessagesAnswer(t *testing.T) {
	const head = `{"id":"msg_1","type":"message","role":"assistant","model":"gpt","stop_sequence":null,`
	for _, test := range []struct {
		name, in, out string
	}{
		{
			"text", `{"id":"chatcmpl-1","model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`,
			`"content":[{"type":"text","text":"hé"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}`,
		},
		{
			"everything", `{"id":"chatcmpl-1","model":"gpt","choices":[{"message":{"reasoning":"r","content":[{"type":"thinking"},{"type":"text","text":"a"},{"type":"text","text":"b"}],"tool_calls":[{"id":"a:1","function":{"name":"f","arguments":"{\"a\":\"\\u00e9\"}"}},{"function":{"name":"g","arguments":" "}}]},"finish_reason":"stop"},{"message":{}}],"usage":{"prompt_tokens":33,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":20},"completion_tokens_details":{"reasoning_tokens":2}}}`,
			`"content":[{"type":"thinking","thinking":"r","signature":""},{"type":"text","text":"ab"},{"type":"tool_use","id":"a_1","name":"f","input":{"a":"é"}},{"type":"tool_use","id":"toolu_1_1","name":"g","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"cache_read_input_tokens":10,"cache_creation_input_tokens":20,"output_tokens":4,"output_tokens_details":{"thinking_tokens":2}}}`,
		},
		{
			"a refusal", `{"id":"chatcmpl-1","model":"gpt","choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}`,
			`"content":[{"type":"text","text":"no"}],"stop_reason":"refusal","usage":{"input_tokens":0,"output_tokens":0}}`,
		},
		{
			"cut in a call", `{"id":"chatcmpl-1","model":"gpt","choices":[{"message":{"content":"","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a"}}]},"finish_reason":"length"}]}`,
			`"content":[],"stop_reason":"max_tokens","usage":{"input_tokens":0,"output_tokens":0}}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := reply.Answer(chat, messages, []byte(test.in), reply.Options{})
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, head+test.out)
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, test := range []struct {
		from       fairlead.Dialect
		body, code string
	}{
		{messages, `{"content":[`, "upstream_invalid_answer"},
		{messages, `{"type":"message"}`, "upstream_invalid_answer"},
		{messages, `{"content":[7]}`, "upstream_invalid_answer"},
		{messages, `{"content":[{"type":"tool_use","id":"t","name":"n"}]}`, "upstream_invalid_answer"},
		{messages, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "provider_unavailable"},
		{chat, `{"choices":[]}`, "upstream_invalid_answer"},
		{chat, `{"error":{"message":"x"}}`, "upstream_error"},
		{chat, `{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"[]"}}]},"finish_reason":"tool_calls"}]}`, "upstream_invalid_answer"},
		{chat, `{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`, "upstream_invalid_answer"},
		{chat, `{"choices":[{"message":{"function_call":{"name":"f"}}}]}`, "upstream_invalid_answer"},
	} {
		to := chat
		if test.from == chat {
			to = messages
		}
		out, err := reply.Answer(test.from, to, []byte(test.body), reply.Options{})
		if codeOf(err) != test.code {
			t.Errorf("%s: got %v and %s, want %s", test.body, err, out, test.code)
		}
	}
	if _, err := reply.Answer(chat, chat, nil, reply.Options{}); !fairlead.IsKind(err, fairlead.Unsupported) {
		t.Errorf("got %v, want unsupported", err)
	}
	if _, err := reply.NewStream(messages, messages, reply.Options{}); !fairlead.IsKind(err, fairlead.Unsupported) {
		t.Errorf("got %v, want unsupported", err)
	}
}

// TestReasonsAreDocumented holds the tables of docs/translation.md to what
// answers say.
func TestReasonsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/translation.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, stop := range []string{"end_turn", "stop_sequence", "pause_turn", "max_tokens", "model_context_window_exceeded", "tool_use", "refusal"} {
		out, err := reply.Answer(messages, chat, []byte(`{"content":[],"stop_reason":"`+stop+`"}`), reply.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(out, []byte(`"finish_reason":"`))
		finish, _, _ := bytes.Cut(rest, []byte(`"`))
		if row := "| `" + stop + "` | `" + string(finish) + "` |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/translation.md lacks %s", row)
		}
	}
	for _, finish := range []string{"stop", "tool_calls", "length", "content_filter"} {
		out, err := reply.Answer(chat, messages, []byte(`{"choices":[{"message":{},"finish_reason":"`+finish+`"}]}`), reply.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(out, []byte(`"stop_reason":"`))
		stop, _, _ := bytes.Cut(rest, []byte(`"`))
		_, section, _ := strings.Cut(string(page), "\n## Why an answer ended\n")
		_, row, _ := strings.Cut(section, "\n| `"+finish+"` | ")
		row, _, _ = strings.Cut(row, "\n")
		if !strings.Contains(row, "`"+string(stop)+"`") {
			t.Errorf("docs/translation.md does not say that %s becomes %s", finish, stop)
		}
	}
}
