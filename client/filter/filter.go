// Package filter makes conditions on the metadata of documents, which bound a search: a
// comparison of the value under a key, or several conditions together.
//
// Start with Compare; All and Any put conditions together.
package filter

// Filter is a condition.
type Filter struct {
	Type    string   `json:"type"`
	Key     string   `json:"key,omitempty"`
	Value   any      `json:"value,omitempty"`
	Filters []Filter `json:"filters,omitempty"`
}

// Compare is a comparison: how is eq, ne, gt, gte, lt, lte, in or nin, and value a string,
// a number or a bool, with in and nin a list of them.
func Compare(key, how string, value any) Filter { return Filter{Type: how, Key: key, Value: value} }

// All holds where all of the filters do.
func All(filters ...Filter) Filter { return Filter{Type: "and", Filters: filters} }

// Any holds where one of the filters does.
func Any(filters ...Filter) Filter { return Filter{Type: "or", Filters: filters} }
