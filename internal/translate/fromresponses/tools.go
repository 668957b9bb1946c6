package fromresponses

import (
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// customParameters is what a tool takes that takes any text: chat completions have
// objects alone, so the text stands in one.
const customParameters = `{"type":"object","properties":{"input":{"type":"string","description":"The text that the tool takes, as it is."}},` +
	`"required":["input"],"additionalProperties":false}`

// readTools reads the tools: those of the request, and those that items of the
// conversation brought.
func (j *job) readTools() error {
	if value := j.Body.Get("tools"); value.Given() {
		list, err := field.Array("tools", value)
		if err != nil {
			return err
		}
		if err := field.Each("tools", list, j.addTool); err != nil {
			return err
		}
	}
	if err := field.Each("input", j.past, j.itemTools); err != nil {
		return field.Below(err, "previous_response_id")
	}
	if err := field.Each("input", j.input, j.itemTools); err != nil {
		return err
	}
	j.box.Settle()
	return nil
}

func (j *job) addTool(value rawjson.Value) error { return j.box.Add(value, j) }

// itemTools reads the tools that an item brings, if it is of a type that does.
func (j *job) itemTools(value rawjson.Value) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	switch o.Get("type").Text() {
	case "additional_tools", "tool_search_output":
	default:
		return nil
	}
	list, err := field.Array("tools", o.Get("tools"))
	if err != nil {
		return err
	}
	return field.Each("tools", list, j.addTool)
}

// choice is what chat completions are told of which tool to call. Without a mode
// there is nothing to tell; name goes with the mode "function".
type choice struct{ mode, name string }

// toolChoice reads tool_choice, and leaves out of the tools what it does not
// allow.
func (j *job) toolChoice() (choice, error) {
	value := j.Body.Get("tool_choice")
	switch value.Kind() {
	case jsonscan.NoKind, jsonscan.NullKind:
		return choice{}, nil
	case jsonscan.StringKind:
		c, err := j.mode(value.Text())
		return c, field.Below(err, "tool_choice")
	}
	o, err := field.Object("tool_choice", value)
	if err != nil {
		return choice{}, field.MustBe("tool_choice", "a string or an object")
	}
	c, err := j.chosen(o)
	return c, field.Below(err, "tool_choice")
}

// mode is a choice that names no tool.
func (j *job) mode(mode string) (choice, error) {
	switch mode {
	case "auto", "none":
		if len(j.box.Tools()) == 0 { // or it says nothing
			return choice{}, nil
		}
	case "required":
		if len(j.box.Tools()) == 0 {
			return choice{}, field.Refuse("", "there is no tool that the provider could call")
		}
	default:
		return choice{}, field.MustBe("", "auto, none, required or a tool")
	}
	return choice{mode: mode}, nil
}

// chosen is a choice that names tools.
func (j *job) chosen(o rawjson.Object) (choice, error) {
	switch o.Get("type").Text() {
	case "function", "custom":
		j.DropRest("tool_choice.", o, "type", "name", "namespace")
		tool, err := j.named(o)
		if err != nil {
			return choice{}, err
		}
		if tool == nil {
			return choice{}, field.Refuse("name", "no such tool is offered")
		}
		return choice{mode: "function", name: tool.Flat}, nil
	case "allowed_tools":
		return j.allowed(o)
	}
	return choice{}, field.Refuse("type", "the provider does not have this tool")
}

// named is the tool that a choice names; nil if there is none. A function that
// stands in a namespace may be named without it.
func (j *job) named(o rawjson.Object) (*toolbox.Tool, error) {
	name, err := field.Text(o, "name")
	if err != nil {
		return nil, err
	}
	kind := toolbox.Function
	if o.Get("type").Is("custom") {
		kind = toolbox.Custom
	}
	namespace := o.Get("namespace")
	var found *toolbox.Tool
	for _, tool := range j.box.Tools() {
		if tool.Kind != kind || !name.Is(tool.Name) {
			continue
		}
		if namespace.Given() && namespace.Is(tool.Namespace) || !namespace.Given() && tool.Namespace == "" {
			return tool, nil
		}
		if found == nil && !namespace.Given() {
			found = tool
		}
	}
	return found, nil
}

