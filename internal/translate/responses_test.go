package translate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate"
	"github.com/fairleadhq/fairlead/internal/translate/field"
)

// asked translates a request of the Responses API that continues what is past.
func asked(body, past string, opts translate.Options) (*translate.Asked, error) {
	return translate.Responses(&fairlead.Request{
		Dialect: fairlead.OpenAIResponses, Body: []byte(body), Past: fairlead.Past{Items: []byte(past)},
	}, opts)
}

const hi = `"messages":[{"role":"user","content":"hi"}]`

// turn is a request of the Responses API, by what is added to the model, and what
// it becomes, likewise.
type turn struct {
	name, in, past, out string
	dropped             []string
}

func (c turn) check(t *testing.T) {
	t.Helper()
	in := c.in
	if !strings.Contains(in, `"input":`) {
		in = strings.TrimPrefix(`"input":"hi",`+in, ",")
	}
	got, err := asked(`{"model":"m",`+strings.TrimSuffix(in, ",")+`}`, c.past, translate.Options{})
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	out := c.out
	if !strings.Contains(out, `"messages":`) {
		out = strings.Trim(hi+","+out, ",")
	}
	same(t, got.Body, `{"model":"m",`+out+`}`)
	if !slices.Equal(got.Dropped, c.dropped) {
		t.Errorf("%s: dropped %q, want %q", c.name, got.Dropped, c.dropped)
	}
}

func TestResponsesFields(t *testing.T) {
	for _, c := range []turn{
		{name: "least", in: ``, out: ``},
		{name: "limits", in: `"max_output_tokens":7,"temperature":0.50,"top_p":1`, out: `"max_completion_tokens":7,"temperature":0.50,"top_p":1`},
		{name: "stream", in: `"stream":true,"stream_options":{"include_obfuscation":false}`, out: `"stream":true,"stream_options":{"include_usage":true}`},
		{name: "no stream", in: `"stream":false,"stream_options":{"include_obfuscation":true,"x":1}`, dropped: []string{"stream_options.x", "stream_options.include_obfuscation"}},
		{name: "who asks", in: `"user":"u","safety_identifier":"s","service_tier":"flex"`, out: `"user":"u","service_tier":"flex"`, dropped: []string{"safety_identifier"}},
		{name: "who asks, newly", in: `"safety_identifier":"s"`, out: `"user":"s"`},
		{
			name: "what Fairlead does", in: `"metadata":{"a":"b"},"store":true,"background":true,"truncation":"disabled","parallel_tool_calls":false`,
		},
		{name: "hints", in: `"prompt_cache_key":"k","client_metadata":{"a":"b"},"truncation":"auto","include":["reasoning.encrypted_content"],"max_tool_calls":3`, dropped: []string{"prompt_cache_key", "client_metadata", "truncation", "max_tool_calls", "include"}},
		{name: "log probabilities", in: `"top_logprobs":2,"include":["message.output_text.logprobs"]`, out: `"logprobs":true,"top_logprobs":2`},
		{name: "log probabilities alone", in: `"include":["message.output_text.logprobs"]`, out: `"logprobs":true`},
		{name: "reasoning", in: `"reasoning":{"effort":"low","summary":"auto"}`, out: `"reasoning_effort":"low"`},
		{name: "a summary", in: `"reasoning":{"effort":null,"summary":"detailed","context":"auto"}`, dropped: []string{"reasoning.context", "reasoning.summary"}},
		{name: "text", in: `"text":{"format":{"type":"text"},"verbosity":"medium"}`},
		{name: "short", in: `"text":{"verbosity":"low"}`, out: `"verbosity":"low"`},
		{name: "JSON", in: `"text":{"format":{"type":"json_object"}}`, out: `"response_format":{"type":"json_object"}`},
		{
			name: "schema", in: `"text":{"format":{"type":"json_schema","name":"n","strict":true,"description":"d","schema":{"type":"object","x":[1.0]}}}`,
			out: `"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{"type":"object","x":[1.0]}}}`,
		},
		{name: "nothing", in: `"conversation":null,"prompt":null,"tools":[],"tool_choice":"auto","next_month":null,"instructions":""`},
		{name: "next month", in: `"next_month":{"a":1},"\"odd\"":1`, dropped: []string{"next_month", "?"}},
	} {
		c.check(t)
	}
	got, err := asked(`{"input":"hi","max_output_tokens":3}`, "", translate.Options{Model: "real", MaxTokensName: "max_tokens"})
	if err != nil || string(got.Body) != `{"model":"real","max_tokens":3,`+hi+`}` {
		t.Errorf("got %s, %v", got.Body, err)
	}
}

