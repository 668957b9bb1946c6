package reply

import (
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/broken"
	"github.com/fairleadhq/fairlead/internal/translate/completion"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Options is what a translation of an answer has to know beside the answer.
type Options struct {
	// Created is when the answer was made, in Unix seconds: chat completions tell
	// it and Anthropic's messages don't.
	Created int64
	// IncludeUsage says that the client of a chat stream asked for its usage.
	IncludeUsage bool
	// MaxHeld is how many bytes a stream may hold back; 0 means 1 MiB.
	MaxHeld int
}

// Answer translates a whole answer from the provider's dialect to the client's.
// Ids and the model's name stay the provider's, but for the beginnings of ids.
//
// Errors are of Kind Upstream: upstream_error when the answer is an error
// object, upstream_invalid_answer when it is no answer, or calls a tool with
// arguments that are no JSON object; one that was cut off leaves such a call
// out. A pair of dialects that is not translated is of Kind Unsupported.
func Answer(from, to fairlead.Dialect, body []byte, opts Options) (out []byte, err error) {
	switch {
	case from == fairlead.AnthropicMessages && to == fairlead.OpenAIChat:
		return chatAnswer(body, opts)
	case from == fairlead.OpenAIChat && to == fairlead.AnthropicMessages:
		return messagesAnswer(body)
	}
	return nil, unsupported()
}

func unsupported() error {
	return &fairlead.Error{
		Kind: fairlead.Unsupported, Code: "operation_unsupported",
		Message: "The model's provider does not speak the language of this request",
	}
}

// gathered is what the blocks of a message hold, by what it becomes in a chat
// completion.
type gathered struct {
	text, thinking [][]byte
	calls          rawjson.Writer
	count          int
}

// chatAnswer writes a message of Anthropic's as a chat completion.
func chatAnswer(body []byte, opts Options) ([]byte, error) {
	message, err := rawjson.ReadObject(body)
	if err != nil {
		return nil, broken.NotJSON(err)
	}
	if message.Get("error").Given() {
		return nil, reported(body)
	}
	blocks, err := rawjson.ReadArray(message.Get("content"))
	if err != nil {
		return nil, broken.Invalid("has no content")
	}
	var g gathered
	for _, block := range blocks {
		if err := g.block(block); err != nil {
			return nil, err
		}
	}
	var u usage
	u.readMessages(message.Get("usage"))
	stop := message.Get("stop_reason").Text()

	w := rawjson.NewWriter(len(body) + 512)
	w.Open('{')
	w.TextMember("id", renamed(message.Get("id").Text(), messageID, chatID))
	w.TextMember("object", "chat.completion")
	w.IntMember("created", int(opts.Created))
	w.TextMember("model", message.Get("model").Text())
	w.Name("choices")
	w.Open('[')
	w.Open('{')
	w.IntMember("index", 0)
	w.Name("message")
	g.write(w, refusalOf(message.Get("stop_details")))
	w.Member("logprobs", nil)
	w.TextMember("finish_reason", finishReason(stop))
	w.Close('}')
	w.Close(']')
	if u.known {
		w.Name("usage")
		u.writeChat(w)
	}
	w.Close('}')
	return w.Bytes(), nil
}

// block adds a block. Those of tools that Anthropic runs itself are passed over:
// no translated request asks for them.
func (g *gathered) block(value rawjson.Value) error {
	block, err := rawjson.ReadObject(value)
	if err != nil {
		return broken.Invalid("has a block that is no object")
	}
	switch block.Get("type").Text() {
	case "text":
		g.text = append(g.text, block.Get("text").Inside())
	case "thinking":
		g.thinking = append(g.thinking, block.Get("thinking").Inside())
	case "tool_use":
		input := block.Get("input")
		if !isObject(input) {
			return broken.Invalid("calls a tool without an input")
		}
		w := &g.calls
		w.Open('{')
		w.TextMember("id", block.Get("id").Text())
		w.TextMember("type", "function")
		w.Name("function")
		w.Open('{')
		w.TextMember("name", block.Get("name").Text())
		w.TextMember("arguments", string(input))
		w.Close('}')
		w.Close('}')
		g.count++
	}
	return nil
}

// write writes the message of a chat completion.
func (g *gathered) write(w *rawjson.Writer, refusal rawjson.Value) {
	w.Open('{')
	w.TextMember("role", "assistant")
	w.Name("content")
	if len(g.text) == 0 {
		w.Raw([]byte("null"))
	} else {
		w.Joined(g.text...)
	}
	w.Member("refusal", refusal)
	if len(g.thinking) > 0 {
		w.Name("reasoning_content")
		w.Joined(g.thinking...)
	}
	if g.count > 0 {
		w.Name("tool_calls")
		w.Open('[')
		w.Raw(g.calls.Bytes())
		w.Close(']')
	}
	w.Close('}')
}

// refusalOf is the explanation in the details of a stop; nil if there is none.
func refusalOf(details rawjson.Value) rawjson.Value {
	o, err := rawjson.ReadObject(details)
	if err != nil {
		return nil
	}
	if explanation := o.Get("explanation"); explanation.Kind() == jsonscan.StringKind {
		return explanation
	}
	return nil
}

// messagesAnswer writes a chat completion as a message of Anthropic's.
func messagesAnswer(body []byte) ([]byte, error) {
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
	finish := choice.Get("finish_reason").Text()

	id := whole.Get("id").Text()
	w := rawjson.NewWriter(len(body) + 512)
	messageHead(w, id, whole.Get("model").Text())
	w.Open('[')
	b := &blocks{w: w, id: id, isCut: completion.IsCut(finish)}
	if err := b.message(message); err != nil {
		return nil, err
	}
	w.Close(']')
	stop := stopReason(finish, b.calls)
	if b.refused {
		stop = "refusal"
	}
	w.TextMember("stop_reason", stop)
	w.Member("stop_sequence", nil)
	var u usage
	u.readChat(whole.Get("usage"))
	w.Name("usage")
	u.writeMessages(w)
	w.Close('}')
	return w.Bytes(), nil
}

// messageHead begins a message, up to its content.
func messageHead(w *rawjson.Writer, id, model string) {
	w.Open('{')
	w.TextMember("id", renamed(id, chatID, messageID))
	w.TextMember("type", "message")
	w.TextMember("role", "assistant")
	w.TextMember("model", model)
	w.Name("content")
}

// blocks writes the blocks of a message.
type blocks struct {
	w     *rawjson.Writer
	id    string
	calls int
	// isCut says that the answer was cut off, refused that the model
	// declined to answer.
	isCut, refused bool
}

// message writes what a message of chat completions holds: what the model
// thought, said, and called.
func (b *blocks) message(message rawjson.Object) error {
	if message.Get("function_call").Given() {
		return broken.Invalid("calls a function in a form that is out of use")
	}
	if thinking := completion.Reasoning(message); len(thinking) > 0 {
		b.w.Open('{')
		b.w.TextMember("type", "thinking")
		b.w.Name("thinking")
		b.w.Joined(thinking)
		b.w.TextMember("signature", "")
		b.w.Close('}')
	}
	b.text(completion.Text(message.Get("content")))
	if refusal := message.Get("refusal").Inside(); len(refusal) > 0 {
		b.refused = true
		b.text([][]byte{refusal})
	}
	calls := message.Get("tool_calls")
	if !calls.Given() {
		return nil
	}
	list, err := rawjson.ReadArray(calls)
	if err != nil {
		return broken.Invalid("has tool_calls that are no list")
	}
	for _, call := range list {
		if err := b.call(call); err != nil {
			return err
		}
	}
	return nil
}

func (b *blocks) text(insides [][]byte) {
	if len(insides) == 0 {
		return
	}
	b.w.Open('{')
	b.w.TextMember("type", "text")
	b.w.Name("text")
	b.w.Joined(insides...)
	b.w.Close('}')
}

func (b *blocks) call(value rawjson.Value) error {
	call, function, err := completion.CallOf(value)
	if err != nil {
		return err
	}
	input, err := rawjson.ArgumentsOf(function.Get("arguments"))
	switch {
	case err != nil && b.isCut:
		return nil
	case err != nil:
		return broken.Invalid("calls a tool with arguments that are no JSON object")
	case function.Get("name").Text() == "":
		return broken.Invalid("calls a tool without a name")
	}
	b.w.Open('{')
	b.w.TextMember("type", "tool_use")
	b.w.TextMember("id", toolUseID(call.Get("id").Text(), b.id, b.calls))
	b.w.TextMember("name", function.Get("name").Text())
	b.w.Member("input", input)
	b.w.Close('}')
	b.calls++
	return nil
}

// toolUseID is the id of a call. One that the provider left out is made from
// the answer's.
func toolUseID(id, answer string, n int) string {
	if id == "" {
		id = renamed(answer, chatID, callID) + "_" + strconv.Itoa(n)
	}
	return rawjson.CallID(id)
}
