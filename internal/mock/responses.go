package mock

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead/internal/mock/responses"
)

// responsesAPI spells failures as the Responses API does.
type responsesAPI struct{ openAI }

func (r responsesAPI) errorBody(status int, message string) object {
	body := r.openAI.errorBody(status, message)
	if said, ok := body["error"].(object); ok && strings.Contains(message, responses.NotFound) {
		said["code"], said["param"] = "previous_response_not_found", "previous_response_id"
	}
	return body
}

func (responsesAPI) errorFrame(message string) []byte { return responses.ErrorFrame(message) }
func (responsesAPI) brokenFrame() []byte              { return responses.BrokenFrame() }

// readResponses reads the body of a response. Where it continues another one, the
// last user message stands for all of the conversation.
func (m *Mock) readResponses(header http.Header, body []byte) (ask, error) {
	turn, err := m.memory.Begin(header, body)
	if err != nil {
		return ask{model: turn.Model}, err
	}
	a := ask{model: turn.Model, stream: turn.Stream, turn: turn}
	if turn.MaxOutputTokens != nil {
		a.maxTokens = *turn.MaxOutputTokens
	}
	if turn.Tool != nil {
		a.tool = &toolSpec{turn.Tool.Name, turn.Tool.Schema}
	}
	var said []string
	a.messages, a.size, said = turn.Heard()
	if turn.Previous == nil && len(said) > 0 {
		said = said[len(said)-1:]
	}
	a.lastUser = strings.Join(said, " / ")
	return a, nil
}

// answerResponses answers as a response, whole or in a stream. It is remembered
// unless it is to fail.
func answerResponses(ctx context.Context, p *reply) error {
	said, turn := p.compose(), p.ask.turn
	a := responses.Answer{
		Number: p.number, Created: time.Now().Unix(), Tokens: said.tokens, Cut: said.cut,
		Input: said.usage.input, Output: said.usage.output, NoUsage: p.how.nousage,
		NoEnd: p.how.fault.nodone, NoFinish: p.ask.stream && p.how.fault.nofinish,
	}
	if said.call != nil {
		a.CallID, a.Arguments = said.call.id, said.call.arguments
	}
	if p.how.fault == noFault() {
		turn.Keep(a)
	}
	if p.ask.stream {
		return p.stream(ctx, turn.Frames(a))
	}
	return p.json(ctx, turn.Response(a))
}
