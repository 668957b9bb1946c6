// Package ask asks a language model for findings as JSON, and bears with models that do
// not do as they are told: one that refuses a schema is asked without, and one whose answer
// can't be read is asked once more.
//
// Start with New, then Asker.Ask.
package ask

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 1 << 20

// Asker asks one model for one call. It is safe for concurrent use.
type Asker struct {
	model fairlead.Model
	call  *fairlead.Call
	name  string
	most  int
	// plain says that the model refused a question with a schema.
	plain atomic.Bool
}

// New returns an Asker of the model under that name, "" being the default one, whose
// answers have at most so many tokens.
func New(model fairlead.Model, call *fairlead.Call, name string, tokens int) *Asker {
	return &Asker{model: model, call: call, name: name, most: tokens}
}

// chatBody is a chat completion's body.
type chatBody struct {
	Model          string          `json:"model,omitempty"`
	Messages       []task.Message  `json:"messages"`
	MaxTokens      int             `json:"max_tokens,omitempty"`
	ResponseFormat json.RawMessage `json:"response_format,omitempty"`
}

// Question is a question to the model, whose answer is findings.
type Question struct {
	Messages []task.Message
	// Schema is the response_format of the answer.
	Schema json.RawMessage
}

// Ask asks the model, and returns what its answer holds for the task. It blocks until the
// model has answered, or failed, with its error. An answer that can't be read, twice, is
// an error of Kind Upstream, with the code upstream_invalid_answer.
func (a *Asker) Ask(ctx context.Context, t *task.Task, q Question) ([]task.Item, fairlead.Usage, error) {
	var used fairlead.Usage
	for range 2 {
		text, usage, err := a.answer(ctx, q)
		used.Input, used.Output = used.Input+usage.Input, used.Output+usage.Output
		if err != nil {
			return nil, used, err
		}
		items, err := t.Items(text)
		if err == nil {
			return items, used, nil
		}
		q.Messages = task.Again(q.Messages)
	}
	return nil, used, &fairlead.Error{
		Kind: fairlead.Upstream, Code: "upstream_invalid_answer", Message: "The model's answer is not of the form that was asked for",
	}
}

// answer asks the model. One that refuses the schema is asked without, from then on.
func (a *Asker) answer(ctx context.Context, q Question) (text string, usage fairlead.Usage, err error) {
	body := chatBody{Model: a.name, Messages: q.Messages}
	if a.plain.Load() {
		return a.once(ctx, body)
	}
	full := body
	full.MaxTokens, full.ResponseFormat = a.most, q.Schema
	text, usage, err = a.once(ctx, full)
	if !fairlead.IsKind(err, fairlead.Invalid) && !fairlead.IsKind(err, fairlead.Unsupported) {
		return text, usage, err
	}
	var more fairlead.Usage
	text, more, err = a.once(ctx, body)
	if err == nil {
		a.plain.Store(true)
	}
	return text, fairlead.Usage{Input: usage.Input + more.Input, Output: usage.Output + more.Output}, err
}

// once makes one call of the model.
func (a *Asker) once(ctx context.Context, body chatBody) (string, fairlead.Usage, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return "", fairlead.Usage{}, err
	}
	env, err := envelope.Chat(raw)
	if err != nil {
		return "", fairlead.Usage{}, err
	}
	var whole []byte
	var end fairlead.End
	tooLong := false
	err = a.model.Answer(ctx, a.call, &fairlead.Request{Dialect: fairlead.OpenAIChat, Body: raw, Envelope: env}, func(e fairlead.Event) error {
		if e.End != nil {
			end = *e.End
		}
		if tooLong = len(whole)+len(e.Data) > maxAnswer; tooLong {
			return errTooLong
		}
		whole = append(whole, e.Data...)
		return nil
	})
	switch {
	case tooLong: // whatever the model makes of it
		return "", end.Usage, &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_answer_too_long", Message: "The model's answer is too long", Err: err}
	case err != nil:
		return "", end.Usage, err
	}
	text, err := content(whole)
	return text, end.Usage, err
}

// errTooLong ends an answer that is longer than maxAnswer.
var errTooLong = errors.New("the answer is too long")

// content is the text of the first choice of a chat completion. It is "" where the model
// gave none, or refused.
func content(body []byte) (string, error) {
	var answer struct {
		Choices []struct {
			Message struct {
				Content json.RawMessage `json:"content"`
			} `json:"message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Choices) == 0 {
		return "", &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_invalid_answer", Message: "The model's answer is not a chat completion"}
	}
	return textOf(answer.Choices[0].Message.Content), nil
}

// textOf is the text of a message's content, which is a string or a list of parts.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	var all strings.Builder
	if json.Unmarshal(raw, &parts) == nil {
		for _, p := range parts {
			all.WriteString(p.Text)
		}
	}
	return all.String()
}
