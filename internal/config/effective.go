package config

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Setting is one effective value, as people read it. A secret is ***.
type Setting struct {
	Key    string // dotted, as in Origins
	Value  string
	Origin Origin
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
	origins  Origins
	settings []Setting
}

func (e *effective) fields(v reflect.Value, prefix string) {
	for _, f := range fieldsOf(v.Type()) {
		e.field(v.Field(f.index), join(prefix, f.name))
	}
}

func (e *effective) field(v reflect.Value, key string) {
	switch value := v.Interface().(type) {
	case []App:
		for i := range value {
			e.fields(reflect.ValueOf(&value[i]).Elem(), path{key: key}.item(i).key)
		}
	case []Provider:
		for i := range value {
			e.fields(reflect.ValueOf(&value[i]).Elem(), join(key, value[i].Name))
		}
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			e.add(join(key, name), strconv.Quote(value[name]), e.origins[key])
		}
	default:
		if v.Kind() == reflect.Struct {
			e.fields(v, key)
			return
		}
		e.add(key, literal(v), e.origins[key])
	}
}

func (e *effective) add(key, value string, origin Origin) {
	e.settings = append(e.settings, Setting{Key: key, Value: value, Origin: origin})
}
