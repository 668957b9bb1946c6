package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

const (
	plainModel = "gpt-4o-mini"
	embedModel = "text-embedding-3-small"
)

// goSDK is one test of openai-go against a stack.
type goSDK struct {
	*testing.T
	*stack
	sdk    sdk
	client openai.Client
}

type goCase struct {
	name string
	test func(goSDK)
}

// testOpenAIGo are the cases of openai-go; those of translated ones come first.
func testOpenAIGo(t *testing.T, s *stack, of sdk) {
	t.Helper()
	cases := []goCase{
		{"chats", goSDK.chats},
		{"streams", goSDK.streams},
		{"calls tools and takes their results", goSDK.callsTools},
		{"streams tool calls", goSDK.streamsTools},
		{"an upstream's failure is a 502", goSDK.upstreamFails},
		{"a broken stream is an error", goSDK.brokenStream},
		{"aborting a stream stops the upstream", goSDK.abortsStream},
		{"aborting before the first byte stops the upstream", goSDK.abortsEarly},
	}
	if of.provider == "upstream" {
		cases = append(cases, directGoCases()...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(goSDK{t, s, of, s.goClient(of)}) })
	}
}

func directGoCases() []goCase {
	return []goCase{
		{"lists models", goSDK.listsModels},
		{"retrieves a model", goSDK.retrievesModel},
		{"sends unknown fields on", goSDK.sendsUnknownFields},
		{"embeds", goSDK.embeds},
		{"errors", goSDK.errors},
		{"over the rate is 429", goSDK.overTheRate},
		{"a blocked app is not retried", goSDK.blocked},
		{"a full service is 503", goSDK.full},
		{"retries after Retry-After", goSDK.retries},
	}
}

// goClient has the SDK's own app and no retries, unless told otherwise.
func (s *stack) goClient(of sdk, more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(s.service + "/v1"), option.WithAPIKey(s.keyOf(of.name)), option.WithMaxRetries(0),
	}, more...)...)
}

func ask(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")},
	}
}

func mockModel(t *testing.T, flags string) string {
	t.Helper()
	return "mock+" + flags + "+id=" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
}

// stat is a count of the mock about one model.
func (s *stack) stat(t *testing.T, model, name string) float64 {
	t.Helper()
	_, body := get(t, s.mock+"/mock/stats", s.mockKey)
	return max(0, number(body, "models", model, name))
}

// lastCall is the newest call that the mock was sent.
type lastCall struct {
	Path, Query string
	Header      http.Header
}

func (s *stack) last(t *testing.T) lastCall {
	t.Helper()
	call, _ := s.lastStats(t)
	return call
}

func (s *stack) lastBody(t *testing.T) string {
	t.Helper()
	_, body := s.lastStats(t)
	return body
}

func (s *stack) lastStats(t *testing.T) (call lastCall, body string) {
	t.Helper()
	_, answer := get(t, s.mock+"/mock/stats", s.mockKey)
	var stats struct {
		Last     lastCall `json:"last"`
		LastBody string   `json:"last_body"`
	}
	if err := json.Unmarshal(answer, &stats); err != nil {
		t.Fatal(err)
	}
	return stats.Last, stats.LastBody
}

// stopped: the upstream call of model was stopped, and the slot is free.
func (s *stack) stopped(t *testing.T, model string) {
	t.Helper()
	left := time.Now()
	await(t, "the mock to see that the client left", func() bool { return s.stat(t, model, "aborted") == 1 })
	await(t, "the slot to be given back", func() bool {
		_, body := get(t, s.service+"/metrics", "")
		return number(body, "concurrency_metrics", "concurrent_requests") == 0
	})
	if took := time.Since(left); took > time.Second {
		t.Errorf("the upstream call was stopped after %v, want 1 s at most", took)
	}
}

// attempts counts what a client sends.
type attempts struct {
	mu sync.Mutex
	at []time.Time
}

func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.at = append(a.at, time.Now())
	a.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

func (a *attempts) times() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at
}

func (a *attempts) client() option.RequestOption {
	return option.WithHTTPClient(&http.Client{Transport: a})
}