func TestResponsesInput(t *testing.T) {
	for _, c := range []turn{
		{name: "instructions", in: `"instructions":"be \u00e9","input":"hi"`, out: `"messages":[{"role":"system","content":"be é"},{"role":"user","content":"hi"}]`},
		{
			name: "what leads", in: `"instructions":"a","input":[{"role":"developer","content":"b"},{"type":"message","role":"system","content":[{"type":"input_text","text":"c"},{"type":"input_text","text":"d"}]},{"role":"user","content":"q"},{"role":"developer","content":"e"}]`,
			out: `"messages":[{"role":"system","content":"a\n\nb\n\ncd"},{"role":"user","content":"q"},{"role":"system","content":"e"}]`,
		},
		{
			name: "parts", in: `"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://x/y","detail":"auto"},{"type":"input_image","image_url":"data:image/png;base64,QQ==","detail":"low"},{"type":"input_file","filename":"f.pdf","file_data":"data:application/pdf;base64,QQ=="},{"type":"input_audio","input_audio":{"data":"QQ==","format":"wav"}}]}]`,
			out: `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ==","detail":"low"}},{"type":"file","file":{"filename":"f.pdf","file_data":"data:application/pdf;base64,QQ=="}},{"type":"input_audio","input_audio":{"data":"QQ==","format":"wav"}}]}]`,
		},
		{
			name: "an original", in: `"input":[{"role":"user","content":[{"type":"input_image","image_url":"u","detail":"original"}]}]`,
			out: `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u","detail":"high"}}]}]`, dropped: []string{"input[].content[].detail"},
		},
		{
			name: "turns", in: `"input":[{"role":"user","content":"q"},{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"t"}]},` +
				`{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"b"}]},` +
				`{"id":"fc_1","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{\"k\":1}"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},` +
				`{"type":"function_call_output","call_id":"c1","output":"r1"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"r2"}]},{"role":"user","content":"more"}]`,
			out: `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"ab","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"k\":1}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"c1","content":"r1"},{"role":"tool","tool_call_id":"c2","content":"r2"},{"role":"user","content":"more"}]`,
			dropped: []string{"input[].reasoning"},
		},
		{
			name: "the past", in: `"instructions":"s","previous_response_id":"resp_0","input":"and now"`,
			past: `{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}`,
			out:  `"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"and now"}]`,
		},
		{
			name: "what tools show", in: `"input":[{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call","call_id":"b","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"x"},{"type":"input_text","text":"y"},{"type":"input_image","image_url":"u1"}]},{"type":"function_call_output","call_id":"b","output":[{"type":"input_image","image_url":"u2"}]},{"role":"user","content":"see"}]`,
			out: `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},{"role":"tool","tool_call_id":"b","content":""},` +
				`{"role":"user","content":[{"type":"image_url","image_url":{"url":"u1"}},{"type":"image_url","image_url":{"url":"u2"}},{"type":"text","text":"see"}]}]`,
		},
		{
			name: "what tools show last", in: `"input":[{"role":"user","content":"q"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_image","image_url":"u"}]}]`,
			out: `"messages":[{"role":"user","content":"q"},{"role":"tool","tool_call_id":"a","content":""},{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]`,
		},
		{
			name: "one speaks in between", in: `"input":[{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call","call_id":"b","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"b","output":"rb"},{"role":"user","content":"wait"},{"role":"assistant","content":"so"},{"type":"function_call_output","call_id":"a","output":"ra"},{"role":"developer","content":"end"}]`,
			out: `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"b","content":"rb"},{"role":"tool","tool_call_id":"a","content":"ra"},{"role":"user","content":"wait"},{"role":"assistant","content":"so"},{"role":"system","content":"end"}]`,
		},
		{
			name: "a call of the past", in: `"previous_response_id":"r","input":[{"role":"user","content":"wait"},{"type":"function_call_output","call_id":"a","output":"ra"}]`,
			past: `{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}`,
			out:  `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"ra"},{"role":"user","content":"wait"}]`,
		},
		{
			name: "two answers", in: `"input":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"assistant","content":"b"},{"type":"web_search_call","id":"ws_1","action":{}}]`,
			out: `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a\n\nb"}]`, dropped: []string{"input[].web_search_call"},
		},
		{name: "annotations", in: `"input":[{"role":"user","content":"q"},{"role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation"}]}]}]`, out: `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]`, dropped: []string{"input[].phase", "input[].content[].annotations"}},
	} {
		c.check(t)
	}
}

