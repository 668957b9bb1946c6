package ask_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/ask"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/task"
)

// pieces is a model that answers with these pieces of a body, the first time with the
// first, and so on.
type pieces struct {
	answers [][]string
	asked   []string
	err     error
}

func (p *pieces) Answer(_ context.Context, _ *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	p.asked = append(p.asked, string(req.Body))
	if p.err != nil {
		return p.err
	}
	answer := p.answers[min(len(p.asked), len(p.answers))-1]
	for _, piece := range answer {
		if err := emit(fairlead.Event{Data: []byte(piece)}); err != nil {
			return fairlead.NewCanceled(err)
		}
	}
	return emit(fairlead.Event{End: &fairlead.End{Usage: fairlead.Usage{Input: 3, Output: 1}}})
}

func TestAsk(t *testing.T) {
	t.Parallel()
	broken := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}
	for name, test := range map[string]struct {
		model pieces
		calls int
		items int
		code  string
	}{
		"a string":   {pieces{answers: [][]string{{`{"choices":[{"message":{"content":"{\"findings\":`, `[{\"title\":\"t\"}]}"}}]}`}}}, 1, 1, ""},
		"parts":      {pieces{answers: [][]string{{`{"choices":[{"message":{"content":[{"type":"text","text":"{\"findings\":"},{"type":"text","text":"[]}"}]}}]}`}}}, 1, 0, ""},
		"a refusal":  {pieces{answers: [][]string{{`{"choices":[{"message":{"content":null,"refusal":"no"}}]}`}}}, 2, 0, "upstream_invalid_answer"},
		"no choices": {pieces{answers: [][]string{{`{"choices":[]}`}}}, 1, 0, "upstream_invalid_answer"},
		"no JSON":    {pieces{answers: [][]string{{`<html>`}}}, 1, 0, "upstream_invalid_answer"},
		"too long":   {pieces{answers: [][]string{{`{"choices":[`, strings.Repeat(" ", 1<<20), `]}`}}}, 1, 0, "upstream_answer_too_long"},
		"an error":   {pieces{err: broken}, 1, 0, "upstream_error"},
		"refused":    {pieces{err: &fairlead.Error{Kind: fairlead.Invalid, Code: "context_length_exceeded"}}, 2, 0, "context_length_exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := task.For(task.Risk, "")
			items, usage, err := ask.New(&test.model, nil, "m", 100).Ask(t.Context(), &k, ask.Question{Messages: []task.Message{{Role: "user", Content: "Read!"}}, Schema: k.ReadSchema()})
			e, _ := errors.AsType[*fairlead.Error](err)
			if (e == nil) != (test.code == "") || e != nil && e.Code != test.code || len(items) != test.items || len(test.model.asked) != test.calls {
				t.Errorf("got %d items, %v after %d calls", len(items), err, len(test.model.asked))
			}
			if test.code == "" && usage.Input != 3*test.calls {
				t.Errorf("got usage %+v", usage)
			}
			if first := test.model.asked[0]; !strings.Contains(first, `"model":"m"`) || !strings.Contains(first, `"max_tokens":100`) || !strings.Contains(first, `"strict":true`) {
				t.Errorf("asked %s", first)
			}
		})
	}
}
