package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/mock"
)

// odd are forms of JSON that a body may have wherever it has a value, and that a
// reader who writes what he has read would not give back.
var odd = `"odd":{"numbers":[1E+2,1e2,-0,-0.0,0e0,0.10000000000000000555,123456789012345678901234567890,1E-400,9007199254740993],` +
	`"text":["\u0068\u00e9\ud83d\ude00\/ é 😀 \u2028","\ud800","\udc00\ud800","\u0000\u007f\b\f","` + "\u2028\u2029\ufeff\u007f" + `","é"],` +
	`"":"","\u006dodel":"x","deep":` + deep + `,"same":{"a":1,"a":2},` + "\"space\"\t:\r\n\t [ \n{ \r} , [ ] ,\t\"\" ]\n}"

// deep is near the deepest that a body may nest.
var deep = strings.Repeat(`[{"a":`, 200) + `0` + strings.Repeat(`}]`, 200)

// shapes are bodies that both APIs take, in the shapes in which clients send them.
// %s is the model, as JSON.
func shapes() map[string]string {
	return map[string]string{
		"plain":              `{"model":%s,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
		"odd spacing":        "\r\n\t{ \"max_tokens\" :9\n,\t\"messages\":[ {\"content\" : \"hi\"  ,\"role\":\"user\" } ] , \"model\" : %s\n}\n ",
		"odd forms":          `{` + odd + `,"model":%s,"max_tokens":9,"messages":[{"role":"user","content":"hi",` + odd + `}]}`,
		"model in the end":   `{"max_tokens":9,"messages":[{"role":"user","content":"\u0022model\u0022:\"x\""}],` + odd + `,"model":%s}`,
		"unknown fields":     `{"next_week":{"b":2,"a":[1,{"b":2}],"null":null},"model":%s,"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi","later":true}],"x":1}],"z":[]}`,
		"a model in a value": `{"metadata":{"user_id":"\"model\":\"x\"","model":"y"},"model":%s,"max_tokens":9,"messages":[{"role":"user","content":"{\"model\":1}","model":"z"}]}`,
		"a long prompt":      `{"model":%s,"max_tokens":9,"messages":[{"role":"user","content":"` + strings.Repeat(`word é \n`, 1<<17) + `"}]}`,
		"many messages":      `{"model":%s,"max_tokens":9,"messages":[` + strings.Repeat(`{"role":"user","content":"\u00e9?"},{"role":"assistant","content":"é!"},`, 5000) + `{"role":"user","content":"."}]}`,
	}
}

// messageShapes are bodies in the shape of coding agents that speak Anthropic's API.
func messageShapes() map[string]string {
	all := shapes()
	var tools []string
	for i := range 40 {
		tools = append(tools, fmt.Sprintf(`{"name":"tool_%d","description":"%s","input_schema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object",`+
			`"properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}}`, i, strings.Repeat(`Reads a file. Don\u2019t\n\n- “quote” `, 40)))
	}
	tools = append(tools, `{"type":"bash_20250124","name":"bash"}`, `{"type":"web_search_20250305","name":"web_search","max_uses":8,"allowed_domains":[]}`,
		`{"name":"last","description":"","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}`)
	turn := `{"role":"assistant","content":[{"type":"thinking","thinking":"Hm\u2026 <é>","signature":"c2ln+/=="},{"type":"redacted_thinking","data":"cmVk"},` +
		`{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_01%%d","name":"tool_1","input":{"path":"a\\b\/c","n":1E+2,"":null}}]},` +
		`{"role":"user","content":[{"tool_use_id":"toolu_01%%d","type":"tool_result","content":[{"type":"text","text":"     1\u2192package x\n     2\u2192\n"}],"is_error":false},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},` +
		`{"type":"text","text":"<system-reminder>\nBe brief.\n</system-reminder>","cache_control":{"type":"ephemeral"}}]},`
	all["an agent's"] = `{"model":%s,"messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>\nBe brief.\n</system-reminder>"},` +
		`{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},` + strings.ReplaceAll(strings.Repeat(turn, 20), "%%d", "x") + `{"role":"user","content":"go on"}],` +
		`"system":[{"type":"text","text":"x-billing-header: v=1; entry=cli;"},{"type":"text","text":"You are an agent.","cache_control":{"type":"ephemeral","ttl":"1h"}},` +
		`{"type":"text","text":"` + strings.Repeat(`\nDo as you’re told. `, 500) + `","cache_control":{"type":"ephemeral","ttl":"1h","scope":"global"}}],` +
		`"tools":[` + strings.Join(tools, ",") + `],"metadata":{"user_id":"{\"device_id\":\"0\",\"session_id\":\"1\"}"},"max_tokens":32000,` +
		`"thinking":{"type":"adaptive","display":"omitted"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},` +
		`"output_config":{"effort":"medium"},"temperature":1,` + odd + `}`
	return all
}

