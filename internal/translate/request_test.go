package translate_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate"
)

const (
	chat     = fairlead.OpenAIChat
	messages = fairlead.AnthropicMessages
)

// pair is a request, given by what is added to the least there can be, and what
// it becomes, likewise.
type pair struct {
	name, in, out string
	dropped       []string
	opts          translate.Options
}

// decoded is a JSON text as encoding/json reads it.
func decoded(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return value
}

// same compares two JSON texts by what they mean.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	if !reflect.DeepEqual(decoded(t, got), decoded(t, []byte(want))) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// with puts members into a body that has messages; they may replace those.
func with(least, members string) string {
	if strings.Contains(members, `"messages":`) {
		least = strings.Replace(least, `"messages":[{"role":"user","content":"hi"}],`, "", 1)
		least = strings.Replace(least, `"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],`, "", 1)
	}
	if strings.Contains(members, `"max_tokens":`) {
		least = strings.Replace(least, `,"max_tokens":4096`, "", 1)
	}
	if members != "" {
		members = "," + members
	}
	return least + members + "}"
}

const (
	leastChat     = `{"messages":[{"role":"user","content":"hi"}],"model":"m"`
	leastMessages = `{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"model":"m"`
)

func TestChatToMessages(t *testing.T) {
	const limit = leastMessages + `,"max_tokens":4096`
	tool := func(rest string) string {
		return `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]` + rest
	}
	toolOut := func(rest string) string {
		return `"tools":[{"name":"f","input_schema":{"type":"object"}}]` + rest
	}
	conversation := func(in, out string) (string, string) {
		return `"messages":[` + in + `]`, `"messages":[` + out + `]`
	}
	tests := []pair{
		{name: "the least"},
		{name: "the provider's name of the model", opts: translate.Options{Model: `other"`}, out: `"model":"other\""`},
		{name: "max_tokens", in: `"max_tokens":5`, out: `"max_tokens":5`},
		{name: "max_completion_tokens goes first", in: `"max_tokens":5,"max_completion_tokens":7`, out: `"max_tokens":7`},
		{name: "temperature", in: `"temperature":0.30`, out: `"temperature":0.30`},
		{name: "temperature above 1", in: `"temperature":1.5`, out: `"temperature":1`, dropped: []string{"temperature"}},
		{name: "sampling", in: `"top_p":0.5,"top_k":40`, out: `"top_p":0.5,"top_k":40`},
		{name: "one stop", in: `"stop":"END"`, out: `"stop_sequences":["END"]`},
		{name: "stops", in: `"stop":["a"," b"]`, out: `"stop_sequences":["a"," b"]`},
		{name: "no stop", in: `"stop":[],"n":1,"logprobs":false,"logit_bias":{ },"frequency_penalty":0,"store":false,"audio":null,"modalities":["text"]`},
		{name: "stream", in: `"stream":true,"stream_options":{"include_usage":true}`, out: `"stream":true`},
		{name: "user", in: `"user":"u\u00e9"`, out: `"metadata":{"user_id":"ué"}`},
		{name: "safety_identifier", in: `"safety_identifier":"s"`, out: `"metadata":{"user_id":"s"}`},
		{name: "both", in: `"safety_identifier":"s","user":"u"`, out: `"metadata":{"user_id":"u"}`, dropped: []string{"safety_identifier"}},
		{name: "service_tier", in: `"service_tier":"priority"`, out: `"service_tier":"auto"`},
		{name: "default tier", in: `"service_tier":"default"`, out: `"service_tier":"standard_only"`},
		{name: "another tier", in: `"service_tier":"flex"`, dropped: []string{"service_tier"}},
		{
			name: "what is dropped", in: `"seed":7,"metadata":{"a":"b"},"store":true,"frequency_penalty":0.5,"never_heard_of":[1],"bad name ü":1,"nothing":null`,
			dropped: []string{"seed", "metadata", "store", "frequency_penalty", "never_heard_of", "?"},
		},

		{name: "tools", in: tool(""), out: toolOut("")},
		{
			name: "a whole tool", in: `"tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"new":1}},{"function":{"name":"g","strict":false,"parameters":null}}]`,
			out:     `"tools":[{"name":"f","description":"d","strict":true,"input_schema":{"type":"object","properties":{}}},{"name":"g","input_schema":{"type":"object","properties":{}}}]`,
			dropped: []string{"tools[].function.new"},
		},
		{name: "no tools", in: `"tools":[],"tool_choice":"auto","parallel_tool_calls":false`},
		{name: "a tool and none there", in: `"tool_choice":"required"`, out: `"tool_choice":{"type":"any"}`},
		{name: "choice auto", in: tool(`,"tool_choice":"auto"`), out: toolOut(`,"tool_choice":{"type":"auto"}`)},
		{name: "choice none", in: tool(`,"tool_choice":"none","parallel_tool_calls":false`), out: toolOut(`,"tool_choice":{"type":"none"}`)},
		{name: "choice required", in: tool(`,"tool_choice":"required","parallel_tool_calls":true`), out: toolOut(`,"tool_choice":{"type":"any"}`)},
		{
			name: "choice named", in: tool(`,"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false`),
			out: toolOut(`,"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}`),
		},
		{name: "one by one", in: tool(`,"parallel_tool_calls":false`), out: toolOut(`,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`)},

		{name: "format text", in: `"response_format":{"type":"text"}`},
		{
			name:    "format schema",
			in:      `"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"description":"d","schema":{"type":"object"}}}`,
			out:     `"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`,
			dropped: []string{"response_format.json_schema.description"},
		},
		{name: "effort", in: `"reasoning_effort":"high"`, out: `"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}`},
		{name: "least effort", in: `"reasoning_effort":"minimal"`, out: `"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}`},
		{name: "no effort", in: `"reasoning_effort":"none","temperature":0.5`, out: `"thinking":{"type":"disabled"},"temperature":0.5`},
		{
			name: "effort beside sampling", in: `"temperature":0.5,"top_k":4,"reasoning_effort":"low","top_p":0.97`,
			out:     `"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"top_p":0.97`,
			dropped: []string{"temperature", "top_k"},
		},
		{
			name: "effort and a forced tool", in: tool(`,"tool_choice":"required","reasoning_effort":"low"`),
			out: toolOut(`,"tool_choice":{"type":"any"},"output_config":{"effort":"low"}`),
		},
		{
			name: "own thinking", in: `"thinking":{"type":"enabled","budget_tokens":2000},"reasoning_effort":"low"`,
			out: `"thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"effort":"low"},"max_tokens":6096`,
		},
		{name: "own thinking with a limit", in: `"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":3000`, out: `"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":3000`},
		{name: "own thinking without a budget", in: `"thinking":{"type":"adaptive","budget_tokens":2000}`, out: `"thinking":{"type":"adaptive","budget_tokens":2000}`},
		{name: "own thinking beyond numbers", in: `"thinking":{"type":"enabled","budget_tokens":9223372036854775807}`, out: `"thinking":{"type":"enabled","budget_tokens":9223372036854775807},"max_tokens":9223372036854775807`},
		{name: "texts that ask nothing", in: `"reasoning_effort":"","stop":"","service_tier":""`},
		{
			name: "a budget", in: `"reasoning_effort":"medium"`, opts: translate.Options{Thinking: translate.ByBudget},
			out: `"thinking":{"type":"enabled","budget_tokens":8192},"max_tokens":12288`,
		},
		{
			name: "a budget within the limit", in: `"reasoning_effort":"high","max_tokens":5000`, opts: translate.Options{Thinking: translate.ByBudget},
			out: `"thinking":{"type":"enabled","budget_tokens":2500},"max_tokens":5000`,
		},
		{
			name: "no room for a budget", in: `"reasoning_effort":"high","max_tokens":2000`, opts: translate.Options{Thinking: translate.ByBudget},
			out: `"max_tokens":2000`, dropped: []string{"reasoning_effort"},
		},
	}
	add := func(name, in, out string, dropped ...string) {
		in, out = conversation(in, out)
		tests = append(tests, pair{name: name, in: in, out: out, dropped: dropped})
	}
	const result = `"messages":[{"role":"tool","tool_call_id":"c","content":"x"}]`
	tests = append(tests, pair{
		name: "no budget behind a call whose thinking is lost", in: result + `,"reasoning_effort":"low"`, opts: translate.Options{Thinking: translate.ByBudget},
		out: `"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"x"}]}]`, dropped: []string{"reasoning_effort"},
	})
	add("neighbours of one role",
		`{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":"c"}`,
		`{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"text","text":"c"}]}`)
	add("text that is blank",
		`{"role":"user","content":"a"},{"role":"assistant","content":" \n\u0020"},{"role":"assistant","content":null},{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":" b"}]}`,
		`{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":" b"}]}`)
	add("system anywhere",
		`{"role":"system","content":"s1"},{"role":"user","content":"a","name":"n"},{"role":"developer","content":[{"type":"text","text":"s2"},{"type":"text","text":"s3"}]}`,
		`{"role":"user","content":[{"type":"text","text":"a"}]}],"system":[{"type":"text","text":"s1"},{"type":"text","text":"s2"},{"type":"text","text":"s3"}`,
		"messages[].name")
	add("images",
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"high"}},{"type":"image_url","image_url":{"url":"data:image\/png;base64,iVBOR\/+=","detail":"auto"}},{"type":"image_url","image_url":{"url":"DATA:image/JPEG;name=a;base64,QQ=="}}]}`,
		`{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x/y.png"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBOR/+="}},{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"QQ=="}}]}`,
		"messages[].content[].image_url.detail")
	add("a file",
		`{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QQ=="}}]}`,
		`{"role":"user","content":[{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"QQ=="}}]}`)
	add("calls and results",
		`{"role":"user","content":"q"},{"role":"assistant","content":"","reasoning_content":"r","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\": \"\\u00e9\\n\"}"}},{"id":"f:0","type":"function","function":{"name":"g","arguments":""}}]},`+
			`{"role":"tool","tool_call_id":"call_1","content":"one"},{"role":"tool","tool_call_id":"f:0","content":[{"type":"text","text":"two"},{"type":"image_url","image_url":{"url":"https://x"}}]},{"role":"user","content":"go on"}`,
		`{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{"a":"é\n"}},{"type":"tool_use","id":"f_0","name":"g","input":{}}]},`+
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"one"},{"type":"tool_result","tool_use_id":"f_0","content":[{"type":"text","text":"two"},{"type":"image","source":{"type":"url","url":"https://x"}}]},{"type":"text","text":"go on"}]}`,
		"messages[].reasoning_content")
	add("results first",
		`{"role":"user","content":"u"},{"role":"tool","tool_call_id":"c","content":null}`,
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"},{"type":"text","text":"u"}]}`)
	add("refusals",
		`{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]},{"role":"assistant","refusal":"never","content":null}`,
		`{"role":"assistant","content":[{"type":"text","text":"no"},{"type":"text","text":"never"}]}`)
	run(t, tests, func(p pair) (string, string) {
		least := limit
		if p.opts.Model != "" {
			least = strings.Replace(least, `,"model":"m"`, "", 1)
		}
		return with(leastChat, p.in), with(least, p.out)
	}, chat, messages)
}

