package translate

import (
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

// DefaultMaxTokens is how long an answer may be, in tokens, if neither the
// client nor Options say: Anthropic's API can't be asked without a limit.
const DefaultMaxTokens = 4096

// Options is what a translation of a request has to know beside the body.
type Options struct {
	// Model is the name that the provider knows; "" keeps the body's.
	Model string
	// MaxTokens is the limit of the answer for a client that named none; 0 means
	// DefaultMaxTokens. Only Anthropic's API needs it.
	MaxTokens int
	// MaxTokensName is what a chat provider calls that limit; "" means
	// max_completion_tokens.
	MaxTokensName string
	// Thinking is how Anthropic's model is asked to think.
	Thinking Thinking
	// LeaveOut names top-level fields of the client's body that the model in use
	// is known to refuse: they are dropped and reported.
	LeaveOut []string
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
	if from == to || Rules(from, to) == nil {
		return nil, nil, unsupported()
	}
	api := nameOf(to)
	job, err := field.NewJob(body, opts.LeaveOut)
	if err != nil {
		return nil, nil, field.Complain(err, api)
	}
	job.Out.Open('{')
	if to == fairlead.AnthropicMessages {
		limit := opts.MaxTokens
		if limit <= 0 {
			limit = DefaultMaxTokens
		}
		err = tomessages.Request(job, tomessages.Options{Model: opts.Model, MaxTokens: limit, Thinking: opts.Thinking})
	} else {
		name := opts.MaxTokensName
		if name == "" {
			name = "max_completion_tokens"
		}
		err = tochat.Request(job, tochat.Options{Model: opts.Model, MaxTokensName: name})
	}
	if err != nil {
		return nil, nil, field.Complain(err, api)
	}
	job.Out.Close('}')
	return job.Out.Bytes(), job.Dropped(), nil
}

// Rules is the table of one direction: every field that is known, in the order
// of the documentation. It is nil for a pair of dialects that is not translated.
func Rules(from, to fairlead.Dialect) []field.Rule {
	switch {
	case from == fairlead.OpenAIChat && to == fairlead.AnthropicMessages:
		return tomessages.Rules()
	case from == fairlead.AnthropicMessages && to == fairlead.OpenAIChat:
		return tochat.Rules()
	}
	return nil
}

func unsupported() error {
	return &fairlead.Error{
		Kind: fairlead.Unsupported, Code: "operation_unsupported",
		Message: "The model's provider does not speak the language of this request",
	}
}

// nameOf is what people call the API of a dialect.
func nameOf(d fairlead.Dialect) string {
	if d == fairlead.AnthropicMessages {
		return "Anthropic's messages"
	}
	return "OpenAI's chat completions"
}
