package mock

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/mock/plainjson"
)

// answer is what the mock says, before either API has spelled it.
type answer struct {
	// tokens are the pieces of the text; joined they are the whole.
	tokens []string
	call   *toolCall // instead of a text
	cut    bool      // the caller's limit of tokens was reached
	usage  usage
}

type toolCall struct {
	id, name  string
	arguments string // a JSON object
}

// compose decides what to say.
func (p *reply) compose() answer {
	var a answer
	if p.ask.tool != nil {
		a.call = &toolCall{
			id:        fmt.Sprintf("call_mock_%d", p.number),
			name:      p.ask.tool.name,
			arguments: plainjson.Arguments(p.ask.tool.schema),
		}
		a.usage = usage{p.inputTokens(), 1 + len(a.call.arguments)/4}
	} else {
		a.tokens = p.say()
		if limit := p.ask.maxTokens; limit > 0 && limit < len(a.tokens) {
			a.tokens, a.cut = a.tokens[:limit], true
		}
		a.usage = usage{p.inputTokens(), len(a.tokens)}
	}
	if p.how.usage != nil {
		a.usage = *p.how.usage
	}
	return a
}

// inputTokens is a guess of four bytes a token.
func (p *reply) inputTokens() int {
	if p.how.usage != nil {
		return p.how.usage.input
	}
	return 1 + p.ask.size/4
}

// say returns the text in pieces. The first names the speaker.
func (p *reply) say() []string {
	const speaker = "Fairlead mock:"
	said := fmt.Sprintf(" model %s was sent %d message(s); the last user message has %d bytes.",
		p.ask.model, p.ask.messages, len(p.ask.lastUser))
	if p.how.echo {
		said = " " + p.ask.lastUser
	}
	tokens := []string{speaker}
	for at := 0; at < len(said); {
		next := strings.IndexByte(said[at+1:], ' ')
		if next < 0 {
			next = len(said) - at - 1
		}
		tokens = append(tokens, said[at:at+1+next])
		at += 1 + next
	}
	if p.how.tokens == 0 {
		return tokens
	}
	for n := len(tokens); n < p.how.tokens; n++ {
		tokens = append(tokens, " token"+strconv.Itoa(n+1))
	}
	return tokens[:p.how.tokens]
}