func (g goSDK) listsModels() {
	page, err := g.client.Models.List(g.Context())
	if err != nil {
		g.Fatal(err)
	}
	listed := false
	for _, model := range page.Data {
		listed = listed || model.ID == "upstream/"+plainModel
		if _, err := g.client.Models.Get(g.Context(), model.ID); err != nil {
			g.Errorf("%s is listed, but: %v", model.ID, err)
		}
	}
	if !listed {
		g.Errorf("%s is not among %d models", plainModel, len(page.Data))
	}
}

func (g goSDK) retrievesModel() {
	for _, name := range []string{plainModel, "upstream/" + plainModel} {
		model, err := g.client.Models.Get(g.Context(), name)
		if err != nil || string(model.Object) != "model" {
			g.Errorf("%s: %+v, %v", name, model, err)
		}
	}
	_, err := g.client.Models.Get(g.Context(), "nope")
	_ = wantError(g.T, err, http.StatusNotFound, "model_not_found")
}

func (g goSDK) chats() {
	var response *http.Response
	answer, err := g.client.Chat.Completions.New(g.Context(), ask(g.sdk.provider+"/mock"), option.WithResponseInto(&response))
	if err != nil {
		g.Fatal(err)
	}
	if got := answer.Choices[0].Message.Content; !strings.HasPrefix(got, "Fairlead mock: model mock") {
		g.Errorf("said %q", got)
	}
	if answer.Choices[0].FinishReason != "stop" || answer.Usage.TotalTokens == 0 {
		g.Errorf("finish %q, usage %d", answer.Choices[0].FinishReason, answer.Usage.TotalTokens)
	}
	if id := response.Header.Get("X-Request-Id"); !regexp.MustCompile(`^req_\d+_\d+$`).MatchString(id) {
		g.Errorf("x-request-id %q", id)
	}
}

func (g goSDK) sendsUnknownFields() {
	if _, err := g.client.Chat.Completions.New(g.Context(), ask(plainModel), option.WithJSONSet("next_weeks_field", "é")); err != nil {
		g.Fatal(err)
	}
	if got := g.lastBody(g.T); !strings.Contains(got, `"next_weeks_field":"é"`) {
		g.Errorf("the mock was sent %s", got)
	}
}

func (g goSDK) streams() {
	for _, usage := range []bool{false, true} {
		params := ask(mockModel(g.T, "tokens=5+usage=7:5"))
		if usage {
			params.StreamOptions.IncludeUsage = openai.Bool(true)
		}
		stream := g.client.Chat.Completions.NewStreaming(g.Context(), params)
		var whole openai.ChatCompletionAccumulator
		without := 0
		for stream.Next() {
			whole.AddChunk(stream.Current())
			if len(stream.Current().Choices) == 0 {
				without++
			}
		}
		if err := stream.Err(); err != nil {
			g.Fatal(err)
		}
		if got := whole.Choices[0].Message.Content; !strings.HasPrefix(got, "Fairlead mock:") || whole.Choices[0].FinishReason != "stop" {
			g.Errorf("said %q, finish %q", got, whole.Choices[0].FinishReason)
		}
		if got := whole.Usage.TotalTokens == 12; got != usage || without > 0 != usage {
			g.Errorf("usage asked for: %t, got %d, chunks without choices %d", usage, whole.Usage.TotalTokens, without)
		}
	}
}

// askTool offers a tool.
func askTool(model string) openai.ChatCompletionNewParams {
	params := ask(model)
	params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "weather",
		Parameters: shared.FunctionParameters{
			"type": "object", "required": []string{"city"}, "properties": map[string]any{"city": map[string]string{"type": "string"}},
		},
	})}
	return params
}

func (g goSDK) callsTools() {
	params := askTool("mock")
	asked, err := g.client.Chat.Completions.New(g.Context(), params)
	if err != nil {
		g.Fatal(err)
	}
	call := asked.Choices[0].Message.ToolCalls[0]
	if call.Function.Name != "weather" || call.Function.Arguments != `{"city":"mock"}` || asked.Choices[0].FinishReason != "tool_calls" {
		g.Errorf("called %s(%s), finish %q", call.Function.Name, call.Function.Arguments, asked.Choices[0].FinishReason)
	}
	params.Messages = append(params.Messages, asked.Choices[0].Message.ToParam(), openai.ToolMessage("sunny", call.ID))
	answer, err := g.client.Chat.Completions.New(g.Context(), params)
	if err != nil {
		g.Fatal(err)
	}
	if got := answer.Choices[0].Message.Content; !strings.Contains(got, "3 message") {
		g.Errorf("said %q", got)
	}
}

