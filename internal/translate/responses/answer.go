package responses

import (
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/completion"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// defaultMaxHeld is how many bytes an answer may have, if Options don't say.
const defaultMaxHeld = 8 << 20

// Options is what a translation of an answer has to know beside the answer.
type Options struct {
	// ID is the id of the response, such as "resp_1"; those of its items are made
	// from it.
	ID string
	// Created is when the response was made, in Unix seconds.
	Created int64
	// Asked is the request, of which a response repeats much.
	Asked rawjson.Object
	// Tools are the tools of the request, by which calls are told; nil knows none.
	Tools *toolbox.Box
	// MaxHeld is how many bytes of an answer may be held; 0 means 8 MiB.
	MaxHeld int
}

// Answer translates a whole chat completion. The model's name is the provider's.
//
// Errors are of Kind Upstream: upstream_error when the answer is an error object,
// upstream_invalid_answer when it is no answer, or calls a tool without a name,
// upstream_answer_too_large when it is longer than may be held.
func Answer(body []byte, opts Options) ([]byte, error) {
	if _, err := dialect.ReadChatAnswer(body); err != nil {
		return nil, err
	}
	whole, err := rawjson.ReadObject(body)
	if err != nil {
		return nil, broken.NotJSON(err)
	}
	choices, err := rawjson.ReadArray(whole.Get("choices"))
	if err != nil {
		return nil, broken.NotJSON(err)
	}
	choice, err := rawjson.ReadObject(choices[0])
	if err != nil {
		return nil, broken.NotJSON(err)
	}
	message, err := rawjson.ReadObject(choice.Get("message"))
	if err != nil {
		return nil, broken.NotJSON(err)
	}
	t := newTurn(opts)
	t.note(whole)
	if err := t.take(message, choice.Get("logprobs")); err != nil {
		return nil, err
	}
	if err := t.finish(choice.Get("finish_reason").Text()); err != nil {
		return nil, err
	}
	w := rawjson.NewWriter(len(body) + 1024)
	t.write(w)
	return w.Bytes(), nil
}

// note takes what is told beside the choices: the model, the tier that served it,
// and the usage.
func (t *turn) note(o rawjson.Object) {
	if model := o.Get("model").Text(); model != "" {
		t.model = model
	}
	if tier := o.Get("service_tier"); len(tier.Inside()) > 0 {
		t.tier = append(t.tier[:0], tier...)
	}
	t.usage.read(o.Get("usage"))
}

// take takes a message, or the delta of one: what the model thought, said, and
// called.
func (t *turn) take(message rawjson.Object, logprobs rawjson.Value) error {
	if message.Get("function_call").Given() {
		return broken.Invalid("calls a function in a form that is out of use")
	}
	if err := t.think(completion.Reasoning(message)); err != nil {
		return err
	}
	probs := logprobsOf(logprobs)
	for _, inside := range completion.Text(message.Get("content")) {
		if err := t.say(textPart, inside, probs); err != nil {
			return err
		}
		probs = nil
	}
	if err := t.say(refusalPart, message.Get("refusal").Inside(), nil); err != nil {
		return err
	}
	calls := message.Get("tool_calls")
	if !calls.Given() {
		return nil
	}
	list, err := rawjson.ReadArray(calls)
	if err != nil {
		return broken.Misplaced("tool_calls is no list")
	}
	for i, value := range list {
		if err := t.call(value, i); err != nil {
			return err
		}
	}
	return nil
}

// logprobsOf is the log probabilities of a text, as they stand in an array without
// its brackets.
func logprobsOf(value rawjson.Value) []byte {
	o, err := rawjson.ReadObject(value)
	if err != nil {
		return nil
	}
	list, err := rawjson.ReadArray(o.Get("content"))
	if err != nil {
		return nil
	}
	var w rawjson.Writer
	for _, one := range list {
		w.Raw(one)
	}
	return w.Bytes()
}
