package fromresponses

import (
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// paragraph stands between texts that become one.
const paragraph = `\n\n`

// talk is the conversation as chat completions have it: messages, the next of
// which gathers until an item comes that does not belong to it. At most one of
// lead, the assistant's said and calls, and media is not empty; or calls and said
// together.
type talk struct {
	*job
	count int
	// lead is the insides of what the system says before anyone else; led says
	// that somebody else has spoken.
	lead [][]byte
	led  bool
	// said is the insides of what the assistant says in its turn, calls what it
	// calls.
	said  [][]byte
	calls rawjson.Writer
	// searches are the calls of the client's search for tools.
	searches map[string]bool
	pending  pending
	// media are parts that tools answered with, for which their messages have no
	// place: they go to the user message behind.
	media rawjson.Writer
}

// conversation writes the messages.
func (j *job) conversation() error {
	t := &talk{job: j}
	j.Out.Name("messages")
	j.Out.Open('[')
	if instructions := j.Body.Get("instructions"); instructions.Given() {
		p, err := t.content(instructions, t.textOnly)
		if err != nil {
			return field.Below(err, "instructions")
		}
		t.lead = appendTexts(t.lead, p)
	}
	if err := t.items(j.past); err != nil {
		return field.Below(err, "previous_response_id")
	}
	if err := t.items(j.input); err != nil {
		return err
	}
	if j.text != nil {
		if err := t.user(j.text); err != nil {
			return err
		}
	}
	t.endLead()
	t.endAssistant()
	t.endMedia()
	j.Out.Close(']')
	if t.count == 0 {
		return field.Missing("input")
	}
	return nil
}

// begin begins a message.
func (t *talk) begin(role string) {
	t.count++
	t.Out.Open('{')
	t.Out.TextMember("role", role)
}

// endLead writes what the system says first.
func (t *talk) endLead() {
	t.led = true
	if len(t.lead) == 0 {
		return
	}
	t.begin("system")
	t.Out.Name("content")
	t.Out.Joined(t.lead...)
	t.Out.Close('}')
	t.lead = nil
}

// endAssistant writes what the assistant said and called.
func (t *talk) endAssistant() {
	calls := t.calls.Bytes()
	if len(t.said)+len(calls) == 0 {
		return
	}
	t.begin("assistant")
	t.Out.Name("content")
	if len(t.said) > 0 {
		t.Out.Joined(t.said...)
	} else {
		t.Out.Raw([]byte("null"))
	}
	if len(calls) > 0 {
		t.Out.Name("tool_calls")
		t.Out.Open('[')
		t.Out.Raw(calls)
		t.Out.Close(']')
	}
	t.Out.Close('}')
	t.said = nil
	t.calls.Reset()
}

// endMedia writes what tools showed as a message of its own.
func (t *talk) endMedia() {
	if len(t.media.Bytes()) == 0 {
		return
	}
	t.begin("user")
	t.Out.Name("content")
	t.Out.Open('[')
	t.Out.Raw(t.media.Bytes())
	t.Out.Close(']')
	t.Out.Close('}')
	t.media.Reset()
}

// kindOf is the type of an item; a message need not name it.
func kindOf(o rawjson.Object) string {
	if !o.Get("type").Given() && o.Get("role").Given() {
		return "message"
	}
	return o.Get("type").Text()
}

// item writes an item of the conversation, or gathers it.
func (t *talk) item(o rawjson.Object) error {
	switch kind := kindOf(o); kind {
	case "message":
		return t.message(o)
	case "function_call", "custom_tool_call":
		return t.call(o, kind)
	case "function_call_output", "custom_tool_call_output":
		return t.output(o)
	case "tool_search_call":
		return t.search(o)
	case "tool_search_output":
		return t.found(o)
	case "additional_tools": // which are among the others
		t.DropRest("input[].", o, "type", "id", "role", "tools")
		return nil
	case "reasoning", "web_search_call", "file_search_call", "code_interpreter_call",
		"image_generation_call", "mcp_list_tools", "mcp_call":
		t.Drop("input[]." + kind)
		return nil
	case "", "item_reference":
		return field.Refuse("type", "the item is with another provider")
	case "compaction":
		return field.Refuse("type", "another provider alone can read it")
	}
	return field.Refuse("type", "there is no place for an item of this type")
}

func (t *talk) message(o rawjson.Object) error {
	t.DropRest("input[].", o, "type", "id", "status", "role", "content")
	content := o.Get("content")
	role := o.Get("role").Text()
	if role == "user" {
		return field.Below(t.user(content), "content")
	}
	if role != "assistant" && role != "system" && role != "developer" {
		return field.MustBe("role", "user, assistant, system or developer")
	}
	p, err := t.content(content, t.textOnly)
	if err != nil {
		return field.Below(err, "content")
	}
	switch {
	case role == "assistant":
		t.endLead()
		t.endMedia()
		t.said = appendTexts(t.said, p)
	case t.led:
		t.endAssistant()
		t.endMedia()
		t.begin("system")
		t.Out.Name("content")
		t.Out.Joined(p.texts...)
		t.Out.Close('}')
	default:
		t.lead = appendTexts(t.lead, p)
	}
	return nil
}

// appendTexts adds what was said to what was said before, as a paragraph.
func appendTexts(said [][]byte, p *parts) [][]byte {
	if p.isBlank() {
		return said
	}
	if len(said) > 0 {
		said = append(said, []byte(paragraph))
	}
	return append(said, p.texts...)
}

// user writes what the user says, behind what tools showed.
func (t *talk) user(content rawjson.Value) error {
	t.endLead()
	t.endAssistant()
	p, err := t.content(content, t.medium)
	if err != nil {
		return err
	}
	t.begin("user")
	t.Out.Name("content")
	media := t.media.Bytes()
	if p.isPlain() && len(media) == 0 {
		t.Out.Joined(p.texts...) // the plainest form, which every provider takes
	} else {
		t.Out.Open('[')
		t.Out.Raw(media)
		t.Out.Raw(p.written.Bytes())
		t.Out.Close(']')
	}
	t.Out.Close('}')
	t.media.Reset()
	return nil
}