func (g goSDK) streamsTools() {
	stream := g.client.Chat.Completions.NewStreaming(g.Context(), askTool("mock"))
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		whole.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		g.Fatal(err)
	}
	choice := whole.Choices[0]
	if len(choice.Message.ToolCalls) != 1 || choice.Message.ToolCalls[0].Function.Arguments != `{"city":"mock"}` || choice.FinishReason != "tool_calls" {
		g.Errorf("called %+v, finish %q", choice.Message.ToolCalls, choice.FinishReason)
	}
}

func (g goSDK) embeds() {
	answer, err := g.client.Embeddings.New(g.Context(), openai.EmbeddingNewParams{
		Model: embedModel, Dimensions: openai.Int(6),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}},
	})
	if err != nil {
		g.Fatal(err)
	}
	if len(answer.Data) != 2 || len(answer.Data[1].Embedding) != 6 {
		g.Fatalf("%d vectors", len(answer.Data))
	}
	var sum float64
	for _, v := range answer.Data[1].Embedding {
		sum += v * v
	}
	if math.Abs(sum-1) > 1e-5 {
		g.Errorf("length² %v, want 1", sum)
	}
}

// wantError checks an API error, and returns it.
func wantError(t *testing.T, err error, status int, code string) *openai.Error {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an API error", err)
	}
	if e.StatusCode != status || code != "" && e.Code != code {
		t.Errorf("got %d %q, want %d %q", e.StatusCode, e.Code, status, code)
	}
	return e
}

func (g goSDK) errors() {
	_, err := g.client.Chat.Completions.New(g.Context(), ask(plainModel), option.WithAPIKey("fl-test-of-nobody-at-all"))
	_ = wantError(g.T, err, http.StatusUnauthorized, "invalid_api_key")
	_, err = g.client.Chat.Completions.New(g.Context(), ask("nope"))
	_ = wantError(g.T, err, http.StatusNotFound, "model_not_found")
	_, err = g.client.Chat.Completions.New(g.Context(), openai.ChatCompletionNewParams{
		Model: plainModel, Messages: []openai.ChatCompletionMessageParamUnion{},
	})
	if e := wantError(g.T, err, http.StatusBadRequest, ""); e.Param != "messages" {
		g.Errorf("param %q", e.Param)
	}
}

// checkRetryHeaders: at least 1 s, at most that many, and all the same.
func checkRetryHeaders(t *testing.T, h http.Header, most int) {
	t.Helper()
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > most {
		t.Errorf("Retry-After %q", h.Get("Retry-After"))
	}
	ms, err := strconv.Atoi(h.Get("Retry-After-Ms"))
	if err != nil || ms <= (seconds-1)*1000 || ms > seconds*1000 {
		t.Errorf("retry-after-ms %q beside %d s", h.Get("Retry-After-Ms"), seconds)
	}
}

// waitsBeforeRetry leaves the retries on; after 0.9 s, less than any wait,
// there was one attempt.
func (g goSDK) waitsBeforeRetry(options ...option.RequestOption) {
	g.Helper()
	var sent attempts
	ctx, cancel := context.WithTimeout(g.Context(), 900*time.Millisecond)
	defer cancel()
	client := g.goClient(g.sdk, append(options, sent.client(), option.WithMaxRetries(2))...)
	if _, err := client.Chat.Completions.New(ctx, ask(plainModel)); err == nil {
		g.Error("the call succeeded")
	}
	if got := len(sent.times()); got != 1 {
		g.Errorf("%d attempts, want 1", got)
	}
}

