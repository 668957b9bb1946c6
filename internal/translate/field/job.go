package field

import (
	"slices"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The bounds of the list of dropped fields: it becomes a header.
const (
	maxDropped     = 32
	maxDroppedName = 64
)

// Job is one translation of a request.
type Job struct {
	// Body is the client's, Out the provider's.
	Body rawjson.Object
	Out  *rawjson.Writer

	dropped []string
}

// NewJob returns the translation of a body. The error is for Complain.
func NewJob(body []byte) (*Job, error) {
	whole, err := rawjson.ReadObject(body)
	if err != nil {
		return nil, err
	}
	return &Job{Body: whole, Out: rawjson.NewWriter(len(body) + len(body)/8 + 512)}, nil
}

// Dropped are the fields that were reported as dropped.
func (j *Job) Dropped() []string { return j.dropped }

// Drop reports a field as dropped.
func (j *Job) Drop(field string) {
	if len(j.dropped) < maxDropped && !slices.Contains(j.dropped, field) {
		j.dropped = append(j.dropped, field)
	}
}

// dropMember reports a member below prefix as dropped, unless it is null. The
// client chose its name, so one that does not look like a field's is not
// repeated.
func (j *Job) dropMember(prefix string, m rawjson.Member) {
	switch {
	case !m.Value.Given():
	case isFieldName(m.Name):
		j.Drop(prefix + m.Name)
	default:
		j.Drop(prefix + "?")
	}
}

// DropRest reports the members that are not among those known.
func (j *Job) DropRest(prefix string, o rawjson.Object, known ...string) {
	for _, m := range o {
		if !slices.Contains(known, m.Name) {
			j.dropMember(prefix, m)
		}
	}
}

func isFieldName(name string) bool {
	if name == "" || len(name) > maxDroppedName {
		return false
	}
	for _, c := range []byte(name) {
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// Fields deals with every top-level field as its rule says. Those that are
// mapped are handed to mapped, which may leave them to others.
func (j *Job) Fields(rules []Rule, mapped func(name string, value rawjson.Value) error) error {
	for _, m := range j.Body {
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == m.Name })
		if i < 0 {
			j.dropMember("", m)
			continue
		}
		if !m.Value.Given() {
			continue
		}
		switch rule := &rules[i]; {
		case rule.Fate == Kept:
			j.Out.Member(rule.Becomes, m.Value)
		case rule.Fate == Mapped:
			if err := mapped(m.Name, m.Value); err != nil {
				return err
			}
		case AsksNothing(m.Value):
		case rule.Fate == Dropped:
			j.Drop(rule.Name)
		default:
			return Refuse(rule.Name, rule.Why)
		}
	}
	return nil
}

// Model writes the name that the provider knows, or if it is "" the body's.
func (j *Job) Model(name string) {
	switch model := j.Body.Get("model"); {
	case name != "":
		j.Out.TextMember("model", name)
	case model.Given():
		j.Out.Member("model", model)
	}
}

// Tools writes the tools, if there are any, each by write.
func (j *Job) Tools(write func(tool rawjson.Value) error) error {
	value := j.Body.Get("tools")
	if !value.Given() {
		return nil
	}
	list, err := Array("tools", value)
	if err != nil || len(list) == 0 {
		return err
	}
	j.Out.Name("tools")
	j.Out.Open('[')
	err = Each("tools", list, write)
	j.Out.Close(']')
	return err
}

// AsksNothing reports whether a value asks for what is so anyway: false, zero,
// or something empty.
func AsksNothing(value rawjson.Value) bool {
	switch value.Kind() {
	case jsonscan.FalseKind, jsonscan.NullKind, jsonscan.NoKind:
		return true
	case jsonscan.StringKind:
		return len(value) == len(`""`)
	case jsonscan.NumberKind:
		return string(value) == "0" || string(value) == "0.0"
	case jsonscan.ArrayKind, jsonscan.ObjectKind:
		for _, c := range value[1:] {
			if !jsonscan.IsSpace(c) {
				return c == ']' || c == '}'
			}
		}
	case jsonscan.TrueKind:
	}
	return false
}
