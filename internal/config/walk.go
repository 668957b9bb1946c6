package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maxAliases bounds how often *name may stand in a file, so that a small file
// cannot unfold into a huge one.
const maxAliases = 100

// path is where in the tree the walker is: key as people read it
// (apps[0].name), shape with every app and provider alike (apps[].name).
type path struct{ key, shape string }

func (p path) field(name string) path { return path{join(p.key, name), join(p.shape, name)} }

func (p path) item(i int) path { return path{p.key + "[" + strconv.Itoa(i) + "]", p.shape + "[]"} }

func (p path) entry(name string) path { return path{join(p.key, name), join(p.shape, "*")} }

// shown spells a key of the file so that it cannot garble a message.
func shown(name string) string {
	if len(name) > longestName {
		return strconv.Quote(strings.ToValidUTF8(name[:longestName], "")) + "..."
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` || name == "" || strings.ContainsAny(name, " :") {
		return quoted
	}
	return name
}

// value lays the node over into, whatever its type.
func (l *loader) value(n *yaml.Node, p path, into reflect.Value, f field) {
	n = l.follow(n, p)
	if n == nil {
		return
	}
	switch target := into.Addr().Interface().(type) {
	case *[]App:
		l.apps(n, p, target)
	case *[]Provider:
		l.providers(n, p, target)
	case *[]string:
		*target = l.texts(n, p, l.src.concealSuspects)
	case *[]Secret:
		l.secrets(n, p, target)
	case *map[string]string:
		l.aliasNames(n, p, target)
	default:
		if into.Kind() == reflect.Struct {
			l.mapping(n, p, into)
			return
		}
		if l.scalar(n, p, into, f) {
			l.origins[p.key] = l.origin(n)
		}
	}
}

// follow returns what an alias means, and notes where the value stands. It
// returns nil, and tells, when there are too many aliases.
func (l *loader) follow(n *yaml.Node, p path) *yaml.Node {
	l.at[p.key] = n
	if n.Kind != yaml.AliasNode {
		return n
	}
	l.aliases++
	if l.aliases > maxAliases {
		if l.aliases == maxAliases+1 {
			l.tell(n, p, fmt.Sprintf("more than %d aliases; write the values out", maxAliases), "")
		}
		return nil
	}
	return n.Alias
}

// mapping lays a mapping over a struct: every key must be one of its fields.
func (l *loader) mapping(n *yaml.Node, p path, into reflect.Value) {
	fields := fieldsOf(into.Type())
	l.entries(n, p, func(key, value *yaml.Node) {
		name := key.Value
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if at < 0 {
			if !meansOpen(name, value, into.Type()) {
				l.src.concealSuspects(value)
			}
			l.unknown(key, path{join(p.key, shown(name)), join(p.shape, name)}, names(fields))
			return
		}
		l.value(value, p.field(name), into.Field(fields[at].index), fields[at])
	})
}

// meansOpen reports whether a key that t does not have is a slip for one whose
// value may be shown.
func meansOpen(name string, value *yaml.Node, t reflect.Type) bool {
	fields := fieldsOf(t)
	meant := nearest(name, names(fields))
	at := slices.IndexFunc(fields, func(f field) bool { return f.name == meant })
	if at < 0 || value.Kind != yaml.ScalarNode || strings.Contains(value.Value, "@") {
		return false
	}
	kind := t.Field(fields[at].index).Type
	return kind.Kind() != reflect.Slice && kind != reflect.TypeFor[Secret]()
}

// unknown tells of a key that has no meaning here.
func (l *loader) unknown(key *yaml.Node, p path, siblings []string) {
	if isAbsent(p.shape) {
		l.tell(key, p, notAvailable, "")
		return
	}
	suggestion := didYouMean(key.Value, siblings)
	if suggestion == "" {
		suggestion = elsewhere(key.Value)
	}
	l.tell(key, p, "unknown key", suggestion)
}

// entries calls each for the entries of a mapping, having told of keys that
// come twice and of what is no mapping. No value at all is an empty mapping.
func (l *loader) entries(n *yaml.Node, p path, each func(key, value *yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.wrongKind(n, p, "keys with values")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, again := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			l.src.concealSuspects(key)
			l.src.concealSuspects(value)
			l.tell(key, p, "a key must be a plain text", "")
		case key.Tag == "!!merge":
			l.src.concealSuspects(value)
			l.tell(key, p, "merge keys (<<) are not supported", "write the keys out, or use an alias for a whole value")
		case again:
			l.src.conceal(value)
			l.tell(key, path{key: join(p.key, shown(key.Value))}, fmt.Sprintf("the key is there twice, first on line %d", first), "")
		default:
			seen[key.Value] = key.Line
			each(key, value)
		}
	}
}

// items calls each for the items of a list. No value at all is an empty list.
func (l *loader) items(n *yaml.Node, p path, each func(i int, item *yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		l.wrongKind(n, p, "a list")
		return
	}
	for i, item := range n.Content {
		each(i, item)
	}
}

// apps reads the list of apps.
func (l *loader) apps(n *yaml.Node, p path, into *[]App) {
	*into = nil
	l.items(n, p, func(i int, item *yaml.Node) {
		var app App
		l.value(item, p.item(i), reflect.ValueOf(&app).Elem(), field{})
		*into = append(*into, app)
	})
	l.origins[p.key] = l.origin(n)
}

// providers reads the mapping of providers, which keeps the file's order. A
// known name begins with its preset.
func (l *loader) providers(n *yaml.Node, p path, into *[]Provider) {
	*into = []Provider{}
	l.entries(n, p, func(key, value *yaml.Node) {
		at := p.entry(shown(key.Value))
		provider := l.startProvider(key.Value, at.key)
		l.value(value, at, reflect.ValueOf(&provider).Elem(), field{})
		l.at[at.key] = key
		*into = append(*into, provider)
	})
	l.origins[p.key] = l.origin(n)
}

// texts reads a list of texts; conceal hides one that is not a text.
func (l *loader) texts(n *yaml.Node, p path, conceal func(*yaml.Node)) []string {
	list := []string{}
	l.items(n, p, func(i int, item *yaml.Node) {
		at := p.item(i)
		if item = l.follow(item, at); item == nil {
			return
		}
		if item.Kind != yaml.ScalarNode {
			conceal(item)
		}
		var text string
		if l.scalar(item, at, reflect.ValueOf(&text).Elem(), field{}) {
			list = append(list, text)
		}
	})
	l.origins[p.key] = l.origin(n)
	return list
}

// aliasNames reads further names of models.
func (l *loader) aliasNames(n *yaml.Node, p path, into *map[string]string) {
	*into = map[string]string{}
	l.entries(n, p, func(key, value *yaml.Node) {
		at := p.entry(shown(key.Value))
		var target string
		if value = l.follow(value, at); value == nil {
			return
		}
		l.scalar(value, at, reflect.ValueOf(&target).Elem(), field{})
		(*into)[key.Value] = target
		l.at[at.key] = key
	})
	l.origins[p.key] = l.origin(n)
}

// wrongKind tells that n is not what the key holds, and hides it: a secret may
// have been written in another form.
func (l *loader) wrongKind(n *yaml.Node, p path, want string) {
	l.src.concealSuspects(n)
	at := n
	if asWritten, ok := l.at[p.key]; ok {
		at = asWritten // the alias rather than what it means
	}
	l.tell(at, p, fmt.Sprintf("holds %s, not %s", want, kindOf(n)), "")
}

// kindOf says what a node is.
func kindOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		return "keys with values"
	}
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "one value"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
