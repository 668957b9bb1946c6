package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

// scalar lays one value of the file over into, and reports whether it could.
func (d *Decoder) scalar(n *yaml.Node, p path, into reflect.Value, f Field) bool {
	if isSecret(into) {
		d.src.Conceal(n)
	}
	if n.Kind != yaml.ScalarNode {
		d.wrongKind(n, p, "one value")
		return false
	}
	if isNull(n) {
		d.tell(n, p, "has no value", "leave the key out for its default")
		return false
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.tell(n, p, "tags (!name) are not supported", "")
		return false
	}
	e := expand(n.Value, d.options.Env)
	if complaint, suggestion := e.complaint(); complaint != "" {
		d.tell(n, p, complaint, suggestion)
		return false
	}
	if !e.used {
		if complaint, suggestion := wrongStyle(n, into); complaint != "" {
			d.tell(n, p, describe(n.Value, into)+" "+complaint, suggestion)
			return false
		}
	}
	if isSecret(into) {
		d.src.Filter(e.text)
	}
	if complaint := assign(into, e.text, f); complaint != "" {
		d.tell(n, p, describe(n.Value, into)+" "+complaint, DidYouMean(n.Value, f.OneOf))
		return false
	}
	return true
}

// secrets reads a list of secrets. One whose variable has no value is left
// out, so that the others work.
func (d *Decoder) secrets(n *yaml.Node, p path, into *[]Secret) {
	d.src.Conceal(n)
	*into = nil
	d.items(n, p, func(i int, item *yaml.Node) {
		at := p.item(i)
		if item = d.follow(item, at); item == nil {
			return
		}
		d.src.Conceal(item)
		if item.Kind == yaml.ScalarNode {
			e := expand(item.Value, d.options.Env)
			if len(e.unset) > 0 {
				d.Warn(fmt.Sprintf("%s: %s: %s is not set; this key is left out", d.origin(item), at.key, e.unset[0]))
				return
			}
			if e.used && e.text == "" {
				d.Warn(fmt.Sprintf("%s: %s: the variable is empty; this key is left out", d.origin(item), at.key))
				return
			}
		}
		var key Secret
		if d.scalar(item, at, reflect.ValueOf(&key).Elem(), Field{}) {
			// Left-out entries shift the ones after them; problems are told by
			// where an entry stands now.
			d.at[p.item(len(*into)).key] = item
			*into = append(*into, key)
		}
	})
	d.Origins[p.key] = d.origin(n)
}

// complaint says what is wrong with an expansion, if anything is.
func (e expansion) complaint() (complaint, suggestion string) {
	if e.malformed != "" {
		return e.malformed, ""
	}
	if len(e.unset) > 0 {
		name := e.unset[0]
		return fmt.Sprintf("the environment variable %s is not set", name), "set it, or write ${" + name + ":-default}"
	}
	return "", ""
}

// wrongStyle refuses a text where a number or a truth value belongs, and the
// other way round. Durations and sizes may be either.
func wrongStyle(n *yaml.Node, into reflect.Value) (complaint, suggestion string) {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch into.Interface().(type) {
	case int, float64, bool:
		if quoted {
			return "is a text", "write it without quotes"
		}
	case string, Secret:
		switch n.Tag {
		case "!!int", "!!float", "!!bool":
			return "is not a text", "put it in quotes"
		}
	}
	return "", ""
}

// isSecret reports whether a value must never be shown.
func isSecret(into reflect.Value) bool { return into.Type() == reflect.TypeFor[Secret]() }

// describe quotes a value for a message as it is written, not as what it
// became; a secret and a very long one it does not quote.
func describe(value string, into reflect.Value) string {
	const longest = 80 // bytes of a value that a message repeats
	if isSecret(into) || len(value) > longest {
		return "the value"
	}
	return strconv.Quote(value)
}

// origin is that of a value in the file.
func (d *Decoder) origin(n *yaml.Node) Origin {
	return Origin{Source: File, Detail: fmt.Sprintf("%s:%d:%d", d.options.Name, n.Line, n.Column)}
}
