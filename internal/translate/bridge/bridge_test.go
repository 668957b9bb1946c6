package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/provider/anthropic"
	"github.com/fairleadhq/fairlead/internal/provider/openai"
	"github.com/fairleadhq/fairlead/internal/provider/providertest"
	"github.com/fairleadhq/fairlead/internal/provider/remote"
	"github.com/fairleadhq/fairlead/internal/sse"
	"github.com/fairleadhq/fairlead/internal/translate/bridge"
)

const (
	chat     = fairlead.OpenAIChat
	messages = fairlead.AnthropicMessages
)

// bridged is a bridge with the provider behind it, which has to be closed.
type bridged struct {
	*bridge.Bridge
	provider *remote.Provider
}

func (b bridged) Close() { b.provider.Close() }

// TestContract: what every provider owes, it owes through a bridge too.
func TestContract(t *testing.T) {
	for _, c := range []struct {
		client, speaks fairlead.Dialect
		make           func(remote.Config) (*remote.Provider, error)
	}{{messages, chat, openai.New}, {chat, messages, anthropic.New}} {
		t.Run(string(c.client)+" to "+string(c.speaks), func(t *testing.T) {
			providertest.RunBetween(t, c.client, c.speaks, func(t *testing.T, upstream providertest.Upstream) fairlead.Model {
				t.Helper()
				p, err := c.make(remote.Config{Name: "acme", BaseURL: upstream.URL, APIKey: providertest.Key})
				if err != nil {
					t.Fatal(err)
				}
				return bridged{bridge.New(p, c.speaks, bridge.Options{}), p}
			})
		})
	}
}

// fake is a model that answers with these events, and then with the error.
type fake struct {
	events []fairlead.Event
	err    error
	got    *fairlead.Request
	calls  int
}

func (f *fake) Answer(_ context.Context, _ *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	f.got, f.calls = req, f.calls+1
	for _, e := range f.events {
		if err := emit(e); err != nil {
			return fairlead.NewCanceled(err) // whatever it was
		}
	}
	return f.err
}

// told is what came of a call.
type told struct {
	heads []fairlead.Head
	text  string
	ends  []fairlead.End
	err   error
}

func ask(t *testing.T, model fairlead.Model, op fairlead.Operation, req *fairlead.Request) *told {
	t.Helper()
	got := &told{}
	call := &fairlead.Call{Operation: op, Arrived: time.Unix(1753019000, 0)}
	got.err = model.Answer(t.Context(), call, req, func(e fairlead.Event) error {
		switch {
		case e.Head != nil:
			got.heads = append(got.heads, *e.Head)
		case e.End != nil:
			got.ends = append(got.ends, *e.End)
		default:
			got.text += string(e.Data)
		}
		return nil
	})
	return got
}

// request is one as a face would make it.
func request(t *testing.T, in fairlead.Dialect, body string) *fairlead.Request {
	t.Helper()
	scan := envelope.Chat
	if in == messages {
		scan = envelope.Messages
	}
	env, err := scan([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return &fairlead.Request{Dialect: in, Body: []byte(body), Envelope: env, Aside: fairlead.Aside{Query: "beta=true"}}
}

func whole(body string) []fairlead.Event {
	return []fairlead.Event{
		{Head: &fairlead.Head{ContentType: "application/json", Status: 200, Header: map[string]string{"X-Upstream-Request-Id": "r"}}},
		{Data: []byte(body[:len(body)/2])},
		{Data: []byte(body[len(body)/2:])},
		{End: &fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 2}, Finish: "f"}},
	}
}

const (
	chatAnswer     = `{"id":"chatcmpl-1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`
	messagesAnswer = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi."}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}`
)

