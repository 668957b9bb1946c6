package sdk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
)

const (
	cutWidth = 8 // calls at one time
	// cutModel says nothing of its name, so that answers of different cuts begin alike.
	cutModel  = "mock+echo"
	cutPrompt = "Hé 漢字 😀"
)

// reading is what a program gets that uses an SDK in one way: all that it is shown,
// what it takes for the reason of the end, and the error that it is told.
type reading struct {
	name  string
	whole bool // not a stream
	// inStream is the error of an answer that has begun, early of one that has not.
	early, inStream string
	read            func(ctx context.Context, q question) (said, finish string, err error)
}

// question is what is asked in these tests: with a tool on offer, or in a stream.
type question struct {
	model        string
	tool, stream bool
}

// testGoCuts: the Go SDKs while the upstream breaks off, at every event of an answer
// and inside each: neither may show a part of an answer as the whole.
func testGoCuts(t *testing.T, s *stack) {
	t.Helper()
	const early = "502"
	for _, r := range []reading{
		{"openai-go stream", false, early, "ssestream.StreamError", s.readChatStream},
		{"openai-go whole", true, early, "", s.readChat},
		{"anthropic-sdk-go stream", false, early, "200", s.readMessageStream},
		{"anthropic-sdk-go whole", true, early, "", s.readMessage},
	} {
		for _, provider := range []string{"upstream", "claude"} {
			for name, tool := range map[string]bool{"": false, " with a tool": true} {
				t.Run(r.name+" from "+provider+name, func(t *testing.T) { s.everyCut(t, r, provider, question{cutModel, tool, !r.whole}) })
			}
		}
	}
}

func (s *stack) everyCut(t *testing.T, r reading, provider string, q question) {
	t.Helper()
	said, finish, err := r.read(t.Context(), question{provider + "/" + q.model, q.tool, q.stream})
	if err != nil || said == "" || !slices.Contains([]string{"stop", "end_turn", "tool_calls", "tool_use"}, finish) {
		t.Fatalf("without a cut: %q, %q, %v", said, finish, err)
	}
	cuts := make(chan string)
	go func() {
		defer close(cuts)
		for n, length := range s.lengths(t, provider, q) {
			for _, at := range offsets(length) {
				cuts <- fmt.Sprintf("+cut=%d:%d", n, at)
				cuts <- fmt.Sprintf("+clean=%d:%d", n, at)
			}
		}
	}()
	var mu sync.Mutex
	shown := make(map[string]int)
	var all sync.WaitGroup
	for range cutWidth {
		all.Go(func() {
			for flags := range cuts {
				seen, finish, err := r.read(t.Context(), question{provider + "/" + q.model + flags, q.tool, q.stream})
				kind := errorKind(err)
				if kind != r.early && (kind != r.inStream || r.whole) || !strings.HasPrefix(said, seen) {
					t.Errorf("%s: %q, %q, %v", flags, seen, finish, err)
				}
				mu.Lock()
				shown[kind]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Log(shown)
	if want := map[bool]int{true: 1, false: 2}[r.whole]; len(shown) != want {
		t.Errorf("%d kinds of errors, want %d: %v", len(shown), want, slices.Collect(maps.Keys(shown)))
	}
}

// offsets are where an event of that length is cut.
func offsets(length int) []int {
	if !proof() {
		return []int{0, 1, length / 2, length - 1}
	}
	all := make([]int, length)
	for i := range all {
		all[i] = i
	}
	return all
}

// errorKind is the status of an API error, else its type.
func errorKind(err error) string {
	var chat *openai.Error
	var message *anthropic.Error
	var stream *ssestream.StreamError
	switch {
	case errors.As(err, &chat):
		return fmt.Sprint(chat.StatusCode)
	case errors.As(err, &message):
		return fmt.Sprint(message.StatusCode)
	case errors.As(err, &stream):
		return "ssestream.StreamError"
	}
	return fmt.Sprintf("%T", err)
}

// lengths are those of the events that the upstream sends, or of its one body.
func (s *stack) lengths(t *testing.T, provider string, q question) []int {
	t.Helper()
	path, params := "/v1/chat/completions", any(q.chat())
	if provider == "claude" {
		path, params = "/v1/messages", q.message()
	}
	body, err := json.Marshal(params)
	if err != nil {
		t.Error(err)
	}
	if q.stream && provider == "claude" {
		body = append([]byte(`{"stream":true,`), body[1:]...)
	} else if q.stream {
		body = append([]byte(`{"stream":true,"stream_options":{"include_usage":true},`), body[1:]...)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.mock+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", s.mockKey)
	r.Header.Set("Anthropic-Version", "2023-06-01")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer response.Body.Close()
	sent, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%d %s, %v", response.StatusCode, sent, err)
	}
	if !q.stream {
		return []int{len(sent) - 1}
	}
	var all []int
	for event := range strings.SplitAfterSeq(strings.TrimSuffix(string(sent), "\n\n"), "\n\n") {
		all = append(all, len(event))
	}
	return all
}

func (q question) chat() openai.ChatCompletionNewParams {
	params := ask(q.model)
	if q.tool {
		params = askTool(q.model)
	}
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage(cutPrompt)}
	return params
}

func (q question) message() anthropic.MessageNewParams {
	params := askClaude(q.model)
	if q.tool {
		params = askClaudeTool(q.model)
	}
	params.Messages = []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(cutPrompt))}
	return params
}

func (s *stack) readChatStream(ctx context.Context, q question) (said, finish string, err error) {
	client := s.goClient(sdk{name: streamApp})
	stream := client.Chat.Completions.NewStreaming(ctx, q.chat())
	defer stream.Close()
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			said += choice.Delta.Content
			for _, call := range choice.Delta.ToolCalls {
				said += call.Function.Arguments
			}
			finish += choice.FinishReason
		}
	}
	return said, finish, stream.Err()
}

func (s *stack) readChat(ctx context.Context, q question) (said, finish string, err error) {
	client := s.goClient(sdk{name: streamApp})
	answer, err := client.Chat.Completions.New(ctx, q.chat())
	if err != nil {
		return "", "", err
	}
	choice := answer.Choices[0]
	if q.tool {
		return choice.Message.ToolCalls[0].Function.Arguments, choice.FinishReason, nil
	}
	return choice.Message.Content, choice.FinishReason, nil
}

func (s *stack) readMessageStream(ctx context.Context, q question) (said, finish string, err error) {
	client := s.claudeClient(sdk{name: streamApp})
	stream := client.Messages.NewStreaming(ctx, q.message())
	defer stream.Close()
	for stream.Next() {
		delta := stream.Current().Delta
		said += delta.Text + delta.PartialJSON
		finish += string(delta.StopReason)
	}
	return said, finish, stream.Err()
}

func (s *stack) readMessage(ctx context.Context, q question) (said, finish string, err error) {
	client := s.claudeClient(sdk{name: streamApp})
	answer, err := client.Messages.New(ctx, q.message())
	if err != nil {
		return "", "", err
	}
	if q.tool {
		return string(answer.Content[0].Input), string(answer.StopReason), nil
	}
	return answer.Content[0].Text, string(answer.StopReason), nil
}
