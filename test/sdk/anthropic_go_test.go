package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// claudeGo is one test of anthropic-sdk-go against a stack.
type claudeGo struct {
	*testing.T
	*stack
	sdk    sdk
	client anthropic.Client
}

// testAnthropicGo are the cases of anthropic-sdk-go, against a provider that speaks
// Anthropic's API or one that is reached by translation.
func testAnthropicGo(t *testing.T, s *stack, of sdk) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(claudeGo)
	}{
		{"chats", claudeGo.chats},
		{"sends what it says beside the body", claudeGo.sendsBeside},
		{"sends unknown fields on, or names them", claudeGo.sendsUnknownFields},
		{"streams", claudeGo.streams},
		{"calls tools and takes their results", claudeGo.callsTools},
		{"streams tool calls", claudeGo.streamsTools},
		{"counts tokens", claudeGo.countsTokens},
		{"errors", claudeGo.errors},
		{"over the rate is 429", claudeGo.overTheRate},
		{"a blocked app is 429", claudeGo.blocked},
		{"a full service is 503", claudeGo.full},
		{"retries after Retry-After", claudeGo.retries},
		{"an upstream's failure is a 502", claudeGo.upstreamFails},
		{"a broken stream is an error", claudeGo.brokenStream},
		{"aborting a stream stops the upstream", claudeGo.abortsStream},
		{"aborting before the first byte stops the upstream", claudeGo.abortsEarly},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(claudeGo{t, s, of, s.claudeClient(of)}) })
	}
}

// claudeClient has the SDK's own app and no retries, unless told otherwise.
func (s *stack) claudeClient(of sdk, more ...option.RequestOption) anthropic.Client {
	return anthropic.NewClient(append([]option.RequestOption{
		option.WithoutEnvironmentDefaults(), option.WithBaseURL(s.service), option.WithAPIKey(s.keyOf(of.name)), option.WithMaxRetries(0),
	}, more...)...)
}

func askClaude(model string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: model, MaxTokens: 1000,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Hello"))},
	}
}

// askClaudeTool offers a tool.
func askClaudeTool(model string) anthropic.MessageNewParams {
	params := askClaude(model)
	params.Tools = []anthropic.ToolUnionParam{anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{
		Properties: map[string]any{"city": map[string]string{"type": "string"}}, Required: []string{"city"},
	}, "weather")}
	return params
}

// whole reads a stream to its end.
func (g claudeGo) whole(params anthropic.MessageNewParams) (anthropic.Message, error) {
	stream := g.client.Messages.NewStreaming(g.Context(), params)
	defer stream.Close()
	var message anthropic.Message
	for stream.Next() {
		if err := message.Accumulate(stream.Current()); err != nil {
			return message, err
		}
	}
	return message, stream.Err()
}

func (g claudeGo) direct() bool { return g.sdk.provider == "claude" }

func (g claudeGo) chats() {
	var response *http.Response
	answer, err := g.client.Messages.New(g.Context(), askClaude(g.sdk.provider+"/mock+usage=7:5"), option.WithResponseInto(&response))
	if err != nil {
		g.Fatal(err)
	}
	if got := answer.Content[0].Text; !strings.HasPrefix(got, "Fairlead mock: model mock") {
		g.Errorf("said %q", got)
	}
	if answer.StopReason != "end_turn" || answer.Usage.InputTokens != 7 || answer.Usage.OutputTokens != 5 {
		g.Errorf("stop reason %q, usage %d and %d", answer.StopReason, answer.Usage.InputTokens, answer.Usage.OutputTokens)
	}
	if id := response.Header.Get("Request-Id"); !regexp.MustCompile(`^req_\d+_\d+$`).MatchString(id) {
		g.Errorf("request-id %q", id)
	}
}

