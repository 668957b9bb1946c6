package config

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/config/spell"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Print writes the effective configuration as YAML, each value with where it
// came from in a comment. It loads again with the same effect, except that
// secrets are written as ***. It returns w's error.
func (l *Loaded) Print(w io.Writer) error {
	p := printer{origins: l.Origins}
	p.fields(reflect.ValueOf(&l.Config).Elem(), "", 0)
	_, err := io.WriteString(w, p.out.String())
	return err
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
		p.field(v.Field(f.Index), strictyaml.Join(prefix, f.Name), f.Name, depth)
	}
}

// field writes one key with its value.
func (p *printer) field(v reflect.Value, key, name string, depth int) {
	switch value := v.Interface().(type) {
	case []App:
		p.list(value, key, name, depth)
	case []Provider:
		p.providers(value, key, name, depth)
	case map[string]string:
		spelled := make(map[string]string, len(value))
		for alias, target := range value {
			spelled[alias] = spell.Text(target)
		}
		p.names(spelled, key, name, depth)
	case map[string][]string:
		spelled := make(map[string]string, len(value))
		for model, fallbacks := range value {
			spelled[model] = spell.List(fallbacks, strconv.Quote)
		}
		p.names(spelled, key, name, depth)
	default:
		if v.Kind() == reflect.Struct {
			p.line(depth, name+":", "")
			p.fields(v, key, depth+1)
			return
		}
		content := name + ": " + spell.Value(v)
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

func (p *printer) list(apps []App, key, name string, depth int) {
	p.head(len(apps), "[]", key, name, depth)
	for i := range apps {
		p.item = true
		p.fields(reflect.ValueOf(&apps[i]).Elem(), strictyaml.Item(key, i), depth+2)
	}
}

func (p *printer) providers(providers []Provider, key, name string, depth int) {
	p.head(len(providers), "{}", key, name, depth)
	for i := range providers {
		p.line(depth+1, spell.Text(providers[i].Name)+":", "")
		p.fields(reflect.ValueOf(&providers[i]).Elem(), strictyaml.Join(key, providers[i].Name), depth+2)
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
