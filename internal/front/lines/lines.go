// Package lines puts the headers of an answer in the order in which net/http writes
// them, and writes them as it does.
//
// Start with Sorter.
package lines

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/front/plain"
)

const lineEnd = "\r\n"

// Line is a header line of an answer.
type Line struct{ Name, Value string }

// Sorter sorts headers by name, and leaves out those whose name can't be one. The
// names of the answer before are tried first: they are mostly the same, and then there
// is nothing to sort nor to check. It is for one connection, whose answers come one
// after the other.
type Sorter struct {
	names  []string // of the last map, sorted
	listed []string // of the last list, as they came
	order  []int    // where they stand when they are sorted
	lines  []Line
}

// Map sorts the headers of a map. note is told of each name in order, those without a
// value too, with the first of its values. The lines are good until Forget, or until
// the Sorter is used again.
func (s *Sorter) Map(h http.Header, note func(name, first string)) []Line {
	found := 0
	for _, name := range s.names {
		if _, ok := h[name]; ok {
			found++
		}
	}
	if found < len(h) {
		s.names = s.names[:0]
		for name := range h {
			if plain.IsToken(name) {
				s.names = append(s.names, name)
			}
		}
		slices.Sort(s.names)
	}
	s.lines = s.lines[:0]
	for _, name := range s.names {
		values, ok := h[name]
		if !ok {
			continue
		}
		first := ""
		if len(values) > 0 {
			first = values[0]
		}
		note(name, first)
		for _, value := range values {
			s.lines = append(s.lines, Line{name, value})
		}
	}
	return s.lines
}

// List is Map of headers of which the n-th name has the n-th value; a name that comes
// again replaces the one before.
func (s *Sorter) List(names, values []string, note func(name, first string)) []Line {
	if !slices.Equal(s.listed, names) {
		s.listed = append(s.listed[:0], names...)
		s.order = sorted(names, s.order[:0])
	}
	s.lines = s.lines[:0]
	for _, at := range s.order {
		note(names[at], values[at])
		s.lines = append(s.lines, Line{names[at], values[at]})
	}
	return s.lines
}

// sorted appends to order where in names the headers stand when they are sorted.
func sorted(names []string, order []int) []int {
	for at, name := range names {
		if plain.IsToken(name) && !slices.Contains(names[at+1:], name) {
			order = append(order, at)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return order
}

// Forget lets go of the lines and of what they hold.
func (s *Sorter) Forget() { clear(s.lines) }

// Append appends a header line.
func Append(b []byte, name, value string) []byte {
	return append(append(append(append(b, name...), ": "...), clean(value)...), lineEnd...)
}

// clean is a value without line ends, which would begin another line, and without
// the white space around it.
func clean(value string) string {
	if isClean(value) {
		return value
	}
	return strings.Trim(strings.NewReplacer("\n", " ", "\r", " ").Replace(value), " \t")
}

// isClean reports whether there is nothing to clean, as there seldom is.
func isClean(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' {
			return false
		}
	}
	return value == "" || value[0] != ' ' && value[len(value)-1] != ' '
}