func (g claudeGo) sendsBeside() {
	_, err := g.client.Beta.Messages.New(g.Context(), anthropic.BetaMessageNewParams{
		Model: "mock", MaxTokens: 9, Betas: []anthropic.AnthropicBeta{"a-2026-01-01", "b-2026-01-01"},
		Messages: []anthropic.BetaMessageParam{anthropic.NewBetaUserMessage(anthropic.NewBetaTextBlock("Hello"))},
	})
	if err != nil {
		g.Fatal(err)
	}
	last := g.last(g.T)
	if !g.direct() {
		if last.Query != "" || last.Header.Get("Anthropic-Version") != "" {
			g.Errorf("the mock was sent %q and %v", last.Query, last.Header)
		}
		return
	}
	betas := strings.ReplaceAll(strings.Join(last.Header.Values("Anthropic-Beta"), ","), " ", "")
	if last.Query != "beta=true" || betas != "a-2026-01-01,b-2026-01-01" || last.Header.Get("Anthropic-Version") == "" {
		g.Errorf("the mock was sent %q and %v", last.Query, last.Header)
	}
}

func (g claudeGo) sendsUnknownFields() {
	var response *http.Response
	_, err := g.client.Messages.New(g.Context(), askClaude("mock"), option.WithJSONSet("next_weeks_field", "é"), option.WithResponseInto(&response))
	if err != nil {
		g.Fatal(err)
	}
	sent := strings.Contains(g.lastBody(g.T), `"next_weeks_field":"é"`)
	if dropped := response.Header.Get("X-Fairlead-Dropped-Fields"); sent != g.direct() || (dropped == "next_weeks_field") == g.direct() {
		g.Errorf("sent on: %t; named as dropped: %q", sent, dropped)
	}
}

func (g claudeGo) streams() {
	message, err := g.whole(askClaude(mockModel(g.T, "tokens=5+usage=7:5")))
	if err != nil {
		g.Fatal(err)
	}
	if got := message.Content[0].Text; !strings.HasPrefix(got, "Fairlead mock:") || message.StopReason != "end_turn" || message.Usage.OutputTokens != 5 {
		g.Errorf("said %q, stop reason %q, usage %d", got, message.StopReason, message.Usage.OutputTokens)
	}
}

func (g claudeGo) callsTools() {
	params := askClaudeTool("mock")
	asked, err := g.client.Messages.New(g.Context(), params)
	if err != nil {
		g.Fatal(err)
	}
	g.wantCall(*asked)
	params.Messages = append(params.Messages, asked.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(asked.Content[0].ID, "sunny", false)))
	answer, err := g.client.Messages.New(g.Context(), params)
	if err != nil {
		g.Fatal(err)
	}
	if got := answer.Content[0].Text; !strings.Contains(got, "3 message") {
		g.Errorf("said %q", got)
	}
}

func (g claudeGo) wantCall(message anthropic.Message) {
	g.Helper()
	call := message.Content[0]
	if call.Type != "tool_use" || call.Name != "weather" || string(call.Input) != `{"city":"mock"}` || message.StopReason != "tool_use" {
		g.Errorf("%s %s(%s), stop reason %q", call.Type, call.Name, call.Input, message.StopReason)
	}
}

func (g claudeGo) streamsTools() {
	message, err := g.whole(askClaudeTool("mock"))
	if err != nil {
		g.Fatal(err)
	}
	g.wantCall(message)
}

func (g claudeGo) countsTokens() {
	count, err := g.client.Messages.CountTokens(g.Context(), anthropic.MessageCountTokensParams{Model: g.sdk.provider + "/mock", Messages: askClaude("").Messages})
	if err != nil || count.InputTokens == 0 {
		g.Errorf("%+v, %v", count, err)
	}
}

// wantClaudeError checks an API error, and returns it.
func wantClaudeError(t *testing.T, err error, status int, kind string) *anthropic.Error {
	t.Helper()
	var e *anthropic.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an API error", err)
	}
	if e.StatusCode != status || string(e.Type()) != kind || !strings.HasPrefix(e.RequestID, "req_") {
		t.Errorf("got %d %q of request %q, want %d %q", e.StatusCode, e.Type(), e.RequestID, status, kind)
	}
	return e
}