const (
	custom  = `{"type":"object","properties":{"input":{"type":"string","description":"The text that the tool takes, as it is."}},"required":["input"],"additionalProperties":false}`
	docs    = `{"type":"namespace","name":"mcp__docs__","description":"","tools":[{"type":"function","name":"find","description":"d","strict":false,"parameters":{"type":"object"}},{"type":"custom","name":"note"}]}`
	docsOut = `{"type":"function","function":{"name":"mcp__docs__find","description":"d","parameters":{"type":"object"}}},{"type":"function","function":{"name":"mcp__docs__note","parameters":` + custom + `}}`
)

func TestResponsesTools(t *testing.T) {
	for _, c := range []turn{
		{name: "a function", in: `"tools":[{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"}}],"tool_choice":"auto","parallel_tool_calls":false`, out: `"parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}],"tool_choice":"auto"`},
		{name: "a namespace", in: `"tools":[` + docs + `],"parallel_tool_calls":true`, out: `"tools":[` + docsOut + `]`},
		{name: "one in a namespace", in: `"tools":[` + docs + `],"tool_choice":{"type":"function","namespace":"mcp__docs__","name":"find"}`, out: `"tools":[` + docsOut + `],"tool_choice":{"type":"function","function":{"name":"mcp__docs__find"}}`},
		{name: "one without its namespace", in: `"tools":[` + docs + `],"tool_choice":{"type":"custom","name":"note"}`, out: `"tools":[` + docsOut + `],"tool_choice":{"type":"function","function":{"name":"mcp__docs__note"}}`},
		{
			name: "a grammar", in: `"tools":[{"type":"custom","name":"patch","description":"Edits.","format":{"type":"grammar","syntax":"lark","definition":"start: \"x\""}}]`,
			out: `"tools":[{"type":"function","function":{"name":"patch","description":"Edits.\n\nThe input must follow this grammar (lark):\nstart: \"x\"","parameters":` + custom + `}}]`,
		},
		{name: "hosted", in: `"tools":[{"type":"web_search","filters":{}},{"type":"next_month"},{"type":"function","name":"f","defer_loading":true,"output_schema":{}}]`, out: `"tools":[{"type":"function","function":{"name":"f"}}]`, dropped: []string{"tools[].web_search", "tools[].type", "tools[].output_schema"}},
		{name: "hosted alone", in: `"tools":[{"type":"code_interpreter"}],"tool_choice":"auto","parallel_tool_calls":false`, dropped: []string{"tools[].code_interpreter"}},
		{name: "some", in: `"tools":[{"type":"function","name":"f"},{"type":"function","name":"g"},` + docs + `],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"},{"type":"namespace","name":"mcp__docs__"}]}`, out: `"tools":[{"type":"function","function":{"name":"g"}},` + docsOut + `],"tool_choice":"required"`},
		{
			name: "calls", in: `"tools":[` + docs + `],"input":[{"type":"function_call","call_id":"a","namespace":"mcp__docs__","name":"find","arguments":"{}"},{"type":"custom_tool_call","call_id":"b","namespace":"mcp__docs__","name":"note","input":"x\n\"y\""},{"type":"custom_tool_call_output","call_id":"b","output":"r"},{"type":"function_call","call_id":"c","namespace":"gone","name":"old","arguments":"{}"}]`,
			out: `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"mcp__docs__find","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"mcp__docs__note","arguments":"{\"input\":\"x\\n\\\"y\\\"\"}"}}]},{"role":"tool","tool_call_id":"b","content":"r"},` +
				`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"gone__old","arguments":"{}"}}]}],"tools":[` + docsOut + `]`,
		},
		{
			name: "brought by items", in: `"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"f"}]},{"type":"tool_search_call","call_id":"s"},{"type":"tool_search_output","call_id":"s","tools":[` + docs + `,{"type":"function","name":"f"}]},{"role":"user","content":"hi"}]`,
			out: hi + `,"tools":[{"type":"function","function":{"name":"f"}},` + docsOut + `]`, dropped: []string{"input[].tool_search_call"},
		},
		{
			name: "a search", in: `"tools":[{"type":"tool_search","execution":"client","description":"d","parameters":{"type":"object"}}],"input":[{"type":"tool_search_call","id":"tsc_1","call_id":"s","execution":"client","status":"completed","arguments":{"query":"q"}},{"type":"tool_search_output","call_id":"s","execution":"client","tools":[` + docs + `]},{"type":"tool_search_output","call_id":"s2","tools":[]}]`,
			out: `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"s","type":"function","function":{"name":"tool_search","arguments":"{\"query\":\"q\"}"}}]},{"role":"tool","tool_call_id":"s","content":"Found, and callable from now on: mcp__docs__find, mcp__docs__note"}],` +
				`"tools":[{"type":"function","function":{"name":"tool_search","description":"d","parameters":{"type":"object"}}},` + docsOut + `]`,
		},
		{
			name: "a user who speaks before a search is answered",
			in:   `"tools":[{"type":"tool_search","execution":"client","description":"d","parameters":{"type":"object"}}],"input":[{"type":"tool_search_call","call_id":"s","execution":"client","arguments":{"query":"q"}},{"role":"user","content":"hi"},{"type":"tool_search_output","call_id":"s","execution":"client","tools":[]}]`,
			out: `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"s","type":"function","function":{"name":"tool_search","arguments":"{\"query\":\"q\"}"}}]},{"role":"tool","tool_call_id":"s","content":"Found, and callable from now on: nothing"},{"role":"user","content":"hi"}],` +
				`"tools":[{"type":"function","function":{"name":"tool_search","description":"d","parameters":{"type":"object"}}}]`,
		},
		{name: "a search elsewhere", in: `"tools":[{"type":"tool_search"}]`, dropped: []string{"tools[].tool_search"}},
	} {
		c.check(t)
	}
}

