package bridge_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/mock"
	"github.com/fairleadhq/fairlead/internal/provider/anthropic"
	"github.com/fairleadhq/fairlead/internal/provider/openai"
	"github.com/fairleadhq/fairlead/internal/provider/providertest"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/bridge"
)

const resp = fairlead.OpenAIResponses

// chained is a bridge from the Responses API with the provider behind it.
type chained struct {
	*bridge.Responses
	provider *remote.Provider
}

func (b chained) Close() { b.provider.Close() }

func chain(model fairlead.Model, speaks fairlead.Dialect) *bridge.Responses {
	return bridge.NewResponses(bridge.New(model, speaks, bridge.Options{}), bridge.Options{})
}

// TestResponsesContract: what every provider owes, it owes to clients of the
// Responses API too, be it over one step or two.
func TestResponsesContract(t *testing.T) {
	for speaks, open := range map[fairlead.Dialect]func(remote.Config) (*remote.Provider, error){chat: openai.New, messages: anthropic.New} {
		t.Run(string(speaks), func(t *testing.T) {
			providertest.RunBetween(t, resp, speaks, func(t *testing.T, upstream providertest.Upstream) fairlead.Model {
				t.Helper()
				p, err := open(remote.Config{Name: "acme", BaseURL: upstream.URL, APIKey: providertest.Key})
				if err != nil {
					t.Fatal(err)
				}
				return chained{chain(p, speaks), p}
			})
		})
	}
}