func TestSameDialectIsUntouched(t *testing.T) {
	for _, c := range []struct {
		in, speaks fairlead.Dialect
		op         fairlead.Operation
	}{{chat, chat, fairlead.Chat}, {messages, messages, fairlead.Chat}, {messages, messages, fairlead.CountTokens}, {fairlead.OpenAIEmbeddings, messages, fairlead.Embed}} {
		model := &fake{events: whole(`{"x": 1}`)}
		req := &fairlead.Request{Dialect: c.in, Body: []byte("not even JSON")}
		got := ask(t, bridge.New(model, c.speaks, bridge.Options{}), c.op, req)
		if got.err != nil || got.text != `{"x": 1}` || model.got != req {
			t.Errorf("%v: got %q, %v of %p, want the model's own of %p", c, got.text, got.err, model.got, req)
		}
	}
	bridged := bridge.New(&fake{}, chat, bridge.Options{})
	req, call := &fairlead.Request{Dialect: chat}, &fairlead.Call{Operation: fairlead.Chat}
	emit := func(fairlead.Event) error { return nil }
	if n := testing.AllocsPerRun(100, func() { _ = bridged.Answer(t.Context(), call, req, emit) }); n > 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func TestWhole(t *testing.T) {
	model := &fake{events: whole(chatAnswer)}
	req := request(t, messages, `{"model":"alias","max_tokens":9,"top_k":3,"cache_control":{"type":"x"},"messages":[{"role":"user","content":"hi"}]}`)
	req.Envelope.Model = "real"
	got := ask(t, bridge.New(model, chat, bridge.Options{MaxTokensName: "max_tokens"}), fairlead.Chat, req)
	if got.err != nil || len(got.heads) != 1 || len(got.ends) != 1 || !strings.Contains(got.text, `"content":[{"type":"text","text":"Hi."}]`) {
		t.Fatalf("got %+v", got)
	}
	if want := (fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 2}, Finish: "f"}); got.ends[0] != want {
		t.Errorf("got the end %+v, want the model's, %+v", got.ends[0], want)
	}
	h := got.heads[0].Header
	if h[bridge.DroppedHeader] != "top_k, cache_control" || h["X-Upstream-Request-Id"] != "r" || got.heads[0].Stream {
		t.Errorf("got the head %+v", got.heads[0])
	}
	sent := model.got
	if sent.Dialect != chat || sent.Envelope.Model != "real" || sent.Envelope.MaxTokens != 9 || sent.Aside.Query != "" {
		t.Errorf("got the request %+v", sent)
	}
	if want := `{"model":"real","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`; string(sent.Body) != want {
		t.Errorf("got the body %s, want %s", sent.Body, want)
	}

	model = &fake{events: whole(messagesAnswer)}
	got = ask(t, bridge.New(model, messages, bridge.Options{}), fairlead.Chat, request(t, chat, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`))
	if got.err != nil || !strings.Contains(got.text, `"content":"Hi."`) || !strings.Contains(got.text, `"created":1753019000`) {
		t.Errorf("got %+v", got)
	}
	if _, ok := got.heads[0].Header[bridge.DroppedHeader]; ok || model.got.Envelope.MaxTokens != 4096 {
		t.Errorf("got the head %+v, the request %+v", got.heads[0], model.got.Envelope)
	}
}

// frames are the events of a stream in the dialect, its last frame apart.
func frames(in fairlead.Dialect) []string {
	if in == chat {
		chunk := func(rest string) string { return "data: {\"id\":\"chatcmpl-1\",\"model\":\"m\"," + rest + "}\n\n" }
		return []string{
			chunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]`),
			chunk(`"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]`),
			chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`),
			chunk(`"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}`),
			dialect.DoneFrame,
		}
	}
	event := func(kind, rest string) string {
		return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"" + rest + "}\n\n"
	}
	return []string{
		event("message_start", `,"message":{"id":"msg_1","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}`),
		event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`),
		event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"Hel"}`),
		event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"lo"}`),
		event("content_block_stop", `,"index":0`),
		event("message_delta", `,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}`),
		event("message_stop", ""),
	}
}

func streamOf(all []string, end *fairlead.End) []fairlead.Event {
	events := []fairlead.Event{{Head: &fairlead.Head{ContentType: "text/event-stream", Stream: true, Status: 200}}}
	for _, frame := range all {
		events = append(events, fairlead.Event{Data: []byte(frame)})
	}
	if end != nil {
		events = append(events, fairlead.Event{End: end})
	}
	return events
}

// isWhole reports whether a stream, read as its clients do, is whole.
func isWhole(in fairlead.Dialect, text string) bool {
	var last []byte
	var err error
	if in == chat {
		w := dialect.NewStreamWatch(dialect.Outgoing{})
		_, _ = w.Block([]byte(text))
		last, _, err = w.End()
	} else {
		w := dialect.NewMessagesWatch()
		_, _ = w.Block([]byte(text))
		last, _, err = w.End()
	}
	return err == nil && last != nil
}

func TestStreams(t *testing.T) {
	bodies := map[fairlead.Dialect]string{
		chat:     `{"model":"m","stream":true,"seed":1,"messages":[{"role":"user","content":"hi"}]}`,
		messages: `{"model":"m","stream":true,"max_tokens":9,"top_k":1,"messages":[{"role":"user","content":"hi"}]}`,
	}
	for client, speaks := range map[fairlead.Dialect]fairlead.Dialect{chat: messages, messages: chat} {
		all := frames(speaks)
		got := ask(t, bridge.New(&fake{events: streamOf(all, &fairlead.End{Finish: "f"})}, speaks, bridge.Options{}), fairlead.Chat, request(t, client, bodies[client]))
		if got.err != nil || len(got.heads) != 1 || len(got.ends) != 1 || !isWhole(client, got.text) {
			t.Errorf("%s: got %+v", client, got)
		}
		if !got.heads[0].Stream || got.heads[0].Header[bridge.DroppedHeader] == "" {
			t.Errorf("%s: got the head %+v", client, got.heads[0])
		}
		// Cut before any frame, the stream fails, as the provider's error or, should
		// a model take it for whole, as the bridge's; it never is whole.
		cut := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_truncated", Status: 200}
		for n := range all {
			got := ask(t, bridge.New(&fake{events: streamOf(all[:n], nil), err: cut}, speaks, bridge.Options{}), fairlead.Chat, request(t, client, bodies[client]))
			if !errors.Is(got.err, cut) || len(got.ends) > 0 || isWhole(client, got.text) {
				t.Errorf("%s cut at %d: got %+v", client, n, got)
			}
			got = ask(t, bridge.New(&fake{events: streamOf(all[:n], &fairlead.End{})}, speaks, bridge.Options{}), fairlead.Chat, request(t, client, bodies[client]))
			if e := fairlead.AsError(got.err); e == nil || e.Code != "upstream_truncated" || e.Status != 200 || len(got.ends) > 0 || isWhole(client, got.text) {
				t.Errorf("%s taken for whole at %d: got %+v", client, n, got)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	model := &fake{}
	got := ask(t, bridge.New(model, messages, bridge.Options{}), fairlead.Chat, request(t, chat, `{"messages":[{"role":"user","content":"hi"}],"logprobs":true}`))
	if e := fairlead.AsError(got.err); e == nil || e.Code != "untranslatable_field" || e.Param != "logprobs" || model.calls > 0 {
		t.Errorf("got %v and %d calls of the model", got.err, model.calls)
	}
	failed := &fairlead.Error{Kind: fairlead.Busy, Code: "provider_rate_limited", RetryAfter: time.Second}
	got = ask(t, bridge.New(&fake{err: failed}, messages, bridge.Options{}), fairlead.Chat, request(t, chat, `{"messages":[{"role":"user","content":"hi"}]}`))
	if !errors.Is(got.err, failed) {
		t.Errorf("got %v, want the model's own error", got.err)
	}
	got = ask(t, bridge.New(&fake{events: whole(`{"content":7}`)}, messages, bridge.Options{}), fairlead.Chat, request(t, chat, `{"messages":[{"role":"user","content":"hi"}]}`))
	if e := fairlead.AsError(got.err); e == nil || e.Code != "upstream_invalid_answer" || e.Status != 200 || len(got.heads) > 0 {
		t.Errorf("got %+v, want no head and an answer that is none", got)
	}
	got = ask(t, bridge.New(&fake{events: whole(strings.Repeat(" ", 9<<20))}, messages, bridge.Options{}), fairlead.Chat, request(t, chat, `{"messages":[{"role":"user","content":"hi"}]}`))
	if e := fairlead.AsError(got.err); e == nil || e.Code != "upstream_answer_too_large" {
		t.Errorf("got %v", got.err)
	}
}

// TestPrepare: what can't be translated is refused before it is its turn, and what
// can be is translated once if it is short.
func TestPrepare(t *testing.T) {
	for _, c := range []struct {
		name, body, refusal string
		op                  fairlead.Operation
		kept                bool
	}{
		{"short", `{"model":"m","seed":1,"messages":[{"role":"user","content":"hi"}]}`, "", fairlead.Chat, true},
		{"long", `{"messages":[{"role":"user","content":"` + strings.Repeat("long ", 5000) + `"}]}`, "", fairlead.Chat, false},
		{"untranslatable", `{"messages":[{"role":"user","content":"hi"}],"logprobs":true}`, "untranslatable_field", fairlead.Chat, false},
		{"no messages", `{"messages":[{"role":"user","content":" "}]}`, "missing_field", fairlead.Chat, false},
		{"a count", `{"messages":[{"role":"user","content":"hi"}],"logprobs":true}`, "", fairlead.CountTokens, false},
	} {
		model := &fake{events: whole(messagesAnswer)}
		b := bridge.New(model, messages, bridge.Options{})
		var _ fairlead.Preparer = b
		req := request(t, chat, c.body)
		err := b.Prepare(&fairlead.Call{Operation: c.op}, req)
		if e := fairlead.AsError(err); (e == nil) != (c.refusal == "") || e != nil && e.Code != c.refusal {
			t.Errorf("%s: got %v, want %q", c.name, err, c.refusal)
		}
		if (req.Prepared != nil) != c.kept || model.calls > 0 {
			t.Errorf("%s: kept %v, and the model was asked %d times", c.name, req.Prepared, model.calls)
		}
		got, want := ask(t, b, c.op, req), ask(t, b, c.op, request(t, chat, c.body))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want as without: %v", c.name, got, want)
		}
	}
	same := request(t, messages, `{"messages":[{"role":"user","content":"hi"}],"container":"c"}`)
	if err := bridge.New(&fake{}, messages, bridge.Options{}).Prepare(&fairlead.Call{}, same); err != nil || same.Prepared != nil {
		t.Errorf("of its own dialect: %v, kept %v", err, same.Prepared)
	}
}

// room is a Memory of so many bytes.
type room struct{ left, least int64 }

func (r *room) Reserve(n int64) error {
	if r.left < n {
		return fairlead.NewBusy("memory_pressure", "full", time.Second)
	}
	r.left -= n
	r.least = min(r.least, r.left)
	return nil
}

func (r *room) Return(n int64) { r.left += n }

// TestWholeAnswersNeedRoom: what is gathered is held in the call's Memory until it
// is passed on, and an answer without room is no fault of its model's.
func TestWholeAnswersNeedRoom(t *testing.T) {
	n := int64(len(messagesAnswer))
	for _, c := range []struct {
		left int64
		code string
	}{{n, ""}, {n - 1, "memory_pressure"}, {0, "memory_pressure"}} {
		memory := &room{left: c.left, least: c.left}
		passed := 0
		err := bridge.New(&fake{events: whole(messagesAnswer)}, messages, bridge.Options{}).Answer(t.Context(),
			&fairlead.Call{Operation: fairlead.Chat, Memory: memory}, request(t, chat, `{"messages":[{"role":"user","content":"hi"}]}`),
			func(fairlead.Event) error { passed++; return nil })
		e := fairlead.AsError(err)
		if (e == nil) != (c.code == "") || e != nil && (e.Code != c.code || e.Kind != fairlead.Busy || e.Status != 0 || passed > 0) {
			t.Errorf("with %d bytes left: got %+v after %d events, want %q", c.left, e, passed, c.code)
		}
		if memory.left != c.left || c.code == "" && memory.least != 0 {
			t.Errorf("of %d bytes %d are left, and were %d at the least", c.left, memory.left, memory.least)
		}
	}
}

// An error of the caller's is not taken for one of the provider's.
func TestCallerLeaves(t *testing.T) {
	errGone := errors.New("gone")
	err := bridge.New(&fake{events: whole(chatAnswer)}, chat, bridge.Options{}).Answer(t.Context(), &fairlead.Call{Operation: fairlead.Chat},
		request(t, messages, `{"messages":[{"role":"user","content":"hi"}]}`), func(fairlead.Event) error { return errGone })
	if !fairlead.IsKind(err, fairlead.Canceled) || !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
}

func TestThinkingByModel(t *testing.T) {
	for model, want := range map[string]string{
		"claude-3-7-sonnet-20250219": "budget", "claude-sonnet-4-20250514": "budget", "claude-opus-4-1": "budget",
		"claude-sonnet-4-5-20250929": "budget", "anthropic/claude-sonnet-4.5": "budget", "Claude-Haiku-4-5@20251001": "budget",
		"claude-opus-4-6": "effort", "claude-sonnet-5": "effort", "claude-opus-4-10": "effort", "claude-next": "effort", "mock": "effort",
	} {
		spy := &fake{err: errors.New("x")}
		_ = ask(t, bridge.New(spy, messages, bridge.Options{}), fairlead.Chat, request(t, chat, fmt.Sprintf(
			`{"model":%q,"max_tokens":9000,"reasoning_effort":"low","messages":[{"role":"user","content":"hi"}]}`, model)))
		if got := map[bool]string{true: "budget", false: "effort"}[strings.Contains(string(spy.got.Body), "budget_tokens")]; got != want {
			t.Errorf("%s: by %s, want by %s: %s", model, got, want, spy.got.Body)
		}
	}
}

func TestCountIsEstimated(t *testing.T) {
	image := `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + strings.Repeat("A", 40_000) + `"}}`
	for _, c := range []struct {
		name, body  string
		least, most int
	}{
		{"words", `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("word ", 800) + `"}]}`, 1000, 1010},
		{"system and tools", `{"system":"` + strings.Repeat("s", 400) + `","tools":[{"name":"` + strings.Repeat("t", 400) + `"}],"messages":[{"role":"user","content":"x"}]}`, 200, 220},
		{"an image", `{"messages":[{"role":"user","content":[` + image + `,{"type":"text","text":"x"}]}]}`, 1500, 1530},
		{"an image in a result", `{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[` + image + `]}]}]}`, 1500, 1540},
		{"a text document", `{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","data":"` + strings.Repeat("a", 400) + `"}}]}]}`, 100, 130},
	} {
		model := &fake{}
		got := ask(t, bridge.New(model, chat, bridge.Options{}), fairlead.CountTokens, request(t, messages, c.body))
		var n int
		if _, err := fmt.Sscanf(got.text, `{"input_tokens":%d}`, &n); err != nil || got.err != nil || n < c.least || n > c.most || model.calls > 0 {
			t.Errorf("%s: got %s, %v, want %d to %d", c.name, got.text, got.err, c.least, c.most)
		}
		if len(got.heads) != 1 || !slices.Equal(got.ends, []fairlead.End{{}}) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
}

// Every frame that goes out is whole: what is one event of the model's may be
// several of the client's, but no client is sent a piece of one.
func TestDataIsWholeFrames(t *testing.T) {
	for client, speaks := range map[fairlead.Dialect]fairlead.Dialect{chat: messages, messages: chat} {
		model := &fake{events: streamOf(frames(speaks), &fairlead.End{})}
		req := request(t, client, `{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
		_ = bridge.New(model, speaks, bridge.Options{}).Answer(t.Context(), &fairlead.Call{Operation: fairlead.Chat}, req, func(e fairlead.Event) error {
			for frame := range sse.Frames(e.Data) {
				if !strings.HasSuffix(string(frame), "\n\n") {
					t.Errorf("%s: got the frame %q", client, frame)
				}
			}
			return nil
		})
	}
}