func TestResponsesRefusals(t *testing.T) {
	user := func(part string) string { return `"input":[{"role":"user","content":[` + part + `]}]` }
	for _, c := range []struct{ members, code, param string }{
		{`"conversation":"s3cr3t"`, "untranslatable_field", "conversation"},
		{`"prompt":{"id":"s3cr3t"}`, "untranslatable_field", "prompt"},
		{`"previous_response_id":"s3cr3t"`, "untranslatable_field", "previous_response_id"},
		{`"previous_response_id":7`, "invalid_type", "previous_response_id"},
		{`"input":7`, "invalid_type", "input"},
		{`"input":null`, "missing_field", "input"},
		{`"input":[7]`, "invalid_type", "input[0]"},
		{`"input":[{"role":"s3cr3t","content":"x"}]`, "invalid_type", "input[0].role"},
		{`"input":[{"type":"s3cr3t"}]`, "untranslatable_field", "input[0].type"},
		{`"input":[{"type":"item_reference","id":"s3cr3t"}]`, "untranslatable_field", "input[0].type"},
		{`"input":[{"id":"s3cr3t"}]`, "untranslatable_field", "input[0].type"},
		{`"input":[{"type":"compaction","encrypted_content":"s3cr3t"}]`, "untranslatable_field", "input[0].type"},
		{`"input":[{"type":"computer_call"}]`, "untranslatable_field", "input[0].type"},
		{`"input":[{"type":"function_call","name":"f","arguments":"{}"}]`, "missing_field", "input[0].call_id"},
		{`"input":[{"type":"function_call","call_id":"c","name":"f","arguments":{}}]`, "invalid_type", "input[0].arguments"},
		{`"input":[{"type":"function_call_output","call_id":"c"}]`, "missing_field", "input[0].output"},
		{`"input":[{"type":"function_call_output","call_id":"c","output":{}}]`, "invalid_type", "input[0].output"},
		{`"input":[{"role":"assistant","content":[{"type":"input_image","image_url":"s3cr3t"}]}]`, "untranslatable_field", "input[0].content[0].type"},
		{user(`{"type":"input_image","file_id":"s3cr3t"}`), "untranslatable_field", "input[0].content[0].file_id"},
		{user(`{"type":"input_file","file_url":"s3cr3t"}`), "untranslatable_field", "input[0].content[0].file_url"},
		{user(`{"type":"input_video"}`), "untranslatable_field", "input[0].content[0].type"},
		{user(`{"type":"input_text"}`), "missing_field", "input[0].content[0].text"},
		{`"tools":[{"name":"f"}]`, "missing_field", "tools[0].type"},
		{`"tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]`, "missing_field", "tools[0].tools[0].name"},
		{`"tools":[{"type":"web_search"}],"tool_choice":"required"`, "untranslatable_field", "tool_choice"},
		{`"tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"}`, "untranslatable_field", "tool_choice.type"},
		{`"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"s3cr3t"}`, "untranslatable_field", "tool_choice.name"},
		{`"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"mcp"}]}`, "untranslatable_field", "tool_choice.mode"},
		{`"tool_choice":"s3cr3t"`, "invalid_type", "tool_choice"},
		{`"text":{"format":{"type":"s3cr3t"}}`, "untranslatable_field", "text.format.type"},
		{`"text":{"format":{"type":"json_schema","name":"n"}}`, "invalid_type", "text.format.schema"},
		{`"max_output_tokens":0`, "invalid_type", "max_output_tokens"},
		{`"reasoning":"s3cr3t"`, "invalid_type", "reasoning"},
		{`"input":[{"role":"user","role":"user"}]`, "duplicate_key", ""},
		{`"input":[{"role":"user",}]`, "invalid_json", ""},
	} {
		members := c.members
		if !strings.Contains(members, `"input":`) {
			members = `"input":"hi",` + members
		}
		_, err := asked(`{`+members+`}`, "", translate.Options{})
		e := fairlead.AsError(err)
		if e == nil || e.Kind != fairlead.Invalid || e.Code != c.code || e.Param != c.param {
			t.Errorf("%s: got %v (%+v), want %s of %q", c.members, err, e, c.code, c.param)
			continue
		}
		if strings.Contains(e.Message+e.Detail+e.Error(), secret) {
			t.Errorf("%s: the error repeats the body: %+v", c.members, e)
		}
	}
	_, err := asked(`{"previous_response_id":"r","input":"hi"}`, `{"type":"compaction"}`, translate.Options{})
	if e := fairlead.AsError(err); e == nil || e.Param != "previous_response_id.input[0].type" {
		t.Errorf("got %+v", e)
	}
}