// chatShapes are bodies in the shape of coding agents that speak chat completions.
func chatShapes() map[string]string {
	all := shapes()
	tools := make([]string, 30)
	for i := range tools {
		tools[i] = fmt.Sprintf(`{"type":"function","function":{"name":"tool_%d","description":"%s","strict":false,"parameters":{"type":"object",`+
			`"properties":{"command":{"type":"array","items":{"type":"string"}},"timeout_ms":{"type":"number"}},"required":["command"],"additionalProperties":false}}}`,
			i, strings.Repeat(`Runs a command in a shell; “quoted” \u003ctag\u003e. `, 20))
	}
	all["an agent's"] = `{"model":%s,"messages":[{"role":"developer","content":[{"type":"text","text":"` + strings.Repeat(`You are an agent.\n`, 1000) + `"}]},` +
		`{"role":"system","content":"` + strings.Repeat(`word \u00e9 `, 100_000) + `"},{"role":"user","content":[{"type":"text","text":"<environment_context>\n  <cwd>\/w<\/cwd>\n</environment_context>"},` +
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"high"}}]},` +
		`{"role":"assistant","content":null,"reasoning_content":"Hm.","tool_calls":[{"id":"call_1","type":"function","function":{"name":"tool_1","arguments":"{\"command\":[\"ls\",\"-l\"]}"}}]},` +
		`{"role":"tool","tool_call_id":"call_1","content":"{\"output\":\"a\\nb\",\"metadata\":{\"exit_code\":0,\"duration_seconds\":0.0}}"}],` +
		`"tools":[` + strings.Join(tools, ",") + `],"tool_choice":"auto","parallel_tool_calls":false,"reasoning_effort":"medium","verbosity":"low","store":false,` +
		`"service_tier":"auto","metadata":{"session":"0","model":"no"},"prompt_cache_key":"0198","client_metadata":{"x":{"y":[]}},"user":"u","seed":7,"n":1,"stop":null,` + odd + `}`
	return all
}

// asks for a stream, beside what else a body says.
const asksStream, asksUsage = `"stream":true,`, `"stream" : true,"stream_options":{"include_usage":true , "later":1},`

// TestMessagesPassByteForByte: what the provider gets is what the client sent but
// for the model's name, and what the client gets is what the provider sent.
func TestMessagesPassByteForByte(t *testing.T) {
	s := startUnlimited(t)
	alone := mock.New(mock.Options{}) // asked directly, as often as the other
	direct := httptest.NewServer(alone)
	defer direct.Close()
	for name, body := range messageShapes() {
		for _, stream := range []string{"", asksStream} {
			body := strings.Replace(body, "{", "{"+stream, 1)
			want := exchange(t, direct.URL+"/v1/messages", named(body, `"mock"`))
			got := exchange(t, s.url+"/v1/messages?beta=true", named(body, `"claude/mock"`))
			if !bytes.Equal(got, want) {
				t.Errorf("%s %s: got %.300s, want %.300s", name, stream, got, want)
			}
			s.wantSent(t, name+" "+stream, named(body, `"mock"`))
			last := s.mock.Stats().Last
			if betas := last.Header.Values("Anthropic-Beta"); last.Query != "beta=true" || !slices.Equal(betas, agentBetas()) || last.Header.Get("Anthropic-Version") != "2023-06-01" {
				t.Errorf("%s: the provider got the query %q and the headers %v", name, last.Query, last.Header)
			}
		}
	}
	for name, body := range messageShapes() {
		_ = exchange(t, s.url+"/v1/messages/count_tokens?beta=true", named(body, `"claude\/\u006dock"`))
		s.wantSent(t, name+", to be counted", named(body, `"mock"`))
	}
}

// TestChatPassesByteForByte: the same, and a stream asks for usage; in the native
// face too.
func TestChatPassesByteForByte(t *testing.T) {
	s := startUnlimited(t)
	for name, body := range chatShapes() {
		ask := func(path, before, model string) {
			_ = exchange(t, s.url+path, named(strings.Replace(body, "{", "{"+before, 1), model))
		}
		for _, path := range []string{"/v1/chat/completions?x=1", "/chat/completion"} {
			ask(path, "", `"up/mock"`)
			s.wantSent(t, name, named(body, `"mock"`))
			if len(body) > 1<<20 && path == "/chat/completion" {
				continue // once is enough of those that take their time
			}
			ask(path, "", `"mock"`) // nothing to splice
			s.wantSent(t, name+", by its plain name", named(body, `"mock"`))
			ask(path, asksUsage, `"\u0075p\/mock"`)
			s.wantSent(t, name+", streamed with usage", named(strings.Replace(body, "{", "{"+asksUsage, 1), `"mock"`))
			ask(path, asksStream, `"up/mock"`)
			sent := named(strings.Replace(body, "{", "{"+asksStream, 1), `"mock"`)
			end := strings.LastIndex(sent, "}")
			s.wantSent(t, name+", streamed", sent[:end]+`,"stream_options":{"include_usage":true}`+sent[end:])
			ask(path, `"stream":true,"stream_options" : { "later":[] } ,`, `"up/mock"`)
			s.wantSent(t, name+", with other options", named(strings.Replace(body, "{", `{"stream":true,"stream_options" : { "later":[] ,"include_usage":true} ,`, 1), `"mock"`))
		}
		ask("/chat/completion", ` "document_ids" : [ ] , "resumable":false,`, `"up/mock"`)
		s.wantSent(t, name+", with what is Fairlead's own", named(body, `"mock"`))
	}
	const embed = "{ \"input\" : [\"\\u00e9\\/\",\"é\"]\t,\"model\":%s, " + `"dimensions":8,` + "\"user\":\"\\ud83d\\ude00\"}\n"
	_ = exchange(t, s.url+"/v1/embeddings", named(embed, `"up/mock"`))
	s.wantSent(t, "embeddings", named(embed, `"mock"`))
}

// TestBodiesThatAreNotJSONAreRefused: what readers of JSON understand differently
// reaches no provider.
func TestBodiesThatAreNotJSONAreRefused(t *testing.T) {
	s := startUnlimited(t)
	const messages = `"max_tokens":9,"messages":[{"role":"user","content":"hi"}]`
	for name, body := range map[string]string{
		"a byte order mark": "\ufeff{\"model\":\"mock\"," + messages + "}", "a second value": `{"model":"mock",` + messages + `}{}`,
		"a NUL after it": `{"model":"mock",` + messages + "}\x00", "a control character": "{\"model\":\"mock\",\"x\":\"\n\"," + messages + "}",
		"not UTF-8": "{\"model\":\"mock\",\"x\":\"\xff\"," + messages + "}", "a surrogate in UTF-8": "{\"model\":\"mock\",\"x\":\"\xed\xa0\x80\"," + messages + "}",
		"two models": `{"model":"mock","\u006dodel":"x",` + messages + `}`, "a comma too many": `{"model":"mock",` + messages + `,}`,
		"a comment": `{"model":"mock",/* */` + messages + `}`, "NaN": `{"model":"mock","x":NaN,` + messages + `}`, "+1": `{"model":"mock","x":+1,` + messages + `}`,
		"01": `{"model":"mock","x":01,` + messages + `}`, "half": `{"model":"mock",` + messages, "a list": `[{"model":"mock",` + messages + `}]`,
		"quotes": `{'model':'mock',` + messages + `}`, "too deep": `{"model":"mock","x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "," + messages + `}`,
		"another space": "{\u00a0\"model\":\"mock\"," + messages + "}", "an escape": `{"model":"mock","x":"\x41",` + messages + `}`,
	} {
		for _, path := range []string{"/chat/completion", "/v1/chat/completions", "/v1/messages"} {
			answer, err := s.post(t.Context(), path, agentKey, body)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %s: %d, want 400", path, name, answer.StatusCode)
			}
		}
	}
	if n := s.mock.Stats().Total; n != 0 {
		t.Errorf("the provider got %d of them", n)
	}
}

const agentKey = "crm-key-0123456789abcdef0"

// startUnlimited runs a service whose only app may do as much as it likes.
func startUnlimited(t *testing.T) *service {
	t.Helper()
	return start(t, "apps: [{name: crm, keys: ["+agentKey+"], rate_limit_per_minute: 0}]\nlimits: {burst: {requests_per_second: 0}}")
}

// agentBetas are flags as a coding agent sends them, in two headers.
func agentBetas() []string {
	return []string{
		"agent-20250219,oauth-2025-04-20,interleaved-thinking-2025-05-14,context-management-2025-06-27, prompt-caching-scope-2026-01-05",
		"effort-2025-11-24",
	}
}

// named is the body with this model, a JSON string, in the place of its %s.
func named(body, model string) string { return strings.Replace(body, "%s", model, 1) }

// wantSent checks the newest body that the provider got.
func (s *service) wantSent(t *testing.T, name, want string) {
	t.Helper()
	got := string(s.mock.Stats().Last.Body)
	if got == want {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	from := max(0, at-60)
	t.Errorf("%s: the provider got %d bytes, want %d; from byte %d on %.120q, want %.120q", name, len(got), len(want), from, got[from:], want[from:])
}

// exchange posts a body and returns that of the answer, which must be a 200.
func exchange(t *testing.T, url, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	r.Header.Set("X-Api-Key", agentKey)
	r.Header["Anthropic-Beta"] = agentBetas()
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %.300s, %v", url, answer.StatusCode, got, err)
	}
	return got
}
