package fromresponses

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// search gathers a call of the client's search for tools. Where there is no such
// tool, nothing is lost by it: what was found is among the tools.
func (t *talk) search(o rawjson.Object) error {
	id := o.Get("call_id")
	if !id.Given() || !t.box.Has(toolbox.Search) {
		t.Drop("input[].tool_search_call")
		return nil
	}
	t.DropRest("input[].", o, "type", "id", "status", "call_id", "execution", "arguments")
	id, err := field.Text(o, "call_id")
	if err != nil {
		return err
	}
	arguments := o.Get("arguments")
	if arguments.Kind() != jsonscan.ObjectKind {
		return field.MustBe("arguments", "an object")
	}
	t.endLead()
	t.endMedia()
	if t.searches == nil {
		t.searches = make(map[string]bool)
	}
	t.searches[id.Text()] = true
	t.toolCall(id, t.box.Flat(toolbox.Search, "", "tool_search"))
	t.calls.TextMember("arguments", string(arguments))
	t.endCall()
	return nil
}

// found writes what the client's search found: the tools themselves are among the
// others.
func (t *talk) found(o rawjson.Object) error {
	t.DropRest("input[].", o, "type", "id", "status", "call_id", "execution", "tools")
	id := o.Get("call_id")
	if !t.searches[id.Text()] {
		return nil
	}
	list, err := field.Array("tools", o.Get("tools"))
	if err != nil {
		return err
	}
	names := t.namesOf("", list)
	if len(names) == 0 {
		names = []string{"nothing"}
	}
	t.endLead()
	t.endAssistant()
	t.pending.remove(id.Text())
	t.begin("tool")
	t.Out.Member("tool_call_id", id)
	t.Out.TextMember("content", "Found, and callable from now on: "+strings.Join(names, ", "))
	t.Out.Close('}')
	return nil
}

// namesOf is what the model has to call tools of a namespace that are described so.
func (t *talk) namesOf(namespace string, list []rawjson.Value) []string {
	var names []string
	for _, value := range list {
		o, err := rawjson.ReadObject(value)
		if err != nil {
			continue // it was refused before
		}
		name := o.Get("name").Text()
		switch kind := o.Get("type").Text(); {
		case kind == "namespace" && namespace == "":
			inner, err := rawjson.ReadArray(o.Get("tools"))
			if err == nil {
				names = append(names, t.namesOf(name, inner)...)
			}
		case kind == "function":
			names = append(names, t.box.Flat(toolbox.Function, namespace, name))
		case kind == "custom":
			names = append(names, t.box.Flat(toolbox.Custom, namespace, name))
		}
	}
	return names
}
