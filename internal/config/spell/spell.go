// Package spell writes values as YAML so that they are read back as the same ones
// by package strictyaml. Secrets are written as ***, which nothing reads back.
//
// Start with Value, and with File for a whole file.
package spell

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Value spells a leaf in YAML.
func Value(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case strictyaml.Secret:
		return strconv.Quote(value.String())
	case string:
		return Text(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64) // an exponent would not be read back
	case []string:
		return List(value, strconv.Quote)
	case []strictyaml.Secret:
		return List(value, func(s strictyaml.Secret) string { return strconv.Quote(s.String()) })
	}
	return fmt.Sprint(v.Interface())
}

// List spells a list on one line.
func List[T any](list []T, spell func(T) string) string {
	items := make([]string, len(list))
	for i, item := range list {
		items[i] = spell(item)
	}
	return "[" + strings.ReplaceAll(strings.Join(items, ", "), "${", "$${") + "]"
}

// Text spells a text so that it is read back as the same text: in quotes if it
// might be taken for something else.
func Text(s string) string {
	switch s {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return strconv.Quote(s)
	}
	if regexp.MustCompile(`^[a-z./]([a-zA-Z0-9_./:-]*[a-zA-Z0-9_./-])?$`).MatchString(s) && s != "." {
		return s
	}
	return strings.ReplaceAll(strconv.Quote(s), "${", "$${")
}
