package translate_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/translate"
)

// repeated is a list of n times the same.
func repeated(n int, element string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// TestTooMany: a list that is translated has so many elements, and one more is refused
// before anything is made of them.
func TestTooMany(t *testing.T) {
	const turn, part = `{"role":"user","content":"x"}`, `{"type":"text","text":"x"}`
	of := func(from fairlead.Dialect, head, name string) func(list string) error {
		return func(list string) error {
			body := []byte(`{` + head + `"` + name + `":` + list + `}`)
			if from == fairlead.OpenAIResponses {
				_, err := translate.Responses(&fairlead.Request{Dialect: from, Body: body}, translate.Options{})
				return err
			}
			to := messages
			if from == messages {
				to = chat
			}
			_, _, err := translate.Request(from, to, body, translate.Options{})
			return err
		}
	}
	for _, c := range []struct {
		param, element, before, after string
		translate                     func(list string) error
	}{
		{"messages", turn, "", "", of(chat, "", "messages")},
		{"messages", turn, "", "", of(messages, `"max_tokens":1,`, "messages")},
		{"input", turn, "", "", of(fairlead.OpenAIResponses, "", "input")},
		{"messages[0].content", part, `[{"role":"user","content":`, `}]`, of(chat, "", "messages")},
		{"messages[0].content", part, `[{"role":"user","content":`, `}]`, of(messages, `"max_tokens":1,`, "messages")},
		{"input[0].content", part, `[{"role":"user","content":`, `}]`, of(fairlead.OpenAIResponses, "", "input")},
		{"previous_response_id", turn, "", "", func(list string) error {
			_, err := translate.Responses(&fairlead.Request{
				Body: []byte(`{"input":"x","previous_response_id":"resp_1"}`), Past: fairlead.Past{Items: []byte(list[1 : len(list)-1])},
			}, translate.Options{})
			return err
		}},
	} {
		if c.before == "" {
			if err := c.translate(repeated(envelope.MaxItems, c.element)); err != nil {
				t.Errorf("%s of as many as may be: %v", c.param, err)
			}
		}
		e := fairlead.AsError(c.translate(c.before + repeated(envelope.MaxItems+1, c.element) + c.after))
		if e == nil || e.Kind != fairlead.Invalid || e.Code != "too_many_items" || e.Param != c.param {
			t.Errorf("%s of one more: %+v", c.param, e)
		}
	}
}

// BenchmarkManySmall shows what is taken for a body of as many small messages as may be.
func BenchmarkManySmall(b *testing.B) {
	pair := `{"role":"user","content":"` + strings.Repeat("x", 100) + `"},{"role":"assistant","content":"` + strings.Repeat("y", 100) + `"}`
	list := repeated(envelope.MaxItems/2, pair)
	b.Run("chat", func(b *testing.B) {
		body := []byte(`{"messages":` + list + `}`)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := translate.Request(chat, messages, body, translate.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("responses", func(b *testing.B) {
		body := []byte(`{"input":` + list + `}`)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := translate.Responses(&fairlead.Request{Body: body}, translate.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
