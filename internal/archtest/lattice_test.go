package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rule is a line of imports.txt: what one package may import.
type rule struct {
	// mechanism packages import the standard library alone, not even the root.
	mechanism bool
	own       []string // packages of the module, by folder
	anyOwn    bool     // every package of the module, listed or not
	foreign   []string // third-party modules
}

// inTests is the rule for the package's tests: any package of the module, and
// the libraries that are there for tests.
func (r rule) inTests() rule {
	libraries := []string{"github.com/rogpeppe/go-internal", "pgregory.net/rapid", "go.uber.org/goleak"}
	return rule{anyOwn: true, foreign: slices.Concat(r.foreign, libraries)}
}

// lattice maps a package's folder to its rule.
type lattice map[string]rule

// parseLattice reads the format that the head of imports.txt explains. The
// problems name the line.
func parseLattice(text string) (lattice, []string) {
	rules := make(lattice)
	var problems []string
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		left, right, _ := strings.Cut(line, "|")
		words := strings.Fields(left)
		if len(words) == 0 {
			if right != "" {
				problems = append(problems, fmt.Sprintf("imports.txt:%d: modules without a package before them", i+1))
			}
			continue
		}
		dir := words[0]
		if _, twice := rules[dir]; twice {
			problems = append(problems, fmt.Sprintf("imports.txt:%d: %s is listed twice: make one line of the two", i+1, dir))
		}
		r := rule{own: words[1:], foreign: strings.Fields(right)}
		if slices.Contains(r.own, "-") {
			if len(r.own) > 1 || len(r.foreign) > 0 {
				problems = append(problems, fmt.Sprintf("imports.txt:%d: %s is marked \"-\" and lists imports: choose one", i+1, dir))
			}
			r = rule{mechanism: true}
		}
		rules[dir] = r
	}
	for _, dir := range slices.Sorted(maps.Keys(rules)) {
		for _, own := range rules[dir].own {
			if _, listed := rules[own]; !listed {
				problems = append(problems, fmt.Sprintf("imports.txt: %s may import %s, which has no line of its own: mend the name or add the line", dir, own))
			}
		}
	}
	return rules, problems
}

// checkImports holds every import of the tree against the lattice.
func checkImports(rules lattice, t tree) (problems []string) {
	for _, p := range t.packages {
		r, listed := rules[p.dir]
		if !listed {
			problems = append(problems, fmt.Sprintf("%s is not in internal/archtest/imports.txt: add a line that says what it may import", p.dir))
			continue
		}
		for _, f := range p.files {
			applies := r
			if f.test {
				applies = r.inTests()
			}
			for _, path := range f.imports {
				if why := applies.refuse(t.module, path); why != "" {
					problems = append(problems, fmt.Sprintf("%s imports %s: %s", f.path, path, why))
				}
			}
		}
	}
	return problems
}

// refuse says why the rule does not allow the import, and what to do; "" means
// that it does.
func (r rule) refuse(module, path string) string {
	if path == module {
		if r.mechanism {
			return `a package marked "-" knows nothing of the domain: pass it what it needs in the standard library's terms`
		}
		return ""
	}
	if dir, own := strings.CutPrefix(path, module+"/"); own {
		if r.anyOwn || slices.Contains(r.own, dir) {
			return ""
		}
		return "it may not know that package: take what is needed of it as an interface of the root, wired by internal/server; " +
			"or, if the house is to change, allow it in internal/archtest/imports.txt"
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if slices.ContainsFunc(r.foreign, func(module string) bool { return within(path, module) }) {
		return ""
	}
	return "third-party modules are allowed in named packages only: do without, " +
		"or add the module after \"|\" in internal/archtest/imports.txt and say in the commit what it saves"
}

// within reports whether the import path is prefix or lies below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
