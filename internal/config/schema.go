package config

import (
	"reflect"

	"github.com/fairleadhq/fairlead/internal/config/schema"
)

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, for
// editors. It is made of the same struct tags that Load obeys.
func Schema() ([]byte, error) {
	return schema.Of("Fairlead configuration", Defaults(), map[reflect.Type]any{
		reflect.TypeFor[[]App]():      newApp(),
		reflect.TypeFor[[]Provider](): Provider{},
	})
}
