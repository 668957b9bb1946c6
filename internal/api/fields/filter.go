package fields

import (
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// The bounds of a filter: how deep it nests, how many conditions it has, and how many
// values they compare with.
const (
	maxFilterDepth  = 8
	maxConditions   = 256
	maxFilterValues = 10_000
)

// Filter reads a condition on metadata in OpenAI's form: {"type": "eq", "key", "value"}
// with eq, ne, gt, gte, lt, lte, in or nin, or {"type": "and" or "or", "filters"}. It
// is nil if it is not there. A value is a string, a number, true or false, of in and nin
// a list of them; what has an order is a string or a number.
func (r *Reader) Filter(name string) *fairlead.Filter {
	v := r.value(name)
	if v == nil {
		return nil
	}
	f := filters{left: maxConditions, values: maxFilterValues}
	o := read(v, r.at+name+".", filterMembers())
	filter := f.read(o, 1)
	r.err = o.err
	if o.err != nil {
		return nil
	}
	return &filter
}

func filterMembers() []string { return []string{"type", "key", "value", "filters"} }

// filters is how much of a filter may still come.
type filters struct{ left, values int }

// read reads one condition, or a combination of them.
func (f *filters) read(o *Reader, depth int) fairlead.Filter {
	f.left--
	if f.left < 0 || depth > maxFilterDepth {
		o.Refuse("type", "stands in a filter of more than "+strconv.Itoa(maxConditions)+" conditions or "+
			strconv.Itoa(maxFilterDepth)+" levels")
	}
	o.Need("type")
	op := fairlead.FilterOp(o.OneOf("type", "eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "and", "or"))
	filter := fairlead.Filter{Op: op}
	switch op {
	case fairlead.FilterAnd, fairlead.FilterOr:
		o.reject("key", "value")
		o.Need("filters")
		o.Objects("filters", maxConditions, func(inner *Reader) {
			filter.Filters = append(filter.Filters, f.read(inner, depth+1))
		}, filterMembers()...)
		if len(filter.Filters) == 0 {
			o.Refuse("filters", "must not be empty")
		}
	case fairlead.FilterIn, fairlead.FilterNin:
		f.key(o, &filter)
		filter.Value = f.several(o)
	case fairlead.FilterEq, fairlead.FilterNe, fairlead.FilterGt, fairlead.FilterGte, fairlead.FilterLt, fairlead.FilterLte:
		f.key(o, &filter)
		filter.Value = f.one(o, op)
	}
	return filter
}

// reject notes a member that has no place beside the others.
func (r *Reader) reject(names ...string) {
	for _, name := range names {
		if r.Has(name) {
			r.fail(codeUnknownField, name, r.at+name+" has no meaning in a filter of this type")
		}
	}
}

// key reads what is compared.
func (f *filters) key(o *Reader, filter *fairlead.Filter) {
	o.reject("filters")
	o.Need("key")
	o.Need("value")
	filter.Key = o.Text("key", maxKey*4)
	if filter.Key == "" {
		o.Refuse("key", "must not be empty")
	}
}

// one reads the value of a comparison.
func (f *filters) one(o *Reader, op fairlead.FilterOp) any {
	f.values--
	value := scalar(o.value("value"))
	_, flag := value.(bool)
	if value == nil || flag && op != fairlead.FilterEq && op != fairlead.FilterNe {
		o.wrong("value", "a string or a number, or with eq and ne true or false")
	}
	return value
}

// several reads the values of in and nin.
func (f *filters) several(o *Reader) any {
	values := []any{}
	o.list("value", max(f.values, 0), func(v rawjson.Value) bool {
		values = append(values, scalar(v))
		return values[len(values)-1] != nil
	}, "a list of strings and numbers")
	f.values -= len(values)
	return values
}