// responsesRequest is a request as its face would make it.
func responsesRequest(t *testing.T, body string) *fairlead.Request {
	t.Helper()
	read, err := envelope.Responses([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return &fairlead.Request{Dialect: resp, Body: []byte(body), Envelope: read.Envelope, AnswerID: "resp_7"}
}

// finalOf is the last response that an answer tells, whole or as a stream.
func finalOf(t *testing.T, got *told) map[string]any {
	t.Helper()
	text := got.text
	if got.heads[0].Stream {
		for frame := range sse.Frames([]byte(got.text)) {
			text = string(sse.Data(frame, nil))
		}
		var event struct{ Response json.RawMessage }
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		text = string(event.Response)
	}
	var whole map[string]any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return whole
}

// TestResponsesOfMock asks the mock, in both of its languages, for whole answers
// and streams.
func TestResponsesOfMock(t *testing.T) {
	server := httptest.NewServer(mock.New(mock.Options{}))
	defer server.Close()
	for speaks, open := range map[fairlead.Dialect]func(remote.Config) (*remote.Provider, error){chat: openai.New, messages: anthropic.New} {
		p, err := open(remote.Config{Name: "mock", BaseURL: server.URL + "/v1"})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for _, stream := range []string{"false", "true"} {
			got := ask(t, chain(p, speaks), fairlead.Chat, responsesRequest(t, `{"model":"m","input":"hello there","stream":`+stream+`,"metadata":{"a":"b"}}`))
			if got.err != nil {
				t.Fatalf("%s %s: %v", speaks, stream, got.err)
			}
			whole := finalOf(t, got)
			output, _ := whole["output"].([]any)
			if whole["id"] != "resp_7" || whole["status"] != "completed" || whole["usage"] == nil || len(output) != 1 {
				t.Errorf("%s %s: got %v", speaks, stream, whole)
			}
			if got.heads[0].Keeper != (fairlead.Maker{}) || len(got.ends) != 1 || got.ends[0].Usage.Output == 0 {
				t.Errorf("%s %s: got the head %+v and the ends %+v", speaks, stream, got.heads[0], got.ends)
			}
		}
	}
}

func TestResponsesRequest(t *testing.T) {
	model := &fake{events: whole(chatAnswer)}
	req := responsesRequest(t, `{"model":"alias","max_output_tokens":9,"prompt_cache_key":"k","previous_response_id":"resp_6","input":"and now"}`)
	req.Envelope.Model = "real"
	req.Past.Items = []byte(`{"role":"user","content":"hi"}`)
	got := ask(t, bridge.NewResponses(model, bridge.Options{MaxTokensName: "max_tokens"}), fairlead.Chat, req)
	if got.err != nil || len(got.heads) != 1 || len(got.ends) != 1 {
		t.Fatalf("got %+v", got)
	}
	if h := got.heads[0].Header; h[bridge.DroppedHeader] != "prompt_cache_key" || h["X-Upstream-Request-Id"] != "r" {
		t.Errorf("got the header %v", h)
	}
	if want := `{"model":"real","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"user","content":"and now"}]}`; string(model.got.Body) != want || model.got.Dialect != chat {
		t.Errorf("got %s in %s, want %s", model.got.Body, model.got.Dialect, want)
	}
	told := finalOf(t, got)
	if told["previous_response_id"] != "resp_6" || told["created_at"] != 1753019000.0 {
		t.Errorf("got %v", told)
	}
	req.AnswerID = ""
	call := &fairlead.Call{ID: "req_3_99", Operation: fairlead.Chat}
	text := ""
	if err := bridge.NewResponses(&fake{events: whole(chatAnswer)}, bridge.Options{}).Answer(t.Context(), call, req, func(e fairlead.Event) error {
		text += string(e.Data)
		return nil
	}); err != nil || !strings.HasPrefix(text, `{"id":"resp_3_99",`) {
		t.Errorf("got %s, %v", text, err)
	}
}

// TestResponsesOverTwoSteps: what the second step drops is told in the words of the
// client, and what it refuses is refused.
func TestResponsesOverTwoSteps(t *testing.T) {
	model := &fake{events: whole(messagesAnswer)}
	got := ask(t, chain(model, messages), fairlead.Chat, responsesRequest(t, `{"model":"m","input":"hi","truncation":"auto","text":{"verbosity":"low"}}`))
	if got.err != nil || got.heads[0].Header[bridge.DroppedHeader] != "truncation, text.verbosity" || model.got.Dialect != messages {
		t.Errorf("got %+v", got)
	}
	var passed *fairlead.Request
	b, req := chain(&fake{}, messages), responsesRequest(t, `{"model":"m","input":"hi","top_logprobs":2}`)
	err := b.Prepare(&fairlead.Call{Operation: fairlead.Chat}, req)
	if e := fairlead.AsError(err); e == nil || e.Code != "untranslatable_field" || req.Prepared != nil {
		t.Errorf("got %v", err)
	}
	// Other dialects pass to the model's own bridge.
	model = &fake{events: whole(messagesAnswer)}
	passed = request(t, messages, `{"messages":[{"role":"user","content":"hi"}]}`)
	if err := chain(model, messages).Prepare(&fairlead.Call{Operation: fairlead.Chat}, passed); err != nil {
		t.Error(err)
	}
	if got := ask(t, chain(model, messages), fairlead.Chat, passed); got.err != nil || model.got != passed {
		t.Errorf("got %+v", got)
	}
	if err := bridge.NewResponses(&fake{}, bridge.Options{}).Prepare(&fairlead.Call{}, passed); err != nil {
		t.Error(err)
	}
}

// TestResponsesPrepared: what has been prepared is what is asked.
func TestResponsesPrepared(t *testing.T) {
	for body, kept := range map[string]bool{
		`{"model":"m","input":"hi"}`:                                    true,
		`{"model":"m","input":"` + strings.Repeat("long ", 5000) + `"}`: false,
	} {
		model := &fake{events: whole(chatAnswer)}
		b, req := chain(model, chat), responsesRequest(t, body)
		if err := b.Prepare(&fairlead.Call{Operation: fairlead.Chat}, req); err != nil || (req.Prepared != nil) != kept {
			t.Errorf("got %v, kept %v, want %v", err, req.Prepared != nil, kept)
		}
		prepared := ask(t, b, fairlead.Chat, req)
		plain := ask(t, b, fairlead.Chat, responsesRequest(t, body))
		if prepared.err != nil || prepared.text != plain.text {
			t.Errorf("got %q, %v, want as without: %q", prepared.text, prepared.err, plain.text)
		}
	}
}

// TestResponsesStreamsNeedRoom: what a stream repeats at its end is held in the
// call's Memory until then.
func TestResponsesStreamsNeedRoom(t *testing.T) {
	for _, c := range []struct {
		left int64
		code string
	}{{1 << 20, ""}, {100, "memory_pressure"}} {
		memory := &room{left: c.left, least: c.left}
		err := bridge.NewResponses(&fake{events: streamOf(frames(chat), &fairlead.End{})}, bridge.Options{}).Answer(t.Context(),
			&fairlead.Call{Operation: fairlead.Chat, Memory: memory}, responsesRequest(t, `{"input":"hi","stream":true}`),
			func(fairlead.Event) error { return nil })
		if e := fairlead.AsError(err); (e == nil) != (c.code == "") || e != nil && e.Code != c.code {
			t.Errorf("with room for %d: got %v, want %q", c.left, err, c.code)
		}
		if memory.left != c.left || c.code == "" && memory.least == c.left {
			t.Errorf("with room for %d: %d are left, %d at the least", c.left, memory.left, memory.least)
		}
	}
}

// TestResponsesStreamsCutAnywhere: no part of a stream is taken for the whole.
func TestResponsesStreamsCutAnywhere(t *testing.T) {
	for _, speaks := range []fairlead.Dialect{chat, messages} {
		all := frames(speaks)
		cut := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_truncated", Status: 200}
		for n := range all {
			for _, end := range []*fairlead.End{nil, {}} {
				model := &fake{events: streamOf(all[:n], end)}
				if end == nil {
					model.err = cut
				}
				got := ask(t, chain(model, speaks), fairlead.Chat, responsesRequest(t, `{"input":"hi","stream":true}`))
				e := fairlead.AsError(got.err)
				if e == nil || e.Code != "upstream_truncated" || len(got.ends) > 0 || strings.Contains(got.text, "response.completed") {
					t.Errorf("%s cut at %d: got %+v", speaks, n, got)
				}
			}
		}
		got := ask(t, chain(&fake{events: streamOf(all, &fairlead.End{})}, speaks), fairlead.Chat, responsesRequest(t, `{"input":"hi","stream":true}`))
		var kinds []string
		for frame := range sse.Frames([]byte(got.text)) {
			kinds = append(kinds, sse.Event(frame))
		}
		want := []string{
			"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
			"response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("%s: got %q, want %q", speaks, kinds, want)
		}
	}
}

func TestResponsesErrors(t *testing.T) {
	failed := &fairlead.Error{Kind: fairlead.Busy, Code: "provider_rate_limited", RetryAfter: time.Second}
	if got := ask(t, chain(&fake{err: failed}, chat), fairlead.Chat, responsesRequest(t, `{"input":"hi"}`)); !errors.Is(got.err, failed) {
		t.Errorf("got %v, want the model's own error", got.err)
	}
	model := &fake{}
	got := ask(t, chain(model, chat), fairlead.Chat, responsesRequest(t, `{"input":"hi","prompt":{"id":"p"}}`))
	if e := fairlead.AsError(got.err); e == nil || e.Param != "prompt" || model.calls > 0 {
		t.Errorf("got %v and %d calls", got.err, model.calls)
	}
	got = ask(t, chain(&fake{events: whole(`{"choices":[]}`)}, chat), fairlead.Chat, responsesRequest(t, `{"input":"hi"}`))
	if e := fairlead.AsError(got.err); e == nil || e.Code != "upstream_invalid_answer" || e.Status != 200 || len(got.heads) > 0 {
		t.Errorf("got %+v", got)
	}
}
