package config

import (
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/fairleadhq/fairlead/internal/config/spell"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Setting is one effective value, as people read it. A secret is ***.
type Setting struct {
	Key    string // dotted, as in Loaded.Origins
	Value  string
	Origin strictyaml.Origin
	// Off says that the value is 0, by which a limit is turned off.
	Off bool
}

// Print writes the effective configuration as YAML, each value with where it
// came from in a comment. It loads again with the same effect, except that
// secrets are written as ***. It returns w's error.
func (l *Loaded) Print(w io.Writer) error {
	_, err := io.WriteString(w, spell.File(&l.Config, l.Origins))
	return err
}

// Effective lists every value that is in force, in the order of the file's
// sections. Secrets are masked.
func (l *Loaded) Effective() []Setting {
	e := effective{origins: l.Origins}
	e.fields(reflect.ValueOf(&l.Config).Elem(), "")
	return e.settings
}

// effective is a list of settings in the making.
type effective struct {
	origins  strictyaml.Origins
	settings []Setting
}

func (e *effective) fields(v reflect.Value, prefix string) {
	for _, f := range strictyaml.Fields(v.Type()) {
		e.field(v.Field(f.Index), strictyaml.Join(prefix, f.Name))
	}
}

func (e *effective) field(v reflect.Value, key string) {
	switch value := v.Interface().(type) {
	case []App:
		for i := range value {
			e.fields(reflect.ValueOf(&value[i]).Elem(), strictyaml.Item(key, i))
		}
	case []Provider:
		for i := range value {
			e.fields(reflect.ValueOf(&value[i]).Elem(), strictyaml.Join(key, value[i].Name))
		}
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			e.settings = append(e.settings, Setting{
				Key: strictyaml.Join(key, name), Value: strconv.Quote(value[name]), Origin: e.origins[key],
			})
		}
	case map[string][]string:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			e.settings = append(e.settings, Setting{
				Key: strictyaml.Join(key, name), Value: spell.List(value[name], strconv.Quote), Origin: e.origins[key],
			})
		}
	default:
		if v.Kind() == reflect.Struct {
			e.fields(v, key)
			return
		}
		off := (v.CanInt() || v.CanFloat()) && v.IsZero()
		e.settings = append(e.settings, Setting{Key: key, Value: spell.Value(v), Origin: e.origins[key], Off: off})
	}
}
