package strictyaml

import (
	"reflect"
	"strconv"
	"strings"
)

// Field is what the tags of a struct field say about a key. The tag yaml gives
// the key; a field without it, or with "-", is none.
type Field struct {
	Name  string   // the key
	Also  string   // tag also: another name of the key; "" if it has none
	Env   string   // tag env: the environment variable that sets it; "" if none does
	Least int      // tag least: the smallest whole number allowed; 0 without it
	Most  int      // tag most: the largest whole number allowed; 0 if the type has none
	Below int      // tag below: a number with a fraction must be less; 0 if the type has none
	OneOf []string // tag oneof, separated by commas: the texts allowed, of a list its items; empty means any
	Index int      // its place in the struct
	// By, of a list of structs, is from the tag by: the file has a mapping
	// instead, in whose order the list is, and whose keys are the items' fields
	// of this name.
	By string
}

// Fields lists the keys of the struct type t in their order.
func Fields(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name := tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		f := Field{Name: name, Also: tag.Get("also"), Env: tag.Get("env"), Index: i, By: tag.Get("by")}
		f.Least, f.Most, f.Below = bound(tag, "least"), bound(tag, "most"), bound(tag, "below")
		if oneOf := tag.Get("oneof"); oneOf != "" {
			f.OneOf = strings.Split(oneOf, ",")
		}
		fields = append(fields, f)
	}
	return fields
}

// bound is the number that the tag has under name, 0 if it has none.
func bound(tag reflect.StructTag, name string) int {
	n, err := strconv.Atoi(tag.Get(name))
	if err != nil {
		return 0
	}
	return n
}

// names returns the keys of fields.
func names(fields []Field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	return list
}

// Leaf is a key that holds a value rather than further keys.
type Leaf struct {
	Field
	Key   string        // dotted
	Value reflect.Value // can be set
}

// Leaves lists the leaves of the struct v, whose keys begin with prefix. Lists
// and maps are leaves.
func Leaves(v reflect.Value, prefix string) []Leaf {
	var leaves []Leaf
	for _, f := range Fields(v.Type()) {
		key, value := Join(prefix, f.Name), v.Field(f.Index)
		if value.Kind() == reflect.Struct {
			leaves = append(leaves, Leaves(value, key)...)
			continue
		}
		leaves = append(leaves, Leaf{Field: f, Key: key, Value: value})
	}
	return leaves
}

// Shapes lists every key that a file may hold for the struct type t: apps[]
// stands for any item of a list, providers.* for any entry of a mapping.
func Shapes(t reflect.Type, prefix string) []string {
	var shapes []string
	for _, f := range Fields(t) {
		shape := Join(prefix, f.Name)
		shapes = append(shapes, shape)
		switch inner := t.Field(f.Index).Type; {
		case inner.Kind() == reflect.Struct:
			shapes = append(shapes, Shapes(inner, shape)...)
		case inner.Kind() != reflect.Slice || inner.Elem().Kind() != reflect.Struct:
		case f.By != "":
			shapes = append(shapes, Shapes(inner.Elem(), shape+".*")...)
		default:
			shapes = append(shapes, Shapes(inner.Elem(), shape+"[]")...)
		}
	}
	return shapes
}

// Join appends name to a dotted key.
func Join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// Item is the key of an item of the list key; i counts from 0.
func Item(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }
