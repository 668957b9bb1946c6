package tochat

import (
	"cmp"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

const (
	// maxUser is the longest user that OpenAI takes, in characters.
	maxUser = 64
	// smallBudget and mediumBudget, in tokens, divide budgets for thinking into
	// low, medium and high.
	smallBudget, mediumBudget = 4096, 16384
)

// job is one translation.
type job struct {
	*field.Job
	maxTokensName string
}

// Request writes all of a job's body but for the model; it leaves the object
// open. maxTokensName is what the provider calls the limit of the answer. Errors
// are for field.Complain.
func Request(of *field.Job, maxTokensName string) error {
	j := &job{Job: of, maxTokensName: maxTokensName}
	if err := j.Fields(Fields(), j.mapped); err != nil {
		return err
	}
	if err := j.namedTool(); err != nil {
		return field.Below(err, "tool_choice")
	}
	if err := j.reasoning(); err != nil {
		return err
	}
	return j.messages()
}

// mapped writes a field that does not depend on others.
func (j *job) mapped(name string, value rawjson.Value) error {
	switch name {
	case "max_tokens":
		return j.maxTokens(value)
	case "stop_sequences":
		if !field.AsksNothing(value) {
			j.Out.Member("stop", value)
		}
	case "stream":
		j.stream(value)
	case "tools":
		return j.Tools(j.function)
	case "metadata":
		return j.metadata(value)
	case "service_tier":
		j.serviceTier(value)
	}
	return nil
}

func (j *job) maxTokens(value rawjson.Value) error {
	n, ok := value.Int()
	switch {
	case !ok || n < 0:
		return field.MustBe("max_tokens", "a positive integer")
	case n == 0:
		return field.Refuse("max_tokens", "there is no call without an answer")
	}
	j.Out.IntMember(j.maxTokensName, n)
	return nil
}

func (j *job) stream(value rawjson.Value) {
	j.Out.Member("stream", value)
	if value.Kind() == jsonscan.TrueKind {
		j.Out.Member("stream_options", rawjson.Value(`{"include_usage":true}`))
	}
}

func (j *job) metadata(value rawjson.Value) error {
	o, err := field.Object("metadata", value)
	if err != nil {
		return err
	}
	j.DropRest("metadata.", o, "user_id")
	id := o.Get("user_id")
	switch {
	case !id.Given():
	case id.Kind() != jsonscan.StringKind:
		return field.MustBe("metadata.user_id", "a string")
	case len([]rune(id.Text())) > maxUser:
		j.Drop("metadata.user_id")
	default:
		j.Out.Member("user", id)
	}
	return nil
}

func (j *job) serviceTier(value rawjson.Value) {
	switch value.Text() {
	case "auto":
		j.Out.TextMember("service_tier", "auto")
	case "standard_only":
		j.Out.TextMember("service_tier", "default")
	default:
		if !field.AsksNothing(value) {
			j.Drop("service_tier")
		}
	}
}

// function writes a tool, which must be the client's own.
func (j *job) function(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	if kind := o.Get("type"); kind.Given() && !kind.Is("custom") {
		return field.Refuse("type", "tools that Anthropic defines or runs are not there")
	}
	name, err := field.Text(o, "name")
	if err != nil {
		return err
	}
	j.DropRest("tools[].", o, "type", "name", "description", "input_schema", "strict")
	j.Out.Open('{')
	j.Out.TextMember("type", "function")
	j.Out.Name("function")
	j.Out.Open('{')
	j.Out.Member("name", name)
	if description := o.Get("description"); description.Given() {
		j.Out.Member("description", description)
	}
	schema := o.Get("input_schema")
	if schema.Kind() != jsonscan.ObjectKind {
		return field.MustBe("input_schema", "an object")
	}
	j.Out.Member("parameters", schema)
	if strict := o.Get("strict"); !field.AsksNothing(strict) {
		j.Out.Member("strict", strict)
	}
	j.Out.Close('}')
	j.Out.Close('}')
	return nil
}

// namedTool writes tool_choice.
func (j *job) namedTool() error {
	value := j.Body.Get("tool_choice")
	if !value.Given() {
		return nil
	}
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	oneByOne, err := field.Flag("disable_parallel_tool_use", o.Get("disable_parallel_tool_use"))
	if err != nil {
		return err
	}
	kind := o.Get("type").Text()
	known := []string{"type", "disable_parallel_tool_use"}
	if kind == "tool" {
		known = append(known, "name")
	}
	j.DropRest("tool_choice.", o, known...)
	if err := j.choose(kind, o); err != nil {
		return err
	}
	if oneByOne && j.hasTools() {
		j.Out.Member("parallel_tool_calls", rawjson.Value("false"))
	}
	return nil
}

// hasTools reports whether there is something to choose from.
func (j *job) hasTools() bool { return !field.AsksNothing(j.Body.Get("tools")) }

// choose writes a choice of that kind.
func (j *job) choose(kind string, choice rawjson.Object) error {
	switch kind {
	case "auto", "none":
		if j.hasTools() { // or it says nothing
			j.Out.TextMember("tool_choice", kind)
		}
	case "any":
		j.Out.TextMember("tool_choice", "required")
	case "tool":
		name, err := field.Text(choice, "name")
		if err != nil {
			return err
		}
		j.Out.Name("tool_choice")
		j.Out.Open('{')
		j.Out.TextMember("type", "function")
		j.Out.Name("function")
		j.Out.Open('{')
		j.Out.Member("name", name)
		j.Out.Close('}')
		j.Out.Close('}')
	default:
		return field.MustBe("type", "auto, any, tool or none")
	}
	return nil
}

// reasoning writes what thinking, output_config and output_format ask for.
func (j *job) reasoning() error {
	effort, err := j.thinkingEffort()
	if err != nil {
		return err
	}
	own, format, err := j.outputConfig()
	if err != nil {
		return err
	}
	if older := j.Body.Get("output_format"); !format.Given() {
		format = older
	} else if older.Given() {
		j.Drop("output_format")
	}
	if effort = cmp.Or(own, effort); effort != "" {
		j.Out.TextMember("reasoning_effort", effort)
	}
	if !format.Given() {
		return nil
	}
	return j.format(format)
}

// outputConfig reads output_config; what it does not set is empty.
func (j *job) outputConfig() (effort string, format rawjson.Value, err error) {
	value := j.Body.Get("output_config")
	if !value.Given() {
		return "", nil, nil
	}
	o, err := field.Object("output_config", value)
	if err != nil {
		return "", nil, err
	}
	j.DropRest("output_config.", o, "effort", "format")
	own := o.Get("effort")
	if own.Kind() != jsonscan.StringKind && !field.AsksNothing(own) {
		return "", nil, field.MustBe("output_config.effort", "a string")
	}
	return own.Text(), o.Get("format"), nil
}

// format writes the form of the answer.
func (j *job) format(format rawjson.Value) error {
	o, err := field.Object("output_config.format", format)
	if err != nil {
		return err
	}
	if !o.Get("type").Is("json_schema") {
		return field.Refuse("output_config.format.type", "only json_schema can be asked for")
	}
	j.DropRest("output_config.format.", o, "type", "schema")
	schema := o.Get("schema")
	if schema.Kind() != jsonscan.ObjectKind {
		return field.MustBe("output_config.format.schema", "an object")
	}
	j.Out.Name("response_format")
	j.Out.Open('{')
	j.Out.TextMember("type", "json_schema")
	j.Out.Name("json_schema")
	j.Out.Open('{')
	j.Out.TextMember("name", "answer")
	j.Out.Member("strict", rawjson.Value("true"))
	j.Out.Member("schema", schema)
	j.Out.Close('}')
	j.Out.Close('}')
	return nil
}

// thinkingEffort is the reasoning_effort that thinking asks for; "" if none.
func (j *job) thinkingEffort() (string, error) {
	value := j.Body.Get("thinking")
	if !value.Given() {
		return "", nil
	}
	o, err := field.Object("thinking", value)
	if err != nil {
		return "", err
	}
	switch o.Get("type").Text() {
	case "adaptive":
		j.DropRest("thinking.", o, "type")
		return "", nil
	case "disabled":
		j.Drop("thinking")
		return "", nil
	case "enabled":
		j.DropRest("thinking.", o, "type", "budget_tokens")
		return effortOf(o.Get("budget_tokens"))
	}
	return "", field.MustBe("thinking.type", "enabled, adaptive or disabled")
}

// effortOf is the reasoning_effort that stands for a budget.
func effortOf(value rawjson.Value) (string, error) {
	budget, ok := value.Int()
	switch {
	case value.Given() && !ok:
		return "", field.MustBe("thinking.budget_tokens", "an integer")
	case budget < smallBudget:
		return "low", nil
	case budget < mediumBudget:
		return "medium", nil
	}
	return "high", nil
}
