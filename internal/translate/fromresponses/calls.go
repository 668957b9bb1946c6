package fromresponses

import (
	"fmt"

	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// pending are the calls that no tool has answered yet, in order. Chat completions
// want the answers at once behind the calls; in the Responses API others may speak
// in between.
type pending struct {
	ids  []string
	open map[string]bool
}

func (p *pending) add(id string) {
	if p.open == nil {
		p.open = make(map[string]bool)
	}
	p.open[id] = true
	p.ids = append(p.ids, id)
}

func (p *pending) remove(id string) {
	if delete(p.open, id); len(p.open) == 0 {
		p.ids = nil
	}
}

// stretch is items of the conversation that are read one by one: of small ones, what
// they are read into is many times their size.
type stretch struct {
	list []rawjson.Value
	// answers are the places of those that answer a call, by its id, once somebody asks;
	// written are those of them that were written before their turn.
	answers map[string]int
	written map[int]bool
}

// items writes items of the conversation. Before anyone but the assistant speaks,
// the answers to calls come that stand behind.
func (t *talk) items(list []rawjson.Value) error {
	s := &stretch{list: list, written: make(map[int]bool)}
	for i, value := range list {
		if s.written[i] {
			continue
		}
		o, err := field.Object("", value)
		if err != nil {
			return field.Below(err, at(i))
		}
		if kindOf(o) == "message" && !o.Get("role").Is("assistant") {
			if err := t.answer(s); err != nil {
				return err
			}
		}
		if err := t.item(o); err != nil {
			return field.Below(err, at(i))
		}
	}
	return nil
}

// answer writes the answers to the calls that are pending, out of their turn.
func (t *talk) answer(s *stretch) error {
	if len(t.pending.ids) == 0 {
		return nil
	}
	if err := s.findAnswers(); err != nil {
		return err
	}
	for _, id := range t.pending.ids {
		i, ok := s.answers[id]
		if !ok || !t.pending.open[id] || s.written[i] {
			continue
		}
		o, err := field.Object("", s.list[i])
		if err == nil {
			err = t.item(o)
		}
		if err != nil {
			return field.Below(err, at(i))
		}
		s.written[i] = true
	}
	t.pending = pending{}
	return nil
}

// findAnswers looks for the items that answer calls.
func (s *stretch) findAnswers() error {
	if s.answers != nil {
		return nil
	}
	s.answers = make(map[string]int)
	for i, value := range s.list {
		o, err := field.Object("", value)
		if err != nil {
			return field.Below(err, at(i))
		}
		if id := answeredBy(o); id != "" {
			s.answers[id] = i
		}
	}
	return nil
}

// answeredBy is the call that an item answers; "" if it answers none.
func answeredBy(o rawjson.Object) string {
	switch kindOf(o) {
	case "function_call_output", "custom_tool_call_output", "tool_search_output":
		return o.Get("call_id").Text()
	}
	return ""
}

func at(i int) string { return fmt.Sprintf("input[%d]", i) }

// call gathers a call of a tool.
func (t *talk) call(o rawjson.Object, kind string) error {
	toolKind, argument := toolbox.Function, "arguments"
	if kind == "custom_tool_call" {
		toolKind, argument = toolbox.Custom, "input"
	}
	t.DropRest("input[].", o, "type", "id", "status", "call_id", "name", "namespace", argument)
	id, err := field.Text(o, "call_id")
	if err != nil {
		return err
	}
	name, err := field.Text(o, "name")
	if err != nil {
		return err
	}
	given, err := field.Text(o, argument)
	if err != nil {
		return err
	}
	namespace := ""
	if o.Get("namespace").Given() {
		value, err := field.Text(o, "namespace")
		if err != nil {
			return err
		}
		namespace = value.Text()
	}
	t.endLead()
	t.endMedia()
	t.toolCall(id, t.box.Flat(toolKind, namespace, name.Text()))
	if toolKind == toolbox.Custom {
		t.calls.TextMember("arguments", `{"input":`+string(given)+`}`)
	} else {
		t.calls.Member("arguments", given)
	}
	t.endCall()
	return nil
}

// toolCall begins a call, up to its arguments.
func (t *talk) toolCall(id rawjson.Value, name string) {
	t.pending.add(id.Text())
	t.calls.Open('{')
	t.calls.Member("id", id)
	t.calls.TextMember("type", "function")
	t.calls.Name("function")
	t.calls.Open('{')
	t.calls.TextMember("name", name)
}

// endCall ends a call.
func (t *talk) endCall() {
	t.calls.Close('}')
	t.calls.Close('}')
}

// output writes what a tool answered.
func (t *talk) output(o rawjson.Object) error {
	t.DropRest("input[].", o, "type", "id", "status", "call_id", "output")
	id, err := field.Text(o, "call_id")
	if err != nil {
		return err
	}
	value := o.Get("output")
	if !value.Given() {
		return field.Missing("output")
	}
	p, err := t.content(value, func(_ *rawjson.Writer, kind string, part rawjson.Object) error {
		return t.medium(&t.media, kind, part)
	})
	if err != nil {
		return field.Below(err, "output")
	}
	t.endLead()
	t.endAssistant()
	t.pending.remove(id.Text())
	t.begin("tool")
	t.Out.Member("tool_call_id", id)
	t.Out.Name("content")
	if len(p.texts) <= 1 {
		t.Out.Joined(p.texts...)
	} else {
		t.Out.Open('[')
		t.Out.Raw(p.written.Bytes())
		t.Out.Close(']')
	}
	t.Out.Close('}')
	return nil
}
