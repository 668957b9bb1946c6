package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/client/internal/events"
)

// maxAnswer bounds a whole answer, in bytes.
const maxAnswer = 64 << 20

// What is read after a stream's end mark to keep its connection, in bytes and
// time.
const (
	maxTail  = 64 << 10
	tailTime = time.Second
)

// ChatRequest asks for the next message of a conversation.
type ChatRequest struct {
	Messages []Message
	// Model is a model's name, or provider/model; "" is the service's default.
	Model string
	// MaxTokens is the most tokens of the answer; 0 leaves it to the model.
	MaxTokens int
	// Temperature is left to the model if it is nil.
	Temperature *float64
	// Tools are tool definitions as JSON, in OpenAI's shape.
	Tools []json.RawMessage
	// Class is the call's class; "" is the client's (WithClass).
	Class Class
	// Extra are further members of the body, such as "top_p": the service
	// passes on those it does not know. The fields above win over Extra.
	Extra map[string]any
}

func (r *ChatRequest) body(stream bool) ([]byte, error) {
	members := make(map[string]any, len(r.Extra)+6)
	maps.Copy(members, r.Extra)
	members["messages"] = r.Messages
	members["stream"] = stream
	if r.Model != "" {
		members["model"] = r.Model
	}
	if r.MaxTokens > 0 {
		members["max_tokens"] = r.MaxTokens
	}
	if r.Temperature != nil {
		members["temperature"] = *r.Temperature
	}
	if len(r.Tools) > 0 {
		members["tools"] = r.Tools
	}
	body, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("client: encoding the request: %w", err)
	}
	return body, nil
}

// ChatAnswer is the answer to a ChatRequest.
type ChatAnswer struct {
	RequestID string
	// Model and Provider say what answered.
	Model, Provider string
	// Message can be appended to the conversation as it is. Content is its
	// text.
	Message Message
	Content string
	Usage   Usage
	// Queued is how long the call stood in the service's queue.
	Queued time.Duration
}

// Usage counts tokens; 0 means not known.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// chat is the call of a chat request.
func (c *Client) chat(accept string, class Class, body []byte) call {
	if class == "" {
		class = c.class
	}
	return call{method: http.MethodPost, path: "/chat/completion", accept: accept, class: class, body: body}
}

// Chat asks and waits for the whole answer. The error is an *APIError if the
// service refused, and a *BrokenError if its answer broke off.
func (c *Client) Chat(ctx context.Context, r ChatRequest) (*ChatAnswer, error) {
	body, err := r.body(false)
	if err != nil {
		return nil, err
	}
	var wire struct {
		Success   bool            `json:"success"`
		RequestID string          `json:"request_id"`
		Model     string          `json:"model"`
		Provider  string          `json:"provider"`
		Message   Message         `json:"message"`
		Content   json.RawMessage `json:"content"`
		Usage     Usage           `json:"usage"`
	}
	header, err := c.fetch(ctx, c.chat("application/json", r.Class, body), &wire)
	if err != nil {
		return nil, err
	}
	id := requestID(header, wire.RequestID)
	if !wire.Success {
		return nil, &BrokenError{RequestID: id, Err: errors.New("the answer does not say that it is a success")}
	}
	return &ChatAnswer{
		RequestID: id, Model: wire.Model, Provider: wire.Provider,
		Message: wire.Message, Content: text(wire.Content), Usage: wire.Usage, Queued: queued(header),
	}, nil
}

// Delta is a piece of a streamed answer.
type Delta struct {
	// Content is the next piece of text; it may be empty.
	Content string
	// Finish says why the model stopped, in the last piece of its message.
	Finish string
	// Usage is set in the piece that tells it, after the last of the message.
	Usage *Usage
	// Raw is the chat.completion.chunk that this was read from.
	Raw json.RawMessage
}