// TestResponsesRulesHold is TestRulesHold for the Responses API.
func TestResponsesRulesHold(t *testing.T) {
	seen := 0
	for _, r := range responsesRules() {
		if strings.ContainsAny(r.Name, ".[") || r.Fate == field.Mapped {
			continue
		}
		seen++
		const value = `{"asks":"much"}`
		got, err := asked(`{"input":"hi","`+r.Name+`":`+value+`}`, "", translate.Options{})
		is := field.Fate(0)
		switch {
		case err != nil:
			is = field.Refused
		case slices.Equal(got.Dropped, []string{r.Name}):
			is = field.Dropped
		case strings.Contains(string(got.Body), `"`+r.Becomes+`":`+value) && len(got.Dropped) == 0:
			is = field.Kept
		}
		if is != r.Fate {
			t.Errorf("%s is %q, the table says %q", r.Name, fates[is], fates[r.Fate])
		}
		if got, err := asked(`{"input":"hi","`+r.Name+`":null}`, "", translate.Options{}); err != nil || len(got.Dropped) > 0 {
			t.Errorf("%s: null gives %v", r.Name, err)
		}
	}
	if seen < 10 {
		t.Errorf("looked at %d fields", seen)
	}
}

// fullResponses has about every object that the translation looks into, and
// nothing that it drops as a whole.
const fullResponses = `{"model":"m","instructions":"i","max_output_tokens":9,"stream":true,"stream_options":{"include_obfuscation":false},"parallel_tool_calls":false,
	"temperature":0.5,"user":"u","service_tier":"auto","reasoning":{"effort":"low"},"top_logprobs":2,
	"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}},"verbosity":"low"},
	"tools":[{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"}},
		{"type":"custom","name":"c","description":"d","format":{"type":"grammar","syntax":"lark","definition":"x"}},
		{"type":"namespace","name":"ns","tools":[{"type":"function","name":"f"}]}],
	"tool_choice":{"type":"function","name":"f"},
	"input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"s"}]},
		{"role":"user","content":[{"type":"input_text","text":"q"},{"type":"input_image","image_url":"u","detail":"low"},
			{"type":"input_file","filename":"a","file_data":"d"},{"type":"input_audio","input_audio":{"data":"d","format":"wav"}}]},
		{"role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"refusal","refusal":"r"}]},
		{"type":"function_call","call_id":"c1","name":"f","arguments":"{}","namespace":"ns"},
		{"type":"custom_tool_call","call_id":"c2","name":"c","input":"x"},
		{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"a"}]},
		{"type":"custom_tool_call_output","call_id":"c2","output":"o"}]}`

