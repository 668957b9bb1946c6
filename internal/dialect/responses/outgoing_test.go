package responses

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
)

func self() fairlead.Maker { return fairlead.Maker{Provider: "openai", Key: "0123456789abcdef"} }

// request is the request of a body for the model "up", with what came before.
func request(t *testing.T, body string, past fairlead.Past) *fairlead.Request {
	t.Helper()
	asked, err := envelope.Responses([]byte(body))
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	req := &fairlead.Request{Dialect: fairlead.OpenAIResponses, Body: []byte(body), Envelope: asked.Envelope, Past: past}
	req.Envelope.Model = "up"
	return req
}

// coding is a body as a coding agent sends it: some 39 KB of instructions, tools in
// a namespace, and members of the client's own.
func coding() string {
	prose := strings.Repeat(`You are a coding agent.\n- Use \"apply_patch\" \u2014 never \\u escapes.\t`, 400)
	function := `{"type":"function","name":"exec_%d","description":"Runs a command","strict":false,"parameters":{"type":"object","properties":{"cmd":{"type":"array","items":{"type":"string"}},"timeout_ms":{"type":"number"}},"required":["cmd"],"additionalProperties":false}}`
	var tools []string
	for i := range 20 {
		tools = append(tools, fmt.Sprintf(function, i))
	}
	return `{"model":"alias" , "instructions":"` + prose + `","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"<permissions>"}]},` +
		`{"type":"message","role":"user","content":[{"type":"input_text","text":"List the files\u0021"}]}],` + "\n\t" +
		`"tools":[{"type":"namespace","name":"shell","description":"Commands","tools":[` + strings.Join(tools, ", ") + `]},{"type":"custom","name":"apply_patch","format":{"type":"grammar","syntax":"lark"}},{"type":"web_search","external_web_access":false}],` +
		`"tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"medium","summary":"auto"},"store":false,"stream":true,"include":["reasoning.encrypted_content"],` +
		`"prompt_cache_key":"0199","text":{"verbosity":"low"},"client_metadata":{"x-installation-id":"9f","turn":1.50,"big":12345678901234567890}}`
}

func TestOnlyTheModelIsSpliced(t *testing.T) {
	if n := len(coding()); n < 35_000 || n > 45_000 {
		t.Fatalf("the body has %d bytes", n)
	}
	for _, test := range []struct{ name, body, want string }{
		{"coding agent", coding(), strings.Replace(coding(), `"alias"`, `"up"`, 1)},
		{"odd spacing", " {\r\n\t\"input\" :\"hi\" ,\"model\":\t\"alias\",\"x\" : [ 1 , 2.50 ] }\n", " {\r\n\t\"input\" :\"hi\" ,\"model\":\t\"up\",\"x\" : [ 1 , 2.50 ] }\n"},
		{"no model", `{"input":"hi" }`, `{"input":"hi" ,"model":"up"}`},
		{"nothing", `{}`, `{"model":"up"}`},
		{"the same model", `{"model":"up","input":"hi","stream":true}`, `{"model":"up","input":"hi","stream":true}`},
		{"not in the background", `{"model":"up","background":false,"input":"hi"}`, `{"model":"up","background":false,"input":"hi"}`},
		{"a previous response", `{"model":"alias","previous_response_id":"resp_1","input":"hi"}`, `{"model":"up","previous_response_id":"resp_1","input":"hi"}`},
		{"stream options", `{"model":"alias","stream":true,"stream_options":{"include_obfuscation":false}}`, `{"model":"up","stream":true,"stream_options":{"include_obfuscation":false}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, past := range []fairlead.Past{{}, {Maker: self()}, {Maker: self(), Items: []byte(`{"type":"message"}`)}} {
				out, err := ForUpstream(request(t, test.body, past), self())
				if string(out.Body) != test.want || err != nil || out.UsageInjected {
					t.Errorf("got  %s, %v\nwant %s", out.Body, err, test.want)
				}
			}
		})
	}
}

func TestWhatIsTakenAlong(t *testing.T) {
	const items = `{"type":"message","role":"user","content":"a"}, {"type":"message","role":"assistant","content":"b"}`
	const user = `{"type":"message","role":"user","content":`
	elsewhere := fairlead.Past{Items: []byte(items), Maker: fairlead.Maker{Provider: "openai", Key: "another"}}
	here := fairlead.Past{Items: []byte(items)}
	for _, test := range []struct {
		name, body string
		past       fairlead.Past
		want       string
	}{
		{"text", `{"model":"m","previous_response_id":"resp_1","input":"c\u0064"}`, here, `{"model":"up","input":[` + items + `,` + user + `"c\u0064"}]}`},
		{"made by another key", `{"model":"m","previous_response_id":"resp_1","input":"c"}`, elsewhere, `{"model":"up","input":[` + items + `,` + user + `"c"}]}`},
		{"items", `{"input" : [ {"x":1} ],"previous_response_id" : "resp_1" , "model":"m"}`, here, `{"input" : [` + items + `, {"x":1} ], "model":"up"}`},
		{"no items", `{"previous_response_id":"resp_1","input":[ ],"model":"m"}`, here, `{"input":[` + items + ` ],"model":"up"}`},
		{"null", `{"input":null,"model":"m","previous_response_id":"resp_1"}`, here, `{"input":[` + items + `],"model":"up"}`},
		{"none", `{"model":"m","previous_response_id":"resp_1" }`, here, `{"model":"up" ,"input":[` + items + `]}`},
		{"none and no model", `{"previous_response_id":"resp_1"}`, here, `{"input":[` + items + `],"model":"up"}`},
		{"a name in other letters", `{"model":"m","previous\u005fresponse_id":"a\"b","input":"c"}`, here, `{"model":"up","input":[` + items + `,` + user + `"c"}]}`},
		{"background alone", `{"background": true,"model":"m","input":"c"}`, fairlead.Past{}, `{"model":"up","input":"c"}`},
		{"background at the end", `{"model":"m","input":"c" , "background":true}`, fairlead.Past{}, `{"model":"up","input":"c" }`},
		{"background and no more", `{ "background" : true }`, fairlead.Past{}, `{  "model":"up"}`},
		{"both", `{"background":true,"previous_response_id":"resp_1","input":"c"}`, here, `{"input":[` + items + `,` + user + `"c"}],"model":"up"}`},
		{"both beside each other at the end", `{"input":[],"previous_response_id":"resp_1","background":true}`, here, `{"input":[` + items + `],"model":"up"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := request(t, test.body, test.past)
			out, err := ForUpstream(req, self())
			if err != nil || strings.ReplaceAll(string(out.Body), "  ", " ") != strings.ReplaceAll(test.want, "  ", " ") {
				t.Errorf("got  %s, %v\nwant %s", out.Body, err, test.want)
			}
			if string(req.Body) != test.body {
				t.Errorf("the caller's body became %s", req.Body)
			}
		})
	}
}

