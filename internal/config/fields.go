package config

import (
	"reflect"
	"strconv"
	"strings"
)

// field is what the tags of a struct field say about a key.
type field struct {
	name  string   // the key
	env   string   // the environment variable that sets it; "" if none does
	doc   string   // what it means
	most  int      // the largest whole number allowed; 0 if the type has none
	oneOf []string // the texts allowed; empty means any
	index int      // its place in the struct
}

// fieldsOf lists the keys of the struct type t in their order.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name := tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		f := field{name: name, env: tag.Get("env"), doc: tag.Get("doc"), index: i}
		if most, err := strconv.Atoi(tag.Get("most")); err == nil {
			f.most = most
		}
		if oneOf := tag.Get("oneof"); oneOf != "" {
			f.oneOf = strings.Split(oneOf, ",")
		}
		fields = append(fields, f)
	}
	return fields
}

// names returns the keys of fields.
func names(fields []field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return list
}

// leaf is a key that holds a value rather than further keys.
type leaf struct {
	field
	key   string
	value reflect.Value
}

// leavesOf lists the leaves of the struct v, whose keys begin with prefix.
// Lists and maps are leaves.
func leavesOf(v reflect.Value, prefix string) []leaf {
	var leaves []leaf
	for _, f := range fieldsOf(v.Type()) {
		key, value := join(prefix, f.name), v.Field(f.index)
		if value.Kind() == reflect.Struct {
			leaves = append(leaves, leavesOf(value, key)...)
			continue
		}
		leaves = append(leaves, leaf{field: f, key: key, value: value})
	}
	return leaves
}

// shapesOf lists every key that a file may hold, with apps[] for any app and
// llm.providers.* for any provider.
func shapesOf(t reflect.Type, prefix string) []string {
	var shapes []string
	for _, f := range fieldsOf(t) {
		shape := join(prefix, f.name)
		shapes = append(shapes, shape)
		switch inner := t.Field(f.index).Type; inner {
		case reflect.TypeFor[[]App]():
			shapes = append(shapes, shapesOf(inner.Elem(), shape+"[]")...)
		case reflect.TypeFor[[]Provider]():
			shapes = append(shapes, shapesOf(inner.Elem(), shape+".*")...)
		default:
			if inner.Kind() == reflect.Struct {
				shapes = append(shapes, shapesOf(inner, shape)...)
			}
		}
	}
	return shapes
}

// join appends name to a dotted key.
func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
