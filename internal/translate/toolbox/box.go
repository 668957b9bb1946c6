package toolbox

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

const (
	// maxName is the longest name, in characters, that chat completions allow for
	// a function; suffixLen of these make a shortened one its own.
	maxName, suffixLen = 64, 9
	// MaxTools is how many tools a request may have.
	MaxTools = 4096
)

// Kind is what a tool takes.
type Kind uint8

const (
	// Function is a tool that takes a JSON object.
	Function Kind = iota
	// Custom is a tool that takes any text.
	Custom
	// Search is the client's own search for tools, which takes a JSON object.
	Search
)

// searchName is what a Search is called: it has no name of its own.
const searchName = "tool_search"

// Tool is one tool.
type Tool struct {
	Kind Kind
	// Namespace is "" for a tool that stands in none.
	Namespace, Name string
	// Flat is the name under which chat completions know it.
	Flat string
	// Spec is the tool as the request describes it.
	Spec rawjson.Object
}

// Box is the tools of one request. The zero Box has none.
type Box struct {
	tools []*Tool
	// known are the tools by what they are called in the request, flat by what they
	// are called in chat completions.
	known map[key]*Tool
	flat  map[string]*Tool
}

// key is what a tool is told by from outside.
type key struct {
	kind            Kind
	namespace, name string
}

// Job is where fields are reported that a translation drops.
type Job interface {
	Drop(name string)
	DropRest(prefix string, o rawjson.Object, known ...string)
}

// Add adds a tool as it stands in a list of tools, or the tools of a namespace. One
// that the box has already is passed over. What is dropped is reported to job.
// Errors are for field.Complain.
func (b *Box) Add(value rawjson.Value, job Job) error {
	o, err := field.Object("", value)
	if err != nil {
		return err
	}
	kind, err := field.Text(o, "type")
	if err != nil {
		return err
	}
	if !kind.Is("namespace") {
		return b.add(o, "", job)
	}
	name, err := field.Text(o, "name")
	if err != nil {
		return err
	}
	job.DropRest("tools[].", o, "type", "name", "description", "tools")
	if !field.AsksNothing(o.Get("description")) {
		job.Drop("tools[].description")
	}
	list, err := field.Array("tools", o.Get("tools"))
	if err != nil {
		return err
	}
	return field.Each("tools", list, func(value rawjson.Value) error {
		inner, err := field.Object("", value)
		if err != nil {
			return err
		}
		return b.add(inner, name.Text(), job)
	})
}

// add adds one tool of a namespace.
func (b *Box) add(o rawjson.Object, namespace string, job Job) error {
	tool := &Tool{Namespace: namespace, Spec: o}
	switch kind := o.Get("type").Text(); kind {
	case "function":
		job.DropRest("tools[].", o, "type", "name", "description", "parameters", "strict", "defer_loading")
	case "custom":
		tool.Kind = Custom
		job.DropRest("tools[].", o, "type", "name", "description", "format", "defer_loading")
	default:
		if kind != searchName || !o.Get("execution").Is("client") {
			job.Drop("tools[]." + hostedName(kind))
			return nil
		}
		tool.Kind = Search
		job.DropRest("tools[].", o, "type", "description", "parameters", "execution")
	}
	if tool.Name = searchName; tool.Kind != Search {
		name, err := field.Text(o, "name")
		if err != nil {
			return err
		}
		tool.Name = name.Text()
	}
	at := key{tool.Kind, namespace, tool.Name}
	switch {
	case b.known[at] != nil:
		return nil
	case len(b.tools) == MaxTools:
		return field.Refuse("", "there are too many tools")
	case b.known == nil:
		b.known = make(map[key]*Tool)
	}
	b.known[at] = tool
	b.tools = append(b.tools, tool)
	return nil
}

// hostedName is the type of a tool that a header may repeat.
func hostedName(kind string) string {
	switch kind {
	case "web_search", "web_search_preview", "file_search", "code_interpreter", "computer", "computer_use_preview", "mcp",
		"image_generation", "local_shell", "shell", "apply_patch", "tool_search", "programmatic_tool_calling":
		return kind
	}
	return "type"
}

// Settle gives the tools their flat names, once all are added. A function that
// stands in no namespace keeps its name; others make room for it.
func (b *Box) Settle() {
	b.flat = make(map[string]*Tool, len(b.tools))
	for _, plain := range []bool{true, false} {
		for _, tool := range b.tools {
			if plain != (tool.Namespace == "" && tool.Kind == Function) {
				continue
			}
			tool.Flat = flatten(tool.Namespace, tool.Name)
			if plain {
				tool.Flat = tool.Name
			}
			if b.flat[tool.Flat] != nil {
				tool.Flat = shorten(tool.Flat, fmt.Sprint(tool.Kind, tool.Namespace, "\x00", tool.Name))
			}
			b.flat[tool.Flat] = tool
		}
	}
}

// flatten is a name that chat completions allow for a tool of a namespace.
func flatten(namespace, name string) string {
	whole := name
	if namespace != "" {
		whole = strings.TrimSuffix(namespace, "__") + "__" + name
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '_':
			return r
		}
		return '_'
	}, whole)
	if clean != whole || len(clean) > maxName {
		return shorten(clean, namespace+"\x00"+name)
	}
	return clean
}

// shorten is a name with a suffix that is made from what it stands for.
func shorten(name, of string) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(of)) // it can't fail
	return fmt.Sprintf("%s_%08x", name[:min(len(name), maxName-suffixLen)], sum.Sum32())
}

// Tools are the tools, in the order in which they were added.
func (b *Box) Tools() []*Tool { return b.tools }

// Flat is the name under which chat completions know a tool, or would know it: the
// conversation may have called one that is offered no more.
func (b *Box) Flat(kind Kind, namespace, name string) string {
	if tool := b.known[key{kind, namespace, name}]; tool != nil {
		return tool.Flat
	}
	if namespace == "" && kind == Function {
		return name
	}
	return flatten(namespace, name)
}

// Called is the tool that a model means by a flat name. A name that the box does
// not know is a function's.
func (b *Box) Called(flat string) Tool {
	if b != nil && b.flat[flat] != nil {
		return *b.flat[flat]
	}
	return Tool{Name: flat, Flat: flat}
}

// Has reports whether there is a tool of that kind.
func (b *Box) Has(kind Kind) bool {
	return slices.ContainsFunc(b.tools, func(tool *Tool) bool { return tool.Kind == kind })
}

// Keep leaves those tools alone that keep says.
func (b *Box) Keep(keep func(*Tool) bool) {
	b.tools = slices.DeleteFunc(b.tools, func(tool *Tool) bool { return !keep(tool) })
}
