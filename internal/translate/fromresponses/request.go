package fromresponses

import (
	"errors"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// Options is what the translation has to know beside the body.
type Options struct {
	// MaxTokensName is what the provider calls the limit of the answer.
	MaxTokensName string
	// Past are the items of the conversation before, as they stand in an array
	// without its brackets.
	Past []byte
}

// job is one translation.
type job struct {
	*field.Job
	options Options
	box     *toolbox.Box
	// past and input are the items of the conversation; text is an input that is a
	// string.
	past, input []rawjson.Value
	text        rawjson.Value
}

// Request writes all of a job's body but for the model; it leaves the object
// open. It returns the tools by which the answer has to be read. Errors are for
// field.Complain.
func Request(of *field.Job, options Options) (*toolbox.Box, error) {
	j := &job{Job: of, options: options, box: &toolbox.Box{}}
	if err := j.readInput(); err != nil {
		return nil, err
	}
	if err := j.readTools(); err != nil {
		return nil, err
	}
	choice, err := j.toolChoice()
	if err != nil {
		return nil, err
	}
	if err := j.Fields(Fields(), j.mapped); err != nil {
		return nil, err
	}
	if err := j.logprobs(); err != nil {
		return nil, err
	}
	if err := j.conversation(); err != nil {
		return nil, err
	}
	return j.box, j.writeTools(choice)
}

// readInput reads which items the conversation has.
func (j *job) readInput() error {
	if value := j.Body.Get("previous_response_id"); value.Given() {
		if value.Kind() != jsonscan.StringKind {
			return field.MustBe("previous_response_id", "a string")
		}
		if len(j.options.Past) == 0 {
			return field.Refuse("previous_response_id", "nothing is kept of the conversation before")
		}
	}
	if len(j.options.Past) > 0 {
		var err error
		j.past, err = field.Array("", array(j.options.Past))
		if _, ok := errors.AsType[*jsonscan.Error](err); ok {
			return field.Refuse("previous_response_id", "what is kept of the conversation before can't be read")
		}
		if err != nil {
			return field.Below(err, "previous_response_id")
		}
	}
	switch value := j.Body.Get("input"); value.Kind() {
	case jsonscan.NoKind, jsonscan.NullKind:
	case jsonscan.StringKind:
		j.text = value
	default:
		var err error
		if value.Kind() != jsonscan.ArrayKind {
			return field.MustBe("input", "a string or a list of items")
		}
		if j.input, err = field.Array("input", value); err != nil {
			return err
		}
	}
	return nil
}

// array is elements with the brackets around them.
func array(elements []byte) rawjson.Value {
	whole := make(rawjson.Value, 0, len(elements)+len("[]"))
	return append(append(append(whole, '['), elements...), ']')
}

// mapped writes a field that does not depend on others.
func (j *job) mapped(name string, value rawjson.Value) error {
	switch name {
	case "max_output_tokens":
		n, ok := value.Int()
		if !ok || n <= 0 {
			return field.MustBe(name, "a positive integer")
		}
		j.Out.IntMember(j.options.MaxTokensName, n)
	case "stream":
		return j.stream(value)
	case "stream_options":
		return j.streamOptions(value)
	case "parallel_tool_calls":
		return j.parallel(value)
	case "text":
		return field.Below(j.form(value), "text")
	case "reasoning":
		return field.Below(j.reasoning(value), "reasoning")
	case "safety_identifier":
		return j.safetyIdentifier(value)
	case "metadata":
		_, err := field.Object(name, value)
		return err
	case "store", "background":
		_, err := field.Flag(name, value)
		return err
	case "truncation":
		if value.Kind() != jsonscan.StringKind {
			return field.MustBe(name, "a string")
		}
		if !value.Is("disabled") {
			j.Drop(name)
		}
	}
	return nil
}

func (j *job) stream(value rawjson.Value) error {
	streams, err := field.Flag("stream", value)
	if err != nil || !streams {
		return err
	}
	j.Out.Member("stream", rawjson.Value("true"))
	j.Out.Member("stream_options", rawjson.Value(`{"include_usage":true}`))
	return nil
}

func (j *job) streamOptions(value rawjson.Value) error {
	o, err := field.Object("stream_options", value)
	if err != nil {
		return err
	}
	// Usage is told at the end of every stream.
	j.DropRest("stream_options.", o, "include_usage", "include_obfuscation")
	for _, name := range []string{"include_usage", "include_obfuscation"} {
		asked, err := field.Flag("stream_options."+name, o.Get(name))
		if err != nil {
			return err
		}
		if asked && name == "include_obfuscation" {
			j.Drop("stream_options.include_obfuscation")
		}
	}
	return nil
}

func (j *job) parallel(value rawjson.Value) error {
	parallel, err := field.Flag("parallel_tool_calls", value)
	if err == nil && !parallel && len(j.box.Tools()) > 0 {
		j.Out.Member("parallel_tool_calls", value)
	}
	return err
}

func (j *job) safetyIdentifier(value rawjson.Value) error {
	if value.Kind() != jsonscan.StringKind {
		return field.MustBe("safety_identifier", "a string")
	}
	if j.Body.Get("user").Given() {
		j.Drop("safety_identifier")
		return nil
	}
	j.Out.Member("user", value)
	return nil
}

// logprobs writes what include and top_logprobs ask of log probabilities.
func (j *job) logprobs() error {
	wanted := false
	if value := j.Body.Get("include"); value.Given() {
		list, err := field.Array("include", value)
		if err != nil {
			return err
		}
		for _, one := range list {
			if one.Is("message.output_text.logprobs") {
				wanted = true
			} else {
				j.Drop("include")
			}
		}
	}
	top := j.Body.Get("top_logprobs")
	if top.Given() {
		n, ok := top.Int()
		if !ok || n < 0 {
			return field.MustBe("top_logprobs", "a non-negative integer")
		}
		if n > 0 {
			wanted = true
			j.Out.Member("top_logprobs", top)
		}
	}
	if wanted {
		j.Out.Member("logprobs", rawjson.Value("true"))
	}
	return nil
}

// reasoning writes how hard the model is to think.
func (j *job) reasoning(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	j.DropRest("reasoning.", o, "effort", "summary", "generate_summary")
	for _, name := range []string{"summary", "generate_summary"} {
		summary := o.Get(name)
		if !summary.Given() {
			continue
		}
		if summary.Kind() != jsonscan.StringKind {
			return field.MustBe(name, "a string")
		}
		if !summary.Is("auto") {
			j.Drop("reasoning." + name)
		}
	}
	effort := o.Get("effort")
	if !effort.Given() {
		return nil
	}
	if effort.Kind() != jsonscan.StringKind {
		return field.MustBe("effort", "a string")
	}
	j.Out.Member("reasoning_effort", effort)
	return nil
}

// form writes the form of the answer.
func (j *job) form(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	j.DropRest("text.", o, "format", "verbosity")
	if verbosity := o.Get("verbosity"); verbosity.Given() {
		if verbosity.Kind() != jsonscan.StringKind {
			return field.MustBe("verbosity", "a string")
		}
		if !verbosity.Is("medium") { // which goes without saying
			j.Out.Member("verbosity", verbosity)
		}
	}
	if format := o.Get("format"); format.Given() {
		return field.Below(j.format(format), "format")
	}
	return nil
}

func (j *job) format(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	switch o.Get("type").Text() {
	case "text":
		j.DropRest("text.format.", o, "type")
		return nil
	case "json_object":
		j.DropRest("text.format.", o, "type")
		j.Out.Member("response_format", rawjson.Value(`{"type":"json_object"}`))
		return nil
	case "json_schema":
	default:
		return field.Refuse("type", "only text, json_object and json_schema can be asked for")
	}
	j.DropRest("text.format.", o, "type", "name", "description", "schema", "strict")
	name, err := field.Text(o, "name")
	if err != nil {
		return err
	}
	schema := o.Get("schema")
	if schema.Kind() != jsonscan.ObjectKind {
		return field.MustBe("schema", "an object")
	}
	j.Out.Name("response_format")
	j.Out.Open('{')
	j.Out.TextMember("type", "json_schema")
	j.Out.Name("json_schema")
	j.Out.Open('{')
	j.Out.Member("name", name)
	for _, name := range []string{"description", "strict"} {
		if member := o.Get(name); member.Given() {
			j.Out.Member(name, member)
		}
	}
	j.Out.Member("schema", schema)
	j.Out.Close('}')
	j.Out.Close('}')
	return nil
}