func (g claudeGo) errors() {
	_, err := g.client.Messages.New(g.Context(), askClaude("mock"), option.WithAPIKey("fl-test-of-nobody-at-all"))
	_ = wantClaudeError(g.T, err, http.StatusUnauthorized, "authentication_error")
	_, err = g.client.Messages.New(g.Context(), askClaude("nope"))
	_ = wantClaudeError(g.T, err, http.StatusNotFound, "not_found_error")
	_, err = g.client.Messages.New(g.Context(), anthropic.MessageNewParams{Model: "mock", MaxTokens: 9, Messages: []anthropic.MessageParam{}})
	_ = wantClaudeError(g.T, err, http.StatusBadRequest, "invalid_request_error")
}

func (g claudeGo) overTheRate() {
	limited := option.WithAPIKey(g.keys[g.sdk.name+"-limited"])
	if _, err := g.client.Messages.New(g.Context(), askClaude("mock"), limited); err != nil {
		g.Fatal(err)
	}
	_, err := g.client.Messages.New(g.Context(), askClaude("mock"), limited)
	checkRetryHeaders(g.T, wantClaudeError(g.T, err, http.StatusTooManyRequests, "rate_limit_error").Response.Header, 60)
}

func (g claudeGo) blocked() {
	var sent attempts
	client := g.claudeClient(g.sdk, option.WithAPIKey(g.keys[g.sdk.name+"-flooding"]), option.WithMaxRetries(2), option.WithHTTPClient(&http.Client{Transport: &sent}))
	_, err := client.Messages.New(g.Context(), askClaude("mock"))
	checkRetryHeaders(g.T, wantClaudeError(g.T, err, http.StatusTooManyRequests, "rate_limit_error").Response.Header, 50)
	if got := len(sent.times()); got != 1 {
		g.Errorf("%d attempts, want 1", got)
	}
}

func (g claudeGo) full() {
	_, err := g.client.Messages.New(g.Context(), askClaude("mock"), option.WithBaseURL(g.busy))
	checkRetryHeaders(g.T, wantClaudeError(g.T, err, http.StatusServiceUnavailable, "overloaded_error").Response.Header, 3600)
}

func (g claudeGo) retries() {
	model := mockModel(g.T, "429+retry_after=1+times=1")
	client := g.claudeClient(g.sdk, option.WithMaxRetries(2))
	if _, err := client.Messages.New(g.Context(), askClaude(model)); err != nil {
		g.Fatal(err)
	}
	if got := g.stat(g.T, model, "total"); got != 2 {
		g.Errorf("%v calls upstream, want 2", got)
	}
}

func (g claudeGo) upstreamFails() {
	for _, flags := range []string{"500", "status=401", "html", "empty", "malformed=1", "cut=1", "clean=1", "error_midstream=1"} {
		_, err := g.client.Messages.New(g.Context(), askClaude(mockModel(g.T, flags)))
		_ = wantClaudeError(g.T, err, http.StatusBadGateway, "api_error")
	}
}

func (g claudeGo) brokenStream() {
	for _, flags := range []string{"cut=5", "nodone", "nofinish", "malformed=5", "error_midstream=5"} {
		message, err := g.whole(askClaude(mockModel(g.T, flags)))
		if err == nil || len(message.Content) == 0 || message.StopReason != "" {
			g.Errorf("%s: %+v, then %v; want a beginning, then an error", flags, message.Content, err)
		}
	}
}

func (g claudeGo) abortsStream() {
	model := mockModel(g.T, "pace=20ms+tokens=500")
	ctx, abort := context.WithCancel(g.Context())
	defer abort()
	stream := g.client.Messages.NewStreaming(ctx, askClaude(model))
	for range 2 {
		if !stream.Next() {
			g.Fatal(stream.Err())
		}
	}
	abort()
	g.stopped(g.T, model)
}

func (g claudeGo) abortsEarly() {
	model := mockModel(g.T, "hang")
	ctx, abort := context.WithCancel(g.Context())
	defer abort()
	ended := make(chan error, 1)
	go func() {
		_, err := g.client.Messages.New(ctx, askClaude(model))
		ended <- err
	}()
	await(g.T, "the call to arrive", func() bool { return g.stat(g.T, model, "in_flight") == 1 })
	abort()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		g.Errorf("got %v", err)
	}
	g.stopped(g.T, model)
}
