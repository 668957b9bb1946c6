package strictyaml

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

func (p path) field(name string) path { return path{Join(p.key, name), Join(p.shape, name)} }

func (p path) item(i int) path { return path{Item(p.key, i), p.shape + "[]"} }

func (p path) entry(name string) path { return path{Join(p.key, name), Join(p.shape, "*")} }

// Shown spells a key of the file so that it cannot garble a message.
func Shown(name string) string {
	if len(name) > longestName {
		return strconv.Quote(strings.ToValidUTF8(name[:longestName], "")) + "..."
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` || name == "" || strings.ContainsAny(name, " :") {
		return quoted
	}
	return name
}

// value lays the node over into, whatever its type.
func (d *Decoder) value(n *yaml.Node, p path, into reflect.Value, f Field) {
	n = d.follow(n, p)
	if n == nil {
		return
	}
	switch target := into.Addr().Interface().(type) {
	case *[]string:
		*target = d.texts(n, p, f)
	case *[]Secret:
		d.secrets(n, p, target)
	case *map[string]string:
		d.textMap(n, p, target)
	case *map[string][]string:
		d.listMap(n, p, target)
	default:
		d.other(n, p, into, f)
	}
}

// other lays the node over into, which is a struct, a list of structs or one
// value.
func (d *Decoder) other(n *yaml.Node, p path, into reflect.Value, f Field) {
	switch {
	case into.Kind() == reflect.Struct:
		d.mapping(n, p, into)
	case into.Kind() == reflect.Slice && f.By != "":
		d.named(n, p, into, f.By)
	case into.Kind() == reflect.Slice:
		d.list(n, p, into)
	case d.scalar(n, p, into, f):
		d.Origins[p.key] = d.origin(n)
	}
}

// follow returns what an alias means, and notes where the value stands. It
// returns nil, and tells, when there are too many aliases.
func (d *Decoder) follow(n *yaml.Node, p path) *yaml.Node {
	d.at[p.key] = n
	if n.Kind != yaml.AliasNode {
		return n
	}
	d.aliases++
	if d.aliases > maxAliases {
		if d.aliases == maxAliases+1 {
			d.tell(n, p, fmt.Sprintf("more than %d aliases; write the values out", maxAliases), "")
		}
		return nil
	}
	return n.Alias
}

// mapping lays a mapping over a struct: every key must be one of its fields.
func (d *Decoder) mapping(n *yaml.Node, p path, into reflect.Value) {
	fields := Fields(into.Type())
	seen := make(map[int]string) // by which of its names each key came
	d.entries(n, p, func(key, value *yaml.Node) {
		name := key.Value
		at := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name || f.Also == name && name != "" })
		if at < 0 {
			if !meansOpen(name, value, into.Type()) {
				d.src.ConcealSuspects(value)
			}
			d.unknown(key, path{Join(p.key, Shown(name)), Join(p.shape, name)}, names(fields))
			return
		}
		if first, again := seen[at]; again {
			d.tell(key, p.field(name), "is another name of "+first+", which is there too", "write the key once")
			return
		}
		seen[at] = name
		d.value(value, p.field(fields[at].Name), into.Field(fields[at].Index), fields[at])
	})
}

// meansOpen reports whether a key that t does not have is a slip for one whose
// value may be shown.
func meansOpen(name string, value *yaml.Node, t reflect.Type) bool {
	fields := Fields(t)
	meant := nearest(name, names(fields))
	at := slices.IndexFunc(fields, func(f Field) bool { return f.Name == meant })
	if at < 0 || value.Kind != yaml.ScalarNode || strings.Contains(value.Value, "@") {
		return false
	}
	kind := t.Field(fields[at].Index).Type
	return kind.Kind() != reflect.Slice && kind != reflect.TypeFor[Secret]()
}

// unknown tells of a key that has no meaning here.
func (d *Decoder) unknown(key *yaml.Node, p path, siblings []string) {
	suggestion := DidYouMean(key.Value, siblings)
	if suggestion == "" {
		suggestion = elsewhere(key.Value, d.root.Type())
	}
	d.tell(key, p, "unknown key", suggestion)
}

// entries calls each for the entries of a mapping, having told of keys that
// come twice and of what is no mapping. No value at all is an empty mapping.
func (d *Decoder) entries(n *yaml.Node, p path, each func(key, value *yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.wrongKind(n, p, "keys with values")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, again := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.src.ConcealSuspects(key)
			d.src.ConcealSuspects(value)
			d.tell(key, p, "a key must be a plain text", "")
		case key.Tag == "!!merge":
			d.src.ConcealSuspects(value)
			d.tell(key, p, "merge keys (<<) are not supported", "write the keys out, or use an alias for a whole value")
		case again:
			d.src.Conceal(value)
			d.tell(key, path{key: Join(p.key, Shown(key.Value))}, fmt.Sprintf("the key is there twice, first on line %d", first), "")
		default:
			seen[key.Value] = key.Line
			each(key, value)
		}
	}
}

// items calls each for the items of a list. No value at all is an empty list.
func (d *Decoder) items(n *yaml.Node, p path, each func(i int, item *yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrongKind(n, p, "a list")
		return
	}
	for i, item := range n.Content {
		each(i, item)
	}
}

// list reads a list of structs.
func (d *Decoder) list(n *yaml.Node, p path, into reflect.Value) {
	list := reflect.Zero(into.Type())
	d.items(n, p, func(i int, node *yaml.Node) {
		at, item := p.item(i), reflect.New(into.Type().Elem()).Elem()
		d.begin(at, item)
		d.value(node, at, item, Field{})
		list = reflect.Append(list, item)
	})
	into.Set(list)
	d.Origins[p.key] = d.origin(n)
}

// named reads a mapping into a list of structs in the file's order, each with
// its key in the field called by.
func (d *Decoder) named(n *yaml.Node, p path, into reflect.Value, by string) {
	list := reflect.MakeSlice(into.Type(), 0, 0)
	d.entries(n, p, func(key, value *yaml.Node) {
		at := p.entry(Shown(key.Value))
		item := reflect.New(into.Type().Elem()).Elem()
		item.FieldByName(by).SetString(key.Value)
		d.begin(at, item)
		d.value(value, at, item, Field{})
		d.at[at.key] = key
		list = reflect.Append(list, item)
	})
	into.Set(list)
	d.Origins[p.key] = d.origin(n)
}

// begin lets the caller complete a new entry.
func (d *Decoder) begin(at path, item reflect.Value) {
	if d.options.Begin != nil {
		d.options.Begin(at.key, item.Addr().Interface())
	}
}

// texts reads a list of texts, each as f allows, and hides one that is not a
// text.
func (d *Decoder) texts(n *yaml.Node, p path, f Field) []string {
	list := []string{}
	d.items(n, p, func(i int, item *yaml.Node) {
		at := p.item(i)
		if item = d.follow(item, at); item == nil {
			return
		}
		if item.Kind != yaml.ScalarNode {
			d.src.ConcealSuspects(item)
		}
		var text string
		if d.scalar(item, at, reflect.ValueOf(&text).Elem(), Field{OneOf: f.OneOf}) {
			list = append(list, text)
		}
	})
	d.Origins[p.key] = d.origin(n)
	return list
}

// textMap reads a mapping of texts to texts.
func (d *Decoder) textMap(n *yaml.Node, p path, into *map[string]string) {
	*into = map[string]string{}
	d.entries(n, p, func(key, value *yaml.Node) {
		at := p.entry(Shown(key.Value))
		var target string
		if value = d.follow(value, at); value == nil {
			return
		}
		d.scalar(value, at, reflect.ValueOf(&target).Elem(), Field{})
		(*into)[key.Value] = target
		d.at[at.key] = key
	})
	d.Origins[p.key] = d.origin(n)
}

// listMap reads a mapping of texts to lists of texts.
func (d *Decoder) listMap(n *yaml.Node, p path, into *map[string][]string) {
	*into = map[string][]string{}
	d.entries(n, p, func(key, value *yaml.Node) {
		at := p.entry(Shown(key.Value))
		if value = d.follow(value, at); value == nil {
			return
		}
		(*into)[key.Value] = d.texts(value, at, Field{})
		d.at[at.key] = key
	})
	d.Origins[p.key] = d.origin(n)
}

// wrongKind tells that n is not what the key holds, and hides it: a secret may
// have been written in another form.
func (d *Decoder) wrongKind(n *yaml.Node, p path, want string) {
	d.src.ConcealSuspects(n)
	at := n
	if asWritten, ok := d.at[p.key]; ok {
		at = asWritten // the alias rather than what it means
	}
	d.tell(at, p, fmt.Sprintf("holds %s, not %s", want, kindOf(n)), "")
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
