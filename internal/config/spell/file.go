package spell

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// File writes the struct that config points to as a file, each value with where it
// came from in a comment.
func File(config any, origins strictyaml.Origins) string {
	p := printer{origins: origins}
	p.fields(reflect.ValueOf(config).Elem(), "", 0)
	return p.out.String()
}

// printer writes a configuration as YAML.
type printer struct {
	out     strings.Builder
	origins strictyaml.Origins
	// item says that the next line begins an item of a list.
	item bool
}

// fields writes the keys of a struct.
func (p *printer) fields(v reflect.Value, prefix string, depth int) {
	for _, f := range strictyaml.Fields(v.Type()) {
		p.field(v.Field(f.Index), strictyaml.Join(prefix, f.Name), f, depth)
	}
}

// field writes one key with its value.
func (p *printer) field(v reflect.Value, key string, f strictyaml.Field, depth int) {
	name := f.Name
	switch value := v.Interface().(type) {
	case map[string]string:
		spelled := make(map[string]string, len(value))
		for alias, target := range value {
			spelled[alias] = Text(target)
		}
		p.names(spelled, key, name, depth)
	case map[string][]string:
		spelled := make(map[string]string, len(value))
		for model, fallbacks := range value {
			spelled[model] = List(fallbacks, strconv.Quote)
		}
		p.names(spelled, key, name, depth)
	default:
		switch {
		case v.Kind() == reflect.Struct:
			p.line(depth, name+":", "")
			p.fields(v, key, depth+1)
			return
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && f.By != "":
			p.named(v, key, f, depth)
			return
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
			p.list(v, key, name, depth)
			return
		}
		content := name + ": " + Value(v)
		if v.Kind() == reflect.String && v.IsZero() && p.origins[key].Source == strictyaml.Default {
			content = "# " + content // an empty text that is read back would no longer be a default
		}
		p.line(depth, content, p.comment(key))
	}
}

// head writes the key of that many entries; without any it writes them as empty.
func (p *printer) head(entries int, empty, key, name string, depth int) {
	if entries == 0 {
		p.line(depth, name+": "+empty, p.comment(key))
		return
	}
	p.line(depth, name+":", "")
}

func (p *printer) list(items reflect.Value, key, name string, depth int) {
	p.head(items.Len(), "[]", key, name, depth)
	for i := range items.Len() {
		p.item = true
		p.fields(items.Index(i), strictyaml.Item(key, i), depth+2)
	}
}

// named writes a list that a file has as a mapping.
func (p *printer) named(items reflect.Value, key string, f strictyaml.Field, depth int) {
	p.head(items.Len(), "{}", key, f.Name, depth)
	for i := range items.Len() {
		name := items.Index(i).FieldByName(f.By).String()
		p.line(depth+1, Text(name)+":", "")
		p.fields(items.Index(i), strictyaml.Join(key, name), depth+2)
	}
}

// names writes a mapping whose values are spelled in YAML.
func (p *printer) names(names map[string]string, key, name string, depth int) {
	p.head(len(names), "{}", key, name, depth)
	for _, alias := range slices.Sorted(maps.Keys(names)) {
		p.line(depth+1, strconv.Quote(alias)+": "+names[alias], p.comment(key))
	}
}

// line writes one line; comments are aligned where lines are short.
func (p *printer) line(depth int, content, comment string) {
	const indent, commentColumn = 2, 44 // characters
	lead := strings.Repeat(" ", indent*depth)
	if p.item {
		lead, p.item = lead[indent:]+"- ", false
	}
	content = lead + content
	if comment == "" {
		fmt.Fprintf(&p.out, "%s\n", content)
		return
	}
	fmt.Fprintf(&p.out, "%-*s # %s\n", commentColumn, content, comment)
}

func (p *printer) comment(key string) string { return p.origins[key].String() }
