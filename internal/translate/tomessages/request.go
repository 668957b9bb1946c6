package tomessages

import (
	"bytes"
	"strconv"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// Thinking is how a wish for reasoning is said.
type Thinking uint8

const (
	// ByEffort asks for adaptive thinking with an effort: Claude 4.6 and later.
	ByEffort Thinking = iota
	// ByBudget asks for thinking with a budget of tokens: Claude 4.5 and before.
	ByBudget
)

// defaultMaxTokens is how long an answer may be, in tokens, if the client did not
// say: Anthropic's API can't be asked without a limit.
const defaultMaxTokens = 4096

// job is one translation.
type job struct {
	*field.Job
	thinking Thinking
	// thinks says that the model is asked to think, beside which less can be
	// chosen.
	thinks bool
}

// Request writes all of a job's body but for the model; it leaves the object
// open. Errors are for field.Complain.
func Request(of *field.Job, thinking Thinking) error {
	j := &job{Job: of, thinking: thinking}
	choice, err := j.toolChoice()
	if err != nil {
		return err
	}
	limit, err := j.limit()
	if err != nil {
		return err
	}
	think, err := j.think(choice, limit)
	if err != nil {
		return err
	}
	j.Out.IntMember("max_tokens", think.limit)
	if err := j.Fields(Fields(), j.mapped); err != nil {
		return err
	}
	if err := j.conversation(); err != nil {
		return err
	}
	if err := j.Tools(j.tool); err != nil {
		return err
	}
	if choice.kind != "" {
		choice.write(j.Out)
	}
	return j.outputConfig(think)
}

// mapped writes a field that does not depend on others.
func (j *job) mapped(name string, value rawjson.Value) error {
	switch name {
	case "temperature":
		return j.temperature(value)
	case "top_k":
		j.topK(value)
	case "stop":
		return j.stop(value)
	case "stream_options":
		return j.streamOptions(value)
	case "user":
		return j.user(value)
	case "safety_identifier":
		return j.safetyIdentifier(value)
	case "service_tier":
		j.serviceTier(value)
	case "n":
		return choices(value)
	case "modalities":
		return modalities(value)
	}
	return nil
}

// limit is how long the answer may be, in tokens; negative if the client did
// not say.
func (j *job) limit() (int, error) {
	for _, name := range []string{"max_completion_tokens", "max_tokens"} {
		value := j.Body.Get(name)
		if !value.Given() {
			continue
		}
		if n, ok := value.Int(); ok && n > 0 {
			return n, nil
		}
		return 0, field.MustBe(name, "a positive integer")
	}
	return -1, nil
}

// forced reports whether the request makes the model call a tool.
func (c *choice) forced() bool { return c.kind == "any" || c.kind == "tool" }

// choice is Anthropic's tool_choice; without a kind there is none.
type choice struct {
	kind     string
	name     rawjson.Value
	oneByOne bool
}

func (c *choice) write(w *rawjson.Writer) {
	w.Name("tool_choice")
	w.Open('{')
	w.TextMember("type", c.kind)
	if c.name != nil {
		w.Member("name", c.name)
	}
	if c.oneByOne && c.kind != "none" {
		w.Member("disable_parallel_tool_use", rawjson.Value("true"))
	}
	w.Close('}')
}

// toolChoice reads tool_choice and parallel_tool_calls.
func (j *job) toolChoice() (*choice, error) {
	parallel := j.Body.Get("parallel_tool_calls")
	if _, err := field.Flag("parallel_tool_calls", parallel); err != nil {
		return nil, err
	}
	c := &choice{oneByOne: parallel.Kind() == jsonscan.FalseKind}
	if err := j.readChoice(c); err != nil {
		return nil, field.Below(err, "tool_choice")
	}
	switch {
	case field.AsksNothing(j.Body.Get("tools")) && !c.forced():
		c.kind = "" // without tools there is nothing to choose
	case c.kind == "" && c.oneByOne:
		c.kind = "auto"
	}
	return c, nil
}

func (j *job) readChoice(c *choice) error {
	value := j.Body.Get("tool_choice")
	switch value.Kind() {
	case jsonscan.NoKind, jsonscan.NullKind:
		return nil
	case jsonscan.StringKind:
		switch value.Text() {
		case "auto", "none":
			c.kind = value.Text()
		case "required":
			c.kind = "any"
		default:
			return field.MustBe("", "auto, none, required or an object")
		}
		return nil
	}
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	if !o.Get("type").Is("function") {
		return field.Refuse("type", "only a function can be chosen")
	}
	j.DropRest("tool_choice.", o, "type", "function")
	function, err := field.Object("function", o.Get("function"))
	if err != nil {
		return err
	}
	j.DropRest("tool_choice.function.", function, "name")
	c.kind = "tool"
	c.name, err = field.Text(function, "name")
	return field.Below(err, "function")
}

func (j *job) temperature(value rawjson.Value) error {
	t, err := strconv.ParseFloat(string(value), 64)
	switch {
	case err != nil:
		return field.MustBe("temperature", "a number")
	case t != 1 && j.thinks:
		j.Drop("temperature")
		return nil
	case t > 1:
		j.Drop("temperature")
		value = rawjson.Value("1")
	}
	j.Out.Member("temperature", value)
	return nil
}

func (j *job) topK(value rawjson.Value) {
	if j.thinks {
		j.Drop("top_k")
	} else {
		j.Out.Member("top_k", value)
	}
}

func (j *job) stop(value rawjson.Value) error {
	if field.AsksNothing(value) {
		return nil
	}
	list := []rawjson.Value{value}
	if value.Kind() != jsonscan.StringKind {
		var err error
		if list, err = field.Array("stop", value); err != nil {
			return err
		}
	}
	j.Out.Name("stop_sequences")
	j.Out.Open('[')
	for _, s := range list {
		if s.Kind() != jsonscan.StringKind {
			return field.MustBe("stop", "a string or a list of strings")
		}
		if isBlank(s) {
			return field.Refuse("stop", "a sequence can't be white space alone")
		}
		j.Out.Raw(s)
	}
	j.Out.Close(']')
	return nil
}

// streamOptions writes nothing: whether usage is told is up to the service.
func (j *job) streamOptions(value rawjson.Value) error {
	o, err := field.Object("stream_options", value)
	if err != nil {
		return err
	}
	j.DropRest("stream_options.", o, "include_usage")
	_, err = field.Flag("stream_options.include_usage", o.Get("include_usage"))
	return err
}

// isBlank reports whether a string is empty or white space alone.
func isBlank(s rawjson.Value) bool {
	inside := s.Inside()
	if len(bytes.TrimLeft(inside, " ")) == 0 {
		return true
	}
	if inside[0] != ' ' && inside[0] != '\\' && inside[0] < 0x80 {
		return false // most strings are told at a glance
	}
	return len(bytes.TrimSpace([]byte(s.Text()))) == 0
}

func (j *job) user(value rawjson.Value) error {
	if value.Kind() != jsonscan.StringKind {
		return field.MustBe("user", "a string")
	}
	j.userID(value)
	return nil
}

func (j *job) safetyIdentifier(value rawjson.Value) error {
	switch {
	case value.Kind() != jsonscan.StringKind:
		return field.MustBe("safety_identifier", "a string")
	case j.Body.Get("user").Given():
		j.Drop("safety_identifier")
	default:
		j.userID(value)
	}
	return nil
}

func (j *job) userID(value rawjson.Value) {
	j.Out.Name("metadata")
	j.Out.Open('{')
	j.Out.Member("user_id", value)
	j.Out.Close('}')
}

func (j *job) serviceTier(value rawjson.Value) {
	switch value.Text() {
	case "auto", "priority":
		j.Out.TextMember("service_tier", "auto")
	case "default":
		j.Out.TextMember("service_tier", "standard_only")
	default:
		if !field.AsksNothing(value) {
			j.Drop("service_tier")
		}
	}
}

func choices(value rawjson.Value) error {
	if n, ok := value.Int(); !ok || n != 1 {
		return field.Refuse("n", "it gives one choice")
	}
	return nil
}

func modalities(value rawjson.Value) error {
	list, err := field.Array("modalities", value)
	if err != nil {
		return err
	}
	for _, m := range list {
		if !m.Is("text") {
			return field.Refuse("modalities", "it answers in text")
		}
	}
	return nil
}

// tool writes a tool, which must be a function.
func (j *job) tool(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	if kind := o.Get("type"); kind.Given() && !kind.Is("function") {
		return field.Refuse("type", "only functions can be tools")
	}
	j.DropRest("tools[].", o, "type", "function")
	function, err := field.Object("function", o.Get("function"))
	if err != nil {
		return err
	}
	name, err := field.Text(function, "name")
	if err != nil {
		return field.Below(err, "function")
	}
	j.DropRest("tools[].function.", function, "name", "description", "parameters", "strict")
	j.Out.Open('{')
	j.Out.Member("name", name)
	if description := function.Get("description"); description.Given() {
		j.Out.Member("description", description)
	}
	parameters := function.Get("parameters")
	if field.AsksNothing(parameters) {
		parameters = rawjson.Value(`{"type":"object","properties":{}}`)
	}
	j.Out.Member("input_schema", parameters)
	if strict := function.Get("strict"); !field.AsksNothing(strict) {
		j.Out.Member("strict", strict)
	}
	j.Out.Close('}')
	return nil
}
