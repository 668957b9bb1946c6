package providertest

import (
	"bytes"

	"github.com/fairleadhq/fairlead"
)

// question is one question to the model under test.
type question struct {
	speech    *speech
	operation fairlead.Operation
	streamed  bool
	usage     bool
}

func (s *suite) chat() question { return question{speech: s.speech, operation: fairlead.Chat} }
func (s *suite) stream() question {
	return question{speech: s.speech, operation: fairlead.Chat, streamed: true}
}

// wholes are the questions that are not for a stream. One that is no chat is not
// asked across dialects.
func (s *suite) wholes() []question {
	if s.speech != s.upstream {
		return []question{s.chat()}
	}
	return []question{s.chat(), {speech: s.speech, operation: s.speech.other}}
}

func (s *suite) all() []question { return append(s.wholes(), s.stream()) }

func (r question) withUsage() question {
	r.usage = true
	return r
}

func (r question) name() string {
	if r.streamed {
		return "stream"
	}
	return r.operation.String()
}

// request is the question as a caller would have sent it.
func (r question) request() *fairlead.Request {
	const model = `"test-model"`
	const options = `{"include_usage":true}`
	dialect, body := r.speech.dialect, `{"model":`+model+`,"messages":[{"role":"user","content":"What guides a line?"}]`
	if dialect == fairlead.OpenAIResponses {
		body = `{"model":` + model + `,"input":"What guides a line?"`
	}
	if r.operation == fairlead.Embed {
		dialect, body = fairlead.OpenAIEmbeddings, `{"model":`+model+`,"input":"What guides a line?"`
	}
	if dialect == fairlead.AnthropicMessages && r.operation == fairlead.Chat {
		body += `,"max_tokens":100`
	}
	if r.streamed {
		body += `,"stream":true`
	}
	if r.usage {
		body += `,"stream_options":` + options
	}
	raw := []byte(body + "}")
	return &fairlead.Request{
		Dialect: dialect,
		Body:    raw,
		Envelope: fairlead.Envelope{
			Model:           "test-model",
			Stream:          r.streamed,
			IncludeUsage:    r.usage,
			ModelAt:         spanOf(raw, model),
			StreamOptionsAt: spanOf(raw, options),
			CloseAt:         len(raw) - 1,
		},
	}
}

func spanOf(body []byte, value string) fairlead.Span {
	at := bytes.Index(body, []byte(value))
	if at < 0 {
		return fairlead.Span{}
	}
	return fairlead.Span{Start: at, End: at + len(value)}
}
