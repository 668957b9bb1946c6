package translate

import (
	"cmp"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/tochat"
	"github.com/fairleadhq/fairlead/internal/translate/tomessages"
)

// Thinking is how a wish for reasoning is said to an Anthropic model.
type Thinking = tomessages.Thinking

// The ways to ask for thinking: models from Claude 4.6 on take an effort, those
// before 4.7 a budget of tokens.
const (
	ByEffort = tomessages.ByEffort
	ByBudget = tomessages.ByBudget
)

// Options is what a translation of a request has to know beside the body.
type Options struct {
	// Model is the name that the provider knows; "" keeps the body's.
	Model string
	// MaxTokensName is what a chat provider calls the limit of an answer; "" means
	// max_completion_tokens.
	MaxTokensName string
	// Thinking is how Anthropic's model is asked to think.
	Thinking Thinking
}

// Request translates a body from one dialect to another. dropped names the
// fields that did not survive and that the caller should be told of, each once,
// at most 32; those of lists as "messages[].name".
//
// Errors are *fairlead.Error of Kind Invalid. untranslatable_field says that a
// field asks for what the other API does not have; Param is its path, such as
// "messages[3].content[0].type". invalid_json, duplicate_key, invalid_type and
// missing_field say that the body is no request in the first place. None quotes
// the body. A pair of dialects that can't be translated is of Kind Unsupported.
func Request(from, to fairlead.Dialect, body []byte, opts Options) (out []byte, dropped []string, err error) {
	var api string // as people call it
	var write func(*field.Job) error
	switch {
	case from == fairlead.OpenAIChat && to == fairlead.AnthropicMessages:
		api = "Anthropic's messages"
		write = func(job *field.Job) error { return tomessages.Request(job, opts.Thinking) }
	case from == fairlead.AnthropicMessages && to == fairlead.OpenAIChat:
		api = "OpenAI's chat completions"
		write = func(job *field.Job) error {
			return tochat.Request(job, cmp.Or(opts.MaxTokensName, "max_completion_tokens"))
		}
	default:
		return nil, nil, unsupported()
	}
	job, err := field.NewJob(body)
	if err != nil {
		return nil, nil, field.Complain(err, api)
	}
	job.Out.Open('{')
	job.Model(opts.Model)
	if err := write(job); err != nil {
		return nil, nil, field.Complain(err, api)
	}
	job.Out.Close('}')
	return job.Out.Bytes(), job.Dropped(), nil
}

func unsupported() error {
	return &fairlead.Error{
		Kind: fairlead.Unsupported, Code: "operation_unsupported",
		Message: "The model's provider does not speak the language of this request",
	}
}
