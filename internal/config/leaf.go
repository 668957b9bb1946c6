package config

import (
	"fmt"
	"reflect"
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

// scalar lays one value of the file over into, and reports whether it could.
func (l *loader) scalar(n *yaml.Node, p path, into reflect.Value, f field) bool {
	if isSecret(into) {
		l.src.conceal(n)
	}
	if n.Kind != yaml.ScalarNode {
		l.wrongKind(n, p, "one value")
		return false
	}
	if isNull(n) {
		l.tell(n, p, "has no value", "leave the key out for its default")
		return false
	}
	if n.Style&yaml.TaggedStyle != 0 {
		l.tell(n, p, "tags (!name) are not supported", "")
		return false
	}
	e := expand(n.Value, l.env)
	if complaint, suggestion := e.complaint(); complaint != "" {
		l.tell(n, p, complaint, suggestion)
		return false
	}
	if !e.used {
		if complaint, suggestion := wrongStyle(n, into); complaint != "" {
			l.tell(n, p, describe(n.Value, into)+" "+complaint, suggestion)
			return false
		}
	}
	if isSecret(into) {
		l.src.filter(e.text)
	}
	if isAbsentValue(p.shape, e.text) {
		l.tell(n, p, describe(n.Value, into)+" is "+notAvailable, "")
		return false
	}
	if complaint := assign(into, e.text, f); complaint != "" {
		l.tell(n, p, describe(n.Value, into)+" "+complaint, didYouMean(n.Value, f.oneOf))
		return false
	}
	return true
}

// secrets reads the keys of an app. One whose variable has no value is left
// out, so that the others work.
func (l *loader) secrets(n *yaml.Node, p path, into *[]Secret) {
	l.src.conceal(n)
	*into = nil
	l.items(n, p, func(i int, item *yaml.Node) {
		at := p.item(i)
		if item = l.follow(item, at); item == nil {
			return
		}
		l.src.conceal(item)
		if item.Kind == yaml.ScalarNode {
			e := expand(item.Value, l.env)
			if len(e.unset) > 0 {
				l.warn(fmt.Sprintf("%s: %s: %s is not set; this key is left out", l.origin(item), at.key, e.unset[0]))
				return
			}
			if e.used && e.text == "" {
				l.warn(fmt.Sprintf("%s: %s: the variable is empty; this key is left out", l.origin(item), at.key))
				return
			}
		}
		var key Secret
		if l.scalar(item, at, reflect.ValueOf(&key).Elem(), field{}) {
			// Left-out entries shift the ones after them; problems are told by
			// where an entry stands now.
			l.at[p.item(len(*into)).key] = item
			*into = append(*into, key)
		}
	})
	l.origins[p.key] = l.origin(n)
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
	case int, bool:
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
func (l *loader) origin(n *yaml.Node) Origin {
	return Origin{Source: File, Detail: fmt.Sprintf("%s:%d:%d", l.src.name, n.Line, n.Column)}
}