// allowed leaves the tools that a choice allows.
func (j *job) allowed(o rawjson.Object) (choice, error) {
	j.DropRest("tool_choice.", o, "type", "mode", "tools")
	list, err := field.Array("tools", o.Get("tools"))
	if err != nil {
		return choice{}, err
	}
	if len(list) > toolbox.MaxTools {
		return choice{}, field.Refuse("tools", "there are too many tools")
	}
	kept := make(map[*toolbox.Tool]bool)
	err = field.Each("tools", list, func(value rawjson.Value) error {
		o, err := field.Object("", value)
		if err != nil {
			return err
		}
		switch kind := o.Get("type").Text(); kind {
		case "function", "custom":
			j.DropRest("tool_choice.tools[].", o, "type", "name", "namespace")
			tool, err := j.named(o)
			if tool != nil {
				kept[tool] = true
			}
			return err
		case "namespace":
			j.DropRest("tool_choice.tools[].", o, "type", "name")
			for _, tool := range j.box.Tools() {
				if o.Get("name").Is(tool.Namespace) {
					kept[tool] = true
				}
			}
		default:
			j.Drop("tool_choice.tools[].type")
		}
		return nil
	})
	if err != nil {
		return choice{}, err
	}
	j.box.Keep(func(tool *toolbox.Tool) bool { return kept[tool] })
	mode, err := field.Text(o, "mode")
	if err != nil {
		return choice{}, err
	}
	c, err := j.mode(mode.Text())
	return c, field.Below(err, "mode")
}

// writeTools writes the tools that there are, and the choice between them.
func (j *job) writeTools(c choice) error {
	tools := j.box.Tools()
	if len(tools) == 0 {
		return nil
	}
	j.Out.Name("tools")
	j.Out.Open('[')
	for _, tool := range tools {
		if err := j.writeTool(tool); err != nil {
			return field.Below(err, "tools[]")
		}
	}
	j.Out.Close(']')
	switch c.mode {
	case "":
	case "function":
		j.Out.Name("tool_choice")
		j.Out.Open('{')
		j.Out.TextMember("type", "function")
		j.Out.Name("function")
		j.Out.Open('{')
		j.Out.TextMember("name", c.name)
		j.Out.Close('}')
		j.Out.Close('}')
	default:
		j.Out.TextMember("tool_choice", c.mode)
	}
	return nil
}

// writeTool writes one tool as a function.
func (j *job) writeTool(tool *toolbox.Tool) error {
	j.Out.Open('{')
	j.Out.TextMember("type", "function")
	j.Out.Name("function")
	j.Out.Open('{')
	j.Out.TextMember("name", tool.Flat)
	if tool.Kind == toolbox.Custom {
		if err := j.custom(tool.Spec); err != nil {
			return err
		}
	} else {
		if err := j.function(tool.Spec); err != nil {
			return err
		}
	}
	j.Out.Close('}')
	j.Out.Close('}')
	return nil
}

func (j *job) function(spec rawjson.Object) error {
	if description := spec.Get("description"); description.Given() {
		j.Out.Member("description", description)
	}
	if parameters := spec.Get("parameters"); parameters.Given() {
		if parameters.Kind() != jsonscan.ObjectKind {
			return field.MustBe("parameters", "an object")
		}
		j.Out.Member("parameters", parameters)
	}
	strict, err := field.Flag("strict", spec.Get("strict"))
	if err == nil && strict {
		j.Out.Member("strict", rawjson.Value("true"))
	}
	return err
}

// custom writes what a tool is that takes any text. A grammar can't be enforced;
// the model is told it.
func (j *job) custom(spec rawjson.Object) error {
	var insides [][]byte
	if description := spec.Get("description"); description.Given() {
		if description.Kind() != jsonscan.StringKind {
			return field.MustBe("description", "a string")
		}
		insides = append(insides, description.Inside())
	}
	if value := spec.Get("format"); value.Given() {
		rule, err := j.grammar(value)
		if err != nil {
			return field.Below(err, "format")
		}
		if len(insides) > 0 && len(rule) > 0 {
			insides = append(insides, []byte(`\n\n`))
		}
		insides = append(insides, rule...)
	}
	if len(insides) > 0 {
		j.Out.Name("description")
		j.Out.Joined(insides...)
	}
	j.Out.Member("parameters", rawjson.Value(customParameters))
	return nil
}

// grammar is the insides of a sentence that tells a custom tool's grammar.
func (j *job) grammar(value rawjson.Value) ([][]byte, error) {
	o, err := field.Object("", value)
	if err != nil {
		return nil, err
	}
	switch o.Get("type").Text() {
	case "text":
		j.DropRest("tools[].format.", o, "type")
		return nil, nil
	case "grammar":
	default:
		return nil, field.Refuse("type", "only text and grammar can be asked for")
	}
	j.DropRest("tools[].format.", o, "type", "syntax", "definition")
	syntax, err := field.Text(o, "syntax")
	if err != nil {
		return nil, err
	}
	definition, err := field.Text(o, "definition")
	if err != nil {
		return nil, err
	}
	return [][]byte{[]byte("The input must follow this grammar ("), syntax.Inside(), []byte(`):\n`), definition.Inside()}, nil
}