// TestResponsesLoseNothingInSilence is TestNothingIsLostInSilence for the Responses
// API.
func TestResponsesLoseNothingInSilence(t *testing.T) {
	var whole any
	if err := json.Unmarshal([]byte(fullResponses), &whole); err != nil {
		t.Fatal(err)
	}
	told := func() (string, []string) {
		body, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		got, err := asked(string(body), "", translate.Options{})
		if err != nil {
			return "", []string{err.Error()}
		}
		return string(got.Body), got.Dropped
	}
	_, usual := told()
	if len(usual) > 0 {
		t.Fatalf("dropped %q", usual)
	}
	tried := 0
	change(whole, "", func(path, changed string) {
		tried++
		out, dropped := told()
		if !strings.Contains(out, odd) && slices.Equal(dropped, usual) {
			t.Errorf("%s of %s is lost in silence", changed, path)
		}
	})
	if tried < 50 {
		t.Errorf("only %d changes", tried)
	}
}

// agentBody is what a coding agent sends: long instructions, many tools, most of
// them in namespaces, and metadata of its own. It has about 39 KB.
func agentBody() string {
	var tools []string
	for n := range 12 {
		var inner []string
		for m := range 6 {
			inner = append(inner, fmt.Sprintf(`{"type":"function","name":"tool_%d","description":%q,"strict":false,"parameters":{"type":"object","properties":{"path":{"type":"string","description":"where to look"}},"required":["path"],"additionalProperties":false}}`,
				m, strings.Repeat("Reads what is there. ", 8)))
		}
		tools = append(tools, fmt.Sprintf(`{"type":"namespace","name":"mcp__server_%d__","description":"Tools of a server.","tools":[%s]}`, n, strings.Join(inner, ",")))
	}
	return `{"model":"m","instructions":` + fmt.Sprintf("%q", strings.Repeat("You are an agent. ", 300)) + `,"input":[` +
		`{"type":"message","role":"developer","content":[{"type":"input_text","text":"The sandbox may be written to."}]},` +
		`{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment>linux</environment>"}]},` +
		`{"type":"message","role":"user","content":[{"type":"input_text","text":"Fix the test."}]},` +
		`{"type":"reasoning","id":"rs_1","summary":[],"content":null,"encrypted_content":"x"},` +
		`{"type":"function_call","id":"fc_1","name":"tool_0","namespace":"mcp__server_3__","arguments":"{\"path\":\".\"}","call_id":"call_1"},` +
		`{"type":"function_call_output","call_id":"call_1","output":"a.go"},` +
		`{"type":"custom_tool_call","call_id":"call_2","name":"apply_patch","input":"*** Begin Patch\n*** End Patch"},` +
		`{"type":"custom_tool_call_output","call_id":"call_2","output":"done"}],` +
		`"tools":[{"type":"function","name":"shell","description":"Runs a command.","strict":false,"parameters":{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"}}},"required":["command"]}},` +
		`{"type":"custom","name":"apply_patch","description":"Edits files.","format":{"type":"grammar","syntax":"lark","definition":"start: begin end"}},{"type":"web_search","external_web_access":false},` + strings.Join(tools, ",") + `],` +
		`"tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"medium","summary":"auto"},"store":false,"stream":true,"include":["reasoning.encrypted_content"],` +
		`"prompt_cache_key":"k","text":{"verbosity":"low"},"client_metadata":{"session":"s","turn":"t"}}`
}

