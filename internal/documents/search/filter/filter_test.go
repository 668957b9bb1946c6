package filter

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairleadhq/fairlead"
)

func TestMatch(t *testing.T) {
	metadata := map[string]any{"year": 2018.0, "company": "3M", "draft": false, "text": "2018"}
	for _, test := range []struct {
		op    fairlead.FilterOp
		key   string
		value any
		want  bool
	}{
		{fairlead.FilterEq, "year", 2018.0, true},
		{fairlead.FilterEq, "year", 2018, true},
		{fairlead.FilterEq, "year", "2018", false},
		{fairlead.FilterEq, "text", "2018", true},
		{fairlead.FilterEq, "text", 2018.0, false},
		{fairlead.FilterEq, "draft", false, true},
		{fairlead.FilterEq, "none", "", false},
		{fairlead.FilterNe, "none", "", true},
		{fairlead.FilterNe, "year", "2018", true},
		{fairlead.FilterNe, "company", "3M", false},
		{fairlead.FilterGt, "year", 2017.0, true},
		{fairlead.FilterGt, "year", 2018.0, false},
		{fairlead.FilterGte, "year", 2018.0, true},
		{fairlead.FilterLt, "year", 2018.5, true},
		{fairlead.FilterLte, "year", 2017.0, false},
		{fairlead.FilterGt, "text", 1.0, false},
		{fairlead.FilterLt, "none", 1.0, false},
		{fairlead.FilterIn, "company", []any{"IBM", "3M"}, true},
		{fairlead.FilterIn, "year", []any{"2018"}, false},
		{fairlead.FilterIn, "company", []any{}, false},
		{fairlead.FilterNin, "company", []any{"IBM", "3M"}, false},
		{fairlead.FilterNin, "none", []any{"IBM"}, true},
	} {
		f := &fairlead.Filter{Op: test.op, Key: test.key, Value: test.value}
		c, err := New(f)
		if err != nil {
			t.Errorf("%+v: %v", f, err)
			continue
		}
		if got := c.Match(metadata); got != test.want {
			t.Errorf("%s %s %v: got %v, want %v", test.key, test.op, test.value, got, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	eq := fairlead.Filter{Op: fairlead.FilterEq, Key: "a", Value: "b"}
	deep := eq
	for range MaxDepth {
		deep = fairlead.Filter{Op: fairlead.FilterAnd, Filters: []fairlead.Filter{deep}}
	}
	wide := fairlead.Filter{Op: fairlead.FilterOr, Filters: make([]fairlead.Filter, MaxConditions)}
	for i := range wide.Filters {
		wide.Filters[i] = eq
	}
	for name, f := range map[string]*fairlead.Filter{
		"none": nil, "empty": {}, "operation": {Op: "like", Key: "a", Value: "b"}, "no key": {Op: fairlead.FilterEq, Value: "b"},
		"long key": {Op: fairlead.FilterEq, Key: strings.Repeat("k", MaxKey+1), Value: "b"},
		"no value": {Op: fairlead.FilterEq, Key: "a"}, "a map": {Op: fairlead.FilterEq, Key: "a", Value: map[string]any{}},
		"no number": {Op: fairlead.FilterEq, Key: "a", Value: math.NaN()},
		"order":     {Op: fairlead.FilterGt, Key: "a", Value: "b"}, "no list": {Op: fairlead.FilterIn, Key: "a", Value: "b"},
		"list of lists": {Op: fairlead.FilterIn, Key: "a", Value: []any{[]any{}}},
		"long list":     {Op: fairlead.FilterNin, Key: "a", Value: make([]any, MaxList+1)},
		"no filters":    {Op: fairlead.FilterAnd}, "deep": &deep, "wide": &wide,
	} {
		_, err := New(f)
		if e, ok := errors.AsType[*fairlead.Error](err); !ok || e.Kind != fairlead.Invalid || e.Code != "invalid_filter" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// drawValue draws a value of few, so that some are equal.
func drawValue(t *rapid.T) any {
	return rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]string{"", "a", "b", "1", "true"}), func(s string) any { return s }),
		rapid.Map(rapid.SampledFrom([]float64{-1, 0, 1, 2}), func(n float64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	).Draw(t, "value")
}

func drawFilter(t *rapid.T, depth int) fairlead.Filter {
	ops := []fairlead.FilterOp{
		fairlead.FilterEq, fairlead.FilterNe, fairlead.FilterGt, fairlead.FilterGte, fairlead.FilterLt, fairlead.FilterLte,
		fairlead.FilterIn, fairlead.FilterNin,
	}
	if depth < MaxDepth/2 {
		ops = append(ops, fairlead.FilterAnd, fairlead.FilterOr)
	}
	f := fairlead.Filter{Op: rapid.SampledFrom(ops).Draw(t, "op"), Key: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "key")}
	switch f.Op {
	case fairlead.FilterAnd, fairlead.FilterOr:
		for range rapid.IntRange(1, 3).Draw(t, "filters") {
			f.Filters = append(f.Filters, drawFilter(t, depth+1))
		}
	case fairlead.FilterIn, fairlead.FilterNin:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "values") {
			list = append(list, drawValue(t))
		}
		f.Value = list
	case fairlead.FilterGt, fairlead.FilterGte, fairlead.FilterLt, fairlead.FilterLte:
		f.Value = rapid.SampledFrom([]float64{-1, 0, 1}).Draw(t, "number")
	case fairlead.FilterEq, fairlead.FilterNe:
		f.Value = drawValue(t)
	}
	return f
}

// naive is what a filter means, as one would say it.
func naive(f fairlead.Filter, m map[string]any) bool {
	v, ok := m[f.Key]
	n, isNumber := v.(float64)
	want, _ := f.Value.(float64)
	list, _ := f.Value.([]any)
	in := false
	for _, w := range list {
		in = in || ok && v == w
	}
	every, some := true, false
	for _, part := range f.Filters {
		every, some = every && naive(part, m), some || naive(part, m)
	}
	return map[fairlead.FilterOp]bool{
		fairlead.FilterEq: ok && v == f.Value, fairlead.FilterNe: !ok || v != f.Value,
		fairlead.FilterGt: isNumber && n > want, fairlead.FilterGte: isNumber && n >= want,
		fairlead.FilterLt: isNumber && n < want, fairlead.FilterLte: isNumber && n <= want,
		fairlead.FilterIn: in, fairlead.FilterNin: !in,
		fairlead.FilterAnd: every, fairlead.FilterOr: some,
	}[f.Op]
}

func TestMatchIsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFilter(t, 1)
		c, err := New(&f)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			m := make(map[string]any)
			for _, key := range []string{"x", "y", "z"} {
				if rapid.Bool().Draw(t, "there") {
					m[key] = drawValue(t)
				}
			}
			if got, want := c.Match(m), naive(f, m); got != want {
				t.Fatalf("%+v of %v: got %v, want %v", f, m, got, want)
			}
		}
	})
}
