package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	// File is where the value came from: the file's name, "environment NAME",
	// "flag KEY", or "" when the value is a default.
	File string
	// Line and Column count from 1, in characters; they are 0 when File is not
	// a file.
	Line, Column int
	// Key is the dotted key, such as limits.max_queue or apps[0].name; "" when
	// the problem is the file's as a whole.
	Key     string
	Message string
	// Suggestion says what to write instead; "" if nothing is likely.
	Suggestion string
	// Excerpt is the line of the file and a line with a caret under Column. The
	// values of secrets are replaced by ***.
	Excerpt string
}

// String tells the problem in one line, followed by its excerpt.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	if p.Suggestion != "" {
		b.WriteString("; " + p.Suggestion)
	}
	for line := range strings.Lines(p.Excerpt) {
		b.WriteString("\n    " + strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}

// Errors are all problems of one configuration: those of the file first, by
// position, then those of the environment, the flags and the defaults. They
// hold no secret.
type Errors []Problem

// Error tells every problem, each on lines of its own.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders problems by source and position; those of one place keep the
// order in which they were found.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.File, b.File),
		)
	})
	return e
}

// rank orders the kinds of sources.
func (p Problem) rank() int {
	switch {
	case p.Line > 0:
		return 0
	case strings.HasPrefix(p.File, environmentPrefix):
		return 1
	case p.File != "":
		return 2
	}
	return 3
}

// anyUnder reports whether a problem was found at key or below it.
func (e Errors) anyUnder(key string) bool {
	return slices.ContainsFunc(e, func(p Problem) bool {
		rest, ok := strings.CutPrefix(p.Key, key)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// anyAbove reports whether a problem was found at a key that holds key.
func (e Errors) anyAbove(key string) bool {
	for key = parent(key); key != ""; key = parent(key) {
		if slices.ContainsFunc(e, func(p Problem) bool { return p.Key == key }) {
			return true
		}
	}
	return false
}
