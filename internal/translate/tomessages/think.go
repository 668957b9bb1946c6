package tomessages

import (
	"math"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// minBudget is the smallest budget for thinking that Anthropic's API takes, in
// tokens.
const minBudget = 1024

// thought is what a request asks of Anthropic's thinking.
type thought struct {
	// kind is thinking.type; "" says nothing of it.
	kind   string
	budget int
	effort string
	// limit is max_tokens, of which the budget is a part.
	limit int
}

// think reads reasoning_effort. The API does not take thinking together with a
// forced tool; nor, with a budget, behind calls whose thinking was lost.
func (j *job) think(c *choice, limit int) (thought, error) {
	own := j.Body.Get("thinking")
	kind, budget := ownThinking(own)
	t := thought{limit: limit}
	if limit < 0 {
		t.limit = defaultMaxTokens + min(budget, math.MaxInt-defaultMaxTokens)
	}
	j.thinks = own.Given() && kind != "disabled"
	value := j.Body.Get("reasoning_effort")
	if field.AsksNothing(value) {
		return t, nil
	}
	if value.Kind() != jsonscan.StringKind {
		return t, field.MustBe("reasoning_effort", "a string")
	}
	effort := value.Text()
	switch {
	case effort == "none" && !own.Given():
		t.kind = "disabled"
	case effort == "none" || own.Given() && j.thinking == ByBudget:
		j.Drop("reasoning_effort")
	case j.thinking == ByBudget:
		j.setBudget(&t, c, effort)
	default:
		if effort == "minimal" {
			effort = "low"
		}
		t.effort = effort
		if !own.Given() && !c.forced() {
			t.kind = "adaptive"
		}
	}
	j.thinks = j.thinks || t.kind == "adaptive" || t.kind == "enabled"
	return t, nil
}

// setBudget turns an effort into a budget. A limit that the client named holds
// for both, as OpenAI's does: thinking gets at most half of it.
func (j *job) setBudget(t *thought, c *choice, effort string) {
	budget := 16384
	switch effort {
	case "minimal":
		budget = minBudget
	case "low":
		budget = 2048
	case "medium":
		budget = 8192
	case "xhigh", "max":
		budget = 32768
	}
	named := j.Body.Get("max_completion_tokens").Given() || j.Body.Get("max_tokens").Given()
	if named {
		budget = min(budget, t.limit/2)
	}
	if budget < minBudget || c.forced() || j.answersTools() {
		j.Drop("reasoning_effort")
		return
	}
	if !named {
		t.limit += budget
	}
	t.kind, t.budget = "enabled", budget
}

// answersTools reports whether the last message is a tool's.
func (j *job) answersTools() bool {
	list, err := rawjson.ReadArray(j.Body.Get("messages"))
	if err != nil || len(list) == 0 {
		return false
	}
	last, err := rawjson.ReadObject(list[len(list)-1])
	return err == nil && last.Get("role").Is("tool")
}

// ownThinking reads a thinking that stands in Anthropic's own form: its type, and
// the budget that it sets.
func ownThinking(value rawjson.Value) (kind string, budget int) {
	o, err := rawjson.ReadObject(value)
	if err != nil {
		return "", 0
	}
	if kind = o.Get("type").Text(); kind == "enabled" {
		budget = o.Get("budget_tokens").Count()
	}
	return kind, budget
}

// outputConfig writes what the request asks of thinking and of the answer's
// form.
func (j *job) outputConfig(t thought) error {
	if t.kind != "" {
		j.Out.Name("thinking")
		j.Out.Open('{')
		j.Out.TextMember("type", t.kind)
		if t.budget > 0 {
			j.Out.IntMember("budget_tokens", t.budget)
		}
		j.Out.Close('}')
	}
	schema, err := j.responseSchema()
	if err != nil {
		return field.Below(err, "response_format")
	}
	if schema == nil && t.effort == "" {
		return nil
	}
	j.Out.Name("output_config")
	j.Out.Open('{')
	if t.effort != "" {
		j.Out.TextMember("effort", t.effort)
	}
	if schema != nil {
		j.Out.Name("format")
		j.Out.Open('{')
		j.Out.TextMember("type", "json_schema")
		j.Out.Member("schema", schema)
		j.Out.Close('}')
	}
	j.Out.Close('}')
	return nil
}

// responseSchema is the schema that response_format asks for; nil if it asks
// for text.
func (j *job) responseSchema() (rawjson.Value, error) {
	value := j.Body.Get("response_format")
	if !value.Given() {
		return nil, nil
	}
	o, err := field.Object("", value)
	if err != nil {
		return nil, err
	}
	switch o.Get("type").Text() {
	case "text":
		j.DropRest("response_format.", o, "type")
		return nil, nil
	case "json_schema":
	default:
		return nil, field.Refuse("type", "only text and json_schema can be asked for")
	}
	j.DropRest("response_format.", o, "type", "json_schema")
	format, err := field.Object("json_schema", o.Get("json_schema"))
	if err != nil {
		return nil, err
	}
	j.DropRest("response_format.json_schema.", format, "name", "strict", "schema")
	schema := format.Get("schema")
	if schema.Kind() != jsonscan.ObjectKind {
		return nil, field.MustBe("json_schema.schema", "an object")
	}
	return schema, nil
}
