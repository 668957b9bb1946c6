package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// reference matches a text that holds ${NAME}, which may stand for any value.
const reference = `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, for
// editors. It is made of the same struct tags that Load obeys.
func Schema() ([]byte, error) {
	reflector := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		Anonymous:                  true,
		DoNotReference:             true,
		RequiredFromJSONSchemaTags: true,
		Mapper:                     valueSchema,
		LookupComment:              docOf,
	}
	schema := reflector.ReflectFromType(reflect.TypeFor[Config]())
	schema.Title = "Fairlead configuration"
	annotate(schema, reflect.ValueOf(Defaults()))
	providers := providersOf(schema)
	provider := reflector.ReflectFromType(reflect.TypeFor[Provider]())
	provider.Version = ""
	annotate(provider, reflect.ValueOf(Provider{}))
	providers.AdditionalProperties = provider
	return json.MarshalIndent(schema, "", "  ")
}

// providersOf finds the schema of llm.providers.
func providersOf(schema *jsonschema.Schema) *jsonschema.Schema {
	for _, name := range []string{"llm", "providers"} {
		inner, ok := schema.Properties.Get(name)
		if !ok {
			return schema
		}
		schema = inner
	}
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
func valueSchema(t reflect.Type) *jsonschema.Schema {
	either := func(kind, pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: kind, Minimum: "0"},
			{Type: "string", Pattern: pattern},
		}}
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
	case reflect.TypeFor[[]Provider]():
		return &jsonschema.Schema{
			Type:          "object",
			PropertyNames: &jsonschema.Schema{Pattern: "^[a-z0-9][a-z0-9_-]*$"},
		}
	}
	return nil
}

// annotate adds to each property what the tags say of bounds, and its default.
func annotate(schema *jsonschema.Schema, defaults reflect.Value) {
	for _, f := range strictyaml.Fields(defaults.Type()) {
		property, ok := schema.Properties.Get(f.Name)
		if !ok {
			continue
		}
		value := defaults.Field(f.Index)
		if value.Kind() == reflect.Struct {
			annotate(property, value)
			continue
		}
		if value.Type() == reflect.TypeFor[[]App]() {
			annotate(property.Items, reflect.ValueOf(newApp()))
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
