// Package filter judges metadata by the conditions of a search. A condition comes from
// outside: Check bounds it before anything is made of it, and says what is wrong with it.
// What is compared is compared strictly: a number is never a string, and what is not
// there is equal to nothing.
//
// Start with Check, then Match.
package filter

import (
	"fmt"
	"math"
	"slices"

	"github.com/fairleadhq/fairlead"
)

// The bounds of a filter.
const (
	MaxDepth      = 8
	MaxConditions = 1000
	MaxList       = 10_000 // values of an in or nin
	MaxKey        = 256    // bytes
	MaxValue      = 4096   // bytes of a string
)

// Check refuses a filter that is not one, or is over a bound, with an error of Kind
// Invalid and Code "invalid_filter". Integers among its values are taken for numbers.
// It does not block.
func Check(f *fairlead.Filter) error {
	conditions := 0
	return check(f, 1, &conditions)
}

func check(f *fairlead.Filter, depth int, conditions *int) error {
	if f == nil {
		return invalid("a filter is missing")
	}
	if depth > MaxDepth {
		return invalid(fmt.Sprintf("filters may be nested %d deep", MaxDepth))
	}
	if *conditions++; *conditions > MaxConditions {
		return invalid(fmt.Sprintf("there may be %d conditions", MaxConditions))
	}
	switch f.Op {
	case fairlead.FilterAnd, fairlead.FilterOr:
		return checkAll(f, depth, conditions)
	case fairlead.FilterEq, fairlead.FilterNe, fairlead.FilterGt, fairlead.FilterGte, fairlead.FilterLt, fairlead.FilterLte,
		fairlead.FilterIn, fairlead.FilterNin:
		return checkComparison(f)
	}
	return invalid("the type of a filter is one of eq, ne, gt, gte, lt, lte, in, nin, and, or")
}

func checkAll(f *fairlead.Filter, depth int, conditions *int) error {
	if len(f.Filters) == 0 {
		return invalid("a combination has filters")
	}
	for i := range f.Filters {
		if err := check(&f.Filters[i], depth+1, conditions); err != nil {
			return err
		}
	}
	return nil
}

func checkComparison(f *fairlead.Filter) error {
	if f.Key == "" || len(f.Key) > MaxKey {
		return invalid(fmt.Sprintf("a comparison has a key, of at most %d bytes", MaxKey))
	}
	switch f.Op {
	case fairlead.FilterGt, fairlead.FilterGte, fairlead.FilterLt, fairlead.FilterLte:
		if _, ok := number(f.Value); !ok {
			return invalid("gt, gte, lt and lte compare with a number")
		}
	case fairlead.FilterIn, fairlead.FilterNin:
		list, ok := f.Value.([]any)
		if !ok || len(list) > MaxList {
			return invalid(fmt.Sprintf("in and nin have a list of at most %d values", MaxList))
		}
		if slices.ContainsFunc(list, isNoValue) {
			return invalid("a value is a string, a number or a boolean")
		}
	case fairlead.FilterEq, fairlead.FilterNe:
		if isNoValue(f.Value) {
			return invalid("a value is a string, a number or a boolean")
		}
	case fairlead.FilterAnd, fairlead.FilterOr:
	}
	return nil
}

// isNoValue reports whether v is none that metadata may have.
func isNoValue(v any) bool {
	if s, ok := v.(string); ok {
		return len(s) > MaxValue
	}
	if _, ok := v.(bool); ok {
		return false
	}
	_, ok := number(v)
	return !ok
}

func invalid(detail string) error {
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "invalid_filter", Param: "filters", Message: "The filters can't be used", Detail: detail,
	}
}

// Condition is a filter that has been checked, made ready for many documents. It is safe
// for concurrent use.
type Condition struct {
	filter *fairlead.Filter
	lists  map[*fairlead.Filter]map[any]bool
}

// New checks a filter and makes it ready. Errors are those of Check.
func New(f *fairlead.Filter) (*Condition, error) {
	if err := Check(f); err != nil {
		return nil, err
	}
	c := &Condition{filter: f, lists: make(map[*fairlead.Filter]map[any]bool)}
	c.prepare(f)
	return c, nil
}

// prepare makes sets of lists.
func (c *Condition) prepare(f *fairlead.Filter) {
	if list, ok := f.Value.([]any); ok {
		set := make(map[any]bool, len(list))
		for _, v := range list {
			set[plain(v)] = true
		}
		c.lists[f] = set
	}
	for i := range f.Filters {
		c.prepare(&f.Filters[i])
	}
}

// Match reports whether the metadata meets the condition. ne and nin are the contrary of
// eq and in: they hold for what is not there, and for what is of another type.
func (c *Condition) Match(metadata map[string]any) bool { return c.match(c.filter, metadata) }

func (c *Condition) match(f *fairlead.Filter, metadata map[string]any) bool {
	is := func(i int) bool { return c.match(&f.Filters[i], metadata) }
	has, there := metadata[f.Key]
	switch f.Op {
	case fairlead.FilterAnd:
		for i := range f.Filters {
			if !is(i) {
				return false
			}
		}
		return true
	case fairlead.FilterOr:
		for i := range f.Filters {
			if is(i) {
				return true
			}
		}
		return false
	case fairlead.FilterEq:
		return there && plain(has) == plain(f.Value)
	case fairlead.FilterNe:
		return !there || plain(has) != plain(f.Value)
	case fairlead.FilterIn:
		return there && c.lists[f][plain(has)]
	case fairlead.FilterNin:
		return !there || !c.lists[f][plain(has)]
	case fairlead.FilterGt, fairlead.FilterGte, fairlead.FilterLt, fairlead.FilterLte:
		return inOrder(f.Op, has, f.Value)
	}
	return false
}

// inOrder compares two numbers; what is none is in no order.
func inOrder(op fairlead.FilterOp, has, want any) bool {
	a, ok := number(has)
	b, wanted := number(want)
	if !ok || !wanted {
		return false
	}
	switch op {
	case fairlead.FilterGt:
		return a > b
	case fairlead.FilterGte:
		return a >= b
	case fairlead.FilterLt:
		return a < b
	case fairlead.FilterLte:
		return a <= b
	case fairlead.FilterEq, fairlead.FilterNe, fairlead.FilterIn, fairlead.FilterNin, fairlead.FilterAnd, fairlead.FilterOr:
	}
	return false
}

// plain is a value as it is compared: numbers as float64, and nothing that can't be.
func plain(v any) any {
	switch v := v.(type) {
	case string, bool:
		return v
	}
	if n, ok := number(v); ok {
		return n
	}
	return nil
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, !math.IsNaN(n)
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	}
	return 0, false
}
