// Package schema makes the JSON Schema of a configuration file, for editors, of the
// same struct tags that package strictyaml obeys.
//
// Start with Of.
package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// reference matches a text that holds ${NAME}, which may stand for any value.
const reference = `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`

// Of returns the JSON Schema (draft 2020-12) of the struct defaults, whose values
// are the defaults. entries has, by the type of a list of structs, an entry of it
// before the file says anything; a list without one is left as it is.
func Of(title string, defaults any, entries map[reflect.Type]any) ([]byte, error) {
	m := &maker{entries: entries, reflector: &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		Anonymous:                  true,
		DoNotReference:             true,
		RequiredFromJSONSchemaTags: true,
		LookupComment:              docOf,
	}}
	m.reflector.Mapper = m.valueSchema
	m.named = named(reflect.TypeOf(defaults))
	schema := m.of(reflect.ValueOf(defaults))
	schema.Version, schema.Title = jsonschema.Version, title
	return json.MarshalIndent(schema, "", "  ")
}

// maker makes one schema.
type maker struct {
	entries   map[reflect.Type]any
	named     map[reflect.Type]bool // the lists that a file writes as a mapping
	reflector *jsonschema.Reflector
}

// named finds the lists of structs that a file writes as a mapping.
func named(t reflect.Type) map[reflect.Type]bool {
	found := make(map[reflect.Type]bool)
	for _, f := range strictyaml.Fields(t) {
		inner := t.Field(f.Index).Type
		if f.By != "" {
			found[inner] = true
		}
		if inner.Kind() == reflect.Struct {
			maps.Copy(found, named(inner))
		}
	}
	return found
}

// of is the schema of a struct, without a version of its own.
func (m *maker) of(defaults reflect.Value) *jsonschema.Schema {
	schema := m.reflector.ReflectFromType(defaults.Type())
	schema.Version = ""
	m.annotate(schema, defaults)
	return schema
}

// docOf is the documentation of a struct's field.
func docOf(t reflect.Type, name string) string {
	if name == "" {
		return ""
	}
	f, _ := t.FieldByName(name)
	return f.Tag.Get("doc")
}

// valueSchema is the schema of the types that a file writes in more than one
// way, nil for the others.
func (m *maker) valueSchema(t reflect.Type) *jsonschema.Schema {
	either := func(kind, pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: kind, Minimum: "0"},
			{Type: "string", Pattern: pattern},
		}}
	}
	if m.named[t] {
		return &jsonschema.Schema{Type: "object", PropertyNames: &jsonschema.Schema{Pattern: "^[a-z0-9][a-z0-9_-]*$"}}
	}
	switch t {
	case reflect.TypeFor[strictyaml.Duration]():
		return either("number", `^([0-9.]+|([0-9.]+(ns|us|µs|ms|s|m|h))+)$|`+reference)
	case reflect.TypeFor[strictyaml.Size]():
		return either("integer", `^[0-9.]+( *([kKmMgGtT][iI]?)?[bB])?$|`+reference)
	case reflect.TypeFor[strictyaml.Secret]():
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[int]():
		return either("integer", reference)
	case reflect.TypeFor[float64]():
		return either("number", reference)
	case reflect.TypeFor[bool]():
		schema := either("boolean", reference)
		schema.AnyOf[0].Minimum = ""
		return schema
	}
	return nil
}

// annotate adds to each property what the tags say of bounds, its default, and the
// other name that it may have.
func (m *maker) annotate(schema *jsonschema.Schema, defaults reflect.Value) {
	for _, f := range strictyaml.Fields(defaults.Type()) {
		property, ok := schema.Properties.Get(f.Name)
		if !ok {
			continue
		}
		value := defaults.Field(f.Index)
		if f.Also != "" {
			schema.Properties.Set(f.Also, property)
		}
		if value.Kind() == reflect.Struct {
			m.annotate(property, value)
			continue
		}
		if entry, ok := m.entries[value.Type()]; ok && f.By != "" {
			property.AdditionalProperties = m.of(reflect.ValueOf(entry))
			continue
		} else if ok {
			m.annotate(property.Items, reflect.ValueOf(entry))
			continue
		}
		bound(property, f)
		if !value.IsZero() {
			property.Default = value.Interface()
		}
		if v, ok := property.Default.(fmt.Stringer); ok {
			property.Default = v.String()
		}
	}
}

// bound adds to a property what the tags say of its bounds.
func bound(property *jsonschema.Schema, f strictyaml.Field) {
	if f.Least > 0 {
		property.AnyOf[0].Minimum = json.Number(strconv.Itoa(f.Least))
	}
	if f.Most > 0 {
		property.AnyOf[0].Maximum = json.Number(strconv.Itoa(f.Most))
	}
	if f.Below > 0 {
		property.AnyOf[0].ExclusiveMaximum = json.Number(strconv.Itoa(f.Below))
	}
	if property.Items != nil {
		property = property.Items
	}
	for _, allowed := range f.OneOf {
		property.Enum = append(property.Enum, allowed)
	}
}