func (g goSDK) overTheRate() {
	limited := option.WithAPIKey(g.keys[g.sdk.name+"-limited"])
	if _, err := g.client.Chat.Completions.New(g.Context(), ask(plainModel), limited); err != nil {
		g.Fatal(err)
	}
	_, err := g.client.Chat.Completions.New(g.Context(), ask(plainModel), limited)
	e := wantError(g.T, err, http.StatusTooManyRequests, "rate_limit_requests")
	checkRetryHeaders(g.T, e.Response.Header, 60)
	if got := e.Response.Header.Get("X-Should-Retry"); got != "true" {
		g.Errorf("x-should-retry %q", got)
	}
	g.waitsBeforeRetry(limited)
}

func (g goSDK) blocked() {
	var sent attempts
	client := g.goClient(g.sdk, option.WithAPIKey(g.keys[g.sdk.name+"-flooding"]), option.WithMaxRetries(2), sent.client())
	_, err := client.Chat.Completions.New(g.Context(), ask(plainModel))
	e := wantError(g.T, err, http.StatusTooManyRequests, "blocked_burst")
	checkRetryHeaders(g.T, e.Response.Header, 50)
	if got := len(sent.times()); got != 1 || e.Response.Header.Get("X-Should-Retry") != "false" {
		g.Errorf("%d attempts, want 1; x-should-retry %q", got, e.Response.Header.Get("X-Should-Retry"))
	}
}

func (g goSDK) full() {
	busy := option.WithBaseURL(g.busy + "/v1")
	_, err := g.client.Chat.Completions.New(g.Context(), ask(plainModel), busy)
	checkRetryHeaders(g.T, wantError(g.T, err, http.StatusServiceUnavailable, "").Response.Header, 3600)
	g.waitsBeforeRetry(busy)
}

func (g goSDK) retries() {
	for _, status := range []int{429, 503} {
		model := mockModel(g.T, fmt.Sprintf("%d+retry_after=1+times=1", status))
		var sent attempts
		client := g.goClient(g.sdk, option.WithMaxRetries(2), sent.client())
		if _, err := client.Chat.Completions.New(g.Context(), ask(model)); err != nil {
			g.Fatal(err)
		}
		if got := g.stat(g.T, model, "total"); got != 2 {
			g.Errorf("%v calls upstream, want 2", got)
		}
		if at := sent.times(); len(at) > 1 && at[1].Sub(at[0]) < 990*time.Millisecond {
			g.Errorf("retried after %v, want 1 s", at[1].Sub(at[0]))
		}
	}
}

func (g goSDK) upstreamFails() {
	for _, flags := range []string{"500", "status=401", "html", "empty", "malformed=1", "cut=1", "error_midstream=1"} {
		_, err := g.client.Chat.Completions.New(g.Context(), ask(mockModel(g.T, flags)))
		if e := wantError(g.T, err, http.StatusBadGateway, ""); e.Code == "" {
			g.Errorf("%s: no code in %v", flags, e)
		}
	}
}

func (g goSDK) brokenStream() {
	for _, flags := range []string{"cut=5", "nodone", "nofinish", "malformed=5", "error_midstream=5"} {
		stream := g.client.Chat.Completions.NewStreaming(g.Context(), ask(mockModel(g.T, flags)))
		n := 0
		for stream.Next() {
			n++
		}
		if stream.Err() == nil || n < 2 {
			g.Errorf("%s: %d chunks, then %v; want an error after 2 or more", flags, n, stream.Err())
		}
	}
}

func (g goSDK) abortsStream() {
	model := mockModel(g.T, "pace=20ms+tokens=500")
	ctx, abort := context.WithCancel(g.Context())
	defer abort()
	stream := g.client.Chat.Completions.NewStreaming(ctx, ask(model))
	for range 2 {
		if !stream.Next() {
			g.Fatal(stream.Err())
		}
	}
	abort()
	g.stopped(g.T, model)
}

func (g goSDK) abortsEarly() {
	model := mockModel(g.T, "hang")
	ctx, abort := context.WithCancel(g.Context())
	defer abort()
	ended := make(chan error, 1)
	go func() {
		_, err := g.client.Chat.Completions.New(ctx, ask(model))
		ended <- err
	}()
	await(g.T, "the call to arrive", func() bool { return g.stat(g.T, model, "in_flight") == 1 })
	abort()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		g.Errorf("got %v", err)
	}
	g.stopped(g.T, model)
}