// TestKept: the provider keeps what it is not told not to.
func TestKept(t *testing.T) {
	for body, want := range map[string]bool{
		`{"input":"a"}`: true, `{"input":"a","store":null}`: true, `{"store":true}`: true,
		`{"store":false,"input":"a"}`: false, `{"st\u006fre":false}`: false, `{"metadata":{"store":false}}`: true,
		`{"store":false,"background":true}`: false,
	} {
		out, err := ForUpstream(request(t, body, fairlead.Past{}), self())
		if out.Kept != want || err != nil {
			t.Errorf("%s: got %v, %v", body, out.Kept, err)
		}
	}
}

func TestABodyThatIsNone(t *testing.T) {
	_, err := ForUpstream(&fairlead.Request{Body: []byte(`{"input":1}`)}, self())
	if !fairlead.IsKind(err, fairlead.Invalid) {
		t.Errorf("got %v", err)
	}
}

func FuzzForUpstream(f *testing.F) {
	f.Add([]byte(`{"input":"a","previous_response_id":"b","background":true,"model":"c"}`))
	f.Add([]byte(` { "background":true , "x":[], "previous_response_id":null,"input":[ 1 ]}`))
	f.Add([]byte(`{"previous\u005fresponse_id":"a","input":null,"background" :true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		asked, err := envelope.Responses(body)
		if err != nil {
			return
		}
		for _, items := range []string{"", `{"a":1}`, `{"a":1} , {"b":2}`} {
			req := &fairlead.Request{Dialect: fairlead.OpenAIResponses, Body: body, Envelope: asked.Envelope, Past: fairlead.Past{Items: []byte(items)}}
			req.Envelope.Model = "up"
			out, err := ForUpstream(req, self())
			if err != nil {
				t.Fatalf("%q: %v", body, err)
			}
			checkOutgoing(t, body, out.Body, items)
		}
	})
}

// checkOutgoing holds the body that is sent to the one that came.
func checkOutgoing(t *testing.T, body, sent []byte, items string) {
	t.Helper()
	var before, after map[string]json.RawMessage
	if err := json.Unmarshal(body, &before); err != nil {
		t.Fatalf("%q was accepted: %v", body, err)
	}
	if err := json.Unmarshal(sent, &after); err != nil {
		t.Fatalf("%q became %q: %v", body, sent, err)
	}
	if string(after["model"]) != `"up"` || string(after["background"]) == "true" {
		t.Fatalf("%q became %q", body, sent)
	}
	if items != "" {
		var want, got []json.RawMessage
		_ = json.Unmarshal([]byte("["+items+"]"), &want)
		var own []json.RawMessage
		if json.Unmarshal(before["input"], &own) == nil {
			want = append(want, own...)
		} else if len(before["input"]) > 0 {
			want = append(want, []byte(`{"type":"message","role":"user","content":`+string(before["input"])+`}`))
		}
		if err := json.Unmarshal(after["input"], &got); err != nil || fmt.Sprintf("%s", got) != fmt.Sprintf("%s", want) {
			t.Fatalf("%q became %q: got %s, want %s", body, sent, got, want)
		}
		if _, ok := after["previous_response_id"]; ok {
			t.Fatalf("%q became %q", body, sent)
		}
		delete(before, "previous_response_id")
		delete(before, "input")
		delete(after, "input")
	}
	for _, own := range []string{"model", "background"} {
		delete(before, own)
		delete(after, own)
	}
	names := func(m map[string]json.RawMessage) (all []string) {
		for name, value := range m {
			all = append(all, fmt.Sprintf("%q:%s", name, value))
		}
		slices.Sort(all)
		return all
	}
	if !slices.Equal(names(before), names(after)) {
		t.Fatalf("%q became %q", body, sent)
	}
}

func BenchmarkForUpstream(b *testing.B) {
	body := []byte(coding())
	asked, err := envelope.Responses(body)
	if err != nil {
		b.Fatal(err)
	}
	req := &fairlead.Request{Dialect: fairlead.OpenAIResponses, Body: body, Envelope: asked.Envelope}
	req.Envelope.Model = "up"
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ForUpstream(req, self()); err != nil {
			b.Fatal(err)
		}
	}
}