// TestAgent translates what a coding agent sends, and looks at what its provider
// gets.
func TestAgent(t *testing.T) {
	body := agentBody()
	if len(body) < 30_000 || len(body) > 50_000 {
		t.Fatalf("the body has %d bytes", len(body))
	}
	got, err := asked(body, "", translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"input[].reasoning", "tools[].web_search", "tools[].description", "prompt_cache_key", "client_metadata", "include"}
	slices.Sort(want)
	slices.Sort(got.Dropped)
	if !slices.Equal(got.Dropped, want) {
		t.Errorf("dropped %q, want %q", got.Dropped, want)
	}
	var out struct {
		Messages []struct {
			Role    string
			Content any
			Calls   []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Tools []struct{ Function struct{ Name string } }
	}
	if err := json.Unmarshal(got.Body, &out); err != nil {
		t.Fatal(err)
	}
	var roles, names []string
	for _, m := range out.Messages {
		roles = append(roles, m.Role)
		for _, c := range m.Calls {
			names = append(names, c.ID+" "+c.Function.Name+" "+c.Function.Arguments)
		}
	}
	if want := []string{"system", "user", "user", "assistant", "tool", "assistant", "tool"}; !slices.Equal(roles, want) {
		t.Errorf("got the roles %q, want %q", roles, want)
	}
	if want := []string{`call_1 mcp__server_3__tool_0 {"path":"."}`, `call_2 apply_patch {"input":"*** Begin Patch\n*** End Patch"}`}; !slices.Equal(names, want) {
		t.Errorf("got the calls %q, want %q", names, want)
	}
	if len(out.Tools) != 74 || out.Tools[0].Function.Name != "shell" || out.Tools[73].Function.Name != "mcp__server_11__tool_5" {
		t.Errorf("got %d tools", len(out.Tools))
	}
	if called := got.Tools.Called("mcp__server_3__tool_0"); called.Namespace != "mcp__server_3__" || called.Name != "tool_0" {
		t.Errorf("the call would come back as %+v", called)
	}
}

// FuzzResponses feeds any body and any past: no panic, and what comes out is JSON
// without duplicate names, or a typed error.
func FuzzResponses(f *testing.F) {
	f.Add([]byte(fullResponses), []byte(`{"role":"user","content":"q"}`))
	f.Add([]byte(`{"input":"hi"}`), []byte(`]`))
	f.Add([]byte(agentBody()), []byte(``))
	f.Add([]byte(`{"input":[{"type":"additional_tools","tools":[{"type":"namespace","name":"","tools":[{"type":"custom","name":""}]}]}],"tool_choice":{"type":"allowed_tools","tools":[{"type":"namespace"}],"mode":"auto"}}`), []byte(`{},{}`))
	f.Fuzz(func(t *testing.T, body, past []byte) {
		got, err := asked(string(body), string(past), translate.Options{})
		if err != nil {
			checkRequest(t, nil, err)
			return
		}
		checkRequest(t, got.Body, nil)
	})
}
