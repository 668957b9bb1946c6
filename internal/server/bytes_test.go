package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/mock"
)

// corpus are bodies of messages, in the shapes in which clients send them. %s is
// the model.
func corpus() map[string]string {
	tools := make([]string, 40)
	for i := range tools {
		tools[i] = fmt.Sprintf(`{"name":"tool_%d","description":"%s","input_schema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object",`+
			`"properties":{"path":{"type":"string"}},"additionalProperties":false}}`, i, strings.Repeat("Reads a file. ", 60))
	}
	return map[string]string{
		"plain":       `{"model":%q,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
		"odd spacing": "\r\n\t{ \"max_tokens\" :9\n,\t\"messages\":[ {\"content\" : \"hi\"  ,\"role\":\"user\" } ] , \"model\" : %q\n}\n ",
		"escapes and numbers": `{"model":%q,"max_tokens":9,"messages":[{"role":"user","content":"\u0068\u00e9\ud83d\ude00\/ é 😀 \u2028"}],` +
			`"temperature":0.10000000000000000555,"x":1e2,"y":-0.0,"big":123456789012345678901234567890}`,
		"unknown fields":     `{"next_week":{"b":2,"a":[1,{"b":2}],"null":null},"model":%q,"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi","later":true}],"x":1}],"z":[]}`,
		"a model in a value": `{"metadata":{"user_id":"\"model\":\"x\""},"model":%q,"max_tokens":9,"messages":[{"role":"user","content":"{\"model\":1}"}]}`,
		"an agent's": `{"model":%q,"messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>\nBe brief.\n</system-reminder>"},` +
			`{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},` +
			`{"type":"tool_use","id":"toolu_1","name":"tool_1","input":{"path":"a\\b"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"x"}]}],` +
			`"system":[{"type":"text","text":"You are an agent.","cache_control":{"type":"ephemeral","ttl":"1h"}}],"tools":[` + strings.Join(tools, ",") + `],` +
			`"metadata":{"user_id":"user_1"},"max_tokens":32000,"thinking":{"type":"adaptive"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},` +
			`"output_config":{"effort":"medium"}}`,
		"a long prompt": `{"model":%q,"max_tokens":9,"messages":[{"role":"user","content":"` + strings.Repeat(`word é \n`, 1<<17) + `"}]}`,
	}
}

// TestMessagesPassByteForByte: what the provider gets is what the client sent but
// for the model's name, and what the client gets is what the provider sent.
func TestMessagesPassByteForByte(t *testing.T) {
	s := start(t, "apps: [{name: crm, keys: [crm-key-0123456789abcdef0], rate_limit_per_minute: 0}]\nlimits: {burst: {requests_per_second: 0}}")
	alone := mock.New(mock.Options{}) // asked directly, as often as the other
	direct := httptest.NewServer(alone)
	defer direct.Close()
	for name, body := range corpus() {
		for _, stream := range []string{"", `"stream":true,`} {
			body := strings.Replace(body, "{", "{"+stream, 1)
			want := exchange(t, direct.URL+"/v1/messages", fmt.Sprintf(body, "mock"))
			got := exchange(t, s.url+"/v1/messages?beta=true", fmt.Sprintf(body, "claude/mock"))
			if !bytes.Equal(got, want) {
				t.Errorf("%s %s: got %.300s, want %.300s", name, stream, got, want)
			}
			if sent, want := string(s.mock.Stats().Last.Body), fmt.Sprintf(body, "mock"); sent != want {
				t.Errorf("%s %s: the provider got %.300q, want %.300q", name, stream, sent, want)
			}
			if query := s.mock.Stats().Last.Query; query != "beta=true" {
				t.Errorf("%s: the provider got the query %q", name, query)
			}
		}
	}
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
	r.Header.Set("X-Api-Key", "crm-key-0123456789abcdef0")
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
