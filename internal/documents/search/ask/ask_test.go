package ask_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/ask"
)

// says is a model that says always the same, in pieces. What emit returns it makes its own
// error of.
type says []string

func (s says) Answer(_ context.Context, _ *fairlead.Call, _ *fairlead.Request, emit fairlead.Emit) error {
	for _, data := range s {
		if err := emit(fairlead.Event{Data: []byte(data)}); err != nil {
			return errors.New("the client left")
		}
	}
	return nil
}

// TestUnfitAnswers: an answer that makes no sense is the provider's failure, not the
// service's.
func TestUnfitAnswers(t *testing.T) {
	t.Parallel()
	const invalid, tooLong = "upstream_invalid_answer", "upstream_answer_too_long"
	for name, test := range map[string]struct {
		answer says
		code   string
	}{
		"no JSON":             {says{"oh dear"}, invalid},
		"none":                {says{`{"data":[]}`}, invalid},
		"one of two":          {says{`{"data":[{"index":0,"embedding":[1,2]}]}`}, invalid},
		"twice the same":      {says{`{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`}, invalid},
		"of two lengths":      {says{`{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1]}]}`}, invalid},
		"empty":               {says{`{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`}, invalid},
		"without a direction": {says{`{"data":[{"index":0,"embedding":[0,0]},{"index":1,"embedding":[1,0]}]}`}, invalid},
		"absurdly long": {says{
			`{"data":[{"index":0,"embedding":[1`, strings.Repeat(",1", ask.MostNumbers), `]},{"index":1,"embedding":[1`, strings.Repeat(",1", ask.MostNumbers), `]}]}`,
		}, invalid},
		"without an end": {says{strings.Repeat(" ", 20<<20), strings.Repeat(" ", 20<<20)}, tooLong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ask.Client{Model: test.answer}.Vectors(t.Context(), &fairlead.Call{}, "m", 0, []string{"one", "two"})
			e, ok := errors.AsType[*fairlead.Error](err)
			if !ok || e.Kind != fairlead.Upstream || e.Code != test.code || ask.Code(err) != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}
