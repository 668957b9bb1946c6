package local

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/sse"
)

const (
	introduction = "This is Fairlead's offline provider, not a language model: to be answered by one, set OPENAI_API_KEY " +
		"(or GROQ_API_KEY, OPENROUTER_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST), or name a provider in fairlead.yaml, and restart Fairlead."
	toolsIgnored = "It cannot call tools, so the tools of this request were ignored."

	// deltaWords is how many words go into one chunk of a stream.
	deltaWords = 8
)

// completion is a chat answer before it is written.
type completion struct {
	id      string
	created int64
	words   []string // with the white space before them
	finish  string
	usage   fairlead.Usage
	// withUsage says that the stream's client asked for its usage.
	withUsage bool
}

func answerChat(ctx context.Context, callID string, req *fairlead.Request, out output) error {
	c, err := readConversation(req.Body)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return notJSON(err)
	}
	text, err := c.reply(ctx)
	if err != nil {
		return err
	}
	answer := completion{
		id: "chatcmpl-" + callID, created: time.Now().Unix(),
		words: splitWords(text), finish: "stop", withUsage: req.Envelope.IncludeUsage,
	}
	if limit := req.Envelope.MaxTokens; limit > 0 && len(answer.words) > limit {
		answer.words, answer.finish = answer.words[:limit], "length"
	}
	answer.usage = fairlead.Usage{Input: c.words(), Output: len(answer.words)}
	if req.Envelope.Stream {
		err = answer.stream(ctx, out)
	} else {
		err = answer.whole(ctx, out)
	}
	if err != nil {
		return err
	}
	return out.end(ctx, fairlead.End{Usage: answer.usage, Finish: answer.finish})
}

// reply writes what the offline provider has to say.
func (c *conversation) reply(ctx context.Context) (string, error) {
	quotes, err := c.quotes(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(introduction)
	if c.hasTools {
		b.WriteString(" " + toolsIgnored)
	}
	if c.grounded {
		c.quoteSources(&b, quotes)
		return b.String(), nil
	}
	if len(quotes) > 0 {
		b.WriteString("\n\nThe conversation says about this:")
		for _, q := range quotes {
			b.WriteString("\n- " + speaker(q.role) + ": \"" + shorten(q.text) + "\"")
		}
		return b.String(), nil
	}
	last := c.messages[c.lastUser()]
	if text := strings.TrimSpace(last.text); text != "" {
		b.WriteString("\n\nNothing else in the conversation speaks of it. The last message of the " + speaker(last.role) + " begins: \"" + shorten(text) + "\"")
	}
	return b.String(), nil
}

// quoteSources writes what the documents say.
func (c *conversation) quoteSources(b *strings.Builder, quotes []quote) {
	if len(quotes) == 0 {
		quotes = c.firsts()
	}
	if len(quotes) == 0 {
		b.WriteString("\n\nNothing about this was found in the documents.")
		return
	}
	b.WriteString("\n\nThe documents say about this:")
	for _, q := range quotes {
		b.WriteString("\n- \"" + shorten(q.text) + "\" (" + q.place + ") [" + strconv.Itoa(q.source) + "]")
	}
}

// speaker names who said a message; an unknown role could be of any length.
func speaker(role string) string {
	switch role {
	case "system", "developer", "user", "assistant", "tool", "function":
		return role
	}
	return "other"
}

// splitWords cuts a text before the white space that precedes each word.
func splitWords(text string) []string {
	var pieces []string
	for text != "" {
		start := len(text) - len(strings.TrimLeft(text, " \n"))
		n := strings.IndexAny(text[start:], " \n")
		if n < 0 {
			return append(pieces, text)
		}
		pieces = append(pieces, text[:start+n])
		text = text[start+n:]
	}
	return pieces
}

// whole emits the answer as one chat.completion.
func (c *completion) whole(ctx context.Context, out output) error {
	if err := out.head(ctx, "application/json", false); err != nil {
		return err
	}
	b := c.start("chat.completion")
	b = append(b, `,"choices":[{"index":0,"message":{"role":"assistant","content":`...)
	b = jsonscan.AppendString(b, strings.Join(c.words, ""))
	b = append(b, `,"refusal":null},"logprobs":null,"finish_reason":"`+c.finish+`"}],"usage":`...)
	b = append(c.appendUsage(b), '}')
	return out.data(ctx, b)
}

// stream emits the answer as chunks: the role, the text a few words at a time,
// the finish reason, the usage if it is wanted, and the end marker.
func (c *completion) stream(ctx context.Context, out output) error {
	if err := out.head(ctx, "text/event-stream", true); err != nil {
		return err
	}
	noUsage := ""
	if c.withUsage {
		noUsage = `,"usage":null`
	}
	chunk := func(delta, finish string) error {
		b := c.start("chat.completion.chunk")
		b = append(b, `,"choices":[{"index":0,"delta":`+delta+`,"logprobs":null,"finish_reason":`+finish+`}]`+noUsage+`}`...)
		return out.data(ctx, sse.AppendData(nil, b))
	}
	if err := chunk(`{"role":"assistant","content":"","refusal":null}`, "null"); err != nil {
		return err
	}
	for at := 0; at < len(c.words); at += deltaWords {
		text := strings.Join(c.words[at:min(at+deltaWords, len(c.words))], "")
		if err := chunk(`{"content":`+string(jsonscan.AppendString(nil, text))+`}`, "null"); err != nil {
			return err
		}
	}
	if err := chunk(`{}`, `"`+c.finish+`"`); err != nil {
		return err
	}
	if c.withUsage {
		b := append(c.start("chat.completion.chunk"), `,"choices":[],"usage":`...)
		if err := out.data(ctx, sse.AppendData(nil, append(c.appendUsage(b), '}'))); err != nil {
			return err
		}
	}
	return out.data(ctx, []byte(dialect.DoneFrame))
}

// start begins the object that every answer and chunk is.
func (c *completion) start(object string) []byte {
	b := jsonscan.AppendString([]byte(`{"id":`), c.id)
	b = append(b, `,"object":"`+object+`","created":`...)
	b = strconv.AppendInt(b, c.created, 10)
	return append(b, `,"model":"`+ModelName+`"`...)
}

func (c *completion) appendUsage(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"prompt_tokens":`...), int64(c.usage.Input), 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), int64(c.usage.Output), 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), int64(c.usage.Input+c.usage.Output), 10)
	return append(b, '}')
}
