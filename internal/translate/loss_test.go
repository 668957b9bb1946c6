package translate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate"
)

// fullChat and fullMessages have about every object that the translations look
// into, and nothing that they drop as a whole.
const (
	fullChat = `{"model":"m","max_tokens":9,"stream":true,"stream_options":{"include_usage":true},"parallel_tool_calls":false,
		"reasoning_effort":"low","user":"u","service_tier":"auto","stop":["a"],"temperature":0.5,
		"tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object"}}}],
		"tool_choice":{"type":"function","function":{"name":"f"}},
		"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}},
		"messages":[{"role":"system","content":[{"type":"text","text":"s"}]},
			{"role":"user","content":[{"type":"text","text":"q"},{"type":"image_url","image_url":{"url":"https://x/y"}},
				{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QQ=="}}]},
			{"role":"assistant","refusal":"r","content":[{"type":"refusal","refusal":"no"}],
				"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"a"}]}]}`
	textChat = `{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"text"}}`

	fullMessages = `{"model":"m","max_tokens":9,"stream":true,"metadata":{"user_id":"u"},"service_tier":"auto","stop_sequences":["a"],
		"thinking":{"type":"enabled","budget_tokens":9000},"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},
		"tools":[{"type":"custom","name":"f","description":"d","strict":true,"input_schema":{"type":"object"}}],
		"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
		"system":[{"type":"text","text":"s"}],
		"messages":[{"role":"user","content":[{"type":"text","text":"q"},
				{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QQ=="}},
				{"type":"image","source":{"type":"url","url":"https://x/y"}},
				{"type":"document","title":"t","source":{"type":"base64","media_type":"application/pdf","data":"QQ=="}},
				{"type":"document","source":{"type":"text","data":"d"}},
				{"type":"document","source":{"type":"content","content":[{"type":"text","text":"d"},{"type":"image","source":{"type":"url","url":"u"}}]}}]},
			{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"c","name":"f","input":{"k":"v"}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"r"}]}]}]}`
	plainMessages = `{"max_tokens":9,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"tools":[{"name":"f","input_schema":{}}],
		"tool_choice":{"type":"auto"},"messages":[{"role":"user","content":"hi"}]}`
)

// TestNothingIsLostInSilence puts a member that nobody knows into each object of
// a request, and an odd value in the place of each other one: it must come
// through, be reported, or be refused.
func TestNothingIsLostInSilence(t *testing.T) {
	for _, test := range []struct {
		from, to fairlead.Dialect
		body     string
	}{{chat, messages, fullChat}, {chat, messages, textChat}, {messages, chat, fullMessages}, {messages, chat, plainMessages}} {
		var whole any
		if err := json.Unmarshal([]byte(test.body), &whole); err != nil {
			t.Fatal(err)
		}
		_, usual := translated(t, test.from, test.to, whole)
		tried := 0
		change(whole, "", func(path string, changed string) {
			tried++
			out, dropped := translated(t, test.from, test.to, whole)
			if !strings.Contains(out, odd) && slices.Equal(dropped, usual) {
				t.Errorf("%s to %s: %s of %s is lost in silence", test.from, test.to, changed, path)
			}
		})
		if tried < 5 {
			t.Errorf("only %d changes of\n%s", tried, test.body)
		}
	}
}

// translated is what becomes of a request. A refusal counts as something dropped.
func translated(t *testing.T, from, to fairlead.Dialect, whole any) (out string, dropped []string) {
	t.Helper()
	body, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	text, dropped, err := translate.Request(from, to, body, translate.Options{})
	if err != nil {
		return "", []string{err.Error()}
	}
	return string(text), dropped
}

// odd stands in a list: where a field takes no list it has the wrong type.
const odd = "odd one"

// change makes one change at a time somewhere in a value, tells try, and takes it
// back.
func change(value any, path string, try func(path, changed string)) {
	switch value := value.(type) {
	case map[string]any:
		value["unheard_of"] = []any{odd}
		try(path, "an unknown member")
		delete(value, "unheard_of")
		for name, member := range value {
			below := path + "." + name
			change(member, below, try)
			if _, isObject := member.(map[string]any); !isObject {
				value[name] = []any{odd}
				try(below, "an odd value")
				value[name] = member
			}
		}
	case []any:
		for i, element := range value {
			change(element, fmt.Sprintf("%s[%d]", path, i), try)
		}
	}
}
