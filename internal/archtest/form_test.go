package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	maxLines        = 500  // of a file
	maxTestLines    = 800  // of a file of tests: tables are long
	maxPackageLines = 1500 // of a package, without its tests
	// minComment is the length of two short sentences, in characters.
	minComment = 80
)

// checkSize finds files that have outgrown one idea.
func checkSize(t tree) (problems []string) {
	for _, p := range t.packages {
		for _, f := range p.files {
			most := maxLines
			if f.test {
				most = maxTestLines
			}
			if f.lines > most {
				problems = append(problems, fmt.Sprintf("%s has %d lines, more than %d: it holds a second idea, give that a file of its own", f.path, f.lines, most))
			}
		}
	}
	return problems
}

// exception lets a package be larger than others.
type exception struct {
	lines int
	why   string
}

// exceptions are the packages that may have more than maxPackageLines, by
// folder.
func exceptions() map[string]exception {
	return map[string]exception{
		".": {1650, "the vocabulary is one by design, and does nothing: two thirds of it say what its words mean"},
		"internal/documents/search": {1600, "the search, and what keeps an index like the store, guard the same rooms; what could be cut off has " +
			"packages of its own already"},
		"internal/fairqueue": {2250, "the order, the hand-over and the path without the mutex guard one state under one set of bounds; " +
			"a part of it elsewhere would have to export what only they may touch"},
		"internal/mock": {1750, "it stands in for two whole APIs and may share no code with the gateway that it judges; " +
			"what could be cut off, the names of models and the faults, is known to every answer"},
	}
}

// checkPackageSize finds packages that have outgrown one idea, and exceptions
// that nobody needs any more.
func checkPackageSize(t tree, allowed map[string]exception) (problems []string) {
	needed := make(map[string]bool)
	for _, p := range t.packages {
		lines := 0
		for _, f := range p.files {
			if !f.test {
				lines += f.lines
			}
		}
		most := maxPackageLines
		if larger, ok := allowed[p.dir]; ok {
			most, needed[p.dir] = larger.lines, lines > maxPackageLines
		}
		if lines > most {
			problems = append(problems, fmt.Sprintf("%s has %d lines without its tests, more than %d: it holds a second idea, give that a package of its own", p.dir, lines, most))
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(allowed)) {
		if !needed[dir] {
			problems = append(problems, fmt.Sprintf("%s needs no exception from %d lines any more: take it out", dir, maxPackageLines))
		}
	}
	return problems
}

// checkComments finds packages that don't say what they are for.
func checkComments(t tree) (problems []string) {
	for _, p := range t.packages {
		longest, code := 0, false
		for _, f := range p.files {
			if !f.test {
				code = true
				longest = max(longest, len([]rune(f.comment)))
			}
		}
		if code && longest < minComment {
			problems = append(problems, fmt.Sprintf("%s has a package comment of %d characters: tell its idea, then where to start, in two sentences or more (%d characters)", p.dir, longest, minComment))
		}
	}
	return problems
}

// checkInit finds code that runs before main.
func checkInit(t tree) (problems []string) {
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, line := range f.inits {
				problems = append(problems, fmt.Sprintf("%s:%d has an init function: build what it makes in a constructor and pass it on", f.path, line))
			}
		}
	}
	return problems
}

// checkNames finds packages that are called a bag.
func checkNames(t tree) (problems []string) {
	bags := []string{"util", "utils", "common", "helper", "helpers", "type", "types", "model", "models"}
	for _, p := range t.packages {
		name := strings.TrimSuffix(p.files[0].name, "_test")
		if slices.Contains(bags, name) || slices.Contains(bags, path.Base(p.dir)) {
			problems = append(problems, fmt.Sprintf("%s is package %s: name it after what it provides, or put its parts where they are used", p.dir, name))
		}
	}
	return problems
}

// checkRoot finds I/O in the vocabulary.
func checkRoot(t tree) (problems []string) {
	for _, p := range t.packages {
		if p.dir != "." {
			continue
		}
		for _, f := range p.files {
			for _, imported := range f.imports {
				if !f.test && doesIO(imported) {
					problems = append(problems, fmt.Sprintf("%s imports %s: the root package is vocabulary and does no I/O, so move that to an adapter", f.path, imported))
				}
			}
		}
	}
	return problems
}

// doesIO reports whether a package of the standard library is there to reach
// outside the process.
func doesIO(imported string) bool {
	if imported == "net/url" || imported == "net/netip" {
		return false // these only parse
	}
	return slices.ContainsFunc([]string{"os", "net", "syscall", "database/sql"}, func(prefix string) bool {
		return within(imported, prefix)
	})
}