// Stream asks and calls each with every piece of the answer as it comes. It
// returns nil only if the answer came to its end. An error of each ends the
// call and is returned as it is. Otherwise the error is an *APIError if the
// service refused before anything came, and a *BrokenError if the answer broke
// off; what each was given before is then not the whole answer.
func (c *Client) Stream(ctx context.Context, r ChatRequest, each func(Delta) error) error {
	body, err := r.body(true)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var s stream
	what := c.chat("text/event-stream", r.Class, body)
	what.open = s.open
	answer, err := c.do(ctx, what)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for event := s.first; ; {
		if string(event.Data) == "[DONE]" {
			readTail(answer.Body, cancel)
			return nil
		}
		delta, err := readDelta(event)
		if err != nil {
			return &BrokenError{RequestID: s.id, Err: err}
		}
		if err := each(delta); err != nil {
			return err
		}
		if event, err = s.events.Next(); err != nil {
			return &BrokenError{RequestID: s.id, Err: err}
		}
	}
}

// stream is the answer to a streamed question.
type stream struct {
	id     string
	events *events.Reader
	first  events.Event
}

// open reads the first event. While a call waits in the queue the service may
// send the head of the answer and comments, so a refusal can be the first event
// as well as a status: it is the same *APIError.
func (s *stream) open(answer *http.Response) error {
	s.id = requestID(answer.Header, "")
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return &BrokenError{RequestID: s.id, Err: errors.New("the answer is not an event stream")}
	}
	s.events = events.NewReader(answer.Body)
	var err error
	if s.first, err = s.events.Next(); err != nil {
		return &BrokenError{RequestID: s.id, Err: err}
	}
	_, err = readDelta(s.first)
	refusal, refused := errors.AsType[*APIError](err)
	if !refused { // what else is wrong is told when it is read
		return nil
	}
	refusal.RequestID = requestID(answer.Header, refusal.RequestID)
	return refusal
}

// readTail reads what follows the end mark, since the connection is kept only
// if its answer was read to the end; cancel ends a read that takes too long.
func readTail(body io.Reader, cancel context.CancelFunc) {
	defer time.AfterFunc(tailTime, cancel).Stop()
	// The answer is whole; an error costs the connection only.
	_, _ = io.CopyN(io.Discard, body, maxTail)
}

// readDelta reads a chunk; an event that tells an error gives it as an
// *APIError.
func readDelta(e events.Event) (Delta, error) {
	if e.Kind == "error" {
		return Delta{}, streamError(e.Data)
	}
	var wire struct {
		Error   json.RawMessage `json:"error"`
		Choices []struct {
			Delta struct {
				Content json.RawMessage `json:"content"`
			} `json:"delta"`
			FinishReason string `json:"finish_reason"`
		} `json:"choices"`
		Usage *Usage `json:"usage"`
	}
	if err := json.Unmarshal(e.Data, &wire); err != nil {
		return Delta{}, fmt.Errorf("client: reading a chunk: %w", err)
	}
	if len(wire.Error) > 0 && string(wire.Error) != "null" {
		return Delta{}, streamError(e.Data)
	}
	delta := Delta{Usage: wire.Usage, Raw: json.RawMessage(e.Data)}
	if len(wire.Choices) > 0 {
		delta.Content = text(wire.Choices[0].Delta.Content)
		delta.Finish = wire.Choices[0].FinishReason
	}
	return delta, nil
}

func streamError(body []byte) error {
	e := parseAPIError(body)
	if e.Message == "" {
		e.Message = "the service reported an error in the stream"
	}
	return e
}

// fetch makes a call whose answer is one JSON value.
func (c *Client) fetch(ctx context.Context, what call, into any) (http.Header, error) {
	answer, err := c.do(ctx, what)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
	case len(body) > maxAnswer:
		err = fmt.Errorf("it is longer than %d bytes", maxAnswer)
	default:
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return nil, &BrokenError{RequestID: requestID(answer.Header, ""), Err: err}
	}
	return answer.Header, nil
}

func requestID(h http.Header, fallback string) string {
	if id := h.Get("X-Request-Id"); id != "" {
		return id
	}
	return fallback
}

// queued is how long the service says that the call waited for its slot.
func queued(h http.Header) time.Duration {
	ms, err := strconv.ParseFloat(h.Get("X-Fairlead-Queue-Ms"), 64)
	if err != nil {
		return 0
	}
	return seconds(ms / 1000)
}