func TestMessagesToChat(t *testing.T) {
	conversation := func(in, out string) (string, string) {
		return `"messages":[` + in + `]`, `"messages":[` + out + `]`
	}
	tests := []pair{
		{name: "the least"},
		{name: "limit", in: `"max_tokens":5`, out: `"max_completion_tokens":5`},
		{name: "limit by the older name", in: `"max_tokens":5`, out: `"max_tokens":5`, opts: translate.Options{MaxTokensName: "max_tokens"}},
		{name: "sampling", in: `"temperature":0.5,"top_p":0.9,"top_k":5`, out: `"temperature":0.5,"top_p":0.9`, dropped: []string{"top_k"}},
		{name: "stops", in: `"stop_sequences":["a"]`, out: `"stop":["a"]`},
		{name: "no stops", in: `"stop_sequences":[],"tools":[],"tool_choice":{"type":"auto"},"mcp_servers":[],"container":null`},
		{name: "any tool and none there", in: `"tool_choice":{"type":"any"}`, out: `"tool_choice":"required"`},
		{name: "a tool and none there", in: `"tool_choice":{"type":"tool","name":"f"},"tools":[]`, out: `"tool_choice":{"type":"function","function":{"name":"f"}}`},
		{name: "none and no tool there", in: `"tool_choice":{"type":"none","cache":1}`, dropped: []string{"tool_choice.cache"}},
		{name: "texts that ask nothing", in: `"output_config":{"effort":""},"thinking":{"type":"enabled"},"service_tier":""`, out: `"reasoning_effort":"low"`},
		{name: "two formats", in: `"output_format":{"type":"json_schema","schema":{"b":1}},"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}`, out: `"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"a":1}}}`, dropped: []string{"output_format"}},
		{name: "stream", in: `"stream":true`, out: `"stream":true,"stream_options":{"include_usage":true}`},
		{name: "no stream", in: `"stream":false`, out: `"stream":false`},
		{name: "user", in: `"metadata":{"user_id":"u","x":1}`, out: `"user":"u"`, dropped: []string{"metadata.x"}},
		{name: "a long user", in: `"metadata":{"user_id":"` + strings.Repeat("u", 65) + `"}`, dropped: []string{"metadata.user_id"}},
		{name: "tier", in: `"service_tier":"standard_only"`, out: `"service_tier":"default"`},
		{
			name: "what is dropped", in: `"cache_control":{"type":"ephemeral"},"context_management":{"edits":[]},"speed":"fast","never_heard_of":1`,
			dropped: []string{"cache_control", "context_management", "speed", "never_heard_of"},
		},
		{
			name: "tools", in: `"tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"custom","name":"g","description":"d","strict":true,"input_schema":{},"cache_control":{"type":"ephemeral"},"defer_loading":true}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}`,
			out:     `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","description":"d","strict":true,"parameters":{}}}],"tool_choice":"required","parallel_tool_calls":false`,
			dropped: []string{"tools[].cache_control", "tools[].defer_loading"},
		},
		{
			name: "a tool by name", in: `"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"}`,
			out: `"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":{"type":"function","function":{"name":"f"}}`,
		},
		{name: "thinking low", in: `"thinking":{"type":"enabled","budget_tokens":1024}`, out: `"reasoning_effort":"low"`},
		{name: "thinking medium", in: `"thinking":{"type":"enabled","budget_tokens":4096}`, out: `"reasoning_effort":"medium"`},
		{name: "thinking high", in: `"thinking":{"type":"enabled","budget_tokens":16384,"display":"omitted"}`, out: `"reasoning_effort":"high"`, dropped: []string{"thinking.display"}},
		{name: "thinking as it likes", in: `"thinking":{"type":"adaptive"}`},
		{name: "no thinking", in: `"thinking":{"type":"disabled"}`, dropped: []string{"thinking"}},
		{name: "effort", in: `"thinking":{"type":"adaptive"},"output_config":{"effort":"max","task_budget":{}}`, out: `"reasoning_effort":"max"`, dropped: []string{"output_config.task_budget"}},
		{
			name: "format", in: `"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`,
			out: `"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}`,
		},
		{
			name: "format of old", in: `"output_format":{"type":"json_schema","schema":{"a":1}}`,
			out: `"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"a":1}}}`,
		},
		{name: "system", in: `"system":"s","messages":[]`, out: `"messages":[{"role":"system","content":"s"}]`},
		{
			name: "system of blocks", in: `"system":[{"type":"text","text":"s"},{"type":"text","text":"t","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"system","content":"later"}]`,
			out:     `"messages":[{"role":"system","content":[{"type":"text","text":"s"},{"type":"text","text":"t"}]},{"role":"system","content":"later"}]`,
			dropped: []string{"messages[].content[].cache_control"},
		},
	}
	add := func(name, in, out string, dropped ...string) {
		in, out = conversation(in, out)
		tests = append(tests, pair{name: name, in: in, out: out, dropped: dropped})
	}
	add("media",
		`{"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QQ=="}},{"type":"image","source":{"type":"url","url":"https://x"}},`+
			`{"type":"document","title":"t.pdf","source":{"type":"base64","media_type":"application/pdf","data":"QQ=="}},{"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"plain"}},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"in"}]}}]}`,
		`{"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"image_url","image_url":{"url":"https://x"}},`+
			`{"type":"file","file":{"filename":"t.pdf","file_data":"data:application/pdf;base64,QQ=="}},{"type":"text","text":"plain"},{"type":"text","text":"in"}]}`,
		"messages[].content[].title")
	add("calls and results",
		`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"tool_use","id":"toolu_1","name":"f","input":{ "a" : "\u00e9\"" }},{"type":"tool_use","id":"toolu_2","name":"g","input":{}}]},`+
			`{"role":"user","content":[{"type":"text","text":"first"},{"type":"tool_result","tool_use_id":"toolu_1","content":"one"},{"type":"tool_result","tool_use_id":"toolu_2","is_error":true,"content":[{"type":"text","text":"two"},{"type":"image","source":{"type":"url","url":"https://x"}}]}]}`,
		`{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{ \"a\" : \"\\u00e9\\\"\" }"}},{"id":"toolu_2","type":"function","function":{"name":"g","arguments":"{}"}}]},`+
			`{"role":"tool","tool_call_id":"toolu_1","content":"one"},{"role":"tool","tool_call_id":"toolu_2","content":"two"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}},{"type":"text","text":"first"}]}`,
		"messages[].content[].thinking", "messages[].content[].is_error")
	add("calls alone",
		`{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]},{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]}`,
		`{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":""}`,
		"messages[].content[].redacted_thinking")
	run(t, tests, func(p pair) (string, string) {
		return with(leastMessages, p.in), with(leastChat, p.out)
	}, messages, chat)
}

func run(t *testing.T, tests []pair, bodies func(pair) (in, out string), from, to fairlead.Dialect) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in, want := bodies(test)
			got, dropped, err := translate.Request(from, to, []byte(in), test.opts)
			if err != nil {
				t.Fatalf("%v (%+v)\n%s", err, err, in)
			}
			same(t, got, want)
			if !slices.Equal(dropped, test.dropped) {
				t.Errorf("dropped %q, want %q", dropped, test.dropped)
			}
		})
	}
}
