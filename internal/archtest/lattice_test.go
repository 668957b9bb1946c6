package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rule is a line of imports.txt: what one package may import.
type rule struct {
	// mechanism packages know nothing of the domain: they don't import the root.
	mechanism bool
	own       []string // packages of the module, by folder
	anyOwn    bool     // every package of the module, listed or not
	foreign   []string // third-party modules
}

// inTests is the rule for the package's tests: any package of the module, and
// the libraries that are there for tests.
func (r rule) inTests() rule {
	libraries := []string{"github.com/rogpeppe/go-internal", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/coder/websocket"}
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
		if len(r.own) > 0 && r.own[0] == "-" {
			r.mechanism, r.own = true, r.own[1:]
		}
		rules[dir] = r
	}
	for _, dir := range slices.Sorted(maps.Keys(rules)) {
		for _, own := range rules[dir].own {
			switch imported, listed := rules[own]; {
			case !listed:
				problems = append(problems, fmt.Sprintf("imports.txt: %s may import %s, which has no line of its own: mend the name or add the line", dir, own))
			case rules[dir].mechanism && !imported.mechanism:
				problems = append(problems, fmt.Sprintf("imports.txt: %s is marked \"-\" and may import %s, which is not: it would know the domain through it", dir, own))
			}
		}
	}
	return rules, problems
}

// checkUnused finds what the lattice allows and no package makes use of, so
// that the next such import is a decision again. Tests may import any package
// of the module without a permission; a module that only tests use needs one.
func checkUnused(rules lattice, t tree) (problems []string) {
	for _, p := range t.packages {
		for _, dir := range rules[p.dir].own {
			if !p.uses(codeAlone, func(path string) bool { return path == t.module+"/"+dir }) {
				problems = append(problems, fmt.Sprintf("imports.txt: %s may import %s and does not (outside of tests): take the permission out", p.dir, dir))
			}
		}
		for _, module := range rules[p.dir].foreign {
			if !p.uses(testsToo, func(path string) bool { return within(path, module) }) {
				problems = append(problems, fmt.Sprintf("imports.txt: %s may use the module %s and does not: take the permission out", p.dir, module))
			}
		}
	}
	return problems
}

// whose says which files of a package to look at.
type whose int

const (
	codeAlone whose = iota
	testsToo
)

// uses reports whether a file of the package imports a path that fits.
func (p sourcePackage) uses(files whose, fits func(path string) bool) bool {
	return slices.ContainsFunc(p.files, func(f sourceFile) bool {
		return (files == testsToo || !f.test) && slices.ContainsFunc(f.imports, fits)
	})
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
